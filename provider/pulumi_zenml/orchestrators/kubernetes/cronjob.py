"""A CronJob as JSON: reading it, and the patches that change it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from pulumi_zenml.cadence.dialects.base import Dialect
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.errors import InputError
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted
from pulumi_zenml.orchestrators.kubernetes.api import Object

OWNER = "pulumi-zenml.dev/owner"
SCHEDULE = "pulumi-zenml.dev/schedule"
PIPELINE = "pulumi-zenml.dev/pipeline"
DELETION = "pulumi-zenml.dev/deletion-propagation"
ORIGINAL = "pulumi-zenml.dev/original-settings"
"""The settings as ZenML created them, to restore when they are no longer declared."""

COMPONENT = "zenml.io/orchestrator"

NEVER = "0 0 31 2 *"
"""A date that never comes, which the API server accepts."""

NAME_LIMIT = 52
DEADLINE_SECONDS = 60
KEEP_RUNNING = "KeepRunning"

SPEC_KEYS = {
    "concurrency_policy": "concurrencyPolicy",
    "starting_deadline_seconds": "startingDeadlineSeconds",
    "successful_jobs_history_limit": "successfulJobsHistoryLimit",
    "failed_jobs_history_limit": "failedJobsHistoryLimit",
}

_SNAPSHOT_OPTION = "--snapshot_id"
_PIPELINE_LABEL = "pipeline"


def native_id(cron_job: Object) -> str:
    """Namespace and name."""
    return f"{cron_job['metadata']['namespace']}/{cron_job['metadata']['name']}"


def notes(cron_job: Object) -> Mapping[str, str]:
    """Its annotations."""
    return cron_job["metadata"].get("annotations") or {}


def snapshot_id(cron_job: Object) -> str | None:
    """The snapshot in its container's arguments; ``None`` without one."""
    spec = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    for container in spec.get("containers") or ():
        words = [*(container.get("command") or ()), *(container.get("args") or ())]
        if _SNAPSHOT_OPTION in words[:-1]:
            return str(words[words.index(_SNAPSHOT_OPTION) + 1])
    return None


def is_of(component_id: str, cron_job: Object) -> bool:
    """Whether ZenML created it for that component; older ZenML recorded no component."""
    made_by = notes(cron_job).get(COMPONENT)
    return made_by == component_id or (made_by is None and snapshot_id(cron_job) is not None)


def counterpart(cron_job: Object, dialect: Dialect) -> Counterpart:
    """The CronJob as a counterpart."""
    spec, noted = cron_job["spec"], notes(cron_job)
    fields = {"schedule": " ".join(spec["schedule"].split()), "timeZone": spec.get("timeZone")}
    cadence, problems = _cadence(fields, dialect), []
    if fields["schedule"] == NEVER:
        problems.append("it was created but never given its cadence, so it never fires")
    elif isinstance(cadence, InputError):
        problems.append(cadence.reason.rstrip("."))
    snapshot = snapshot_id(cron_job)
    if snapshot is None:
        problems.append(f"its container has no {_SNAPSHOT_OPTION}, so it runs no ZenML pipeline")
    if cron_job["metadata"].get("deletionTimestamp"):
        problems.append("it is being deleted")
    labels = cron_job["metadata"].get("labels") or {}
    return Counterpart(
        native_id=native_id(cron_job),
        native=Native(f"{fields['schedule']} {fields['timeZone'] or '(no time zone)'}", fields),
        cadence=None if isinstance(cadence, InputError) else cadence,
        paused=bool(spec.get("suspend")),
        snapshot_id=snapshot,
        owner=noted.get(OWNER),
        settings=_settings(cron_job),
        problem="; ".join(problems),
        pipeline=noted.get(PIPELINE) or labels.get(_PIPELINE_LABEL, ""),
    )


def shaped(cron_job: Object, fields: Mapping[str, object], wanted: Wanted) -> Object:
    """The patch that changes it to what is wanted.

    Args:
        cron_job: as it is.
        fields: the wanted cadence in the dialect.
        wanted: everything else.
    """
    spec = cron_job["spec"]
    original = _original(cron_job)
    changed: Object = {**fields, "suspend": wanted.paused}
    for key, name in SPEC_KEYS.items():
        if key in wanted.settings:
            original.setdefault(key, spec.get(name))
            changed[name] = whole(wanted.settings[key])
        elif key in original:
            changed[name] = original.pop(key)
    if changed.get("startingDeadlineSeconds", spec.get("startingDeadlineSeconds")) is None:
        changed["startingDeadlineSeconds"] = DEADLINE_SECONDS
    if _same(spec, fields):
        resumes = bool(spec.get("suspend")) and not wanted.paused
        changed["schedule"] = _respelled(spec["schedule"]) if resumes else spec["schedule"]
    metadata = {
        "annotations": {
            OWNER: wanted.owner or None,
            SCHEDULE: wanted.name,
            PIPELINE: wanted.pipeline or notes(cron_job).get(PIPELINE),
            DELETION: wanted.settings.get("deletion_propagation"),
            ORIGINAL: json.dumps(original, sort_keys=True) if original else None,
        }
    }
    return {"metadata": metadata, "spec": changed}


def pausing(cron_job: Object, paused: bool) -> Object | None:
    """The patch that pauses or resumes it; ``None`` when it already is."""
    spec = cron_job["spec"]
    if bool(spec.get("suspend")) == paused:
        return None
    if paused:
        return {"spec": {"suspend": True}}
    deadline = spec.get("startingDeadlineSeconds")
    return {
        "spec": {
            "suspend": False,
            "schedule": _respelled(spec["schedule"]),
            "startingDeadlineSeconds": DEADLINE_SECONDS if deadline is None else deadline,
        }
    }


def trial(fields: Mapping[str, object], settings: Mapping[str, Json]) -> Object:
    """A CronJob with this cadence and these settings, for a dry run."""
    chosen = {SPEC_KEYS[key]: whole(it) for key, it in settings.items() if key in SPEC_KEYS}
    pod = {
        "restartPolicy": "Never",
        "containers": [{"name": "main", "image": "registry.k8s.io/pause"}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": f"pulumi-zenml-trial-{secrets.token_hex(4)}"},
        "spec": {
            **chosen,
            **fields,
            "suspend": True,
            "jobTemplate": {"spec": {"template": {"spec": pod}}},
        },
    }


def whole(value: Json) -> Json:
    """A Pulumi number, which is a float, as the integer that Kubernetes wants."""
    return int(value) if isinstance(value, float) else value


def _settings(cron_job: Object) -> dict[str, Json]:
    found = {key: cron_job["spec"].get(name) for key, name in SPEC_KEYS.items()}
    return {**found, "deletion_propagation": notes(cron_job).get(DELETION, KEEP_RUNNING)}


def _original(cron_job: Object) -> dict[str, Any]:
    try:
        loaded = json.loads(notes(cron_job).get(ORIGINAL, "{}"))
    except ValueError:
        loaded = {}
    return loaded if isinstance(loaded, dict) else {}


def _cadence(fields: Mapping[str, object], dialect: Dialect) -> Cadence | InputError:
    try:
        return dialect.read(fields)
    except InputError as error:
        return error


def _same(spec: Object, fields: Mapping[str, object]) -> bool:
    spelled = " ".join(spec["schedule"].split())
    return (spelled, spec.get("timeZone")) == (fields["schedule"], fields["timeZone"])


def _respelled(schedule: str) -> str:
    """The same schedule in another text: two blanks for the first one, or one for two."""
    minute, rest = schedule.split(maxsplit=1)
    return f"{minute} {rest}" if schedule.startswith(f"{minute}  ") else f"{minute}  {rest}"
