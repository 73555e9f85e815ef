"""What EventBridge Scheduler and SageMaker refuse and moto 5.2 takes.

Two sources: the services' own models as botocore ships them (required members, lengths,
patterns, enumerations), and EventBridge Scheduler's user guide for what no model says (the
grammar of expressions, time zones, windows).
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

Body = dict[str, Any]

_UNITS = {"minute", "minutes", "hour", "hours", "day", "days"}
_MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
_WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split()
_DAYS = re.compile(r"LW?|\d{1,2}W")
_NTH = re.compile(r"([1-7]|[A-Z]{3})?L|([1-7]|[A-Z]{3})#[1-5]")
_LATE = timedelta(minutes=5)


class Refusal(Exception):
    """A request that the service answers with an error.

    Args:
        code: the service's name of the error.
        message: what it says.
        status: the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def check_model(service: str, operation: str, body: Mapping[str, Any]) -> None:
    """Hold a request against the service's model.

    Raises:
        Refusal: ``ValidationException``, worded as AWS words it.
    """
    shape = _model(service).operation_model(operation).input_shape
    problems = list(_violations(shape, body, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise Refusal("ValidationException", count + "; ".join(problems))


def check_schedule(body: Mapping[str, Any], now: datetime) -> None:
    """Hold a schedule against the rules that EventBridge Scheduler's model does not tell.

    Args:
        body: the request of CreateSchedule or UpdateSchedule.
        now: aware.

    Raises:
        Refusal: ``ValidationException``.
    """
    timezone = body.get("ScheduleExpressionTimezone") or "UTC"
    if timezone not in zoneinfo.available_timezones():
        _refuse(f"Provided timezone {timezone} is not valid.")
    expression = body["ScheduleExpression"]
    if not _valid_expression(expression):
        _refuse(f"Invalid Schedule Expression {expression}.")
    once = re.fullmatch(r"at\((.*)\)", expression)
    if once:
        due = datetime.fromisoformat(once[1]).replace(tzinfo=zoneinfo.ZoneInfo(timezone))
        if due < now:
            _refuse(f"Invalid Schedule Expression {expression}. It is in the past.")
    window = body["FlexibleTimeWindow"]
    if (window["Mode"] == "FLEXIBLE") != ("MaximumWindowInMinutes" in window):
        _refuse("MaximumWindowInMinutes must be given if and only if Mode is FLEXIBLE.")
    start, end = _instant(body.get("StartDate")), _instant(body.get("EndDate"))
    if start and not once and start < now - _LATE:
        _refuse("The StartDate you specify cannot be earlier than 5 minutes ago.")
    if end and end <= (start or now):
        _refuse("The EndDate you specify must come after the StartDate and the current time.")


def _refuse(message: str) -> None:
    raise Refusal("ValidationException", message)


def _instant(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None


@lru_cache
def _model(service: str) -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model(service)


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    kind, rules = shape.type_name, shape.metadata
    if kind == "structure":
        for name in rules.get("required", []):
            if value.get(name) is None:
                yield f"Value null at '{_lower(path, name)}' failed to satisfy constraint: " + (
                    "Member must not be null"
                )
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _violations(member, value[name], _lower(path, name))
        return
    size = value if kind in ("integer", "long", "double", "float") else None
    if kind in ("string", "list", "map"):
        size = len(value)
    at = f"Value '{value}' at '{path}' failed to satisfy constraint: Member must "
    if size is not None and "min" in rules and size < rules["min"]:
        yield f"{at}be greater than or equal to {rules['min']}"
    if size is not None and "max" in rules and size > rules["max"]:
        yield f"{at}be less than or equal to {rules['max']}"
    if "pattern" in rules and not re.fullmatch(rules["pattern"], value):
        yield f"{at}satisfy regular expression pattern: {rules['pattern']}"
    if "enum" in rules and value not in rules["enum"]:
        yield f"{at}satisfy enum value set: {rules['enum']}"
    if kind == "list":
        for index, item in enumerate(value):
            yield from _violations(shape.member, item, f"{path}.{index + 1}.member")


def _lower(path: str, name: str) -> str:
    return f"{path}.{name[0].lower()}{name[1:]}".lstrip(".")


def _valid_expression(text: str) -> bool:
    found = re.fullmatch(r"(cron|rate|at)\((.*)\)", text)
    if not found:
        return False
    kind, inside = found.groups()
    if kind == "at":
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", inside)) and _is_date(inside)
    words = inside.split(" ")
    if kind == "rate":
        whole = len(words) == 2 and re.fullmatch(r"[1-9]\d*", words[0])
        # One minute in the singular: what EventBridge rules demand, Scheduler takes as well.
        return bool(whole) and words[1] in _UNITS
    return len(words) == 6 and _valid_cron(words)


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _valid_cron(words: list[str]) -> bool:
    minute, hour, day, month, weekday, year = words
    if (day == "?") == (weekday == "?"):
        return False
    return all(
        (
            _valid_field(minute, 0, 59),
            _valid_field(hour, 0, 23),
            day == "?" or _DAYS.fullmatch(day) or _valid_field(day, 1, 31),
            _valid_field(month, 1, 12, _MONTHS),
            weekday == "?"
            or _NTH.fullmatch(weekday)
            # Weekdays are the one field without steps.
            or ("/" not in weekday and _valid_field(weekday, 1, 7, _WEEKDAYS)),
            _valid_field(year, 1970, 2199),
        )
    )


def _valid_field(text: str, low: int, high: int, names: list[str] | None = None) -> bool:
    def number(word: str) -> int:
        if names and word in names:
            return names.index(word) + low
        return int(word) if word.isdigit() else -1

    for part in text.split(","):
        base, _, step = part.partition("/")
        if step and not (step.isdigit() and 0 < int(step) <= high):
            return False
        if base == "*" and not step:
            continue
        first, dash, last = base.partition("-")
        ends = [number(first), *([number(last)] if dash else [])]
        if not all(low <= end <= high for end in ends) or ends != sorted(ends):
            return False
    return True
