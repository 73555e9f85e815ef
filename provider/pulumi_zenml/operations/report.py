"""The data of a report: schedules, findings, runs, gaps, coming fires, and the load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from urllib.parse import urlsplit

from pulumi_zenml.cadence import NEUTRAL_DST, fires_between
from pulumi_zenml.operations.audit import audit_with_timing
from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.findings import AuditResult
from pulumi_zenml.operations.inventory import Inventory, OnProgress, Scope, take_inventory
from pulumi_zenml.operations.options import AuditOptions
from pulumi_zenml.operations.run_findings import Timing
from pulumi_zenml.operations.schedule_list import ScheduleRow, list_schedules
from pulumi_zenml.operations.zenml_rows import Run
from pulumi_zenml.zenml.connection import Connection

MINUTES = 24 * 60
"""Minutes of a day."""

_WEEK = timedelta(days=7)
# Every quarter of an hour for seven weeks, every minute for three days.
_MOST_MARKS = 5_000
_BUSIEST = 6


@dataclass(frozen=True)
class ReportRow:
    """One schedule and its time line.

    Args:
        schedule: as in ``pulumi-zenml list``.
        native: its cadence in the orchestrator's own spelling; empty without a counterpart.
        runs: ZenML's runs in the window, newest first, and older ones in progress.
        runs_left_out: how many older runs of the window were left out.
        gaps: fires of the window without a run on either side, UTC.
        fires: the coming fires of the window, UTC.
        fires_left_out: whether there are more of them.
        project_id: ZenML's id of its project, for links.
    """

    schedule: ScheduleRow
    native: str
    runs: tuple[Run, ...]
    runs_left_out: int
    gaps: tuple[datetime, ...]
    fires: tuple[datetime, ...]
    fires_left_out: bool
    project_id: str


@dataclass(frozen=True)
class Busy:
    """A minute of the day in which several schedules start.

    Args:
        minute: from 0 to 1439, UTC.
        schedules: indices into the rows of the report.
    """

    minute: int
    schedules: tuple[int, ...]


@dataclass(frozen=True)
class Report:
    """The data of the page.

    Args:
        taken: when both sides were read, UTC.
        start, end: the window of the time lines, UTC.
        audit: the findings; runs are checked over the past half of the window.
        rows: in order of project and name.
        load: starts in each minute of the day (UTC), the most on any one day ahead; 1,440 of them.
        busiest: the minutes with the most starts, the busiest first; none with only one start.
        scope: which schedules were selected.
        where: the ZenML server, without credentials; empty for a local store.
        run_page: the URL of a run in ZenML's dashboard, with placeholders ``{project}`` and
            ``{run}``; empty where there is none.
    """

    taken: datetime
    start: datetime
    end: datetime
    audit: AuditResult
    rows: tuple[ReportRow, ...]
    load: tuple[int, ...]
    busiest: tuple[Busy, ...]
    scope: Scope
    where: str = ""
    run_page: str = ""


def build_report(
    connection: Connection,
    scope: Scope | None = None,
    options: AuditOptions | None = None,
    *,
    back: timedelta = _WEEK,
    ahead: timedelta = _WEEK,
    on_progress: OnProgress = lambda text: None,
    now: datetime | None = None,
) -> Report:
    """Read everything once, for a page.

    Records nothing, so the next audit is not affected. Runs come from ZenML in pages; an
    orchestrator's own are read only where ZenML lacks some.

    Args:
        connection: where ZenML is.
        scope: the schedules to select; every one by default.
        options: the thresholds of the audit. Runs are checked since ``back``, whatever ``since``.
        back, ahead: the reach of the time lines.
        on_progress: called with each step, for a progress line.
        now: the current time, aware; the clock's by default.

    Raises:
        ServiceError: ZenML itself could not be read.
    """
    inventory = take_inventory(connection, scope, on_progress=on_progress, now=now)
    start, end = inventory.taken - back, inventory.taken + ahead
    measures = replace(options or AuditOptions(), since=start)
    audit, timing = audit_with_timing(
        inventory, None, measures, on_progress=on_progress, runs_since=start
    )
    on_progress("computing coming fires")
    last = {id: runs[0] for id, runs in timing.runs.last.items() if runs}
    schedules = list_schedules(inventory, last)
    rows = tuple(
        _row(entry, schedule, timing, start, end, inventory.taken)
        for entry, schedule in zip(inventory.entries, schedules, strict=True)
    )
    load, busiest = _load([row.fires for row in rows])
    return Report(
        taken=inventory.taken.astimezone(UTC),
        start=start.astimezone(UTC),
        end=end.astimezone(UTC),
        audit=audit,
        rows=rows,
        load=load,
        busiest=busiest,
        scope=scope or Scope(),
        where=_where(connection),
        run_page=_run_page(inventory, rows),
    )


def _row(
    entry: Entry,
    schedule: ScheduleRow,
    timing: Timing,
    start: datetime,
    end: datetime,
    now: datetime,
) -> ReportRow:
    id = entry.record.id if entry.record else ""
    runs = [it for it in timing.runs.last.get(id, ()) if it.started >= start]
    runs += [it for it in timing.runs.in_progress.get(id, ()) if it.started < start]
    fires = _coming(entry, now, end)
    return ReportRow(
        schedule=schedule,
        native=entry.counterpart.native.text if entry.counterpart else "",
        runs=tuple(runs[:_MOST_MARKS]),
        runs_left_out=max(0, len(runs) - _MOST_MARKS),
        gaps=tuple(timing.gaps.get(id, ())),
        fires=fires[:_MOST_MARKS],
        fires_left_out=len(fires) > _MOST_MARKS,
        project_id=entry.project_id,
    )


def _coming(entry: Entry, now: datetime, end: datetime) -> tuple[datetime, ...]:
    if not entry.fires or entry.cadence is None:
        return ()
    rule = entry.orchestrator.dialect().dst if entry.orchestrator else NEUTRAL_DST
    return tuple(islice(fires_between(entry.cadence, now, end, rule=rule), _MOST_MARKS + 1))


def _load(fires: Sequence[Sequence[datetime]]) -> tuple[tuple[int, ...], tuple[Busy, ...]]:
    """Starts in each minute of a UTC day, the most on any one day, and the busiest minutes."""
    members: dict[int, list[int]] = {}
    for index, times in enumerate(fires):
        for minute in {int(it.timestamp()) // 60 for it in times}:
            members.setdefault(minute, []).append(index)
    worst: dict[int, list[int]] = {}
    for minute, found in sorted(members.items()):
        if len(found) > len(worst.get(minute % MINUTES, ())):
            worst[minute % MINUTES] = found
    load = tuple(len(worst.get(minute, ())) for minute in range(MINUTES))
    ranked = sorted((it for it in worst if load[it] > 1), key=lambda it: (-load[it], it))
    return load, tuple(Busy(it, tuple(worst[it])) for it in ranked[:_BUSIEST])


def _where(connection: Connection) -> str:
    parts = urlsplit(connection.url())
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""


def _run_page(inventory: Inventory, rows: Sequence[ReportRow]) -> str:
    return inventory.zenml.runs_url() if any(row.runs for row in rows) else ""


def rows_of_findings(report: Report) -> list[tuple[int, ...]]:
    """For each finding of the report's audit, the indices of its rows."""
    by_place: dict[tuple[str, ...], list[int]] = {}
    by_name: dict[str, list[int]] = {}
    for index, row in enumerate(report.rows):
        it = row.schedule
        by_place.setdefault((it.project, it.name, it.stack, it.flavor), []).append(index)
        by_name.setdefault(it.name, []).append(index)
    found = []
    for finding in report.audit.findings:
        names = finding.evidence.get("schedules")
        if isinstance(names, list):
            about = [index for name in names for index in by_name.get(name, ())]
        else:
            name = finding.schedule or finding.native_id
            about = by_place.get((finding.project, name, finding.stack, finding.flavor), [])
        found.append(tuple(dict.fromkeys(about)))
    return found
