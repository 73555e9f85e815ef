"""One field of a cron expression: its values, its words, and the text they come from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pulumi_zenml.errors import InputError


@dataclass(frozen=True)
class FieldSpec:
    """One of the five fields: its name, its smallest and largest value, its word names."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @cached_property
    def everything(self) -> tuple[int, ...]:
        """All the values of the field."""
        return tuple(range(self.low, self.high + 1))


MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

MINUTE = FieldSpec("minute", 0, 59)
HOUR = FieldSpec("hour", 0, 23)
DAY = FieldSpec("day of month", 1, 31)
MONTH = FieldSpec("month", 1, 12, MONTH_NAMES)
WEEKDAY = FieldSpec("day of week", 0, 6, WEEKDAY_NAMES)
FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)


@dataclass(frozen=True)
class Syntax:
    """What one system accepts inside a field, beyond ``*``, ``*/n``, numbers and ranges.

    Args:
        names: month and weekday names.
        question: ``?`` means ``*``.
        open_step: ``5/15`` means from 5 to the largest value.
        wrap: ``22-3`` goes over the end.
        sunday: the number of Sunday, 0 or 1.
        seven: 7 is Sunday too.
    """

    names: bool = True
    question: bool = False
    open_step: bool = False
    wrap: bool = False
    sunday: int = 0
    seven: bool = False


NEUTRAL = Syntax(open_step=True, wrap=True, seven=True)


@dataclass(frozen=True)
class ParsedField:
    """One field: its values in order, its text in portable spelling, and if it starts with ``*``.

    ``star`` is not in the values: Debian's cron runs ``*/30 2 * * *`` by the running clock, and
    ``0,30 2 * * *`` once a day however often 02:00 happens.
    """

    values: tuple[int, ...]
    text: str = field(compare=False)
    star: bool = field(compare=False, default=False)


def parse_field(text: str, spec: FieldSpec, syntax: Syntax) -> ParsedField:
    """Read one field of a cron expression.

    Args:
        text: the field, in upper case.
        spec: which field it is.
        syntax: what the system it was found in accepts.

    Raises:
        InputError: on ``cron``, naming the field.
    """
    values: set[int] = set()
    spelled = []
    for part in text.split(","):
        found, spelling = _parse_part(part, spec, syntax)
        values.update(found)
        spelled.append(spelling)
    star = spelled[0].startswith("*")
    everything = tuple(sorted(values)) == spec.everything
    spelling = "*" if star and everything else ",".join(dict.fromkeys(spelled))
    return ParsedField(tuple(sorted(values)), spelling, star)


_PART = re.compile(r"(\*|\?|[0-9A-Z]+)(?:-([0-9A-Z]+))?(?:/([0-9]{1,4}))?", re.ASCII)


def _parse_part(part: str, spec: FieldSpec, syntax: Syntax) -> tuple[Sequence[int], str]:
    """The values of one comma-separated part, and its portable spelling."""
    match = _PART.fullmatch(part)
    if match is None:
        raise _bad(spec, part)
    first, last, step_text = match.groups()
    step = int(step_text) if step_text else 1
    if step == 0:
        raise InputError("cron", f"{spec.name} `{part}`: a step of 0 is not possible.")
    if first in "*?":
        if (first == "?" and not syntax.question) or last is not None:
            raise _bad(spec, part)
        if step > spec.high - spec.low:
            raise InputError(
                "cron",
                f"{spec.name} `{part}`: the step leaves only the value {spec.low}, because every "
                f"field starts again at its smallest value. Write `{spec.low}`, or give "
                "`interval` where the orchestrator takes one.",
            )
        values = spec.everything[::step]
        return values, "*" if step == 1 else f"*/{step}"
    start = _value(first, spec, syntax, part)
    if last is None:
        if step_text is None:
            return [_sunday(start, spec)], _spell(first)
        if not syntax.open_step:
            raise _bad(spec, part)
        start = _sunday(start, spec)
        values = tuple(range(start, spec.high + 1, step))
        if len(values) == 1:
            return values, str(start)
        return values, f"{start}-{spec.high}" + (f"/{step}" if step > 1 else "")
    end = _value(last, spec, syntax, part)
    if start > end:
        return _wrapped(start, end, step, spec, syntax, part)
    span = [_sunday(value, spec) for value in range(start, end + 1, step)]
    if step > end - start:
        # croniter 7.0.0 reads `5-5` as every value, so that a range of one is never written.
        return span, _spell(first)
    spelling = f"{_spell(first)}-{_spell(last)}"
    return span, spelling if step == 1 else f"{spelling}/{step}"


def _wrapped(
    start: int, end: int, step: int, spec: FieldSpec, syntax: Syntax, part: str
) -> tuple[Sequence[int], str]:
    """The values of a range that goes over the end of its field; spelled as a list."""
    if not syntax.wrap:
        raise InputError("cron", f"{spec.name} `{part}`: the range runs backwards.")
    start, end = _sunday(start, spec), _sunday(end, spec)
    size = spec.high - spec.low + 1
    span = (end - start) % size
    values = [(start - spec.low + i) % size + spec.low for i in range(0, span + 1, step)]
    return values, ",".join(str(value) for value in sorted(values))


def _value(word: str, spec: FieldSpec, syntax: Syntax, part: str) -> int:
    """The value of a number or a name; 7 stays 7, so that ``5-7`` is a range."""
    if word in spec.names:
        if not syntax.names:
            raise InputError("cron", f"{spec.name} `{part}`: names are not allowed here.")
        return spec.names.index(word) + spec.low
    if not word.isdecimal() or len(word) > 4:
        raise _bad(spec, part)
    number = int(word)
    low, high = spec.low, spec.high
    if spec is WEEKDAY:
        low, high = low + syntax.sunday, high + syntax.sunday
        if syntax.seven:
            high = 7
    if not low <= number <= high:
        raise InputError("cron", f"{spec.name} `{part}`: {number} is not within {low}-{high}.")
    return number - syntax.sunday if spec is WEEKDAY else number


def _sunday(value: int, spec: FieldSpec) -> int:
    return value % 7 if spec is WEEKDAY else value


def _spell(word: str) -> str:
    return str(int(word)) if word.isdecimal() else word


def _bad(spec: FieldSpec, part: str) -> InputError:
    hint = f"numbers {spec.low}-{spec.high}"
    if spec.names:
        hint += f" or {spec.names[0]}-{spec.names[-1]}"
    reason = f"{spec.name} `{part}` is not cron: write `*`, `*/n`, {hint}, ranges, lists."
    if part in ("L", "LW", "W") or "#" in part or (part[:-1].isdecimal() and part[-1] in "LW"):
        reason = f"{spec.name} `{part}`: `L`, `W` and `#` are not portable cron; name the days."
    elif part == "?":
        reason = f"{spec.name} `?` is only for Quartz and EventBridge; write `*`."
    elif part.startswith("H"):
        reason = f"{spec.name} `{part}`: write `H`, `H/n`, `H(a-b)` or `H(a-b)/n`."
    elif not part:
        reason = f"{spec.name}: an extra comma."
    return InputError("cron", reason)
