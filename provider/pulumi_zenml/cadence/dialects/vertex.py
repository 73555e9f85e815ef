"""Vertex AI schedules: unix cron behind a ``TZ=`` prefix, with a window."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from pulumi_zenml.cadence.dialects.base import Dialect, rfc3339
from pulumi_zenml.cadence.dialects.robfig import SYNTAX, version_3_days
from pulumi_zenml.cadence.dialects.support import (
    instant_field,
    interval_as_cron,
    read_unix,
    text_field,
    window_text,
)
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.spelling import unix_text
from pulumi_zenml.cadence.zones import zone

_PREFIX = re.compile(r"\s*(?:CRON_)?TZ=(\S+)\s+(.*)", re.DOTALL)


class Vertex(Dialect):
    """Fields: ``cron`` (with its zone), ``start_time``, ``end_time`` (RFC 3339)."""

    name = "vertex"
    title = "Vertex"
    kinds = frozenset({"cron", "interval"})
    zones = "iana"
    start_time = True
    end_time = True
    anchor = "start_time; written as cron, if one is exact"
    sources = ("google-cloud-aiplatform 2.7 types/schedule.py",)

    def write(self, cadence: Cadence) -> Native:
        self.require(cadence)
        if cadence.interval is not None:
            cron = interval_as_cron(cadence)
            if cron is None:
                raise self._no_kind(cadence)
            cadence = replace(cadence, cron=unix_text(cron), interval=None, timezone="UTC")
        cron, notes = self.cron_in(cadence, None)
        text = f"TZ={cadence.timezone} {unix_text(cron)}"
        fields: dict[str, object] = {"cron": text}
        if cadence.start_time is not None:
            fields["start_time"] = rfc3339(cadence.start_time)
        if cadence.end_time is not None:
            fields["end_time"] = rfc3339(cadence.end_time)
        return Native(text + window_text(cadence), fields, notes)

    def read(self, fields: Mapping[str, object]) -> Cadence:
        text = text_field(fields, "cron", self.title)
        match = _PREFIX.fullmatch(text)
        timezone, rest = (match[1], match[2]) if match else ("UTC", text)
        zone(timezone)
        return Cadence(
            cron=read_unix(rest, self.title, SYNTAX, days=version_3_days),
            timezone=timezone,
            start_time=instant_field(fields, "start_time", self.title),
            end_time=instant_field(fields, "end_time", self.title),
        )
