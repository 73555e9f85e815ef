"""What one resource declares: the one list of a schedule's fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Literal, cast

from pulumi_zenml.cadence import check_cadence
from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.errors import InputError
from pulumi_zenml.identity import NOBODY, Owner
from pulumi_zenml.json_types import Json
from pulumi_zenml.lifecycle.running import Policy, WhenRunning
from pulumi_zenml.orchestrators.counterpart import Wanted
from pulumi_zenml.zenml.source import PipelineSource

Change = Literal["replace", "in-place", "none"]
"""What a change of a field means: another pair, the same pair, or nothing at all."""

WHEN_RUNNING: tuple[WhenRunning, ...] = ("refuse", "wait", "ignore")


@dataclass(frozen=True)
class Field:
    """One property of the resource.

    Args:
        types: the plain types that Pulumi may pass for it.
        change: what a change of it means.
        doc: one line for the docs and for editors.
    """

    types: tuple[type, ...]
    change: Change
    doc: str


FIELDS: dict[str, Field] = {
    "stack": Field(
        (str,),
        "replace",
        "the ZenML stack, by name or id: names the orchestrator and its credentials",
    ),
    "snapshot": Field((str,), "replace", "what to run: `pipeline:snapshot`, or a snapshot's id"),
    "pipeline": Field(
        (str,), "replace", "what to run, from source: `module:function`; instead of `snapshot`"
    ),
    "source_root": Field((str,), "none", "the folder that `pipeline` is imported from"),
    "source_digest": Field((str,), "replace", "what the source is now; filled in"),
    "python": Field((str,), "none", "the interpreter that imports `pipeline`"),
    "name": Field((str,), "replace", "the schedule's name in ZenML"),
    "cron": Field((str,), "replace", "five fields in `timezone`, or an alias such as `@daily`"),
    "spread": Field((int, float), "none", "seconds by which `cron` may move later; then forgotten"),
    "interval": Field((int, float), "replace", "seconds from one fire to the next"),
    "run_once_at": Field((str,), "replace", "the one instant to fire at"),
    "timezone": Field((str,), "replace", "IANA name of the zone of `cron`"),
    "start_time": Field((str,), "replace", "nothing fires before it"),
    "end_time": Field((str,), "replace", "nothing fires after it"),
    "catchup": Field((bool,), "replace", "make up for fires missed while paused or down"),
    "paused": Field((bool,), "in-place", "keep it from firing for now"),
    "orchestrator_settings": Field((dict,), "in-place", "switches of the orchestrator's own"),
    "triggers": Field((object,), "replace", "any values; when one changes, it is replaced"),
    "adopt": Field((bool, str), "none", "take over an existing schedule of that name"),
    "when_running": Field((str,), "in-place", "what to do where a run in progress would fail"),
    "wait_timeout": Field((int, float), "in-place", "how many seconds `wait` waits"),
    "flavor": Field((str,), "none", "the orchestrator's flavor, for previews without a network"),
    "project": Field((str,), "replace", "the ZenML project"),
    "owner": Field((str,), "in-place", "organization/project/stack/resource; filled in"),
    "owner_key": Field((str,), "in-place", "the stack's ownership key; filled in"),
    "urn": Field((str,), "none", "where the engine shows what is said of it; filled in"),
    "retain": Field((bool,), "in-place", "whether `retain_on_delete` is set; filled in"),
}
"""Every input of the resource, in the order of the docs."""

CADENCE = ("cron", "interval", "run_once_at", "timezone", "start_time", "end_time", "catchup")
"""The fields that say when."""

_INSTANTS = ("run_once_at", "start_time", "end_time")


@dataclass(frozen=True)
class ScheduleSpec:
    """What one resource declares, checked and complete. :data:`FIELDS` says what each field is.

    Args:
        owner: whose it is.
        cadence: when it fires.
        pipeline: the pipeline's source, where ``snapshot`` is empty.
    """

    owner: Owner
    name: str
    stack: str
    cadence: Cadence
    snapshot: str = ""
    pipeline: PipelineSource | None = None
    paused: bool = False
    orchestrator_settings: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    adopt: bool | str = False
    when_running: WhenRunning = "refuse"
    wait_timeout: float = 3600.0
    project: str = ""
    retain: bool = False

    @staticmethod
    def from_props(props: Mapping[str, object]) -> ScheduleSpec:
        """What checked properties declare; all are known.

        Raises:
            InputError: they make no cadence.
        """
        cadence, problems = check_cadence(props, now=None)
        if cadence is None:
            raise problems[0]
        source = None
        if "pipeline" in props:
            source = PipelineSource(
                _text(props, "pipeline"), _text(props, "source_root"), _text(props, "python")
            )
        return ScheduleSpec(
            owner=owner_of(props),
            name=_text(props, "name"),
            stack=_text(props, "stack"),
            cadence=cadence,
            snapshot=_text(props, "snapshot"),
            pipeline=source,
            paused=props.get("paused") is True,
            orchestrator_settings=settings_of(props),
            adopt=cast(bool | str, props.get("adopt") or False),
            when_running=policy_of(props).when_running,
            wait_timeout=policy_of(props).wait_timeout,
            project=_text(props, "project"),
            retain=props.get("retain") is True,
        )

    @property
    def policy(self) -> Policy:
        """What to do where a run in progress would fail."""
        return Policy(self.when_running, self.wait_timeout)

    def wanted(self, pipeline: str = "") -> Wanted:
        """What this asks of the orchestrator's side.

        Args:
            pipeline: the pipeline's name; empty while it is not known.
        """
        return Wanted(
            name=self.name,
            owner=self.owner.text,
            cadence=self.cadence,
            paused=self.paused,
            settings=self.orchestrator_settings,
            pipeline=pipeline,
        )


def cadence_props(cadence: Cadence) -> dict[str, object]:
    """A cadence as properties, canonical; what it does not say is ``None``."""
    props: dict[str, object] = dict.fromkeys(CADENCE)
    props |= {
        "cron": cadence.cron,
        "timezone": cadence.timezone,
        "catchup": cadence.catchup,
    }
    if cadence.interval is not None:
        props["interval"] = cadence.interval.total_seconds()
    for key in _INSTANTS:
        instant = getattr(cadence, key)
        if instant is not None:
            props[key] = instant.isoformat()
    return props


def owner_of(props: Mapping[str, object]) -> Owner:
    """Whose the resource with these properties is; nobody where they do not say."""
    label = _text(props, "owner")
    return Owner(_text(props, "owner_key"), label) if label else NOBODY


def policy_of(props: Mapping[str, object]) -> Policy:
    """What a resource says of runs in progress, from its inputs or its outputs."""
    given = props.get("when_running")
    when_running: WhenRunning = next((it for it in WHEN_RUNNING if it == given), "refuse")
    timeout = props.get("wait_timeout")
    return Policy(when_running, float(cast(float, timeout)) if timeout is not None else 3600.0)


def settings_of(props: Mapping[str, object]) -> Mapping[str, Json]:
    """The orchestrator's own switches."""
    return cast(Mapping[str, Json], props.get("orchestrator_settings") or {})


def wrong_types(props: Mapping[str, object], known: Sequence[str]) -> list[InputError]:
    """The properties whose value is of no type that they can have.

    Args:
        props: the properties.
        known: the names of those whose value is known.
    """
    wrong = []
    for key in known:
        expected = FIELDS.get(key)
        value = props.get(key)
        if expected is None or value is None or isinstance(value, expected.types):
            continue
        names = " or ".join(it.__name__ for it in expected.types)
        wrong.append(InputError(key, f"{value!r} is not a {names}."))
    return wrong


def _text(props: Mapping[str, object], key: str) -> str:
    value = props.get(key)
    return value if isinstance(value, str) else ""


assert {it.name for it in fields(ScheduleSpec)} - {"cadence"} <= set(FIELDS)
