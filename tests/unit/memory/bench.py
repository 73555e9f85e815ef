"""The bench of the orchestrator in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar

from pulumi_zenml.cadence import Cadence, make_cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.testing.bench import EVERY_FAULT, Bench, Fault
from unit.memory.orchestrator import add_run
from unit.memory.world import FLAVOR, World


class MemoryBench(Bench):
    """A world, changed by hand."""

    flavor: ClassVar[str] = FLAVOR
    needs_server: ClassVar[bool] = False
    faults: ClassVar[tuple[Fault, ...]] = EVERY_FAULT
    settings: ClassVar[Mapping[str, Json]] = {"colour": "red"}

    def __init__(self, world: World) -> None:
        self.world = world

    def overrides(self) -> Mapping[str, Json]:
        return {}

    def register(self, name: str) -> None:
        self.world.components.append(name)
        self.world.stacks[name] = name

    def cadences(self) -> Sequence[Cadence]:
        return [
            make_cadence(cron="0 3 * * 1-5", timezone="Europe/Berlin"),
            make_cadence(cron="*/15 * 1 * *"),
        ]

    def native_ids(self) -> set[str]:
        return set(self.world.natives)

    def edit_cadence(self, native_id: str) -> None:
        self.world.natives[native_id].cron = "59 23 31 12 *"

    def edit_paused(self, native_id: str, paused: bool) -> None:
        self.world.natives[native_id].paused = paused

    def remove(self, native_id: str) -> None:
        del self.world.natives[native_id]

    def add_run(self, native_id: str) -> str:
        return add_run(self.world.natives[native_id], self.world)

    @contextmanager
    def fault(self, kind: Fault) -> Iterator[None]:
        self.world.down = dict.fromkeys(self.world.components, kind)
        try:
            yield
        finally:
            self.world.down = {}
