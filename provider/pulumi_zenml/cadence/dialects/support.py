"""What several dialects need: the target zone, notes on clock changes, reading native text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pulumi_zenml.cadence.cron import ALIASES, Cron, parse_cron
from pulumi_zenml.cadence.fields import (
    DAY,
    FIELDS,
    MONTH,
    WEEKDAY,
    ParsedField,
    Syntax,
    parse_field,
)
from pulumi_zenml.cadence.fires import NEUTRAL_DST, DstRule, fires_between, walls
from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.cadence.spelling import from_sets, unix_text
from pulumi_zenml.cadence.zones import REFERENCE, ClockChange, changes, fixed_offset, rezone
from pulumi_zenml.errors import CannotExpressError, InputError


def written_cron(
    cadence: Cadence, target: str | None, title: str, rule: DstRule
) -> tuple[Cron, tuple[str, ...]]:
    """The cadence's cron for a system that reads it in ``target``, with notes.

    Args:
        cadence: of kind cron.
        target: the system's only zone, or None when the cadence's zone is sent.
        title: the system's name.
        rule: what the system does when the clock changes.

    Raises:
        CannotExpressError: on ``timezone``, when no cron in ``target`` is exact.
    """
    assert cadence.cron is not None
    cron = parse_cron(cadence.cron)
    if target is None:
        return cron, dst_notes(cadence, title, rule)
    moved = rezone(cron, cadence.timezone, target)
    if moved is None:
        raise _no_zone(cadence, cron, target, title)
    notes = dst_notes(cadence, title, rule) if fixed_offset(target) is None else ()
    if unix_text(moved) != unix_text(cron):
        notes += (
            f"`{unix_text(moved)}` in {target} is `{unix_text(cron)}` in {cadence.timezone}, "
            "because neither clock ever changes.",
        )
    return moved, notes


def _no_zone(cadence: Cadence, cron: Cron, target: str, title: str) -> CannotExpressError:
    reason = f"{title} reads cron in {target} only, and "
    if fixed_offset(cadence.timezone) is None or fixed_offset(target) is None:
        reason += (
            f"{cadence.timezone} does not have a constant offset from it: clock changes would "
            "move the fires."
        )
    else:
        reason += f"`{unix_text(cron)}` in {cadence.timezone} is not a single cron there."
    return CannotExpressError(
        "timezone",
        reason,
        [
            f'`timezone="{target}"`, with the hours in {target}',
            "Kubernetes, Vertex, EventBridge, Databricks or AzureML, which have zones",
        ],
    )


_GAP_WORDS = {
    None: "has no documented rule for local times that do not exist",
    "skip": "skips fires at local times that do not exist",
    "after": "fires right after the change for local times that do not exist",
    "later": "fires later, by the length of the change, for local times that do not exist",
}
_FOLD_WORDS = {
    None: "fires once or twice at local times that happen twice: this is not documented",
    "first": "fires only at the first of two equal local times",
    "last": "fires only at the second of two equal local times",
    "twice": "fires at both of two equal local times",
}


def dst_notes(cadence: Cadence, title: str, rule: DstRule) -> tuple[str, ...]:
    """Notes on clock changes: empty when the system fires as by the neutral rule.

    Compared around every clock change of the reference years.
    """
    if fixed_offset(cadence.timezone) is not None:
        return ()
    notes = []
    forward, back = _dst_differences(cadence, rule)
    if forward:
        when = f"When the clock of {cadence.timezone} goes forward"
        notes.append(f"{when}, {title} {_GAP_WORDS[rule.gap]}.")
    if back:
        when = f"When the clock of {cadence.timezone} goes back"
        notes.append(f"{when}, {title} {_FOLD_WORDS[rule.fold]}.")
    return tuple(notes)


def _dst_differences(cadence: Cadence, rule: DstRule) -> tuple[bool, bool]:
    """Whether fires may differ from the neutral ones where the clock goes forward, and back."""
    assert cadence.cron is not None
    cron = parse_cron(cadence.cron)
    neutral, applied = NEUTRAL_DST.applied_to(cron), rule.applied_to(cron)
    alike = {
        True: rule.gap is not None and applied.gap == neutral.gap,
        False: rule.fold is not None and applied.fold == neutral.fold,
    }
    differs = {True: False, False: False}
    for change in changes(cadence.timezone, *REFERENCE):
        forward = change.after > change.before
        if differs[forward] or alike[forward] or not _touches(cron, cadence, change):
            continue
        if (rule.gap if forward else rule.fold) is None:
            differs[forward] = True
        else:
            size = abs(change.after - change.before)
            window = change.at - size, change.at + 2 * size
            differs[forward] = list(fires_between(cadence, *window, rule=neutral)) != list(
                fires_between(cadence, *window, rule=rule)
            )
        if all(differs[way] or alike[way] for way in (True, False)):
            break
    return differs[True], differs[False]


def _touches(cron: Cron, cadence: Cadence, change: ClockChange) -> bool:
    """Whether a clock change skips or repeats one of the cadence's local times."""
    for limit, outside in ((cadence.start_time, True), (cadence.end_time, False)):
        if limit is not None and (change.at < limit) == outside:
            return False
    ends = sorted((change.at + change.before, change.at + change.after))
    first, last = (end.replace(tzinfo=None) for end in ends)
    return next(walls(cron, first, last), None) is not None


def interval_as_cron(cadence: Cadence) -> Cron | None:
    """The cron in UTC with the same fires as an interval, or None."""
    if cadence.interval is None or cadence.start_time is None:
        return None
    minutes, rest = divmod(int(cadence.interval.total_seconds()), 60)
    anchor = cadence.start_time.astimezone(UTC)
    if rest or anchor.second:
        return None
    everything = DAY.everything, MONTH.everything
    if minutes == 7 * 1440:
        weekday = (anchor.weekday() + 1) % 7
        return from_sets((anchor.minute,), (anchor.hour,), *everything, (weekday,))
    if 1440 % minutes:
        return None
    first = (anchor.hour * 60 + anchor.minute) % minutes
    times = range(first, 1440, minutes)
    hours, at = {time // 60 for time in times}, {time % 60 for time in times}
    if len(hours) * len(at) != len(times):
        return None
    return from_sets(tuple(at), tuple(hours), *everything, WEEKDAY.everything)


def window_text(cadence: Cadence) -> str:
    """The window for people: empty, or `` from … until …``."""
    text = ""
    if cadence.start_time is not None:
        text += f" from {cadence.start_time.astimezone(UTC).isoformat()}"
    if cadence.end_time is not None:
        text += f" until {cadence.end_time.astimezone(UTC).isoformat()}"
    return text


def zone_text(timezone: str) -> str:
    """The zone for people: empty for UTC."""
    return "" if timezone == "UTC" else f" {timezone}"


def read_unix(
    text: str, title: str, syntax: Syntax, *, days: Callable[[Sequence[ParsedField]], bool | None]
) -> str:
    """The neutral cron of a system's five fields.

    Args:
        text: what was found.
        title: the system's name.
        syntax: what the system accepts in a field.
        days: given the five fields, whether either of the day fields is enough (True) or
            both must match (False); None when the two rules agree.

    Raises:
        CannotExpressError: on ``cron``, when the neutral cron cannot express it.
    """
    words = ALIASES.get(text.strip().lower(), text).upper().split()
    if len(words) != len(FIELDS):
        raise unreadable(title, text, f"it has {len(words)} fields, not five")
    try:
        parsed = [parse_field(word, spec, syntax) for word, spec in zip(words, FIELDS, strict=True)]
    except InputError as error:
        raise unreadable(title, text, error.reason) from None
    return neutral_text(parsed, either=days(parsed), title=title, text=text)


def neutral_text(
    parsed: Sequence[ParsedField], *, either: bool | None, title: str, text: str
) -> str:
    """The neutral cron for five parsed fields whose day rule is known."""
    minute, hour, day, month, weekday = (list(part.values) for part in parsed)
    full_day, full_week = tuple(day) == DAY.everything, tuple(weekday) == WEEKDAY.everything
    if either and (full_day or full_week):
        day, weekday = list(DAY.everything), list(WEEKDAY.everything)
    elif either is False and not (full_day or full_week):
        raise unreadable(title, text, "it requires both a day of month and a day of week")
    cron = from_sets(minute, hour, day, month, weekday)
    cron = Cron(_keep(parsed[0], cron.minute), _keep(parsed[1], cron.hour), *cron.fields[2:])
    neutral = unix_text(cron)
    try:
        parse_cron(neutral)
    except InputError as error:
        raise unreadable(title, text, error.reason) from None
    return neutral


def _keep(found: ParsedField, canonical: ParsedField) -> ParsedField:
    """The canonical field, with or without a leading ``*`` as it was found."""
    if found.star == canonical.star:
        return canonical
    return found


def unreadable(title: str, text: str, reason: str) -> CannotExpressError:
    """The error for native text that the neutral cadence cannot express."""
    return CannotExpressError("cron", f"{title} has `{text[:128]}`: {reason.rstrip('.')}.")


def text_field(fields: Mapping[str, object], key: str, title: str) -> str:
    """A text that must be among the native fields."""
    value = fields.get(key)
    if not isinstance(value, str):
        raise CannotExpressError("cron", f"{title} has no text in `{key}`: {value!r:.64}.")
    return value


def instant_field(fields: Mapping[str, object], key: str, title: str) -> datetime | None:
    """An instant among the native fields: aware, a datetime or ISO 8601 text; None if absent."""
    value = fields.get(key)
    if value is None:
        return None
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise CannotExpressError(
            key, f"{title} has `{value!r:.64}`, which is not an instant with an offset."
        )
    return moment.astimezone(UTC)


def whole_seconds(value: object, title: str) -> timedelta:
    """An interval in seconds, as a number or as text (KFP's client returns text)."""
    text = str(value)
    if not text.isdecimal() or not 0 < len(text) < 10 or int(text) == 0:
        raise CannotExpressError("interval", f"{title} has an interval of `{text[:32]}` s.")
    return timedelta(seconds=int(text))
