"""Pause, resume, trigger, list and history, as the on-call hand uses them."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from operations import seed
from operations.conftest import COMMAND, World
from pulumi_zenml.cli import COMMANDS

NASTY = "daily-\x1b[31mred\x1b]0;title\x07-[bold]x[/bold]-\u202eprod\n=cmd"


def states(world: World, name: str) -> tuple[str, str]:
    (row,) = [it for it in world.run("list", "--format", "json").json if it["name"] == name]
    return row["zenml"], row["native"]


def test_pause_and_resume_an_unmanaged_schedule(world: World) -> None:
    world.call(seed.unmanaged, "daily-well-prod", cron="0 3 * * *")
    unasked = world.run("pause", "daily-well-prod")
    assert unasked.code == 2 and "give --yes" in unasked.err
    assert states(world, "daily-well-prod") == ("active", "active")
    (paused,) = world.run("pause", "daily-well-prod", "--yes", "--format", "json").json
    assert (paused["zenml"], paused["native"], paused["note"]) == ("paused", "paused", "")
    (resumed,) = world.run("resume", "daily-well-prod", "--yes", "--format", "json").json
    assert (resumed["zenml"], resumed["native"]) == ("active", "active")


def test_a_managed_one_says_what_the_next_up_will_do(world: World) -> None:
    world.call(seed.managed, "daily-mine-dev", "acme/shop/dev/mine", cron="0 3 * * *")
    (paused,) = world.run("pause", "daily-mine-dev", "--yes", "--format", "json").json
    assert paused["native"] == "paused"
    assert "acme/shop/dev/mine" in paused["note"] and "pulumi up --refresh" in paused["note"]


def test_a_pause_for_a_while_ends_by_itself_or_by_what_is_due(world: World) -> None:
    world.call(seed.managed, "daily-mine-dev", "acme/shop/dev/mine", cron="0 3 * * *")
    waited = world.run("pause", "daily-mine-dev", "--until", "1s", "--wait", "--yes")
    assert waited.code == 0, waited.err
    assert "resumed daily-mine-dev" in waited.err
    assert states(world, "daily-mine-dev") == ("active", "active")

    detached = world.run("pause", "daily-mine-dev", "--until", "1s", "--yes")
    assert "resume --due" in detached.out
    assert states(world, "daily-mine-dev") == ("paused", "paused")
    assert world.run("audit", "--json").findings() == {("pause-overdue", "daily-mine-dev")}
    (due,) = world.run("resume", "--due", "--format", "json").json
    assert due["name"] == "daily-mine-dev"
    assert states(world, "daily-mine-dev") == ("active", "active")
    assert world.run("resume", "--due", "--format", "json").json == []


def test_what_a_flavor_cannot_do_is_said(world: World) -> None:
    world.call(seed.unmanaged, "daily-well-prod", cron="0 3 * * *")
    said = world.run("trigger", "daily-well-prod", "--yes")
    assert said.code == 2
    assert "filecron cannot start a run now: nobody asked for it" in said.err
    unknown = world.run("pause", "daily-wel-prod", "--yes")
    assert unknown.code == 2
    assert "Near it: daily-well-prod" in unknown.err


def test_history_joins_both_sides_and_shows_gaps(world: World) -> None:
    made = world.call(seed.unmanaged, "hourly-gappy-prod", cron="18 * * * *")
    world.call(seed.age, made.record, hours=6)
    fires = world.call(seed.due, "18 * * * *", 5.5)
    start = fires[0] + timedelta(minutes=2)
    world.call(seed.run, made.snapshot, start, minutes=7, native="run-0")
    words = [f"succeeded@{fires[0].isoformat()}", f"failed@{fires[1].isoformat()}"]
    (world.folder() / f"{made.native}.runs").write_text(" ".join(words))
    said = world.run("history", "hourly-gappy-prod", "--since", "1d", "--format", "json")
    rows = {it["started"] or it["due"]: it for it in said.json}
    both = rows[fires[0].isoformat()]
    assert (both["where"], both["zenml"], both["native"]) == ("both", "completed", "succeeded")
    assert both["duration"] == 9 * 60
    alone = rows[fires[1].isoformat()]
    assert (alone["where"], alone["native"], alone["native_run_id"]) == (
        "native",
        "failed",
        "run-1",
    )
    assert rows[fires[2].isoformat()]["where"] == "missing"
    table = world.run("history", "hourly-gappy-prod")
    assert "missing" in table.out and "completed" in table.out


def test_list_has_filters_and_formats(world: World) -> None:
    made = world.call(seed.managed, "daily-mine-dev", "acme/shop/dev/mine", cron="0 3 * * 1-5")
    started = datetime.now(UTC) - timedelta(minutes=30)
    world.call(seed.run, made.snapshot, started, "failed")
    world.call(seed.unmanaged, "daily-lost-prod", cron="1 3 * * *", submitted=False)
    rows = {it["name"]: it for it in world.run("list", "--format", "json").json}
    mine, lost = rows["daily-mine-dev"], rows["daily-lost-prod"]
    assert mine["cadence"] == "At 03:00 on Monday through Friday, Europe/Berlin"
    assert mine["owner"] == "acme/shop/dev/mine" and lost["owner"] == "unmanaged"
    assert mine["last_result"] == "failed" and mine["last_run"] is not None
    assert datetime.fromisoformat(mine["next_run"]) > datetime.now(UTC)
    assert (lost["native"], lost["drift"], lost["next_run"]) == ("missing", "no counterpart", None)
    for words, names in (
        (["--managed"], ["daily-mine-dev"]),
        (["--unmanaged"], ["daily-lost-prod"]),
        (["--environment", "dev"], ["daily-mine-dev"]),
        (["--state", "missing"], ["daily-lost-prod"]),
        (["--pipeline", "other"], []),
    ):
        listed = world.run("list", *words, "--format", "json").json
        assert [it["name"] for it in listed] == names
    table = world.run("list", "-o", "wide").out
    assert "At 03:00 on Monday through Friday" in table
    assert "CET" in table or "CEST" in table
    parsed = yaml.safe_load(world.run("list", "--format", "yaml").out)
    assert {it["name"] for it in parsed} == set(rows)
    read = list(csv.DictReader(io.StringIO(world.run("list", "--format", "csv").out)))
    assert {it["name"] for it in read} == set(rows)


def test_watch_looks_again(world: World) -> None:
    world.call(seed.unmanaged, "daily-well-prod", cron="0 3 * * *")
    with world.start("list", "--watch", "1s") as process:
        assert process.stdout is not None
        seen = ""
        while "late-comer" not in seen:
            line = process.stdout.readline()
            assert line, seen
            seen += line
            if "daily-well-prod" in seen and "late-comer" not in str(world.natives()):
                body = world.body(next(iter(world.natives())))
                world.write("late-comer", {**body, "snapshot_id": "00000000-0000-4000-8000-0"})
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.mark.parametrize("command", ["list", "audit", "history", "cleanup"])
def test_a_name_cannot_do_anything_to_a_terminal(world: World, command: str) -> None:
    made = world.call(seed.unmanaged, "daily-nasty-prod", cron="0 3 * * *", submitted=False)
    world.call(seed.rename, made.record, NASTY)
    for format in ("table", "json", "yaml", "csv"):
        words = [command, *([NASTY] if command == "history" else []), "--format", format]
        said = world.run(*words)
        assert said.code in (0, 1), said.err
        printed = said.out + said.err
        # Of all control characters, only the line ends of the output itself.
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", printed)
        if command == "list" and format == "table":
            assert r"\x1b[31mred\x1b]0;title\x07-[bold]x[/bold]-\u202eprod\n=cmd" in said.out
        if command == "list" and format == "json":
            assert said.json[0]["name"] == NASTY


def test_stdout_is_for_machines_and_stderr_for_people(world: World) -> None:
    world.call(seed.unmanaged, "daily-well-prod", cron="0 3 * * *")
    said = world.run("audit", "--json", ZENML_LOGGING_VERBOSITY="DEBUG")
    assert said.json["schedules"] == 1
    secret = '{"one": {"token": "very-secret"'
    bad = world.run("list", PULUMI_ZENML_ORCHESTRATORS=secret)
    assert bad.code == 2
    assert "PULUMI_ZENML_ORCHESTRATORS" in bad.err and "very-secret" not in bad.err
    down = world.run("list", "--server-url", "http://127.0.0.1:9")
    assert down.code == 2 and down.out == ""
    assert "no answer from http://127.0.0.1:9" in down.err


EXAMPLE = re.compile(r"^\s+(pulumi-zenml .*)$", re.MULTILINE)


def examples(help: str) -> list[list[str]]:
    _, _, told = help.partition("Example:")
    return [line.split()[1:] for line in EXAMPLE.findall(told.partition("Options:")[0])]


def test_every_help_has_examples_that_run(world: World) -> None:
    over = datetime.now(UTC) - timedelta(hours=2)
    world.call(seed.unmanaged, "daily-training-prod", cron="0 3 * * *")
    world.call(seed.unmanaged, "daily-over-prod", cron="0 3 * * *", end_time=over)
    ends: dict[str, list[int]] = {}
    commands = "list audit history pause resume cleanup restore trigger report doctor".split()
    for command in commands:
        told = examples(world.run(command, "--help").out)
        assert told, command
        for words in told:
            said = world.run(*words)
            assert "Traceback" not in said.err, said.err
            ends.setdefault(command, []).append(said.code)
    assert ends == {
        "list": [0, 0],
        "audit": [1, 1],
        "history": [0],
        "pause": [0, 0],
        "resume": [0, 0],
        # The dry run has something to remove; the second removes it.
        "cleanup": [1, 0],
        "restore": [0],
        # This flavor cannot.
        "trigger": [2],
        # The one that is over is gone, and the other's name is fine.
        "report": [0, 0],
        "doctor": [0, 0],
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_the_console_script_knows_every_command(world: World, command: str) -> None:
    said = world.script(command, "--help")
    assert said.code == 0
    assert f"Usage: pulumi-zenml {command}" in said.out
    assert said.err == ""


def test_the_console_script_looks_as_well(world: World) -> None:
    made = world.call(seed.unmanaged, "daily-training-prod", cron="0 3 * * *")
    said = world.script("list", "--format", "json")
    assert said.code == 0, said.err
    assert [it["native_id"] for it in said.json] == [made.native]


def test_a_broken_pipe_is_no_traceback(world: World) -> None:
    world.call(seed.unmanaged, "daily-well-prod", cron="0 3 * * *")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [str(COMMAND), "list", "--format", "json"],
        env=world.environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert "Traceback" not in done.stderr


def test_an_orchestrators_file_reaches_the_adapter(world: World) -> None:
    (world.work / "o.json").write_text("[]")
    said = world.run("list", "--orchestrators-file", "o.json")
    assert said.code == 2 and "an object of objects" in said.err
    missing = world.run("list", "--orchestrators-file", "none.json")
    assert missing.code == 2 and "cannot be read" in missing.err
