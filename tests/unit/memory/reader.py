"""ZenML as the operations read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from pulumi_zenml.lifecycle.ports import Zenml
from pulumi_zenml.operations.zenml_rows import Component, Connector, Project, Run, Snapshot
from pulumi_zenml.zenml.connection import Connection
from unit.memory import world as memory
from unit.memory.orchestrator import MemoryOrchestrator, component_id
from unit.memory.world import FLAVOR, PROJECT, World
from unit.memory.zenml import PIPELINE, MemoryZenml


class MemoryReader:
    """The world in rows; see :class:`~pulumi_zenml.operations.ports.Reader`."""

    def __init__(self, world: World, connection: Connection) -> None:
        self.connection = connection
        self.warnings: list[str] = []
        self._world = world
        self._session: Zenml | None = None

    def session(self, project_id: str) -> Zenml:
        if self._session is None:
            self._session = MemoryZenml(self._world)
        return self._session

    def projects(self) -> list[Project]:
        return [Project(PROJECT, PROJECT)]

    def project(self, row: Project) -> Project:
        copies = [it for it in self._world.snapshots.values() if it.record]
        rows = [it for it in map(self._row, copies) if it.schedule_id]
        return replace(
            row,
            records=tuple(self._world.records.values()),
            snapshots={it.id: it for it in reversed(rows)},
        )

    def components(self) -> dict[str, Component]:
        made = [
            Component(
                id=component_id(name),
                name=name,
                flavor=FLAVOR,
                stacks=tuple(it for it, part in self._world.stacks.items() if part == name),
                orchestrator=MemoryOrchestrator(self._world, name),
                connector_id=f"connector-{name}" if name in self._world.expiring else "",
            )
            for name in self._world.components
        ]
        return {it.id: it for it in made}

    def connectors(self, components: Sequence[Component]) -> list[Connector]:
        return [
            Connector(it.connector_id, self._world.expiring[it.name], (it.name,))
            for it in components
            if it.connector_id
        ]

    def snapshots(self, project_id: str, ids: Iterable[str]) -> dict[str, Snapshot]:
        wanted = set(ids)
        found = [it for it in self._world.snapshots.values() if it.id in wanted]
        return {it.id: self._row(it) for it in found}

    def snapshot_named(self, project_id: str, reference: str) -> str:
        return self.session(project_id).snapshot_id(reference) or ""

    def pipeline(self, project_id: str, pipeline_id: str) -> str:
        return "training" if pipeline_id == PIPELINE else ""

    def runs_since(self, project_id: str, since: datetime) -> Iterator[Run]:
        yield from (it for it in self._newest_first() if it.schedule_id and it.started >= since)

    def runs_in_progress(self, project_id: str) -> list[Run]:
        return [it for it in self._newest_first() if it.schedule_id and it.in_progress]

    def last_runs(
        self, project_id: str, schedule_ids: Iterable[str], count: int
    ) -> dict[str, list[Run]]:
        return {id: self.runs_of(project_id, id, count) for id in schedule_ids}

    def runs_of(self, project_id: str, schedule_id: str, limit: int) -> list[Run]:
        return [it for it in self._newest_first() if it.schedule_id == schedule_id][:limit]

    def runs_of_snapshots(
        self, project_id: str, snapshot_ids: Sequence[str], since: datetime
    ) -> list[Run]:
        made_for = {self._world.snapshots[it].record for it in snapshot_ids}
        found = self._newest_first()
        return [it for it in found if it.schedule_id in made_for and it.started >= since]

    def runs_url(self) -> str:
        return ""

    def _newest_first(self) -> list[Run]:
        return sorted(self._world.runs, key=lambda it: it.started, reverse=True)

    def _row(self, snapshot: memory.Snapshot) -> Snapshot:
        kept = self._world.records.keys() | self._world.archived
        return Snapshot(
            id=snapshot.id,
            project_id=PROJECT,
            name=snapshot.name,
            pipeline=snapshot.pipeline,
            pipeline_id=PIPELINE,
            schedule_id=snapshot.record if snapshot.record in kept else "",
            schedule_archived=snapshot.record in self._world.archived,
            stack=snapshot.stack if snapshot.stack in self._world.stacks else "",
            has_build=snapshot.has_build,
        )
