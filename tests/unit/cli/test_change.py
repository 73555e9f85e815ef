"""The commands that change something: pause, trigger, cleanup, restore, adopt, reconcile."""

from __future__ import annotations

import ast
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pulumi_zenml.errors import BusyError
from pulumi_zenml.operations import DriftedProperty, ReconcileResult, Repair
from pulumi_zenml.operations.pair_findings import PAUSED_UNTIL
from unit.cli.conftest import Run
from unit.memory.seed import Made, change, managed, unmanaged
from unit.memory.seed import run as add_run
from unit.memory.world import World


def state(world: World, made: Made) -> tuple[bool, bool]:
    """Whether each side is paused: ZenML's, the orchestrator's."""
    return not world.records[made.record].active, world.natives[made.native].paused


# --- pause, resume, trigger ---------------------------------------------------------------------


def test_pause_and_resume(run: Run, world: World) -> None:
    made = managed(world)
    said = run("pause", made.name, "--yes", "--format", "json")
    assert (said.code, state(world, made)) == (0, (True, True))
    (row,) = said.json
    assert (row["action"], row["zenml"], row["native"]) == ("paused", "paused", "paused")
    assert "pulumi up --refresh" in row["note"]
    table = run("resume", made.name, "--yes", "-o", "wide")
    assert (table.code, state(world, made)) == (0, (False, False))
    assert "resumed" in table.out and made.native in table.out


@pytest.mark.parametrize("command", ["pause", "resume", "trigger"])
def test_without_a_terminal_nothing_is_changed_unasked(
    run: Run, world: World, command: str
) -> None:
    made = managed(world, paused=command == "resume")
    before = list(world.calls)
    said = run(command, made.name)
    assert said.code == 2
    assert "would" in said.out and made.name in said.out
    assert "give --yes to confirm" in said.err
    assert world.calls == before


def test_a_pause_that_ends_by_itself(run: Run, world: World) -> None:
    made = unmanaged(world)
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    said = run("pause", made.name, "--until", until, "--yes", "--format", "json")
    assert "stays paused until the first 'pulumi-zenml resume --due' after" in said.err
    assert said.code == 0 and "resume --due" in said.json[0]["note"]
    nothing = run("resume", "--due", "--format", "json")
    assert (nothing.code, nothing.json) == (0, [])
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    change(world, made, metadata={PAUSED_UNTIL: past})
    due = run("resume", "--due", "--format", "json")
    assert [it["name"] for it in due.json] == [made.name]
    assert state(world, made) == (False, False)


def test_pause_waits_for_its_end_and_resumes(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = unmanaged(world)
    seen = []

    def wait(selection: object, until: datetime) -> None:
        seen.append(state(world, made))

    monkeypatch.setattr(import_module("pulumi_zenml.cli.control"), "_wait", wait)
    said = run("pause", made.name, "--until", "1h", "--wait", "--yes")
    assert (said.code, seen, state(world, made)) == (0, [(True, True)], (False, False))
    assert f"resumed {made.name}." in said.err


def test_a_run_in_progress_keeps_a_schedule_from_being_paused(run: Run, world: World) -> None:
    made = unmanaged(world)
    add_run(world, made, datetime.now(UTC), "running")
    said = run("pause", made.name, "--yes")
    assert (said.code, said.out, state(world, made)) == (2, "", (False, False))
    assert "has a run in progress" in said.err and said.err.count("\n") == 1
    assert run("pause", made.name, "--yes", "--when-running", "ignore").code == 0


def test_trigger(run: Run, world: World) -> None:
    made = unmanaged(world)
    said = run("trigger", made.name, "--yes", "--format", "json")
    assert said.code == 0
    (started,) = world.natives[made.native].runs
    assert said.json[0]["note"] == f"run {started.run_id}"
    change(world, made, active=False)
    refused = run("trigger", made.name, "--yes")
    assert refused.code == 2 and "is paused" in refused.err


# --- cleanup and restore ------------------------------------------------------------------------


def test_cleanup_is_a_dry_run_unless_told_otherwise(run: Run, world: World) -> None:
    made = unmanaged(world, "daily-lost-prod", submitted=False)
    said = run("cleanup", "--format", "json")
    assert said.code == 1
    (row,) = said.json
    assert (row["action"], row["name"], row["record"]) == ("would remove", made.name, made.record)
    assert "dry run: nothing was changed" in said.err
    unasked = run("cleanup", "--apply")
    assert unasked.code == 2 and "give --yes" in unasked.err
    assert set(world.records) == {made.record}
    assert list(Path().iterdir()) == []


def test_cleanup_and_restore(run: Run, world: World) -> None:
    made = unmanaged(world)
    del world.records[made.record]
    mine = managed(world)
    del world.natives[mine.native]
    said = run("cleanup", "--apply", "--yes", "--format", "json")
    assert said.code == 0
    actions = {it["name"]: (it["action"], it["why"]) for it in said.json}
    assert actions == {
        made.native: ("removed", "counterpart-without-record"),
        mine.name: ("kept", "record-without-counterpart"),
    }
    assert (set(world.records), world.natives) == ({mine.record}, {})
    (backup,) = Path().glob("pulumi-zenml-backup-*Z.json")
    assert f"pulumi-zenml restore {backup}" in said.err
    planned = run("restore", str(backup), "--dry-run", "--format", "json")
    assert planned.code == 0
    assert [it["outcome"] for it in planned.json] == ["would restore"]
    assert world.natives == {}
    assert run("restore", str(backup)).code == 2
    restored = run("restore", str(backup), "--yes", "--format", "json")
    assert restored.code == 0
    assert [it["outcome"] for it in restored.json] == ["restored"]
    assert len(world.natives) == 1
    again = run("restore", str(backup), "--yes")
    assert again.code == 0 and "already there" in again.out


def test_cleanup_of_nothing(run: Run, world: World) -> None:
    managed(world)
    said = run("cleanup")
    assert (said.code, said.out) == (0, "nothing to remove.\n")
    other = run("cleanup", "daily-training-dv")
    assert other.code == 2 and "Near it: daily-training-dev" in other.err


def test_cleanup_that_fails_in_part_is_status_1(run: Run, world: World) -> None:
    made = unmanaged(world)
    del world.records[made.record]
    world.fault = (len(world.calls) + 1, "refuse")
    said = run("cleanup", "--apply", "--yes", "--backup", "b.json", "--format", "json")
    assert said.code == 1
    assert [(it["action"], it["note"]) for it in said.json] == [
        ("failed", "memory: delete native was refused")
    ]


def test_cleanup_that_is_watched(run: Run, world: World) -> None:
    unmanaged(world, "daily-lost-prod", submitted=False)
    said = run("cleanup", "--apply", "--yes", "--backup", "b.json", "--observe", "0s")
    assert said.code == 0
    assert "no run started within 0:00:00." in said.err


def test_a_restore_of_something_else_is_an_error(run: Run) -> None:
    Path("b.json").write_text("{}")
    said = run("restore", "b.json", "--yes")
    assert (said.code, said.out) == (2, "")
    assert "is not a backup of pulumi-zenml" in said.err


# --- adopt --------------------------------------------------------------------------------------


def test_adopt_writes_a_program(run: Run, world: World) -> None:
    made = unmanaged(world)
    managed(world)
    said = run("adopt")
    assert said.code == 0
    compiled = ast.parse(said.out)
    assert made.name in ast.unparse(compiled)
    assert "1 left out: Pulumi resources own them already" in said.err
    whole = run("adopt", "--format", "json")
    assert whole.code == 0
    assert (whole.json["managed"], whole.json["files"], whole.json["preview"]) == (1, [], None)
    assert whole.json["program"] == said.out
    (row,) = whole.json["schedules"]
    assert (row["action"], row["name"], row["snapshot"]) == ("adopt", made.name, "training:v1")
    assert list(Path().iterdir()) == []


def test_adopt_into_a_project(run: Run, world: World) -> None:
    unmanaged(world)
    said = run("adopt", "--out", "infra", "--no-preview", "--format", "json")
    assert said.code == 0
    assert sorted(it.name for it in Path("infra").iterdir()) == [
        "Pulumi.yaml",
        "__main__.py",
        "requirements.txt",
    ]
    assert "pulumi -C infra stack init STACK" in said.err
    assert "zenml:serverUrl https://zenml.invalid" in said.err
    assert Path("infra/__main__.py").read_text() == said.json["program"]
    again = run("adopt", "--out", "infra", "--no-preview")
    # Now it is a project that has a program of its own.
    assert again.code == 0
    assert Path("infra/adopted_schedules.py").read_text() == said.json["program"]
    refused = run("adopt", "--out", "infra", "--no-preview")
    assert refused.code == 2 and "--force" in refused.err


def test_adopt_of_what_cannot_be_taken_over_is_status_1(run: Run, world: World) -> None:
    made = unmanaged(world)
    world.natives[made.native].paused = True
    said = run("adopt", made.name, "--format", "json")
    assert said.code == 1
    (row,) = said.json["schedules"]
    assert (row["action"], said.json["program"]) == ("refused", "")
    assert "paused natively and active in ZenML" in row["note"]
    world.down = {"one": "refused"}
    assert run("adopt", made.name, "--format", "json").code == 2


# --- reconcile ----------------------------------------------------------------------------------

REPAIR = Repair(
    urn="urn:x::nightly",
    name="nightly",
    schedule="daily-nightly-prod",
    drift=(DriftedProperty("paused", False, True),),
    action="update",
)


class Reconciling:
    """In place of the engine: what it finds, and how it was asked."""

    def __init__(self) -> None:
        self.found: ReconcileResult | Exception = ReconcileResult("prod", ())
        self.applied: list[bool] = []

    def __call__(self, folder: Path, stack: str, **options: Any) -> ReconcileResult:
        options["on_message"]("said by Pulumi")
        self.applied.append(options["apply"])
        if isinstance(self.found, Exception):
            raise self.found
        done = options["apply"] and bool(self.found.repairs)
        repairs = tuple(Repair(**{**vars(it), "done": done}) for it in self.found.repairs)
        return ReconcileResult(stack, repairs, applied=done, problem=self.found.problem)


@pytest.fixture
def reconciling(monkeypatch: pytest.MonkeyPatch) -> Reconciling:
    made = Reconciling()
    monkeypatch.setattr(import_module("pulumi_zenml.cli.reconcile"), "reconcile_it", made)
    return made


def test_reconcile_of_what_has_not_drifted(run: Run, reconciling: Reconciling) -> None:
    said = run("reconcile", "--pulumi-stack", "prod", "--yes")
    assert (said.code, said.out) == (0, "nothing has drifted in stack 'prod'.\n")
    assert said.err == "said by Pulumi\n"
    whole = run("reconcile", "--pulumi-stack", "prod", "--format", "json").json
    assert whole == {
        "stack": "prod", "applied": False, "drifted": 0, "problem": "", "resources": [],
    }  # fmt: skip


def test_reconcile_shows_first_and_repairs_when_told(run: Run, reconciling: Reconciling) -> None:
    reconciling.found = ReconcileResult("prod", (REPAIR,))
    dry = run("reconcile", "--pulumi-stack", "prod", "--dry-run", "--yes")
    assert dry.code == 1
    assert "would update" in dry.out and "paused" in dry.out
    unasked = run("reconcile", "--pulumi-stack", "prod")
    assert unasked.code == 2 and "give --yes" in unasked.err
    assert reconciling.applied == [False, False]
    done = run("reconcile", "--pulumi-stack", "prod", "--yes", "--format", "json")
    assert done.code == 0
    (resource,) = done.json["resources"]
    assert (done.json["applied"], resource["done"], resource["action"]) == (True, True, "update")
    assert resource["drift"] == [{"property": "paused", "old": False, "new": True}]


def test_reconcile_that_fails(run: Run, reconciling: Reconciling) -> None:
    reconciling.found = ReconcileResult("prod", (REPAIR,), problem="update of nightly failed.")
    said = run("reconcile", "--pulumi-stack", "prod", "--yes")
    assert said.code == 1 and "pulumi up: update of nightly failed." in said.err
    reconciling.found = BusyError("stack 'prod' is locked by another update.")
    busy = run("reconcile", "--pulumi-stack", "prod", "--yes")
    assert (busy.code, busy.out) == (2, "")
    assert "pulumi-zenml: stack 'prod' is locked" in busy.err
