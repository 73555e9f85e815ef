"""An orchestrator that was deleted from ZenML keeps no stack for ever; what is left is named."""

from __future__ import annotations

import pytest

from pulumi_zenml.errors import InputError, RefusedError
from pulumi_zenml.lifecycle.pairs import Pairs
from unit.memory.engine import Program, Stack
from unit.memory.world import World
from unit.memory.zenml import MemoryZenml

ONE: Program = {"nightly": {"name": "nightly", "cron": "0 3 * * *"}}
MOVED: Program = {"nightly": {**ONE["nightly"], "stack": "two"}}


def prepared(world: World) -> tuple[Stack, str]:
    """A stack whose orchestrator was deleted, and what its counterpart is called."""
    stack = Stack(world)
    stack.up(ONE)
    (native,) = world.natives
    world.delete_stack("one")
    return stack, native


def left_and_said(world: World, native: str) -> None:
    """The counterpart is there, nothing else, and the user knows of it."""
    (said,) = [it for it in world.warnings if native in it]
    assert "may still fire" in said
    assert native in world.natives


def test_destroy_ends(world: World) -> None:
    stack, native = prepared(world)
    stack.destroy()
    assert (world.records, stack.resources, stack.key) == ({}, {}, "")
    assert not [it for it in world.snapshots.values() if it.copied_from]
    left_and_said(world, native)
    assert "(native schedule in orchestrator 'one')" in world.warnings[-1]


def test_a_resource_that_is_dropped_goes(world: World) -> None:
    stack, native = prepared(world)
    stack.up({"other": {"name": "other", "cron": "5 5 * * *", "stack": "two"}})
    assert [it.name for it in world.records.values()] == ["other"]
    left_and_said(world, native)


@pytest.mark.parametrize("refreshed", [False, True])
def test_a_replace_onto_another_stack_ends(world: World, refreshed: bool) -> None:
    stack, native = prepared(world)
    if refreshed:
        stack.refresh()
        assert stack.resources["nightly"].outputs["state"] == "record without counterpart"
    assert stack.up(MOVED) == {"nightly": "replace"}
    (record,) = world.records.values()
    assert (record.name, record.orchestrator_id) == ("nightly", "orchestrator-two")
    assert stack.up(MOVED, preview=True) == {}
    left_and_said(world, native)


def test_a_program_that_still_names_it_is_told(world: World) -> None:
    stack, native = prepared(world)
    with pytest.raises(InputError, match="stack: there is no stack 'one'"):
        stack.up({"nightly": {**ONE["nightly"], "cron": "0 5 * * *"}})
    assert native in world.natives and world.records


def test_a_record_that_was_deleted_too(world: World) -> None:
    stack, native = prepared(world)
    world.records.clear()
    stack.destroy()
    assert stack.resources == {}
    left_and_said(world, native)


def test_what_nobody_owns_is_an_error(world: World) -> None:
    _, native = prepared(world)
    with pytest.raises(RefusedError, match="may still fire"):
        Pairs(MemoryZenml(world)).delete("", native_id=native, orchestrator_id="orchestrator-one")
