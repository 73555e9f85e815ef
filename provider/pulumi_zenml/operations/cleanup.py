"""Removing orphans and dead schedules, by five rules.

1. A backup is written first. 2. Nothing is changed without ``--apply``. 3. Counterparts are deleted
first, then records. 4. Both sides are read again afterwards. 5. On request it watches for a run
that should not start. Interrupted at any point, it can be planned and run again.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pulumi_zenml.errors import InputError, NotFoundError, PulumiZenmlError
from pulumi_zenml.lifecycle.pairs import Pairs
from pulumi_zenml.lifecycle.running import Policy, WhenRunning
from pulumi_zenml.operations.backup import BackupItem, to_item, write_backup
from pulumi_zenml.operations.entry import Entry, LinkedCounterpart
from pulumi_zenml.operations.findings import CODES
from pulumi_zenml.operations.inventory import Inventory, OnProgress
from pulumi_zenml.operations.lock import change_lock
from pulumi_zenml.operations.pair_findings import check_sides
from pulumi_zenml.zenml.records import Record

DEFAULT_CODES = ("record-without-counterpart", "counterpart-without-record", "past-its-end")
BY_CODE = (
    *DEFAULT_CODES,
    "unknown-counterpart",
    "duplicate-counterparts",
    "shared-counterpart",
    "orchestrator-gone",
    "stack-gone",
    "broken-record",
    "broken-counterpart",
    "half-made",
)
"""The codes that a cleanup can act on."""

_LOOK_EVERY = timedelta(seconds=15)


@dataclass(frozen=True)
class Removal:
    """One thing to remove.

    Args:
        entry: both sides as they were when it was planned.
        linked: its counterparts that will be deleted.
        with_record: whether the record will be deleted too.
        why: the codes of the findings, or ``named``.
        warning: what else the user must know; may be empty.
    """

    entry: Entry
    linked: tuple[LinkedCounterpart, ...]
    with_record: bool
    why: str
    warning: str = ""

    @property
    def name(self) -> str:
        """The schedule's name, or the native id."""
        return self.entry.name if self.with_record else self.linked[0].counterpart.native_id

    def items(self) -> Iterator[BackupItem]:
        """The items for the backup."""
        if not self.linked:
            yield to_item(self.entry, None, with_record=True)
        for index, linked in enumerate(self.linked):
            yield to_item(self.entry, linked, with_record=self.with_record and index == 0)


@dataclass(frozen=True)
class KeptSchedule:
    """One schedule that is kept, and why."""

    name: str
    code: str
    why: str


@dataclass(frozen=True)
class CleanupPlan:
    """What a cleanup would do.

    Args:
        inventory: what it was planned on.
        steps: what it would remove.
        left: what has such a finding and is kept.
        record_only: remove records whose counterparts cannot be reached.
    """

    inventory: Inventory = field(repr=False)
    steps: tuple[Removal, ...]
    left: tuple[KeptSchedule, ...]
    record_only: bool = False


@dataclass(frozen=True)
class RemovalResult:
    """The result of one step.

    Args:
        step: what was planned.
        removed: when it was deleted on both sides, aware; ``None`` when it was not.
        problem: why not.
    """

    step: Removal
    removed: datetime | None
    problem: str = ""


def plan_cleanup(
    inventory: Inventory,
    *,
    codes: Sequence[str] = (),
    names: Sequence[str] = (),
    record_only: bool = False,
) -> CleanupPlan:
    """Find what can be removed.

    What a Pulumi resource owns, what this ZenML does not know, and what only the name links is
    kept, unless it is named.

    Args:
        inventory: both sides.
        codes: findings to act on; orphans, dead records and ended schedules by default.
        names: of schedules, or native ids; with ``codes``, those of them with such a finding.
        record_only: remove records whose counterparts cannot be reached.

    Raises:
        InputError: a cleanup cannot act on a code.
        NotFoundError: there is no schedule of that name; suggests similar names.
    """
    for code in codes:
        if code not in BY_CODE:
            known = "cleanup cannot fix it" if code in CODES else "there is no such code"
            raise InputError("--code", f"'{code}': {known}. It takes: {', '.join(BY_CODE)}.")
    _check_names(inventory, names)
    wanted = tuple(codes) or (BY_CODE if names else DEFAULT_CODES)
    steps: list[Removal] = []
    left: list[KeptSchedule] = []
    for entry in inventory.entries:
        called = _called(entry, names)
        if names and not called:
            continue
        found = {it.code: it for it in check_sides(entry, inventory.taken) if it.code in wanted}
        if not found and (codes or not called):
            continue
        reason = _left_alone(entry, found, named=bool(called), record_only=record_only)
        if reason:
            left.append(KeptSchedule(entry.name, ", ".join(found), reason))
            continue
        steps.append(_step(entry, list(found), called, record_only=record_only))
    return CleanupPlan(inventory, tuple(steps), tuple(left), record_only)


def clean_up(
    plan: CleanupPlan,
    *,
    backup: Path,
    when_running: WhenRunning = "refuse",
    on_progress: OnProgress = lambda text: None,
) -> list[RemovalResult]:
    """Carry out a plan: backup first, then each step, counterpart before record.

    Args:
        plan: what to remove.
        backup: the file to write first; must not exist.
        when_running: ``refuse``, ``wait`` or ``ignore``, when a run would lose its credentials.
        on_progress: called with each step.

    Returns:
        The result of each step; a failed step does not stop the others.

    Raises:
        BackupError: the backup cannot be written; nothing was changed.
        BusyError: another cleanup or restore is running.
    """
    with change_lock(plan.inventory.zenml.connection):
        items = [item for step in plan.steps for item in step.items()]
        write_backup(backup, items, datetime.now(UTC))
        done = []
        for step in plan.steps:
            on_progress(f"removing {step.name}")
            try:
                _remove(plan, step, Policy(when_running))
            except PulumiZenmlError as error:
                done.append(RemovalResult(step, None, str(error)))
            else:
                done.append(RemovalResult(step, datetime.now(UTC)))
        return done


def watch_removed(
    plan: CleanupPlan,
    done: Sequence[RemovalResult],
    duration: timedelta,
    *,
    every: timedelta = _LOOK_EVERY,
    on_progress: OnProgress = lambda text: None,
) -> list[str]:
    """Watch for what should not happen after a cleanup: a run, or a counterpart that is back.

    Args:
        plan: what was carried out.
        done: its results.
        duration: how long to watch; ends at the first surprise.
        every: how long to wait between two checks.
        on_progress: called with the remaining time.

    Returns:
        What happened, in words; empty when nothing did.
    """
    removed = [it for it in done if it.removed]
    deadline = time.monotonic() + duration.total_seconds()
    while True:
        surprises = [text for it in removed for text in _surprises(plan, it)]
        remaining = deadline - time.monotonic()
        if surprises or remaining <= 0:
            return surprises
        on_progress(f"watching for runs that should not start, for another {remaining:.0f} s")
        time.sleep(min(every.total_seconds(), remaining))


def _check_names(inventory: Inventory, names: Sequence[str]) -> None:
    known = {name for entry in inventory.entries for name in _names(entry)}
    for name in names:
        if name not in known:
            raise NotFoundError(
                "cleanup",
                f"there is no schedule and no native schedule '{name}'.",
                wanted=name,
                known=known,
            )


def _names(entry: Entry) -> list[str]:
    mine = [entry.record.name] if entry.record else []
    return [*mine, *(linked.counterpart.native_id for linked in entry.linked)]


def _called(entry: Entry, names: Sequence[str]) -> list[str]:
    return [name for name in _names(entry) if name in names]


def _left_alone(entry: Entry, codes: Collection[str], *, named: bool, record_only: bool) -> str:
    """Why an entry is kept; empty when it can be removed."""
    if not entry.reachable:
        return "its orchestrator cannot be read now."
    if "orchestrator-gone" in codes and entry.native_id and not record_only:
        return (
            f"the orchestrator with its counterpart '{entry.native_id}' was deleted from ZenML; "
            "the counterpart cannot be removed. Register it again, or give --record-only."
        )
    if named:
        return ""
    if entry.owner:
        return (
            f"Pulumi owns it ({entry.owner}): change that program, or run 'pulumi up --refresh' "
            "there."
        )
    if "unknown-counterpart" in codes:
        return "this ZenML does not know it; it may belong to another server. Name it to remove it."
    if any(linked.link == "name" for linked in entry.linked):
        return "only its name links it to a schedule. Name it to remove it."
    return ""


def _step(
    entry: Entry, codes: Sequence[str], called: Sequence[str], *, record_only: bool
) -> Removal:
    why = ", ".join(codes) or "named"
    warning = ""
    if entry.owner:
        warning = f"owned by {entry.owner}; the next 'pulumi up' there creates it again."
    extra = tuple(it for it in entry.linked[1:] if it.counterpart.native_id in called)
    if extra or (entry.record and codes and set(codes) == {"duplicate-counterparts"}):
        # The schedule itself is fine: only the extra counterparts are removed.
        return Removal(entry, extra or entry.linked[1:], False, why, warning)
    if entry.record is None:
        return Removal(entry, entry.linked, False, why, warning)
    linked = () if record_only and entry.component is None else entry.linked
    return Removal(entry, linked, True, why, warning)


def _remove(plan: CleanupPlan, step: Removal, policy: Policy) -> None:
    entry = step.entry
    session = plan.inventory.zenml.session(entry.project_id)
    pairs = Pairs(session)
    record = None
    if step.with_record and entry.record:
        record = session.records.get(entry.record.id)
    if record:
        _check_unchanged(step, record, pairs)
    first, *others = step.linked or (None,)
    if first is None or (record and first.component.id != record.orchestrator_id):
        first, others = None, list(step.linked)
    for linked in others:
        _remove_counterpart(pairs, linked, policy)
    if record is None:
        if first:
            _remove_counterpart(pairs, first, policy)
    elif entry.component is None or entry.shared_with:
        pairs.forget(record, policy=policy)
    else:
        # A deleted counterpart may have left something behind, which is deleted too.
        pairs.delete(
            record.id,
            native_id=first.counterpart.native_id if first else "",
            orchestrator_id=record.orchestrator_id or "",
            policy=policy,
            keep_snapshots=True,
        )


def _check_unchanged(step: Removal, record: Record, pairs: Pairs) -> None:
    """Refuse to act on an outdated plan."""
    entry = step.entry
    assert entry.record
    if record.marker.owner != entry.record.marker.owner:
        raise InputError(record.name, f"it belongs to '{record.marker.owner}' now. Plan again.")
    if step.linked or entry.component is None or entry.shared_with:
        return
    found = pairs.find(record).counterpart
    if found and not found.problem:
        raise InputError(record.name, "it has a counterpart now. Plan again.")


def _remove_counterpart(pairs: Pairs, linked: LinkedCounterpart, policy: Policy) -> None:
    pairs.delete(
        "",
        native_id=linked.counterpart.native_id,
        orchestrator_id=linked.component.id,
        policy=policy,
    )


def _surprises(plan: CleanupPlan, done: RemovalResult) -> Iterator[str]:
    zenml = plan.inventory.zenml
    entry = done.step.entry
    assert done.removed
    ids = {linked.counterpart.snapshot_id for linked in done.step.linked}
    known = [id for id in ids if id and entry.snapshot and entry.snapshot.id == id]
    if known:
        for run in zenml.runs_of_snapshots(entry.project_id, known, done.removed):
            if run.started > done.removed:
                yield f"'{done.step.name}' was removed, and run '{run.name}' started after that."
    for linked in done.step.linked:
        orchestrator = linked.component.orchestrator
        if orchestrator and orchestrator.read(linked.counterpart.native_id):
            where = linked.component.name
            yield f"'{linked.counterpart.native_id}' was removed, and is back in '{where}'."
