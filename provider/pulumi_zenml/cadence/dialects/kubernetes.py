"""Kubernetes CronJob: unix cron by robfig/cron 3, with ``spec.timeZone``."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi_zenml.cadence.dialects.base import Dialect
from pulumi_zenml.cadence.dialects.robfig import DST, SYNTAX, refuse_misread, version_3_days
from pulumi_zenml.cadence.dialects.support import read_unix, text_field, zone_text
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.spelling import unix_text
from pulumi_zenml.cadence.zones import zone


class Kubernetes(Dialect):
    """Fields: ``schedule``, ``timeZone``."""

    name = "kubernetes"
    title = "Kubernetes"
    kinds = frozenset({"cron"})
    zones = "iana"
    name_length = 52
    dst = DST
    sources = ("kubernetes 1.33 pkg/apis/batch/validation", "robfig/cron 3.0.1 (run)")

    def write(self, cadence: Cadence) -> Native:
        self.require(cadence)
        cron, notes = self.cron_in(cadence, None)
        refuse_misread(cron, cadence.timezone, self.title, version=3)
        schedule = unix_text(cron)
        fields = {"schedule": schedule, "timeZone": cadence.timezone}
        return Native(schedule + zone_text(cadence.timezone), fields, notes)

    def read(self, fields: Mapping[str, object]) -> Cadence:
        text = text_field(fields, "schedule", self.title)
        cron = read_unix(text, self.title, SYNTAX, days=version_3_days)
        # Without a zone it is the controller's own; UTC wherever it runs in a container.
        timezone = fields.get("timeZone") or "UTC"
        zone(str(timezone))
        return Cadence(cron=cron, timezone=str(timezone))
