"""ZenML's side of the inventory, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.zenml.records import Record

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse


@dataclass(frozen=True)
class Component:
    """An orchestrator component of ZenML.

    Args:
        orchestrator: the orchestrator; ``None`` when it cannot be loaded, see ``problem``.
        refused: its flavor has no schedules at all.
        stacks: names of the stacks it is part of, in order.
        connector_id: of its service connector; empty for none.
    """

    id: str
    name: str
    flavor: str
    stacks: tuple[str, ...] = ()
    orchestrator: Orchestrator | None = field(default=None, repr=False, compare=False)
    problem: str = ""
    refused: bool = False
    connector_id: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A pipeline snapshot, as far as a listing has it.

    Args:
        name: may be empty.
        schedule_id: the record it was submitted for; empty when that was deleted.
        schedule_archived: that record was deleted, and ZenML keeps it for its runs.
        stack: the stack's name; empty when the stack was deleted.
        has_build: whether ZenML still has the image build it runs.
    """

    id: str
    project_id: str
    name: str
    pipeline: str
    pipeline_id: str
    schedule_id: str = ""
    schedule_archived: bool = False
    stack: str = ""
    has_build: bool = False


@dataclass(frozen=True)
class Project:
    """One ZenML project's records and the snapshots that were submitted for a schedule."""

    id: str
    name: str
    records: tuple[Record, ...] = ()
    snapshots: Mapping[str, Snapshot] = field(default_factory=dict)


@dataclass(frozen=True)
class Connector:
    """A service connector of ZenML, and when its credentials expire; ``None`` for not known."""

    name: str
    expires: datetime | None
    used_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """A pipeline run as ZenML has it. ``started`` is when it first reached ZenML."""

    id: str
    name: str
    status: str
    in_progress: bool
    started: datetime
    schedule_id: str = ""
    ended: datetime | None = None
    native_run_id: str = ""
    url: str = ""

    @property
    def failed(self) -> bool:
        """Whether it failed."""
        return self.status == "failed"


def aware(value: datetime | None) -> datetime | None:
    """An instant with its zone: ZenML keeps naive UTC."""
    return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def to_snapshot(response: PipelineSnapshotResponse) -> Snapshot:
    """A snapshot from a listing."""
    resources = response.get_resources()
    schedule = resources.schedule
    return Snapshot(
        id=str(response.id),
        project_id=str(response.project_id),
        name=response.name or "",
        pipeline=resources.pipeline.name,
        pipeline_id=str(resources.pipeline.id),
        schedule_id=str(schedule.id) if schedule else "",
        schedule_archived=bool(schedule and schedule.get_body().is_archived),
        stack=resources.stack.name if resources.stack else "",
        has_build=resources.build is not None,
    )


def to_run(response: PipelineRunResponse, *, whole: bool = False, page: str = "") -> Run:
    """A run from a listing.

    Args:
        response: ZenML's own.
        whole: whether it was hydrated, so that its end and native id are known.
        page: the URL of a run in ZenML's dashboard, with ``{project}`` and ``{run}``.
    """
    body = response.get_body()
    schedule = response.get_resources().schedule
    created = aware(body.created)
    assert created is not None
    details: dict[str, Any] = {}
    if whole:
        metadata = response.get_metadata()
        details = {
            "ended": aware(metadata.end_time),
            "native_run_id": metadata.orchestrator_run_id or "",
            "url": page.format(project=response.project_id, run=response.id),
        }
    return Run(
        id=str(response.id),
        name=response.name,
        status=body.status.value,
        in_progress=not body.status.is_finished,
        started=created,
        schedule_id=str(schedule.id) if schedule else "",
        **details,
    )
