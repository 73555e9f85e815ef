"""The runs of both sides, joined, and the fires without one."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from pulumi_zenml.errors import UnreachableError
from pulumi_zenml.operations import HistoryRow, find_schedule, load_history
from pulumi_zenml.orchestrators.counterpart import NativeRun
from unit.memory.seed import HOUR, NOW, Made, change, look, managed, run, unmanaged
from unit.memory.world import World

MINUTE = timedelta(minutes=1)


def rows(made: Made, *, since: timedelta = 24 * HOUR, limit: int = 50) -> list[HistoryRow]:
    inventory = look()
    entry = find_schedule(inventory, made.name)
    return load_history(inventory, entry, since=NOW - since, limit=limit)


def hourly(world: World, *, hours: int) -> Made:
    world.clock = NOW - hours * HOUR - 30 * MINUTE
    return unmanaged(world, "hourly-report-prod", cron="0 * * * *")


def native(world: World, made: Made, id: str, started: datetime) -> None:
    row = NativeRun(id, "succeeded", "Done", started=started)
    world.natives[made.native].runs.append(row)


def test_one_row_for_each_run_whichever_side_has_it(world: World) -> None:
    made = hourly(world, hours=3)
    both = run(world, made, NOW - 3 * HOUR + 2 * MINUTE)
    native(world, made, "same", NOW - 3 * HOUR + MINUTE)
    native(world, made, "unknown to ZenML", NOW - 2 * HOUR)
    alone = run(world, made, NOW - HOUR, "failed")
    found = [(it.where, it.name, it.zenml, it.native) for it in rows(made)]
    # The fire of now may still get its run.
    assert found == [
        ("zenml", alone.name, "failed", ""),
        ("native", "unknown to ZenML", "", "succeeded"),
        ("both", both.name, "completed", "succeeded"),
    ]


def test_a_fire_without_a_run_is_missing(world: World) -> None:
    made = hourly(world, hours=4)
    for hours in (4, 1):
        run(world, made, NOW - hours * HOUR + MINUTE)
    found = [(it.where, it.at) for it in rows(made)]
    assert found == [
        ("zenml", NOW - HOUR + MINUTE),
        ("missing", NOW - 2 * HOUR),
        ("missing", NOW - 3 * HOUR),
        ("zenml", NOW - 4 * HOUR + MINUTE),
    ]


def test_nothing_is_missing_of_what_is_paused(world: World) -> None:
    made = hourly(world, hours=4)
    change(world, made, active=False)
    world.natives[made.native].paused = True
    assert rows(made) == []


def test_since_and_limit(world: World) -> None:
    made = managed(world, cron="0 3 1 1 *")
    for hours in range(1, 6):
        run(world, made, NOW - hours * HOUR)
    assert [it.at for it in rows(made, since=2 * HOUR)] == [NOW - HOUR, NOW - 2 * HOUR]
    assert [it.at for it in rows(made, limit=1)] == [NOW - HOUR]


def test_a_side_that_cannot_be_read_is_an_error_not_a_gap(world: World) -> None:
    made = hourly(world, hours=4)
    inventory = look()
    world.down = {"one": "timeout"}
    with pytest.raises(UnreachableError):
        load_history(inventory, find_schedule(inventory, made.name), since=NOW - 24 * HOUR)
