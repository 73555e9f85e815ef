"""Amazon EventBridge Scheduler: ``cron()``, ``rate()`` and ``at()``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pulumi_zenml.cadence.cron import Cron
from pulumi_zenml.cadence.dialects.base import Dialect
from pulumi_zenml.cadence.dialects.question import read_question_fields
from pulumi_zenml.cadence.dialects.support import (
    instant_field,
    text_field,
    unreadable,
    window_text,
    zone_text,
)
from pulumi_zenml.cadence.fields import DAY, HOUR, MINUTE, MONTH, WEEKDAY, WEEKDAY_NAMES, Syntax
from pulumi_zenml.cadence.fires import DstRule
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.spelling import listed, stepped
from pulumi_zenml.cadence.words import largest_unit
from pulumi_zenml.cadence.zones import zone
from pulumi_zenml.errors import CannotExpressError

SYNTAX = Syntax(question=True, open_step=True, sunday=1)
"""EventBridge Scheduler user guide, "Cron-based schedules": weekdays 1-7 from Sunday."""

_RATE = re.compile(r"rate\((\d{1,6}) (minute|hour|day)s?\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_CRON = re.compile(r"cron\(([^()]*)\)")


class EventBridge(Dialect):
    """Fields: ``ScheduleExpression``, ``ScheduleExpressionTimezone``, ``StartDate``,
    ``EndDate``."""

    name = "eventbridge"
    title = "EventBridge"
    kinds = frozenset({"cron", "interval", "once"})
    zones = "iana"
    start_time = True
    end_time = True
    fields = 6
    both_days = False
    name_length = 64
    dst = DstRule(gap="skip", fold="first")
    anchor = "start_time"
    sources = ("EventBridge Scheduler user guide, schedule types", "botocore scheduler model")

    def write(self, cadence: Cadence) -> Native:
        self.require(cadence)
        notes: tuple[str, ...] = ()
        timezone = "UTC"
        if cadence.cron is not None:
            cron, notes = self.cron_in(cadence, None)
            expression, timezone = f"cron({cron_fields(cron)} *)", cadence.timezone
        elif cadence.interval is not None:
            expression = _rate(cadence.interval)
        else:
            expression = _at(cadence)
        fields: dict[str, object] = {
            "ScheduleExpression": expression,
            "ScheduleExpressionTimezone": timezone,
        }
        if cadence.start_time is not None:
            fields["StartDate"] = cadence.start_time.astimezone(UTC).isoformat()
        if cadence.end_time is not None:
            fields["EndDate"] = cadence.end_time.astimezone(UTC).isoformat()
        return Native(expression + zone_text(timezone) + window_text(cadence), fields, notes)

    def read(self, fields: Mapping[str, object]) -> Cadence:
        text = text_field(fields, "ScheduleExpression", self.title)
        timezone = str(fields.get("ScheduleExpressionTimezone") or "UTC")
        tz = zone(timezone)
        start = instant_field(fields, "StartDate", self.title)
        end = instant_field(fields, "EndDate", self.title)
        if match := _RATE.fullmatch(text):
            interval = int(match[1]) * timedelta(**{f"{match[2]}s": 1})
            if not interval or start is None:
                raise CannotExpressError(
                    "start_time", f"EventBridge counts `{text}` from when it was created."
                )
            return Cadence(interval=interval, start_time=start, end_time=end)
        if match := _AT.fullmatch(text):
            try:
                local = datetime.fromisoformat(match[1]).replace(tzinfo=tz)
            except ValueError:
                raise unreadable(self.title, text, "it is not a date") from None
            return Cadence(run_once_at=local.astimezone(UTC))
        if match := _CRON.fullmatch(text):
            words = match[1].split()
            if len(words) != 6 or words[5] != "*":
                raise unreadable(self.title, text, "it must have six fields, with `*` as the year")
            cron = read_question_fields(words[:5], SYNTAX, self.title, text)
            return Cadence(cron=cron, timezone=timezone, start_time=start, end_time=end)
        raise unreadable(self.title, text, "it is neither cron(), rate() nor at()")


def cron_fields(cron: Cron) -> str:
    """Minute to day of week with ``?`` in one day field, weekdays by name, no ranges."""
    minute = stepped(cron.minute.values, MINUTE)
    hour = stepped(cron.hour.values, HOUR)
    day = stepped(cron.day.values, DAY) if cron.every_weekday else "?"
    month = stepped(cron.month.values, MONTH)
    # This field has no steps, unlike the others.
    weekday = "?" if cron.every_weekday else listed(cron.weekday.values, WEEKDAY, WEEKDAY_NAMES)
    return f"{minute} {hour} {day} {month} {weekday}"


def _rate(interval: timedelta) -> str:
    count, unit = largest_unit(interval)
    if unit == "second":
        whole = int(interval.total_seconds()) // 60
        raise CannotExpressError(
            "interval",
            f"EventBridge counts in whole minutes; {interval} is not.",
            [f"{whole} minutes" if whole > 1 else "1 minute", f"{whole + 1} minutes"],
        )
    if unit == "week":
        count, unit = count * 7, "day"
    return f"rate({count} {unit if count == 1 else unit + 's'})"


def _at(cadence: Cadence) -> str:
    assert cadence.run_once_at is not None
    once = cadence.run_once_at.astimezone(UTC)
    if once.second:
        minute = once.replace(second=0)
        raise CannotExpressError(
            "run_once_at",
            f"EventBridge fires on whole minutes; {once.isoformat()} is not one.",
            [minute.isoformat(), (minute + timedelta(minutes=1)).isoformat()],
        )
    return f"at({once:%Y-%m-%dT%H:%M:%S})"
