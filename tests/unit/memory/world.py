"""What really is: one ZenML project and its orchestrators, with the faults that may happen to them.

The world is shared by all processes of a test; what a process caches is in
:class:`~unit.memory.zenml.MemoryZenml`, which each makes anew. Every call that changes something
goes through :meth:`World.changing`, where a test may kill the process, lose the answer or refuse
the call.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import NAMESPACE_OID, uuid5

from pulumi_zenml.errors import ServiceError
from pulumi_zenml.operations.zenml_rows import Run
from pulumi_zenml.orchestrators.counterpart import NativeRun
from pulumi_zenml.testing.bench import Fault as Down
from pulumi_zenml.zenml.records import Record

FLAVOR = "memory"
PROJECT = "default"

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
    stack: str = "one"
    has_build: bool = True


@dataclass
class NativeSchedule:
    """A native schedule."""

    id: str
    place: str
    snapshot: str | None
    cron: str
    timezone: str
    paused: bool = False
    owner: str = ""
    colour: str = ""
    runs: list[NativeRun] = field(default_factory=list)


@dataclass
class World:
    """One ZenML project with stacks ``one`` and ``two``, each with an orchestrator of that name.

    Attributes:
        stacks: The orchestrator of each stack, by their names.
        components: The names of the orchestrators that ZenML has.
        places: Where an orchestrator keeps its native schedules; by default, under its own name.
        archived: Ids of deleted records whose rows ZenML keeps for their runs.
        running: Names of runs in progress by record id, beside those in ``runs``.
        expiring: When the credentials of an orchestrator expire, by its name.
        down: How each call to an orchestrator fails at the moment, by its name.
        fault: At which call that changes something what happens.
        clock: When records are made and changed; the machine's clock if ``None``.
    """

    records: dict[str, Record] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    natives: dict[str, NativeSchedule] = field(default_factory=dict)
    stacks: dict[str, str] = field(default_factory=lambda: {"one": "one", "two": "two"})
    components: list[str] = field(default_factory=lambda: ["one", "two"])
    places: dict[str, str] = field(default_factory=dict)
    archived: set[str] = field(default_factory=set)
    runs: list[Run] = field(default_factory=list)
    running: dict[str, list[str]] = field(default_factory=dict)
    expiring: dict[str, datetime] = field(default_factory=dict)
    down: dict[str, Down] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    fault: tuple[int, Fault] | None = None
    clock: datetime | None = None
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        for version in ("v1", "v2"):
            id = self.new_id(f"snapshot-{version}")
            self.snapshots[id] = Snapshot(id, version, "training")

    def new_id(self, what: str) -> str:
        """An id that nothing else has."""
        return str(uuid5(NAMESPACE_OID, f"{what}-{next(self._ids)}"))

    def now(self) -> datetime:
        """What a clock in ZenML says."""
        return self.clock or datetime.now(UTC)

    def snapshot(self, name: str) -> Snapshot:
        """The snapshot of that name, which is no copy."""
        return next(it for it in self.snapshots.values() if it.name == name)

    def delete_stack(self, name: str) -> None:
        """Delete a stack from ZenML, with its orchestrator."""
        self.components.remove(self.stacks.pop(name))

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
