"""Which counterpart belongs to which record, and what cannot be known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pulumi_zenml.errors import NotFoundError
from pulumi_zenml.operations import Entry, Scope, list_schedules
from unit.memory.seed import HOUR, NOW, change, copied, look, managed, run, unmanaged
from unit.memory.world import NativeSchedule, World


def pairs(scope: Scope | None = None) -> dict[str, list[tuple[str, str | None]]]:
    """The native ids of each schedule, with what links them."""
    return {
        it.name: [(part.counterpart.native_id, part.link) for part in it.linked]
        for it in look(scope).entries
    }


def only(scope: Scope | None = None) -> Entry:
    (entry,) = look(scope).entries
    return entry


def test_the_snapshot_joins_both_sides_whatever_their_names(world: World) -> None:
    theirs, mine = unmanaged(world), managed(world, stack="two")
    assert pairs() == {
        theirs.name: [(theirs.native, "snapshot")],
        mine.name: [(mine.native, "snapshot")],
    }
    found = {it.name: (it.owner, it.pipeline, it.stack, it.project) for it in look().entries}
    assert found == {
        theirs.name: ("", "training", "one", "default"),
        mine.name: (f"acme/shop/dev/{mine.name}", "training", "two", "default"),
    }


def test_the_stored_id_joins_where_the_snapshot_was_deleted(world: World) -> None:
    made = managed(world)
    world.natives[made.native].snapshot = "deleted"
    assert pairs() == {made.name: [(made.native, "stored")]}


def test_metadata_joins_what_zenml_made(world: World) -> None:
    made = unmanaged(world)
    del world.snapshots[made.snapshot]
    world.natives[made.native].snapshot = None
    change(world, made, metadata={"job": f"projects/x/jobs/{made.native}"})
    assert pairs() == {made.name: [(made.native, "stored")]}


def test_a_name_joins_only_what_nothing_else_joins(world: World) -> None:
    alone = unmanaged(world, "daily-alone-prod", submitted=False)
    whole = unmanaged(world, "daily-whole-prod")
    for name in (alone.name, whole.name):
        world.natives[name] = NativeSchedule(name, "one", None, "0 3 * * *", "UTC")
    other = NativeSchedule("elsewhere", "two", None, "0 3 * * *", "UTC")
    world.natives["elsewhere"] = other
    found = look().entries
    linked = {it.record.name: it.linked for it in found if it.record}
    assert [it.link for it in linked[alone.name]] == ["name"]
    assert [it.counterpart.native_id for it in linked[whole.name]] == [whole.native]
    assert {it.native_id for it in found if it.record is None} == {whole.name, "elsewhere"}


def test_a_name_does_not_join_across_orchestrators(world: World) -> None:
    made = unmanaged(world, submitted=False)
    world.natives[made.name] = NativeSchedule(made.name, "two", None, "0 3 * * *", "UTC")
    assert sorted(bool(it.linked) for it in look().entries) == [False, True]


def test_copies_and_claims(world: World) -> None:
    twin = unmanaged(world, "daily-twin-prod")
    copied(world, twin, "again")
    thief = unmanaged(world, "daily-thief-prod", submitted=False)
    change(world, thief, metadata={"schedule_id": twin.native})
    entries = {it.name: it for it in look().entries}
    assert {it.counterpart.native_id for it in entries[twin.name].linked} == {twin.native, "again"}
    assert entries[twin.name].shared_with == (thief.name,)
    assert entries[thief.name].shared_with == (twin.name,)


def test_two_components_of_one_place_count_once(world: World) -> None:
    world.components.append("again")
    world.stacks["again"], world.places["again"] = "again", "one"
    made, other = unmanaged(world), unmanaged(world, "daily-again-prod", stack="again")
    assert pairs() == {
        other.name: [(other.native, "snapshot")],
        made.name: [(made.native, "snapshot")],
    }
    assert look().counterparts == 2
    # Each in the component that its record names.
    for entry in look().entries:
        assert entry.record is not None
        assert entry.linked[0].component.id == entry.record.orchestrator_id


def test_halves(world: World) -> None:
    lost = unmanaged(world, "daily-lost-prod", submitted=False)
    orphan = unmanaged(world, "daily-orphan-prod")
    del world.records[orphan.record]
    entries = {it.name: it for it in look().entries}
    assert (entries[lost.name].zenml_state, entries[lost.name].native_state) == (
        "active",
        "missing",
    )
    half = entries[orphan.native]
    assert (half.record, half.native_state, half.pipeline) == (None, "active", "training")
    assert half.snapshot is not None and half.snapshot.id == orphan.snapshot


def test_what_cannot_be_listed_is_unknown(world: World) -> None:
    unmanaged(world, "daily-here-prod")
    unmanaged(world, "daily-there-prod", stack="two")
    world.down = {"two": "denied"}
    inventory = look()
    assert {it.name: it.native_state for it in inventory.entries} == {
        "daily-here-prod": "active",
        "daily-there-prod": "unknown",
    }
    (failed,) = inventory.unreachable
    assert (failed.name, failed.reason) == ("two", "memory: 'two' fails: denied")


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        (Scope(stacks=("two",)), {"daily-two-dev"}),
        (Scope(flavors=("memory",)), {"daily-one-prod", "daily-two-dev"}),
        (Scope(flavors=("vertex",)), set()),
        (Scope(pipelines=("scoring",)), set()),
        (Scope(managed=True), {"daily-two-dev"}),
        (Scope(managed=False), {"daily-one-prod"}),
        (Scope(environments=("dev",)), {"daily-two-dev"}),
        (Scope(environments=("prod",)), {"daily-one-prod"}),
        (Scope(states=("paused",)), {"daily-two-dev"}),
        (Scope(names=("daily-one-prod",)), {"daily-one-prod"}),
        (Scope(projects=("default",)), {"daily-one-prod", "daily-two-dev"}),
    ],
)
def test_scope(world: World, scope: Scope, names: set[str]) -> None:
    unmanaged(world, "daily-one-prod")
    managed(world, "daily-two-dev", stack="two", paused=True)
    assert pairs(scope).keys() == names


def test_a_project_that_is_not_there(world: World) -> None:
    with pytest.raises(NotFoundError, match="Near it: default"):
        look(Scope(projects=("defalt",)))


def test_rows_of_a_list(world: World) -> None:
    world.clock = NOW - HOUR
    made = managed(world, colour="red")
    run(world, made, NOW - 2 * HOUR, "failed")
    run(world, made, NOW - HOUR)
    (row,) = list_schedules(look())
    assert (row.name, row.stack, row.flavor, row.timezone) == (
        made.name, "one", "memory", "Europe/Berlin",
    )  # fmt: skip
    assert (row.zenml, row.native, row.drift, row.link) == ("active", "active", "", "snapshot")
    assert row.next_run == datetime(2026, 6, 11, 1, 1, tzinfo=UTC)
    assert (row.last_run, row.last_result) == (NOW - HOUR, "completed")
    assert row.owner == f"acme/shop/dev/{made.name}"


def test_drift_in_a_list(world: World) -> None:
    both = managed(world, "daily-both-dev")
    world.natives[both.native].cron = "9 9 * * *"
    world.natives[both.native].paused = True
    twice = unmanaged(world, "daily-twice-prod")
    copied(world, twice, "again")
    unmanaged(world, "daily-lost-prod", submitted=False)
    orphan = unmanaged(world, "daily-orphan-prod")
    del world.records[orphan.record]
    unmanaged(world, "daily-unseen-prod", stack="two")
    world.down = {"two": "timeout"}
    assert {it.name: it.drift for it in list_schedules(look())} == {
        "daily-both-dev": "cadence, paused",
        "daily-twice-prod": "2 counterparts",
        "daily-lost-prod": "no counterpart",
        orphan.native: "no record",
        "daily-unseen-prod": "unknown",
    }


def test_nothing_is_next_where_nothing_fires(world: World) -> None:
    managed(world, paused=True)
    assert only().native_state == "paused"
    assert [it.next_run for it in list_schedules(look())] == [None]
