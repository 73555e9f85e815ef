"""Joining records and counterparts by snapshot, by stored link, or else by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from pulumi_zenml.cadence.naming import slug
from pulumi_zenml.operations.entry import Entry, Link, LinkedCounterpart
from pulumi_zenml.operations.ports import Reader
from pulumi_zenml.operations.zenml_rows import Component, Project, Snapshot
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.zenml.records import Record

# Shorter values in a record's metadata are no identifiers.
_SHORTEST_LINK = 6

Found = Mapping[str, Sequence[Counterpart]]
_Identity = tuple[str, str, str, str, str, bool]


def join(
    zenml: Reader,
    projects: Sequence[Project],
    components: Sequence[Component],
    found: Found,
    *,
    elsewhere: Sequence[Project] = (),
    whole: bool = True,
) -> list[Entry]:
    """The entries of all projects, in order of project and name.

    A counterpart belongs to the record that its snapshot was submitted for; if that is not known,
    to the record that stores its native id; only then, if its snapshot cannot be read or is
    unknown, to a record of the same name.

    Args:
        zenml: to read what the projects' listings do not have.
        projects: with their records and snapshots.
        components: the orchestrators in scope.
        found: the counterparts by component id; components that could not be listed are absent.
        elsewhere: projects out of scope; what belongs to them is left out.
        whole: whether every project in scope could be read; if not, a counterpart without a
            record may belong to one that could not, and is left out too.
    """
    joined = _Join(zenml, projects, components, found)
    return joined.entries(elsewhere, whole=whole)


class _Join:
    def __init__(
        self,
        zenml: Reader,
        projects: Sequence[Project],
        components: Sequence[Component],
        found: Found,
    ) -> None:
        self._zenml = zenml
        self._projects = projects
        self._in_scope = {it.id: it for it in components}
        self._found = found
        self._records = {record.id: record for it in projects for record in it.records}
        self._snapshots: dict[str, Snapshot] = {}
        for project in projects:
            self._snapshots |= project.snapshots
        self._by_snapshot = {
            it.marker.snapshot: it for it in self._records.values() if it.marker.snapshot
        }
        self._by_stored_link = _stored_links(self._records.values())
        self._seen_in: dict[_Identity, set[str]] = {}
        self._of_record: dict[str, list[str]] = {}
        for snapshot in self._snapshots.values():
            self._of_record.setdefault(snapshot.schedule_id, []).append(snapshot.id)

    def entries(self, elsewhere: Sequence[Project], *, whole: bool) -> list[Entry]:
        linked = self._distinct()
        missing = self._look_up(it.counterpart.snapshot_id for it in linked)
        theirs: set[str] = set()
        for project in elsewhere:
            if missing:
                theirs |= self._zenml.snapshots(project.id, missing).keys()
        linked = [it for it in linked if it.counterpart.snapshot_id not in theirs]
        mine: dict[str, list[LinkedCounterpart]] = {}
        shared: dict[str, list[str]] = {}
        alone: list[LinkedCounterpart] = []
        for it in linked:
            claims = self._claims(it)
            if not claims:
                alone.append(it)
                continue
            (first, link), *others = claims.items()
            mine.setdefault(first, []).append(replace(it, link=link))
            for other, _ in others:
                shared.setdefault(first, []).append(self._records[other].name)
                shared.setdefault(other, []).append(self._records[first].name)
        alone = self._link_by_name(alone, mine, shared)
        if not whole:
            alone = [it for it in alone if it.counterpart.snapshot_id in self._snapshots]
        entries = [
            self._of(project, record, mine.get(record.id, []), shared.get(record.id, []))
            for project in self._projects
            for record in project.records
            if self._is_in_scope(record)
        ]
        entries += map(self._orphan, alone)
        return sorted(entries, key=lambda it: (it.project, it.name, it.native_id))

    def _is_in_scope(self, record: Record) -> bool:
        # A record whose component was deleted is in every scope.
        here = record.orchestrator_id
        return here in self._in_scope or here not in self._zenml.components()

    def _distinct(self) -> list[LinkedCounterpart]:
        """Each counterpart once: two components may point to the same place."""
        seen: dict[_Identity, LinkedCounterpart] = {}
        for id, counterparts in self._found.items():
            component = self._in_scope[id]
            for it in counterparts:
                record = self._record_of_snapshot(it.snapshot_id)
                key = _identity(component, it)
                self._seen_in.setdefault(key, set()).add(id)
                if key not in seen or (record and record.orchestrator_id == id):
                    seen[key] = LinkedCounterpart(it, component)
        return list(seen.values())

    def _look_up(self, ids: Iterable[str | None]) -> set[str]:
        """Find the snapshots without a record; returns those that were deleted themselves."""
        missing = {id for id in ids if id and id not in self._snapshots}
        for project in self._projects:
            if missing:
                found = self._zenml.snapshots(project.id, missing)
                self._snapshots |= found
                missing -= found.keys()
        return missing

    def _record_of_snapshot(self, id: str | None) -> Record | None:
        snapshot = self._snapshots.get(id or "")
        linked = self._records.get(snapshot.schedule_id) if snapshot else None
        return linked or self._by_snapshot.get(id or "")

    def _claims(self, linked: LinkedCounterpart) -> dict[str, Link]:
        """The records that claim a counterpart, the best claim first."""
        claims: dict[str, Link] = {}
        record = self._record_of_snapshot(linked.counterpart.snapshot_id)
        if record:
            claims[record.id] = "snapshot"
        native_id = linked.counterpart.native_id
        for component_id in sorted(self._seen_in[_identity(linked.component, linked.counterpart)]):
            for key in dict.fromkeys((native_id, native_id.rpartition("/")[2])):
                for other in self._by_stored_link.get((component_id, key), ()):
                    claims.setdefault(other, "stored")
        return claims

    def _link_by_name(
        self,
        alone: list[LinkedCounterpart],
        mine: dict[str, list[LinkedCounterpart]],
        shared: Mapping[str, object],
    ) -> list[LinkedCounterpart]:
        """Link by name what nothing else links, and return the rest."""
        free = {
            (it.orchestrator_id, slug(it.name)): it.id
            for it in self._records.values()
            if it.id not in mine and it.id not in shared
        }
        left = []
        for linked in alone:
            unreadable = linked.counterpart.snapshot_id not in self._snapshots
            name = slug(linked.counterpart.native_id.rpartition("/")[2])
            record = free.pop((linked.component.id, name), None) if unreadable else None
            if record:
                mine[record] = [replace(linked, link="name")]
            else:
                left.append(linked)
        return left

    def _of(
        self,
        project: Project,
        record: Record,
        linked: Sequence[LinkedCounterpart],
        shared: Sequence[str],
    ) -> Entry:
        component = self._zenml.components().get(record.orchestrator_id or "")
        running = linked[0].counterpart.snapshot_id if linked else ""
        latest = next(iter(self._of_record.get(record.id, ())), "")
        known = filter(
            None, map(self._snapshots.get, (running or "", record.marker.snapshot, latest))
        )
        snapshot = next(known, None)
        stacks = component.stacks if component else ()
        pipeline = snapshot.pipeline if snapshot else ""
        if not pipeline and record.pipeline_id:
            pipeline = self._zenml.pipeline(project.id, record.pipeline_id)
        only = stacks[0] if len(stacks) == 1 and snapshot is None else ""
        return Entry(
            project=project.name,
            project_id=project.id,
            record=record,
            linked=tuple(sorted(linked, key=partial(_best_first, record))),
            component=component,
            stack=snapshot.stack if snapshot and snapshot.stack else only,
            stack_gone=snapshot is not None and not snapshot.stack,
            pipeline=pipeline,
            snapshot=snapshot,
            reachable=component is None or component.id in self._found,
            shared_with=tuple(shared),
            moved_to=self._moved_to(project, record),
        )

    def _moved_to(self, project: Project, record: Record) -> str:
        reference, source = record.marker.reference, record.marker.source
        if ":" not in reference or not source:
            return ""
        now = self._zenml.snapshot_named(project.id, reference)
        return "" if now == source else now or "nothing"

    def _orphan(self, linked: LinkedCounterpart) -> Entry:
        snapshot = self._snapshots.get(linked.counterpart.snapshot_id or "")
        names = {project.id: project.name for project in self._projects}
        stacks = linked.component.stacks
        return Entry(
            project=names.get(snapshot.project_id, "") if snapshot else "",
            project_id=snapshot.project_id if snapshot else "",
            linked=(linked,),
            component=linked.component,
            stack=snapshot.stack if snapshot and snapshot.stack else next(iter(stacks), ""),
            stack_gone=snapshot is not None and not snapshot.stack,
            pipeline=snapshot.pipeline if snapshot else linked.counterpart.pipeline,
            snapshot=snapshot,
        )


def _identity(component: Component, counterpart: Counterpart) -> _Identity:
    return (
        component.flavor,
        counterpart.native_id,
        counterpart.snapshot_id or "",
        counterpart.url,
        counterpart.native.text,
        counterpart.paused,
    )


def _stored_links(records: Iterable[Record]) -> dict[tuple[str, str], list[str]]:
    """The records by component and by their counterpart's id, as stored on them."""
    index: dict[tuple[str, str], list[str]] = {}
    for record in records:
        if record.marker.native_id:
            keys = {record.marker.native_id}
        else:
            values = [it for it in record.metadata.values() if len(it) >= _SHORTEST_LINK]
            keys = {*values, *(it.rpartition("/")[2] for it in values)}
        for key in keys:
            index.setdefault((record.orchestrator_id or "", key), []).append(record.id)
    return index


def _best_first(record: Record, linked: LinkedCounterpart) -> tuple[bool, bool, str]:
    counterpart = linked.counterpart
    return (
        counterpart.native_id != record.marker.native_id,
        counterpart.snapshot_id != record.marker.snapshot,
        counterpart.native_id,
    )
