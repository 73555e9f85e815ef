"""Kubeflow recurring runs: seconds-first cron by robfig/cron 1.2.0, in the cluster's zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pulumi_zenml.cadence.dialects.base import Dialect, rfc3339
from pulumi_zenml.cadence.dialects.robfig import DST, SYNTAX, refuse_misread, version_1_days
from pulumi_zenml.cadence.dialects.support import (
    instant_field,
    read_unix,
    text_field,
    unreadable,
    whole_seconds,
    window_text,
)
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.spelling import unix_text
from pulumi_zenml.cadence.words import duration
from pulumi_zenml.cadence.zones import zone
from pulumi_zenml.errors import CannotExpressError


class Kubeflow(Dialect):
    """Fields: ``cron_expression`` or ``interval_second``; ``start_time``, ``end_time``,
    ``no_catchup``.

    Args:
        cluster_timezone: the zone that the cluster reads cron in, its
            ``CRON_SCHEDULE_TIMEZONE``.
    """

    name = "kubeflow"
    title = "Kubeflow"
    kinds = frozenset({"cron", "interval"})
    zones = "host"
    start_time = True
    end_time = True
    catchup = True
    fields = 6
    smallest = timedelta(seconds=1)
    dst = DST
    anchor = "start_time, sent one interval early"
    sources = (
        "kubeflow/pipelines 2.17 scheduledworkflow",
        "robfig/cron 1.2.0 (run)",
    )

    def __init__(self, cluster_timezone: str = "UTC") -> None:
        zone(cluster_timezone)
        self.cluster_timezone = cluster_timezone

    def write(self, cadence: Cadence) -> Native:
        self.require(cadence)
        fields: dict[str, object] = {}
        notes: tuple[str, ...] = ()
        start = cadence.start_time
        if cadence.interval is not None:
            assert start is not None
            fields["interval_second"] = int(cadence.interval.total_seconds())
            # KFP's periodic_schedule.go first fires one interval after its start.
            fields["start_time"] = rfc3339(start - cadence.interval)
            text = f"every {duration(cadence.interval)}"
            if not cadence.catchup:
                notes = ("After a missed fire, Kubeflow counts from when it is back.",)
        else:
            cron, notes = self.cron_in(cadence, self.cluster_timezone)
            refuse_misread(cron, self.cluster_timezone, self.title, version=1)
            fields["cron_expression"] = text = f"0 {unix_text(cron)}"
            if start is not None:
                fields["start_time"] = rfc3339(start)
        if cadence.end_time is not None:
            fields["end_time"] = rfc3339(cadence.end_time)
        fields["no_catchup"] = not cadence.catchup
        return Native(text + window_text(cadence), fields, notes)

    def read(self, fields: Mapping[str, object]) -> Cadence:
        start = instant_field(fields, "start_time", self.title)
        end = instant_field(fields, "end_time", self.title)
        catchup = not fields.get("no_catchup")
        if fields.get("interval_second") is not None:
            interval = whole_seconds(fields["interval_second"], self.title)
            if start is None:
                raise CannotExpressError(
                    "start_time", "Kubeflow counts this interval from when it was created."
                )
            return Cadence(
                interval=interval, start_time=start + interval, end_time=end, catchup=catchup
            )
        text = text_field(fields, "cron_expression", self.title)
        return Cadence(
            cron=self._read_cron(text),
            timezone=self.cluster_timezone,
            start_time=start,
            end_time=end,
            catchup=catchup,
        )

    def _read_cron(self, text: str) -> str:
        words = text.split()
        if len(words) == 1:
            return read_unix(text, self.title, SYNTAX, days=version_1_days)
        if len(words) == 5:
            # robfig/cron 1.2.0 reads five fields as the first five of six.
            words.append("*")
        if len(words) != 6:
            raise unreadable(self.title, text, f"it has {len(words)} fields, not six")
        if words[0] != "0":
            raise unreadable(
                self.title, text, f"its first field is seconds, and `{words[0]}` is not 0"
            )
        return read_unix(" ".join(words[1:]), self.title, SYNTAX, days=version_1_days)
