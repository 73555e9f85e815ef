"""Sets of cron values back to text, in the forms that all systems read alike."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi_zenml.cadence.cron import Cron
from pulumi_zenml.cadence.fields import DAY, FIELDS, MONTH, WEEKDAY, FieldSpec, ParsedField


def from_values(values: Sequence[int], spec: FieldSpec, *, star: bool = True) -> ParsedField:
    """A field with these values in canonical spelling.

    Args:
        values: at least one value.
        spec: which field it is.
        star: whether ``*`` and ``*/n`` may be used where they fit.
    """
    ordered = tuple(sorted(set(values)))
    text = compact(ordered, spec, star=star)
    return ParsedField(ordered, text, text.startswith("*"))


def from_sets(
    minute: Sequence[int],
    hour: Sequence[int],
    day: Sequence[int],
    month: Sequence[int],
    weekday: Sequence[int],
) -> Cron:
    """A cron expression in canonical spelling, from the values of its five fields."""
    sets = (minute, hour, day, month, weekday)
    either = set(day) != set(DAY.everything) and set(weekday) != set(WEEKDAY.everything)
    parts = [
        from_values(values, spec, star=not (either and spec in (DAY, WEEKDAY)))
        for values, spec in zip(sets, FIELDS, strict=True)
    ]
    return Cron(*parts)


def compact(values: Sequence[int], spec: FieldSpec, *, star: bool = True) -> str:
    """The shortest of ``*``, ``*/n``, ``a-b/n`` and a list of values and ranges."""
    ordered = tuple(values)
    if star:
        if ordered == spec.everything:
            return "*"
        step = _star_step(ordered, spec)
        if step:
            return f"*/{step}"
    step = ordered[1] - ordered[0] if len(ordered) > 4 else 1
    if step > 1 and ordered == tuple(range(ordered[0], ordered[-1] + 1, step)):
        return f"{ordered[0]}-{ordered[-1]}/{step}"
    return ",".join(_run(start, end) for start, end in _runs(ordered))


def listed(values: Sequence[int], spec: FieldSpec, names: Sequence[str] = ()) -> str:
    """``*`` or every value, comma-separated; ``names`` gives the word of each value."""
    if tuple(values) == spec.everything:
        return "*"
    if names:
        return ",".join(names[value - spec.low] for value in values)
    return ",".join(str(value) for value in values)


def stepped(values: Sequence[int], spec: FieldSpec) -> str:
    """``*``, ``first/n`` where the values run to the end of the field, or every value."""
    ordered = tuple(values)
    if len(ordered) > 1 and ordered != spec.everything:
        step = ordered[1] - ordered[0]
        if ordered == tuple(range(ordered[0], spec.high + 1, step)) and len(ordered) > 2:
            return f"{ordered[0]}/{step}"
    return listed(ordered, spec)


def unix_text(cron: Cron) -> str:
    """Five fields that robfig/cron, croniter and Debian's cron all read as ``cron``.

    Minute and hour start with ``*`` exactly when they do in ``cron``, because Debian's cron
    depends on it when the clock changes. Weekdays are 0-6.
    """
    texts = []
    for part, spec in zip(cron.fields, FIELDS, strict=True):
        if spec in (DAY, WEEKDAY):
            texts.append(compact(part.values, spec, star=not cron.either_day))
        elif spec is MONTH:
            texts.append(compact(part.values, spec))
        elif part.star and not compact(part.values, spec).startswith("*"):
            texts.append(part.text)
        else:
            texts.append(compact(part.values, spec, star=part.star))
    return " ".join(texts)


def _star_step(values: Sequence[int], spec: FieldSpec) -> int:
    """The n of ``*/n``, or 0: two values only where the step divides the field."""
    if len(values) < 2:
        return 0
    step = values[1] - values[0]
    if tuple(values) != spec.everything[::step]:
        return 0
    divides = (spec.high - spec.low + 1) % step == 0
    return step if len(values) > 2 or divides else 0


def _runs(values: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in values:
        if runs and value == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], value)
        else:
            runs.append((value, value))
    return runs


def _run(start: int, end: int) -> str:
    if end - start < 2:
        return ",".join(str(value) for value in range(start, end + 1))
    return f"{start}-{end}"
