"""Airflow as ZenML generates its DAGs: cron by croniter in UTC, a duration, or ``@once``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from pulumi_zenml.cadence.dialects.base import Dialect, rfc3339
from pulumi_zenml.cadence.dialects.support import (
    instant_field,
    interval_as_cron,
    read_unix,
    text_field,
    unreadable,
    window_text,
)
from pulumi_zenml.cadence.fields import DAY, WEEKDAY, ParsedField, Syntax
from pulumi_zenml.cadence.fires import RUNNING_CLOCK
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.spelling import unix_text
from pulumi_zenml.errors import CannotExpressError

SYNTAX = Syntax(question=True, open_step=True, wrap=True, seven=True)
"""croniter 7.0.0."""

ONCE = "@once"
"""Fires once, at the start date (timetables/simple.py, OnceTimetable)."""

_DURATION = re.compile(r"P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?")


class Airflow(Dialect):
    """Fields: ``schedule`` (cron, an ISO 8601 duration, or ``@once`` for a single fire at
    ``start_date``), ``start_date``, ``end_date``, ``catchup``."""

    name = "airflow"
    title = "Airflow"
    kinds = frozenset({"cron", "interval", "once"})
    zones = "utc"
    start_time = True
    end_time = True
    catchup = True
    smallest = timedelta(seconds=1)
    name_length = 250
    dst = RUNNING_CLOCK
    anchor = "start_time; without catch-up only what a cron expresses exactly"
    sources = (
        "apache-airflow 3 timetables/trigger.py, timetables/simple.py",
        "croniter 7.0.0 (run)",
    )

    def write(self, cadence: Cadence) -> Native:
        self.require(cadence)
        if cadence.run_once_at is not None:
            at = rfc3339(cadence.run_once_at)
            once = {"schedule": ONCE, "catchup": False, "start_date": at}
            return Native(f"{ONCE} at {at}", once)
        notes: tuple[str, ...] = ()
        if cadence.interval is not None:
            cron = interval_as_cron(cadence)
            if cron is not None:
                schedule = unix_text(cron)
            elif cadence.catchup:
                schedule = _iso(cadence.interval)
            else:
                # timetables/trigger.py, DeltaTriggerTimetable
                raise CannotExpressError(
                    "interval",
                    "without `catchup` Airflow counts each interval from its last check and so "
                    "drifts, and this interval is not a single cron.",
                    [
                        "`catchup=True`, in an orchestrator with max_active_runs 1",
                        "an interval that divides a day, starting at a full minute",
                    ],
                )
        else:
            moved, notes = self.cron_in(cadence, "UTC")
            schedule = unix_text(moved)
        fields: dict[str, object] = {"schedule": schedule, "catchup": cadence.catchup}
        if cadence.start_time is not None:
            fields["start_date"] = rfc3339(cadence.start_time)
        if cadence.end_time is not None:
            fields["end_date"] = rfc3339(cadence.end_time)
        return Native(schedule + window_text(cadence), fields, notes)

    def read(self, fields: Mapping[str, object]) -> Cadence:
        text = text_field(fields, "schedule", self.title)
        start = instant_field(fields, "start_date", self.title)
        end = instant_field(fields, "end_date", self.title)
        catchup = bool(fields.get("catchup"))
        if text == ONCE:
            if start is None:
                raise unreadable(self.title, text, "it fires as soon as Airflow reads the DAG")
            return Cadence(run_once_at=start)
        match = _DURATION.fullmatch(text)
        if match is None:
            cron = read_unix(text, self.title, SYNTAX, days=_either)
            return Cadence(cron=cron, start_time=start, end_time=end, catchup=catchup)
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        interval = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if not interval:
            raise unreadable(self.title, text, "it is zero")
        if start is None:
            raise CannotExpressError(
                "start_time", "Airflow counts this interval from when it first read the DAG."
            )
        return Cadence(interval=interval, start_time=start, end_time=end, catchup=catchup)


def _either(parsed: Sequence[ParsedField]) -> bool:
    """croniter requires either day field unless one of them has every value."""
    return parsed[2].values != DAY.everything and parsed[4].values != WEEKDAY.everything


def _iso(interval: timedelta) -> str:
    hours, rest = divmod(interval.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    time = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
    days = f"{interval.days}D" if interval.days else ""
    return f"P{days}T{time}" if time else f"P{days}"
