"""What an orchestrator is to us: its abilities, and its side of a pair.

One orchestrator is one file with one subclass of :class:`Orchestrator`, one row in
:mod:`pulumi_zenml.orchestrators` and one fixture for the conformance suite.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.errors import CannotExpressError, InputError
from pulumi_zenml.orchestrators._sdk import IMPORTING
from pulumi_zenml.orchestrators.probe import Probe, usual_probes

if TYPE_CHECKING:
    from zenml.models import ComponentResponse, PipelineSnapshotResponse
    from zenml.orchestrators import BaseOrchestrator
    from zenml.stack import Stack

    from pulumi_zenml.cadence.dialects.base import Dialect

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]


@dataclass(frozen=True)
class Yes:
    """The flavor honours it; ``note`` says how where that could surprise."""

    note: str = ""


@dataclass(frozen=True)
class Gap:
    """The flavor does not honour it.

    Args:
        word: ``not-yet`` (we could), ``upstream`` (they must), ``never`` (it makes no sense).
        reason: why, for the refusal and the table.
        instead: what to write instead; may be empty.
    """

    word: Literal["not-yet", "upstream", "never"]
    reason: str
    instead: str = ""


Ability = Yes | Gap


@dataclass(frozen=True)
class Capabilities:
    """What one flavor can do. Refusals, diff, tests and the docs table all read this.

    Args:
        counterpart: what the native object is called, for example ``CronJob``.
        dialect: the name of its cadence dialect.
        smallest_interval: the shortest time between two fires that it honours.
        name_limit: longest schedule name it takes, in characters; ``None`` for ZenML's 255.
        cron, interval, run_once: the three kinds of cadence.
        start_time, end_time, catchup, timezone: the window, missed fires, the zone.
        pause: pause and resume in place.
        change_in_place: orchestrator settings change without a replace.
        run_history: it can list the runs of a schedule.
        trigger: it can start a run now.
        keeps_runs: deleting the counterpart leaves a run in progress alone.
        fires_on_create: it runs once at once when it is made; a note says what we do about it.
        found_by: how the counterpart of a record is found for certain.
        left_behind: what deleting the counterpart leaves in the orchestrator.
        runs_image: its runs need the image of the snapshot's build.
    """

    counterpart: str
    dialect: str
    smallest_interval: timedelta
    cron: Ability
    interval: Ability
    run_once: Ability
    start_time: Ability
    end_time: Ability
    catchup: Ability
    timezone: Ability
    pause: Ability
    change_in_place: Ability
    run_history: Ability
    trigger: Ability
    keeps_runs: Ability
    fires_on_create: Ability
    found_by: str
    left_behind: str
    runs_image: bool
    name_limit: int | None = None

    def abilities(self) -> dict[str, Ability]:
        """The yes-or-reason columns, in the order of the table."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Yes | Gap)}


@dataclass(frozen=True)
class Setting:
    """One key of a flavor's ``orchestrator_settings``.

    Args:
        type: ``str``, ``int``, ``bool`` or ``dict``.
        doc: one line for the docs and for errors.
        choices: the only values taken; empty for any.
    """

    type: type
    doc: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """What a resource asks of the orchestrator's side of its pair.

    Args:
        name: the schedule's name in ZenML.
        owner: ``<project>/<stack>/<resource name>``, or empty for an unmanaged pair.
        cadence: when it fires.
        paused: whether it may fire at all for now.
        settings: ``orchestrator_settings``, checked.
        pipeline: the ZenML pipeline's name; empty when not yet known.
    """

    name: str
    owner: str
    cadence: Cadence
    paused: bool = False
    settings: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    pipeline: str = ""


Around = Callable[["Stack", "PipelineSnapshotResponse"], AbstractContextManager[None]]


def _nothing_around(
    stack: Stack, snapshot: PipelineSnapshotResponse
) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class Submission:
    """What ZenML's own orchestrator is shown when it makes the counterpart.

    ZenML passes the schedule on verbatim, so this is where a dialect's spelling goes in. The
    record itself keeps the neutral spelling. Where the counterpart can be changed afterwards,
    show a cadence that cannot fire soon and let :meth:`Orchestrator.shape` set the real one:
    then nothing fires between the two.

    Args:
        cron_expression, interval, run_once_at, start_time, end_time, catchup: the schedule as
            ZenML's orchestrator code will read it.
        settings: keys of the flavor's ZenML settings class to set on the submitted snapshot.
        pipeline_name: what ZenML's code makes native names from, where the pipeline's own name
            is too long for that or has characters that the system refuses.
        source_root: the folder with the pipeline's code, where ZenML packs it on submission.
        around: entered while ZenML's code runs, which nothing else does meanwhile; it may change
            ZenML's stack object and the snapshot in memory, to put overrides into effect.
    """

    cron_expression: str | None = None
    interval: timedelta | None = None
    run_once_at: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    catchup: bool = False
    settings: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    pipeline_name: str | None = None
    source_root: str | None = None
    around: Around = field(default=_nothing_around, repr=False)


@dataclass(frozen=True)
class Counterpart:
    """A native schedule as the orchestrator holds it now.

    Args:
        native_id: all that is needed to find it again, in the orchestrator's own terms.
        native: its cadence in the orchestrator's own fields.
        cadence: what those fields mean; ``None`` when the neutral cadence cannot hold it.
        paused: whether it is kept from firing.
        snapshot_id: the ZenML snapshot it runs; ``None`` when its spec cannot be read.
        owner: the ownership marker found on it; ``None`` when it carries none.
        settings: the values of ``orchestrator_settings`` found on it.
        url: where a person can look at it; empty when there is no such page.
        ended: it is past its last fire and will never fire again.
        problem: what is wrong with it, in words; empty when nothing is.
    """

    native_id: str
    native: Native
    cadence: Cadence | None
    paused: bool
    snapshot_id: str | None
    owner: str | None = None
    settings: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    url: str = ""
    ended: bool = False
    problem: str = ""
    pipeline: str = ""


RunState = Literal["queued", "running", "succeeded", "failed", "cancelled", "skipped", "unknown"]


@dataclass(frozen=True)
class NativeRun:
    """One run that the orchestrator knows of.

    Args:
        run_id: the orchestrator's id of the run (ZenML's ``orchestrator_run_id`` where they match).
        state: in the one vocabulary that all flavors are mapped to.
        native_state: the orchestrator's own word.
        scheduled_for: the fire time it stands for, aware; ``None`` when not known.
        started, ended: aware; ``None`` when not (yet) known.
        by_schedule: whether the schedule started it; ``None`` when it cannot be told.
        url: where a person can look at it.
    """

    run_id: str
    state: RunState
    native_state: str
    scheduled_for: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    by_schedule: bool | None = None
    url: str = ""


def _tell_nobody(text: str) -> None: ...


@dataclass(frozen=True)
class Target:
    """One orchestrator component of ZenML, and what the user's configuration adds.

    Args:
        component: ZenML's stack component (its configuration and service connector).
        overrides: keys of Pulumi config ``zenml:orchestrators`` for this component, for
            example ``{"api_url": ...}``; secrets stay here and go nowhere else.
        warn: told what a user must know although nothing failed.
    """

    component: ComponentResponse
    overrides: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    warn: Callable[[str], None] = field(default=_tell_nobody, repr=False, compare=False)

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

    @classmethod
    def dialect(cls) -> Dialect:
        """The dialect that this flavor's cadences are spelled in."""
        from pulumi_zenml.cadence.dialects import get_dialect

        return get_dialect(cls.capabilities.dialect)

    def spell(self, cadence: Cadence) -> Native:
        """``cadence`` as this very orchestrator spells it; hosts may have their own zone.

        Raises:
            CannotExpressError: it cannot be honoured exactly.
        """
        return self.dialect().write(cadence)

    def matches(self, cadence: Cadence, native: Native) -> bool:
        """Whether ``native``, as found, fires exactly as ``cadence`` says."""
        try:
            spelled = self.spell(cadence)
        except CannotExpressError:
            return False
        if dict(spelled.fields) == dict(native.fields):
            return True
        return self.dialect().matches(cadence, native.fields)

    @classmethod
    def check(cls, wanted: Wanted) -> list[InputError]:
        """Every mistake that can be known without looking at the orchestrator."""
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
        """Look, before anything is made: reachable, allowed, namespace or group exists.

        Raises:
            ServiceError: with the remedy.
        """

    @abstractmethod
    def submission(self, wanted: Wanted) -> Submission:
        """What to show ZenML's own orchestrator for ``wanted``."""

    @abstractmethod
    def locate(self, snapshot_id: str, hints: Mapping[str, str]) -> Counterpart | None:
        """The counterpart that runs ``snapshot_id``, or ``None``.

        Args:
            snapshot_id: the id of the submitted ZenML snapshot.
            hints: the record's metadata, name and pipeline name (``name``, ``pipeline``), to
                look in the right place first. A hint is never proof.
        """

    @abstractmethod
    def shape(self, found: Counterpart, wanted: Wanted) -> Counterpart:
        """Bring ``found`` to exactly what is asked and return it as read back."""

    @abstractmethod
    def read(self, native_id: str) -> Counterpart | None:
        """The counterpart as it is now, or ``None`` when it is gone."""

    @abstractmethod
    def list_all(self) -> Iterator[Counterpart]:
        """Every native schedule of this component that ZenML made, page by page."""

    @abstractmethod
    def set_paused(self, native_id: str, paused: bool) -> None:
        """Pause or resume in place, without making up for what was missed meanwhile."""

    @abstractmethod
    def delete(self, native_id: str) -> None:
        """Delete the counterpart and what ZenML left beside it. Already gone is success."""

    @abstractmethod
    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        """The runs of a counterpart, newest first.

        Args:
            native_id: the counterpart.
            since: only runs started at or after this instant; aware.
            limit: at most so many.
        """

    def trigger(self, native_id: str) -> str:
        """Start one run now; returns its id. Only where ``capabilities.trigger`` says yes."""
        ability = self.capabilities.trigger
        reason = ability.reason if isinstance(ability, Gap) else "it is not implemented here"
        raise CannotExpressError("trigger", f"{self.flavor} cannot start a run now: {reason}")

    def probes(self) -> Iterator[Probe]:
        """Looks that change nothing, in order, which tell whether each call would be answered.

        For ``pulumi-zenml doctor``. A flavor whose API can tell more adds to these.
        """
        return usual_probes(self)


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
