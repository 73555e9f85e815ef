"""The doctor: whether everything that a schedule needs exists, works and accepts our login."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from pulumi_zenml.lifecycle.session import Session
from pulumi_zenml.operations.doctor.check import AREAS, Check, carry_out, exit_code
from pulumi_zenml.operations.doctor.machine import look_at_machine
from pulumi_zenml.operations.doctor.packages import look_at_packages
from pulumi_zenml.operations.doctor.probing import probe_orchestrator, probe_orchestrators
from pulumi_zenml.operations.doctor.schedules import find, look_at_all, look_at_one
from pulumi_zenml.operations.doctor.secrets import without_secrets
from pulumi_zenml.operations.doctor.stacks import look_at_stack
from pulumi_zenml.operations.doctor.zenml import look_at_zenml
from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.inventory import Inventory, Say, Scope, take_inventory
from pulumi_zenml.operations.zenml_rows import Component
from pulumi_zenml.orchestrators.probe import Seen
from pulumi_zenml.zenml.connection import Connection

__all__ = ["AREAS", "Check", "diagnose", "exit_code", "probe_orchestrator"]


def diagnose(
    connection: Connection,
    name: str | None = None,
    scope: Scope | None = None,
    *,
    say: Say = lambda text: None,
    now: datetime | None = None,
) -> list[Check]:
    """Check everything that schedules need, and change nothing.

    Stacks and orchestrators: those of schedule ``name``; else those that schedules in scope use;
    if none does, every stack in scope whose orchestrator can schedule.

    Args:
        connection: where ZenML is.
        name: of one schedule, or its native id; ``None`` for a check of all.
        scope: the schedules to select; every one by default.
        say: called with each step, for a progress line.
        now: the current time, aware; the clock's by default.

    Returns:
        The checks in order of area. Problems are failed checks, not exceptions.
    """
    found = list(_diagnose(connection, name, scope or Scope(), say, now or datetime.now(UTC)))
    return sorted(without_secrets(found, connection), key=lambda it: AREAS.index(it.area))


def _diagnose(
    connection: Connection, name: str | None, scope: Scope, say: Say, now: datetime
) -> Iterator[Check]:
    say("ZenML: signing in")
    zenml = list(look_at_zenml(connection))
    yield from zenml
    say("this machine")
    yield from look_at_machine(connection.url())
    if exit_code(zenml) == 2:
        yield from look_at_packages([])
        return
    inventories: list[Inventory] = []

    def look() -> Seen:
        inventories.append(take_inventory(connection, scope, say=say, now=now))
        taken = inventories[0]
        counterparts = f"{taken.counterparts} counterparts"
        return Seen(f"listed: {len(taken.entries)} schedules, {counterparts}")

    listed, raised = carry_out("zenml", "schedules", "", look, blocking=True)
    yield listed
    if raised:
        return
    (inventory,) = inventories
    entry = None
    if name is not None:
        entry, exists = find(inventory, name)
        yield exists
    stacks, components = _used(inventory, entry, scope)
    session = Session(connection)
    for stack in stacks:
        say(f"stack {stack}")
        yield from look_at_stack(session, stack, now)
    yield from look_at_packages([it.flavor for it in components if not it.refused])
    yield from probe_orchestrators(components, say)
    say("schedules")
    yield from look_at_one(inventory, entry) if entry else look_at_all(inventory)


def _used(
    inventory: Inventory, entry: Entry | None, scope: Scope
) -> tuple[Sequence[str], Sequence[Component]]:
    """The stacks and orchestrators to check, in order of name."""
    every = [it for it in inventory.zenml.components().values() if scope.takes_component(it)]
    entries = [entry] if entry else inventory.entries
    stacks = {it.stack for it in entries if it.stack}
    used = {part.id for it in entries for part in _components(it)}
    if not used and not stacks and not entry:
        able = [it for it in every if not it.refused]
        stacks = {stack for it in able for stack in it.stacks}
        used = {it.id for it in able}
    # A stack that is named is checked, even without schedules.
    stacks |= set(scope.stacks)
    chosen = [
        it for it in every if it.id in used or any(stack in scope.stacks for stack in it.stacks)
    ]
    return sorted(stacks), sorted(chosen, key=lambda it: it.name)


def _components(entry: Entry) -> Iterator[Component]:
    if entry.component:
        yield entry.component
    yield from (held.component for held in entry.held)
