"""Reading and writing a Databricks job that ZenML created."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pulumi_zenml.cadence.dialects import Dialect
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.errors import CannotExpressError
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.counterpart import NativeRun, RunState, Wanted

INERT_TIMEOUT = 1
"""The time-out, in seconds, of the run that ZenML starts at once. No cluster starts so fast."""

RUN_REFERENCE = "{{job.id}}/runs/{{job.run_id}}"
"""The run id for ZenML, in place of its own ``{{job.id}}``, which is the same for all runs.

ZenML's only other use of it is as the end of a link, ``<host>/jobs/<this>`` (zenml 0.98
DatabricksOrchestrator.get_pipeline_run_metadata), and so it leads to the run.
"""

_OWNER = "managed by Pulumi: "
_DESCRIPTION_BYTES = 27700
_RUN_OPTION = "--databricks_job_id"
_SNAPSHOT_OPTION = "--snapshot_id"
_WHEEL = re.compile(r"(/Workspace/Shared/\.zenml/[^/]+/[^/]+)/orchestrator/[^/]+\.whl")
_SUFFIX = re.compile(r"(.+)_[0-9a-f]{32}")
_TRIGGERS = ("schedule", "trigger", "continuous")
_LIFE: dict[str, RunState] = {
    "QUEUED": "queued",
    "PENDING": "queued",
    "BLOCKED": "queued",
    "WAITING_FOR_RETRY": "queued",
    "RUNNING": "running",
    "TERMINATING": "running",
    "SKIPPED": "skipped",
    "INTERNAL_ERROR": "failed",
}
_RESULTS: dict[str, RunState] = {
    "SUCCESS": "succeeded",
    "SUCCESS_WITH_FAILURES": "succeeded",
    "FAILED": "failed",
    "TIMEDOUT": "failed",
    "UPSTREAM_FAILED": "failed",
    "CANCELED": "cancelled",
    "UPSTREAM_CANCELED": "cancelled",
    "MAXIMUM_CONCURRENT_RUNS_REACHED": "skipped",
    "EXCLUDED": "skipped",
    "DISABLED": "skipped",
}

Settings = Mapping[str, Any]


def snapshot_of(settings: Settings) -> str | None:
    """The ZenML snapshot that a job runs; ``None`` for a job that ZenML did not create."""
    for parameters in _parameters(settings):
        found = _option(parameters, _SNAPSHOT_OPTION)
        if found is not None:
            return parameters[found]
    return None


def is_scheduled(settings: Settings) -> bool:
    """Whether it is or was a schedule's job: ZenML also creates one for every other run."""
    return fires(settings) or owner_of(settings) is not None


def fires(settings: Settings) -> bool:
    """Whether it has a schedule or trigger."""
    return any(settings.get(key) for key in _TRIGGERS)


def runs_as_one(settings: Settings) -> bool:
    """Whether all its runs have the same id in ZenML."""
    for parameters in _parameters(settings):
        found = _option(parameters, _RUN_OPTION)
        if found is not None and "{{job.run_id}}" not in parameters[found]:
            return True
    return False


def tasks_told_apart(settings: Settings) -> list[dict[str, Any]]:
    """All tasks, each with its run's own id."""
    tasks = []
    for task in settings.get("tasks") or []:
        wheel = task.get("python_wheel_task") or {}
        parameters = list(wheel.get("parameters") or [])
        found = _option(parameters, _RUN_OPTION)
        if found is not None:
            parameters[found] = RUN_REFERENCE
            task = {**task, "python_wheel_task": {**wheel, "parameters": parameters}}
        tasks.append(task)
    return tasks


def folder_of(settings: Settings) -> str | None:
    """The workspace folder that ZenML created for this job alone."""
    for task in settings.get("tasks") or []:
        for library in task.get("libraries") or []:
            found = _WHEEL.fullmatch(str(library.get("whl", "")))
            if found:
                return found[1]
    return None


def shaped(
    settings: Settings, native: Native, wanted: Wanted, timeout: int | None
) -> tuple[dict[str, Any], list[str]]:
    """The settings to write for ``wanted``, and the top-level fields to remove.

    Args:
        settings: the job's settings as they are.
        native: the cadence.
        wanted: the wanted schedule; settings not given are the defaults.
        timeout: the time-out to restore, in seconds; ``None`` to keep it.
    """
    new: dict[str, Any] = {
        "schedule": {**native.fields, "pause_status": pause_status(wanted.paused)},
        "tasks": tasks_told_apart(settings),
        "max_concurrent_runs": _whole(
            wanted.settings.get("max_concurrent_runs", _concurrency(settings))
        ),
        "queue": {"enabled": wanted.settings.get("queue", False)},
    }
    if timeout is not None:
        new["timeout_seconds"] = timeout
    mark = f"{_OWNER}{wanted.owner}"
    if wanted.owner and len(mark.encode()) <= _DESCRIPTION_BYTES:
        new["description"] = mark
    return new, [key for key in ("trigger", "continuous", "triggers") if settings.get(key)]


def repaused(settings: Settings, paused: bool) -> dict[str, Any]:
    """The fields to write to pause or resume: top-level fields are replaced as a whole."""
    for key in _TRIGGERS:
        if settings.get(key):
            return {key: {**settings[key], "pause_status": pause_status(paused)}}
    return {}


def pause_status(paused: bool) -> str:
    """Databricks' pause status."""
    return "PAUSED" if paused else "UNPAUSED"


def is_paused(settings: Settings) -> bool:
    """Whether it is paused."""
    part = repaused(settings, True)
    return not part or part == {key: settings[key] for key in part}


def cadence_of(settings: Settings, dialect: Dialect) -> tuple[Native, Cadence | None]:
    """When a job fires; no cadence if the neutral one cannot express it."""
    schedule = settings.get("schedule")
    if not schedule:
        trigger = settings.get("trigger") or settings.get("continuous") or {}
        fields = {key: value for key, value in trigger.items() if key != "pause_status"}
        kinds = ", ".join(fields) or ("continuous" if settings.get("continuous") else "no trigger")
        return Native(kinds, fields), None
    fields = {key: schedule.get(key) for key in ("quartz_cron_expression", "timezone_id")}
    try:
        cadence = dialect.read(fields)
        return Native(dialect.write(cadence).text, fields), cadence
    except CannotExpressError:
        return Native(f"{fields['quartz_cron_expression']} {fields['timezone_id']}", fields), None


def owner_of(settings: Settings) -> str | None:
    """The owner that its description names."""
    described = str(settings.get("description") or "")
    return described.removeprefix(_OWNER) if described.startswith(_OWNER) else None


def settings_of(settings: Settings) -> dict[str, Json]:
    """The values of ``orchestrator_settings``."""
    queue = settings.get("queue") or {}
    return {
        "max_concurrent_runs": _concurrency(settings),
        "queue": bool(queue.get("enabled", False)),
    }


def pipeline_of(settings: Settings) -> str:
    """The pipeline's name, from the job's."""
    found = _SUFFIX.fullmatch(str(settings.get("name", "")))
    return found[1] if found else ""


def run_of(run: Mapping[str, Any]) -> NativeRun:
    """One run, with its id in ZenML."""
    state = run.get("state") or {}
    life, result = state.get("life_cycle_state", ""), state.get("result_state", "")
    trigger = run.get("trigger")
    return NativeRun(
        run_id=run_id(run["job_id"], run["run_id"]),
        state=_LIFE.get(life) or _RESULTS.get(result, "unknown"),
        native_state=result or life,
        started=_moment(run.get("start_time")),
        ended=_moment(run.get("end_time")),
        by_schedule={"PERIODIC": True, "ONE_TIME": False}.get(str(trigger)),
        url=str(run.get("run_page_url") or ""),
    )


def run_id(job: object, run: object) -> str:
    """The value of :data:`RUN_REFERENCE` in that run."""
    return f"{job}/runs/{run}"


def _parameters(settings: Settings) -> Iterator[list[str]]:
    for task in settings.get("tasks") or []:
        yield list((task.get("python_wheel_task") or {}).get("parameters") or [])


def _option(parameters: list[str], name: str) -> int | None:
    """Where an option's value is."""
    for index, word in enumerate(parameters[:-1]):
        if word == name:
            return index + 1
    return None


def _concurrency(settings: Settings) -> int:
    return int(settings.get("max_concurrent_runs") or 1)


def _whole(value: Json) -> int:
    # A Pulumi number arrives as float.
    assert isinstance(value, int | float)
    return int(value)


def _moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
