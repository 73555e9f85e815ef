"""The rows of ``pulumi-zenml list``: one for each schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pulumi_zenml.cadence import NEUTRAL_DST, explain, next_fires
from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.inventory import Inventory
from pulumi_zenml.operations.pair_findings import cadence_differs, is_over, paused_differs
from pulumi_zenml.operations.zenml_rows import Run


@dataclass(frozen=True)
class ScheduleRow:
    """One row of ``pulumi-zenml list``.

    Args:
        name: the record's name, else the native id.
        cadence: when it fires, in words.
        timezone: IANA name.
        next_run: aware; ``None`` when it will not fire.
        zenml, native: the state on each side.
        last_run: when its last run reached ZenML, aware; ``None`` for never.
        last_result: ZenML's status of that run; empty for never.
        owner: ``<organization>/<project>/<stack>/<resource>`` in Pulumi, or ``unmanaged``.
        drift: what differs between the two sides; empty for nothing.
        link: what joins the two sides: ``snapshot``, ``stored`` or else ``name``.
    """

    name: str
    project: str
    pipeline: str
    stack: str
    flavor: str
    cadence: str
    timezone: str
    next_run: datetime | None
    zenml: str
    native: str
    last_run: datetime | None
    last_result: str
    owner: str
    drift: str
    native_id: str
    url: str
    link: str


def list_schedules(
    inventory: Inventory, last: Mapping[str, Run] | None = None
) -> list[ScheduleRow]:
    """One row for each schedule, in order of project and name.

    Args:
        inventory: both sides.
        last: the last run by record id, if known already; read from ZenML if ``None``.
    """
    runs = _last_runs(inventory) if last is None else last
    return [_row(entry, runs, inventory.taken) for entry in inventory.entries]


def _last_runs(inventory: Inventory) -> dict[str, Run]:
    last: dict[str, Run] = {}
    by_project: dict[str, list[str]] = {}
    for entry in inventory.entries:
        if entry.record:
            by_project.setdefault(entry.project_id, []).append(entry.record.id)
    for project_id, ids in by_project.items():
        for id, runs in inventory.zenml.last_runs(project_id, ids, 1).items():
            if runs:
                last[id] = runs[0]
    return last


def drift_of(entry: Entry, now: datetime) -> str:
    """What differs between the two sides, in a few words."""
    if not entry.reachable:
        return "unknown"
    if entry.record is None:
        return "no record"
    if entry.component is None:
        return "no orchestrator"
    if not entry.linked:
        return "" if is_over(entry, now) else "no counterpart"
    parts = []
    if len(entry.linked) > 1:
        parts.append(f"{len(entry.linked)} counterparts")
    if not is_over(entry, now):
        if cadence_differs(entry):
            parts.append("cadence")
        if paused_differs(entry):
            parts.append("paused")
    return ", ".join(parts)


def _row(entry: Entry, last: Mapping[str, Run], now: datetime) -> ScheduleRow:
    run = last.get(entry.record.id) if entry.record else None
    cadence = entry.cadence
    return ScheduleRow(
        name=entry.name,
        project=entry.project,
        pipeline=entry.pipeline,
        stack=entry.stack,
        flavor=entry.flavor,
        cadence=explain(cadence) if cadence else _raw(entry),
        timezone=cadence.timezone if cadence else "",
        next_run=_next_run(entry, now),
        zenml=entry.zenml_state,
        native=entry.native_state,
        last_run=run.started if run else None,
        last_result=run.status if run else "",
        owner=entry.owner or "unmanaged",
        drift=drift_of(entry, now),
        native_id=entry.native_id,
        url=entry.counterpart.url if entry.counterpart else "",
        link=_links(entry),
    )


def _raw(entry: Entry) -> str:
    if entry.counterpart:
        return entry.counterpart.native.text
    return (entry.record and entry.record.cron) or ""


def _next_run(entry: Entry, now: datetime) -> datetime | None:
    if not entry.fires or entry.cadence is None:
        return None
    rule = entry.orchestrator.dialect().dst if entry.orchestrator else NEUTRAL_DST
    following = next_fires(entry.cadence, now, 1, rule=rule)
    return following[0].instant if following else None


def _links(entry: Entry) -> str:
    links = {linked.link for linked in entry.linked if linked.link}
    return ", ".join(sorted(links))
