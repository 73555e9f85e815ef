"""A crontab line on Debian: unix cron in the host's own zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pulumi_zenml.cadence.cron import Cron
from pulumi_zenml.cadence.dialects.base import Dialect
from pulumi_zenml.cadence.dialects.support import read_unix, text_field, zone_text
from pulumi_zenml.cadence.fields import FIELDS, ParsedField, Syntax
from pulumi_zenml.cadence.fires import NEUTRAL_DST
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.spelling import compact, listed, unix_text
from pulumi_zenml.cadence.zones import zone

SYNTAX = Syntax(seven=True)
"""crontab(5) of Debian's cron 3.0pl1."""


class Crontab(Dialect):
    """Fields: ``schedule``.

    Args:
        host_timezone: the zone of the machine that runs cron.
        portable: write only ``*``, ``*/n`` and lists of numbers, the only forms that ZenML's
            HyperAI orchestrator accepts.
    """

    name = "crontab"
    title = "crontab"
    kinds = frozenset({"cron"})
    zones = "host"
    dst = NEUTRAL_DST
    sources = ("Debian cron 3.0pl1: crontab(5), cron(8)", "zenml 0.98 hyperai_orchestrator.py")

    def __init__(self, host_timezone: str = "UTC", *, portable: bool = False) -> None:
        zone(host_timezone)
        self.host_timezone = host_timezone
        self.portable = portable

    def write(self, cadence: Cadence) -> Native:
        self.require(cadence)
        cron, notes = self.cron_in(cadence, self.host_timezone)
        schedule = portable_text(cron) if self.portable else unix_text(cron)
        return Native(schedule + zone_text(self.host_timezone), {"schedule": schedule}, notes)

    def read(self, fields: Mapping[str, object]) -> Cadence:
        text = text_field(fields, "schedule", self.title)
        cron = read_unix(text, self.title, SYNTAX, days=_either)
        return Cadence(cron=cron, timezone=self.host_timezone)


def _either(parsed: Sequence[ParsedField]) -> bool:
    """Either day field is enough unless one of them starts with ``*`` (crontab(5))."""
    return not parsed[2].star and not parsed[4].star


def portable_text(cron: Cron) -> str:
    """Five fields of ``*``, ``*/n`` and lists of numbers only."""
    texts = []
    for text, part, spec in zip(unix_text(cron).split(), cron.fields, FIELDS, strict=True):
        starred = compact(part.values, spec)
        if text.startswith("*") and text == starred:
            texts.append(text)
        elif part.values == spec.everything:
            texts.append(",".join(str(value) for value in part.values))
        else:
            texts.append(listed(part.values, spec))
    return " ".join(texts)
