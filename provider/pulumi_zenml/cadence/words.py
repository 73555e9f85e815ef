"""A cadence in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cronsim import CronSim

from pulumi_zenml.cadence.model import Cadence


def explain(cadence: Cadence) -> str:
    """When a cadence fires, in its own zone, as one sentence."""
    if cadence.run_once_at is not None:
        return f"Once, at {cadence.run_once_at.isoformat()}"
    if cadence.cron is not None:
        words = CronSim(cadence.cron, datetime(2026, 1, 1, tzinfo=UTC)).explain()
        sentence = f"{words}, {cadence.timezone}"
        if cadence.start_time is not None:
            sentence += f", from {cadence.start_time.isoformat()}"
    else:
        assert cadence.interval is not None and cadence.start_time is not None
        sentence = f"Every {duration(cadence.interval)} from {cadence.start_time.isoformat()}"
    if cadence.end_time is not None:
        sentence += f", until {cadence.end_time.isoformat()}"
    return sentence


def duration(length: timedelta) -> str:
    """A duration in the largest unit that divides it: ``90 minutes``, ``2 hours``, ``1 day``."""
    count, unit = largest_unit(length)
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def largest_unit(length: timedelta) -> tuple[int, str]:
    """A whole number of seconds as a count of the largest unit that divides it."""
    seconds = int(length.total_seconds())
    for size, unit in ((604800, "week"), (86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return seconds // size, unit
    return seconds, "second"
