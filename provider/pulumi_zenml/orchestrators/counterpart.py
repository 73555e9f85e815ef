"""A native schedule: what is wanted of it, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.json_types import Json
from pulumi_zenml.zenml.masking import without_login


@dataclass(frozen=True)
class Wanted:
    """What a resource wants of the orchestrator's side of its pair.

    Args:
        name: the schedule's name in ZenML.
        owner: the mark of the resource that owns it, or empty for an unmanaged pair.
        cadence: when it fires.
        paused: whether it is paused.
        settings: ``orchestrator_settings``, checked.
        pipeline: the ZenML pipeline's name; empty when not yet known.
    """

    name: str
    owner: str
    cadence: Cadence
    paused: bool = False
    settings: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    pipeline: str = ""


@dataclass(frozen=True)
class Counterpart:
    """A native schedule as the orchestrator has it now.

    Args:
        native_id: identifies it in the orchestrator, in the orchestrator's own terms.
        native: its cadence in the orchestrator's own fields.
        cadence: what those fields mean; ``None`` when the neutral cadence cannot express it.
        paused: whether it is paused.
        snapshot_id: the ZenML snapshot it runs; ``None`` when its spec cannot be read.
        owner: the ownership marker found on it; ``None`` without one.
        settings: the values of ``orchestrator_settings`` found on it.
        url: its page in the orchestrator's UI; empty when there is none.
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

    def __post_init__(self) -> None:
        """A page's address is in Pulumi's state and in reports: the login of a URL is not."""
        object.__setattr__(self, "url", without_login(self.url))


RunState = Literal["queued", "running", "succeeded", "failed", "cancelled", "skipped", "unknown"]
"""The one vocabulary that every flavor's run states are mapped to."""


@dataclass(frozen=True)
class NativeRun:
    """One run in the orchestrator.

    Args:
        run_id: the orchestrator's id of the run (ZenML's ``orchestrator_run_id`` where they match).
        state: in the vocabulary that all flavors share.
        native_state: the orchestrator's own term.
        scheduled_for: its fire time, aware; ``None`` when not known.
        started, ended: aware; ``None`` when not (yet) known.
        by_schedule: whether the schedule started it; ``None`` when it is not known.
        url: its page in the orchestrator's UI.
    """

    run_id: str
    state: RunState
    native_state: str
    scheduled_for: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    by_schedule: bool | None = None
    url: str = ""

    def __post_init__(self) -> None:
        """As for a counterpart."""
        object.__setattr__(self, "url", without_login(self.url))
