"""The runs of one schedule on both sides, joined, with what is missing shown as gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.expected import Window, missing, run_times
from pulumi_zenml.operations.inventory import Inventory
from pulumi_zenml.operations.options import AuditOptions
from pulumi_zenml.operations.zenml_rows import Run
from pulumi_zenml.orchestrators.capabilities import Yes
from pulumi_zenml.orchestrators.counterpart import NativeRun

Where = Literal["both", "zenml", "native", "missing"]

_SAME_RUN = timedelta(minutes=15)
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_NOT_YET = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class HistoryRow:
    """One run, or a missing one.

    Args:
        where: which side has it; ``missing`` for a fire without a run.
        due: its fire, aware; ``None`` when it is not known.
        started, ended: aware; ``None`` when not (yet) known.
        zenml, native: its state in each side's own terms; empty where it is not known.
        name: the run's name in ZenML, else its native id.
        run_id, native_run_id: empty where that side does not have it.
        zenml_url, native_url: pages for people; empty where there is none.
    """

    where: Where
    due: datetime | None
    started: datetime | None = None
    ended: datetime | None = None
    zenml: str = ""
    native: str = ""
    name: str = ""
    run_id: str = ""
    native_run_id: str = ""
    zenml_url: str = ""
    native_url: str = ""

    @property
    def duration(self) -> timedelta | None:
        """How long it took; ``None`` when it has not ended or a time is not known."""
        return self.ended - self.started if self.started and self.ended else None

    @property
    def at(self) -> datetime:
        """Its place on the time line; a run that has not started is at the end."""
        return self.started or self.due or _NOT_YET


def load_history(
    inventory: Inventory,
    entry: Entry,
    *,
    since: datetime,
    limit: int = 50,
    grace: timedelta | None = None,
) -> list[HistoryRow]:
    """The runs of one entry, newest first, and the fires without one.

    Args:
        inventory: the inventory of ``entry``.
        entry: the schedule.
        since: the earliest instant, aware.
        limit: the most rows to return.
        grace: how late a run may be; an audit's default if ``None``.

    Raises:
        ServiceError: one side could not be read.
    """
    runs: list[Run] = []
    if entry.record:
        runs = inventory.zenml.runs_of(entry.project_id, entry.record.id, limit)
    native: list[NativeRun] = []
    orchestrator = entry.orchestrator
    has_runs = orchestrator and isinstance(orchestrator.capabilities.run_history, Yes)
    if entry.counterpart and orchestrator and has_runs:
        # Not by `since`: a run that waits to be started has no start yet.
        native = [
            run
            for run in orchestrator.runs(entry.native_id, limit=limit)
            if (run.started or run.scheduled_for or _NOT_YET) >= since
        ]
    rows = _join([it for it in runs if it.started >= since], native)
    late = grace or AuditOptions().grace
    times = [*(it.started for it in runs), *run_times(native)]
    for gap in _gaps(entry, times, since, inventory.taken, late):
        rows.append(HistoryRow("missing", gap))
    return sorted(rows, key=lambda it: it.at, reverse=True)[:limit]


def _gaps(
    entry: Entry, times: Sequence[datetime], since: datetime, now: datetime, grace: timedelta
) -> list[datetime]:
    record = entry.record
    if entry.cadence is None or not entry.fires or (record and not record.active):
        return []
    changes = (record.created, record.updated) if record else ()
    judged = Window(max([since, *filter(None, changes)]), now - grace, now)
    return missing(entry, judged, times, grace) if judged.start < judged.end else []


def _join(runs: Sequence[Run], native: Sequence[NativeRun]) -> list[HistoryRow]:
    """One row for each run, whichever side has it."""
    left = {run.run_id: run for run in native}
    rows = []
    for run in runs:
        other = left.pop(run.native_run_id, None)
        rows.append(_row(run, other))
    # Where ZenML does not know the orchestrator's id, two runs of one time are the same.
    for index, row in enumerate(rows):
        if row.where == "zenml" and left:
            distances = {id: abs(_start(it) - row.at) for id, it in left.items()}
            near = min(distances, key=distances.__getitem__)
            if distances[near] <= _SAME_RUN:
                rows[index] = _row(runs[index], left.pop(near))
    return rows + [_native_row(run) for run in left.values()]


def _start(run: NativeRun) -> datetime:
    return run.started or run.scheduled_for or _NEVER


def _row(run: Run, other: NativeRun | None) -> HistoryRow:
    return HistoryRow(
        where="both" if other else "zenml",
        due=other.scheduled_for if other else None,
        started=(other.started if other else None) or run.started,
        ended=run.ended or (other.ended if other else None),
        zenml=run.status,
        native=other.state if other else "",
        name=run.name,
        run_id=run.id,
        native_run_id=other.run_id if other else run.native_run_id,
        zenml_url=run.url,
        native_url=other.url if other else "",
    )


def _native_row(run: NativeRun) -> HistoryRow:
    return HistoryRow(
        where="native",
        due=run.scheduled_for,
        started=run.started,
        ended=run.ended,
        native=run.state,
        name=run.run_id,
        native_run_id=run.run_id,
        native_url=run.url,
    )
