"""Expected fire times, compared with the runs that were found."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pulumi_zenml.cadence import NEUTRAL_DST, fires_between
from pulumi_zenml.operations.audit_state import AuditMark
from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.options import AuditOptions
from pulumi_zenml.orchestrators.counterpart import NativeRun

# Clocks of two machines differ a little, so a run may seem to start before it should.
_EARLY = timedelta(seconds=90)


@dataclass(frozen=True)
class Window:
    """The fires to check: from ``start`` up to ``end``; a later one may still get its run."""

    start: datetime
    end: datetime
    now: datetime


def window(
    entry: Entry, seen: AuditMark | None, options: AuditOptions, now: datetime
) -> Window | None:
    """Which fires of an entry can be checked; ``None`` when none are due.

    A paused or ended schedule is not expected to fire. One that was created, resumed or changed
    is expected to fire from then on.

    Args:
        entry: both sides.
        seen: how far the last audit checked it.
        options: the thresholds.
        now: the current time, aware.
    """
    record = entry.record
    idle = record is None or not record.active or not entry.fires or entry.cadence is None
    if idle or record is None:
        return None
    end = now - options.grace
    start = options.since or (seen.until if seen else now - options.lookback)
    changed = max(filter(None, (record.created, record.updated)), default=start)
    if seen and not options.since and AuditMark.of(entry, end).cadence != seen.cadence:
        # It was changed in the orchestrator, at an unknown time.
        start = max(changed, seen.until) if changed > seen.until else end
    start = max(start, changed)
    return Window(start, end, now) if start < end else None


def fires(entry: Entry, start: datetime, end: datetime) -> list[datetime]:
    """When it should have fired, by its orchestrator's rule for clock changes."""
    assert entry.cadence is not None
    rule = entry.orchestrator.dialect().dst if entry.orchestrator else NEUTRAL_DST
    return list(fires_between(entry.cadence, start, end, rule=rule))


def missing(
    entry: Entry, judged: Window, times: Iterable[datetime], grace: timedelta
) -> list[datetime]:
    """The fires of a window without a run.

    A run belongs to the latest fire within ``grace`` before it. A later run belongs to the latest
    fire that still lacks one, if the next was not due by then; with catch-up, to the earliest.

    Args:
        entry: both sides.
        judged: the window.
        times: when runs started, or the fires that they report to be for; aware.
        grace: how late a run may be.
    """
    # Fires just outside the window claim their own runs, so that no other fire gets these.
    expected = fires(entry, judged.start - grace, judged.now + _EARLY)
    catchup = bool(entry.cadence and entry.cadence.catchup)
    unmatched = _match(expected, sorted(times), grace, catchup=catchup)
    return [it for it in unmatched if judged.start <= it < judged.end]


def run_times(runs: Sequence[NativeRun]) -> list[datetime]:
    """The fires of an orchestrator's runs; runs that were started by hand have none."""
    times = (it.scheduled_for or it.started for it in runs if counts(it))
    return [it for it in times if it]


def counts(run: NativeRun) -> bool:
    """Whether a run belongs to a fire: the schedule started it, and it was not skipped."""
    return run.by_schedule is not False and run.state != "skipped"


def _match(
    expected: Sequence[datetime], times: Sequence[datetime], grace: timedelta, *, catchup: bool
) -> list[datetime]:
    """The fires without a time. Both are in order."""
    matched = [False] * len(expected)
    late = []
    for time in times:
        index = bisect_right(expected, time + _EARLY) - 1
        while index >= 0 and expected[index] >= time - grace and matched[index]:
            index -= 1
        if index >= 0 and expected[index] >= time - grace:
            matched[index] = True
        else:
            late.append(time)
    for time in late:
        last = bisect_right(expected, time) - 1
        if catchup:
            free = next((it for it in range(last + 1) if not matched[it]), None)
            if free is not None:
                matched[free] = True
        elif last >= 0:
            matched[last] = True
    return [it for it, taken in zip(expected, matched, strict=True) if not taken]
