"""Cleanup by its five rules, and restore."""

from __future__ import annotations

import fcntl
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from operations import seed
from operations.conftest import COMMAND, World
from testbed import zenml_store


def removed(world: World, *words: str) -> Any:
    said = world.run("cleanup", "--format", "json", *words)
    assert said.code in (0, 1), said.err
    return said.json


def registry(world: World) -> dict[str, tuple[Any, ...]]:
    """What a user sees of each schedule, but for ids."""
    rows = world.run("list", "--format", "json").json
    keys = ("pipeline", "stack", "cadence", "timezone", "zenml", "native", "owner", "drift")
    return {row["name"]: tuple(row[key] for key in keys) for row in rows}


def test_cleanup_then_audit_is_clean_and_restore_brings_it_back(world: World) -> None:
    over = datetime.now(UTC) - timedelta(hours=2)
    world.call(seed.unmanaged, "daily-well-prod", cron="0 3 * * *")
    owned = world.call(seed.managed, "daily-mine-dev", "acme/shop/dev/mine", cron="1 3 * * *")
    world.call(seed.unmanaged, "daily-lost-prod", cron="2 3 * * *", submitted=False)
    orphan = world.call(seed.unmanaged, "daily-orphan-prod", cron="3 3 * * *")
    world.edit(orphan.native, paused=True, colour="red")
    world.call(zenml_store.delete_record, orphan.record, soft=True)
    world.call(seed.unmanaged, "daily-over-prod", cron="4 3 * * *", end_time=over)
    twin = world.call(seed.unmanaged, "daily-twin-prod", cron="5 3 * * *")
    world.write("twin-again", world.body(twin.native))
    before, natives = registry(world), world.natives()

    dry = world.run("cleanup")
    assert dry.code == 1
    assert "dry run: nothing was changed" in dry.err
    assert world.natives() == natives
    assert registry(world) == before

    codes = ["--code", "duplicate-counterparts", "--code", "past-its-end"]
    codes += ["--code", "record-without-counterpart", "--code", "counterpart-without-record"]
    done = world.run("cleanup", *codes, "--apply", "--yes", "--backup", "b.json", "--observe", "1s")
    assert done.code == 0, done.err
    assert "no run started within" in done.err
    assert world.run("audit", "--json").findings() == set()
    assert world.natives() == {owned.native, twin.native, *keep(world, "daily-well-prod")}

    backup = json.loads((world.work / "b.json").read_text())
    assert (backup["format"], backup["version"]) == ("pulumi-zenml-backup", 1)
    assert (world.work / "b.json").stat().st_mode & 0o077 == 0
    by_name = {item["name"]: item for item in backup["items"]}
    assert set(by_name) == {
        "daily-lost-prod",
        "daily-over-prod",
        f"training-{orphan.native}",
        "training-twin-again",
    }
    kept = by_name[f"training-{orphan.native}"]
    assert kept["paused"] and kept["settings"] == {"colour": "red"}
    assert kept["snapshot"] == orphan.snapshot
    assert kept["cadence"]["cron"] == "3 3 * * *"

    back = world.run("restore", "b.json", "--yes", "--format", "json")
    assert back.code == 0, back.out
    assert {row["outcome"] for row in back.json} == {"restored"}
    after = registry(world)
    # The dead record and the ended schedule are as they were; what had no record has one now.
    assert after["daily-lost-prod"] == before["daily-lost-prod"]
    assert after["daily-over-prod"][:3] == before["daily-over-prod"][:3]
    restored = after[f"training-{orphan.native}"]
    assert restored[2:6] == ("At 03:03 every day, UTC", "UTC", "paused", "paused")
    assert after["training-twin-again"][4:] == ("active", "active", "unmanaged", "")
    (remade,) = [
        world.body(it) for it in world.natives() if world.body(it)["schedule"] == "3 3 * * *"
    ]
    assert remade["paused"] and remade["colour"] == "red"
    again = world.run("restore", "b.json", "--yes", "--format", "json")
    assert {row["outcome"] for row in again.json} == {"already there"}
    assert registry(world) == after


def keep(world: World, name: str) -> set[str]:
    rows = world.run("list", "--format", "json").json
    return {row["native_id"] for row in rows if row["name"] == name}


def test_a_whole_pair_is_removed_by_name_and_comes_back_as_it_was(world: World) -> None:
    world.call(
        seed.managed,
        "daily-mine-dev",
        "acme/shop/dev/mine",
        cron="1 3 * * *",
        paused=True,
        colour="green",
    )
    before = registry(world)
    assert removed(world, "--code", "past-its-end") == []
    gone = removed(world, "daily-mine-dev", "--apply", "--yes", "--backup", "b.json")
    assert [(row["action"], row["name"]) for row in gone] == [("removed", "daily-mine-dev")]
    assert world.natives() == set() and registry(world) == {}
    text = (world.work / "b.json").read_text()
    assert "acme/shop/dev/mine" in text and "training:v1" in text
    said = world.run("restore", "b.json", "--yes", "--format", "json")
    assert said.code == 0, said.out
    assert "pulumi up --refresh" in said.json[0]["differs"]
    assert registry(world) == before
    (native,) = world.natives()
    assert str(world.body(native)["owner"]).partition("#")[0] == "acme/shop/dev/mine"
    assert world.body(native)["colour"] == "green"


def test_what_is_not_ours_to_touch_is_left_alone(world: World) -> None:
    owned = world.call(seed.managed, "daily-mine-dev", "acme/shop/dev/mine", cron="1 3 * * *")
    (world.folder() / f"{owned.native}.json").unlink()
    foreign = {**world_file(), "snapshot_id": "00000000-0000-4000-8000-000000000001"}
    world.write("elsewhere", foreign)
    rows = removed(world, "--code", "unknown-counterpart", "--code", "record-without-counterpart")
    notes = {row["name"]: (row["action"], row["note"]) for row in rows}
    assert notes["daily-mine-dev"][0] == notes["elsewhere"][0] == "kept"
    assert "acme/shop/dev/mine" in notes["daily-mine-dev"][1]
    assert "another server" in notes["elsewhere"][1]
    named = removed(world, "elsewhere", "daily-mine-dev", "--apply", "--yes")
    assert {(row["action"], row["name"]) for row in named} == {
        ("removed", "elsewhere"),
        ("removed", "daily-mine-dev"),
    }
    assert len(list(world.work.glob("pulumi-zenml-backup-*Z.json"))) == 1
    assert world.natives() == set() and registry(world) == {}


def world_file() -> dict[str, Any]:
    return {"schedule": "4 3 * * *", "timeZone": "UTC", "paused": False, "pipeline": "training"}


def test_a_claimed_counterpart_is_not_taken_along(world: World) -> None:
    mine = world.call(seed.unmanaged, "daily-mine-prod", cron="5 3 * * *")
    thief = world.call(seed.unmanaged, "daily-thief-prod", cron="5 3 * * *", submitted=False)
    world.call(seed.claim, thief.record, mine.native)
    rows = removed(world, "--code", "shared-counterpart", "--apply", "--yes")
    assert [row["name"] for row in rows] == ["daily-thief-prod"]
    assert world.natives() == {mine.native}
    assert set(registry(world)) == {"daily-mine-prod"}


def test_a_cleanup_that_is_killed_can_be_run_again(world: World) -> None:
    over = datetime.now(UTC) - timedelta(hours=2)
    for index in range(3):
        world.call(seed.unmanaged, f"daily-{index}-prod", cron=f"{index} 3 * * *", end_time=over)
    (world.folder() / "die-on-delete").touch()
    killed = world.run("cleanup", "--apply", "--yes", "--backup", "first.json")
    assert killed.code == 9
    assert len(world.natives()) == 2 and len(registry(world)) == 3
    assert len(json.loads((world.work / "first.json").read_text())["items"]) == 3
    again = world.run("cleanup", "--apply", "--yes", "--backup", "second.json")
    assert again.code == 0, again.err
    # The one whose counterpart went first is over, so nothing is wrong with its record.
    assert world.natives() == set()
    assert world.run("audit", "--json").findings() == set()


def test_one_step_that_fails_does_not_keep_the_others(world: World) -> None:
    over = datetime.now(UTC) - timedelta(hours=2)
    world.call(seed.unmanaged, "daily-one-prod", cron="0 3 * * *", end_time=over)
    world.call(seed.unmanaged, "daily-two-prod", cron="1 3 * * *", end_time=over, stack="two")
    (world.folder("one") / "keep").touch()
    said = world.run("cleanup", "--apply", "--yes", "--format", "json")
    assert said.code == 1
    outcome = {row["name"]: (row["action"], row["note"]) for row in said.json}
    assert outcome["daily-two-prod"][0] == "removed"
    assert outcome["daily-one-prod"][0] == "failed"
    assert "the folder keeps what it has" in outcome["daily-one-prod"][1]
    # The orchestrator's side goes first: where that fails, ZenML still knows of it.
    assert set(registry(world)) == {"daily-one-prod"}


def test_two_cleanups_at_once_do_no_harm(world: World) -> None:
    over = datetime.now(UTC) - timedelta(hours=2)
    for index in range(3):
        world.call(seed.unmanaged, f"daily-{index}-prod", cron=f"{index} 3 * * *", end_time=over)
    command = [str(COMMAND), "cleanup", "--apply", "--yes", "--backup"]
    # The second on another machine, so to speak: no lock keeps the two apart.
    both = [
        subprocess.Popen(
            [*command, f"{name}.json"],
            cwd=world.work,
            env=world.environment(PULUMI_ZENML_STATE=str(world.work / name)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for name in ("left", "right")
    ]
    codes = [(it.communicate(timeout=300)[1], it.returncode) for it in both]
    assert {code for _, code in codes} <= {0, 1}, codes
    assert world.natives() == set() and registry(world) == {}


def test_a_lock_held_elsewhere_is_a_clear_message(world: World) -> None:
    world.call(seed.unmanaged, "daily-lost-prod", cron="2 3 * * *", submitted=False)
    assert world.run("cleanup", "--apply", "--yes", "--code", "half-made").code == 0
    busy = world.run("restore", "--yes", str(make_backup(world)))
    assert busy.code in (0, 1)
    (lock,) = (world.work / "state").glob("change-*.lock")
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        said = world.run("cleanup", "--apply", "--yes", "--backup", "none.json")
    assert said.code == 2
    assert "another cleanup or restore" in said.err
    assert not (world.work / "none.json").exists()


def make_backup(world: World) -> Path:
    path = world.work / "made.json"
    world.run("cleanup", "daily-lost-prod", "--apply", "--yes", "--backup", str(path))
    return path


def test_a_backup_that_cannot_be_written_changes_nothing(world: World) -> None:
    world.call(seed.unmanaged, "daily-lost-prod", cron="2 3 * * *", submitted=False)
    (world.work / "taken.json").write_text("mine")
    for path, why in (
        ("taken.json", "taken.json' exists already"),
        ("/proc/none/b.json", "cannot be written"),
    ):
        said = world.run("cleanup", "--apply", "--yes", "--backup", path)
        assert said.code == 2
        assert why in said.err
    assert set(registry(world)) == {"daily-lost-prod"}
    unasked = world.run("cleanup", "--apply")
    assert unasked.code == 2 and "give --yes" in unasked.err


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda text: text[: len(text) // 2], "truncated"),
        (lambda text: text.replace('"version": 1', '"version": 7'), "version 7"),
        (lambda text: text.replace("daily-lost-prod", "daily-last-prod"), "damaged"),
        (lambda text: "{}", "not a backup"),
        (lambda text: "[1, 2]", "not a backup"),
    ],
)
def test_a_backup_that_cannot_be_trusted_is_refused(
    tmp_path: Path, spoil: Callable[[str], str], reason: str
) -> None:
    from pulumi_zenml.cadence import make_cadence
    from pulumi_zenml.errors import BackupError
    from pulumi_zenml.operations import read_backup
    from pulumi_zenml.operations.backup import BackupItem, write_backup

    cadence = make_cadence(cron="0 3 * * *", timezone="Europe/Berlin")
    item = BackupItem(
        name="daily-lost-prod",
        cadence=cadence,
        cron="",
        project="x",
        project_id="x",
        stack="x",
        orchestrator="x",
        orchestrator_id="x",
        flavor="x",
        pipeline="x",
        pipeline_id="x",
        snapshot="x",
        reference="x",
        source="x",
        native_cadence="x",
    )
    path = tmp_path / "b.json"
    write_backup(path, [item], datetime.now(UTC))
    assert read_backup(path).items == (item,)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(BackupError, match=reason):
        read_backup(path)


def test_a_run_after_a_cleanup_is_seen(world: World) -> None:
    over = datetime.now(UTC) - timedelta(hours=2)
    made = world.call(seed.unmanaged, "daily-over-prod", cron="0 3 * * *", end_time=over)
    with subprocess.Popen(
        [str(COMMAND), "cleanup", "--apply", "--yes", "--backup", "b.json", "--observe", "90s"],
        cwd=world.work,
        env=world.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        for line in process.stderr:
            if line.startswith("backup:"):
                break
        later = datetime.now(UTC) + timedelta(seconds=2)
        run = world.call(seed.run, made.snapshot, later, "running")
        _, said = process.communicate(timeout=200)
    assert process.returncode == 1
    assert f"run '{run}' started after that" in said


def test_a_counterpart_that_became_another_records_is_left_alone(world: World) -> None:
    other = world.call(seed.unmanaged, "daily-other-prod", cron="0 3 * * *")
    mine = world.call(seed.unmanaged, "daily-mine-prod", cron="0 4 * * *")
    (world.folder() / f"{mine.native}.json").unlink()
    world.call(seed.claim, mine.record, other.native)
    world.call(seed.delete_pair, mine.record, other.native)
    assert world.natives() == {other.native}
    assert [it.name for it in world.zenml.records()] == ["daily-other-prod"]


def test_a_counterpart_that_was_pointed_elsewhere_by_hand_goes(world: World) -> None:
    made = world.call(seed.unmanaged, "daily-mine-prod", cron="0 4 * * *")
    world.edit(made.native, snapshot_id="b7b6a3a4-6a5d-4a1c-9f0c-0d9f0a3c1e55")
    world.call(seed.delete_pair, made.record, made.native)
    assert world.natives() == set()
    assert world.zenml.records() == []
