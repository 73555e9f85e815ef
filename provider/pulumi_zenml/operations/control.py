"""For the engineer on call: pause, resume and trigger a schedule, managed or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from pulumi_zenml.errors import (
    CannotExpressError,
    InputError,
    NotFoundError,
    PulumiZenmlError,
    RefusedError,
    RunInProgressError,
)
from pulumi_zenml.lifecycle.pair import Pair
from pulumi_zenml.lifecycle.pairs import Pairs
from pulumi_zenml.lifecycle.running import Policy, WhenRunning
from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.inventory import Inventory
from pulumi_zenml.operations.pair_findings import PAUSED_UNTIL, paused_until
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.zenml import trace


@dataclass(frozen=True)
class DueResume:
    """What became of one schedule whose pause is over.

    Args:
        entry: as it was before.
        problem: why it was not resumed; empty when it was.
    """

    entry: Entry
    problem: str = ""


def find_schedule(inventory: Inventory, name: str) -> Entry:
    """The entry of that name or native id.

    Raises:
        NotFoundError: there is none; suggests similar names.
        InputError: there are several; names their projects.
    """
    found = [
        entry
        for entry in inventory.entries
        if name == entry.name or any(it.counterpart.native_id == name for it in entry.linked)
    ]
    if not found:
        raise NotFoundError(
            "ZenML",
            f"there is no schedule '{name}'.",
            wanted=name,
            known=[entry.name for entry in inventory.entries],
        )
    if len(found) > 1:
        where = ", ".join(entry.project or "no project" for entry in found)
        raise InputError("name", f"'{name}' is in several projects ({where}). Give --project.")
    return found[0]


def pause(
    inventory: Inventory,
    entry: Entry,
    *,
    until: datetime | None = None,
    when_running: WhenRunning = "refuse",
) -> list[str]:
    """Pause both sides.

    Args:
        inventory: the inventory of ``entry``.
        entry: the schedule.
        until: when :func:`resume_due` ends the pause, aware; stored on the record before anything
            is paused, so that no interruption leaves a pause without its end.
        when_running: ``refuse``, ``wait`` or ``ignore``, when a run would lose its credentials.

    Returns:
        What the user must know, in words.

    Raises:
        RefusedError: its orchestrator cannot be read.
        CannotExpressError: its orchestrator cannot pause.
        RunInProgressError: a run would lose its credentials.
    """
    if until and entry.record is None:
        raise InputError("--until", f"'{entry.name}' has no record in ZenML to store it on.")
    before = paused_until(entry.record) if entry.record else None
    _remember(inventory, entry, until)
    try:
        _set_paused(inventory, entry, True, when_running)
    except (CannotExpressError, RefusedError, RunInProgressError):
        # Nothing was paused. After any other error one side may be, so its end stays stored.
        if until or before:
            _remember(inventory, entry, before, changed=True)
        raise
    if until:
        return [f"paused until {until.isoformat()}; 'pulumi-zenml resume --due' ends it."]
    return _next_up(entry)


def resume(inventory: Inventory, entry: Entry) -> list[str]:
    """Resume both sides; returns what the user must know.

    Raises:
        RefusedError: its orchestrator cannot be read.
    """
    _set_paused(inventory, entry, False, "ignore")
    _remember(inventory, entry, None)
    return [*inventory.zenml.warnings, *_next_up(entry)]


def resume_due(inventory: Inventory) -> list[DueResume]:
    """Resume what was paused until an instant that has passed, whatever fails among it.

    Returns:
        One for each schedule that was due. What was not resumed stays due.
    """
    due = []
    for entry in inventory.entries:
        until = paused_until(entry.record) if entry.record else None
        if until and until <= inventory.taken:
            due.append(_resume_due(inventory, entry))
    return due


def _resume_due(inventory: Inventory, entry: Entry) -> DueResume:
    try:
        resume(inventory, entry)
    except Exception as error:
        trace.trace(error)
        kind = "" if isinstance(error, PulumiZenmlError) else f"{type(error).__name__}: "
        return DueResume(entry, " ".join(f"{kind}{error}".split()))
    return DueResume(entry)


def trigger(inventory: Inventory, entry: Entry) -> str:
    """Start a run now; returns the native run id.

    Raises:
        RefusedError: it has no counterpart, or ZenML would refuse the run's credentials.
        CannotExpressError: its orchestrator cannot.
    """
    orchestrator = _reachable(entry)
    if entry.counterpart is None or orchestrator is None:
        raise RefusedError("ZenML", f"'{entry.name}' has no counterpart to start.")
    if entry.record is None:
        raise RefusedError(
            "ZenML", f"'{entry.name}' has no record in ZenML, which would refuse the run."
        )
    if not entry.record.active and inventory.zenml.connection.url():
        raise RefusedError(
            "ZenML",
            f"'{entry.name}' is paused, and ZenML would refuse the run's credentials. Run "
            "'pulumi-zenml resume' first.",
        )
    return orchestrator.trigger(entry.native_id)


def _set_paused(
    inventory: Inventory, entry: Entry, paused: bool, when_running: WhenRunning
) -> None:
    orchestrator = _reachable(entry)
    pairs = Pairs(inventory.zenml.session(entry.project_id))
    pair = Pair(entry.record, entry.counterpart, orchestrator)
    pairs.set_paused(pair, paused, policy=Policy(when_running))
    for extra in entry.linked[1:]:
        other = replace(pair, record=None, counterpart=extra.counterpart)
        pairs.set_paused(replace(other, orchestrator=extra.component.orchestrator), paused)


def _reachable(entry: Entry) -> Orchestrator | None:
    if not entry.reachable:
        raise RefusedError("ZenML", f"the orchestrator of '{entry.name}' cannot be read.")
    return entry.linked[0].component.orchestrator if entry.linked else entry.orchestrator


def _remember(
    inventory: Inventory, entry: Entry, until: datetime | None, *, changed: bool = False
) -> None:
    """Store the end of a pause; ``changed`` when the entry is older than what is stored."""
    record = entry.record
    if record is None or (until is None and not changed and not record.metadata.get(PAUSED_UNTIL)):
        return
    records = inventory.zenml.session(entry.project_id).records
    records.note(record, PAUSED_UNTIL, until.isoformat() if until else "")


def _next_up(entry: Entry) -> list[str]:
    if not entry.owner:
        return []
    return [
        f"Pulumi owns it ({entry.owner}): the next 'pulumi up --refresh' there restores the "
        "state of its program."
    ]
