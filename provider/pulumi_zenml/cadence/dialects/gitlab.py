"""GitLab pipeline schedules: unix cron with a zone, polled by a worker."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi_zenml.cadence.dialects.base import Dialect
from pulumi_zenml.cadence.dialects.cloudscheduler import either_but_star
from pulumi_zenml.cadence.dialects.support import read_unix, text_field, zone_text
from pulumi_zenml.cadence.fields import Syntax
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.spelling import unix_text
from pulumi_zenml.cadence.zones import zone

SYNTAX = Syntax(seven=True)
"""GitLab docs, "Scheduled pipelines": fugit's unix cron."""

_NOTE = (
    "GitLab starts scheduled pipelines when its own worker next runs, by default every ten "
    "minutes on GitLab.com and once an hour at :19 elsewhere (pipeline_schedule_worker_cron)."
)


class GitLab(Dialect):
    """Fields: ``cron``, ``cron_timezone``."""

    name = "gitlab"
    title = "GitLab"
    kinds = frozenset({"cron"})
    zones = "iana"
    sources = ("GitLab docs: scheduled pipelines, pipeline schedules API",)

    def write(self, cadence: Cadence) -> Native:
        self.require(cadence)
        cron, notes = self.cron_in(cadence, None)
        text = unix_text(cron)
        fields = {"cron": text, "cron_timezone": cadence.timezone}
        return Native(text + zone_text(cadence.timezone), fields, (*notes, _NOTE))

    def read(self, fields: Mapping[str, object]) -> Cadence:
        text = text_field(fields, "cron", self.title)
        timezone = str(fields.get("cron_timezone") or "UTC")
        zone(timezone)
        return Cadence(
            cron=read_unix(text, self.title, SYNTAX, days=either_but_star), timezone=timezone
        )
