"""Google Cloud Scheduler: unix cron with a zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pulumi_zenml.cadence.dialects.base import Dialect
from pulumi_zenml.cadence.dialects.support import read_unix, text_field, zone_text
from pulumi_zenml.cadence.fields import ParsedField, Syntax
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.spelling import unix_text
from pulumi_zenml.cadence.zones import zone

SYNTAX = Syntax(seven=True)
"""Cloud Scheduler docs, "Cron job format and time zone"."""


class CloudScheduler(Dialect):
    """Fields: ``schedule``, ``timeZone``."""

    name = "cloudscheduler"
    title = "Cloud Scheduler"
    kinds = frozenset({"cron"})
    zones = "iana"
    name_length = 500
    sources = ("Cloud Scheduler docs: cron job format and time zone",)

    def write(self, cadence: Cadence) -> Native:
        self.require(cadence)
        cron, notes = self.cron_in(cadence, None)
        schedule = unix_text(cron)
        fields = {"schedule": schedule, "timeZone": cadence.timezone}
        return Native(schedule + zone_text(cadence.timezone), fields, notes)

    def read(self, fields: Mapping[str, object]) -> Cadence:
        text = text_field(fields, "schedule", self.title)
        timezone = str(fields.get("timeZone") or "UTC")
        zone(timezone)
        return Cadence(
            cron=read_unix(text, self.title, SYNTAX, days=either_but_star), timezone=timezone
        )


def either_but_star(parsed: Sequence[ParsedField]) -> bool | None:
    """Either day field is enough unless one is ``*``; steps beside the other are not documented."""
    if parsed[2].text == "*" or parsed[4].text == "*":
        return None
    return not parsed[2].star and not parsed[4].star
