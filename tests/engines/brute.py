"""Independent readers of native cron, by the vendors' rules and by brute force.

They share nothing with the package: no parser, no clock arithmetic. Each field becomes a test of
one value, every day of a window is tried, and a local time becomes instants through zoneinfo alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Test = Callable[[int], bool]

_MONTHS = {
    name: i
    for i, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), start=1)
}
_DAYS = "SUN MON TUE WED THU FRI SAT".split()


def _field(text: str, low: int, high: int, names: dict[str, int]) -> Test:
    """A test for `*`, `?`, values, ranges and `a/n` (from a to the end)."""

    def number(word: str) -> int:
        return names[word] if word in names else int(word)

    wanted: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span in "*?":
            first, last = low, high
        elif "-" in span:
            first, last = (number(word) for word in span.split("-"))
        else:
            first = number(span)
            last = high if step else first
        wanted.update(range(first, last + 1, int(step or 1)))
    return wanted.__contains__


def _instants(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instants, none to two, at which the wall of a zone shows a local time."""
    found = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(i for i in found if i.astimezone(zone).replace(tzinfo=None) == wall)


def _walls(
    minute: Test, hour: Test, day: Callable[[date], bool], first: date, last: date
) -> Iterator[datetime]:
    times = [time(h, m) for h in range(24) if hour(h) for m in range(60) if minute(m)]
    while first <= last:
        if day(first):
            for at in times:
                yield datetime.combine(first, at)
        first += timedelta(days=1)


def _fires(
    walls: Iterator[datetime],
    zone: ZoneInfo,
    start: datetime,
    end: datetime,
    choose: Callable[[list[datetime]], list[datetime]],
) -> list[datetime]:
    instants = (i for wall in walls for i in choose(_instants(wall, zone)))
    return sorted({i for i in instants if start <= i < end})


def _days(start: datetime, end: datetime) -> tuple[date, date]:
    margin = timedelta(days=2)
    return (start - margin).date(), (end + margin).date()


def eventbridge(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """EventBridge's `cron(minute hour day month weekday year)`.

    Weekdays count from SUN = 1; a local time that does not exist is skipped, one that happens
    twice fires once (EventBridge Scheduler user guide, "Daylight savings time").
    """
    assert expression.startswith("cron(") and expression.endswith(")")
    minute, hour, day, month, weekday, year = expression[5:-1].split()
    assert year == "*" and (day == "?") != (weekday == "?")
    in_month = _field(month, 1, 12, _MONTHS)
    on_day = _field(day, 1, 31, {})
    on_weekday = _field(weekday, 1, 7, {name: i for i, name in enumerate(_DAYS, 1)})

    def wanted(when: date) -> bool:
        return in_month(when.month) and on_day(when.day) and on_weekday(when.isoweekday() % 7 + 1)

    walls = _walls(_field(minute, 0, 59, {}), _field(hour, 0, 23, {}), wanted, *_days(start, end))
    return _fires(walls, ZoneInfo(zone), start, end, lambda instants: instants[:1])


def jenkins(spec: str, start: datetime, end: datetime) -> list[datetime]:
    """Jenkins' `TZ=` line and five fields: looked at every minute, all five must match."""
    first, text = spec.split("\n")
    minute, hour, day, month, weekday = text.split()
    in_month, on_day = _field(month, 1, 12, {}), _field(day, 1, 31, {})
    on_weekday = _field(weekday, 0, 7, {})

    def wanted(when: date) -> bool:
        sunday = when.isoweekday() % 7
        weekly = on_weekday(sunday) or (sunday == 0 and on_weekday(7))
        return in_month(when.month) and on_day(when.day) and weekly

    walls = _walls(_field(minute, 0, 59, {}), _field(hour, 0, 23, {}), wanted, *_days(start, end))
    return _fires(walls, ZoneInfo(first.removeprefix("TZ=")), start, end, lambda found: found)


def azureml(fields: dict[str, object], zone: str, start: datetime, end: datetime) -> list[datetime]:
    """AzureML's cron (days and months are ignored) and monthly recurrence.

    Only for windows without a clock change: Azure does not say what happens then.
    """
    if fields["trigger_type"] == "cron":
        minute, hour, _, _, weekday = str(fields["expression"]).split()
        on_weekday = _field(weekday, 0, 6, {name: i for i, name in enumerate(_DAYS)})
        walls = _walls(
            _field(minute, 0, 59, {}),
            _field(hour, 0, 23, {}),
            lambda when: on_weekday(when.isoweekday() % 7),
            *_days(start, end),
        )
        return _fires(walls, ZoneInfo(zone), start, end, lambda found: found)
    assert (fields["frequency"], fields["interval"]) == ("month", 1)
    schedule = fields["schedule"]
    assert isinstance(schedule, dict)
    walls = _walls(
        schedule["minutes"].__contains__,
        schedule["hours"].__contains__,
        lambda when: when.day in schedule["month_days"],
        *_days(start, end),
    )
    return _fires(walls, ZoneInfo(zone), start, end, lambda found: found)
