"""Five-field unix cron as sets of values: the one parser that every dialect shares."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache

from pulumi_zenml.cadence.fields import (
    DAY,
    FIELDS,
    MONTH,
    NEUTRAL,
    WEEKDAY,
    ParsedField,
    parse_field,
)
from pulumi_zenml.errors import InputError

MAX_LENGTH = 256
"""Longest text that is parsed, in characters."""

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True)
class Cron:
    """A cron expression as five sets of values; weekdays count from 0 = Sunday.

    A day matches when its month does and, of day of month and day of week, the one that is
    restricted; when both are, either is enough.
    """

    minute: ParsedField
    hour: ParsedField
    day: ParsedField
    month: ParsedField
    weekday: ParsedField

    @property
    def fields(self) -> tuple[ParsedField, ...]:
        """The five fields in the order of the text."""
        return (self.minute, self.hour, self.day, self.month, self.weekday)

    @cached_property
    def every_day(self) -> bool:
        """Whether the day of month is unrestricted."""
        return self.day.values == DAY.everything

    @cached_property
    def every_month(self) -> bool:
        """Whether the month is unrestricted."""
        return self.month.values == MONTH.everything

    @cached_property
    def every_weekday(self) -> bool:
        """Whether the day of week is unrestricted."""
        return self.weekday.values == WEEKDAY.everything

    @cached_property
    def either_day(self) -> bool:
        """Whether day of month and day of week are both restricted, so that either counts."""
        return not self.every_day and not self.every_weekday

    @property
    def running_clock(self) -> bool:
        """Whether minute or hour starts with ``*``: such a job follows the running clock."""
        return self.minute.star or self.hour.star

    @property
    def text(self) -> str:
        """The five fields as they were written, in portable spelling."""
        return " ".join(part.text for part in self.fields)

    @cached_property
    def times(self) -> tuple[timedelta, ...]:
        """The times of the day, in order, as distances from midnight."""
        return tuple(
            timedelta(hours=hour, minutes=minute)
            for hour in self.hour.values
            for minute in self.minute.values
        )

    def matches_day(self, year: int, month: int, day: int) -> bool:
        """Whether the date is one of the days that the expression names."""
        if month not in self.month.values:
            return False
        in_month = day in self.day.values
        in_week = (calendar.weekday(year, month, day) + 1) % 7 in self.weekday.values
        return (in_month or in_week) if self.either_day else (in_month and in_week)


@lru_cache(maxsize=1024)
def parse_cron(text: str) -> Cron:
    """Read the neutral cron.

    Args:
        text: five fields, or one of the ``@`` aliases that stand for five fields.

    Raises:
        InputError: on ``cron``, saying which field and what to write instead.
    """
    fields = split_fields(text)
    parsed = [parse_field(part, spec, NEUTRAL) for part, spec in zip(fields, FIELDS, strict=True)]
    cron = Cron(*parsed)
    _refuse_ambiguous_days(cron)
    _refuse_impossible_dates(cron)
    return cron


def split_fields(text: str) -> list[str]:
    """The five fields of ``text`` in upper case, with aliases expanded.

    Raises:
        InputError: on ``cron``, when there are not five fields.
    """
    if len(text) > MAX_LENGTH:
        raise InputError("cron", f"{len(text)} characters are too many; {MAX_LENGTH} is the limit.")
    if not text.isascii():
        raise InputError("cron", f"`{text}` contains characters that cron does not have.")
    words = text.split()
    if len(words) == 1 and words[0].startswith("@"):
        alias = ALIASES.get(words[0].lower())
        if alias is None:
            raise InputError("cron", _alias_reason(words[0]))
        words = alias.split()
    if words and words[0].lower() == "@every":
        raise InputError("cron", _alias_reason("@every"))
    if words and words[0].startswith(("TZ=", "CRON_TZ=")):
        raise InputError("cron", f"`{words[0]}` is not part of the cron; set `timezone`.")
    if len(words) != 5:
        raise InputError("cron", _count_reason(text, len(words)))
    return [word.upper() for word in words]


def _alias_reason(alias: str) -> str:
    if alias.lower() == "@reboot":
        return "`@reboot` fires when a machine starts, not at a time; write five fields."
    if alias.lower() == "@every":
        return "`@every` counts from when a daemon started; use `interval` with `start_time`."
    return f"`{alias}` is not one of {', '.join(ALIASES)}."


def _count_reason(text: str, count: int) -> str:
    what = "minute, hour, day of month, month, day of week"
    reason = f"`{text.strip()}` has {count} fields; cron has five: {what}."
    if count in (6, 7):
        reason += " Seconds and years are not part of it."
    return reason


def _refuse_ambiguous_days(cron: Cron) -> None:
    """Refuse the day fields that systems read differently.

    Vixie's cron (crontab(5)) requires both fields when one starts with ``*``, robfig/cron 1.2.0
    too; robfig/cron 3 and croniter require either. ``1-31`` counts as ``*`` in croniter only.
    """
    fields = ((cron.day, DAY), (cron.weekday, WEEKDAY))
    if any(part.text == "*" for part, _ in fields):
        return
    for part, spec in fields:
        if part.values == spec.everything:
            raise InputError(
                "cron",
                f"{spec.name} `{part.text}` beside another restricted day field: some systems "
                "read it as `*`, others as every day. Write `*`.",
            )
        if part.star:
            listed = ",".join(str(value) for value in part.values)
            raise InputError(
                "cron",
                f"{spec.name} `{part.text}` beside another restricted day field: some systems "
                f"require both to match, others either. Write `{listed}` for either.",
            )


def _refuse_impossible_dates(cron: Cron) -> None:
    if cron.either_day or cron.every_day:
        return
    longest = max(calendar.monthrange(2000, month)[1] for month in cron.month.values)
    if cron.day.values[0] > longest:
        raise InputError(
            "cron",
            f"`{cron.text}` can never fire: no month in `{cron.month.text}` has a day "
            f"{cron.day.values[0]}.",
        )
