"""A change says why on the resource, without a list of all properties."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pulumi_zenml.errors import NotFoundError
from pulumi_zenml.schedule.provider import ScheduleProvider
from unit.memory.engine import Props, Stack
from unit.memory.fixtures import memory_flavor as memory_flavor
from unit.memory.fixtures import world as world
from unit.memory.world import World
from unit.memory.zenml import MemoryHost

PROGRAM: dict[str, Props] = {"nightly": {"cron": "0 3 * * *"}}
NATIVE = "the native schedule in orchestrator 'one'"


@pytest.fixture
def stack(world: World) -> Stack:
    made = Stack(world)
    made.up(PROGRAM)
    world.warnings.clear()
    return made


def said(stack: Stack, program: dict[str, Props] = PROGRAM) -> tuple[dict[str, str], list[str]]:
    """What a preview plans, and what it says."""
    stack.world.warnings.clear()
    return stack.up(program, preview=True), stack.world.warnings


def test_nothing_is_said_where_nothing_changes(stack: Stack) -> None:
    stack.refresh()
    assert stack.world.warnings == []
    assert said(stack) == ({}, [])


def test_a_replace_says_from_what_to_what(stack: Stack) -> None:
    planned, lines = said(stack, {"nightly": {"cron": "0 4 * * *", "name": "daily-nightly-dev-v1"}})
    assert planned == {"nightly": "replace"}
    assert lines == ["replace: cron is '0 3 * * *', to be '0 4 * * *'."]


@pytest.mark.parametrize(
    ("gone", "reason"),
    [
        ("natives", f"{NATIVE} is gone, and ZenML's record of it is there"),
        ("records", f"ZenML's record is gone, and {NATIVE} is there"),
    ],
)
def test_a_missing_half_is_named(stack: Stack, gone: str, reason: str) -> None:
    getattr(stack.world, gone).clear()
    stack.refresh()
    (found,) = stack.world.warnings
    assert found.startswith(f"not as it was: {reason}")
    planned, lines = said(stack)
    assert planned == {"nightly": "replace"}
    assert lines == [f"replace: {reason}."]


def test_the_side_that_drifted_is_named(stack: Stack) -> None:
    ((id, native),) = stack.world.natives.items()
    stack.world.natives[id] = replace(native, cron="0 5 * * *", paused=True)
    stack.refresh()
    (found,) = stack.world.warnings
    assert found.startswith(f"not as it was: {NATIVE} is paused; {NATIVE} fires at '0 5 * * *")
    planned, (line,) = said(stack)
    assert planned == {"nightly": "replace"}
    assert "cron is '0 5 * * *', to be '0 3 * * *'" in line


def test_a_snapshot_that_moved_is_named(stack: Stack) -> None:
    before = stack.world.snapshot("v1")
    moved = replace(before, id=stack.world.new_id("snapshot"))
    before.name = ""
    stack.world.snapshots[moved.id] = moved
    stack.refresh()
    reason = f"'training:v1' means another snapshot than the one that runs, {before.id}"
    assert stack.world.warnings == [f"not as it was: {reason}."]
    assert said(stack) == ({"nightly": "replace"}, [f"replace: {reason}."])


def test_a_look_at_a_schedule_that_is_not_there_is_an_error(world: World) -> None:
    provider = ScheduleProvider()
    provider.host = MemoryHost(world)
    with pytest.raises(NotFoundError, match="there is no schedule with the id 'nowhere'"):
        provider.read("nowhere", {})
