"""ZenML and an orchestrator in memory, with the faults that the lifecycle must survive.

The world is shared by all processes of a test; what a process caches is in :class:`MemoryZenml`,
which each makes anew. Every call that changes something goes through :meth:`World.changing`, where
a test may kill the process, lose the answer or refuse the call.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar, Literal, cast
from uuid import NAMESPACE_OID, uuid5

from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.errors import (
    CannotExpressError,
    NotFoundError,
    RefusedError,
    ServiceError,
    UnreachableError,
)
from pulumi_zenml.identity import Owner
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.capabilities import Capabilities, Gap, Setting, Yes
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun, Wanted
from pulumi_zenml.zenml.project import Source, StackRef
from pulumi_zenml.zenml.records import Marker, Record
from pulumi_zenml.zenml.source import PipelineSource
from pulumi_zenml.zenml.submission import Submission

FLAVOR = "memory"
INERT = "0 0 29 2 *"

Fault = Literal["kill-before", "kill-after", "refuse", "lose-answer"]


class Killed(BaseException):
    """The process was killed."""


@dataclass
class Snapshot:
    """A snapshot row. A copy names what it was copied from and the record it was made for."""

    id: str
    name: str
    pipeline: str
    copied_from: str = ""
    record: str = ""


@dataclass
class Native_:
    """A native schedule."""

    id: str
    stack: str
    snapshot: str
    cron: str
    timezone: str
    paused: bool = False
    owner: str = ""
    colour: str = ""
    runs: list[str] = field(default_factory=list)


@dataclass
class World:
    """One ZenML project and two orchestrators, as they really are.

    Attributes:
        unreachable: The stacks whose orchestrator does not answer.
        deleted: The stacks that were deleted from ZenML with their orchestrator.
    """

    records: dict[str, Record] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    natives: dict[str, Native_] = field(default_factory=dict)
    running: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    unreachable: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    fault: tuple[int, Fault] | None = None
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        for version in ("v1", "v2"):
            id = self.new_id(f"snapshot-{version}")
            self.snapshots[id] = Snapshot(id, version, "training")

    def new_id(self, what: str) -> str:
        """An id that nothing else has."""
        return str(uuid5(NAMESPACE_OID, f"{what}-{next(self._ids)}"))

    @contextlib.contextmanager
    def changing(self, what: str) -> Iterator[None]:
        """Around each call that changes something."""
        self.calls.append(what)
        fault = self.fault if self.fault and self.fault[0] == len(self.calls) else None
        if fault and fault[1] == "kill-before":
            raise Killed(what)
        if fault and fault[1] == "refuse":
            raise ServiceError("memory", f"{what} was refused")
        yield
        if fault and fault[1] == "kill-after":
            raise Killed(what)
        if fault and fault[1] == "lose-answer":
            raise ServiceError("memory", f"the answer to {what} was lost")


class MemoryRecords:
    """The records as one process sees them: one listing, and its own writes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, Record] | None = None

    def all(self) -> list[Record]:
        if self._known is None:
            self._known = dict(self._world.records)
        return list(self._known.values())

    def owned_by(self, owner: Owner) -> list[Record]:
        return [it for it in self.all() if it.belongs_to(owner)]

    def of_stack(self, key: str) -> list[Record]:
        return [it for it in self.all() if key and it.belongs_to_stack(key)]

    def named(self, name: str) -> Record | None:
        return next((it for it in self.all() if it.name == name), None)

    def listed(self, id: str) -> Record | None:
        return next((it for it in self.all() if it.id == id), None)

    def get(self, id: str) -> Record | None:
        return self._world.records.get(id)

    def find_named(self, name: str) -> Record | None:
        return next((it for it in self._world.records.values() if it.name == name), None)

    def create(
        self,
        name: str,
        cadence: Cadence,
        marker: Marker,
        *,
        pipeline_id: str,
        orchestrator_id: str,
    ) -> Record:
        record = Record(
            id=self._world.new_id("record"),
            name=name,
            active=True,
            archived=False,
            cadence=cadence,
            cron=cadence.cron,
            pipeline_id=pipeline_id,
            orchestrator_id=orchestrator_id,
            marker=Marker(),
            created=datetime.now(UTC),
        )
        with self._world.changing("create record"):
            self._check_name(name, record.id)
            self._write(record)
        return self.mark(record, marker)

    def mark(self, record: Record, marker: Marker) -> Record:
        marked = replace(record, marker=marker.over(record.marker))
        if marked == record:
            return record
        with self._world.changing("mark record"):
            self._write(marked)
        return marked

    def give_back(self, record: Record, owner: str = "") -> Record:
        marker = replace(record.marker, owner=owner, retain="", adopted_from="")
        released = replace(record, marker=marker)
        with self._world.changing("give record back"):
            self._write(released)
        return released

    def rename(self, record: Record, name: str) -> Record:
        renamed = replace(record, name=name)
        with self._world.changing("rename record"):
            self._check_name(name, record.id)
            self._write(renamed)
        return renamed

    def set_active(self, record: Record, active: bool) -> Record:
        if record.active == active:
            return record
        changed = replace(record, active=active)
        with self._world.changing("set record active"):
            self._write(changed)
        return changed

    def set_cron(self, record: Record, cadence: Cadence) -> Record:
        if record.cron == cadence.cron:
            return record
        changed = replace(record, cron=cadence.cron, cadence=cadence)
        with self._world.changing("set record cron"):
            self._write(changed)
        return changed

    def delete(self, record: Record, *, keep_snapshots: bool = False) -> None:
        if not keep_snapshots:
            for id in self.snapshot_ids(record):
                if self._world.snapshots[id].copied_from:
                    with self._world.changing("delete snapshot"):
                        del self._world.snapshots[id]
        with self._world.changing("delete record"):
            self._world.records.pop(record.id, None)
        self.all()
        assert self._known is not None
        self._known.pop(record.id, None)

    def snapshot_ids(self, record: Record) -> list[str]:
        return [it.id for it in self._world.snapshots.values() if it.record == record.id]

    def delete_stray_snapshot(self, id: str) -> None:
        if id in self._world.snapshots and self._world.snapshots[id].copied_from:
            with self._world.changing("delete snapshot"):
                del self._world.snapshots[id]

    def purge(self, id: str) -> None:
        pass

    def running(self, record: Record) -> list[str]:
        return list(self._world.running.get(record.id, ()))

    def _check_name(self, name: str, id: str) -> None:
        if any(it.name == name and it.id != id for it in self._world.records.values()):
            raise RefusedError("memory", f"there is a schedule '{name}'")

    def _write(self, record: Record) -> None:
        self._world.records[record.id] = record
        if self._known is not None:
            self._known[record.id] = record


class MemoryOrchestrator(Orchestrator):
    """Native schedules in the world."""

    flavor = FLAVOR
    capabilities = Capabilities(
        counterpart="native schedule",
        dialect="kubernetes",
        smallest_interval=timedelta(minutes=1),
        cron=Yes(),
        interval=Gap("never", "it holds a cron expression."),
        run_once=Gap("never", "it holds a cron expression."),
        start_time=Gap("never", "it has no window."),
        end_time=Gap("never", "it has no window."),
        catchup=Gap("never", "it makes up for nothing."),
        timezone=Yes(),
        pause=Yes(),
        change_in_place=Yes(),
        run_history=Yes(),
        trigger=Gap("not-yet", "nobody needed it."),
        keeps_runs=Yes(),
        fires_on_create=Gap("never", "it waits for the first fire."),
        found_by="the snapshot id",
        left_behind="nothing",
        runs_image=False,
    )
    settings: ClassVar[Mapping[str, Setting]] = {
        "colour": Setting(str, "a colour", choices=("red", "green"))
    }

    def __init__(self, world: World, stack: str, id: str) -> None:
        component = SimpleNamespace(id=id, name=stack, configuration={})
        super().__init__(Target(cast(Any, component)))
        self.world = world
        self.stack = stack

    def verify(self, wanted: Wanted) -> None:
        self._reach()

    def submission(self, wanted: Wanted) -> Submission:
        return Submission(cron_expression=INERT)

    def locate(self, snapshot_id: str, hints: Mapping[str, str]) -> Counterpart | None:
        return next((it for it in self.list_all() if it.snapshot_id == snapshot_id), None)

    def shape(self, found: Counterpart, wanted: Wanted) -> Counterpart:
        with self.world.changing("shape native"):
            native = self.world.natives[found.native_id]
            fields = self.dialect().write(wanted.cadence).fields
            native.cron, native.timezone = str(fields["schedule"]), str(fields["timeZone"])
            native.paused, native.owner = wanted.paused, wanted.owner
            native.colour = str(wanted.settings.get("colour", ""))
        return self._counterpart(native)

    def read(self, native_id: str) -> Counterpart | None:
        self._reach()
        native = self.world.natives.get(native_id)
        return self._counterpart(native) if native and native.stack == self.stack else None

    def list_all(self) -> Iterator[Counterpart]:
        self._reach()
        found = [it for it in self.world.natives.values() if it.stack == self.stack]
        yield from map(self._counterpart, found)

    def set_paused(self, native_id: str, paused: bool) -> None:
        with self.world.changing("pause native" if paused else "resume native"):
            self.world.natives[native_id].paused = paused

    def delete(self, native_id: str) -> None:
        with self.world.changing("delete native"):
            self.world.natives.pop(native_id, None)

    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        native = self.world.natives.get(native_id)
        return [NativeRun(it, "running", "running") for it in (native.runs if native else ())]

    def submit(self, snapshot_id: str) -> None:
        """What ZenML's own orchestrator does."""
        with self.world.changing("submit"):
            id = self.world.new_id("native")
            self.world.natives[id] = Native_(id, self.stack, snapshot_id, INERT, "UTC")

    def _reach(self) -> None:
        if self.stack in self.world.unreachable:
            self.world.calls.append("no answer")
            raise UnreachableError("memory", "no answer")

    def _counterpart(self, native: Native_) -> Counterpart:
        fields = {"schedule": native.cron, "timeZone": native.timezone}
        try:
            cadence = self.dialect().read(fields)
        except CannotExpressError:
            cadence = None
        return Counterpart(
            native_id=native.id,
            native=Native(f"{native.cron} {native.timezone}", fields),
            cadence=cadence,
            paused=native.paused,
            snapshot_id=native.snapshot,
            owner=native.owner or None,
            settings={"colour": native.colour} if native.colour else {},
            pipeline="training",
        )


class MemoryZenml:
    """The world as one process sees it; see :class:`~pulumi_zenml.lifecycle.ports.Zenml`."""

    has_tokens = True

    def __init__(self, world: World) -> None:
        self._world = world
        self.records = MemoryRecords(world)
        self._orchestrators = {
            f"orchestrator-{it}": MemoryOrchestrator(world, it, f"orchestrator-{it}")
            for it in ("one", "two")
        }
        self._listings: dict[str, dict[str, Counterpart]] = {}
        self._down: dict[str, UnreachableError] = {}

    def warn(self, text: str, /) -> None:
        self._world.warnings.append(text)

    def stack_ref(self, name: str) -> StackRef:
        if name in self._world.deleted:
            raise NotFoundError("memory", f"there is no stack '{name}'.", property="stack")
        return StackRef(name, name)

    def flavor(self, stack: str) -> str:
        return FLAVOR

    def source(self, reference: str) -> Source:
        found = self._world.snapshots.get(self.snapshot_id(reference) or "")
        if found is None:
            raise NotFoundError("memory", f"there is no snapshot '{reference}'")
        return Source(found.id, found.name, "p", found.pipeline, copied_from=found.copied_from)

    def snapshot_id(self, reference: str) -> str | None:
        pipeline, _, name = reference.rpartition(":")
        if not pipeline:
            return name
        named = (it for it in self._world.snapshots.values() if not it.copied_from)
        return next((it.id for it in named if (it.pipeline, it.name) == (pipeline, name)), None)

    def snapshot_record(self, snapshot_id: str) -> str | None:
        found = self._world.snapshots.get(snapshot_id)
        return found.record or None if found else None

    def copy_snapshot(
        self,
        source: Source,
        stack: StackRef,
        record_id: str,
        *,
        flavor: str,
        settings: Mapping[str, Json],
    ) -> str:
        id = self._world.new_id("copy")
        with self._world.changing("copy snapshot"):
            self._world.snapshots[id] = Snapshot(id, "", source.pipeline, source.id, record_id)
        return id

    def submit(self, snapshot_id: str, stack: StackRef, submission: Submission, name: str) -> None:
        self._orchestrators[f"orchestrator-{stack.id}"].submit(snapshot_id)

    def build(self, pipeline: PipelineSource, stack: StackRef, name: str) -> Source:
        raise NotImplementedError

    def orchestrator(self, stack: str) -> Orchestrator:
        return self._orchestrators[f"orchestrator-{stack}"]

    def orchestrator_by_id(self, component_id: str | None) -> Orchestrator | None:
        if (component_id or "").removeprefix("orchestrator-") in self._world.deleted:
            return None
        return self._orchestrators.get(component_id or "")

    def counterparts(self, orchestrator: Orchestrator) -> Mapping[str, Counterpart]:
        id = str(orchestrator.target.component.id)
        if id not in self._listings:
            with self.reaching(orchestrator):
                self._listings[id] = {it.native_id: it for it in orchestrator.list_all()}
        return self._listings[id]

    @contextlib.contextmanager
    def reaching(self, orchestrator: Orchestrator) -> Iterator[None]:
        id = str(orchestrator.target.component.id)
        if id in self._down:
            raise self._down[id]
        try:
            yield
        except UnreachableError as error:
            self._down[id] = error
            raise
