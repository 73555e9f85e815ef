"""The cron of Kubeflow Pipelines as its server and controller read it: robfig/cron v1.2.0.

Fields are ``second minute hour day month [weekday]``: a five-field unix cron is taken as well,
but with its minute read as a second. Times are UTC, as in a controller without
``CRON_SCHEDULE_TIMEZONE``. Source of every rule: github.com/robfig/cron v1.2.0, ``parser.go``,
``spec.go``, ``constantdelay.go``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DESCRIPTORS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


class CronError(ValueError):
    """The text is no cron for robfig; the message is the library's own."""


@dataclass(frozen=True)
class _Bounds:
    low: int
    high: int
    names: dict[str, int]


@dataclass(frozen=True)
class _Field:
    values: frozenset[int]
    star: bool


_BOUNDS = (
    _Bounds(0, 59, {}),
    _Bounds(0, 59, {}),
    _Bounds(0, 23, {}),
    _Bounds(1, 31, {}),
    _Bounds(1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Bounds(0, 6, {name: number for number, name in enumerate(_DAYS)}),
)


@dataclass(frozen=True)
class RobfigSchedule:
    """A parsed expression: six fields, or a delay for ``@every``."""

    fields: tuple[_Field, ...] = ()
    delay: timedelta | None = None

    def next(self, after: datetime) -> datetime | None:
        """The first fire after an instant; ``None`` when there is none within five years.

        Args:
            after: aware.
        """
        after = after.astimezone(UTC).replace(microsecond=0)
        if self.delay is not None:
            return after + self.delay
        start = after + timedelta(seconds=1)
        second, minute, hour, _, month, _ = self.fields
        midnight = start.replace(hour=0, minute=0, second=0)
        while midnight.year <= start.year + 5:
            if midnight.month in month.values and self._day_matches(midnight):
                for hours in sorted(hour.values):
                    for minutes in sorted(minute.values):
                        if midnight.replace(hour=hours, minute=minutes, second=59) < start:
                            continue
                        for seconds in sorted(second.values):
                            at = midnight.replace(hour=hours, minute=minutes, second=seconds)
                            if at >= start:
                                return at
            midnight += timedelta(days=1)
        return None

    def _day_matches(self, day: datetime) -> bool:
        of_month, of_week = self.fields[3], self.fields[5]
        by_month = day.day in of_month.values
        by_week = (day.weekday() + 1) % 7 in of_week.values
        if of_month.star or of_week.star:
            return by_month and by_week
        return by_month or by_week


def parse(text: str) -> RobfigSchedule:
    """Parse as ``cron.Parse`` does.

    Raises:
        CronError: what the server puts behind ``Schedule cron is not a supported format``.
    """
    if not text:
        raise CronError("Empty spec string")
    if text.startswith("@"):
        return _descriptor(text)
    words = text.split()
    if not 5 <= len(words) <= 6:
        raise CronError(f"Expected 5 to 6 fields, found {len(words)}: {text}")
    if len(words) == 5:
        words.append("*")
    return RobfigSchedule(
        tuple(_field(word, bounds) for word, bounds in zip(words, _BOUNDS, strict=True))
    )


def _descriptor(text: str) -> RobfigSchedule:
    if text in _DESCRIPTORS:
        return parse(_DESCRIPTORS[text])
    if text.startswith("@every "):
        seconds = _duration(text.removeprefix("@every "), text)
        # Delays are whole seconds, one at least (constantdelay.go).
        return RobfigSchedule(delay=timedelta(seconds=max(1, int(seconds))))
    raise CronError(f"Unrecognized descriptor: {text}")


def _duration(word: str, text: str) -> float:
    parts = re.findall(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|ms|s|m|h)", word)
    if not parts or "".join(number + unit for number, unit in parts) != word.lstrip("+"):
        raise CronError(f'Failed to parse duration {text}: time: invalid duration "{word}"')
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _field(word: str, bounds: _Bounds) -> _Field:
    values: set[int] = set()
    star = False
    for part in filter(None, word.split(",")):
        found, starred = _range(part, bounds)
        values.update(found)
        star = star or starred
    return _Field(frozenset(values), star)


def _range(word: str, bounds: _Bounds) -> tuple[range, bool]:
    whole, *steps = word.split("/")
    first, *rest = whole.split("-")
    star = first in ("*", "?")
    if star:
        low, high = bounds.low, bounds.high
    else:
        low = _number_or_name(first, bounds.names)
        if len(rest) > 1:
            raise CronError(f"Too many hyphens: {word}")
        high = _number_or_name(rest[0], bounds.names) if rest else low
    if len(steps) > 1:
        raise CronError(f"Too many slashes: {word}")
    step = 1
    if steps:
        step = _number(steps[0])
        if not rest:
            high = bounds.high
    if low < bounds.low:
        raise CronError(f"Beginning of range ({low}) below minimum ({bounds.low}): {word}")
    if high > bounds.high:
        raise CronError(f"End of range ({high}) above maximum ({bounds.high}): {word}")
    if low > high:
        raise CronError(f"Beginning of range ({low}) beyond end of range ({high}): {word}")
    if step == 0:
        raise CronError(f"Step of range should be a positive number: {word}")
    return range(low, high + 1, step), star


def _number_or_name(word: str, names: dict[str, int]) -> int:
    named = names.get(word.lower())
    return _number(word) if named is None else named


def _number(word: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", word):
        raise CronError(
            f'Failed to parse int from {word}: strconv.Atoi: parsing "{word}": invalid syntax'
        )
    number = int(word)
    if number < 0:
        raise CronError(f"Negative number ({number}) not allowed: {word}")
    return number
