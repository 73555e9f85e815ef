"""The ``at`` command: one fire, in the host's own zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pulumi_zenml.cadence.dialects.base import Dialect
from pulumi_zenml.cadence.dialects.support import text_field
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.zones import zone
from pulumi_zenml.errors import CannotExpressError

_FORMAT = "%Y%m%d%H%M"


class At(Dialect):
    """Fields: ``time`` for ``at -t``, ``timezone`` (the host's, for ``time``).

    Args:
        host_timezone: the zone of the machine that runs ``atd``.
    """

    name = "at"
    title = "at"
    kinds = frozenset({"once"})
    zones = "host"
    fields = None
    sources = ("at 3.2.5: at(1)", "at 3.2.5: at.c, which keeps whole minutes")

    def __init__(self, host_timezone: str = "UTC") -> None:
        zone(host_timezone)
        self.host_timezone = host_timezone

    def write(self, cadence: Cadence) -> Native:
        self.require(cadence)
        assert cadence.run_once_at is not None
        minute = cadence.run_once_at.replace(second=0, microsecond=0)
        if minute != cadence.run_once_at:
            raise CannotExpressError(
                "run_once_at",
                f"at fires on whole minutes, and {cadence.run_once_at.isoformat()} is not one.",
                [f"`{minute.isoformat()}`", f"`{(minute + timedelta(minutes=1)).isoformat()}`"],
            )
        local = cadence.run_once_at.astimezone(zone(self.host_timezone))
        if local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset():
            hour = timedelta(hours=3)
            raise CannotExpressError(
                "run_once_at",
                f"{local:%H:%M} on {local:%Y-%m-%d} happens twice in {self.host_timezone}, and at "
                "cannot express which one.",
                [(cadence.run_once_at.astimezone(UTC) + hour).isoformat()],
            )
        text = f"{local:{_FORMAT}}"
        fields = {"time": text, "timezone": self.host_timezone}
        return Native(f"{text} {self.host_timezone}", fields)

    def read(self, fields: Mapping[str, object]) -> Cadence:
        text = text_field(fields, "time", self.title)
        timezone = str(fields.get("timezone") or self.host_timezone)
        try:
            local = datetime.strptime(text, _FORMAT).replace(tzinfo=zone(timezone))
        except ValueError:
            raise CannotExpressError(
                "run_once_at", f"at has `{text[:32]}`, which is not a time."
            ) from None
        return Cadence(run_once_at=local.astimezone(UTC))
