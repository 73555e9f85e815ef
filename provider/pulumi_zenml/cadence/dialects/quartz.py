"""Databricks jobs: Quartz cron with seconds and a zone, or a periodic trigger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from pulumi_zenml.cadence.dialects.base import Dialect
from pulumi_zenml.cadence.dialects.eventbridge import cron_fields
from pulumi_zenml.cadence.dialects.question import read_question_fields
from pulumi_zenml.cadence.dialects.support import (
    interval_as_cron,
    text_field,
    unreadable,
    zone_text,
)
from pulumi_zenml.cadence.fields import Syntax
from pulumi_zenml.cadence.fires import DstRule
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.spelling import unix_text
from pulumi_zenml.cadence.words import largest_unit
from pulumi_zenml.cadence.zones import REFERENCE, changes, zone
from pulumi_zenml.errors import CannotExpressError

SYNTAX = Syntax(question=True, open_step=True, wrap=True, sunday=1)
"""Quartz 2.3.2 CronExpression: weekdays 1-7 from Sunday, ranges may wrap."""

_UNITS = {"hour": "HOURS", "day": "DAYS", "week": "WEEKS"}


class Quartz(Dialect):
    """Fields: ``quartz_cron_expression`` and ``timezone_id``, or ``periodic`` with ``interval``
    and ``unit``."""

    name = "quartz"
    title = "Databricks"
    kinds = frozenset({"cron", "interval"})
    zones = "iana"
    fields = 6
    both_days = False
    name_length = 4096
    dst = DstRule(gap="skip", fold="last")
    anchor = "when the job is created, chosen by Databricks"
    sources = ("Quartz 2.3.2 (run)", "databricks-sdk jobs.PeriodicTriggerConfiguration")

    def write(self, cadence: Cadence) -> Native:
        self.require(cadence)
        if cadence.interval is not None:
            return self._periodic(cadence, cadence.interval)
        cron, notes = self.cron_in(cadence, None)
        if _lost_hours(cadence.timezone).intersection(cron.hour.values):
            raise CannotExpressError(
                "timezone",
                f"Databricks loses fires when the clock of {cadence.timezone} goes forward: "
                "Quartz is wrong if the change is not at or by a full hour, or is just before "
                "midnight.",
                ['`timezone="UTC"`, with the hours in UTC'],
            )
        text = f"0 {cron_fields(cron)}"
        fields = {"quartz_cron_expression": text, "timezone_id": cadence.timezone}
        return Native(text + zone_text(cadence.timezone), fields, notes)

    def _periodic(self, cadence: Cadence, interval: timedelta) -> Native:
        count, unit = largest_unit(interval)
        cron = interval_as_cron(cadence)
        if unit not in _UNITS:
            raise CannotExpressError(
                "interval",
                f"Databricks counts in hours, days and weeks; {count} {unit}s is not a whole "
                "number of them.",
                [f'`cron="{unix_text(cron)}"` in UTC' if cron else "a whole number of hours"],
            )
        note = "Databricks chooses the first fire itself; start_time is not sent."
        if cron is not None:
            note += f' `cron="{unix_text(cron)}"` in UTC would fire at start_time.'
        fields = {"periodic": {"interval": count, "unit": _UNITS[unit]}}
        return Native(f"periodic {count} {_UNITS[unit]}", fields, (note,))

    def read(self, fields: Mapping[str, object]) -> Cadence:
        if fields.get("periodic") is not None:
            raise CannotExpressError(
                "interval", "Databricks does not report when a periodic trigger first fires."
            )
        text = text_field(fields, "quartz_cron_expression", self.title)
        timezone = text_field(fields, "timezone_id", self.title)
        zone(timezone)
        words = text.split()
        if len(words) == 7 and words[6] == "*":
            words.pop()
        if len(words) != 6:
            raise unreadable(self.title, text, "it must have six fields, with `*` as the year")
        if words[0] != "0":
            raise unreadable(self.title, text, f"its seconds `{words[0]}` are not 0")
        return Cadence(
            cron=read_question_fields(words[1:], SYNTAX, self.title, text), timezone=timezone
        )

    def matches(self, cadence: Cadence, fields: Mapping[str, object]) -> bool:
        """As for any dialect; a periodic trigger is compared as it stands."""
        if fields.get("periodic") is not None and cadence.interval is not None:
            return self.write(cadence).fields.get("periodic") == fields["periodic"]
        return super().matches(cadence, fields)


@lru_cache(maxsize=256)
def _lost_hours(timezone: str) -> frozenset[int]:
    """The hours of the day whose fires Quartz 2.3.2 loses in a zone, as tested.

    If a gap has a fraction of an hour (Australia/Lord_Howe), it skips the rest of that hour; if it
    ends at midnight (America/Nuuk), the day that follows.
    """
    lost: set[int] = set()
    for change in changes(timezone, *REFERENCE):
        wall = change.at.replace(tzinfo=None)
        first, last = wall + change.before, wall + change.after
        if last <= first:
            continue
        if first.minute or last.minute:
            lost.update(_hours(first, last))
        elif last.hour == 0:
            lost.update(_hours(first - timedelta(hours=1), last))
    return frozenset(lost)


def _hours(first: datetime, last: datetime) -> list[int]:
    """The hours of the day that an interval of local time touches."""
    start = first.replace(minute=0)
    count = -((start - last) // timedelta(hours=1))
    return [(start + timedelta(hours=i)).hour for i in range(count)]
