"""One schedule as both sides have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.identity import read_owner
from pulumi_zenml.operations.zenml_rows import Component, Snapshot
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.zenml.records import Record

Link = Literal["snapshot", "stored", "name"]
State = Literal["active", "paused", "ended", "missing", "unknown"]
STATES: tuple[State, ...] = ("active", "paused", "ended", "missing", "unknown")


@dataclass(frozen=True)
class LinkedCounterpart:
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
        linked: its counterparts; more than one is an error.
        component: the orchestrator that the record names; ``None`` when it was deleted.
        stack: the ZenML stack's name; empty when it was deleted or is not known.
        stack_gone: the stack it was submitted to was deleted.
        pipeline: the pipeline's name.
        snapshot: the submitted snapshot, where ZenML still has it.
        reachable: whether its orchestrator could be read.
        shared_with: names of other records that claim the same counterpart.
        moved_to: the snapshot that its reference resolves to now; empty when that is unchanged.
    """

    project: str = ""
    project_id: str = ""
    record: Record | None = None
    linked: tuple[LinkedCounterpart, ...] = ()
    component: Component | None = None
    stack: str = ""
    stack_gone: bool = False
    pipeline: str = ""
    snapshot: Snapshot | None = None
    reachable: bool = True
    shared_with: tuple[str, ...] = ()
    moved_to: str = ""

    @property
    def counterpart(self) -> Counterpart | None:
        """Its counterpart, the first if there are several."""
        return self.linked[0].counterpart if self.linked else None

    @property
    def name(self) -> str:
        """The record's name, else the native id."""
        if self.record:
            return self.record.name
        return self.counterpart.native_id if self.counterpart else ""

    @property
    def flavor(self) -> str:
        """The orchestrator's flavor; empty when the component was deleted."""
        return self.component.flavor if self.component else ""

    @property
    def orchestrator(self) -> Orchestrator | None:
        """The orchestrator; ``None`` when it cannot be loaded."""
        return self.component.orchestrator if self.component else None

    @property
    def native_id(self) -> str:
        """The counterpart's id as found, else as stored on the record."""
        if self.counterpart:
            return self.counterpart.native_id
        return self.record.marker.native_id if self.record else ""

    @property
    def owner(self) -> str:
        """The label of the Pulumi resource that owns it, for people; empty for none."""
        owner = read_owner(self.owner_mark)
        return owner.label if owner else ""

    @property
    def owner_mark(self) -> str:
        """The owner as marked, with the key of its stack; empty for none."""
        mine = self.record.marker.owner if self.record else ""
        return mine or next(
            (it.counterpart.owner for it in self.linked if it.counterpart.owner), ""
        )

    @property
    def cadence(self) -> Cadence | None:
        """The counterpart's cadence; without a counterpart, the record's."""
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
        if not self.reachable:
            return "unknown"
        if self.counterpart is None:
            return "missing"
        if self.counterpart.ended:
            return "ended"
        return "paused" if self.counterpart.paused else "active"

    @property
    def fires(self) -> bool:
        """Whether it starts runs now."""
        return self.native_state == "active"

    def is_in_environment(self, environment: str) -> bool:
        """Whether it belongs to an environment, by its owner or by its name."""
        owner = self.owner.split("/")
        if len(owner) > 3 and owner[2] == environment:
            return True
        return environment in self.name.split("-")
