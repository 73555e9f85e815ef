"""Building a cadence from a program's inputs, with every mistake reported on its property."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from pulumi_zenml.cadence.cron import parse_cron
from pulumi_zenml.cadence.fires import fires_between
from pulumi_zenml.cadence.model import LONGEST_INTERVAL, Cadence
from pulumi_zenml.cadence.stagger import resolve_hashes, spread_cron
from pulumi_zenml.cadence.zones import zone
from pulumi_zenml.errors import InputError

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

_KINDS = ("cron", "interval", "run_once_at")
_T = TypeVar("_T")


def make_cadence(
    *,
    cron: str | None = None,
    interval: timedelta | None = None,
    run_once_at: datetime | None = None,
    timezone: str = "UTC",
    start_time: datetime | None = None,
    end_time: datetime | None = None,
    catchup: bool = False,
    spread: timedelta | None = None,
    seed: str | None = None,
    now: datetime | None = None,
) -> Cadence:
    """A validated cadence.

    Args:
        cron: five fields or an ``@`` alias; ``H`` fields need ``seed``.
        interval: whole seconds; needs ``start_time`` as its anchor.
        run_once_at: the single fire; aware.
        timezone: IANA name of the zone that ``cron`` is read in.
        start_time: nothing fires before it; aware.
        end_time: nothing fires after it; aware.
        catchup: whether missed fires are run late.
        spread: moves ``cron`` later by a stable part of this window; needs ``seed``.
        seed: the schedule's name, which determines ``H`` and the part of ``spread``.
        now: if given, a cadence that has already ended is a mistake; leave it out for a
            schedule that exists.

    Raises:
        InputError: the first mistake, on its property.
    """
    cadence, mistakes = _check(
        cron, interval, run_once_at, timezone, start_time, end_time, catchup, spread, seed, now
    )
    if mistakes:
        raise mistakes[0]
    assert cadence is not None
    return cadence


def check_cadence(
    inputs: Mapping[str, object], *, now: datetime | None = None, seed: str | None = None
) -> tuple[Cadence | None, list[InputError]]:
    """The cadence of a resource's inputs, or every mistake in them.

    Args:
        inputs: plain values by property name: ``cron``, ``timezone`` text; ``run_once_at``,
            ``start_time``, ``end_time`` ISO 8601 text with an offset; ``interval`` and
            ``spread`` seconds; ``catchup`` a bool. Missing and None are the same.
        now: if given, a cadence that has already ended is a mistake.
        seed: the schedule's name, which determines ``H`` fields.

    Returns:
        The cadence and no mistakes, or None and at least one.
    """
    mistakes: list[InputError] = []

    def read(name: str, reader: Callable[[str, object], _T]) -> _T | None:
        value = inputs.get(name)
        if value is None:
            return None
        try:
            return reader(name, value)
        except InputError as mistake:
            mistakes.append(mistake)
            return None

    read_parts = {name: read(name, _instant) for name in ("run_once_at", "start_time", "end_time")}
    cron, interval, spread = read("cron", _text), read("interval", _seconds), None
    spread = read("spread", _seconds)
    timezone, catchup = read("timezone", _text), read("catchup", _flag)
    broken = {mistake.property for mistake in mistakes}
    unknown = [name for name in (*_KINDS, "start_time") if name in broken]
    cadence, more = _check(
        cron,
        interval,
        read_parts["run_once_at"],
        "UTC" if timezone is None else timezone,
        read_parts["start_time"],
        read_parts["end_time"],
        bool(catchup),
        spread,
        seed,
        now,
        unknown=unknown,
    )
    mistakes.extend(mistake for mistake in more if mistake.property not in broken)
    return (None, mistakes) if mistakes else (cadence, [])


def _check(
    cron: str | None,
    interval: timedelta | None,
    run_once_at: datetime | None,
    timezone: str,
    start_time: datetime | None,
    end_time: datetime | None,
    catchup: bool,
    spread: timedelta | None,
    seed: str | None,
    now: datetime | None,
    unknown: list[str] | None = None,
) -> tuple[Cadence | None, list[InputError]]:
    """Every mistake in the parts; ``unknown`` names those that are given but unreadable."""
    mistakes: list[InputError] = []

    def wrong(property: str, reason: str) -> None:
        mistakes.append(InputError(property, reason))

    unknown = unknown or []
    given = {"cron": cron, "interval": interval, "run_once_at": run_once_at}
    kinds = [name for name in _KINDS if given[name] is not None or name in unknown]
    if len(kinds) != 1:
        what = " and ".join(f"`{name}`" for name in kinds) or "none"
        wrong(
            kinds[-1] if kinds else "cron",
            f"give exactly one of `cron`, `interval` and `run_once_at`; {what} given.",
        )
    for name, moment in (
        ("run_once_at", run_once_at),
        ("start_time", start_time),
        ("end_time", end_time),
    ):
        reason = _bad_instant(moment)
        if reason:
            wrong(name, reason)
    try:
        zone(timezone)
    except InputError as mistake:
        mistakes.append(mistake)
    try:
        cron = _resolved(cron, spread, seed)
    except InputError as mistake:
        mistakes.append(mistake)
    if interval is not None:
        _check_interval(interval, start_time is not None or "start_time" in unknown, wrong)
    if run_once_at is not None:
        for name in ("start_time", "end_time"):
            if (start_time if name == "start_time" else end_time) is not None:
                wrong(name, "has no meaning beside `run_once_at`; leave it out.")
        if catchup:
            wrong("catchup", "has no meaning beside `run_once_at`; leave it out.")
    if mistakes or unknown:
        return None, mistakes
    cadence = Cadence(cron, interval, run_once_at, timezone, start_time, end_time, catchup)
    _check_window(cadence, now, wrong)
    return (None, mistakes) if mistakes else (cadence, mistakes)


def _resolved(cron: str | None, spread: timedelta | None, seed: str | None) -> str | None:
    if cron is None:
        if spread is not None:
            raise InputError("spread", "moves a `cron` only; for an interval move `start_time`.")
        return None
    text = parse_cron(resolve_hashes(cron, seed)).text
    if spread is None:
        return text
    _check_spread(text, spread)
    if not seed:
        raise InputError("spread", "depends on the schedule's name, and there is none yet.")
    return spread_cron(text, seed, spread)


def _check_spread(cron: str, window: timedelta) -> None:
    """Refuse a window in which the whole pattern repeats, so that it moves fires past others."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    for days in (8, 400):
        longest = timedelta()
        fires = fires_between(Cadence(cron), start, start + timedelta(days=days))
        for fire, after in pairwise(fires):
            longest = max(longest, after - fire)
            # One gap is enough: a preview checks this for each schedule.
            if longest >= window:
                return
        if longest:
            raise InputError(
                "spread",
                f"`{window}` is longer than the {longest} between two fires of `{cron}`. Use a "
                "smaller window.",
            )


def _check_interval(interval: timedelta, anchored: bool, wrong: Callable[[str, str], None]) -> None:
    if interval.microseconds or interval < timedelta(seconds=1):
        wrong("interval", f"`{interval}` is not a whole number of seconds, at least one.")
    elif interval > LONGEST_INTERVAL:
        wrong("interval", f"`{interval}` is longer than {LONGEST_INTERVAL.days} days.")
    if not anchored:
        wrong(
            "start_time",
            "an `interval` needs a `start_time`: its first fire, from which the others count.",
        )


def _check_window(
    cadence: Cadence, now: datetime | None, wrong: Callable[[str, str], None]
) -> None:
    start, end = cadence.start_time, cadence.end_time
    if start is not None and end is not None and end < start:
        wrong("end_time", f"{end.isoformat()} is before start_time {start.isoformat()}.")
        return
    once = cadence.run_once_at
    if once is not None:
        if now is not None and once <= now:
            wrong("run_once_at", f"{once.isoformat()} is in the past; choose a later instant.")
        return
    if end is None:
        return
    if now is not None and end <= now:
        wrong("end_time", f"{end.isoformat()} is in the past: it would never fire.")
        return
    first = max((moment for moment in (start, now) if moment is not None), default=None)
    if first is not None:
        stop = end + timedelta(seconds=1)
        if next(fires_between(cadence, first, stop), None) is None:
            wrong("end_time", f"nothing fires from {first.isoformat()} to {end.isoformat()}.")


def _bad_instant(moment: datetime | None) -> str:
    if moment is None:
        return ""
    if moment.tzinfo is None or moment.utcoffset() is None:
        return (
            f"{moment.isoformat()} has no time zone; write "
            f"for example `{moment.replace(microsecond=0).isoformat()}+00:00`."
        )
    if not EARLIEST + timedelta(days=1) <= moment.replace(tzinfo=UTC) < LATEST - timedelta(days=1):
        return f"{moment.isoformat()} is not within {EARLIEST.year}-{LATEST.year - 1}."
    if moment.microsecond:
        return f"{moment.isoformat()} has fractions of a second; no system fires at those."
    return ""


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InputError(name, f"`{str(value)[:64]}` is not text.")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InputError(name, f"`{str(value)[:64]}` is neither true nor false.")
    return value


def _seconds(name: str, value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(name, f"`{str(value)[:64]}` is not a number of seconds.")
    if value != value or value in (float("inf"), float("-inf")) or value != int(value):
        raise InputError(name, f"{value} is not a whole number of seconds.")
    if not 1 <= value <= LONGEST_INTERVAL.total_seconds():
        raise InputError(name, f"{value:.0f} s is not from 1 s to {LONGEST_INTERVAL.days} days.")
    return timedelta(seconds=int(value))


def _instant(name: str, value: object) -> datetime:
    if isinstance(value, datetime):
        moment = value
    else:
        text = _text(name, value)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise InputError(
                name,
                f"`{text[:64]}` is not ISO 8601 like `2026-12-01T09:00:00+00:00`.",
            ) from None
    reason = _bad_instant(moment)
    if reason:
        raise InputError(name, reason)
    return moment


def equivalent(one: Cadence, other: Cadence) -> bool:
    """Whether two cadences fire at the same instants, whatever their spelling."""
    if one.kind != other.kind or one.catchup != other.catchup:
        return False
    if (one.end_time, one.run_once_at, one.interval) != (
        other.end_time,
        other.run_once_at,
        other.interval,
    ):
        return False
    if one.start_time != other.start_time:
        return False
    if one.cron is None or other.cron is None:
        return True
    return one.timezone == other.timezone and parse_cron(one.cron) == parse_cron(other.cron)
