"""ZenML's records as one process sees them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.errors import RefusedError
from pulumi_zenml.identity import Owner
from pulumi_zenml.zenml.records import Marker, Record
from unit.memory.world import World


class MemoryRecords:
    """One listing, and its own writes; see :class:`~pulumi_zenml.lifecycle.ports.RecordStore`."""

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
            created=self._world.now(),
            updated=self._world.now(),
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

    def note(self, record: Record, key: str, value: str) -> None:
        with self._world.changing("note on record"):
            now = self._world.records[record.id]
            self._world.records[record.id] = replace(now, metadata={**now.metadata, key: value})

    def give_back(self, record: Record, owner: str = "") -> Record:
        marker = replace(record.marker, owner=owner, retain="", adopted_from="")
        released = replace(record, marker=marker)
        with self._world.changing("give record back"):
            self._write(released)
        return released

    def rename(self, record: Record, name: str) -> Record:
        renamed = self._changed(record, name=name)
        with self._world.changing("rename record"):
            self._check_name(name, record.id)
            self._write(renamed)
        return renamed

    def set_active(self, record: Record, active: bool) -> Record:
        if record.active == active:
            return record
        changed = self._changed(record, active=active)
        with self._world.changing("set record active"):
            # As ZenML does: what was noted on the record since it was read stays.
            now = self._world.records.get(record.id, changed)
            self._write(replace(changed, metadata=now.metadata))
        return changed

    def set_cron(self, record: Record, cadence: Cadence) -> Record:
        if record.cron == cadence.cron:
            return record
        changed = self._changed(record, cron=cadence.cron, cadence=cadence)
        with self._world.changing("set record cron"):
            self._write(changed)
        return changed

    def delete(self, record: Record, *, keep_snapshots: bool = False) -> None:
        has_runs = any(it.schedule_id == record.id for it in self._world.runs)
        if not keep_snapshots and not has_runs:
            for id in self.snapshot_ids(record):
                if self._world.snapshots[id].copied_from:
                    with self._world.changing("delete snapshot"):
                        del self._world.snapshots[id]
        with self._world.changing("delete record"):
            self._world.records.pop(record.id, None)
            if has_runs:
                self._world.archived.add(record.id)
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
        if not any(it.schedule_id == id for it in self._world.runs):
            self._world.archived.discard(id)

    def running(self, record: Record) -> list[str]:
        going = [it for it in self._world.runs if it.schedule_id == record.id and it.in_progress]
        return [*self._world.running.get(record.id, ()), *(it.name for it in going)]

    def _check_name(self, name: str, id: str) -> None:
        if any(it.name == name and it.id != id for it in self._world.records.values()):
            raise RefusedError("memory", f"there is a schedule '{name}'")

    def _changed(self, record: Record, **columns: Any) -> Record:
        return replace(record, updated=self._world.now(), **columns)

    def _write(self, record: Record) -> None:
        self._world.records[record.id] = record
        if self._known is not None:
            self._known[record.id] = record
