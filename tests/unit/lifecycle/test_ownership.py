"""Whose a pair is: nobody else's is touched, and nothing of one's own is forgotten."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import pytest

from pulumi_zenml.errors import (
    InputError,
    RefusedError,
    RunInProgressError,
    ServiceError,
    UnreachableError,
)
from pulumi_zenml.zenml.records import Marker, Record
from unit.memory.engine import Program, Stack
from unit.memory.records import MemoryRecords
from unit.memory.world import NativeSchedule, World

ONE: Program = {"nightly": {"name": "nightly", "cron": "0 3 * * *"}}


def program(**changes: object) -> Program:
    return {"nightly": {**ONE["nightly"], **changes}}


def only(world: World) -> tuple[str, NativeSchedule]:
    """The id of the one record, and the one native schedule."""
    (record,) = world.records
    (native,) = world.natives.values()
    return record, native


def test_equal_names_in_two_backends_do_not_meet(world: World) -> None:
    first, second = Stack(world), Stack(world)
    first.up(ONE)
    before = only(world)
    with pytest.raises(InputError, match="another Pulumi backend") as raised:
        second.up(program(cron="0 5 * * *"))
    assert 'adopt="org/shop/dev/nightly"' in str(raised.value)
    assert only(world) == before
    second.destroy()
    assert only(world) == before


def test_what_another_stack_adopted_is_left_alone(world: World) -> None:
    first, second = Stack(world), Stack(world, name="org/other/dev")
    first.up(ONE)
    second.up(program(adopt="org/shop/dev/nightly"))
    taken = only(world)
    first.up({})
    assert only(world) == taken
    assert "belongs to 'org/other/dev/nightly'" in world.warnings[-1]
    assert second.up(program(adopt="org/shop/dev/nightly"), preview=True) == {}


def test_a_refresh_of_what_another_stack_adopted_takes_it_out_of_the_state(world: World) -> None:
    first, second = Stack(world), Stack(world, name="org/other/dev")
    first.up(ONE)
    second.up(program(adopt="org/shop/dev/nightly"))
    first.refresh()
    assert first.resources == {}


def test_a_copied_counterpart_is_shown_and_removed(world: World) -> None:
    stack = Stack(world)
    stack.up(ONE)
    _, native = only(world)
    world.natives["copy"] = replace(native, id="copy")
    stack.refresh()
    assert stack.resources["nightly"].outputs["state"] == "more than one pair"
    assert stack.up(ONE) == {"nightly": "update"}
    assert only(world)[1].id == native.id


def test_a_copied_counterpart_goes_with_the_stack(world: World) -> None:
    stack = Stack(world)
    stack.up(ONE)
    world.natives["copy"] = replace(only(world)[1], id="copy")
    stack.destroy()
    assert not world.natives and not world.records


def test_a_row_deleted_by_hand_leaves_no_snapshot(world: World) -> None:
    stack = Stack(world)
    stack.up(ONE)
    world.records.clear()
    stack.destroy()
    assert not world.natives
    assert not [it for it in world.snapshots.values() if it.copied_from]


def test_a_renamed_resource_keeps_its_pair(world: World) -> None:
    stack = Stack(world)
    stack.up(ONE)
    before, _ = only(world)
    # What the engine does with an alias: the resource in the state gets the new name.
    stack.resources["renamed"] = stack.resources.pop("nightly")
    assert stack.up({"renamed": ONE["nightly"]}) == {"renamed": "update"}
    record, native = only(world)
    assert (record, native.owner.partition("#")[0]) == (before, "org/shop/dev/renamed")
    assert stack.up({"renamed": ONE["nightly"]}, preview=True) == {}


def test_a_resource_renamed_and_changed_at_once_is_replaced(world: World) -> None:
    stack = Stack(world)
    stack.up(ONE)
    stack.resources["renamed"] = stack.resources.pop("nightly")
    assert stack.up({"renamed": program(cron="0 5 * * *")["nightly"]}) == {"renamed": "replace"}
    record, native = only(world)
    assert (world.records[record].name, native.cron) == ("nightly", "0 5 * * *")


def test_what_is_retained_stays_when_it_is_replaced(world: World) -> None:
    stack = Stack(world)
    stack.up(program(retain=True))
    old, _ = only(world)
    stack.up(program(retain=True, cron="0 5 * * *"))
    kept = world.records[old]
    assert (kept.name, kept.owner) == (f"nightly-retained-{old[:8]}", None)
    assert {it.cron: it.paused for it in world.natives.values()} == {
        "0 3 * * *": True,
        "0 5 * * *": False,
    }
    assert "retain_on_delete" in world.warnings[-1]
    assert stack.up(program(retain=True, cron="0 5 * * *"), preview=True) == {}


def test_a_run_that_starts_during_a_replace_keeps_its_token(world: World) -> None:
    stack = Stack(world)
    stack.up(ONE)
    old, native = only(world)
    submit = "submit"

    class Starting(dict[str, list[str]]):
        """A run of the old pair begins once the new one is submitted."""

        def get(self, key: str, default: object = None) -> list[str]:
            return ["run-1"] if key == old and world.calls.count(submit) > 1 else []

    world.running = Starting()
    with pytest.raises(RunInProgressError, match="run-1"):
        stack.up(program(cron="0 5 * * *"))
    assert old in world.records and world.records[old].active
    assert world.natives[native.id].paused
    world.running = {}
    stack.up(program(cron="0 5 * * *"))
    assert only(world)[1].cron == "0 5 * * *"


def test_a_run_in_progress_refuses_a_replace_before_anything_is_changed(world: World) -> None:
    stack = Stack(world)
    stack.up(ONE)
    old, _ = only(world)
    before = len(world.calls)
    world.running = {old: ["run-1"]}
    with pytest.raises(RunInProgressError):
        stack.up(program(cron="0 5 * * *"))
    assert len(world.calls) == before


def test_waiting_first_keeps_the_old_pair_from_firing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(world)
    stack.up(ONE)
    old, native = only(world)
    world.running = {old: ["run-1"]}
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(native.paused)
        world.running = {}

    monkeypatch.setattr("pulumi_zenml.lifecycle.running.time.sleep", sleep)
    stack.up(program(cron="0 5 * * *", when_running="wait"))
    assert slept == [True]
    assert only(world)[1].cron == "0 5 * * *"


def test_an_orchestrator_that_is_down_is_asked_once(world: World) -> None:
    stack = Stack(world)
    many: Program = {
        f"s{n}": {"name": f"s{n}", "cron": "0 3 * * *", "stack": "two"} for n in range(5)
    }
    stack.up({name: {**it, "stack": "one"} for name, it in many.items()})
    world.down = {"one": "refused"}
    asked = world.calls.count("no answer")
    failed = 0
    # The engine goes on with the other resources of a stack when one fails.
    for name in many:
        try:
            stack.up({name: many[name], **{it: many[it] for it in many if it != name}})
        except UnreachableError:
            failed += 1
            break
    assert failed == 1
    assert world.calls.count("no answer") == asked + 1


def test_a_replace_that_is_asked_for_makes_another_pair(world: World) -> None:
    stack = Stack(world)
    stack.up(ONE)
    old, _ = only(world)
    # `--replace`: the engine asks for no diff, creates, and deletes what the state has.
    stack.replaced.append(stack.resources.pop("nightly"))
    stack.up(ONE)
    new, native = only(world)
    assert new != old
    assert (world.records[new].name, native.cron, native.paused) == ("nightly", "0 3 * * *", False)


def test_a_name_that_somebody_takes_meanwhile_is_an_error(world: World) -> None:
    stack = Stack(world)
    stack.up(ONE)
    mine, _ = only(world)
    rename = MemoryRecords.rename

    def taken(self: MemoryRecords, record: Record, name: str) -> Record:
        if name == "nightly":
            other = replace(record, id="other", name="nightly", marker=Marker())
            world.records["other"] = other
        return rename(self, record, name)

    with mock.patch.object(MemoryRecords, "rename", taken), pytest.raises(RefusedError):
        stack.up(program(paused=True))
    assert world.records[mine].unfinished is not None
    assert stack.resources["nightly"].inputs["paused"] is False


def waiting(world: World, monkeypatch: pytest.MonkeyPatch, *, ends: bool) -> None:
    """Have a run in progress, which ends while it is waited for, or never does."""
    (record,) = world.records
    world.running = {record: ["run-1"]}

    def sleep(seconds: float) -> None:
        if ends:
            world.running = {}

    monkeypatch.setattr("pulumi_zenml.lifecycle.running.time.sleep", sleep)


def test_what_was_paused_to_wait_fires_again_when_the_replace_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(world)
    stack.up(ONE)
    old, native = only(world)
    waiting(world, monkeypatch, ends=True)
    # The pause, then the record of the new pair.
    world.fault = (len(world.calls) + 2, "refuse")
    with pytest.raises(ServiceError, match="was refused"):
        stack.up(program(cron="0 5 * * *", when_running="wait"))
    assert only(world) == (old, native)
    assert not native.paused


@pytest.mark.parametrize("wanted", [{}, program(cron="0 5 * * *", wait_timeout=0)])
def test_what_was_paused_to_wait_fires_again_when_the_run_does_not_end(
    world: World, monkeypatch: pytest.MonkeyPatch, wanted: Program
) -> None:
    stack = Stack(world)
    stack.up(program(when_running="wait", wait_timeout=0))
    old, native = only(world)
    waiting(world, monkeypatch, ends=False)
    given = {name: {**it, "when_running": "wait"} for name, it in wanted.items()}
    with pytest.raises(RunInProgressError, match="after waiting"):
        stack.up(given)
    assert only(world) == (old, native)
    assert not native.paused
