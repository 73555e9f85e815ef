"""ZenML's side of a pair: the schedule row, its marker and its snapshots."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import UUID

from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.errors import NotFoundError, NotGoneError
from pulumi_zenml.zenml.connection import ZENML, zenml_errors

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import ScheduleResponse

MARKER = "pulumi_zenml"
_PAGE = 500
_STAGED = "~pulumi-"
_ASIDE = "~replaced-"


@dataclass(frozen=True)
class Marker:
    """What we write into a record's metadata, under the key ``pulumi_zenml``.

    Args:
        owner: ``<project>/<stack>/<resource name>``.
        timezone: the zone of the cron; a ZenML record has no field for it.
        snapshot: id of the snapshot that was submitted for this record.
        derived: whether we made that snapshot, so that it goes with the record.
        native_id: the counterpart; empty until it was found and shaped.
        name: the name the record is to have once it is ready.
        reference: the snapshot as the resource named it, ``pipeline:snapshot`` or an id.
        source: id of the snapshot that this meant then.
    """

    owner: str = ""
    timezone: str = ""
    snapshot: str = ""
    derived: bool = False
    native_id: str = ""
    name: str = ""
    reference: str = ""
    source: str = ""

    def over(self, old: Marker) -> Marker:
        """This marker, with the parts that are empty here as they were in ``old``."""
        return Marker(**{**vars(old), **{key: it for key, it in vars(self).items() if it}})


@dataclass(frozen=True)
class Record:
    """A schedule row in the ZenML store.

    Args:
        id: its UUID.
        name: unique within the project.
        active: whether ZenML lets its runs sign in.
        archived: deleted, but kept for the sake of its runs.
        cadence: when it fires, as far as the row says; ``None`` when the row makes no sense.
        cron: the row's own cron text, verbatim.
        pipeline_id, orchestrator_id: what it belongs to; ``None`` once that is gone.
        marker: what we wrote on it.
        metadata: all else that is written on it, by ZenML or others.
        created: when, aware.
        updated: when a column was last changed, aware.
    """

    id: str
    name: str
    active: bool
    archived: bool
    cadence: Cadence | None
    cron: str | None
    pipeline_id: str | None
    orchestrator_id: str | None
    marker: Marker
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    created: datetime | None = None
    updated: datetime | None = None

    def belongs_to(self, owner: str) -> bool:
        """Whether ``owner`` made it, even if it died before it could say so in the marker."""
        if not owner:
            return False
        return self.marker.owner == owner or self.name.partition(_STAGED)[2].startswith(
            f"{owner_hash(owner)}-"
        )


def owner_hash(owner: str) -> str:
    """A short, stable stand-in for an owner, for names that must stay short."""
    return hashlib.sha256(owner.encode()).hexdigest()[:12]


def aside_name(record: Record) -> str:
    """The name of a record that is about to be replaced under its own name."""
    return f"{record.name[:200]}{_ASIDE}{record.id[:8]}"


class Records:
    """The records of one ZenML project. Keeps one listing and its own writes to it."""

    def __init__(self, client: Client, project_id: UUID) -> None:
        self._client = client
        self._project = project_id
        self._known: dict[str, Record] | None = None
        self._lock = threading.Lock()

    def all(self) -> list[Record]:
        """Every record that is not archived, from the listing; costs pages once."""
        with self._lock:
            if self._known is None:
                self._known = {record.id: record for record in self._list()}
            return list(self._known.values())

    def owned_by(self, *owners: str) -> list[Record]:
        """What one of ``owners`` already has, half-made or whole."""
        return [it for it in self.all() if any(it.belongs_to(owner) for owner in owners)]

    def named(self, name: str) -> Record | None:
        """The live record that holds ``name``."""
        return next((record for record in self.all() if record.name == name), None)

    def listed(self, id: str) -> Record | None:
        """The record from the listing, or ``None``."""
        return next((record for record in self.all() if record.id == id), None)

    def get(self, id: str) -> Record | None:
        """The record as it is now, or ``None`` when it is gone or archived."""
        with zenml_errors(f"read schedule {id}"):
            try:
                response = self._client.zen_store.get_schedule(UUID(id), hydrate=True)
            except KeyError:
                return None
        record = _to_record(response)
        return None if record.archived else record

    def create(
        self, owner: str, cadence: Cadence, *, pipeline_id: UUID, orchestrator_id: UUID, name: str
    ) -> Record:
        """Make a record under a staged name that says whose it is, then mark it.

        It is active, because ZenML makes no token for an inactive schedule (zenml 0.98
        zen_server.routers.auth_endpoints.api_token).
        """
        from zenml.models import ScheduleRequest

        staged = f"{name[:200]}{_STAGED}{owner_hash(owner)}-{secrets.token_hex(4)}"
        request = ScheduleRequest(
            project=self._project,
            name=staged,
            active=True,
            cron_expression=cadence.cron,
            interval_second=cadence.interval,
            run_once_start_time=cadence.run_once_at,
            start_time=cadence.start_time,
            end_time=cadence.end_time,
            catchup=cadence.catchup,
            orchestrator_id=orchestrator_id,
            pipeline_id=pipeline_id,
        )
        with zenml_errors(f"make the record of schedule '{name}'"):
            record = _to_record(self._client.zen_store.create_schedule(request))
        self._remember(record)
        return self.mark(record, Marker(owner=owner, timezone=cadence.timezone, name=name))

    def mark(self, record: Record, marker: Marker) -> Record:
        """Write ``marker`` on the record; parts that are empty keep what was there."""
        from zenml.enums import MetadataResourceTypes
        from zenml.models import RunMetadataResource

        marker = marker.over(record.marker)
        old = vars(record.marker)
        new = {key: value for key, value in vars(marker).items() if old[key] != value}
        if not new:
            return record
        resource = RunMetadataResource(id=UUID(record.id), type=MetadataResourceTypes.SCHEDULE)
        with zenml_errors(f"mark schedule '{record.name}'"):
            self._client.create_run_metadata(metadata={MARKER: new}, resources=[resource])
        return self._remember(replace(record, marker=marker))

    def note(self, record: Record, key: str, value: str) -> None:
        """Write ``value`` into the record's metadata under ``key``."""
        from zenml.enums import MetadataResourceTypes
        from zenml.models import RunMetadataResource

        resource = RunMetadataResource(id=UUID(record.id), type=MetadataResourceTypes.SCHEDULE)
        with zenml_errors(f"write on schedule '{record.name}'"):
            self._client.create_run_metadata(metadata={key: value}, resources=[resource])

    def rename(self, record: Record, name: str) -> Record:
        """Give the record another name."""
        from zenml.models import ScheduleUpdate

        if record.name == name:
            return record
        with zenml_errors(f"rename schedule '{record.name}' to '{name}'"):
            self._client.zen_store.update_schedule(UUID(record.id), ScheduleUpdate(name=name))
        return self._remember(replace(record, name=name))

    def set_active(self, record: Record, active: bool) -> Record:
        """Let ZenML accept the runs' tokens, or not."""
        from zenml.models import ScheduleUpdate

        if record.active == active:
            return record
        with zenml_errors(f"{'resume' if active else 'pause'} schedule '{record.name}'"):
            self._client.zen_store.update_schedule(UUID(record.id), ScheduleUpdate(active=active))
        return self._remember(replace(record, active=active))

    def set_cron(self, record: Record, cadence: Cadence) -> Record:
        """Write the neutral cron into the row."""
        from zenml.models import ScheduleUpdate

        if record.cron == cadence.cron:
            return record
        update = ScheduleUpdate(cron_expression=cadence.cron)
        with zenml_errors(f"change the cron of schedule '{record.name}'"):
            self._client.zen_store.update_schedule(UUID(record.id), update)
        return self._remember(replace(record, cron=cadence.cron, cadence=cadence))

    def delete(self, record: Record, *, keep_snapshots: bool = False) -> None:
        """Delete the record and, unless they are to be kept, its snapshots that we made; then look.

        A record that has runs is archived, as ZenML itself does by default, so that its runs
        keep saying what started them; one without runs is removed. Already gone is success.

        Raises:
            NotGoneError: it is still there.
        """
        store = self._client.zen_store
        id = UUID(record.id)
        derived = set()
        if record.marker.derived and not keep_snapshots:
            derived = {record.marker.snapshot, *self.snapshot_ids(record)}
        with zenml_errors(f"delete schedule '{record.name}'"):
            runs = self._client.list_pipeline_runs(
                schedule_id=id, project=self._project, size=1, hydrate=False
            )
            with contextlib.suppress(KeyError):
                store.delete_schedule(id, soft=runs.total > 0)
            if runs.total == 0:
                for snapshot in derived:
                    self._delete_snapshot(snapshot)
        if self.get(record.id) is not None:
            raise NotGoneError(f"ZenML still has schedule '{record.name}' after deleting it.")
        with self._lock:
            if self._known is not None:
                self._known.pop(record.id, None)

    def snapshot_ids(self, record: Record) -> list[str]:
        """The snapshots that were submitted for the record, newest first."""
        with zenml_errors(f"list the snapshots of schedule '{record.name}'"):
            page = self._client.list_snapshots(
                schedule_id=UUID(record.id),
                project=self._project,
                named_only=False,
                sort_by="desc:created",
                hydrate=False,
            )
        return [str(snapshot.id) for snapshot in page.items]

    def running(self, record: Record) -> list[str]:
        """Names of the runs of this record that are not finished."""
        from zenml.enums import ExecutionStatus

        unfinished = [state.value for state in ExecutionStatus if not state.is_finished]
        with zenml_errors(f"list the runs of schedule '{record.name}'"):
            page = self._client.list_pipeline_runs(
                schedule_id=UUID(record.id),
                project=self._project,
                status=f"oneof:{json.dumps(unfinished)}",
                hydrate=False,
            )
        return [run.name for run in page.items]

    def _delete_snapshot(self, id: str) -> None:
        with contextlib.suppress(KeyError):
            self._client.zen_store.delete_snapshot(UUID(id))

    def _remember(self, record: Record) -> Record:
        with self._lock:
            if self._known is not None:
                self._known[record.id] = record
        return record

    def _list(self) -> Iterator[Record]:
        page = 1
        while True:
            with zenml_errors("list the schedules"):
                found = self._client.list_schedules(
                    project=self._project, page=page, size=_PAGE, is_archived=False, hydrate=True
                )
            yield from (_to_record(item) for item in found.items)
            if page >= found.total_pages:
                return
            page += 1


def require(record: Record | None, what: str) -> Record:
    """The record, or a NotFoundError that says what was looked for."""
    if record is None:
        raise NotFoundError(ZENML, f"there is no schedule {what}.")
    return record


def _to_record(response: ScheduleResponse) -> Record:
    metadata = dict(response.run_metadata)
    ours = metadata.pop(MARKER, None)
    known = ours if isinstance(ours, dict) else {}
    marker = Marker(**{key: known[key] for key in vars(Marker()) if key in known})
    return Record(
        id=str(response.id),
        name=response.name,
        active=response.active,
        archived=response.is_archived,
        cadence=_to_cadence(response, marker.timezone or "UTC"),
        cron=response.cron_expression,
        pipeline_id=str(response.pipeline_id) if response.pipeline_id else None,
        orchestrator_id=str(response.orchestrator_id) if response.orchestrator_id else None,
        marker=marker,
        metadata={key: str(value) for key, value in metadata.items()},
        created=_aware(response.created),
        updated=_aware(response.updated),
    )


def _to_cadence(response: ScheduleResponse, timezone: str) -> Cadence | None:
    from pulumi_zenml.cadence import make_cadence
    from pulumi_zenml.errors import InputError

    try:
        return make_cadence(
            cron=response.cron_expression,
            interval=response.interval_second if not response.cron_expression else None,
            run_once_at=_whole(response.run_once_start_time),
            timezone=timezone,
            start_time=_whole(response.start_time),
            end_time=_whole(response.end_time),
            catchup=response.catchup,
            now=None,
        )
    except InputError:
        return None


def _whole(value: datetime | None) -> datetime | None:
    """Aware and without the parts of a second that ``datetime.now()`` brings into a row."""
    aware = _aware(value)
    return aware.replace(microsecond=0) if aware else None


def _aware(value: datetime | None) -> datetime | None:
    # ZenML keeps naive UTC (zenml 0.98 models.v2.core.schedule).
    if value is None or value.tzinfo is not None:
        return value
    return value.replace(tzinfo=UTC)
