"""Each finding is reported where it is so, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pulumi_zenml.cadence import fires_between, make_cadence
from pulumi_zenml.operations import (
    CODES,
    AlertState,
    AuditOptions,
    AuditResult,
    AuditState,
    Connection,
    Scope,
    audit_inventory,
    run_audit,
    send_alerts,
)
from pulumi_zenml.operations.pair_findings import PAUSED_UNTIL
from pulumi_zenml.orchestrators.counterpart import NativeRun
from unit.memory.seed import (
    HOUR,
    NOW,
    copied,
    half_made,
    look,
    managed,
    run,
    unmanaged,
)
from unit.memory.seed import change as edit
from unit.memory.world import NativeSchedule, Snapshot, World

Found = set[tuple[str, str]]

OPTIONS = AuditOptions(crowded=4)


@pytest.fixture(autouse=True)
def _an_hour_ago(world: World) -> None:
    """Records are made an hour before the audit, so that few fires are due."""
    world.clock = NOW - HOUR


def audit(options: AuditOptions = OPTIONS, memory: AuditState | None = None) -> AuditResult:
    return audit_inventory(look(), memory, options)


def findings(result: AuditResult) -> Found:
    return {(it.code, it.schedule or it.native_id) for it in result.findings}


def healthy(world: World) -> None:
    """What gives no finding: both owned and not, active and paused, with runs and without."""
    unmanaged(world, "weekly-report-prod", cron="0 4 * * 1")
    managed(world, "daily-training-dev", cron="1 3 * * *")
    managed(world, "hourly-ingest-dev", cron="5 * * * *", paused=True)
    well = unmanaged(world, "hourly-well-prod", cron="20 * * * *", stack="two")
    edit(world, well, created=NOW - 26 * HOUR, updated=None)
    for fire in fires_between(make_cadence(cron="20 * * * *"), NOW - 26 * HOUR, NOW):
        run(world, well, fire + timedelta(minutes=3))
    world.expiring = {"two": NOW + timedelta(days=60)}


def record_alone(world: World) -> Found:
    unmanaged(world, "daily-lost-prod", submitted=False)
    return {("record-without-counterpart", "daily-lost-prod")}


def counterpart_alone(world: World) -> Found:
    made = unmanaged(world, "daily-orphan-prod")
    del world.records[made.record]
    return {("counterpart-without-record", made.native)}


def counterpart_of_archived_record(world: World) -> Found:
    made = managed(world, "daily-orphan-dev")
    world.archived.add(made.record)
    del world.records[made.record]
    return {("counterpart-without-record", made.native)}


def unknown(world: World) -> Found:
    world.natives["elsewhere"] = NativeSchedule("elsewhere", "one", "theirs", "4 3 * * *", "UTC")
    return {("unknown-counterpart", "elsewhere")}


def duplicate(world: World) -> Found:
    copied(world, unmanaged(world, "daily-twin-prod", cron="4 3 * * *"), "twin-again")
    return {("duplicate-counterparts", "daily-twin-prod")}


def shared(world: World) -> Found:
    twin = unmanaged(world, "daily-twin-prod", cron="4 3 * * *")
    thief = unmanaged(world, "daily-thief-prod", cron="4 3 * * *", submitted=False)
    edit(world, thief, metadata={"schedule_id": twin.native})
    return {("shared-counterpart", "daily-thief-prod")}


def by_name(world: World) -> Found:
    name = "daily-namesake-prod"
    unmanaged(world, name, submitted=False)
    world.natives[name] = NativeSchedule(name, "one", None, "0 3 * * *", "UTC")
    return {("linked-by-name", name)}


def other_cadence(world: World) -> Found:
    made = managed(world, "daily-edited-dev")
    world.natives[made.native].cron = "7 4 * * *"
    return {("cadence-differs", "daily-edited-dev")}


def paused_natively(world: World) -> Found:
    made = unmanaged(world, "daily-held-prod")
    world.natives[made.native].paused = True
    return {("paused-on-one-side", "daily-held-prod")}


def paused_in_zenml(world: World) -> Found:
    edit(world, unmanaged(world, "daily-held-prod"), active=False)
    return {("paused-on-one-side", "daily-held-prod")}


def overdue(world: World) -> Found:
    made = managed(world, "daily-snoozed-dev", paused=True)
    edit(world, made, metadata={PAUSED_UNTIL: (NOW - HOUR).isoformat()})
    return {("pause-overdue", "daily-snoozed-dev")}


def broken_record(world: World) -> Found:
    edit(world, unmanaged(world, "daily-senseless-prod"), cron="not a cron", cadence=None)
    return {("broken-record", "daily-senseless-prod")}


def broken_counterpart(world: World) -> Found:
    made = unmanaged(world, "daily-garbled-prod")
    world.natives[made.native].cron = ""
    return {
        ("broken-counterpart", "daily-garbled-prod"),
        ("cadence-differs", "daily-garbled-prod"),
    }


def orchestrator_gone(world: World) -> Found:
    world.components.append("doomed")
    world.stacks["doomed"] = "doomed"
    unmanaged(world, "daily-doomed-prod", stack="doomed")
    world.delete_stack("doomed")
    return {("orchestrator-gone", "daily-doomed-prod"), ("stack-gone", "daily-doomed-prod")}


def stack_gone(world: World) -> Found:
    world.stacks["gone"] = "one"
    unmanaged(world, "daily-homeless-prod", stack="gone")
    del world.stacks["gone"]
    return {("stack-gone", "daily-homeless-prod")}


def half(world: World) -> Found:
    return {("half-made", half_made(world))}


def moved_snapshot(world: World) -> Found:
    managed(world, "daily-moved-dev", snapshot="training:v2")
    world.snapshot("v2").name = "before"
    newer = world.new_id("snapshot")
    world.snapshots[newer] = Snapshot(newer, "v2", "training")
    return {("stale-target", "daily-moved-dev")}


def deleted_snapshot(world: World) -> Found:
    del world.snapshots[managed(world, "daily-gone-dev").snapshot]
    return {("stale-target", "daily-gone-dev")}


def deleted_build(world: World) -> Found:
    world.snapshots[managed(world, "daily-bare-dev").snapshot].has_build = False
    return {("stale-target", "daily-bare-dev")}


def over(world: World) -> Found:
    made = unmanaged(world, "daily-over-prod")
    edit(world, made, cadence=make_cadence(cron="0 3 * * *", end_time=NOW - HOUR, now=None))
    return {("past-its-end", "daily-over-prod")}


def silent(world: World) -> Found:
    world.clock = NOW - 30 * HOUR
    unmanaged(world, "hourly-silent-prod", cron="17 * * * *")
    return {("never-fired", "hourly-silent-prod")}


def gappy(world: World) -> Found:
    world.clock = NOW - 30 * HOUR
    made = unmanaged(world, "hourly-gappy-prod", cron="18 * * * *")
    fires = list(fires_between(make_cadence(cron="18 * * * *"), NOW - 25 * HOUR, NOW))
    for fire in [it for number, it in enumerate(fires) if number not in (3, 4)]:
        run(world, made, fire)
    return {("missed-runs", "hourly-gappy-prod")}


def failing(world: World) -> Found:
    world.clock = NOW - 100 * HOUR
    made = unmanaged(world, "daily-sick-prod", cron="0 7 * * *")
    for days in (0, 1, 2, 3):
        run(world, made, NOW - 5 * HOUR - timedelta(days=days), "failed")
    return {("failing", "daily-sick-prod")}


def failing_natively(world: World) -> Found:
    world.clock = NOW - 30 * HOUR
    made = unmanaged(world, "hourly-crash-prod", cron="19 * * * *")
    for fire in fires_between(make_cadence(cron="19 * * * *"), NOW - 29 * HOUR, NOW):
        failed = NativeRun(f"{fire:%d-%H}", "failed", "Error", started=fire)
        world.natives[made.native].runs.append(failed)
    return {("failing", "hourly-crash-prod")}


def stuck(world: World) -> Found:
    world.clock = NOW - 10 * HOUR
    made = unmanaged(world, "daily-stuck-prod", cron="0 4 * * *")
    run(world, made, NOW - 8 * HOUR, "running")
    return {("long-running", "daily-stuck-prod")}


def crowd(world: World) -> Found:
    names = [f"daily-{it}-prod" for it in "abcd"]
    for name in names:
        unmanaged(world, name, cron="41 8 * * *")
    # Those that start together on a day that is not near are no finding.
    for name in names:
        unmanaged(world, f"monthly-{name}", cron="30 1 25 * *")
    return {("crowded-minute", ", ".join(names))}


def badly_named(world: World) -> Found:
    unmanaged(world, "Nightly Report")
    return {("naming", "Nightly Report")}


def expiring(world: World) -> Found:
    world.expiring = {"two": NOW + 30 * HOUR}
    return {("credential-expiring", "connector-two")}


SEEDS = (
    record_alone, counterpart_alone, counterpart_of_archived_record, unknown, duplicate, shared,
    by_name, other_cadence, paused_natively, paused_in_zenml, overdue, broken_record,
    broken_counterpart, orchestrator_gone, stack_gone, half, moved_snapshot, deleted_snapshot,
    deleted_build, over, silent, gappy, failing, failing_natively, stuck, crowd, badly_named,
    expiring,
)  # fmt: skip


def test_a_healthy_world_has_no_findings(world: World) -> None:
    healthy(world)
    result = audit()
    assert findings(result) == set()
    assert (result.schedules, result.counterparts, result.drift_percent) == (4, 4, 0.0)
    assert result.exit_code == 0


@pytest.mark.parametrize("seed", SEEDS, ids=lambda it: it.__name__)
def test_finding_beside_what_is_healthy(world: World, seed: Callable[[World], Found]) -> None:
    healthy(world)
    expected = seed(world)
    result = audit()
    assert findings(result) == expected
    assert result.exit_code == 1
    assert [it for it in result.findings if not it.message or not it.fix] == []


def test_every_code_is_seeded(world: World) -> None:
    seeded = {code for seed in SEEDS for code, _ in seed(World(clock=NOW - HOUR))}
    assert seeded == set(CODES)


def test_an_orchestrator_that_is_down_is_unknown_not_missing(world: World) -> None:
    unmanaged(world, "daily-here-prod", submitted=False)
    unmanaged(world, "daily-there-prod", stack="two")
    world.down = {"two": "refused"}
    result = audit()
    assert findings(result) == {("record-without-counterpart", "daily-here-prod")}
    (down,) = result.unreachable
    assert (down.kind, down.name, down.flavor) == ("orchestrator", "two", "memory")
    assert (result.drift_percent, result.exit_code) == (100.0, 2)


def test_drift_is_the_share_of_what_one_side_has(world: World) -> None:
    for number in range(3):
        unmanaged(world, f"daily-{number}-prod", cron=f"{number} 3 * * *")
    record_alone(world)
    counterpart_alone(world)
    assert audit().drift_percent == 40.0
    ignoring = AuditOptions(ignore=frozenset({"record-without-counterpart"}))
    assert audit(ignoring).drift_percent == 20.0


def test_filters(world: World) -> None:
    record_alone(world)
    badly_named(world)
    lost, named = ("record-without-counterpart", "daily-lost-prod"), ("naming", "Nightly Report")
    assert findings(audit(AuditOptions(only=frozenset({"naming"})))) == {named}
    assert findings(audit(AuditOptions(ignore=frozenset({"naming"})))) == {lost}
    result = run_audit(Connection(), Scope(stacks=("two",)), now=NOW)
    assert (result.schedules, result.findings) == (0, ())


def test_a_crowd_that_is_part_of_another_is_not_said_again(world: World) -> None:
    for name in "abcd":
        unmanaged(world, f"hourly-{name}-prod", cron="41 * * * *")
    unmanaged(world, "daily-e-prod", cron="41 8 * * *")
    (found,) = audit(AuditOptions(crowded=4, only=frozenset({"crowded-minute"}))).findings
    assert len(found.evidence["schedules"]) == 5
    assert "first at 2026-06-11 08:41 UTC" in found.message


def test_a_fire_is_judged_once(world: World, tmp_path: Path) -> None:
    expected = gappy(world)
    state = AuditState(tmp_path / "audit.json")
    assert findings(audit(memory=state)) == expected
    assert findings(audit(memory=state)) == set()
    since = replace(OPTIONS, since=NOW - 24 * HOUR)
    assert findings(audit(since, memory=state)) == expected
    state.path.write_text("{ this is no state")
    assert findings(audit(memory=state)) == expected


def test_what_could_not_be_read_is_judged_the_next_time(world: World, tmp_path: Path) -> None:
    expected = gappy(world)
    state = AuditState(tmp_path / "audit.json")
    inventory = look()
    world.down = {"one": "server-error"}
    blind = audit_inventory(inventory, state, OPTIONS)
    assert blind.exit_code == 2
    world.down = {}
    assert findings(audit(memory=state)) == expected


def test_a_result_can_be_written_and_read(world: World) -> None:
    record_alone(world)
    world.down = {"two": "denied"}
    result = audit()
    assert AuditResult.from_json(result.to_json()) == result


def test_alerts_say_what_changed(world: World, tmp_path: Path) -> None:
    state = AlertState(tmp_path / "alerts.json")
    sent: list[str] = []
    targets = {"alert 1": lambda title, body: sent.append(f"{title}\n{body}")}
    assert send_alerts(audit(), state, targets) == []
    assert sent == []
    record_alone(world)
    send_alerts(audit(), state, targets)
    send_alerts(audit(), state, targets)
    (text,) = sent
    assert "1 new" in text and "daily-lost-prod" in text
    world.records.clear()
    send_alerts(audit(), state, targets)
    assert "1 no longer found" in sent[-1]
