"""When a cadence fires, clock changes included."""

from __future__ import annotations

import calendar
import heapq
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal

from pulumi_zenml.cadence.cron import Cron, parse_cron
from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.cadence.zones import changes, offset_at, zone

LAST_YEAR = 2199
"""Fire times are computed to the end of this year; EventBridge's own calendar ends there."""

Dst = Literal["skipped", "doubled", "shifted"]


@dataclass(frozen=True)
class DstRule:
    """What a system does with local times that a clock change skips or repeats.

    Args:
        gap: for a time that does not exist: ``skip`` it, fire at the first instant ``after``
            the gap, or fire ``later`` by the length of the gap.
        fold: for a time that happens twice: fire at the ``first``, at the ``last``, or ``twice``.
            None, for either, if the vendor does not document it; then fires are computed by the
            neutral rule.
        running_clock: whether a cron whose minute or hour starts with ``*`` follows the running
            clock instead: no fire in a gap, and one in each pass of a fold.
    """

    gap: Literal["skip", "after", "later"] | None
    fold: Literal["first", "last", "twice"] | None
    running_clock: bool = False

    def applied_to(self, cron: Cron) -> DstRule:
        """The rule as it applies to this expression."""
        if self.running_clock and cron.running_clock:
            return RUNNING_CLOCK
        return DstRule(self.gap or NEUTRAL_DST.gap, self.fold or NEUTRAL_DST.fold)


RUNNING_CLOCK = DstRule(gap="skip", fold="twice")
"""Fires whenever the local clock shows the time."""

UNKNOWN_DST = DstRule(gap=None, fold=None)
"""For a system whose vendor does not document it."""

NEUTRAL_DST = DstRule(gap="after", fold="first", running_clock=True)
"""Debian's cron (cron(8)): a job at a fixed time runs once a day however the clock changes, a
job every few minutes or hours follows the running clock."""


@dataclass(frozen=True)
class Fire:
    """One fire.

    Args:
        instant: when, UTC.
        local: the same instant in the cadence's zone.
        dst: ``shifted`` if it replaces a local time that does not exist, ``doubled`` if its
            local time happens twice that day, ``skipped`` if the clock change made the system
            skip a fire just before it.
        warning: the same in words; empty without one.
    """

    instant: datetime
    local: datetime
    dst: Dst | None = None
    warning: str = ""


@dataclass(frozen=True)
class _Segment:
    """The time between two clock changes. All instants UTC."""

    start: datetime
    end: datetime
    offset: timedelta
    before: timedelta
    after: timedelta


def next_fires(
    cadence: Cadence, after: datetime, count: int, *, rule: DstRule = NEUTRAL_DST
) -> list[Fire]:
    """The first fires after an instant.

    Args:
        cadence: what fires.
        after: aware; a fire at exactly this instant is not counted.
        count: the most fires to return; fewer when the cadence ends.
        rule: what happens when the clock changes; a dialect's own, or the neutral one.
    """
    start = after.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    return list(islice(_fires(cadence, start, _horizon(), rule), count))


def fires_between(
    cadence: Cadence, start: datetime, end: datetime, *, rule: DstRule = NEUTRAL_DST
) -> Iterator[datetime]:
    """The instants, UTC, at which a cadence fires from ``start`` up to but not including ``end``.

    Args:
        cadence: what fires.
        start: aware.
        end: aware.
        rule: what happens when the clock changes.
    """
    for fire in _fires(cadence, start.astimezone(UTC), end.astimezone(UTC), rule):
        yield fire.instant


def _horizon() -> datetime:
    return datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)


def _fires(cadence: Cadence, start: datetime, end: datetime, rule: DstRule) -> Iterator[Fire]:
    if cadence.start_time is not None and cadence.kind == "cron":
        start = max(start, cadence.start_time.astimezone(UTC))
    if cadence.end_time is not None:
        end = min(end, cadence.end_time.astimezone(UTC) + timedelta(seconds=1))
    end = min(end, _horizon())
    tz = zone(cadence.timezone)
    if cadence.cron is not None:
        yield from _cron_fires(parse_cron(cadence.cron), cadence.timezone, start, end, rule)
        return
    for instant in _plain_instants(cadence, start, end):
        yield Fire(instant, instant.astimezone(tz))


def _plain_instants(cadence: Cadence, start: datetime, end: datetime) -> Iterator[datetime]:
    if cadence.run_once_at is not None:
        once = cadence.run_once_at.astimezone(UTC)
        if start <= once < end:
            yield once
        return
    assert cadence.interval is not None and cadence.start_time is not None
    anchor = cadence.start_time.astimezone(UTC)
    steps = max(0, -((anchor - start) // cadence.interval))
    instant = anchor + steps * cadence.interval
    while instant < end:
        if instant >= start:
            yield instant
        instant += cadence.interval


def _cron_fires(
    cron: Cron, timezone: str, start: datetime, end: datetime, rule: DstRule
) -> Iterator[Fire]:
    applied = rule.applied_to(cron)
    tz = zone(timezone)
    last: datetime | None = None
    skipped: datetime | None = None
    for segment in _segments(timezone, start, end):
        for instant, wall, dst in _segment_fires(cron, segment, applied):
            if dst == "skipped":
                skipped = wall
            elif start <= instant < end and instant != last:
                kind: Dst | None = "skipped" if skipped is not None and dst is None else dst
                local_time = skipped if kind == "skipped" and skipped is not None else wall
                local = instant.astimezone(tz)
                warning = _warning(kind, local_time, local, timezone, applied) if kind else ""
                yield Fire(instant, local, kind, warning)
                last = instant
            if dst != "skipped":
                skipped = None


def _segments(timezone: str, start: datetime, end: datetime) -> Iterator[_Segment]:
    """Segments that cover the window; the first from its actual start if that is near."""
    low = start
    offset = before = offset_at(timezone, start - timedelta(days=2))
    for change in changes(timezone, start - timedelta(days=2), end + timedelta(days=2)):
        if change.at > start:
            yield _Segment(low, change.at, offset, before, change.after)
        if change.at >= end:
            return
        low, before, offset = change.at, change.before, change.after
    yield _Segment(low, max(end, low), offset, before, offset)


_Marked = tuple[datetime, datetime, Dst | None]


def _segment_fires(cron: Cron, segment: _Segment, rule: DstRule) -> Iterable[_Marked]:
    regular = _regular(cron, segment, rule)
    gap = segment.offset - segment.before
    if gap <= timedelta(0):
        return regular
    return heapq.merge(_gap_fires(cron, segment, rule), regular, key=lambda fire: fire[0])


def _regular(cron: Cron, segment: _Segment, rule: DstRule) -> Iterator[_Marked]:
    offset = segment.offset
    first, last = _naive(segment.start + offset), _naive(segment.end + offset)
    seen_until = _naive(segment.start + segment.before)
    seen_again = _naive(segment.end + segment.after)
    for wall in walls(cron, first, last):
        repeated, repeats = wall < seen_until, wall >= seen_again
        if (repeated and rule.fold == "first") or (repeats and rule.fold == "last"):
            continue
        yield _aware(wall - offset), wall, "doubled" if repeated or repeats else None


def _gap_fires(cron: Cron, segment: _Segment, rule: DstRule) -> Iterator[_Marked]:
    first = _naive(segment.start + segment.before)
    last = _naive(segment.start + segment.offset)
    for wall in walls(cron, first, last):
        if rule.gap == "skip":
            yield segment.start, wall, "skipped"
        elif rule.gap == "after":
            yield segment.start, wall, "shifted"
        else:
            yield _aware(wall - segment.before), wall, "shifted"


def walls(cron: Cron, start: datetime, end: datetime) -> Iterator[datetime]:
    """The local times, naive, that a cron expression names from ``start`` until ``end``."""
    times = cron.times
    year, month = start.year, start.month
    while (year, month) <= (end.year, end.month):
        if month in cron.month.values:
            first = start.day if (year, month) == (start.year, start.month) else 1
            for day in range(first, calendar.monthrange(year, month)[1] + 1):
                if not cron.matches_day(year, month, day):
                    continue
                midnight = datetime(year, month, day)
                if midnight >= end:
                    return
                low = bisect_left(times, start - midnight) if midnight < start else 0
                for time in times[low:]:
                    wall = midnight + time
                    if wall >= end:
                        return
                    yield wall
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)


def _warning(kind: Dst, wall: datetime, local: datetime, timezone: str, rule: DstRule) -> str:
    what = f"{wall:%H:%M} on {wall:%Y-%m-%d} in {timezone}"
    if kind == "shifted":
        return f"{what} does not exist, the clock goes forward: fires at {local:%H:%M} instead."
    if kind == "skipped":
        return f"{what} does not exist, the clock goes forward: no fire for it."
    which = {
        None: "",
        "first": "fires at the first only.",
        "last": "fires at the second only.",
        "twice": f"this is the {'second' if local.fold else 'first'} of two fires.",
    }[rule.fold]
    return f"{what} happens twice, the clock goes back: {which}"


def _naive(instant: datetime) -> datetime:
    return instant.replace(tzinfo=None)


def _aware(naive: datetime) -> datetime:
    return naive.replace(tzinfo=UTC)
