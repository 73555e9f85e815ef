"""What the Databricks Jobs API refuses.

Sources: the Jobs API reference (limits, names, one kind of trigger), Quartz 2.3.2's
CronExpression (what a schedule may say), and "Dynamic value references" in the jobs guide.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Any

Body = dict[str, Any]

REFERENCES = (
    "job.id",
    "job.name",
    "job.run_id",
    "job.repair_count",
    "job.start_time.iso_datetime",
    "job.trigger.type",
    "task.name",
    "task.run_id",
    "task.execution_count",
    "workspace.id",
    "workspace.url",
)
"""The dynamic references that a parameter may hold."""

_MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
_WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split()
_TRIGGERS = ("schedule", "trigger", "continuous")


class Refusal(Exception):
    """A request that the service answers with an error.

    Args:
        status: the HTTP status.
        code: the service's name of the error.
        message: what it says.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def check_settings(settings: Mapping[str, Any]) -> None:
    """Hold a job's whole settings against the rules.

    Raises:
        Refusal: ``INVALID_PARAMETER_VALUE``.
    """
    given = [key for key in _TRIGGERS if settings.get(key)]
    if len(given) > 1:
        _refuse(f"A job has one of schedule, trigger and continuous, not {given}.")
    if schedule := settings.get("schedule"):
        _check_schedule(schedule)
    if trigger := settings.get("trigger"):
        _check_trigger(trigger)
    if not 0 <= settings.get("max_concurrent_runs", 1) <= 1000:
        _refuse("max_concurrent_runs must be between 0 and 1000.")
    if settings.get("timeout_seconds", 0) < 0:
        _refuse("timeout_seconds must not be negative.")
    if len(settings.get("tags") or {}) > 25:
        _refuse("A job can have at most 25 tags.")
    if len(settings.get("name") or "") > 4096:
        _refuse("The job's name is longer than 4096 bytes.")
    if len((settings.get("description") or "").encode()) > 27700:
        _refuse("The job's description is longer than 27700 bytes.")
    _check_tasks(settings.get("tasks") or [], settings.get("job_clusters") or [])


def _check_tasks(tasks: Sequence[Body], clusters: Sequence[Body]) -> None:
    keys = [str(task.get("task_key", "")) for task in tasks]
    shared = {cluster["job_cluster_key"] for cluster in clusters}
    for task, key in zip(tasks, keys, strict=True):
        if not re.fullmatch(r"[\w-]{1,100}", key, re.ASCII) or keys.count(key) > 1:
            _refuse(f"Task key '{key}' is invalid or not unique.")
        for dependency in task.get("depends_on") or []:
            if dependency["task_key"] not in keys:
                _refuse(f"Task '{key}' depends on '{dependency['task_key']}', which is no task.")
        if task.get("job_cluster_key") and task["job_cluster_key"] not in shared:
            _refuse(f"Job cluster '{task['job_cluster_key']}' of task '{key}' is not defined.")
        for parameter in (task.get("python_wheel_task") or {}).get("parameters") or []:
            for found in re.findall(r"\{\{([^{}]*)\}\}", parameter):
                if found.partition(".")[0] in ("job", "task") and found not in REFERENCES:
                    _refuse(f"'{{{{{found}}}}}' is no dynamic value reference.")


def _check_schedule(schedule: Mapping[str, Any]) -> None:
    text = schedule.get("quartz_cron_expression", "")
    if not valid_quartz(text):
        _refuse(f"Invalid quartz_cron_expression: '{text}'.")
    if schedule.get("timezone_id") not in zoneinfo.available_timezones():
        _refuse(f"Invalid timezone_id: '{schedule.get('timezone_id')}'.")
    _check_pause_status(schedule)


def _check_trigger(trigger: Mapping[str, Any]) -> None:
    periodic = trigger.get("periodic")
    if periodic and (
        periodic.get("unit") not in ("HOURS", "DAYS", "WEEKS") or periodic.get("interval", 0) < 1
    ):
        _refuse(f"Invalid periodic trigger: {periodic}.")
    _check_pause_status(trigger)


def _check_pause_status(holder: Mapping[str, Any]) -> None:
    if holder.get("pause_status", "UNPAUSED") not in ("PAUSED", "UNPAUSED"):
        _refuse(f"Invalid pause_status: '{holder['pause_status']}'.")


def _refuse(message: str) -> None:
    raise Refusal(400, "INVALID_PARAMETER_VALUE", message)


def valid_quartz(text: str) -> bool:
    """Whether Quartz takes an expression: six fields or seven, ``?`` for one day field."""
    words = text.upper().split()
    if len(words) not in (6, 7):
        return False
    second, minute, hour, day, month, weekday, *year = words
    if (day == "?") == (weekday == "?"):
        return False
    fields = (
        _valid(second, 0, 59),
        _valid(minute, 0, 59),
        _valid(hour, 0, 23),
        day == "?" or bool(re.fullmatch(r"L(-\d+)?|LW|\d{1,2}W", day)) or _valid(day, 1, 31),
        _valid(month, 1, 12, _MONTHS),
        weekday == "?"
        or bool(re.fullmatch(r"([1-7]|[A-Z]{3})(L|#[1-5])|L", weekday))
        or _valid(weekday, 1, 7, _WEEKDAYS),
        not year or _valid(year[0], 1970, 2099),
    )
    return all(fields)


def _valid(text: str, low: int, high: int, names: Sequence[str] = ()) -> bool:
    for part in text.split(","):
        base, slash, step = part.partition("/")
        if slash and not (step.isdigit() and 0 < int(step) <= high):
            return False
        if base == "*":
            continue
        for end in base.split("-", 1):
            number = names.index(end) + low if end in names else int(end) if end.isdigit() else -1
            if not low <= number <= high:
                return False
    return True
