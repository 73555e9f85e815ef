"""What Kubernetes and Kubeflow share: the Go library robfig/cron, and its errors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from pulumi_zenml.cadence.cron import Cron
from pulumi_zenml.cadence.fields import HOUR, ParsedField, Syntax
from pulumi_zenml.cadence.fires import RUNNING_CLOCK
from pulumi_zenml.cadence.zones import REFERENCE, changes
from pulumi_zenml.errors import CannotExpressError

SYNTAX = Syntax(question=True, open_step=True)
"""robfig/cron parser.go: names, `?`, `5/15`; weekdays 0-6, ranges only forwards."""

DST = RUNNING_CLOCK
"""robfig/cron spec.go uses local time: a missing time is skipped, a repeated one fires twice."""

_HOUR = timedelta(hours=1)


def version_3_days(parsed: Sequence[ParsedField]) -> bool:
    """Whether either day field is enough: unless one has a `*` or `?` without a step."""
    return not any("*" in part.text.split(",") for part in (parsed[2], parsed[4]))


def version_1_days(parsed: Sequence[ParsedField]) -> bool:
    """The same for 1.2.0, where `*/2` counts as `*` too."""
    texts = [text for part in (parsed[2], parsed[4]) for text in part.text.split(",")]
    return not any(text.startswith("*") for text in texts)


def refuse_misread(cron: Cron, timezone: str, title: str, *, version: int) -> None:
    """Refuse what robfig/cron fires at a wrong time, or not at all, around a clock change.

    Its search steps by whole hours, and by days from midnight to midnight. It is wrong where the
    clock changes by or at a fraction of an hour (Australia/Lord_Howe), and where midnight does not
    exist (Asia/Beirut): a whole day's fires are then skipped, or on the wrong day. Tested with
    1.2.0 and 3.0.1.

    Args:
        cron: the cron to write.
        timezone: the zone that the system will read it in.
        title: the system's name.
        version: of robfig/cron, 1 or 3.

    Raises:
        CannotExpressError: on ``timezone``.
    """
    if cron.hour.values != HOUR.everything and _changes_within_hours(timezone):
        raise CannotExpressError(
            "timezone",
            f"{title} loses fires when the clock of {timezone} changes, because it does not "
            "change by and at whole hours.",
            ['`timezone="UTC"`, with the hours in UTC', "a cron that fires every hour"],
        )
    if any(_misses_day(cron, day, version) for day in _days_without_midnight(timezone)):
        raise CannotExpressError(
            "timezone",
            f"{title} fires on the wrong day when the clock of {timezone} changes, because that "
            "day has no midnight.",
            ['`timezone="UTC"`, with the hours in UTC', "a cron that fires every day"],
        )


def _misses_day(cron: Cron, day: date, version: int) -> bool:
    """Whether the day, which has no midnight, is mistaken for the one before, or the reverse."""
    if cron.every_day and cron.every_weekday and cron.every_month:
        return False
    before = day - timedelta(days=1)
    if version == 1:
        # From then on 1.2.0 checks days from 01:00 on, not only this one.
        return True
    return cron.matches_day(day.year, day.month, day.day) != cron.matches_day(
        before.year, before.month, before.day
    )


@lru_cache(maxsize=256)
def _changes_within_hours(timezone: str) -> bool:
    """Whether a clock change of the reference years is by or at a part of an hour."""
    for change in changes(timezone, *REFERENCE):
        wall = change.at.replace(tzinfo=None) + change.before
        if (change.after - change.before) % _HOUR or wall.minute or wall.second:
            return True
    return False


@lru_cache(maxsize=256)
def _days_without_midnight(timezone: str) -> tuple[date, ...]:
    """The days of the reference years that do not begin at 00:00."""
    days = []
    for change in changes(timezone, *REFERENCE):
        wall = change.at.replace(tzinfo=None)
        first, last = wall + change.before, wall + change.after
        midnight = datetime(last.year, last.month, last.day)
        if first <= midnight < last:
            days.append(midnight.date())
    return tuple(days)
