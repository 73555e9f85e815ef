"""The interface of an orchestrator: its capabilities, and its side of a pair.

An orchestrator is a package with one subclass of :class:`Orchestrator`, one row in
:mod:`pulumi_zenml.orchestrators` and one fixture for the conformance suite.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.errors import CannotExpressError, InputError
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators._sdk import IMPORTING
from pulumi_zenml.orchestrators.capabilities import Capabilities, Gap, Setting, Yes
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun, Wanted
from pulumi_zenml.orchestrators.probe import Probe, ProbeResult
from pulumi_zenml.zenml.submission import Submission

if TYPE_CHECKING:
    from zenml.models import ComponentResponse
    from zenml.orchestrators import BaseOrchestrator

    from pulumi_zenml.cadence.dialects.base import Dialect


def _ignore(text: str) -> None: ...


@dataclass(frozen=True)
class Target:
    """One orchestrator component of ZenML, and what the user's configuration adds.

    Args:
        component: ZenML's stack component (its configuration and service connector).
        overrides: keys of Pulumi config ``zenml:orchestrators`` for this component, for
            example ``{"api_url": ...}``; secrets are not passed on.
        warn: called with a warning for the user.
    """

    component: ComponentResponse
    overrides: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    warn: Callable[[str], None] = field(default=_ignore, repr=False, compare=False)

    def instance(self) -> BaseOrchestrator:
        """ZenML's own orchestrator object, with its service connector's credentials."""
        # It imports the vendor's package.
        with IMPORTING:
            from zenml.orchestrators import BaseOrchestrator
            from zenml.stack import StackComponent

            made = StackComponent.from_model(self.component)
        assert isinstance(made, BaseOrchestrator)
        return made


class Orchestrator(ABC):
    """One flavor's side of a pair. Stateless but for its clients; used by several threads.

    Every call has its own deadline and turns the vendor's errors into ours
    (:class:`~pulumi_zenml.errors.ServiceError` and below).
    """

    flavor: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    settings: ClassVar[Mapping[str, Setting]] = MappingProxyType({})
    """The keys that ``orchestrator_settings`` may have on this flavor."""
    overrides: ClassVar[Mapping[str, Setting]] = MappingProxyType({})
    """The keys that Pulumi config may set for a component of this flavor."""

    def __init__(self, target: Target) -> None:
        self.target = target

    @property
    def can_pause(self) -> bool:
        """Whether a counterpart can be kept from firing in place."""
        return isinstance(self.capabilities.pause, Yes)

    @classmethod
    def dialect(cls) -> Dialect:
        """The dialect that this flavor's cadences are spelled in."""
        from pulumi_zenml.cadence.dialects import get_dialect

        return get_dialect(cls.capabilities.dialect)

    def spell(self, cadence: Cadence) -> Native:
        """``cadence`` in this orchestrator's dialect; a host may have its own time zone.

        Raises:
            CannotExpressError: it cannot be honoured exactly.
        """
        return self.dialect().write(cadence)

    def matches(self, cadence: Cadence, native: Native) -> bool:
        """Whether ``native``, as read, fires exactly as ``cadence``."""
        try:
            spelled = self.spell(cadence)
        except CannotExpressError:
            return False
        if dict(spelled.fields) == dict(native.fields):
            return True
        return self.dialect().matches(cadence, native.fields)

    @classmethod
    def check(cls, wanted: Wanted) -> list[InputError]:
        """Every mistake that can be found offline."""
        problems = [*_gaps(cls.flavor, cls.capabilities, wanted), *_settings(cls, wanted.settings)]
        limit = cls.capabilities.name_limit
        if limit is not None and len(wanted.name) > limit:
            problems.append(
                InputError(
                    "name",
                    f"'{wanted.name}' has {len(wanted.name)} characters, and {cls.flavor} takes "
                    f"at most {limit}. Give a shorter name.",
                )
            )
        if not problems:
            try:
                cls.dialect().write(wanted.cadence)
            except InputError as error:
                problems.append(error)
        return problems

    @abstractmethod
    def verify(self, wanted: Wanted) -> None:
        """Check online, before creating anything: reachable, permitted, namespace or group exists.

        Raises:
            ServiceError: with the remedy.
        """

    @abstractmethod
    def submission(self, wanted: Wanted) -> Submission:
        """What to pass to ZenML's own orchestrator for ``wanted``."""

    @abstractmethod
    def locate(self, snapshot_id: str, hints: Mapping[str, str]) -> Counterpart | None:
        """The counterpart that runs ``snapshot_id``, or ``None``.

        Args:
            snapshot_id: the id of the submitted ZenML snapshot.
            hints: the record's metadata, name and pipeline name (``name``, ``pipeline``), to
                try the likely place first. A hint is never proof.
        """

    @abstractmethod
    def shape(self, found: Counterpart, wanted: Wanted) -> Counterpart:
        """Change ``found`` to exactly what is wanted and return it as read back."""

    @abstractmethod
    def read(self, native_id: str) -> Counterpart | None:
        """The counterpart as it is now, or ``None`` when it was deleted."""

    @abstractmethod
    def list_all(self) -> Iterator[Counterpart]:
        """Every native schedule of this component that ZenML created, page by page."""

    @abstractmethod
    def set_paused(self, native_id: str, paused: bool) -> None:
        """Pause or resume in place, without catching up on missed fires."""

    @abstractmethod
    def delete(self, native_id: str) -> None:
        """Delete the counterpart and what ZenML created for it. Already deleted is success."""

    @abstractmethod
    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        """The runs of a counterpart, newest first.

        Args:
            native_id: the counterpart.
            since: only runs started at or after this instant; aware.
            limit: the most runs to return.
        """

    def trigger(self, native_id: str) -> str:
        """Start one run now; returns its id. Only where ``capabilities.trigger`` says yes."""
        ability = self.capabilities.trigger
        reason = ability.reason if isinstance(ability, Gap) else "it is not implemented here"
        raise CannotExpressError("trigger", f"{self.flavor} cannot start a run now: {reason}")

    def probes(self) -> Iterator[Probe]:
        """Read-only probes, in order, that show whether each call would succeed.

        For ``pulumi-zenml doctor``. A flavor whose API can report more adds to these.
        """
        return self.default_probes()

    def default_probes(self, part: str = "") -> Iterator[Probe]:
        """The probes of every orchestrator: list, read one, its runs.

        Args:
            part: see :class:`Probe`.
        """
        what = self.capabilities.counterpart
        found: list[Counterpart] = []

        def list_some() -> ProbeResult:
            found.extend(islice(self.list_all(), 1))
            return ProbeResult(f"listed; ZenML has {'at least one' if found else 'none'}")

        def read_one() -> ProbeResult:
            if not found:
                return _no_example()
            there = self.read(found[0].native_id)
            if there is None:
                return ProbeResult(f"'{found[0].native_id}' was deleted meanwhile", "unknown")
            return ProbeResult(f"read '{there.native_id}'")

        def list_runs() -> ProbeResult:
            if not found:
                return _no_example()
            ability = self.capabilities.run_history
            if reason := getattr(ability, "reason", ""):
                return ProbeResult(reason, "skipped")
            runs = self.runs(found[0].native_id, limit=1)
            return ProbeResult(f"listed; there is {'at least one' if runs else 'none'}")

        yield Probe(f"list: {what}", list_some, part=part)
        yield Probe(f"read: {what}", read_one, part=part)
        yield Probe(f"runs: {what}", list_runs, part=part)


def _no_example() -> ProbeResult:
    return ProbeResult("ZenML has none to try it on", "skipped")


def _gaps(flavor: str, can: Capabilities, wanted: Wanted) -> list[InputError]:
    cadence = wanted.cadence
    kind = {"cron": "cron", "interval": "interval", "once": "run_once"}[cadence.kind]
    used = {
        "run_once_at" if kind == "run_once" else kind: getattr(can, kind),
        "start_time": can.start_time if cadence.start_time and kind != "interval" else None,
        "end_time": can.end_time if cadence.end_time else None,
        "catchup": can.catchup if cadence.catchup else None,
        "paused": can.pause if wanted.paused else None,
    }
    return [
        CannotExpressError(
            property,
            f"{flavor} cannot do this ({ability.word}): {ability.reason}",
            [ability.instead] if ability.instead else [],
        )
        for property, ability in used.items()
        if isinstance(ability, Gap)
    ]


def _settings(cls: type[Orchestrator], given: Mapping[str, Json]) -> list[InputError]:
    problems = []
    for key, value in given.items():
        setting = cls.settings.get(key)
        where = "orchestrator_settings"
        if setting is None:
            known = ", ".join(sorted(cls.settings)) or "none"
            reason = f"{cls.flavor} has no setting '{key}'. It takes: {known}."
            problems.append(InputError(where, reason))
        elif not _is(value, setting.type):
            reason = f"'{key}' is {value!r}, and {cls.flavor} takes {setting.type.__name__} there."
            problems.append(InputError(where, reason))
        elif setting.choices and value not in setting.choices:
            reason = f"'{key}' is {value!r}; it must be one of {', '.join(setting.choices)}."
            problems.append(InputError(where, reason))
    return problems


def _is(value: Json, wanted: type) -> bool:
    # A Pulumi number arrives as float; bool is an int to isinstance.
    if wanted is int:
        whole = isinstance(value, int | float) and value == int(value)
        return whole and not isinstance(value, bool)
    return isinstance(value, wanted)
