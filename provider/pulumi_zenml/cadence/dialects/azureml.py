"""AzureML job schedules: NCrontab without days and months, or a recurrence; Windows zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache

from tzlocal import windows_tz

from pulumi_zenml.cadence.cron import Cron
from pulumi_zenml.cadence.dialects.base import Dialect, rfc3339
from pulumi_zenml.cadence.dialects.support import (
    instant_field,
    read_unix,
    text_field,
    unreadable,
    window_text,
    zone_text,
)
from pulumi_zenml.cadence.fields import DAY, HOUR, MINUTE, MONTH, WEEKDAY, Syntax
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.spelling import from_sets, listed, unix_text
from pulumi_zenml.cadence.words import largest_unit
from pulumi_zenml.cadence.zones import same_clock, zone_names
from pulumi_zenml.errors import CannotExpressError

SYNTAX = Syntax()
"""AzureML's schedule page: NCrontab with weekdays 0-6."""

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")

UNKNOWN_TO_AZURE = frozenset(
    {
        "Alberta Standard Time",
        "British Columbia Standard Time",
        "Magallanes Standard Time",
        "Manitoba Standard Time",
        "Omsk Standard Time",
        "Qyzylorda Standard Time",
        "Sao Tome Standard Time",
        "Saratov Standard Time",
        "South Sudan Standard Time",
        "Sudan Standard Time",
        "UTC+13",
        "Volgograd Standard Time",
        "Yukon Standard Time",
    }
)
"""Windows zones of CLDR that azure-ai-ml 1.35 does not list in its ``TimeZone``."""

_FROM_IANA: Mapping[str, str] = windows_tz.tz_win
_TO_IANA: Mapping[str, str] = windows_tz.win_tz

_UNITS = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800}


class AzureML(Dialect):
    """Fields: ``trigger_type`` ``cron`` with ``expression``, or ``recurrence`` with
    ``frequency``, ``interval`` and ``schedule``; ``time_zone``, ``start_time``, ``end_time``."""

    name = "azureml"
    title = "AzureML"
    kinds = frozenset({"cron", "interval"})
    zones = "windows"
    start_time = True
    end_time = True
    both_days = False
    name_length = 255
    anchor = "start_time"
    sources = ("Azure docs: how-to-schedule-pipeline-job", "azure-ai-ml 1.35 TimeZone")

    def write(self, cadence: Cadence) -> Native:
        self.require(cadence)
        notes: tuple[str, ...] = ()
        if cadence.interval is not None:
            fields, text = _recurring(cadence.interval)
            timezone = "UTC"
        else:
            cron, notes = self.cron_in(cadence, None)
            timezone = cadence.timezone
            fields, text = _cron(cron) if cron.every_day else _monthly(cron)
            if not cron.every_month:
                raise _months(cron)
        fields["time_zone"] = windows = windows_zone(timezone)
        if cadence.start_time is not None:
            fields["start_time"] = rfc3339(cadence.start_time)
        if cadence.end_time is not None:
            fields["end_time"] = rfc3339(cadence.end_time)
        return Native(text + zone_text(windows) + window_text(cadence), fields, notes)

    def read(self, fields: Mapping[str, object]) -> Cadence:
        start = instant_field(fields, "start_time", self.title)
        end = instant_field(fields, "end_time", self.title)
        timezone = iana_zone(str(fields.get("time_zone") or "UTC"))
        kind = str(fields.get("trigger_type", "")).lower()
        if kind == "cron":
            return Cadence(
                cron=self._read_cron(text_field(fields, "expression", self.title)),
                timezone=timezone,
                start_time=start,
                end_time=end,
            )
        if kind != "recurrence":
            raise unreadable(self.title, kind, "it is neither a cron nor a recurrence")
        frequency = str(fields.get("frequency", "")).lower()
        count = fields.get("interval")
        if not isinstance(count, int) or isinstance(count, bool) or not 0 < count < 10**6:
            raise unreadable(self.title, str(count), "its interval is not at least 1")
        schedule = fields.get("schedule")
        if isinstance(schedule, Mapping) and any(schedule.values()):
            cron = self._read_pattern(frequency, count, schedule)
            return Cadence(cron=cron, timezone=timezone, start_time=start, end_time=end)
        if frequency not in _UNITS or start is None:
            raise CannotExpressError(
                "interval", f"AzureML has a recurrence by {frequency or 'nothing'} without a start."
            )
        interval = timedelta(seconds=count * _UNITS[frequency])
        return Cadence(interval=interval, start_time=start, end_time=end)

    def _read_cron(self, text: str) -> str:
        words = text.split()
        if len(words) == 5:
            # AzureML ignores these two and fires as if they were `*`.
            words[2] = words[3] = "*"
        return read_unix(" ".join(words), self.title, SYNTAX, days=lambda _: None)

    def _read_pattern(self, frequency: str, count: int, schedule: Mapping[str, object]) -> str:
        text = f"recurrence {count} {frequency}"
        if count != 1 or frequency not in ("day", "week", "month"):
            raise unreadable(self.title, text, "a pattern that is not daily, weekly or monthly")
        minutes = _numbers(schedule.get("minutes"), MINUTE.everything, text)
        hours = _numbers(schedule.get("hours"), HOUR.everything, text)
        names = schedule.get("week_days") or []
        days = schedule.get("month_days")
        if not isinstance(names, Sequence) or isinstance(names, str) or not minutes or not hours:
            raise unreadable(self.title, text, "a pattern without hours and minutes")
        try:
            weekdays = [WEEKDAYS.index(str(name).lower()) for name in names]
        except ValueError:
            raise unreadable(self.title, text, f"weekdays {names!r:.64}") from None
        monthdays = _numbers(days, DAY.everything, text)
        if (frequency == "week") != bool(weekdays) or (frequency == "month") != bool(monthdays):
            raise unreadable(self.title, text, "days that do not fit its frequency")
        cron = from_sets(
            minutes,
            hours,
            monthdays or DAY.everything,
            MONTH.everything,
            weekdays or WEEKDAY.everything,
        )
        return unix_text(cron)


def _cron(cron: Cron) -> tuple[dict[str, object], str]:
    minute, hour = listed(cron.minute.values, MINUTE), listed(cron.hour.values, HOUR)
    expression = f"{minute} {hour} * * {listed(cron.weekday.values, WEEKDAY)}"
    return {"trigger_type": "cron", "expression": expression}, expression


def _monthly(cron: Cron) -> tuple[dict[str, object], str]:
    schedule = {
        "hours": list(cron.hour.values),
        "minutes": list(cron.minute.values),
        "month_days": list(cron.day.values),
    }
    text = f"monthly on {schedule['month_days']} at {schedule['hours']}:{schedule['minutes']}"
    fields: dict[str, object] = {
        "trigger_type": "recurrence",
        "frequency": "month",
        "interval": 1,
        "schedule": schedule,
    }
    return fields, text


def _recurring(interval: timedelta) -> tuple[dict[str, object], str]:
    count, unit = largest_unit(interval)
    if unit == "second":
        whole = int(interval.total_seconds()) // 60
        raise CannotExpressError(
            "interval",
            f"AzureML counts in whole minutes; {interval} is not.",
            [f"{whole} minutes" if whole > 1 else "1 minute", f"{whole + 1} minutes"],
        )
    fields: dict[str, object] = {
        "trigger_type": "recurrence",
        "frequency": unit,
        "interval": count,
    }
    return fields, f"every {count} {unit}" + ("s" if count > 1 else "")


def _months(cron: Cron) -> CannotExpressError:
    fields = unix_text(cron).split()
    return CannotExpressError(
        "cron",
        f"AzureML ignores months: `{unix_text(cron)}` would fire in every month.",
        [f'`cron="{" ".join([*fields[:3], "*", fields[4]])}"`', "a system that supports months"],
    )


@lru_cache(maxsize=512)
def windows_zone(name: str) -> str:
    """The Windows name whose clock is that of an IANA zone, by CLDR.

    Raises:
        CannotExpressError: on ``timezone``, when Azure has no such clock.
    """
    windows = _FROM_IANA.get(name)
    if windows is None or windows in UNKNOWN_TO_AZURE or not same_clock(name, _TO_IANA[windows]):
        windows = _fitting(name)
    if windows is None:
        raise CannotExpressError(
            "timezone",
            f"AzureML has no time zone with the clock of {name}.",
            ['`timezone="UTC"`, with the hours in UTC'],
        )
    return windows


def _fitting(name: str) -> str | None:
    """Another Windows zone that shows the same time at every instant from now on."""
    for windows, iana in sorted(_TO_IANA.items()):
        if windows not in UNKNOWN_TO_AZURE and iana in zone_names() and same_clock(name, iana):
            return windows
    return None


def iana_zone(windows: str) -> str:
    """The IANA name of a Windows zone; IANA names pass, since AzureML's client takes any text.

    Raises:
        CannotExpressError: on ``timezone``, when it is neither.
    """
    if windows == "UTC" or windows in zone_names():
        return windows
    if windows not in _TO_IANA:
        raise CannotExpressError("timezone", f"AzureML has the unknown time zone `{windows[:64]}`.")
    return _TO_IANA[windows]


def _numbers(value: object, within: Sequence[int], text: str) -> list[int]:
    numbers = [value] if isinstance(value, int) else value
    if numbers is None:
        return []
    if not isinstance(numbers, Sequence) or not all(
        isinstance(number, int) and number in within for number in numbers
    ):
        raise unreadable("AzureML", text, f"{value!r:.64}")
    return [number for number in numbers if isinstance(number, int)]
