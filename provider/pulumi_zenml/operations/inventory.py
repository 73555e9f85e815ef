"""Every schedule on both sides, joined."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

from pulumi_zenml.errors import NotFoundError, PulumiZenmlError
from pulumi_zenml.operations.entry import Entry, State
from pulumi_zenml.operations.join import join
from pulumi_zenml.operations.ports import Reader
from pulumi_zenml.operations.zenml_listing import ZenmlReader
from pulumi_zenml.operations.zenml_rows import Component, Connector, Project
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.masking import masked

_AT_ONCE = 8


@dataclass(frozen=True)
class Scope:
    """Which schedules to select. An empty field selects everything that is visible.

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
class Unreachable:
    """A project or an orchestrator that could not be read.

    Args:
        kind: ``orchestrator`` or ``project``.
        name: of the component or project.
        flavor: of the orchestrator; empty for a project.
        reason: why, and what to do.
    """

    kind: Literal["orchestrator", "project"]
    name: str
    flavor: str
    reason: str


@dataclass(frozen=True)
class Inventory:
    """Every schedule on both sides at one moment.

    Args:
        taken: when, UTC.
        entries: in order of project and name.
        unreachable: what could not be read; its schedules are unknown, not missing.
        connectors: ZenML's service connectors, for their expiry.
        zenml: the connection to ZenML, for further reads.
    """

    taken: datetime
    entries: tuple[Entry, ...]
    unreachable: tuple[Unreachable, ...]
    connectors: tuple[Connector, ...]
    zenml: Reader = field(repr=False, compare=False)

    @property
    def counterparts(self) -> int:
        """How many native schedules were found."""
        return sum(len(entry.linked) for entry in self.entries)


OnProgress = Callable[[str], None]
"""Is given one line for each thing that is being done, for a progress line."""


def take_inventory(
    connection: Connection,
    scope: Scope | None = None,
    *,
    on_progress: OnProgress = lambda text: None,
    now: datetime | None = None,
) -> Inventory:
    """Read every ZenML project and every orchestrator once.

    Costs list pages, not calls for each schedule: of records, snapshots, stacks and components in
    ZenML, and one listing of each orchestrator component.

    Args:
        connection: where ZenML is.
        scope: the schedules to select; every one by default.
        on_progress: called with each step, for a progress line.
        now: the current time, aware; the clock's by default.

    Raises:
        NotFoundError: a project that is named does not exist; suggests similar names.
        ServiceError: ZenML itself could not be read.
    """
    wanted = scope or Scope()
    on_progress("ZenML: signing in")
    zenml: Reader = ZenmlReader(connection)
    on_progress("ZenML: stacks and orchestrators")
    components = [it for it in zenml.components().values() if wanted.takes_component(it)]
    projects: list[Project] = []
    unreachable: list[Unreachable] = []
    visible = zenml.projects()
    chosen = _choose(visible, [*filter(None, [connection.project]), *wanted.projects])
    for row in chosen:
        on_progress(f"ZenML: project {row.name}")
        try:
            projects.append(zenml.project(row))
        except PulumiZenmlError as error:
            unreachable.append(Unreachable("project", row.name, "", str(error)))
    found, failed = list_counterparts(components, on_progress)
    unreachable += failed
    on_progress("joining both sides")
    elsewhere = [it for it in visible if it not in chosen]
    entries = join(
        zenml, projects, components, found, elsewhere=elsewhere, whole=len(projects) == len(chosen)
    )
    secrets = connection.secrets()
    unreachable = [replace(it, reason=masked(it.reason, secrets)) for it in unreachable]
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
    components: Sequence[Component], on_progress: OnProgress = lambda text: None
) -> tuple[Mapping[str, tuple[Counterpart, ...]], list[Unreachable]]:
    """Every counterpart by component id, and the components that could not be read."""
    # A flavor that cannot schedule has no counterparts, whatever a record says.
    found: dict[str, tuple[Counterpart, ...]] = {it.id: () for it in components if it.refused}
    failed: list[Unreachable] = []
    able = [it for it in components if not it.refused]
    if not able:
        return MappingProxyType(found), failed
    on_progress(f"listing {len(able)} orchestrators")
    started = time.monotonic()
    with ThreadPoolExecutor(min(_AT_ONCE, len(able))) as pool:
        listed = pool.map(_list_one, able)
        for done, (component, result) in enumerate(zip(able, listed, strict=True), 1):
            if isinstance(result, str):
                failed.append(Unreachable("orchestrator", component.name, component.flavor, result))
            else:
                found[component.id] = result
            passed = time.monotonic() - started
            on_progress(f"orchestrators: {done} of {len(able)} listed after {passed:.0f} s")
    return MappingProxyType(found), failed


def _list_one(component: Component) -> tuple[Counterpart, ...] | str:
    """The counterparts, or why they cannot be read."""
    if component.orchestrator is None:
        return component.problem
    try:
        return tuple(component.orchestrator.list_all())
    except PulumiZenmlError as error:
        return str(error)
    # An unexpected exception of one vendor's SDK must not stop the other reads.
    except Exception as error:
        return f"{type(error).__name__}: {error}"
