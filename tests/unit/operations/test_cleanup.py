"""What a cleanup removes, what it leaves, and how it is undone."""

from __future__ import annotations

import fcntl
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.errors import BackupError, BusyError, InputError, NotFoundError
from pulumi_zenml.operations import (
    CleanupPlan,
    Connection,
    clean_up,
    plan_cleanup,
    read_backup,
    restore,
    watch_removed,
)
from pulumi_zenml.operations.cleanup import RemovalResult
from unit.memory.seed import (
    HOUR,
    NOW,
    Made,
    change,
    copied,
    half_made,
    look,
    managed,
    run,
    unmanaged,
)
from unit.memory.world import NativeSchedule, World


def planned(*names: str, codes: tuple[str, ...] = (), record_only: bool = False) -> CleanupPlan:
    return plan_cleanup(look(), codes=codes, names=names, record_only=record_only)


def steps(plan: CleanupPlan) -> set[tuple[str, str]]:
    return {(it.name, it.why) for it in plan.steps}


def done(plan: CleanupPlan, folder: Path, name: str = "backup.json") -> list[RemovalResult]:
    return clean_up(plan, backup=folder / name)


def removed(plan: CleanupPlan, folder: Path) -> None:
    """Carry out a plan; each step succeeds."""
    assert [it.problem for it in done(plan, folder) if not it.removed] == []


def lost(world: World) -> Made:
    return unmanaged(world, "daily-lost-prod", submitted=False)


def orphan(world: World) -> Made:
    made = unmanaged(world, "daily-orphan-prod")
    del world.records[made.record]
    return made


def over(world: World, name: str = "daily-over-prod", stack: str = "one") -> Made:
    made = unmanaged(world, name, stack=stack)
    change(world, made, cadence=make_cadence(cron="0 3 * * *", end_time=NOW - HOUR, now=None))
    return made


def test_a_plan_changes_nothing(world: World) -> None:
    healthy = unmanaged(world)
    alone, left, ended = lost(world), orphan(world), over(world)
    before = deepcopy(world)
    plan = planned()
    assert steps(plan) == {
        (alone.name, "record-without-counterpart"),
        (left.native, "counterpart-without-record"),
        (ended.name, "past-its-end"),
    }
    assert plan.left == ()
    assert healthy.name not in {it.name for it in plan.steps}
    assert (world.records, world.natives, world.snapshots, world.calls) == (
        before.records,
        before.natives,
        before.snapshots,
        before.calls,
    )


def test_what_is_planned_is_removed_and_nothing_else(world: World, tmp_path: Path) -> None:
    healthy = unmanaged(world)
    lost(world), orphan(world), over(world)
    removed(planned(), tmp_path)
    assert set(world.records) == {healthy.record}
    assert set(world.natives) == {healthy.native}
    assert planned().steps == ()


def test_a_backup_holds_all_of_it_and_restores_it(world: World, tmp_path: Path) -> None:
    gone = managed(world, paused=True, colour="red")
    lost(world)
    removed(planned(gone.name, "daily-lost-prod"), tmp_path)
    assert (world.records, world.natives) == ({}, {})
    backup = read_backup(tmp_path / "backup.json")
    assert {it.name for it in backup.items} == {gone.name, "daily-lost-prod"}
    would = restore(Connection(), backup, dry_run=True)
    assert {it.outcome for it in would} == {"would restore"}
    assert (world.records, world.natives) == ({}, {})
    assert {it.outcome for it in restore(Connection(), backup)} == {"restored"}
    records = {it.name: it for it in world.records.values()}
    (native,) = world.natives.values()
    assert set(records) == {gone.name, "daily-lost-prod"}
    assert (native.cron, native.timezone, native.paused, native.colour) == (
        "1 3 * * *",
        "Europe/Berlin",
        True,
        "red",
    )
    assert not records[gone.name].active
    assert records[gone.name].marker.native_id == native.id
    assert native.owner == "acme/shop/dev/daily-training-dev#0123456789ab"
    assert {it.outcome for it in restore(Connection(), backup)} == {"already there"}


@pytest.mark.parametrize("active", [True, False])
def test_what_was_paused_on_one_side_is_restored_so(
    world: World, tmp_path: Path, active: bool
) -> None:
    made = unmanaged(world)
    change(world, made, active=active)
    world.natives[made.native].paused = active
    removed(planned(made.name), tmp_path)
    (result,) = restore(Connection(), read_backup(tmp_path / "backup.json"))
    assert result.outcome == "restored"
    (record,), (native,) = world.records.values(), world.natives.values()
    assert (record.active, native.paused) == (active, active)


def test_what_cannot_be_restored_does_not_stop_the_rest(world: World, tmp_path: Path) -> None:
    first, second = unmanaged(world, "daily-one-prod"), unmanaged(world, "daily-two-prod")
    removed(planned(first.name, second.name), tmp_path)
    del world.snapshots[first.snapshot]
    results = restore(Connection(), read_backup(tmp_path / "backup.json"))
    assert {it.item.name: it.outcome for it in results} == {
        first.name: "failed",
        second.name: "restored",
    }
    assert [it.name for it in world.records.values()] == [second.name]


def test_what_pulumi_owns_stays_unless_it_is_named(world: World, tmp_path: Path) -> None:
    mine = managed(world)
    del world.natives[mine.native]
    plan = planned()
    assert plan.steps == ()
    (left,) = plan.left
    assert (left.name, left.code) == (mine.name, "record-without-counterpart")
    assert "acme/shop/dev/daily-training-dev" in left.why
    named = planned(mine.name)
    assert "the next 'pulumi up' there creates it again" in named.steps[0].warning
    removed(named, tmp_path)
    assert world.records == {}


def test_what_this_zenml_does_not_know_stays_unless_it_is_named(
    world: World, tmp_path: Path
) -> None:
    world.natives["elsewhere"] = NativeSchedule("elsewhere", "one", "theirs", "4 3 * * *", "UTC")
    plan = planned()
    assert (plan.steps, plan.left) == ((), ())
    plan = planned(codes=("unknown-counterpart",))
    assert plan.steps == () and "another server" in plan.left[0].why
    removed(planned("elsewhere"), tmp_path)
    assert world.natives == {}


def test_what_only_the_name_links_stays(world: World) -> None:
    made = over(world)
    del world.snapshots[made.snapshot], world.natives[made.native]
    world.natives[made.name] = NativeSchedule(made.name, "one", None, "0 3 * * *", "UTC")
    plan = planned()
    assert plan.steps == () and "only its name links it" in plan.left[0].why


def test_what_cannot_be_read_stays(world: World) -> None:
    over(world)
    world.down = {"one": "refused"}
    assert planned().steps == ()
    plan = planned("daily-over-prod")
    assert plan.steps == () and "cannot be read now" in plan.left[0].why


def test_only_the_extra_copy_goes(world: World, tmp_path: Path) -> None:
    twin = managed(world)
    copied(world, twin, "again")
    removed(planned("again"), tmp_path)
    assert set(world.natives) == {twin.native}
    assert set(world.records) == {twin.record}


def test_a_claimed_counterpart_is_not_taken_along(world: World, tmp_path: Path) -> None:
    mine = unmanaged(world)
    thief = unmanaged(world, "daily-thief-prod", submitted=False)
    change(world, thief, metadata={"schedule_id": mine.native})
    removed(planned(codes=("shared-counterpart",)), tmp_path)
    assert (set(world.records), set(world.natives)) == ({mine.record}, {mine.native})


def test_a_half_made_pair_goes_whole(world: World, tmp_path: Path) -> None:
    world.clock = NOW - HOUR
    staged = half_made(world)
    assert len(world.natives) == 1
    removed(planned(staged), tmp_path)
    assert (world.records, world.natives) == ({}, {})


def test_a_record_of_an_orchestrator_that_is_gone(world: World, tmp_path: Path) -> None:
    made = managed(world, stack="two")
    world.delete_stack("two")
    plan = planned(made.name)
    assert plan.steps == () and "--record-only" in plan.left[0].why
    removed(planned(made.name, record_only=True), tmp_path)
    assert world.records == {} and set(world.natives) == {made.native}


def test_what_has_a_counterpart_by_now_is_not_removed(world: World, tmp_path: Path) -> None:
    made = unmanaged(world)
    native = world.natives.pop(made.native)
    plan = planned()
    assert steps(plan) == {(made.name, "record-without-counterpart")}
    world.natives[made.native] = native
    (result,) = done(plan, tmp_path)
    assert result.removed is None and "it has a counterpart now. Plan again." in result.problem
    assert set(world.records) == {made.record} and set(world.natives) == {made.native}


def test_what_somebody_owns_by_now_is_not_removed(world: World, tmp_path: Path) -> None:
    made = over(world)
    plan = planned()
    marker = world.records[made.record].marker
    change(world, made, marker=type(marker)(owner="acme/shop/prod/taken#ba9876543210"))
    (result,) = done(plan, tmp_path)
    assert result.removed is None and "it belongs to 'acme/shop/prod/taken" in result.problem
    assert set(world.records) == {made.record} and set(world.natives) == {made.native}


def test_one_step_that_fails_does_not_keep_the_others(world: World, tmp_path: Path) -> None:
    first, second = over(world, "daily-one-prod"), over(world, "daily-two-prod", "two")
    plan = planned()
    world.down = {"one": "refused"}
    results = {it.step.name: it for it in done(plan, tmp_path)}
    assert results[second.name].removed
    assert "'one' fails: refused" in results[first.name].problem
    # The orchestrator's side goes first: where that fails, ZenML still knows of it.
    assert set(world.records) == {first.record}


def test_killed_in_the_middle_it_can_be_run_again(world: World, tmp_path: Path) -> None:
    for name in ("daily-one-prod", "daily-two-prod", "daily-three-prod"):
        over(world, name)
    before = len(world.calls)
    probe = deepcopy(world)
    removed(planned(), tmp_path)
    calls = len(world.calls) - before
    vars(world).update(vars(probe))
    world.fault = (before + calls // 2, "refuse")
    failed = [it for it in done(planned(), tmp_path, "second.json") if it.problem]
    assert len(failed) == 1
    removed(planned(), tmp_path / "third")
    assert (world.records, world.natives) == ({}, {})


def test_a_run_in_progress_is_not_cut_off(world: World, tmp_path: Path) -> None:
    made = over(world)
    row = run(world, made, NOW - 2 * HOUR, "running")
    (result,) = done(planned(), tmp_path)
    assert row.name in result.problem
    assert set(world.natives) == {made.native}
    (again,) = clean_up(planned(), backup=tmp_path / "again.json", when_running="ignore")
    assert again.removed
    # ZenML keeps the row for the sake of its run.
    assert world.archived == {made.record} and world.records == {}


def test_without_a_backup_nothing_is_changed(world: World, tmp_path: Path) -> None:
    made = lost(world)
    (tmp_path / "backup.json").write_text("mine")
    with pytest.raises(BackupError, match="exists already"):
        done(planned(), tmp_path)
    assert set(world.records) == {made.record}
    assert (tmp_path / "backup.json").read_text() == "mine"


def test_another_cleanup_at_the_same_time_is_an_error(world: World, tmp_path: Path) -> None:
    made = lost(world)
    removed(planned(codes=("half-made",)), tmp_path)
    (lock,) = (tmp_path / "state").glob("change-*.lock")
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="another cleanup or restore"):
            done(planned(), tmp_path, "other.json")
    assert set(world.records) == {made.record}


def test_codes_and_names_that_do_not_exist(world: World) -> None:
    lost(world)
    with pytest.raises(InputError, match="cleanup cannot fix it"):
        planned(codes=("naming",))
    with pytest.raises(InputError, match="there is no such code"):
        planned(codes=("nothing",))
    with pytest.raises(NotFoundError, match="Near it: daily-lost-prod"):
        planned("daily-last-prod")


def test_what_comes_back_is_seen(world: World, tmp_path: Path) -> None:
    made = over(world)
    native = world.natives[made.native]
    plan = planned()
    results = done(plan, tmp_path)
    assert watch_removed(plan, results, timedelta(0)) == []
    world.natives[made.native] = native
    (surprise,) = watch_removed(plan, results, timedelta(0))
    assert "is back in 'one'" in surprise
    del world.natives[made.native]
    row = run(world, made, datetime.now(UTC) + HOUR, "running")
    (surprise,) = watch_removed(plan, results, timedelta(0))
    assert f"run '{row.name}' started after that" in surprise
