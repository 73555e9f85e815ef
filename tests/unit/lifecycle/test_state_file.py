"""State that an earlier version of the code wrote is read by this one, ZenML and AWS in memory.

`tests/engine/test_state_file.py` reads the same file through the real engine.
"""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pulumi_zenml.cadence.model import Native
from pulumi_zenml.lifecycle.fields import OUTPUTS
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.orchestrators.base import Target
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun
from pulumi_zenml.orchestrators.sagemaker import SagemakerOrchestrator
from pulumi_zenml.schedule.provider import OwnerProvider, ScheduleProvider
from pulumi_zenml.zenml.records import Marker, Record
from unit.memory.world import Snapshot, World
from unit.memory.zenml import MemoryHost, MemoryZenml

STATE = Path(__file__).resolve().parents[2] / "engine" / "state" / "deployment.json"
RESOURCES: list[dict[str, Any]] = json.loads(STATE.read_text())["deployment"]["resources"]
SCHEDULES = {
    str(it["urn"]).rpartition("::")[2]: it
    for it in RESOURCES
    if it["type"] == "pulumi-python:dynamic/zenml:Schedule"
}
(OWNER,) = (it for it in RESOURCES if it["type"] == "pulumi-python:dynamic/zenml:Owner")
KINDS = {"nightly", "summer", "often", "launch", "spread"}


class _InMemory(SagemakerOrchestrator):
    """Its schedules are what the state says."""

    def __init__(self, component: object, natives: dict[str, Counterpart]) -> None:
        super().__init__(Target(cast(Any, component)))
        self.natives = natives

    def read(self, native_id: str) -> Counterpart | None:
        return self.natives.get(native_id)

    def list_all(self) -> Iterator[Counterpart]:
        yield from self.natives.values()

    def locate(self, snapshot_id: str, hints: object) -> Counterpart | None:
        return next((it for it in self.natives.values() if it.snapshot_id == snapshot_id), None)

    def set_paused(self, native_id: str, paused: bool) -> None:
        pass

    def delete(self, native_id: str) -> None:
        del self.natives[native_id]

    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        return []


def outputs_of(name: str) -> dict[str, Any]:
    outputs: dict[str, Any] = SCHEDULES[name]["outputs"]
    return outputs


@pytest.fixture
def world(world: World) -> World:
    """ZenML as it was when the state was written."""
    world.snapshots.clear()
    for outputs in map(outputs_of, SCHEDULES):
        spec = ScheduleSpec.from_props(outputs)
        pipeline, _, name = spec.snapshot.partition(":")
        source, copy = outputs["source_snapshot_id"], outputs["submitted_snapshot_id"]
        world.snapshots[source] = Snapshot(source, name, pipeline)
        world.snapshots[copy] = Snapshot(copy, "", pipeline, source, outputs["record_id"])
        world.records[outputs["record_id"]] = Record(
            id=outputs["record_id"],
            name=spec.name,
            active=not spec.paused,
            archived=False,
            cadence=spec.cadence,
            cron=spec.cadence.cron,
            pipeline_id="p",
            orchestrator_id=outputs["orchestrator_id"],
            marker=Marker(owner=spec.owner.text, snapshot=copy, native_id=outputs["native_id"]),
        )
    return world


@pytest.fixture
def orchestrator() -> _InMemory:
    """The orchestrator as it was when the state was written."""
    outputs = outputs_of("nightly")
    component = SimpleNamespace(
        id=outputs["orchestrator_id"], name=outputs["orchestrator"], configuration={}
    )
    made = _InMemory(component, {})
    for it in map(outputs_of, SCHEDULES):
        spec = ScheduleSpec.from_props(it)
        made.natives[it["native_id"]] = Counterpart(
            native_id=it["native_id"],
            native=Native(it["native_cadence"], made.spell(spec.cadence).fields),
            cadence=spec.cadence,
            paused=spec.paused,
            snapshot_id=it["submitted_snapshot_id"],
            settings=spec.orchestrator_settings,
            url=it["native_url"],
        )
    return made


@pytest.fixture
def provider(
    world: World, orchestrator: _InMemory, monkeypatch: pytest.MonkeyPatch
) -> ScheduleProvider:
    """The provider as the engine makes it of the state, in a process of its own."""
    loaded = pickle.loads(base64.b64decode(outputs_of("nightly")["__provider"]))
    assert type(loaded) is ScheduleProvider
    monkeypatch.setattr(MemoryZenml, "orchestrator_by_id", lambda self, id: orchestrator)
    loaded.host = MemoryHost(world)
    return loaded


def test_the_file_has_each_kind_and_no_secret() -> None:
    assert set(SCHEDULES) == KINDS
    assert "ciphertext" not in STATE.read_text()
    loaded = pickle.loads(base64.b64decode(OWNER["outputs"]["__provider"]))
    assert type(loaded) is OwnerProvider


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_same_inputs_are_no_change(provider: ScheduleProvider, name: str) -> None:
    state = SCHEDULES[name]
    checked = provider.check(state["inputs"], state["inputs"])
    assert checked.failures == []
    assert checked.inputs == {key: it for key, it in state["inputs"].items() if key[0] != "_"}
    assert not provider.diff(state["id"], state["outputs"], checked.inputs).changes


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_refresh_says_what_the_state_says(provider: ScheduleProvider, name: str) -> None:
    state = SCHEDULES[name]
    found = provider.read(state["id"], state["outputs"])
    assert found.id == state["id"]
    assert found.outs == {key: it for key, it in state["outputs"].items() if key[0] != "_"}
    assert found.inputs == {key: it for key, it in found.outs.items() if key not in OUTPUTS}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_orchestrator_is_still_told_the_same(orchestrator: _InMemory, name: str) -> None:
    outputs = outputs_of(name)
    spelled = orchestrator.spell(ScheduleSpec.from_props(outputs).cadence)
    assert spelled.text == outputs["native_cadence"]


def test_an_update_and_a_destroy_find_everything(
    provider: ScheduleProvider, world: World, orchestrator: _InMemory
) -> None:
    outputs = outputs_of("summer")
    news = {**SCHEDULES["summer"]["inputs"], "when_running": "ignore"}
    changed = provider.update(outputs["record_id"], outputs, news)
    assert changed.outs is not None and changed.outs["when_running"] == "ignore"
    for it in SCHEDULES.values():
        provider.delete(it["id"], it["outputs"])
    assert (world.records, orchestrator.natives) == ({}, {})
    assert not [it for it in world.snapshots.values() if it.copied_from]
