"""One audit: read both sides, check them, record how far the fires were checked."""

from __future__ import annotations

from datetime import datetime, timedelta

from pulumi_zenml.operations.audit_state import AuditState
from pulumi_zenml.operations.findings import AuditResult, Finding, worst_first
from pulumi_zenml.operations.fleet_findings import check_fleet
from pulumi_zenml.operations.inventory import Inventory, OnProgress, Scope, take_inventory
from pulumi_zenml.operations.options import AuditOptions
from pulumi_zenml.operations.pair_findings import check_sides
from pulumi_zenml.operations.run_findings import Timing
from pulumi_zenml.zenml.connection import Connection

_REMEMBERED = timedelta(days=366)
_ONE_SIDED = ("record-without-counterpart", "counterpart-without-record", "unknown-counterpart")


def run_audit(
    connection: Connection,
    scope: Scope | None = None,
    options: AuditOptions | None = None,
    *,
    on_progress: OnProgress = lambda text: None,
    now: datetime | None = None,
) -> AuditResult:
    """Read both sides of every schedule and return the findings.

    How far the fires were checked is recorded in the user's state folder, and the next audit
    checks the fires since then; not so with ``options.since``.

    Args:
        connection: where ZenML is.
        scope: the schedules to select; every one by default.
        options: what to check, and how strictly.
        on_progress: called with each step, for a progress line.
        now: the current time, aware; the clock's by default.

    Raises:
        ServiceError: ZenML itself could not be read.
    """
    inventory = take_inventory(connection, scope, on_progress=on_progress, now=now)
    return audit_inventory(
        inventory, AuditState.of(connection), options or AuditOptions(), on_progress=on_progress
    )


def audit_inventory(
    inventory: Inventory,
    memory: AuditState | None,
    options: AuditOptions,
    *,
    on_progress: OnProgress = lambda text: None,
) -> AuditResult:
    """The findings of an inventory.

    Args:
        inventory: both sides.
        memory: how far earlier audits checked; ``None`` as if this were the first.
        options: the thresholds.
        on_progress: called with each step.
    """
    return audit_with_timing(inventory, memory, options, on_progress=on_progress)[0]


def audit_with_timing(
    inventory: Inventory,
    memory: AuditState | None,
    options: AuditOptions,
    *,
    on_progress: OnProgress = lambda text: None,
    runs_since: datetime | None = None,
) -> tuple[AuditResult, Timing]:
    """As :func:`audit_inventory`, with the runs and gaps that the findings come from.

    Args:
        inventory, memory, options, say: as for :func:`audit_inventory`.
        runs_since: load all runs since this instant, whatever is checked; aware.
    """
    now = inventory.taken
    findings: list[Finding] = []
    for entry in inventory.entries:
        findings += check_sides(entry, now)
    seen = memory.load() if memory else {}
    on_progress("ZenML: runs")
    timing = Timing(inventory, seen, options, since=runs_since)
    on_progress("checking the runs")
    findings += timing.check()
    findings += check_fleet(inventory, options)
    if memory and options.since is None and options.reports("missed-runs"):
        both = {**seen, **timing.marks}
        memory.save({id: it for id, it in both.items() if now - it.until < _REMEMBERED})
    findings = [it for it in findings if options.reports(it.code)]
    result = AuditResult(
        taken=now.isoformat(),
        schedules=sum(1 for entry in inventory.entries if entry.record),
        counterparts=inventory.counterparts,
        drift_percent=drift_percent(inventory, options),
        findings=worst_first(findings),
        unreachable=(*inventory.unreachable, *timing.unreachable),
    )
    return result, timing


def drift_percent(inventory: Inventory, options: AuditOptions | None = None) -> float:
    """The share of schedules that only one side has, of all that either side has, in percent.

    What could not be read counts on neither side.
    """
    measures = options or AuditOptions()
    known = [entry for entry in inventory.entries if entry.reachable]
    codes = {id(entry): {it.code for it in check_sides(entry, inventory.taken)} for entry in known}
    drifted = sum(
        1
        for entry in known
        if any(code in codes[id(entry)] and code not in measures.ignore for code in _ONE_SIDED)
    )
    return round(100 * drifted / len(known), 1) if known else 0.0
