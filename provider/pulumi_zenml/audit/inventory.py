"""Every schedule on both sides, joined by what really links them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

from pulumi_zenml.audit.zenml_rows import Component, Connector, Project, Snapshot
from pulumi_zenml.audit.zenml_side import ZenmlSide
from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.connection import Connection
from pulumi_zenml.errors import NotFoundError, PulumiZenmlError
from pulumi_zenml.orchestrators.base import Counterpart, Orchestrator
from pulumi_zenml.record import Record

Link = Literal["snapshot", "stored", "name"]
State = Literal["active", "paused", "ended", "missing", "unknown"]
STATES: tuple[State, ...] = ("active", "paused", "ended", "missing", "unknown")

_AT_ONCE = 8


@dataclass(frozen=True)
class Scope:
    """What to look at. Everything the user can see, where a field is empty.

    Args:
        projects, stacks, pipelines, flavors: names.
        environments: the Pulumi stack of the owner, or a part of the schedule's name.
        states: states of either side.
        managed: owned by a Pulumi resource, or not; ``None`` for both.
        names: names of schedules.
    """

    projects: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    flavors: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    states: tuple[State, ...] = ()
    managed: bool | None = None
    names: tuple[str, ...] = ()

    def takes_component(self, component: Component) -> bool:
        """Whether the schedules of this orchestrator can be in scope."""
        flavor = not self.flavors or component.flavor in self.flavors
        return flavor and (not self.stacks or any(it in self.stacks for it in component.stacks))

    def takes(self, entry: Entry) -> bool:
        """Whether an entry is in scope."""
        return (
            _among(entry.stack, self.stacks)
            and _among(entry.pipeline, self.pipelines)
            and _among(entry.flavor, self.flavors)
            and _among(entry.name, self.names)
            and (self.managed is None or bool(entry.owner) == self.managed)
            and (not self.environments or any(map(entry.is_in_environment, self.environments)))
            and (
                not self.states
                or entry.zenml_state in self.states
                or entry.native_state in self.states
            )
        )


def _among(value: str, wanted: Sequence[str]) -> bool:
    return not wanted or value in wanted


@dataclass(frozen=True)
class Held:
    """A counterpart, the component it was found in, and how it was linked to its record."""

    counterpart: Counterpart
    component: Component
    link: Link | None = None


@dataclass(frozen=True)
class Entry:
    """One schedule as both sides have it. One side may be missing.

    Args:
        project, project_id: the ZenML project; empty for a counterpart that ZenML does not know.
        record: the row in ZenML.
        held: its counterparts; more than one is a fault.
        component: the orchestrator that the record names; ``None`` when ZenML has it no longer.
        stack: the ZenML stack's name; empty when it was deleted or is not known.
        stack_gone: the stack it was submitted to was deleted.
        pipeline: the pipeline's name.
        snapshot: the submitted snapshot, where ZenML still has it.
        looked_at: whether its orchestrator could be looked at.
        shared_with: names of other records that claim the same counterpart.
        moved_to: what its snapshot's name has come to mean; empty when that is unchanged.
    """

    project: str = ""
    project_id: str = ""
    record: Record | None = None
    held: tuple[Held, ...] = ()
    component: Component | None = None
    stack: str = ""
    stack_gone: bool = False
    pipeline: str = ""
    snapshot: Snapshot | None = None
    looked_at: bool = True
    shared_with: tuple[str, ...] = ()
    moved_to: str = ""

    @property
    def counterpart(self) -> Counterpart | None:
        """Its counterpart, the first if there are several."""
        return self.held[0].counterpart if self.held else None

    @property
    def name(self) -> str:
        """The record's name, else the native id."""
        if self.record:
            return self.record.name
        return self.counterpart.native_id if self.counterpart else ""

    @property
    def flavor(self) -> str:
        """The orchestrator's flavor; empty when the component is gone."""
        return self.component.flavor if self.component else ""

    @property
    def orchestrator(self) -> Orchestrator | None:
        """Our side of the orchestrator; ``None`` when it cannot be had."""
        return self.component.orchestrator if self.component else None

    @property
    def native_id(self) -> str:
        """The counterpart's id as found, else as the record remembers it."""
        if self.counterpart:
            return self.counterpart.native_id
        return self.record.marker.native_id if self.record else ""

    @property
    def owner(self) -> str:
        """``<project>/<stack>/<resource>`` of the Pulumi resource; empty for none."""
        mine = self.record.marker.owner if self.record else ""
        return mine or next((it.counterpart.owner for it in self.held if it.counterpart.owner), "")

    @property
    def cadence(self) -> Cadence | None:
        """When it really fires; where there is no counterpart, when it should."""
        if self.counterpart:
            return self.counterpart.cadence
        return self.record.cadence if self.record else None

    @property
    def zenml_state(self) -> State:
        """The record's state."""
        if self.record is None:
            return "missing"
        return "active" if self.record.active else "paused"

    @property
    def native_state(self) -> State:
        """The counterpart's state."""
        if not self.looked_at:
            return "unknown"
        if self.counterpart is None:
            return "missing"
        if self.counterpart.ended:
            return "ended"
        return "paused" if self.counterpart.paused else "active"

    @property
    def fires(self) -> bool:
        """Whether it starts runs as things are."""
        return self.native_state == "active"

    def is_in_environment(self, environment: str) -> bool:
        """Whether it belongs to an environment, by its owner or by its name."""
        owner = self.owner.split("/")
        if len(owner) > 2 and owner[1] == environment:
            return True
        return environment in self.name.split("-")


@dataclass(frozen=True)
class Unreachable:
    """What could not be looked at.

    Args:
        kind: ``orchestrator`` or ``project``.
        name: of the component or project.
        flavor: of the orchestrator; empty for a project.
        reason: why, and the remedy.
    """

    kind: Literal["orchestrator", "project"]
    name: str
    flavor: str
    reason: str


@dataclass(frozen=True)
class Inventory:
    """Everything there was to see at one moment.

    Args:
        taken: when, UTC.
        entries: in order of project and name.
        unreachable: what could not be looked at; its schedules are unknown, not missing.
        connectors: ZenML's service connectors, for their expiry.
        zenml: the ZenML side, for what else is to be asked.
    """

    taken: datetime
    entries: tuple[Entry, ...]
    unreachable: tuple[Unreachable, ...]
    connectors: tuple[Connector, ...]
    zenml: ZenmlSide = field(repr=False, compare=False)

    @property
    def counterparts(self) -> int:
        """How many native schedules were found."""
        return sum(len(entry.held) for entry in self.entries)


Say = Callable[[str], None]


def take_inventory(
    connection: Connection,
    scope: Scope | None = None,
    *,
    say: Say = lambda text: None,
    now: datetime | None = None,
) -> Inventory:
    """Look at every ZenML project and every orchestrator once.

    Costs list pages, not calls for each schedule: of records, snapshots, stacks and components in
    ZenML, and one listing of each orchestrator component.

    Args:
        connection: where ZenML is.
        scope: what to look at; everything by default.
        say: told what is being done, for a progress line.
        now: this instant, aware; the clock's by default.

    Raises:
        NotFoundError: a project that is named is not there; says which are near.
        ServiceError: ZenML itself could not be looked at.
    """
    from pulumi_zenml.audit.join import join

    wanted = scope or Scope()
    say("ZenML: signing in")
    zenml = ZenmlSide(connection)
    say("ZenML: stacks and orchestrators")
    components = [it for it in zenml.components().values() if wanted.takes_component(it)]
    projects: list[Project] = []
    unreachable: list[Unreachable] = []
    visible = zenml.projects()
    chosen = _choose(visible, [*filter(None, [connection.project]), *wanted.projects])
    for row in chosen:
        say(f"ZenML: project {row.name}")
        try:
            projects.append(zenml.project(row))
        except PulumiZenmlError as error:
            unreachable.append(Unreachable("project", row.name, "", str(error)))
    found, failed = list_counterparts(components, say)
    unreachable += failed
    say("joining both sides")
    elsewhere = [it for it in visible if it not in chosen]
    entries = join(
        zenml, projects, components, found, elsewhere=elsewhere, whole=len(projects) == len(chosen)
    )
    return Inventory(
        taken=now or datetime.now(UTC),
        entries=tuple(entry for entry in entries if wanted.takes(entry)),
        unreachable=tuple(unreachable),
        connectors=tuple(zenml.connectors(components)),
        zenml=zenml,
    )


def _choose(visible: Sequence[Project], wanted: Sequence[str]) -> list[Project]:
    """The projects of those names or ids; all where none is named."""
    for name in wanted:
        if not any(name in (it.id, it.name) for it in visible):
            known = [it.name for it in visible]
            raise NotFoundError("ZenML", f"there is no project '{name}'.", wanted=name, known=known)
    return [it for it in visible if not wanted or it.id in wanted or it.name in wanted]


def list_counterparts(
    components: Sequence[Component], say: Say = lambda text: None
) -> tuple[Mapping[str, tuple[Counterpart, ...]], list[Unreachable]]:
    """Every counterpart by component id, and the components that could not be looked at."""
    # A flavor that cannot schedule has no counterparts, whatever a record says.
    found: dict[str, tuple[Counterpart, ...]] = {it.id: () for it in components if it.refused}
    failed: list[Unreachable] = []
    able = [it for it in components if not it.refused]
    if not able:
        return MappingProxyType(found), failed
    say(f"listing {len(able)} orchestrators")
    started = time.monotonic()
    with ThreadPoolExecutor(min(_AT_ONCE, len(able))) as pool:
        listed = pool.map(_list_one, able)
        for done, (component, result) in enumerate(zip(able, listed, strict=True), 1):
            if isinstance(result, str):
                failed.append(Unreachable("orchestrator", component.name, component.flavor, result))
            else:
                found[component.id] = result
            passed = time.monotonic() - started
            say(f"orchestrators: {done} of {len(able)} listed after {passed:.0f} s")
    return MappingProxyType(found), failed


def _list_one(component: Component) -> tuple[Counterpart, ...] | str:
    """The counterparts, or why they cannot be had."""
    if component.orchestrator is None:
        return component.problem
    try:
        return tuple(component.orchestrator.list_all())
    except PulumiZenmlError as error:
        return str(error)
    # Whatever one vendor's SDK raises must not keep the others from being looked at.
    except Exception as error:
        return f"{type(error).__name__}: {error}"
