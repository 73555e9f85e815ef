"""Jenkins "build periodically": cron with a ``TZ=`` line, numbers only."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pulumi_zenml.cadence.dialects.base import Dialect
from pulumi_zenml.cadence.dialects.support import read_unix, text_field, unreadable, zone_text
from pulumi_zenml.cadence.fields import Syntax
from pulumi_zenml.cadence.fires import RUNNING_CLOCK
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.spelling import unix_text
from pulumi_zenml.cadence.zones import zone

SYNTAX = Syntax(names=False, seven=True)
"""Jenkins core, crontab grammar: numbers, ranges, steps; ``H`` is resolved before."""

_ZONE = re.compile(r"TZ=(\S+)\s*", re.ASCII)


class Jenkins(Dialect):
    """Fields: ``spec``, whose first line is ``TZ=`` and the zone."""

    name = "jenkins"
    title = "Jenkins"
    kinds = frozenset({"cron"})
    zones = "iana"
    both_days = False
    dst = RUNNING_CLOCK
    sources = ("jenkins core hudson/scheduler/CronTab.java (both day fields must match)",)

    def write(self, cadence: Cadence) -> Native:
        self.require(cadence)
        cron, notes = self.cron_in(cadence, None)
        text = unix_text(cron)
        fields = {"spec": f"TZ={cadence.timezone}\n{text}"}
        return Native(text + zone_text(cadence.timezone), fields, notes)

    def read(self, fields: Mapping[str, object]) -> Cadence:
        spec = text_field(fields, "spec", self.title)
        lines = [line.strip() for line in spec.splitlines()]
        lines = [line for line in lines if line and not line.startswith("#")]
        timezone = "UTC"
        if lines and (match := _ZONE.fullmatch(lines[0])):
            timezone = match[1]
            zone(timezone)
            lines.pop(0)
        if len(lines) != 1:
            raise unreadable(self.title, spec, f"it has {len(lines)} schedules, not one")
        if "H" in lines[0].upper() or lines[0].startswith("@"):
            raise unreadable(self.title, spec, "Jenkins chooses `H` and `@daily` by the job's name")
        cron = read_unix(lines[0], self.title, SYNTAX, days=lambda _: False)
        return Cadence(cron=cron, timezone=timezone)
