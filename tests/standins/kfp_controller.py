"""When the controller of Kubeflow Pipelines fires a recurring run.

Source: kubeflow/pipelines 2.17, ``backend/src/crd/controller/scheduledworkflow/util``
(scheduled_workflow.go, cron_schedule.go, periodic_schedule.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from standins import robfig
from standins.kfp_rules import EPOCH, instant


def next_fire(
    recurring_run: Mapping[str, Any], last: datetime | None, now: datetime
) -> datetime | None:
    """When the controller fires next; at or before ``now`` means at once.

    Args:
        recurring_run: as stored.
        last: the fire time of its latest run.
        now: aware.
    """
    catchup = not recurring_run.get("no_catchup")
    created = instant(recurring_run["created_at"])
    trigger = recurring_run["trigger"]
    if "periodic_schedule" in trigger:
        return _next_periodic(trigger["periodic_schedule"], last, created, catchup, now)
    return _next_cron(trigger["cron_schedule"], last, created, catchup, now)


def _window(schedule: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    start, end = schedule.get("start_time"), schedule.get("end_time")
    return (instant(start) if start else None, instant(end) if end else None)


def _next_cron(
    schedule: Mapping[str, Any],
    last: datetime | None,
    created: datetime,
    catchup: bool,
    now: datetime,
) -> datetime | None:
    start, end = _window(schedule)
    parsed = robfig.parse(schedule["cron"])
    found = parsed.next(max(last or start or created, start or EPOCH))
    if found is None or (end is not None and end < found):
        return None
    while not catchup:
        later = parsed.next(found)
        if later is None or later > now or (end is not None and later > end):
            break
        found = later
    return found


def _next_periodic(
    schedule: Mapping[str, Any],
    last: datetime | None,
    created: datetime,
    catchup: bool,
    now: datetime,
) -> datetime | None:
    start, end = _window(schedule)
    interval = timedelta(seconds=int(schedule["interval_second"]))
    base = last or start or created
    found = start if start is not None and start > base else base + interval
    if end is not None and end < found:
        return None
    if not catchup and now >= found + interval:
        return min(now, end) if end is not None else now
    return found
