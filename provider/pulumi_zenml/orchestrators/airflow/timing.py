"""The schedule and dates with which Airflow fires exactly as a cadence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pulumi_zenml.cadence.dialects.airflow import Airflow
from pulumi_zenml.cadence.dialects.base import rfc3339
from pulumi_zenml.cadence.fires import fires_between, next_fires
from pulumi_zenml.cadence.model import Cadence

INERT = "0 0 1 1 * 0 1970-2020,2060-2070"
"""A cron that is valid and does not fire before 2060.

ZenML's generator cannot pass on Airflow's ``schedule=None``: its ``schedule`` is text or a
duration. An end date in the past would stop the schedule too, but also the tasks that a run in
progress has yet to start (Airflow 2 ti_deps/deps/runnable_exec_date_dep.py). croniter takes a
seventh field for the years from 3.0 on; the early years are there because Airflow also asks for
the fire before now.
"""

_LOOK_BACK = tuple(timedelta(days=days) for days in (2, 40, 400, 1500, 15000))


def timing(
    cadence: Cadence,
    *,
    paused: bool,
    since: datetime,
    now: datetime,
    major: int,
) -> dict[str, object]:
    """The timing keys of ``config.json`` for a cadence.

    Airflow runs the last missed fire after a start date even without catch-up, when it first
    reads a DAG and when a DAG is resumed (Airflow 3 timetables/trigger.py). So without
    catch-up the start date is never before ``now``.

    Args:
        cadence: the declared cadence.
        paused: write it so that it does not fire.
        since: when the schedule was created; where catch-up begins without a ``start_time``.
        now: missed fires before this instant are skipped, unless the cadence has catch-up.
        major: Airflow's major version. Airflow 2 fires at the end of the interval that starts
            at a cron's time (timetables/interval.py), so its dates lie one fire earlier.
    """
    if cadence.run_once_at is not None:
        return _once(cadence.run_once_at, paused=paused, now=now)
    if paused:
        return _values(INERT, now, None, catchup=False)
    schedule = str(Airflow().write(cadence).fields["schedule"])
    start, end = cadence.start_time or since, cadence.end_time
    if not cadence.catchup:
        start = max(start, now)
    if major == 2:
        start, end = _one_fire_earlier(schedule, cadence.interval, start, end)
    return _values(schedule, start, end, catchup=cadence.catchup)


def _once(at: datetime, *, paused: bool, now: datetime) -> dict[str, object]:
    # Past its time it would fire at once.
    if paused or at <= now:
        return _values(INERT, now, None, catchup=False)
    return _values("@once", at, None, catchup=False)


def _one_fire_earlier(
    schedule: str, interval: timedelta | None, start: datetime, end: datetime | None
) -> tuple[datetime, datetime | None]:
    if interval and schedule.startswith("P"):
        return start - interval, end - interval if end else None
    plain = Airflow().read({"schedule": schedule})
    coming = next_fires(plain, start.astimezone(UTC) - timedelta(seconds=1), 1)
    if coming:
        start = _fire_before(plain, coming[0].instant) or start
    last = _fire_before(plain, end + timedelta(seconds=1)) if end else None
    if last is not None:
        end = _fire_before(plain, last) or end
    return start, end


def _fire_before(cadence: Cadence, instant: datetime) -> datetime | None:
    for span in _LOOK_BACK:
        found = list(fires_between(cadence, instant - span, instant))
        if found:
            return found[-1]
    return None


def _values(
    schedule: str, start: datetime, end: datetime | None, *, catchup: bool
) -> dict[str, object]:
    return {
        "schedule": schedule,
        "start_date": rfc3339(start),
        "end_date": rfc3339(end) if end else None,
        "catchup": catchup,
    }
