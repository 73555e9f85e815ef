"""A dialect's fields as the trigger in a schedule's body, both ways.

The service takes start and end without an offset, in the trigger's own Windows zone (Azure REST
specification, TriggerBase: "in ISO 8601 format, but without a UTC offset").
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pulumi_zenml.cadence.dialects.azureml import iana_zone
from pulumi_zenml.cadence.zones import zone
from pulumi_zenml.errors import CannotExpressError

NO_START = "2024-01-01T00:00:00"
"""The start of a schedule that has none.

Without a start the first job runs at once, according to one page of the documentation; another
page does not say so. With a start in the past the first job runs at the next time (Azure docs,
reference-yaml-schedule), so this is always sent.
"""

_EDGES = {"startTime": "start_time", "endTime": "end_time"}


def to_body(fields: Mapping[str, object]) -> dict[str, Any]:
    """The trigger of the dialect's fields.

    Raises:
        CannotExpressError: start or end is a time that happens twice in that zone.
    """
    windows = str(fields["time_zone"])
    body: dict[str, Any] = {"timeZone": windows, "startTime": NO_START}
    for key, name in _EDGES.items():
        if name in fields:
            body[key] = _local(datetime.fromisoformat(str(fields[name])), windows, name)
    if fields["trigger_type"] == "cron":
        return {**body, "triggerType": "Cron", "expression": fields["expression"]}
    body |= {
        "triggerType": "Recurrence",
        "frequency": str(fields["frequency"]).capitalize(),
        "interval": fields["interval"],
    }
    pattern = fields.get("schedule")
    if isinstance(pattern, Mapping):
        body["schedule"] = {
            "hours": pattern["hours"],
            "minutes": pattern["minutes"],
            "monthDays": pattern["month_days"],
        }
    return body


def to_fields(body: Mapping[str, Any]) -> dict[str, object]:
    """The dialect's fields of a trigger, of any origin."""
    windows = str(body.get("timeZone") or "UTC")
    fields: dict[str, object] = {
        "trigger_type": str(body.get("triggerType", "")).lower(),
        "time_zone": windows,
    }
    for key, name in _EDGES.items():
        text = str(body.get(key) or "")
        if text and (key, text.removesuffix("Z")) != ("startTime", NO_START):
            fields[name] = _instant(text, windows)
    if fields["trigger_type"] == "cron":
        return {**fields, "expression": str(body.get("expression", ""))}
    fields |= {
        "frequency": str(body.get("frequency", "")).lower(),
        "interval": body.get("interval"),
    }
    pattern = body.get("schedule")
    if isinstance(pattern, Mapping) and any(pattern.values()):
        fields["schedule"] = {
            "hours": pattern.get("hours") or [],
            "minutes": pattern.get("minutes") or [],
            "week_days": [str(day).lower() for day in pattern.get("weekDays") or []],
            "month_days": pattern.get("monthDays") or None,
        }
    return fields


def _local(instant: datetime, windows: str, property: str) -> str:
    local = instant.astimezone(zone(iana_zone(windows))).replace(microsecond=0)
    naive = local.replace(tzinfo=None)
    if local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset():
        raise CannotExpressError(
            property,
            f"AzureML takes {property} as local time, and {naive.isoformat()} happens twice in "
            f"'{windows}'.",
            ["an instant some hours earlier or later"],
        )
    return naive.isoformat()


def _instant(text: str, windows: str) -> str:
    """Start or end as UTC; text that is not a time is kept, for the dialect to refuse."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return text
    if value.tzinfo is None:
        value = value.replace(tzinfo=zone(iana_zone(windows)))
    return value.astimezone(UTC).isoformat()
