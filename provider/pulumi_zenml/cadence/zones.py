"""Time zones: names, clock changes, and moving a cron expression from one zone to another."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from pulumi_zenml.cadence.cron import Cron
from pulumi_zenml.cadence.fields import DAY
from pulumi_zenml.cadence.spelling import from_sets
from pulumi_zenml.errors import InputError

REFERENCE = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2054, 1, 1, tzinfo=UTC))
"""Zones are compared over these 28 years: every date falls on every weekday in them."""

_NOT_ZONES = {"Factory", "localtime", "posixrules"}
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class ClockChange:
    """A clock change.

    Args:
        at: the instant, UTC.
        before: offset from UTC until then.
        after: offset from UTC from then on.
    """

    at: datetime
    before: timedelta
    after: timedelta


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """The IANA names in this machine's time zone database."""
    return frozenset(available_timezones() - _NOT_ZONES)


@lru_cache(maxsize=256)
def zone(name: str, property: str = "timezone") -> ZoneInfo:
    """The time zone of that IANA name.

    Raises:
        InputError: when there is none; suggests similar names.
    """
    if name == "UTC" or name in zone_names():
        return ZoneInfo(name)
    folded = {known.lower(): known for known in sorted(zone_names())}
    cities = {known.rsplit("/", 1)[-1].lower(): known for known in sorted(zone_names())}
    wanted = name.lower().replace(" ", "_")
    near = [folded[hit] for hit in difflib.get_close_matches(wanted, folded, n=3, cutoff=0.7)]
    near += [cities[hit] for hit in difflib.get_close_matches(wanted, cities, n=2, cutoff=0.8)]
    hint = (
        f"Near it: {', '.join(dict.fromkeys(near))}."
        if near
        else "Write, for example, `Europe/Berlin`."
    )
    raise InputError(property, f"`{name[:64]}` is not an IANA time zone. {hint}")


def changes(name: str, start: datetime, end: datetime) -> Iterator[ClockChange]:
    """The clock changes of a zone from ``start`` to ``end`` (both UTC), in order."""
    for year in range(start.year, end.year + 1):
        for change in _changes_of_year(name, year):
            if start <= change.at < end:
                yield change


@lru_cache(maxsize=4096)
def _changes_of_year(name: str, year: int) -> tuple[ClockChange, ...]:
    tz = zone(name)
    found = []
    low = datetime(year, 1, 1, tzinfo=UTC)
    end = datetime(year + 1, 1, 1, tzinfo=UTC)
    before = _offset(tz, low)
    while low < end:
        high = low + _DAY
        after = _offset(tz, high)
        if after != before:
            found.append(ClockChange(_bisect(tz, low, high, before), before, after))
        low, before = high, after
    return tuple(found)


def _bisect(tz: ZoneInfo, low: datetime, high: datetime, before: timedelta) -> datetime:
    """The first instant, to the second, whose offset is no longer ``before``."""
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if _offset(tz, middle) == before:
            low = middle
        else:
            high = middle
    return high


def offset_at(name: str, instant: datetime) -> timedelta:
    """The zone's offset from UTC at an instant."""
    return _offset(zone(name), instant)


def _offset(tz: ZoneInfo, instant: datetime) -> timedelta:
    offset = instant.astimezone(tz).utcoffset()
    assert offset is not None
    return offset


@lru_cache(maxsize=1024)
def fixed_offset(name: str) -> timedelta | None:
    """The zone's offset, when its clock never changes from 2026 on; else None."""
    if next(changes(name, *REFERENCE), None) is None:
        return offset_at(name, REFERENCE[0])
    return None


@lru_cache(maxsize=1024)
def same_clock(one: str, other: str) -> bool:
    """Whether two zones show the same time at every instant from 2026 on."""
    if one == other:
        return True
    start, end = REFERENCE
    if offset_at(one, start) != offset_at(other, start):
        return False
    return tuple(changes(one, start, end)) == tuple(changes(other, start, end))


def rezone(cron: Cron, source: str, target: str) -> Cron | None:
    """The same fire times in another zone, or None when no single cron has them.

    Args:
        cron: read in ``source``.
        source: IANA name.
        target: IANA name.
    """
    if same_clock(source, target):
        return cron
    from_utc, to_utc = fixed_offset(source), fixed_offset(target)
    if from_utc is None or to_utc is None:
        return None
    return shift(cron, to_utc - from_utc)


def shift(cron: Cron, by: timedelta) -> Cron | None:
    """Every fire time of ``cron`` moved by whole minutes, or None when no single cron has them."""
    minutes, rest = divmod(round(by.total_seconds()), 60)
    if rest:
        return None
    if minutes == 0:
        return cron
    moved = [
        divmod(hour * 60 + minute + minutes, 1440)
        for hour in cron.hour.values
        for minute in cron.minute.values
    ]
    times = {time for _, time in moved}
    hours, at = {time // 60 for time in times}, {time % 60 for time in times}
    if len(hours) * len(at) != len(times):
        return None
    if cron.every_day and cron.every_weekday and cron.every_month:
        return from_sets(tuple(at), tuple(hours), *_day_sets(cron))
    days = {day for day, _ in moved}
    if len(days) != 1:
        return None
    shifted = _shift_days(cron, days.pop())
    return None if shifted is None else from_sets(tuple(at), tuple(hours), *shifted)


_Days = tuple[Sequence[int], Sequence[int], Sequence[int]]


def _day_sets(cron: Cron) -> _Days:
    return cron.day.values, cron.month.values, cron.weekday.values


def _shift_days(cron: Cron, by: int) -> _Days | None:
    """Day, month and weekday sets moved by days; None where months are not alike."""
    days, months, weekdays = _day_sets(cron)
    if by == 0:
        return days, months, weekdays
    weekdays = tuple(sorted((day + by) % 7 for day in weekdays))
    if cron.every_day:
        # Only days of the week: exact as long as no month has to begin a day earlier.
        return (days, months, weekdays) if cron.every_month else None
    days = tuple(day + by for day in days)
    if days[0] < DAY.low or days[-1] > DAY.high:
        return None
    moved = from_sets((0,), (0,), days, months, weekdays)
    return (days, months, weekdays) if _same_days(cron, moved, by) else None


def _same_days(cron: Cron, moved: Cron, by: int) -> bool:
    """Whether ``moved`` names exactly the days of ``cron`` plus ``by``, in all 28 years."""
    day, end = REFERENCE[0].date(), REFERENCE[1].date()
    while day < end:
        other: date = day + by * _DAY
        if cron.matches_day(day.year, day.month, day.day) != moved.matches_day(
            other.year, other.month, other.day
        ):
            return False
        day += _DAY
    return True
