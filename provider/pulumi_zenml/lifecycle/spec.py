"""What one resource declares, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import cast

from pulumi_zenml.cadence import check_cadence
from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.identity import NOBODY, Owner
from pulumi_zenml.json_types import Json
from pulumi_zenml.lifecycle.fields import CADENCE, FIELDS
from pulumi_zenml.lifecycle.running import DEFAULT_POLICY, Policy, WhenRunning
from pulumi_zenml.orchestrators.counterpart import Wanted
from pulumi_zenml.zenml.source import PipelineSource

WHEN_RUNNING: tuple[WhenRunning, ...] = ("refuse", "wait", "ignore")


@dataclass(frozen=True)
class ScheduleSpec:
    """What one resource declares, checked and complete.

    :data:`~pulumi_zenml.lifecycle.fields.FIELDS` says what each field is.

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
    def from_props(
        props: Mapping[str, object],
        *,
        cadence: Cadence | None = None,
        when_running: WhenRunning | None = None,
    ) -> ScheduleSpec:
        """What checked properties declare; all are known.

        Args:
            props: the properties.
            cadence: what they say of it, where it was made of them already.
            when_running: instead of what they say of runs in progress.

        Raises:
            InputError: they make no cadence.
        """
        if cadence is None:
            cadence, problems = check_cadence(props, now=None)
            if cadence is None:
                raise problems[0]
        policy = policy_of(props, when_running)
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
            when_running=policy.when_running,
            wait_timeout=policy.wait_timeout,
            project=_text(props, "project"),
            retain=props.get("retain") is True,
        )

    def to_props(self) -> dict[str, object]:
        """The properties that declare this, in the order of the docs; without defaults."""
        said: dict[str, object] = {
            **cadence_props(self.cadence),
            "stack": self.stack,
            "snapshot": self.snapshot,
            "name": self.name,
            "paused": self.paused,
            "orchestrator_settings": dict(self.orchestrator_settings),
            "adopt": self.adopt,
            "project": self.project,
            "owner": self.owner.label,
            "owner_key": self.owner.key,
            "retain": self.retain,
        }
        if self.pipeline:
            said |= {
                "pipeline": self.pipeline.reference,
                "source_root": self.pipeline.root,
                "python": self.pipeline.python,
            }
        if self.policy != DEFAULT_POLICY:
            said |= {"when_running": self.when_running, "wait_timeout": self.wait_timeout}
        if self.cadence.timezone == "UTC":
            del said["timezone"]
        return {key: said[key] for key in FIELDS if said.get(key)}

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
    for key in CADENCE:
        value = getattr(cadence, key)
        if isinstance(value, timedelta):
            value = int(value.total_seconds())
        props[key] = value.isoformat() if isinstance(value, datetime) else value
    return props


def owner_of(props: Mapping[str, object]) -> Owner:
    """Whose the resource with these properties is; nobody where they do not say."""
    label = _text(props, "owner")
    return Owner(_text(props, "owner_key"), label) if label else NOBODY


def policy_of(props: Mapping[str, object], when_running: WhenRunning | None = None) -> Policy:
    """What a resource says of runs in progress, from its inputs or its outputs.

    Args:
        props: the resource's properties.
        when_running: instead of what they say.
    """
    given = when_running or props.get("when_running")
    said: WhenRunning = next((it for it in WHEN_RUNNING if it == given), "refuse")
    timeout = props.get("wait_timeout")
    return Policy(said, float(cast(float, timeout)) if timeout is not None else 3600.0)


def settings_of(props: Mapping[str, object]) -> Mapping[str, Json]:
    """The orchestrator's own switches."""
    return cast(Mapping[str, Json], props.get("orchestrator_settings") or {})


def _text(props: Mapping[str, object], key: str) -> str:
    value = props.get(key)
    return value if isinstance(value, str) else ""
