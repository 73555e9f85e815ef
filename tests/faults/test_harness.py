"""The harness sees what is wrong: leaks are planted, and nothing is planted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from faults import verdict
from faults.matrix import Case, Outcome, table
from faults.operations import Wanted, program
from faults.scenarios import delete_record, natives
from faults.world import World

pytestmark = [pytest.mark.engine, pytest.mark.kubernetes, pytest.mark.server]


@pytest.fixture
def wanted(world: World) -> Wanted:
    """One pair, made by a run in which nothing went wrong."""
    kept = world.kept.get("sound")
    if kept is None:
        world.empty()
        world.project.write(program(world, Wanted(cron=world.side.cron)).text)
        world.command(world.project, "up", ok=True)
        world.kept["sound"] = world.save("sound")
    else:
        world.restore(kept)
    return Wanted(cron=world.side.cron)


def found(world: World, wanted: Wanted | None) -> str:
    return "\n".join(verdict.problems(world, world.look(), wanted))


def write(world: World, statement: str) -> None:
    """Change ZenML's tables past ZenML."""
    with closing(sqlite3.connect(world.server.database)) as database, database:
        database.execute(statement)


def test_a_sound_pair_is_whole_and_an_empty_world_too(world: World, wanted: Wanted) -> None:
    assert not found(world, wanted)
    world.empty()
    assert not found(world, None)


@pytest.mark.parametrize(
    "other",
    [
        {"name": "weekly"},
        {"stack": "two"},
        {"snapshot": "v2"},
        {"cron": "0 5 * * 1-5"},
        {"paused": True},
        {"settings": {"successful_jobs_history_limit": 2}},
    ],
    ids=lambda it: next(iter(it)),
)
def test_a_pair_that_is_not_as_the_program_says(
    world: World, wanted: Wanted, other: dict[str, object]
) -> None:
    assert "instead of" in found(world, replace(wanted, **other))  # type: ignore[arg-type]


def test_what_is_left_is_seen(world: World, wanted: Wanted) -> None:
    left = found(world, None)
    assert "record 'nightly' is left" in left
    assert f"{natives(world)[0].id} (0 3 * * 1-5 Europe/Berlin) is left" in left
    assert "1 unnamed snapshots are left" in left


def test_a_copy_of_the_counterpart_is_seen(world: World, wanted: Wanted) -> None:
    world.side.copy(natives(world)[0].id)  # type: ignore[attr-defined]
    assert "2 natives" in found(world, wanted)


def test_a_record_that_is_only_archived_is_seen(world: World, wanted: Wanted) -> None:
    world.side.remove(natives(world)[0].id)
    delete_record(world, soft=True)
    assert "(archived) is left" in found(world, None)


def test_a_snapshot_without_a_record_is_seen(world: World, wanted: Wanted) -> None:
    world.side.remove(natives(world)[0].id)
    delete_record(world, soft=False)
    assert found(world, None) == "1 unnamed snapshots are left"


def test_a_touched_bystander_is_seen(world: World, wanted: Wanted) -> None:
    write(world, "UPDATE schedule SET active = 0 WHERE name = 'bystander'")
    assert "the colleague's record 'bystander' was touched" in found(world, wanted)
    world.empty()
    world.side.remove(world.bystander.natives[0].id)
    assert "was touched" in found(world, None)


def test_a_kill_leaves_what_the_log_says_and_the_world_can_be_put_back(
    world: World, wanted: Wanted
) -> None:
    world.empty()
    text = program(world, wanted).text
    world.project.write(text)
    calls = world.command(world.project, "up", plan={}).calls
    made = next(it["number"] for it in calls if it["what"].endswith("/cronjobs"))
    world.empty()
    assert not found(world, None)
    world.project.write(text)
    ran = world.command(world.project, "up", plan={"point": made, "kind": "kill-after"})
    assert ran.reached
    assert ran.code != 0
    assert len(natives(world)) == 1
    assert len(ran.calls) == made + 1


def test_the_table_counts_what_was_tried_and_what_was_whole() -> None:
    case = Case("kubernetes", "create", "kill", 7, "POST /schedules")
    outcomes = [
        Outcome(case, "same", ()),
        Outcome(replace(case, point=8), "same", ("2 records",)),
        Outcome(case, "destroy", ()),
    ]
    *_, row = table(outcomes, ["same", "destroy"])
    assert row == "| kubernetes | create | kill |  | 1/2 | 1/1 |"
    assert outcomes[1].command == (
        "make faults FAULTS_ARGS='--flavor kubernetes --operation create --kind kill --point 8 "
        "--then same'"
    )
