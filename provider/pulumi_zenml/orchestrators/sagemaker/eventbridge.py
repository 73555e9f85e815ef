"""Reading and writing an EventBridge schedule that starts a SageMaker pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pulumi_zenml.cadence.dialects import Dialect
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.errors import CannotExpressError
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.counterpart import NativeRun, RunState, Wanted

INERT = "0 0 1 1 ? 2199"
"""The last year that EventBridge supports."""

ZENML_MADE = re.compile(r"(.+)-[0-9a-f]{32}")
"""A name that ZenML creates: from the pipeline's name and random digits."""

WRITABLE = (
    "Name",
    "GroupName",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "EndDate",
    "Description",
    "State",
    "KmsKeyArn",
    "Target",
    "FlexibleTimeWindow",
    "ActionAfterCompletion",
)
"""The fields of UpdateSchedule, which resets those that are left out."""

_NAME_ROOM = 31
"""EventBridge's 64 characters, less the hyphen and 32 hex digits that ZenML adds."""
_OWNER = "managed by Pulumi: "
_DESCRIPTION_ROOM = 512
_DEFAULT_RETRIES = 185
_STATES: dict[str, RunState] = {
    "Executing": "running",
    "Stopping": "running",
    "Stopped": "cancelled",
    "Failed": "failed",
    "Succeeded": "succeeded",
    "CompletedWithFailures": "failed",
}
_CONSOLES = {"aws-cn": "amazonaws.cn", "aws-us-gov": "amazonaws-us-gov.com"}


def from_now(cadence: Cadence) -> Cadence:
    """The same coming fires, without a start in the past: EventBridge refuses those.

    An interval keeps its fire times: it starts at its next fire.
    """
    now = datetime.now(UTC)
    start = cadence.start_time
    if start is None or start >= now:
        return cadence
    if cadence.interval is None:
        return replace(cadence, start_time=None)
    coming = start - (start - now) // cadence.interval * cadence.interval
    if cadence.end_time and coming > cadence.end_time:
        return cadence
    return replace(cadence, start_time=coming)


def stem(pipeline: str) -> str:
    """A prefix that EventBridge and SageMaker accept, short enough for ZenML's suffix."""
    letters = re.sub(r"[^a-zA-Z0-9]+", "-", pipeline)[:_NAME_ROOM].strip("-")
    return letters or "pipeline"


def pipeline_of(name: str) -> str:
    """The prefix of a name that ZenML created; empty for another."""
    found = ZENML_MADE.fullmatch(name)
    return found[1] if found else ""


def prefixes(hints: Mapping[str, str]) -> Iterable[str]:
    """The prefixes of names to search for, best first.

    Args:
        hints: of the record. ZenML stores a link to its schedule as ``trigger_url``.
    """
    link = re.search(r"#schedules/[^/]+/([\w.-]+)$", str(hints.get("trigger_url", "")))
    if link:
        return [link[1]]
    pipeline = hints.get("pipeline", "")
    if not pipeline:
        return [""]
    theirs = re.sub(r"[^a-zA-Z0-9-]", "-", pipeline)
    # SageMaker refuses a prefix that ends in a hyphen.
    return dict.fromkeys([stem(pipeline), theirs[:_NAME_ROOM].rstrip("-")])


def group_of(wanted: Wanted) -> str:
    """The wanted schedule group."""
    return str(wanted.settings.get("group", "default"))


def state(paused: bool) -> str:
    """EventBridge's state."""
    return "DISABLED" if paused else "ENABLED"


def starts(schedule: Mapping[str, Any], pipeline: str) -> bool:
    """Whether a schedule starts that SageMaker pipeline."""
    # SageMaker writes pipeline names in lower case in ARNs.
    arn = str(schedule["Target"]["Arn"])
    return ":sagemaker:" in arn and arn.lower().endswith(f":pipeline/{pipeline.lower()}")


def rewritten(schedule: Mapping[str, Any], native: Native | None, paused: bool) -> dict[str, Any]:
    """All fields of a schedule for UpdateSchedule, with another cadence and state.

    Args:
        schedule: as GetSchedule returned it.
        native: the cadence; ``None`` to keep it.
        paused: whether it is paused.
    """
    request = {key: schedule[key] for key in WRITABLE if schedule.get(key) is not None}
    if native:
        request.pop("StartDate", None)
        request.pop("EndDate", None)
        request.update(
            {
                # boto3 accepts instants, not text.
                key: datetime.fromisoformat(str(value)) if key.endswith("Date") else value
                for key, value in native.fields.items()
            }
        )
    return {**request, "State": state(paused)}


def shaped(schedule: Mapping[str, Any], native: Native, wanted: Wanted) -> dict[str, Any]:
    """All fields for UpdateSchedule, as ``wanted``. Settings not given are the defaults."""
    request = rewritten(schedule, native, wanted.paused)
    mark = f"{_OWNER}{wanted.owner}"
    if wanted.owner and len(mark) <= _DESCRIPTION_ROOM:
        request["Description"] = mark
    window = wanted.settings.get("flexible_window_minutes")
    request["FlexibleTimeWindow"] = {"Mode": "OFF"}
    if window is not None:
        request["FlexibleTimeWindow"] = {
            "Mode": "FLEXIBLE",
            "MaximumWindowInMinutes": _whole(window),
        }
    retries = {
        **schedule["Target"].get("RetryPolicy", {}),
        "MaximumRetryAttempts": _whole(wanted.settings.get("retry_attempts", _DEFAULT_RETRIES)),
    }
    return {**request, "Target": {**schedule["Target"], "RetryPolicy": retries}}


def cadence_of(schedule: Mapping[str, Any], dialect: Dialect) -> tuple[Native, Cadence | None]:
    """When a schedule fires; no cadence if the neutral one cannot express it."""
    expression = schedule["ScheduleExpression"]
    timezone = schedule.get("ScheduleExpressionTimezone") or "UTC"
    fields: dict[str, object] = {
        "ScheduleExpression": expression,
        "ScheduleExpressionTimezone": timezone,
    }
    # EventBridge ignores the window of a one-time schedule.
    if not expression.startswith("at("):
        for key in ("StartDate", "EndDate"):
            if schedule.get(key):
                fields[key] = schedule[key].astimezone(UTC).isoformat()
    try:
        cadence = dialect.read(fields)
        return Native(dialect.write(cadence).text, fields), cadence
    except CannotExpressError:
        return Native(f"{expression} {timezone}", fields), None


def owner_of(schedule: Mapping[str, Any]) -> str | None:
    """The owner that its description names."""
    described = str(schedule.get("Description") or "")
    return described.removeprefix(_OWNER) if described.startswith(_OWNER) else None


def settings_of(schedule: Mapping[str, Any]) -> dict[str, Json]:
    """The values of ``orchestrator_settings``."""
    retries = schedule["Target"].get("RetryPolicy", {})
    found: dict[str, Json] = {
        "group": schedule["GroupName"],
        "retry_attempts": retries.get("MaximumRetryAttempts", _DEFAULT_RETRIES),
    }
    window = schedule["FlexibleTimeWindow"]
    if window["Mode"] == "FLEXIBLE":
        found["flexible_window_minutes"] = window["MaximumWindowInMinutes"]
    return found


def has_ended(schedule: Mapping[str, Any], cadence: Cadence | None) -> bool:
    """Whether it will never fire again."""
    now = datetime.now(UTC)
    if cadence and cadence.run_once_at:
        return cadence.run_once_at < now
    return bool(schedule.get("EndDate") and schedule["EndDate"] < now)


def console_url(arn: str) -> str:
    """The page of a schedule in the console of its AWS partition."""
    _, partition, _, region, _, path = arn.split(":", 5)
    console = _CONSOLES.get(partition, "aws.amazon.com")
    return (
        f"https://{region}.console.{console}/scheduler/home?region={region}"
        f"#schedules/{path.removeprefix('schedule/')}"
    )


def run_of(summary: Mapping[str, Any]) -> NativeRun:
    """One execution of the pipeline."""
    word = summary["PipelineExecutionStatus"]
    started = summary.get("StartTime")
    return NativeRun(
        run_id=summary["PipelineExecutionArn"],
        state=_STATES.get(word, "unknown"),
        native_state=word,
        started=started.astimezone(UTC) if started else None,
    )


def _whole(value: Json) -> int:
    assert isinstance(value, int | float)
    return int(value)
