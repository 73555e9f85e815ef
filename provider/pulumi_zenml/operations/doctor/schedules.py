"""Schedules: one by its name, or all of them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from pulumi_zenml.errors import PulumiZenmlError
from pulumi_zenml.operations.control import find_schedule
from pulumi_zenml.operations.doctor.check import Check, run_check
from pulumi_zenml.operations.doctor.machine import known_zones
from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.history import HistoryRow, load_history
from pulumi_zenml.operations.inventory import Inventory
from pulumi_zenml.operations.pair_findings import check_sides, is_over
from pulumi_zenml.operations.schedule_list import list_schedules
from pulumi_zenml.orchestrators.probe import ProbeResult, Result

_AREA = "schedule"
_BACK = timedelta(days=7)
_RUNS = 50
_MOST_SHOWN = 5
_BAD = ("failed", "missing")


def find(inventory: Inventory, name: str) -> tuple[Entry | None, Check]:
    """The schedule of that name, and the check whether it exists.

    Args:
        inventory: both sides.
        name: the schedule's, or its native id.
    """
    try:
        entry = find_schedule(inventory, name)
    except PulumiZenmlError as error:
        unseen = ", ".join(f"{it.kind} '{it.name}'" for it in inventory.unreachable)
        also = f" {unseen} could not be read." if unseen else ""
        fix = "pulumi-zenml list"
        return None, Check(_AREA, "exists", name, "failed", f"{error}{also}", fix)
    where = f"in project {entry.project}" if entry.project else "in no project"
    text = f"{where}, stack {entry.stack or 'unknown'}, flavor {entry.flavor or 'unknown'}"
    return entry, Check(_AREA, "exists", name, "ok", text)


def check_schedule(inventory: Inventory, entry: Entry) -> Iterator[Check]:
    """Both sides of a schedule, its zone, its next fire and its last runs.

    Args:
        inventory: both sides.
        entry: the schedule.
    """
    name = entry.name
    yield from _sides(inventory, entry)
    yield run_check(_AREA, "time zone", name, lambda: known_zones(_zones(entry)))[0]
    yield run_check(_AREA, "next fire", name, lambda: _next_fire(inventory, entry))[0]
    yield run_check(_AREA, "last runs", name, lambda: _last_runs(inventory, entry))[0]


def check_schedules(inventory: Inventory) -> Iterator[Check]:
    """Whether both sides of all schedules agree, and their zones are known.

    Args:
        inventory: both sides.
    """
    yield run_check(_AREA, "both sides", "", lambda: _agreement(inventory))[0]
    zones = [it for entry in inventory.entries for it in _zones(entry)]
    yield run_check(_AREA, "time zones", "", lambda: known_zones(zones))[0]
    for it in inventory.unreachable:
        if it.kind == "project":
            fix = "Request a role in that ZenML project, or select another one with --project."
            yield Check(_AREA, "project", it.name, "failed", it.reason, fix)


def _sides(inventory: Inventory, entry: Entry) -> Iterator[Check]:
    findings = list(check_sides(entry, inventory.taken))
    for it in findings:
        result: Result = "failed" if it.severity == "error" else "warning"
        yield Check(_AREA, it.code, entry.name, result, it.message, it.fix)
    if not entry.reachable:
        why = "its orchestrator could not be read"
        yield Check(_AREA, "both sides", entry.name, "unknown", why)
    elif not findings:
        links = {linked.link for linked in entry.linked}
        by = "linked by the snapshot" if "snapshot" in links else "linked"
        states = f"{entry.zenml_state} in ZenML, {entry.native_state} in {entry.flavor}"
        yield Check(_AREA, "both sides", entry.name, "ok", f"they agree, {by}: {states}")


def _zones(entry: Entry) -> Sequence[str]:
    found = [entry.record.marker.timezone] if entry.record else []
    for linked in entry.linked:
        # An unknown zone is why a cadence cannot be read.
        raw = linked.counterpart.native.fields.get("timeZone")
        cadence = linked.counterpart.cadence
        found.append(cadence.timezone if cadence else str(raw or ""))
    return found


def _next_fire(inventory: Inventory, entry: Entry) -> ProbeResult:
    resume = f"pulumi-zenml resume -- {shlex.quote(entry.name)}"
    if not entry.reachable:
        return ProbeResult("its orchestrator could not be read", "unknown")
    if "paused" in (entry.zenml_state, entry.native_state):
        return ProbeResult("none while it is paused", "warning", resume)
    if is_over(entry, inventory.taken):
        cleanup = f"pulumi-zenml cleanup -- {shlex.quote(entry.name)}"
        return ProbeResult("none: it has ended", "warning", cleanup)
    if entry.counterpart is None:
        return ProbeResult("none: the orchestrator has no counterpart", "skipped")
    (row,) = list_schedules(replace(inventory, entries=(entry,)))
    if row.next_run is None:
        if entry.cadence is None:
            return ProbeResult("its cadence cannot be read", "unknown")
        return ProbeResult("none: its cadence never fires", "warning", "Give it another cadence.")
    return ProbeResult(f"{row.next_run.isoformat(timespec='minutes')} ({row.cadence})")


def _last_runs(inventory: Inventory, entry: Entry) -> ProbeResult:
    if not entry.reachable:
        return ProbeResult("its orchestrator could not be read", "unknown")
    rows = load_history(inventory, entry, since=inventory.taken - _BACK, limit=_RUNS)
    if not rows:
        return ProbeResult(f"none in {_BACK.days} days, and none expected")
    fix = f"pulumi-zenml history -- {shlex.quote(entry.name)}"
    runs = ", ".join(_outcome_at(it) for it in rows[:_MOST_SHOWN])
    if _outcome(rows[0]) in _BAD:
        return ProbeResult(f"newest first: {runs}", "failed", fix)
    if any(_outcome(it) in _BAD for it in rows):
        return ProbeResult(
            f"newest first: {runs}; not all of {len(rows)} succeeded", "warning", fix
        )
    return ProbeResult(f"newest first: {runs}")


def _outcome(row: HistoryRow) -> str:
    if row.where == "missing":
        return "missing"
    return row.zenml or row.native


def _outcome_at(row: HistoryRow) -> str:
    when = row.started or row.due
    return f"{_outcome(row)} {when.isoformat(timespec='minutes')}" if when else _outcome(row)


def _agreement(inventory: Inventory) -> ProbeResult:
    bad: dict[str, None] = {}
    worst = "ok"
    for entry in inventory.entries:
        for it in check_sides(entry, inventory.taken):
            bad[entry.name] = None
            worst = "failed" if it.severity == "error" else "warning" if worst == "ok" else worst
    count = len(inventory.entries)
    if not bad:
        return ProbeResult(f"both sides agree on all {count} schedules")
    more = f" and {len(bad) - _MOST_SHOWN} more" if len(bad) > _MOST_SHOWN else ""
    runs = ", ".join(f"'{it}'" for it in list(bad)[:_MOST_SHOWN])
    text = f"{len(bad)} of {count} schedules have findings: {runs}{more}"
    return ProbeResult(text, "failed" if worst == "failed" else "warning", "pulumi-zenml audit")
