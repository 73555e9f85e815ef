"""Every finding, seeded once, is reported, and nothing else is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from operations import seed
from operations.conftest import World
from testbed import zenml_store


def hours_ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def daily_at(instant: datetime) -> str:
    return f"{instant.minute} {instant.hour} * * *"


def healthy(world: World) -> None:
    """What gives no finding: both owned and not, active and paused, in several zones."""
    world.call(seed.unmanaged, "weekly-report-prod", cron="0 4 * * 1")
    world.call(seed.managed, "daily-training-dev", "acme/shop/dev/training", cron="1 3 * * *")
    idle = world.call(
        seed.managed, "hourly-ingest-dev", "acme/shop/dev/ingest", cron="5 * * * *", paused=True
    )
    world.call(seed.age, idle.record, hours=50)
    well = world.call(seed.unmanaged, "hourly-well-prod", cron="20 * * * *")
    world.call(seed.age, well.record, hours=26)
    for fire in world.call(seed.due, "20 * * * *", 25):
        world.call(seed.run, well.snapshot, fire + timedelta(minutes=3))


def one_sided(world: World) -> set[tuple[str, str]]:
    world.call(seed.unmanaged, "daily-lost-prod", cron="2 3 * * *", submitted=False)
    orphan = world.call(seed.unmanaged, "daily-orphan-prod", cron="3 3 * * *")
    world.call(zenml_store.delete_record, orphan.record, soft=True)
    world.write("elsewhere", _file("4 3 * * *", "00000000-0000-4000-8000-000000000001"))
    return {
        ("record-without-counterpart", "daily-lost-prod"),
        ("counterpart-without-record", orphan.native),
        ("unknown-counterpart", "elsewhere"),
    }


def crossed(world: World) -> set[tuple[str, str]]:
    twin = world.call(seed.unmanaged, "daily-twin-prod", cron="5 3 * * *")
    world.write("twin-again", world.body(twin.native))
    thief = world.call(seed.unmanaged, "daily-thief-prod", cron="5 3 * * *", submitted=False)
    world.call(seed.claim, thief.record, twin.native)
    world.call(seed.unmanaged, "daily-namesake-prod", cron="6 3 * * *", submitted=False)
    world.write("daily-namesake-prod", _file("6 3 * * *", None))
    return {
        ("duplicate-counterparts", "daily-twin-prod"),
        ("shared-counterpart", "daily-thief-prod"),
        ("linked-by-name", "daily-namesake-prod"),
    }


def different(world: World) -> set[tuple[str, str]]:
    edited = world.call(seed.managed, "daily-edited-dev", "acme/shop/dev/edited", cron="7 3 * * *")
    world.edit(edited.native, schedule="7 4 * * *")
    linked = world.call(seed.unmanaged, "daily-held-prod", cron="8 3 * * *")
    world.edit(linked.native, paused=True)
    snoozed = world.call(
        seed.managed, "daily-snoozed-dev", "acme/shop/dev/snoozed", cron="9 3 * * *", paused=True
    )
    until = hours_ago(1).isoformat()
    world.call(seed.note, snoozed.record, "pulumi_zenml_paused_until", until)
    return {
        ("cadence-differs", "daily-edited-dev"),
        ("paused-on-one-side", "daily-held-prod"),
        ("pause-overdue", "daily-snoozed-dev"),
    }


def broken(world: World) -> set[tuple[str, str]]:
    senseless = world.call(seed.unmanaged, "daily-senseless-prod", cron="10 3 * * *")
    world.call(seed.set_column, senseless.record, "cron_expression", "not a cron")
    garbled = world.call(seed.unmanaged, "daily-garbled-prod", cron="11 3 * * *")
    body = world.body(garbled.native)
    world.write(garbled.native, {"snapshot_id": body["snapshot_id"]})
    world.zenml.register_stack("doomed", "filecron", {"folder": str(world.folder("two"))})
    world.call(seed.unmanaged, "daily-doomed-prod", cron="12 3 * * *", stack="doomed")
    world.call(zenml_store.compose_stack, "gone", like="one")
    world.call(seed.unmanaged, "daily-homeless-prod", cron="13 3 * * *", stack="gone")
    for stack in ("doomed", "gone"):
        world.call(zenml_store.delete_stack, stack)
    world.call(zenml_store.delete_orchestrator, "doomed")
    staged = world.call(seed.half_made, "acme/shop/dev/half")
    return {
        ("broken-record", "daily-senseless-prod"),
        ("broken-counterpart", "daily-garbled-prod"),
        ("cadence-differs", "daily-garbled-prod"),
        ("orchestrator-gone", "daily-doomed-prod"),
        ("stack-gone", "daily-doomed-prod"),
        ("stack-gone", "daily-homeless-prod"),
        ("half-made", staged),
    }


def stale(world: World) -> set[tuple[str, str]]:
    world.zenml.create_snapshot("one", pipeline="scoring", name="live")
    newer = world.zenml.create_snapshot("one", pipeline="scoring", name="next", value=2)
    world.call(
        seed.managed,
        "daily-moved-dev",
        "acme/shop/dev/moved",
        cron="14 3 * * *",
        snapshot="scoring:live",
    )
    world.call(zenml_store.rename_snapshot, newer.id, "live")
    gone = world.call(seed.managed, "daily-gone-dev", "acme/shop/dev/gone", cron="15 3 * * *")
    world.call(zenml_store.delete_snapshot, gone.snapshot)
    over = hours_ago(2)
    world.call(seed.unmanaged, "daily-over-prod", cron="16 3 * * *", end_time=over)
    return {
        ("stale-target", "daily-moved-dev"),
        ("stale-target", "daily-gone-dev"),
        ("past-its-end", "daily-over-prod"),
    }


def runs(world: World) -> set[tuple[str, str]]:
    silent = world.call(seed.unmanaged, "hourly-silent-prod", cron="17 * * * *")
    world.call(seed.age, silent.record, hours=30)
    gappy = world.call(seed.unmanaged, "hourly-gappy-prod", cron="18 * * * *")
    world.call(seed.age, gappy.record, hours=30)
    fires = world.call(seed.due, "18 * * * *", 25)
    for index, fire in enumerate(fires):
        if index not in (3, 4):
            world.call(seed.run, gappy.snapshot, fire)
    start = hours_ago(5)
    sick = world.call(seed.unmanaged, "daily-sick-prod", cron=daily_at(start))
    world.call(seed.age, sick.record, hours=24 * 4)
    for days in (0, 1, 2):
        world.call(seed.run, sick.snapshot, start - timedelta(days=days), "failed")
    crash = world.call(seed.unmanaged, "hourly-crash-prod", cron="19 * * * *")
    world.call(seed.age, crash.record, hours=30)
    words = [f"failed@{fire.isoformat()}" for fire in world.call(seed.due, "19 * * * *", 29)]
    (world.folder() / f"{crash.native}.runs").write_text(" ".join(words))
    start = hours_ago(8)
    stuck = world.call(seed.unmanaged, "daily-stuck-prod", cron=daily_at(start))
    world.call(seed.age, stuck.record, hours=10)
    world.call(seed.run, stuck.snapshot, start, "running")
    return {
        ("never-fired", "hourly-silent-prod"),
        ("missed-runs", "hourly-gappy-prod"),
        ("failing", "daily-sick-prod"),
        ("failing", "hourly-crash-prod"),
        ("long-running", "daily-stuck-prod"),
    }


def fleet(world: World) -> set[tuple[str, str]]:
    # Those that start together on a day that is not near are no finding.
    far = datetime.now(UTC) + timedelta(days=10)
    for name in ("a", "b", "c", "d"):
        world.call(seed.unmanaged, f"monthly-{name}-prod", cron=f"30 1 {far.day} * *")
    # No other schedule of this world starts at that minute.
    tomorrow = (datetime.now(UTC) + timedelta(hours=20)).replace(minute=41)
    for name in ("a", "b", "c", "d"):
        world.call(seed.unmanaged, f"daily-{name}-prod", cron=daily_at(tomorrow))
    world.call(seed.unmanaged, "Nightly Report", cron="31 3 * * *")
    world.call(seed.expire_credentials, "two", hours=30)
    return {
        ("crowded-minute", "daily-a-prod, daily-b-prod, daily-c-prod, daily-d-prod"),
        ("naming", "Nightly Report"),
        ("credential-expiring", "connector-two"),
    }


def _file(cron: str, snapshot: str | None) -> dict[str, Any]:
    return {
        "schedule": cron,
        "timeZone": "UTC",
        "paused": False,
        "snapshot_id": snapshot,
        "pipeline": "training",
    }


def test_each_finding_is_reported_and_nothing_else(world: World) -> None:
    healthy(world)
    quiet = world.run("audit", "--json")
    assert quiet.findings() == set(), quiet.out
    assert quiet.code == 0
    assert quiet.json == {
        "schedules": 4,
        "counterparts": 4,
        "drift_percent": 0.0,
        "findings": [],
        "unreachable": [],
    }

    expected = set()
    for seeding in (one_sided, crossed, different, broken, stale, runs, fleet):
        expected |= seeding(world)
    try:
        said = world.run("audit", "--json", "--crowded", "4", PULUMI_ZENML_STATE=str(world.work))
    finally:
        world.call(seed.forget_credentials)
    assert said.findings() == expected, said.out
    assert said.code == 1
    for finding in said.json["findings"]:
        assert set(finding) == {
            "code", "severity", "schedule", "stack", "flavor", "native_id", "message", "fix"
        }  # fmt: skip
        assert finding["message"] and finding["fix"]
    from pulumi_zenml.operations import CODES

    assert {code for code, _ in said.findings()} == set(CODES)


def test_drift_is_the_share_of_what_one_side_has(world: World) -> None:
    for index in range(3):
        world.call(seed.unmanaged, f"daily-{index}-prod", cron=f"{index} 3 * * *")
    world.call(seed.unmanaged, "daily-lost-prod", cron="9 3 * * *", submitted=False)
    orphan = world.call(seed.unmanaged, "daily-orphan-prod", cron="9 4 * * *")
    world.call(zenml_store.delete_record, orphan.record, soft=False)
    said = world.run("audit", "--json")
    assert (said.json["schedules"], said.json["counterparts"]) == (4, 4)
    assert said.json["drift_percent"] == 40.0


def test_a_fire_is_judged_once(world: World) -> None:
    gappy = world.call(seed.unmanaged, "hourly-gappy-prod", cron="18 * * * *")
    world.call(seed.age, gappy.record, hours=30)
    fires = world.call(seed.due, "18 * * * *", 25)
    for fire in fires[:-2]:
        world.call(seed.run, gappy.snapshot, fire)
    first = world.run("audit", "--json")
    assert first.findings() == {("missed-runs", "hourly-gappy-prod")}
    (state,) = (world.work / "state").glob("audit-*.json")
    assert gappy.record in state.read_text()
    again = world.run("audit", "--json")
    assert again.findings() == set()
    since = world.run("audit", "--json", "--since", "3h")
    assert since.findings() == {("missed-runs", "hourly-gappy-prod")}
    state.write_text("{ this is no state")
    assert world.run("audit", "--json").findings() == first.findings()


def test_a_schedule_that_changed_owes_nothing_from_before(world: World) -> None:
    resumed = world.call(seed.unmanaged, "hourly-resumed-prod", cron="18 * * * *")
    world.call(seed.age, resumed.record, hours=30)
    world.call(seed.run, resumed.snapshot, hours_ago(29))
    assert world.run("pause", "hourly-resumed-prod", "--yes").code == 0
    assert world.run("audit", "--json").findings() == set()
    assert world.run("resume", "hourly-resumed-prod", "--yes").code == 0
    assert world.run("audit", "--json").findings() == set()


def test_an_orchestrator_that_is_down_is_unknown_not_missing(world: World) -> None:
    world.call(seed.unmanaged, "daily-here-prod", cron="0 3 * * *", submitted=False)
    world.call(seed.unmanaged, "daily-there-prod", cron="1 3 * * *", stack="two")
    (world.folder("two") / "down").touch()
    said = world.run("audit", "--json")
    assert said.code == 2
    assert said.findings() == {("record-without-counterpart", "daily-here-prod")}
    (down,) = said.json["unreachable"]
    assert (down["kind"], down["name"], down["flavor"]) == ("orchestrator", "two", "filecron")
    assert "the folder is down" in down["reason"]
    assert said.json["drift_percent"] == 100.0
    listed = world.run("list", "--format", "json")
    assert listed.code == 2
    assert {it["name"]: it["native"] for it in listed.json} == {
        "daily-here-prod": "missing",
        "daily-there-prod": "unknown",
    }


def test_two_components_of_one_place_count_once(world: World) -> None:
    world.zenml.register_stack("again", "filecron", {"folder": str(world.folder("one"))})
    try:
        world.call(seed.unmanaged, "daily-one-prod", cron="0 3 * * *")
        world.call(seed.unmanaged, "daily-again-prod", cron="1 3 * * *", stack="again")
        said = world.run("audit", "--json")
        assert said.findings() == set(), said.out
        assert said.json["counterparts"] == 2
    finally:
        world.call(zenml_store.delete_stack, "again")
        world.call(zenml_store.delete_orchestrator, "again")


def test_every_project_is_looked_at_and_one_can_be_chosen(world: World) -> None:
    world.call(zenml_store.create_project, "other")
    try:
        world.call(seed.unmanaged, "daily-here-prod", cron="0 3 * * *")
        world.call(
            seed.move, world.call(seed.unmanaged, "daily-there-prod", cron="1 3 * * *"), "other"
        )
        rows = world.run("list", "--format", "json").json
        assert {(it["project"], it["name"]) for it in rows} == {
            ("default", "daily-here-prod"),
            ("other", "daily-there-prod"),
        }
        for project, name in (("default", "daily-here-prod"), ("other", "daily-there-prod")):
            said = world.run("audit", "--json", "--project", project)
            # What belongs to the other project is neither counted nor called unknown.
            assert said.findings() == set(), said.out
            assert (said.json["schedules"], said.json["counterparts"]) == (1, 1)
            listed = world.run("list", "--project", project, "--format", "json").json
            assert [it["name"] for it in listed] == [name]
        wrong = world.run("audit", "--project", "othr")
        assert wrong.code == 2 and "Near it: other" in wrong.err
    finally:
        world.call(seed.delete_all)
        world.call(zenml_store.delete_project, "other")


def test_filters_and_formats(world: World) -> None:
    world.call(seed.unmanaged, "daily-lost-prod", cron="9 3 * * *", submitted=False)
    world.call(seed.unmanaged, "badly named", cron="8 3 * * *")
    assert world.run("audit", "--json", "--ignore", "naming").findings() == {
        ("record-without-counterpart", "daily-lost-prod")
    }
    assert world.run("audit", "--json", "--severity", "error").findings() == {
        ("record-without-counterpart", "daily-lost-prod")
    }
    assert world.run("audit", "--json", "--code", "naming").findings() == {
        ("naming", "badly named")
    }
    assert world.run("audit", "--json", "--stack", "two").json["schedules"] == 0
    assert world.run("audit", "--json", "--managed").json["schedules"] == 0
    csv = world.run("audit", "--format", "csv").out.splitlines()
    assert csv[0] == "code,severity,schedule,stack,flavor,native_id,message,fix"
    assert len(csv) == 3
    import yaml

    assert yaml.safe_load(world.run("audit", "--format", "yaml").out)["schedules"] == 2
    table = world.run("audit")
    assert "record-without-counterpart" in table.out
    assert "Schedule drift: 50.0%" in table.out


def test_a_result_can_be_written_and_read(world: World) -> None:
    world.call(seed.unmanaged, "daily-lost-prod", cron="9 3 * * *", submitted=False)
    text = world.call(seed.audit_as_json)
    from pulumi_zenml.errors import InputError
    from pulumi_zenml.operations import AuditResult

    result = AuditResult.from_json(text)
    assert [it.schedule for it in result.findings] == ["daily-lost-prod"]
    assert AuditResult.from_json(result.to_json()) == result
    for broken_text in ("{", "[]", json.dumps({**json.loads(text), "version": 99})):
        with pytest.raises(InputError):
            AuditResult.from_json(broken_text)
