"""When a schedule fires, independent of any system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

Kind = Literal["cron", "interval", "once"]

LONGEST_INTERVAL = timedelta(days=3660)
"""Ten years: our own limit, since no vendor documents one."""


@dataclass(frozen=True)
class Cadence:
    """When a schedule fires: exactly one of ``cron``, ``interval`` and ``run_once_at``.

    Build one with :func:`pulumi_zenml.cadence.make_cadence`, which validates; the class
    itself does not.

    Args:
        cron: five-field unix cron, upper-case names, aliases such as ``@daily`` expanded.
        interval: time from one fire to the next; the first fire is at ``start_time``.
        run_once_at: the single fire, aware.
        timezone: IANA name of the zone that ``cron`` is read in.
        start_time: nothing fires before this instant; aware.
        end_time: nothing fires after this instant; aware.
        catchup: whether fires missed while paused or down are run late.
    """

    cron: str | None = None
    interval: timedelta | None = None
    run_once_at: datetime | None = None
    timezone: str = "UTC"
    start_time: datetime | None = None
    end_time: datetime | None = None
    catchup: bool = False

    @property
    def kind(self) -> Kind:
        """Which of the three this cadence is."""
        if self.cron is not None:
            return "cron"
        return "interval" if self.interval is not None else "once"


@dataclass(frozen=True)
class Native:
    """A cadence in one system's dialect.

    Args:
        text: one line for people, for example ``cron(0 3 * * ? *) Europe/Berlin``.
        fields: the system's own field names and JSON values, ready for its API.
        notes: what the user must know about it: a different anchor, or what the system does
            when the clock changes. The same for the same cadence, at any time.
    """

    text: str
    fields: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()
