"""The cadences of a host with crontab(1) and at(1)."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi_zenml.cadence.dialects.at import At
from pulumi_zenml.cadence.dialects.base import Dialect
from pulumi_zenml.cadence.dialects.crontab import Crontab
from pulumi_zenml.cadence.model import Cadence, Native


class HostDialect(Dialect):
    """A cron in the host's zone for crontab(1), a single time for at(1).

    Args:
        host_timezone: the host's own zone.
    """

    name = "crontab"
    title = "a HyperAI host"
    kinds = frozenset({"cron", "once"})
    zones = "host"
    dst = Crontab.dst
    sources = (*Crontab.sources, *At.sources)

    def __init__(self, host_timezone: str = "UTC") -> None:
        self.cron = Crontab(host_timezone)

    def write(self, cadence: Cadence) -> Native:
        """Spell a cron or a single time; see :meth:`Dialect.write`."""
        self.require(cadence)
        if cadence.run_once_at is None:
            return self.cron.write(cadence)
        # at gets the time in UTC, whatever the host's zone.
        return At().write(cadence)

    def read(self, fields: Mapping[str, object]) -> Cadence:
        """What the fields mean; see :meth:`Dialect.read`."""
        return (self.cron if "schedule" in fields else At()).read(fields)
