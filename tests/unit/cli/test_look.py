"""The commands that only look: list, audit, history, report, doctor, orchestrators."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from pulumi_zenml.cli import COMMANDS
from pulumi_zenml.operations import Check
from unit.cli.conftest import Run
from unit.memory.seed import managed, unmanaged
from unit.memory.seed import run as add_run
from unit.memory.world import World


def ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


# --- help and usage -----------------------------------------------------------------------------


def test_every_command_is_listed_and_has_help_with_an_example(run: Run) -> None:
    listed = run("--help")
    assert listed.code == 0
    for name, (_, line) in COMMANDS.items():
        assert name in listed.out and line in " ".join(listed.out.split())
        shown = run(name, "--help")
        assert (shown.code, shown.err) == (0, "")
        assert f"Usage: pulumi-zenml {name}" in shown.out
        # Each command of the group has its own.
        assert name == "cron" or f"Example:\n    pulumi-zenml {name}" in shown.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("lst",), "No such command 'lst'"),
        (("audit", "--code", "nothing"), "'nothing' is not one of"),
        (("list", "--format", "xml"), "'xml' is not one of"),
        (("history",), "Missing argument 'NAME'"),
        (("history", "x", "--since", "soon"), "'soon' is not an instant. Write 2h"),
        (("list", "--watch", "5"), "'5' is not a duration. Write 90s"),
        (("list", "--watch", "5s", "--format", "json"), "it shows a table only"),
        (("resume",), "give the name of one schedule, or --due"),
        (("pause", "x", "--until", "2020-01-01T00:00:00+00:00"), "has passed"),
        (("reconcile",), "Missing option '--pulumi-stack'"),
        (("report",), "Missing option '--html'"),
        (("cleanup", "--code", "naming"), "'naming' is not one of"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(run: Run, words: tuple[str, ...], why: str) -> None:
    said = run(*words)
    assert said.code == 2
    assert said.out == ""
    assert why in said.err
    assert "Traceback" not in said.err


# --- list ---------------------------------------------------------------------------------------


def test_list_in_each_format(run: Run, world: World) -> None:
    made = managed(world)
    unmanaged(world, "daily-lost-prod", submitted=False)
    rows = run("list", "--format", "json")
    assert (rows.code, rows.err) == (0, "")
    assert {it["name"]: it["drift"] for it in rows.json} == {
        made.name: "",
        "daily-lost-prod": "no counterpart",
    }
    assert yaml.safe_load(run("list", "--format", "yaml").out) == rows.json
    listed = list(csv.DictReader(io.StringIO(run("list", "--format", "csv").out)))
    assert {it["name"]: it["native"] for it in listed} == {
        made.name: "active",
        "daily-lost-prod": "missing",
    }
    table = [it for it in run("list").out.splitlines() if it.strip()]
    assert table[0] == "schedule            next run              native state  last result  drift"
    table = run("list", "-o", "wide").out.splitlines()
    (line,) = [it for it in table if made.name in it and "memory" in it]
    assert "Europe/Berlin" in line and f"acme/shop/dev/{made.name}" in line


def test_list_of_what_is_chosen(run: Run, world: World) -> None:
    managed(world)
    unmanaged(world)
    for words, name in (
        (("--managed",), "daily-training-dev"),
        (("--unmanaged",), "daily-report-prod"),
        (("--environment", "prod"), "daily-report-prod"),
    ):
        assert [it["name"] for it in run("list", "--format", "json", *words).json] == [name]
    assert run("list", "--format", "json", "--stack", "two").json == []


def test_what_cannot_be_read_is_status_2(run: Run, world: World) -> None:
    unmanaged(world)
    world.down = {"two": "refused"}
    said = run("list", "--format", "json")
    assert said.code == 2 and len(said.json) == 1
    assert said.err == ("orchestrator 'two' could not be read: memory: 'two' fails: refused\n")
    other = run("list", "--project", "defalt")
    assert (other.code, other.out) == (2, "")
    assert other.err.startswith("pulumi-zenml: ZenML: there is no project 'defalt'. Near it:")


def test_orchestrators_file_that_is_no_json_is_not_quoted(run: Run) -> None:
    Path("o.json").write_text('{"one": "hunter2"')
    said = run("list", "--orchestrators-file", "o.json")
    assert said.code == 2
    assert "--orchestrators-file: it is not JSON from line 1 on." in said.err
    assert "hunter2" not in said.err


# --- audit --------------------------------------------------------------------------------------


def test_audit_of_a_healthy_world(run: Run, world: World) -> None:
    managed(world)
    said = run("audit", "--json")
    assert (said.code, said.err) == (0, "")
    assert said.json == {
        "schedules": 1,
        "counterparts": 1,
        "drift_percent": 0.0,
        "findings": [],
        "unreachable": [],
    }
    table = run("audit")
    assert table.out == "1 schedules, 1 counterparts, 0 findings. Schedule drift: 0.0%\n"


def test_audit_with_findings(run: Run, world: World) -> None:
    unmanaged(world, "daily-lost-prod", submitted=False)
    unmanaged(world, "Nightly Report")
    said = run("audit", "--format", "json")
    assert said.code == 1
    assert [(it["severity"], it["code"], it["schedule"]) for it in said.json["findings"]] == [
        ("error", "record-without-counterpart", "daily-lost-prod"),
        ("info", "naming", "Nightly Report"),
    ]
    assert "pulumi-zenml cleanup" in said.json["findings"][0]["fix"]
    for words, codes in (
        (("--severity", "error"), ["record-without-counterpart"]),
        (("--code", "naming"), ["naming"]),
        (("--ignore", "record-without-counterpart"), ["naming"]),
    ):
        chosen = run("audit", "--json", *words)
        assert [it["code"] for it in chosen.json["findings"]] == codes
    lines = run("audit", "--format", "csv").out.splitlines()
    assert lines[0] == "code,severity,schedule,stack,flavor,native_id,message,fix"
    assert len(lines) == 3
    table = run("audit").out
    assert "record-without-counterpart" in table
    assert table.endswith("2 findings. Schedule drift: 50.0%\n")


def test_findings_that_are_never_wanted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_ZENML_IGNORE", "namng")
    assert "PULUMI_ZENML_IGNORE: 'namng' is not one of" in run("audit").err


def test_naming_is_off_where_the_environment_says_so(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    unmanaged(world, "Nightly Report")
    (found,) = run("audit", "--json").json["findings"]
    assert 'then set name="' in found["fix"] and "adopt" in found["fix"]
    monkeypatch.setenv("PULUMI_ZENML_IGNORE", "naming,failing")
    assert (run("audit").code, run("report", "--html", "r.html").code) == (0, 0)


def test_a_dead_record_is_not_told_to_change_its_name(run: Run, world: World) -> None:
    unmanaged(world, "Nightly Report", submitted=False)
    (found,) = run("audit", "--json").json["findings"]
    assert found["code"] == "record-without-counterpart"


def test_a_fault_of_its_own_is_no_finding(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **options: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("pulumi_zenml.cli.audit.run_audit", broken)
    said = run("audit")
    assert (said.code, said.out) == (70, "")
    assert "failed where it should not: ZeroDivisionError: oh. Set PULUMI_ZENML_LOG" in said.err


def test_audit_of_what_cannot_be_read_is_status_2(run: Run, world: World) -> None:
    unmanaged(world, "daily-lost-prod", submitted=False)
    world.down = {"two": "timeout"}
    said = run("audit", "--json")
    assert said.code == 2
    assert [it["name"] for it in said.json["unreachable"]] == ["two"]
    assert "unknown: orchestrator 'two' could not be read" in run("audit").err


# --- history ------------------------------------------------------------------------------------


def test_history(run: Run, world: World) -> None:
    made = managed(world)
    add_run(world, made, ago(3), "failed")
    add_run(world, made, ago(1))
    rows = run("history", made.name, "--format", "json")
    assert rows.code == 0
    found = [(it["where"], it["zenml"], it["duration"]) for it in rows.json]
    assert found == [("zenml", "completed", 300.0), ("zenml", "failed", 300.0)]
    assert len(run("history", made.name, "--limit", "1", "--format", "json").json) == 1
    assert len(run("history", made.name, "--since", "2h", "--format", "json").json) == 1
    assert "zenml only" in run("history", made.name).out
    world.runs.clear()
    assert run("history", made.name).out.startswith("no runs since ")
    other = run("history", "daily-training-dv")
    assert other.code == 2 and "Near it: daily-training-dev" in other.err


# --- report -------------------------------------------------------------------------------------


def test_report(run: Run, world: World) -> None:
    made = managed(world)
    unmanaged(world, "daily-lost-prod", submitted=False)
    said = run("report", "--html", "r.html")
    assert said.code == 1
    assert said.out == "r.html: 2 schedules, 1 counterparts, 1 findings. Schedule drift: 50.0%\n"
    page = Path("r.html").read_text()
    assert page.startswith("<!doctype html>")
    assert made.name in page and "record-without-counterpart" in page
    del world.records[next(id for id, it in world.records.items() if "lost" in it.name)]
    assert run("report", "--html", "r.html").code == 0
    Path("mine.html").write_text("mine")
    taken = run("report", "--html", "mine.html")
    assert taken.code == 2 and "--force" in taken.err
    assert Path("mine.html").read_text() == "mine"


# --- doctor -------------------------------------------------------------------------------------


@pytest.fixture
def healthy_zenml(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only a real ZenML and this machine can answer is well."""
    well = Check("zenml", "reachable", "", "ok", "it answers")
    for name, area in (("check_zenml", "zenml"), ("check_machine", "machine")):
        check = Check(area, well.name, "", "ok", well.detail)
        monkeypatch.setattr(
            f"pulumi_zenml.operations.doctor.{name}", lambda where, check=check: [check]
        )
    monkeypatch.setattr(
        "pulumi_zenml.operations.doctor.check_stack",
        lambda session, stack, now: [Check("stack", "components", stack, "ok", "all there")],
    )


@pytest.mark.usefixtures("healthy_zenml")
def test_doctor_of_a_healthy_world(run: Run, world: World) -> None:
    made = managed(world)
    said = run("doctor", "--format", "json")
    assert said.code == 0
    assert {it["result"] for it in said.json} <= {"ok", "skipped"}
    found = {(it["area"], it["name"], it["subject"]) for it in said.json}
    assert found >= {
        ("stack", "components", "one"),
        ("orchestrator", "list: native schedule", "one"),
        ("schedule", "both sides", ""),
    }
    # Only what schedules use is looked at.
    assert {it["subject"] for it in said.json if it["area"] == "orchestrator"} == {"one"}
    table = run("doctor", made.name)
    assert table.code == 0
    assert "they agree, linked by the snapshot: active in ZenML, active in memory" in table.out
    assert "0 failed" in table.out.splitlines()[-1]


@pytest.mark.usefixtures("healthy_zenml")
def test_doctor_says_what_is_wrong_and_what_to_do(run: Run, world: World) -> None:
    made = managed(world)
    world.natives[made.native].cron = "0 9 * * *"
    said = run("doctor", made.name, "--format", "json")
    assert said.code == 1
    (wrong,) = [it for it in said.json if it["result"] == "failed"]
    assert (wrong["area"], wrong["name"], wrong["subject"]) == (
        "schedule", "cadence-differs", made.name,
    )  # fmt: skip
    assert "pulumi up --refresh" in wrong["remedy"]
    world.down = {"one": "denied"}
    down = run("doctor", "--format", "json")
    assert down.code == 1
    failed = [it for it in down.json if it["result"] == "failed"]
    assert {it["area"] for it in failed} == {"orchestrator"}
    assert all("Grant" in it["remedy"] for it in failed)
    world.down = {}
    missing = run("doctor", "daily-training-dv", "--format", "json")
    (wrong,) = [it for it in missing.json if it["name"] == "exists"]
    assert wrong["result"] == "failed" and "Near it" in wrong["detail"]


@pytest.mark.usefixtures("healthy_zenml")
def test_doctor_of_a_zenml_that_is_down_is_status_2(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = Check("zenml", "reachable", "", "failed", "no answer", "Start it.", blocking=True)
    monkeypatch.setattr("pulumi_zenml.operations.doctor.check_zenml", lambda connection: [down])
    said = run("doctor", "--format", "json")
    assert said.code == 2
    assert said.json[0]["remedy"] == "Start it."
    assert {it["area"] for it in said.json} <= {"zenml", "machine", "packages"}


# --- orchestrators ------------------------------------------------------------------------------


def test_orchestrators(run: Run) -> None:
    rows = run("orchestrators", "--json")
    assert rows.code == 0
    assert {it["flavor"] for it in rows.json} >= {"airflow", "kubernetes", "memory", "vertex"}
    (one,) = run("orchestrators", "memory", "--json").json
    assert one["counterpart"] == "native schedule"
    assert "native schedule" in run("orchestrators").out
    assert "it holds a cron expression." in run("orchestrators", "memory").out
    (local,) = [it for it in rows.json if it["flavor"] == "local"]
    assert "nothing is left to fire later" in local["refused"]
    assert local["instead"].startswith("Use a stack with one of airflow")
    assert one["refused"] == one["instead"] == ""
    refused = run("orchestrators", "local")
    assert refused.code == 2
    assert "nothing is left to fire later" in " ".join(refused.err.split())
