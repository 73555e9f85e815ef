"""A native schedule: what is wanted of it, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.json_types import Json


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
"""The one vocabulary that every flavor's run states are mapped to."""


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
