"""GitHub Actions ``on.schedule``: POSIX cron, with an optional zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise

from pulumi_zenml.cadence.cron import Cron
from pulumi_zenml.cadence.dialects.base import Dialect
from pulumi_zenml.cadence.dialects.cloudscheduler import either_but_star
from pulumi_zenml.cadence.dialects.support import read_unix, text_field, zone_text
from pulumi_zenml.cadence.fields import MINUTE, Syntax
from pulumi_zenml.cadence.fires import DstRule
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.spelling import unix_text
from pulumi_zenml.cadence.zones import zone
from pulumi_zenml.errors import CannotExpressError

SYNTAX = Syntax()
"""GitHub docs, "Events that trigger workflows": POSIX cron, weekdays 0-6, no aliases."""


class GitHub(Dialect):
    """Fields: ``cron``, ``timezone`` (absent for UTC)."""

    name = "github"
    title = "GitHub Actions"
    kinds = frozenset({"cron"})
    zones = "iana"
    smallest = timedelta(minutes=5)
    dst = DstRule(gap="after", fold=None)
    sources = ("GitHub docs: workflow syntax, on.schedule",)

    def write(self, cadence: Cadence) -> Native:
        self.require(cadence)
        cron, notes = self.cron_in(cadence, None)
        _refuse_frequent(cron)
        text = unix_text(cron)
        fields = {"cron": text}
        if cadence.timezone != "UTC":
            fields["timezone"] = cadence.timezone
        late = "GitHub starts scheduled workflows late, or skips them, when it is busy."
        return Native(text + zone_text(cadence.timezone), fields, (*notes, late))

    def read(self, fields: Mapping[str, object]) -> Cadence:
        text = text_field(fields, "cron", self.title)
        timezone = str(fields.get("timezone") or "UTC")
        zone(timezone)
        return Cadence(
            cron=read_unix(text, self.title, SYNTAX, days=either_but_star), timezone=timezone
        )


def _refuse_frequent(cron: Cron) -> None:
    minutes = cron.minute.values
    gaps = [after - before for before, after in pairwise(minutes)]
    hours = cron.hour.values
    touching = any((hour + 1) % 24 in hours for hour in hours)
    if touching:
        gaps.append(minutes[0] + len(MINUTE.everything) - minutes[-1])
    if min(gaps, default=60) < 5:
        raise CannotExpressError(
            "cron",
            f"GitHub Actions fires every 5 minutes at most; `{unix_text(cron)}` has fires closer "
            "together.",
            [f'`cron="*/5 {unix_text(cron).split(" ", 1)[1]}"`'],
        )
