"""An orchestrator whose native schedules are in the world. It passes the conformance suite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar, cast

from pulumi_zenml.cadence.model import Native
from pulumi_zenml.errors import (
    CannotExpressError,
    InputError,
    NotFoundError,
    PermissionDeniedError,
    ServiceError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.capabilities import Capabilities, Gap, Setting, Yes
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun, Wanted
from pulumi_zenml.testing.bench import Fault
from pulumi_zenml.zenml.submission import Submission
from unit.memory.world import FLAVOR, NativeSchedule, World

INERT = "0 0 29 2 *"

_ERRORS: Mapping[Fault, type[ServiceError]] = {
    "unauthenticated": UnauthenticatedError,
    "denied": PermissionDeniedError,
    "not-found": NotFoundError,
    "throttled": ThrottledError,
    "server-error": ServiceError,
    "timeout": UnreachableError,
    "refused": UnreachableError,
}


def component_id(name: str) -> str:
    """ZenML's id of the orchestrator of that name."""
    return f"orchestrator-{name}"


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
        trigger=Yes(),
        keeps_runs=Yes(),
        fires_on_create=Gap("never", "it waits for the first fire."),
        found_by="the snapshot id",
        left_behind="nothing",
        runs_image=True,
        name_limit=120,
    )
    settings: ClassVar[Mapping[str, Setting]] = {
        "colour": Setting(str, "a colour", choices=("red", "green"))
    }

    def __init__(self, world: World, name: str) -> None:
        component = SimpleNamespace(
            id=component_id(name), name=name, configuration={}, connector=None
        )
        super().__init__(Target(cast(Any, component)))
        self.world = world
        self.name, self.place = name, world.places.get(name, name)

    def verify(self, wanted: Wanted) -> None:
        self._reach()

    def submission(self, wanted: Wanted) -> Submission:
        return Submission(cron_expression=INERT)

    def locate(self, snapshot_id: str, hints: Mapping[str, str]) -> Counterpart | None:
        return next((it for it in self.list_all() if it.snapshot_id == snapshot_id), None)

    def shape(self, found: Counterpart, wanted: Wanted) -> Counterpart:
        self._reach()
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
        return self._counterpart(native) if native and native.place == self.place else None

    def list_all(self) -> Iterator[Counterpart]:
        self._reach()
        found = [it for it in self.world.natives.values() if it.place == self.place]
        yield from map(self._counterpart, found)

    def set_paused(self, native_id: str, paused: bool) -> None:
        self._reach()
        with self.world.changing("pause native" if paused else "resume native"):
            self._native(native_id).paused = paused

    def delete(self, native_id: str) -> None:
        self._reach()
        with self.world.changing("delete native"):
            self.world.natives.pop(native_id, None)

    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        self._reach()
        native = self.world.natives.get(native_id)
        runs = [
            it
            for it in (native.runs if native else ())
            if since is None or it.started is None or it.started >= since
        ]
        return runs[::-1][:limit]

    def trigger(self, native_id: str) -> str:
        self._reach()
        with self.world.changing("trigger"):
            return add_run(self._native(native_id), self.world, by_schedule=False)

    def submit(self, snapshot_id: str) -> None:
        """What ZenML's own orchestrator does."""
        with self.world.changing("submit"):
            id = self.world.new_id("native")
            self.world.natives[id] = NativeSchedule(id, self.place, snapshot_id, INERT, "UTC")

    def _native(self, native_id: str) -> NativeSchedule:
        try:
            return self.world.natives[native_id]
        except KeyError:
            raise NotFoundError(FLAVOR, f"there is no native schedule '{native_id}'") from None

    def _reach(self) -> None:
        fault = self.world.down.get(self.name)
        if fault:
            self.world.calls.append("no answer")
            raise _ERRORS[fault](FLAVOR, f"'{self.name}' fails: {fault}")

    def _counterpart(self, native: NativeSchedule) -> Counterpart:
        fields = {"schedule": native.cron, "timeZone": native.timezone}
        try:
            cadence = self.dialect().read(fields)
        except (CannotExpressError, InputError):
            cadence = None
        return Counterpart(
            native_id=native.id,
            native=Native(f"{native.cron} {native.timezone}", fields),
            cadence=cadence,
            paused=native.paused,
            snapshot_id=native.snapshot,
            owner=native.owner or None,
            settings={"colour": native.colour} if native.colour else {},
            problem="" if native.cron else "it has no schedule.",
            pipeline="training",
        )


def add_run(native: NativeSchedule, world: World, *, by_schedule: bool = True) -> str:
    """A run that starts now; returns its id."""
    id = world.new_id("native-run")
    started = world.now()
    native.runs.append(NativeRun(id, "succeeded", "Done", started=started, by_schedule=by_schedule))
    return id
