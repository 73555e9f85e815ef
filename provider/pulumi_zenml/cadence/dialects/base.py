"""The interface of a dialect: one system's spelling of a cadence, both ways."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

from pulumi_zenml.cadence.cron import Cron, parse_cron
from pulumi_zenml.cadence.dialects.support import interval_as_cron, written_cron
from pulumi_zenml.cadence.fires import UNKNOWN_DST, DstRule
from pulumi_zenml.cadence.model import LONGEST_INTERVAL, Cadence, Kind, Native
from pulumi_zenml.cadence.spelling import unix_text
from pulumi_zenml.cadence.words import duration
from pulumi_zenml.errors import CannotExpressError, InputError

Zones = Literal["iana", "windows", "host", "utc"]


class Dialect(ABC):
    """One system's spelling of a cadence.

    Subclasses declare the system's limits as class attributes, from which unsupported inputs are
    refused; only the spelling is code.
    """

    name: ClassVar[str]
    """The name on the command line and in the tables, for example ``eventbridge``."""

    title: ClassVar[str]
    """The system's name in sentences."""

    kinds: ClassVar[frozenset[Kind]]
    """Which of cron, interval and once it can do."""

    zones: ClassVar[Zones]
    """Which zones a cron is read in: IANA names, Windows names, the host's one, or UTC only."""

    start_time: ClassVar[bool] = False
    """Whether it can start at an instant."""

    end_time: ClassVar[bool] = False
    """Whether it can stop at an instant."""

    catchup: ClassVar[bool] = False
    """Whether it can run every fire missed while paused or down."""

    fields: ClassVar[int | None] = 5
    """Fields of its cron, or None when it has no cron."""

    both_days: ClassVar[bool] = True
    """Whether day of month and day of week may both be restricted, either one being enough."""

    smallest: ClassVar[timedelta] = timedelta(minutes=1)
    """The shortest time between two fires."""

    largest: ClassVar[timedelta] = LONGEST_INTERVAL
    """The longest interval."""

    name_length: ClassVar[int | None] = None
    """Longest name of the native object, in characters, or None when it has none."""

    dst: ClassVar[DstRule] = UNKNOWN_DST
    """What it does when the clock changes."""

    anchor: ClassVar[str] = ""
    """Where an interval's first fire comes from; empty without intervals."""

    sources: ClassVar[tuple[str, ...]]
    """Where these facts come from."""

    @abstractmethod
    def write(self, cadence: Cadence) -> Native:
        """Spell ``cadence`` so that the system fires at exactly the same instants.

        Raises:
            CannotExpressError: on the input that cannot be honoured, with the nearest
                exact alternatives.
        """

    @abstractmethod
    def read(self, fields: Mapping[str, object]) -> Cadence:
        """The cadence of the system's own ``fields``.

        Raises:
            CannotExpressError: when the neutral cadence cannot express it (seconds, years,
                ``L``, ``W``, ``#``).
            InputError: on ``timezone``, for an unknown zone.
        """

    def matches(self, cadence: Cadence, fields: Mapping[str, object]) -> bool:
        """Whether the system's ``fields`` are what ``cadence`` is written as.

        Both sides are compared in the dialect's own spelling, so ``MON-FRI`` equals ``1-5``.
        Unreadable fields match nothing.
        """
        try:
            return self.write(self.read(fields)).fields == self.write(cadence).fields
        except InputError:
            return False

    def require(self, cadence: Cadence) -> None:
        """Refuse what the system does not support, by its class attributes.

        Raises:
            CannotExpressError: on the first input that cannot be honoured.
        """
        if cadence.kind not in self.kinds:
            raise self._no_kind(cadence)
        if cadence.catchup and not self.catchup:
            raise CannotExpressError(
                "catchup",
                f"{self.title} does not catch up on every missed fire.",
                ["`catchup=False`", "Airflow or Kubeflow, which do"],
            )
        if cadence.start_time is not None and not self.start_time and cadence.kind == "cron":
            raise CannotExpressError(
                "start_time",
                f"{self.title} has no start date: it would fire before "
                f"{cadence.start_time.isoformat()}.",
                ["leave `start_time` out, with `paused=True` until then"],
            )
        if cadence.end_time is not None and not self.end_time:
            raise CannotExpressError(
                "end_time",
                f"{self.title} has no end date: it would continue after "
                f"{cadence.end_time.isoformat()}.",
                ["leave `end_time` out, and remove the schedule then"],
            )
        if cadence.interval is not None:
            self._require_interval(cadence.interval)
        elif cadence.cron is not None:
            self._require_cron(parse_cron(cadence.cron))

    def _require_interval(self, interval: timedelta) -> None:
        if interval < self.smallest:
            raise CannotExpressError(
                "interval",
                f"{self.title} fires every {duration(self.smallest)} at most; "
                f"{duration(interval)} is shorter.",
                [f"`interval` of {duration(self.smallest)} or more"],
            )
        if interval > self.largest:
            raise CannotExpressError(
                "interval",
                f"{self.title} takes {duration(self.largest)} at most; "
                f"{duration(interval)} is longer.",
                [f"`interval` of {duration(self.largest)} or less"],
            )

    def _require_cron(self, cron: Cron) -> None:
        if cron.either_day and not self.both_days:
            day = unix_text(cron).split()
            raise CannotExpressError(
                "cron",
                f"{self.title} cannot fire on either a day of the month or a day of the week: only "
                "one of the two may be restricted. Two schedules would fire twice on days that "
                "are both.",
                [
                    f'`cron="{day[0]} {day[1]} {day[2]} {day[3]} *"`',
                    f'`cron="{day[0]} {day[1]} * {day[3]} {day[4]}"`',
                ],
            )

    def _no_kind(self, cadence: Cadence) -> CannotExpressError:
        if cadence.kind == "interval":
            cron = interval_as_cron(cadence)
            found = [f'`cron="{unix_text(cron)}"` in UTC'] if cron else []
            if self.kinds == frozenset({"once"}):
                found = ["`crontab`"]
            return CannotExpressError(
                "interval",
                f"{self.title} has no intervals.",
                found or ["Airflow, EventBridge or Kubeflow, which do"],
            )
        if cadence.kind == "once":
            return CannotExpressError(
                "run_once_at", f"{self.title} cannot fire only once.", self._once(cadence)
            )
        return CannotExpressError(
            "cron", f"{self.title} fires once and never again.", ["`run_once_at`", "`crontab`"]
        )

    def _once(self, cadence: Cadence) -> list[str]:
        """The alternative to a run-once: a cron with a window around a single fire."""
        other = "Airflow, EventBridge or at, which can"
        once = cadence.run_once_at
        if once is None or not (self.start_time and self.end_time) or once.second:
            return [other]
        at = once.astimezone(UTC)
        cron = f"{at.minute} {at.hour} {at.day} {at.month} *"
        try:
            self.write(Cadence(cron=cron, start_time=at, end_time=at))
        except CannotExpressError:
            return [other]
        window = f'`start_time` and `end_time` "{at.isoformat()}"'
        return [f'`cron="{cron}"` in UTC with {window}', other]

    def cron_in(self, cadence: Cadence, target: str | None) -> tuple[Cron, tuple[str, ...]]:
        """The cadence's cron as the system reads it, with notes.

        Args:
            cadence: of kind cron.
            target: the one zone that the system reads cron in, or None when the cron keeps
                the cadence's zone.

        Raises:
            CannotExpressError: on ``timezone``, when no cron in ``target`` is exact.
        """
        return written_cron(cadence, target, self.title, self.dst)


def rfc3339(moment: datetime) -> str:
    """An instant as the APIs write it: UTC, to the second, with an offset."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")
