"""A HyperAI schedule's runs: those in ZenML, and the host's last start."""

from __future__ import annotations

import posixpath
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pulumi_zenml.orchestrators.counterpart import NativeRun, RunState
from pulumi_zenml.zenml.errors import zenml_errors

if TYPE_CHECKING:
    import paramiko

_PAGE = 100
_RUN_ID = re.compile(r"ZENML_HYPERAI_ORCHESTRATOR_RUN_ID=\"?([0-9a-f-]{36}_(\d+))", re.ASCII)
_STATES: dict[str, RunState] = {
    "initializing": "queued",
    "provisioning": "queued",
    "queued": "queued",
    "running": "running",
    "retrying": "running",
    "resuming": "running",
    "paused": "running",
    "cancelling": "running",
    "stopping": "running",
    "completed": "succeeded",
    "cached": "succeeded",
    "failed": "failed",
    "retried": "failed",
    "skipped": "skipped",
    "cancelled": "cancelled",
    "stopped": "cancelled",
}


def runs_in_zenml(snapshot_id: str, since: datetime | None, limit: int) -> list[NativeRun]:
    """The runs of a snapshot that reported to ZenML, newest first.

    Args:
        snapshot_id: the schedule's own snapshot.
        since: only runs started at or after this instant; aware.
        limit: the most runs to return.
    """
    found: list[NativeRun] = []
    with zenml_errors(f"list the runs of snapshot {snapshot_id}"):
        from zenml.client import Client

        page, pages = 1, 1
        while page <= pages and len(found) < limit:
            answer = Client().list_pipeline_runs(
                snapshot_id=UUID(snapshot_id), sort_by="desc:created", page=page, size=_PAGE
            )
            for run in answer.items:
                status = str(run.status.value)
                found.append(
                    NativeRun(
                        run_id=run.orchestrator_run_id or str(run.id),
                        state=_STATES.get(status, "unknown"),
                        native_state=status,
                        started=_aware(run.start_time or run.created),
                        ended=_aware(run.end_time),
                    )
                )
            if since and found and found[-1].started and found[-1].started < since:
                break
            page, pages = page + 1, answer.total_pages
    return found


def last_start(files: paramiko.SFTPClient, folder: str) -> NativeRun | None:
    """The last start that the script recorded (zenml 0.98 run_pipeline.sh writes ``.env``).

    Its state is ``unknown``: only Docker knows whether its containers started.
    """
    try:
        with files.open(posixpath.join(folder, ".env")) as file:
            content = file.read(1000).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    match = _RUN_ID.search(content)
    if match is None:
        return None
    return NativeRun(
        match[1], "unknown", "started", started=datetime.fromtimestamp(int(match[2]), UTC)
    )


def _aware(value: datetime | None) -> datetime | None:
    """ZenML returns naive UTC."""
    return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value
