"""ZenML as one process sees it, and the host of a provider process on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from pulumi_zenml.errors import NotFoundError, UnreachableError
from pulumi_zenml.identity import MarkedName
from pulumi_zenml.json_types import Json
from pulumi_zenml.lifecycle.ports import Zenml
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.schedule.host import Host
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.project import Source, StackRef
from pulumi_zenml.zenml.source import PipelineSource
from pulumi_zenml.zenml.submission import Submission
from unit.memory.orchestrator import MemoryOrchestrator, component_id
from unit.memory.records import MemoryRecords
from unit.memory.world import FLAVOR, Snapshot, World

URL = "https://zenml.invalid"
PIPELINE = "pipeline-training"


class MemoryZenml:
    """The world's project; see :class:`~pulumi_zenml.lifecycle.ports.Zenml`."""

    has_tokens = True

    def __init__(self, world: World) -> None:
        self._world = world
        self.records = MemoryRecords(world)
        self._orchestrators = {
            component_id(it): MemoryOrchestrator(world, it) for it in world.components
        }
        self._listings: dict[str, dict[str, Counterpart]] = {}
        self._down: dict[str, UnreachableError] = {}

    def warn(self, text: str, /) -> None:
        self._world.warnings.append(text)

    def other_projects(self) -> list[str]:
        return []

    def stack_ref(self, name: str) -> StackRef:
        self._component(name)
        return StackRef(name, name)

    def flavor(self, stack: str) -> str:
        self._component(stack)
        return FLAVOR

    def components(self) -> Mapping[str, str]:
        return dict.fromkeys(self._world.components, FLAVOR)

    def require_pipeline(self, id: str, name: str) -> None:
        if id != PIPELINE:
            raise NotFoundError("memory", f"there is no pipeline '{name}'")

    def source(self, reference: str) -> Source:
        found = self._world.snapshots.get(self.snapshot_id(reference) or "")
        if found is None:
            raise NotFoundError(
                "memory", f"there is no snapshot '{reference}'.", property="snapshot"
            )
        return Source(found.id, found.name, PIPELINE, found.pipeline, copied_from=found.copied_from)

    def snapshot_id(self, reference: str) -> str | None:
        pipeline, _, name = reference.rpartition(":")
        if not pipeline:
            return name
        named = (it for it in self._world.snapshots.values() if not it.copied_from)
        return next((it.id for it in named if (it.pipeline, it.name) == (pipeline, name)), None)

    def snapshot_record(self, snapshot_id: str) -> str | None:
        found = self._world.snapshots.get(snapshot_id)
        return found.record or None if found else None

    def is_same_work(self, one: Source, other: Source) -> bool:
        first, second = (self._world.snapshots[it.id] for it in (one, other))
        return (first.pipeline, first.has_build) == (second.pipeline, second.has_build)

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
            self._world.snapshots[id] = Snapshot(
                id, "", source.pipeline, source.id, record_id, stack.name
            )
        return id

    def submit(self, snapshot_id: str, stack: StackRef, submission: Submission, name: str) -> None:
        self._at(stack.name).submit(snapshot_id)

    def build(self, pipeline: PipelineSource, stack: StackRef, name: str) -> Source:
        raise NotImplementedError

    def orchestrator(self, stack: str) -> Orchestrator:
        return self._at(stack)

    def orchestrator_by_id(self, component_id: str | None) -> Orchestrator | None:
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

    def _component(self, stack: str) -> str:
        try:
            return self._world.stacks[stack]
        except KeyError:
            raise NotFoundError(
                "memory",
                f"there is no stack '{stack}'.",
                property="stack",
                wanted=stack,
                known=self._world.stacks,
            ) from None

    def _at(self, stack: str) -> MemoryOrchestrator:
        return self._orchestrators[component_id(self._component(stack))]


class MemoryHost(Host):
    """What a provider process shares, with its ZenML in memory."""

    def __init__(self, world: World, connection: Connection | None = None) -> None:
        super().__init__(replace(connection or Connection(), server_url=URL))
        self._world = world
        self._left: dict[str, MarkedName] | None = None

    def open_session(self, project: str) -> Zenml:
        return MemoryZenml(self._world)

    def unfinished_of_stack(self, key: str, project: str = "") -> dict[str, MarkedName]:
        if self._left is None:
            marked = {it.id: it.unfinished for it in self._world.records.values()}
            self._left = {id: it for id, it in marked.items() if it}
        return {id: it for id, it in self._left.items() if it.key == key}

    def say(self, text: str, props: Mapping[str, object]) -> None:
        self._world.warnings.append(text)

    def warn(self, text: str) -> None:
        self._world.warnings.append(text)
