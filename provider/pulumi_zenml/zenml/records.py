"""ZenML's side of a pair: the schedule row, its marker and its snapshots."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import UUID

from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.errors import NotDeletedError, NotFoundError
from pulumi_zenml.identity import MarkedName, Owner, read_marked_name, read_owner
from pulumi_zenml.zenml.cache import Cache
from pulumi_zenml.zenml.errors import ZENML, zenml_errors

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import ScheduleResponse

MARKER = "pulumi_zenml"
NO_OWNER, ADOPTED = "nobody", "done"
_PAGE = 500


@dataclass(frozen=True)
class Marker:
    """What we write into a record's metadata, under the key ``pulumi_zenml``.

    Args:
        owner: :attr:`~pulumi_zenml.identity.Owner.text` of whose it is.
        timezone: the zone of the cron; a ZenML record has no field for it.
        snapshot: id of the snapshot that was submitted for this record.
        native_id: the counterpart; empty until it was found and shaped.
        name: the name the record is to have once it is ready.
        reference: the snapshot as the resource named it, ``pipeline:snapshot`` or an id.
        source: id of the snapshot that this meant then.
        retain: ``yes`` where the resource has ``retain_on_delete``: it stays when its stack goes.
        adopted_from: while an adoption is not finished, whose it was before, or ``nobody``; then
            ``done``.
    """

    owner: str = ""
    timezone: str = ""
    snapshot: str = ""
    native_id: str = ""
    name: str = ""
    reference: str = ""
    source: str = ""
    retain: str = ""
    adopted_from: str = ""

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
        created_by: the ZenML user who made it; empty when that is not known.
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
    created_by: str = ""

    @property
    def owner(self) -> Owner | None:
        """Whose it is, as far as it was marked."""
        return read_owner(self.marker.owner)

    @property
    def unfinished(self) -> MarkedName | None:
        """What it is in the middle of; ``None`` when nothing."""
        return read_marked_name(self.name)

    @property
    def former_owner(self) -> str | None:
        """The owner's mark before an adoption that is not finished; ``None`` without one."""
        former = self.marker.adopted_from
        if former in ("", ADOPTED):
            return None
        return "" if former == NO_OWNER else former

    def belongs_to(self, owner: Owner) -> bool:
        """Whether ``owner`` made it, even if it was killed before it could write the marker."""
        if self.owner is not None and self.owner.key:
            return owner.is_same(self.owner)
        return self.unfinished is not None and self.unfinished.belongs_to(owner)

    def belongs_to_stack(self, key: str) -> bool:
        """Whether a resource of the stack with this key made it."""
        if self.owner is not None and self.owner.key:
            return self.owner.key == key
        return self.unfinished is not None and self.unfinished.key == key


class Records:
    """The records of one ZenML project. Keeps one listing and its own writes to it."""

    def __init__(self, client: Client, project_id: UUID) -> None:
        self._client = client
        self._project = project_id
        self._known: dict[str, Record] = {}
        self._listing: Cache[str, None] = Cache()
        self._lock = threading.Lock()

    def all(self) -> list[Record]:
        """Every record that is not archived, from the listing; costs pages once."""
        self._listing.get("", self._fill)
        with self._lock:
            return list(self._known.values())

    def owned_by(self, owner: Owner) -> list[Record]:
        """What one resource already has, half-made or whole."""
        return [it for it in self.all() if it.belongs_to(owner)]

    def of_stack(self, key: str) -> list[Record]:
        """What all resources of one stack have."""
        return [it for it in self.all() if key and it.belongs_to_stack(key)]

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

    def find_named(self, name: str) -> Record | None:
        """The live record of exactly that name, as it is now."""
        with zenml_errors(f"find schedule '{name}'"):
            page = self._client.list_schedules(
                name=f"equals:{name}", project=self._project, is_archived=False, hydrate=True
            )
        return next((_to_record(item) for item in page.items if item.name == name), None)

    def create(
        self,
        name: str,
        cadence: Cadence,
        marker: Marker,
        *,
        pipeline_id: str,
        orchestrator_id: str,
    ) -> Record:
        """Make a record and mark it.

        It is active, because ZenML makes no token for an inactive schedule (zenml 0.98
        zen_server.routers.auth_endpoints.api_token).
        """
        from zenml.models import ScheduleRequest

        request = ScheduleRequest(
            project=self._project,
            name=name,
            active=True,
            cron_expression=cadence.cron,
            interval_second=cadence.interval,
            run_once_start_time=cadence.run_once_at,
            start_time=cadence.start_time,
            end_time=cadence.end_time,
            catchup=cadence.catchup,
            orchestrator_id=UUID(orchestrator_id),
            pipeline_id=UUID(pipeline_id),
        )
        with zenml_errors(f"make the record of schedule '{marker.name or name}'"):
            record = _to_record(self._client.zen_store.create_schedule(request))
        self._remember(record)
        return self.mark(record, marker)

    def mark(self, record: Record, marker: Marker) -> Record:
        """Write ``marker`` on the record; parts that are empty keep what was there."""
        return self._write_marker(record, marker.over(record.marker))

    def give_back(self, record: Record, owner: str = "") -> Record:
        """Mark the record as somebody else's again.

        Args:
            record: the record.
            owner: the mark it is to have; empty for nobody's.
        """
        return self._write_marker(
            record, replace(record.marker, owner=owner, retain="", adopted_from="")
        )

    def note(self, record: Record, key: str, value: str) -> None:
        """Write ``value`` into the record's metadata under ``key``."""
        self._write(record, key, value)

    def rename(self, record: Record, name: str) -> Record:
        """Give the record another name, whatever name the listing knows it by."""
        from zenml.models import ScheduleUpdate

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
        """Delete the record's own snapshots, unless they are to be kept, then the record; check.

        A record that has runs is archived with its snapshots, as ZenML itself does by default, so
        that its runs keep saying what started them; one without runs is removed. The snapshots go
        first, because the record is the way to them. Already gone is success.

        Raises:
            NotDeletedError: it is still there.
        """
        store = self._client.zen_store
        id = UUID(record.id)
        with zenml_errors(f"delete schedule '{record.name}'"):
            runs = self._client.list_pipeline_runs(
                schedule_id=id, project=self._project, size=1, hydrate=False
            )
            if runs.total == 0 and not keep_snapshots:
                self._delete_copies(id)
            with contextlib.suppress(KeyError):
                store.delete_schedule(id, soft=runs.total > 0)
        if self.get(record.id) is not None:
            raise NotDeletedError(f"ZenML still has schedule '{record.name}' after deleting it.")
        with self._lock:
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

    def delete_stray_snapshot(self, id: str) -> None:
        """Delete a copy that we submitted and whose record is gone, unless it has runs."""
        store = self._client.zen_store
        with zenml_errors(f"delete snapshot {id}"), contextlib.suppress(KeyError):
            snapshot = store.get_snapshot(UUID(id), hydrate=True)
            runs = self._client.list_pipeline_runs(
                snapshot_id=UUID(id), project=self._project, size=1, hydrate=False
            )
            if snapshot.name is None and snapshot.source_snapshot_id and runs.total == 0:
                store.delete_snapshot(UUID(id))

    def purge(self, id: str) -> None:
        """Remove a row of ours that somebody archived, unless runs refer to it."""
        store = self._client.zen_store
        with zenml_errors(f"delete schedule {id}"), contextlib.suppress(KeyError):
            record = _to_record(store.get_schedule(UUID(id), hydrate=True))
            runs = self._client.list_pipeline_runs(
                schedule_id=UUID(id), project=self._project, size=1, hydrate=False
            )
            if record.archived and record.owner is not None and runs.total == 0:
                store.delete_schedule(UUID(id), soft=False)

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

    def _delete_copies(self, schedule_id: UUID) -> None:
        """Delete the unnamed snapshots that were copied from another one for this schedule."""
        page = self._client.list_snapshots(
            schedule_id=schedule_id, project=self._project, named_only=False, hydrate=True
        )
        for snapshot in page.items:
            if snapshot.name is None and snapshot.source_snapshot_id is not None:
                with contextlib.suppress(KeyError):
                    self._client.zen_store.delete_snapshot(snapshot.id)

    def _write_marker(self, record: Record, marker: Marker) -> Record:
        old = vars(record.marker)
        new = {key: value for key, value in vars(marker).items() if old[key] != value}
        if not new:
            return record
        self._write(record, MARKER, new)
        return self._remember(replace(record, marker=marker))

    def _write(self, record: Record, key: str, value: str | Mapping[str, str]) -> None:
        """Write metadata in the record's own project; ZenML's client would take the active one."""
        from zenml.enums import MetadataResourceTypes
        from zenml.metadata.metadata_types import MetadataTypeEnum
        from zenml.models import RunMetadataRequest, RunMetadataResource

        resource = RunMetadataResource(id=UUID(record.id), type=MetadataResourceTypes.SCHEDULE)
        kind = MetadataTypeEnum.STRING if isinstance(value, str) else MetadataTypeEnum.DICT
        request = RunMetadataRequest(
            project=self._project,
            resources=[resource],
            stack_component_id=None,
            publisher_step_id=None,
            values={key: value if isinstance(value, str) else dict(value)},
            types={key: kind},
        )
        with zenml_errors(f"mark schedule '{record.name}'"):
            self._client.zen_store.create_run_metadata(request)

    def _remember(self, record: Record) -> Record:
        with self._lock:
            self._known[record.id] = record
        return record

    def _fill(self) -> None:
        found = {record.id: record for record in self._list()}
        with self._lock:
            # What was written meanwhile is newer than the listing.
            self._known = {**found, **self._known}

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
    marker = Marker(**{key: str(known[key]) for key in vars(Marker()) if key in known})
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
        created_by=response.user.name if response.user else "",
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
