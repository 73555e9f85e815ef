"""Pause, resume and trigger, by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pulumi_zenml.errors import (
    InputError,
    NotFoundError,
    RefusedError,
    RunInProgressError,
    SubmissionError,
)
from pulumi_zenml.operations import find_schedule, pause, resume, resume_due, trigger
from pulumi_zenml.operations.pair_findings import PAUSED_UNTIL
from unit.memory.orchestrator import MemoryOrchestrator
from unit.memory.seed import HOUR, NOW, Made, copied, look, managed, run, unmanaged
from unit.memory.world import World


def state(world: World, made: Made) -> tuple[bool, bool]:
    """Whether each side is paused: ZenML's, the orchestrator's."""
    return not world.records[made.record].active, world.natives[made.native].paused


def paused(made: Made, until: timedelta | None = None) -> list[str]:
    inventory = look()
    entry = find_schedule(inventory, made.name)
    return pause(inventory, entry, until=NOW + until if until else None)


def test_both_sides_are_paused_and_resumed(world: World) -> None:
    made = unmanaged(world)
    assert paused(made) == []
    assert state(world, made) == (True, True)
    inventory = look()
    assert resume(inventory, find_schedule(inventory, made.native)) == []
    assert state(world, made) == (False, False)


def test_whose_program_will_undo_it_is_said(world: World) -> None:
    (note,) = paused(managed(world))
    assert "acme/shop/dev/daily-training-dev" in note and "pulumi up --refresh" in note


def test_a_pause_until_an_instant_is_ended_when_it_is_due(world: World) -> None:
    made, other = unmanaged(world), unmanaged(world, "daily-other-prod")
    (note,) = paused(made, HOUR)
    paused(other)
    assert "resume --due" in note
    assert world.records[made.record].metadata[PAUSED_UNTIL] == (NOW + HOUR).isoformat()
    assert resume_due(look()) == []
    due = look(now=NOW + HOUR)
    assert [(it.entry.name, it.problem) for it in resume_due(due)] == [(made.name, "")]
    assert (state(world, made), state(world, other)) == ((False, False), (True, True))
    assert world.records[made.record].metadata[PAUSED_UNTIL] == ""
    assert resume_due(look(now=NOW + 2 * HOUR)) == []


def test_what_cannot_be_reached_is_not_resumed_and_stays_due(world: World) -> None:
    made = unmanaged(world)
    paused(made, HOUR)
    world.down = {"one": "refused"}
    (down,) = resume_due(look(now=NOW + HOUR))
    assert "cannot be read" in down.problem
    world.down = {}
    assert len(resume_due(look(now=NOW + HOUR))) == 1


def test_one_that_fails_does_not_keep_the_others_paused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = unmanaged(world, "daily-a-prod"), unmanaged(world, "daily-b-prod")
    paused(first, HOUR)
    paused(second, HOUR)
    change = MemoryOrchestrator.set_paused

    def failing(self: MemoryOrchestrator, native_id: str, *rest: Any, **options: Any) -> None:
        if native_id == first.native:
            raise KeyError("a fault of its own")
        change(self, native_id, *rest, **options)

    monkeypatch.setattr(MemoryOrchestrator, "set_paused", failing)
    due = resume_due(look(now=NOW + HOUR))
    assert {it.entry.name: bool(it.problem) for it in due} == {first.name: True, second.name: False}
    assert state(world, second) == (False, False)
    assert world.records[first.record].metadata[PAUSED_UNTIL]


def test_the_end_of_a_pause_is_stored_before_anything_is_paused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = unmanaged(world)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MemoryOrchestrator, "set_paused", killed)
    with pytest.raises(KeyboardInterrupt):
        paused(made, HOUR)
    assert world.records[made.record].metadata[PAUSED_UNTIL] == (NOW + HOUR).isoformat()


def test_a_refused_pause_leaves_no_end(world: World) -> None:
    made = unmanaged(world)
    run(world, made, NOW - HOUR, "running")
    with pytest.raises(RunInProgressError):
        paused(made, HOUR)
    assert not world.records[made.record].metadata.get(PAUSED_UNTIL)


def test_every_copy_is_paused(world: World) -> None:
    made = unmanaged(world)
    copied(world, made, "again")
    paused(made)
    assert {it.paused for it in world.natives.values()} == {True}


def test_half_a_pair_is_paused_too(world: World) -> None:
    made = unmanaged(world)
    del world.records[made.record]
    inventory = look()
    entry = find_schedule(inventory, made.native)
    pause(inventory, entry)
    assert world.natives[made.native].paused
    with pytest.raises(InputError, match="no record in ZenML to store it"):
        pause(inventory, entry, until=NOW + HOUR)


def test_a_run_in_progress_is_not_cut_off(world: World) -> None:
    made = unmanaged(world)
    row = run(world, made, NOW - HOUR, "running")
    with pytest.raises(RunInProgressError, match=row.name):
        paused(made)
    assert state(world, made) == (False, False)
    inventory = look()
    pause(inventory, find_schedule(inventory, made.name), when_running="ignore")
    assert state(world, made) == (True, True)


def test_an_orchestrator_that_is_down_is_an_error(world: World) -> None:
    made = unmanaged(world)
    world.down = {"one": "refused"}
    with pytest.raises(RefusedError, match="cannot be read"):
        paused(made)
    assert state(world, made) == (False, False)


def test_a_pause_that_did_nothing_is_an_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = unmanaged(world)
    monkeypatch.setattr(MemoryOrchestrator, "set_paused", lambda *_: None)
    with pytest.raises(SubmissionError, match="not paused when it is read"):
        paused(made)
    assert world.records[made.record].active


def test_trigger_starts_one_run(world: World) -> None:
    made = unmanaged(world)
    inventory = look()
    id = trigger(inventory, find_schedule(inventory, made.name))
    assert [it.run_id for it in world.natives[made.native].runs] == [id]


def test_trigger_is_refused_where_zenml_would_refuse_the_run(world: World) -> None:
    made = managed(world, paused=True)
    lost = unmanaged(world, "daily-lost-prod", submitted=False)
    orphan = unmanaged(world, "daily-orphan-prod")
    del world.records[orphan.record]
    inventory = look()
    for name, why in (
        (made.name, "is paused"),
        (lost.name, "no counterpart"),
        (orphan.native, "no record"),
    ):
        with pytest.raises(RefusedError, match=why):
            trigger(inventory, find_schedule(inventory, name))
    assert not [it for it in world.natives.values() if it.runs]


def test_a_name_that_is_not_there_is_near_another(world: World) -> None:
    unmanaged(world)
    with pytest.raises(NotFoundError, match="Near it: daily-report-prod"):
        find_schedule(look(), "daily-report-prd")
