"""The doctor: whether everything that a schedule needs exists, works and accepts our login."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from pulumi_zenml.lifecycle.session import Session
from pulumi_zenml.operations.doctor.check import AREAS, Check, exit_code, run_check
from pulumi_zenml.operations.doctor.machine import check_machine
from pulumi_zenml.operations.doctor.packages import check_packages
from pulumi_zenml.operations.doctor.probing import probe_orchestrator, probe_orchestrators
from pulumi_zenml.operations.doctor.schedules import check_schedule, check_schedules, find
from pulumi_zenml.operations.doctor.stacks import check_stack
from pulumi_zenml.operations.doctor.zenml import check_zenml
from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.inventory import Inventory, OnProgress, Scope, take_inventory
from pulumi_zenml.operations.zenml_rows import Component
from pulumi_zenml.orchestrators.probe import ProbeResult
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.masking import masked

__all__ = ["AREAS", "Check", "diagnose", "exit_code", "probe_orchestrator"]


def diagnose(
    connection: Connection,
    name: str | None = None,
    scope: Scope | None = None,
    *,
    on_progress: OnProgress = lambda text: None,
    now: datetime | None = None,
) -> list[Check]:
    """Check everything that schedules need, and change nothing.

    Stacks and orchestrators: those of schedule ``name``; else those that schedules in scope use;
    if none does, every stack in scope whose orchestrator can schedule.

    Args:
        connection: where ZenML is.
        name: of one schedule, or its native id; ``None`` for a check of all.
        scope: the schedules to select; every one by default.
        on_progress: called with each step, for a progress line.
        now: the current time, aware; the clock's by default.

    Returns:
        The checks in order of area. Problems are failed checks, not exceptions.
    """
    found = list(
        _diagnose(connection, name, scope or Scope(), on_progress, now or datetime.now(UTC))
    )
    shown = [_without_secrets(it, connection) for it in found]
    return sorted(shown, key=lambda it: AREAS.index(it.area))


def _diagnose(
    connection: Connection, name: str | None, scope: Scope, on_progress: OnProgress, now: datetime
) -> Iterator[Check]:
    on_progress("ZenML: signing in")
    zenml = list(check_zenml(connection))
    yield from zenml
    on_progress("this machine")
    yield from check_machine(connection.url())
    if exit_code(zenml) == 2:
        yield from check_packages([])
        return
    inventories: list[Inventory] = []

    def look() -> ProbeResult:
        inventories.append(take_inventory(connection, scope, on_progress=on_progress, now=now))
        taken = inventories[0]
        counterparts = f"{taken.counterparts} counterparts"
        return ProbeResult(f"listed: {len(taken.entries)} schedules, {counterparts}")

    listed, raised = run_check("zenml", "schedules", "", look, blocking=True)
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
        on_progress(f"stack {stack}")
        yield from check_stack(session, stack, now)
    yield from check_packages([it.flavor for it in components if not it.refused])
    yield from probe_orchestrators(components, on_progress)
    on_progress("schedules")
    yield from check_schedule(inventory, entry) if entry else check_schedules(inventory)


def _without_secrets(check: Check, connection: Connection) -> Check:
    """A check as it may be shown: an SDK may quote its arguments in an error."""
    secrets = connection.secrets()
    return replace(
        check, detail=masked(check.detail, secrets), remedy=masked(check.remedy, secrets)
    )


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
    yield from (linked.component for linked in entry.linked)
