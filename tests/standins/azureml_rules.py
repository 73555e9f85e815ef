"""What AzureML refuses in a schedule.

From Azure's REST specification (Microsoft.MachineLearningServices, schedules) and its page on
scheduling pipeline jobs. The real messages differ; status and the form of the answer do not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pulumi_zenml.cadence.dialects.azureml import UNKNOWN_TO_AZURE, iana_zone
from pulumi_zenml.errors import CannotExpressError

Body = dict[str, Any]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
_FREQUENCIES = {"Minute", "Hour", "Day", "Week", "Month"}
_WEEKDAYS = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6))
_LISTS = {"hours": (0, 23), "minutes": (0, 59), "monthDays": (1, 31)}


class Refusal(Exception):
    """An answer that is no success.

    Args:
        status: of HTTP.
        code: of Azure Resource Manager.
        message: for people.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: Body = {"error": {"code": code, "message": message, "details": []}}


def refuse(message: str) -> Refusal:
    """A request that is understood and wrong."""
    return Refusal(400, "UserError", message)


def check_schedule(name: str, properties: Mapping[str, Any]) -> None:
    """Refuse a schedule that AzureML would.

    Raises:
        Refusal: it is wrong.
    """
    if not _NAME.fullmatch(name):
        raise refuse(f"Invalid schedule name '{name}'.")
    action = properties.get("action") or {}
    if action.get("actionType") != "CreateJob":
        raise refuse("The action of the schedule is missing.")
    job = action.get("jobDefinition") or {}
    if job.get("jobType") != "Pipeline":
        raise refuse("Only pipeline jobs can be scheduled.")
    if job.get("sourceJobId") and job.get("jobs"):
        raise refuse("Invalid jobs override since source job is specified.")
    trigger = properties.get("trigger")
    if not isinstance(trigger, Mapping):
        raise refuse("The trigger of the schedule is missing.")
    _check_edges(trigger)
    kind = trigger.get("triggerType")
    if kind == "Cron":
        _check_cron(str(trigger.get("expression") or ""))
    elif kind == "Recurrence":
        _check_recurrence(trigger)
    else:
        raise refuse(f"Unknown trigger type '{kind}'.")


def _check_edges(trigger: Mapping[str, Any]) -> None:
    zone = str(trigger.get("timeZone") or "UTC")
    try:
        known = zone == "UTC" or ("/" not in zone and bool(iana_zone(zone)))
    except CannotExpressError:
        known = False
    if not known or zone in UNKNOWN_TO_AZURE:
        raise refuse(f"Unknown time zone '{zone}': a Windows time zone is expected.")
    edges = []
    for key in ("startTime", "endTime"):
        text = trigger.get(key)
        if text is None:
            continue
        try:
            edge = datetime.fromisoformat(str(text))
        except ValueError:
            raise refuse(f"{key} '{text}' is not in ISO 8601 format.") from None
        if edge.tzinfo is not None:
            raise refuse(f"{key} '{text}' must be without a UTC offset.")
        edges.append(edge)
    if len(edges) == 2 and edges[1] <= edges[0]:
        raise refuse("The end time must be after the start time.")


def _check_cron(expression: str) -> None:
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        raise refuse(f"Invalid cron expression '{expression}': five fields are expected.")
    for text, (name, low, high) in zip(fields, _FIELDS, strict=True):
        for number in re.findall(r"(?<!/)\b\d+\b", text):
            if not low <= int(number) <= high:
                raise refuse(f"Invalid cron expression '{expression}': {name} {number}.")
        if not re.fullmatch(r"[0-9A-Za-z*,/-]+", text):
            raise refuse(f"Invalid cron expression '{expression}': {name} '{text}'.")


def _check_recurrence(trigger: Mapping[str, Any]) -> None:
    # Whatever the case: azure-ai-ml sends `month` for what it was given as `Month`.
    if str(trigger.get("frequency")).capitalize() not in _FREQUENCIES:
        raise refuse(f"Unknown frequency '{trigger.get('frequency')}'.")
    interval = trigger.get("interval")
    if not isinstance(interval, int) or isinstance(interval, bool) or interval < 1:
        raise refuse(f"Invalid interval '{interval}'.")
    pattern = trigger.get("schedule")
    if pattern is None:
        return
    for key in ("hours", "minutes"):
        if key not in pattern:
            raise refuse(f"The recurrence pattern needs {key}.")
    for key, (low, high) in _LISTS.items():
        values = pattern.get(key) or []
        if not all(isinstance(value, int) and low <= value <= high for value in values):
            raise refuse(f"Invalid {key} in the recurrence pattern: {values}.")
    if {str(day).capitalize() for day in pattern.get("weekDays") or []} - _WEEKDAYS:
        raise refuse(f"Invalid weekDays in the recurrence pattern: {pattern['weekDays']}.")
