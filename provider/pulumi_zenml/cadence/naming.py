"""Names of schedules: ``frequency-purpose-environment-version``."""

from __future__ import annotations

import re
import unicodedata

from pulumi_zenml.cadence.cron import Cron, parse_cron
from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.cadence.words import largest_unit
from pulumi_zenml.errors import InputError

WORKDAYS = (1, 2, 3, 4, 5)
_WORDS = {"minute": "minutely", "hour": "hourly", "day": "daily", "week": "weekly"}


def schedule_name(cadence: Cadence, purpose: str, environment: str, version: str = "") -> str:
    """The name of a schedule, for example ``daily-training-prod-v12``.

    Args:
        cadence: gives the first part.
        purpose: what runs, for example the pipeline's name.
        environment: where, for example the Pulumi stack.
        version: of what runs; left out when empty.

    Returns:
        Lower-case letters, digits and single hyphens.

    Raises:
        InputError: on ``name``, when purpose or environment have no letter or digit.
    """
    parts = [frequency(cadence), slug(purpose), slug(environment)]
    if not parts[1] or not parts[2]:
        raise InputError(
            "name", f"`{purpose}` and `{environment}` have no letters or digits for a name."
        )
    return "-".join([*parts, *filter(None, [slug(version)])])


def slug(text: str) -> str:
    """Text as lower-case letters, digits and single hyphens; accents are dropped."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def frequency(cadence: Cadence) -> str:
    """How often a cadence fires in a word: ``daily``, ``workdays``, ``every-15-minutes``."""
    if cadence.cron is not None:
        return _cron_frequency(parse_cron(cadence.cron))
    if cadence.interval is None:
        return "once"
    return _every(*largest_unit(cadence.interval))


def _every(count: int, unit: str) -> str:
    return _WORDS.get(unit, f"every-{unit}") if count == 1 else f"every-{count}-{unit}s"


def _cron_frequency(cron: Cron) -> str:
    if not cron.every_day or not cron.every_month:
        return _calendar_frequency(cron)
    if len(cron.weekday.values) == 1:
        return "weekly"
    per_day = _within_a_day(cron)
    if cron.every_weekday:
        return per_day
    days = "workdays" if cron.weekday.values == WORKDAYS else "some-weekdays"
    return days if per_day == "daily" else f"{per_day}-{days}"


def _calendar_frequency(cron: Cron) -> str:
    if not cron.every_weekday:
        return "some-days"
    if len(cron.day.values) == 1 and len(cron.month.values) == 1:
        return "yearly"
    if len(cron.day.values) == 1:
        return {12: "monthly", 4: "quarterly", 2: "half-yearly"}.get(
            len(cron.month.values), "some-months"
        )
    return "monthly" if cron.every_month else "some-days"


def _within_a_day(cron: Cron) -> str:
    minutes, hours = cron.minute.values, cron.hour.values
    if len(hours) == 24:
        return _every(1, "hour") if len(minutes) == 1 else _steps(minutes, 60, "minute")
    if len(minutes) == 1:
        return "daily" if len(hours) == 1 else _steps(hours, 24, "hour")
    return "several-times-daily"


def _steps(values: tuple[int, ...], size: int, unit: str) -> str:
    """``every-n-units`` where the values are evenly spread, all the way round."""
    step = size // len(values)
    even = size % len(values) == 0 and values == tuple(range(values[0], size, step))
    if even:
        return _every(step, unit)
    return "several-times-hourly" if unit == "minute" else "several-times-daily"
