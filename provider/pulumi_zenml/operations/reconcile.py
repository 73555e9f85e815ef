"""Repairing the drift of one Pulumi stack, from a cron job or CI."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pulumi_zenml.operations.engine import (
    SCHEDULE,
    SCHEDULES,
    Engine,
    EngineResult,
    Step,
    report_messages,
)
from pulumi_zenml.operations.inventory import OnProgress
from pulumi_zenml.schedule.diff import BOTH_GONE, SOUND

_WORDS = {
    "create": "create",
    "create-replacement": "replace",
    "delete": "delete",
    "delete-replaced": "replace",
    "import": "import",
    "import-replacement": "replace",
    "read-replacement": "replace",
    "replace": "replace",
    "update": "update",
}
"""Pulumi's operations that change something, in plain words."""


@dataclass(frozen=True)
class DriftedProperty:
    """A property that differs from the state.

    Args:
        property: its name.
        old: as the last ``pulumi up`` left it.
        new: its actual value; secrets are masked.
    """

    property: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Repair:
    """One resource that drifted, or whose program changed.

    Args:
        urn: the resource.
        name: its name in the program.
        schedule: the name in ZenML; the resource's own if it is not a schedule.
        drift: what differs from the state; empty when only the program has changed.
        gone: both sides were deleted.
        action: ``create``, ``update``, ``replace`` or ``delete``; empty when only the state has
            to be refreshed.
        done: whether it was done.
        url: the counterpart's page in the orchestrator's UI; empty when there is none.
    """

    urn: str
    name: str
    schedule: str
    drift: tuple[DriftedProperty, ...] = ()
    gone: bool = False
    action: str = ""
    done: bool = False
    url: str = ""

    @property
    def drifted(self) -> bool:
        """Whether the actual resource differs from the state."""
        return self.gone or bool(self.drift)


@dataclass(frozen=True)
class ReconcileResult:
    """What was found and done.

    Args:
        stack: the Pulumi stack.
        repairs: one for each resource with drift or with something to do.
        applied: whether ``pulumi up`` ran.
        problem: why it failed, in whole or in part; empty when it succeeded.
    """

    stack: str
    repairs: tuple[Repair, ...]
    applied: bool = False
    problem: str = ""

    @property
    def exit_code(self) -> int:
        """0 when everything is as the program says, 1 when something is left to repair."""
        return 1 if self.problem or (self.repairs and not self.applied) else 0


def reconcile(
    folder: Path,
    stack: str,
    *,
    apply: bool = True,
    everything: bool = False,
    on_progress: OnProgress = lambda text: None,
    on_message: OnProgress = lambda text: None,
) -> ReconcileResult:
    """Refresh every schedule of a stack, and let ``pulumi up`` repair what drifted.

    ``pulumi up`` also deploys changes of the program that were not deployed yet; they are part of
    the result. Nothing is written if there is nothing to do.

    Args:
        folder: of the Pulumi project.
        stack: its stack, as Pulumi's own ``--stack`` takes it.
        apply: repair; else only report.
        everything: the stack's other resources too, not only its schedules.
        on_progress: called with each step, for a progress line.
        on_message: called with the diagnostics of Pulumi and its providers.

    Raises:
        NotFoundError: there is no Pulumi CLI, no such project or no such stack.
        UnauthenticatedError: not logged in, or no passphrase.
        RefusedError: the program is wrong, or something could not be read.
        BusyError: another update is changing the stack.
    """
    targets = () if everything else (SCHEDULES,)
    on_progress(f"opening Pulumi stack {stack}")
    engine = Engine(folder, stack)
    on_progress("refreshing: reading both sides")
    planned = engine.preview(refresh=True, targets=targets)
    report_messages(planned, on_message)
    found = ReconcileResult(stack, _repairs(planned))
    if not found.repairs or not apply:
        return found
    on_progress("pulumi up: repairing")
    outcome = engine.up(targets=targets)
    report_messages(
        EngineResult(messages=[it for it in outcome.messages if it not in planned.messages]),
        on_message,
    )
    return ReconcileResult(
        stack,
        _merged(found.repairs, _repairs(outcome)),
        applied=True,
        problem=" ".join(dict.fromkeys(outcome.errors)),
    )


def _repairs(outcome: EngineResult) -> tuple[Repair, ...]:
    steps: dict[str, list[Step]] = {}
    for step in outcome.steps:
        steps.setdefault(step.urn, []).append(step)
    made = (_repair(urn, of_it) for urn, of_it in steps.items())
    return tuple(it for it in made if it.drifted or it.action)


def _repair(urn: str, steps: Iterable[Step]) -> Repair:
    drift: tuple[DriftedProperty, ...] = ()
    gone, action = False, ""
    known: dict[str, Any] = {}
    for step in steps:
        known |= {**(step.old or {}), **(step.new or {})}
        if step.op == "refresh":
            gone = step.new is None or step.new.get("state") == BOTH_GONE
            drift = () if gone else _drift(step)
        elif step.op in _WORDS and action != "replace":
            action = _WORDS[step.op]
    name = urn.rpartition("::")[2]
    is_schedule = SCHEDULE in urn
    return Repair(
        urn=urn,
        name=name,
        schedule=str(known.get("name") or name) if is_schedule else name,
        drift=drift,
        gone=gone,
        action=action,
        url=str(known.get("native_url") or "") if is_schedule else "",
    )


def _drift(step: Step) -> tuple[DriftedProperty, ...]:
    old, new = step.old or {}, step.new or {}
    keys = sorted({*old, *new} - {"__provider"})
    changes = tuple(
        DriftedProperty(it, old.get(it), new.get(it)) for it in keys if old.get(it) != new.get(it)
    )
    # A run-once that has fired has not drifted.
    if SCHEDULE in step.urn and [it.property for it in changes] == ["state"]:
        return () if changes[0].new in SOUND else changes
    return changes


def _merged(found: Iterable[Repair], done: Iterable[Repair]) -> tuple[Repair, ...]:
    """The drift that was found, with what was done about it."""
    merged = {it.urn: it for it in found}
    for it in done:
        before = merged.get(it.urn, it)
        # A refresh alone, where a repair was planned, has repaired nothing.
        if it.action or not before.action:
            merged[it.urn] = replace(before, action=it.action, done=True, url=it.url or before.url)
    return tuple(merged.values())
