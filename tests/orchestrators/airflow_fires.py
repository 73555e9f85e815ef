"""When Airflow's own timetables fire. Runs in Airflow's environment: JSON cases in, fires out.

Plays the scheduler: asks for the next run, lets the clock go to it, and asks again.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, timedelta
from typing import Any
from unittest import mock

import pendulum
from airflow.timetables import interval as data_intervals
from airflow.timetables import simple
from airflow.timetables.base import DataInterval, TimeRestriction

try:
    from airflow.timetables import trigger
except ImportError:
    trigger = None


def fires(case: dict[str, Any]) -> list[str]:
    """The first fires of a DAG.

    Args:
        case: ``timing`` (the keys of ``config.json``), ``seconds`` of the interval if it has
            one, ``now`` (when Airflow reads the DAG), ``count``, and ``last`` (when it ran
            before, if it did) and ``major`` (whose rules).
    """
    timing, major = case["timing"], case["major"]
    table = _timetable(timing["schedule"], case.get("seconds"), major)
    restriction = TimeRestriction(
        earliest=pendulum.parse(timing["start_date"]),
        latest=pendulum.parse(timing["end_date"]) if timing["end_date"] else None,
        catchup=timing["catchup"],
    )
    now = pendulum.parse(case["now"])
    module = "airflow.timetables.interval" if major == 2 else "airflow.timetables.trigger"
    found: list[str] = []
    last = _exact(pendulum.parse(case["last"])) if "last" in case else None
    with mock.patch(f"{module}.utcnow", side_effect=lambda: now):
        while len(found) < case["count"]:
            info = table.next_dagrun_info(
                last_automated_data_interval=last, restriction=restriction
            )
            if info is None:
                break
            found.append(info.run_after.astimezone(UTC).isoformat())
            now = max(now, info.run_after) + timedelta(seconds=2)
            last = info.data_interval
    return found


def _exact(moment: Any) -> DataInterval:
    return DataInterval(moment, moment)


def _timetable(schedule: str, seconds: float | None, major: int) -> Any:
    if schedule == "@once":
        return simple.OnceTimetable()
    if major == 2:
        if seconds:
            return data_intervals.DeltaDataIntervalTimetable(timedelta(seconds=seconds))
        return data_intervals.CronDataIntervalTimetable(schedule, "UTC")
    if seconds:
        return trigger.DeltaTriggerTimetable(timedelta(seconds=seconds))
    return trigger.CronTriggerTimetable(schedule, timezone="UTC")


def main() -> None:
    """Answer every case of stdin."""
    json.dump([fires(case) for case in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
