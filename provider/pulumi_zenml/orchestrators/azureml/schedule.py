"""Reading the body of an AzureML schedule, and of a job that it started."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from pulumi_zenml.orchestrators.azureml.arm import Body
from pulumi_zenml.orchestrators.counterpart import NativeRun, RunState

OWNER, SNAPSHOT = "pulumi-zenml-owner", "zenml-snapshot"
_FIRED = re.compile(r"-(\d{8}T\d{6}Z)$")
_NAME_CHARACTERS = 200
_STATES: dict[str, RunState] = {
    "NotStarted": "queued",
    "Scheduled": "queued",
    "Starting": "queued",
    "Provisioning": "queued",
    "Preparing": "queued",
    "Queued": "queued",
    "Paused": "queued",
    "Running": "running",
    "Finalizing": "running",
    "CancelRequested": "running",
    "NotResponding": "running",
    "Completed": "succeeded",
    "Failed": "failed",
    "Canceled": "cancelled",
}


def plain_name(pipeline: str) -> str:
    """A pipeline's name in the characters that AzureML accepts for schedules and environments."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", pipeline)[:_NAME_CHARACTERS]
    return plain if re.match(r"[A-Za-z0-9]", plain) else f"p{plain}"


def tags_of(schedule: Body) -> dict[str, str]:
    """The schedule's tags."""
    return dict(schedule["properties"].get("tags") or {})


def mark(snapshot_id: str | None, schedule: Body) -> str:
    """The marker: the snapshot, and the component version that runs it."""
    return f"{snapshot_id or ''}/{(component_of(schedule) or '').rpartition('/')[2]}"


def marked_snapshot(schedule: Body) -> str | None:
    """The snapshot in the marker, unless the schedule's job has changed since."""
    marked = tags_of(schedule).get(SNAPSHOT, "").partition("/")[0]
    return marked if marked and mark(marked, schedule) == tags_of(schedule)[SNAPSHOT] else None


def state_of(schedule: Body) -> str:
    """The state of the last change, in lower case: ``creating``, ``succeeded``, ``failed`` …"""
    return str(schedule["properties"].get("provisioningState") or "").lower()


def component_of(schedule: Body) -> str | None:
    """The first component of the schedule's job; ``None`` when it schedules something else."""
    action = schedule["properties"].get("action") or {}
    jobs = (action.get("jobDefinition") or {}).get("jobs") or {}
    ids = [job.get("componentId") for job in jobs.values() if isinstance(job, dict)]
    return next((str(id) for id in ids if id), None)


def run_of(job: Body, schedule: str) -> NativeRun | None:
    """A job that the schedule started; ``None`` for any other.

    Its display name is the schedule's with the time that it was due (Azure docs,
    how-to-schedule-pipeline-job).
    """
    properties = job.get("properties") or {}
    shown = str(properties.get("displayName") or "")
    if not shown.startswith(f"{schedule}-"):
        return None
    fired = _FIRED.search(shown)
    due = datetime.strptime(fired[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if fired else None
    created = str((job.get("systemData") or {}).get("createdAt") or "")
    studio = ((properties.get("services") or {}).get("Studio") or {}).get("endpoint")
    state = str(properties.get("status") or "")
    return NativeRun(
        run_id=str(job["name"]),
        state=_STATES.get(state, "unknown"),
        native_state=state,
        scheduled_for=due,
        started=datetime.fromisoformat(created) if created else due,
        by_schedule=True if fired else None,
        url=str(studio or ""),
    )
