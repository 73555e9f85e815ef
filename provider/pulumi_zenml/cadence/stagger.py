"""Spreading schedules out: ``H`` fields, and a shift of a whole fleet, by a stable hash."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

from pulumi_zenml.cadence.cron import parse_cron, split_fields
from pulumi_zenml.cadence.fields import DAY, FIELDS, FieldSpec
from pulumi_zenml.cadence.spelling import unix_text
from pulumi_zenml.cadence.zones import shift
from pulumi_zenml.errors import InputError

_HASHED = re.compile(r"H(?:\(([0-9]{1,2})-([0-9]{1,2})\))?(?:/([0-9]{1,2}))?", re.ASCII)


def spread(name: str, window: timedelta) -> timedelta:
    """A delay within ``window`` that is always the same for the same name.

    Args:
        name: what is delayed, for example the schedule's name.
        window: whole minutes, at least one.

    Returns:
        Whole minutes, from nothing to less than ``window``.

    Raises:
        InputError: on ``spread``, when the window is not whole minutes, at least one.
    """
    minutes, rest = divmod(window.total_seconds(), 60)
    if rest or minutes < 1:
        raise InputError("spread", f"`{window}` is not a whole number of minutes, at least one.")
    return timedelta(minutes=_stable(name, "spread", int(minutes)))


def spread_cron(cron: str, name: str, window: timedelta) -> str:
    """A cron expression moved later by the stable delay of ``name`` within ``window``.

    Args:
        cron: five fields or an alias, without ``H``.
        name: what is delayed.
        window: whole minutes.

    Raises:
        InputError: when no single cron has the moved times, for example when they would go past
            midnight at the end of a month.
    """
    delay = spread(name, window)
    moved = shift(parse_cron(cron), delay)
    if moved is None:
        raise InputError(
            "spread",
            f"`{cron}` moved by {int(delay.total_seconds()) // 60} minutes is not a single cron. "
            "Use a smaller window, or `H` in the minute field.",
        )
    return unix_text(moved)


def resolve_hashes(text: str, seed: str | None) -> str:
    """Replace Jenkins' ``H`` by values that never change for the same seed.

    ``H`` is one value of the field, ``H(a-b)`` one of the range, ``H/n`` every n with a hashed
    start. Days of month stay within 1-28, so that every month has them (Jenkins does the same).

    Args:
        text: the cron as it was written.
        seed: the schedule's name.

    Raises:
        InputError: on ``cron``, for a malformed ``H``, or one without a seed.
    """
    if "H" not in _without_names(text):
        return text
    fields = split_fields(text)
    resolved = [
        ",".join(_resolve(part, spec, text, seed) for part in field.split(","))
        for field, spec in zip(fields, FIELDS, strict=True)
    ]
    return " ".join(resolved)


def _without_names(text: str) -> str:
    """The text without aliases and names: ``THU`` and ``@monthly`` contain an H too."""
    return re.sub(r"@\w+|THU|MARCH", "", text.upper())


def _resolve(part: str, spec: FieldSpec, text: str, seed: str | None) -> str:
    if not part.startswith("H"):
        return part
    match = _HASHED.fullmatch(part)
    if match is None:
        raise _malformed(part, spec)
    if not seed:
        raise InputError(
            "cron", f"`{text}`: `H` depends on the schedule's name, and there is none yet."
        )
    low, high = spec.low, 28 if spec is DAY else spec.high
    if match[1]:
        low, high = int(match[1]), int(match[2])
        if not spec.low <= low <= high <= spec.high:
            raise _malformed(part, spec)
    if match[3] is None:
        return str(low + _stable(seed, spec.name, high - low + 1))
    step = int(match[3])
    if not 0 < step <= high - low + 1:
        raise _malformed(part, spec)
    start = low + _stable(seed, spec.name, step)
    return ",".join(str(value) for value in range(start, high + 1, step))


def _malformed(part: str, spec: FieldSpec) -> InputError:
    return InputError(
        "cron",
        f"{spec.name} `{part[:32]}`: write `H`, `H/n`, `H(a-b)` or `H(a-b)/n`, within "
        f"{spec.low}-{spec.high}.",
    )


def _stable(name: str, what: str, count: int) -> int:
    """A number below ``count`` that depends on the two texts only, evenly spread."""
    digest = hashlib.sha256(f"{name}\n{what}".encode()).digest()
    return int.from_bytes(digest[:8]) % count
