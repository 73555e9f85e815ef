"""Pairs made and looked at in a process with ZenML in it; see `testbed.snapshots.ZenmlClient`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.identity import NOBODY, Owner
from pulumi_zenml.json_types import Json
from pulumi_zenml.lifecycle.pair import Pair
from pulumi_zenml.lifecycle.pairs import Pairs
from pulumi_zenml.lifecycle.running import Policy
from pulumi_zenml.lifecycle.session import Session
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.zenml.connection import Connection
from testbed.snapshots import ZenmlClient
from testbed.zenml_store import Components, register_stack


@dataclass(frozen=True)
class Made:
    """A pair.

    Attributes:
        stack: Its stack's name.
        record: The record's id.
        orchestrator: The orchestrator's id.
        counterpart: The native schedule.
    """

    stack: str
    record: str
    orchestrator: str
    counterpart: Counterpart


class Worker:
    """The core at work in a ZenML client's process.

    Args:
        client: whose process.
        overrides: Pulumi configuration for the orchestrator of each stack.
    """

    def __init__(self, client: ZenmlClient, overrides: Mapping[str, Json]) -> None:
        self.client = client
        self.overrides = dict(overrides)

    def register(self, name: str, components: Components) -> None:
        """Register a stack of these components."""
        self.client.call(register_stack, name, components)

    def create(
        self,
        stack: str,
        name: str,
        cadence: Cadence,
        *,
        snapshot: str,
        paused: bool = False,
        settings: Mapping[str, Json] | None = None,
    ) -> Made:
        """Make a pair."""
        spec = ScheduleSpec(
            owner=Owner("", f"tests/dev/{name}"),
            name=name,
            stack=stack,
            cadence=cadence,
            snapshot=snapshot,
            paused=paused,
            orchestrator_settings=settings or {},
        )
        return self.client.call(create, spec, self.overrides)

    def read(self, made: Made) -> Made | None:
        """The pair as a refresh sees it."""
        return self.client.call(read, made, self.overrides)

    def delete(self, made: Made) -> None:
        """Delete the pair, whether or not it runs."""
        self.client.call(delete, made, self.overrides)


def create(spec: ScheduleSpec, overrides: Mapping[str, Json]) -> Made:
    """Make a pair."""
    pair = _pairs(spec.stack, overrides).create(spec)
    return _made(pair, spec.stack)


def read(made: Made, overrides: Mapping[str, Json]) -> Made | None:
    """The pair as a refresh sees it."""
    found = _pairs(made.stack, overrides).read(
        made.record,
        owner=NOBODY,
        native_id=made.counterpart.native_id,
        orchestrator_id=made.orchestrator,
    )
    return _made(found, made.stack) if found else None


def delete(made: Made, overrides: Mapping[str, Json]) -> None:
    """Delete the pair."""
    _pairs(made.stack, overrides).delete(
        made.record,
        native_id=made.counterpart.native_id,
        orchestrator_id=made.orchestrator,
        policy=Policy("ignore"),
    )


def _pairs(stack: str, overrides: Mapping[str, Json]) -> Pairs:
    return Pairs(Session(Connection(orchestrators={stack: overrides})))


def _made(pair: Pair, stack: str) -> Made:
    assert pair.record and pair.counterpart and pair.orchestrator
    component = str(pair.orchestrator.target.component.id)
    return Made(stack, pair.record.id, component, pair.counterpart)
