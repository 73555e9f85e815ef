"""A stack's drift found and repaired, through the real engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from operations.conftest import Said, World
from operations.test_control import examples
from testbed import zenml_store
from testbed.engine import Project
from testbed.zenml_store import Edit, Record

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
import pulumi_zenml as zenml
from pulumi.dynamic import CreateResult, ReadResult, Resource, ResourceProvider


class Other(ResourceProvider):
    def create(self, props):
        return CreateResult("other", dict(props))

    def read(self, id_, props):
        return ReadResult(id_, {**props, "value": "drifted"}, {**props, "value": "drifted"})


class Thing(Resource):
    value: pulumi.Output[str]


nightly = zenml.Schedule(
    "nightly", stack="one", snapshot="training:v1", name="daily-nightly-prod", cron="0 3 * * *"
)
weekly = zenml.Schedule(
    "weekly", stack="two", snapshot="training:v1", name="weekly-report-prod", cron="0 4 * * 1"
)
Thing(Other(), "other", {"value": pulumi.Config().get("value") or "first"})
"""


class Stack:
    """A deployed program, and the command beside it."""

    def __init__(self, world: World) -> None:
        self.world = world
        folder = world.work / "infra"
        folder.mkdir()
        env = {key: value for key, value in world.environment().items() if key != "PATH"}
        self.project = Project(folder, PROGRAM, name="shop", stack="prod", env=env)
        self.project.up()
        own = {key: it for key, it in self.project.env.items() if key.startswith("PULUMI_")}
        world.env |= {**own, "PATH": self.project.env["PATH"]}

    def run(self, *words: str, stack: str = "prod") -> Said:
        return self.world.run(
            "reconcile", "--cwd", "infra", "--pulumi-stack", stack, "--format", "json", *words
        )

    def both_sides(self) -> tuple[list[Record], dict[str, dict[str, Any]]]:
        """All that there is in ZenML and in the orchestrator."""
        world = self.world
        records = sorted(world.zenml.records(), key=lambda it: it.name)
        natives = {id: world.body(id, it) for it in ("one", "two") for id in world.natives(it)}
        return records, natives

    def schedules(self) -> list[tuple[str, bool, str | None]]:
        """The records by name, without their ids."""
        return [(it.name, it.active, it.cron_expression) for it in self.both_sides()[0]]

    def native(self, stack: str = "one") -> str:
        (id,) = self.world.natives(stack)
        return id

    def state(self) -> dict[str, Any]:
        """The state's resources by name."""
        found = {it["urn"].rpartition("::")[2]: it for it in self.project.resources()}
        for resource in found.values():
            for part in ("inputs", "outputs"):
                # Encrypted anew each time the state is written.
                resource[part].pop("__provider")
        return found

    def unchanged(self) -> bool:
        """Whether `pulumi preview --refresh` has nothing to say of the schedules."""
        preview = self.project.preview("--refresh", "--target", "**zenml:Schedule::**")
        return preview.changes == {}


@pytest.fixture
def stack(world: World) -> Iterator[Stack]:
    yield Stack(world)


def nightly(stack: Stack) -> Record:
    (found,) = (it for it in stack.world.zenml.records() if it.name == "daily-nightly-prod")
    return found


def delete_record(stack: Stack) -> None:
    stack.world.call(zenml_store.delete_record, nightly(stack).id, soft=False)


def pause_record(stack: Stack) -> None:
    stack.world.call(zenml_store.edit_record, nightly(stack).id, Edit(active=False))


def test_where_nothing_drifted_nothing_is_written(stack: Stack) -> None:
    history = stack.project.run("stack", "history", "--json").output
    before = stack.both_sides()
    for words in ([], ["--yes"]):
        said = stack.run(*words)
        assert said.code == 0, said.err
        assert said.json == {
            "stack": "prod",
            "applied": False,
            "drifted": 0,
            "problem": "",
            "resources": [],
        }
    assert stack.both_sides() == before
    assert stack.project.run("stack", "history", "--json").output == history
    table = stack.world.run("reconcile", "--cwd", "infra", "--pulumi-stack", "prod")
    assert table.out == "nothing has drifted in stack 'prod'.\n"


def test_drift_is_shown_and_repaired_and_nothing_else_is_touched(stack: Stack) -> None:
    good = stack.schedules()
    other = stack.state()["other"]
    weekly = stack.native("two")
    stack.world.edit(stack.native(), schedule="0 6 * * *")
    spoiled = stack.both_sides()
    state = stack.project.run("stack", "export").output

    dry = stack.run("--dry-run")
    assert dry.code == 1, dry.err
    (found,) = dry.json["resources"]
    drift = {it["property"]: (it["old"], it["new"]) for it in found["drift"]}
    assert drift == {
        "cron": ("0 3 * * *", "0 6 * * *"),
        "native_cadence": ("0 3 * * * UTC", "0 6 * * * UTC"),
        "state": ("active", "cadence differs"),
    }
    assert (found["schedule"], found["action"]) == ("daily-nightly-prod", "replace")
    assert found["done"] is False
    unasked = stack.run()
    assert unasked.code == 2 and "give --yes" in unasked.err
    assert stack.both_sides() == spoiled
    assert stack.project.run("stack", "export").output == state

    repaired = stack.run("--yes")
    assert repaired.code == 0, repaired.err
    assert repaired.json["applied"] is True
    (done,) = repaired.json["resources"]
    assert done == {**found, "done": True}
    assert stack.schedules() == good
    assert stack.native("two") == weekly
    assert stack.unchanged()
    # What is not ours was neither refreshed nor updated.
    parts = ("id", "inputs", "outputs")
    assert [stack.state()["other"][it] for it in parts] == [other[it] for it in parts]
    again = stack.run("--yes")
    assert (again.code, again.json["resources"], again.json["applied"]) == (0, [], False)


def test_each_kind_of_drift_on_either_side_is_repaired(stack: Stack) -> None:
    good = stack.schedules()
    world = stack.world
    kinds: dict[str, tuple[Callable[[], object], str, str]] = {
        "paused": (lambda: world.edit(stack.native(), paused=True), "paused", "update"),
        "record paused": (lambda: pause_record(stack), "paused", "update"),
        "deleted": (
            lambda: (world.folder() / f"{stack.native()}.json").unlink(),
            "record without counterpart",
            "replace",
        ),
        "record deleted": (lambda: delete_record(stack), "counterpart without record", "replace"),
    }
    for kind, (spoil, shown, action) in kinds.items():
        spoil()
        said = stack.run("--yes")
        assert said.code == 0, (kind, said.err)
        (done,) = said.json["resources"]
        assert (done["action"], done["done"]) == (action, True), kind
        assert shown in str(done["drift"]), (kind, done["drift"])
        assert stack.schedules() == good, kind
        assert stack.world.body(stack.native())["paused"] is False
    assert stack.unchanged()


def test_what_is_gone_on_both_sides_is_made_again(stack: Stack) -> None:
    (stack.world.folder() / f"{stack.native()}.json").unlink()
    delete_record(stack)
    dry = stack.run("--dry-run")
    (found,) = dry.json["resources"]
    assert (found["gone"], found["action"]) == (True, "replace")
    table = stack.world.run(
        "reconcile", "--cwd", "infra", "--pulumi-stack", "prod", "--dry-run", "--format", "table"
    )
    assert table.code == 1
    assert "deleted on both sides" in table.out and "would replace" in table.out
    assert stack.run("--yes").code == 0
    assert stack.unchanged() and len(stack.world.natives()) == 1


def test_a_changed_program_is_said_and_other_resources_only_with_all(stack: Stack) -> None:
    text = (stack.project.folder / "__main__.py").read_text()
    stack.project.write(text.replace("0 4 * * 1", "0 5 * * 1"))
    table = stack.world.run("reconcile", "--cwd", "infra", "--pulumi-stack", "prod", "--dry-run")
    assert table.code == 1
    assert "would replace: the program has changed" in table.out
    assert "other" not in table.out
    everything = stack.run("--dry-run", "--all").json["resources"]
    by_name = {it["name"]: it for it in everything}
    assert set(by_name) == {"weekly", "other"}
    assert by_name["other"]["drift"] == [{"property": "value", "old": "first", "new": "drifted"}]
    assert stack.run("--yes").code == 0
    assert stack.world.body(stack.native("two"), "two")["schedule"] == "0 5 * * 1"
    assert stack.state()["other"]["outputs"]["value"] == "first"


def test_what_up_cannot_repair_is_left_and_said(stack: Stack) -> None:
    stack.world.edit(stack.native(), schedule="0 6 * * *")
    (stack.world.folder() / "refuse").touch()
    said = stack.run("--yes")
    assert said.code == 1
    assert "the folder says no" in said.json["problem"]
    assert "the folder says no" in said.err
    assert said.json["resources"][0]["done"] is False
    (stack.world.folder() / "refuse").unlink()
    assert stack.run("--yes").code == 0
    assert stack.unchanged()


def test_what_cannot_be_looked_at_is_no_drift(stack: Stack) -> None:
    (stack.world.folder() / "down").touch()
    said = stack.run("--yes")
    assert (said.code, said.out) == (2, "")
    assert "the folder is down" in said.err and "Traceback" not in said.err


def test_a_lock_held_by_another_update_is_a_clear_message(stack: Stack) -> None:
    stack.world.edit(stack.native(), schedule="0 6 * * *")
    before = stack.both_sides()
    locks = stack.project.folder / ".engine" / "state" / ".pulumi" / "locks"
    program = (stack.project.folder / "__main__.py").read_text()
    stack.project.write(f"import time\nopen('runs', 'w').close()\ntime.sleep(600)\n{program}")
    holder = stack.project.start("up", "--yes", "--skip-preview")
    try:
        while not (stack.project.folder / "runs").exists():
            assert holder.poll() is None
            time.sleep(0.2)
        assert list(locks.rglob("*.json"))
        stack.project.write(program)
        said = stack.run("--yes")
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.communicate()
    assert said.code == 2, said.err
    assert f"(process {holder.pid}) since " in said.err
    assert "'pulumi cancel'" in said.err and "Traceback" not in said.err
    assert stack.both_sides() == before
    # It was killed, so its lock is still there; what the message says helps.
    assert stack.run("--yes").code == 2
    stack.project.run("cancel", "--yes")
    assert stack.run("--yes").code == 0
    assert stack.unchanged()


@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM],
    ids=["interrupt", "terminate"],
)
def test_an_interrupted_run_leaves_the_stack_usable(stack: Stack, number: signal.Signals) -> None:
    stack.world.edit(stack.native(), schedule="0 6 * * *")
    locks = stack.project.folder / ".engine" / "state" / ".pulumi" / "locks"
    words = ["reconcile", "--cwd", "infra", "--pulumi-stack", "prod", "--yes"]
    with stack.world.start(*words) as process:
        while not list(locks.rglob("*.json")):
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 1, out + err
    assert "interrupted" in err and "Traceback" not in err
    assert not list(locks.rglob("*.json"))
    assert stack.run("--yes").code == 0
    assert stack.unchanged()
    assert len(stack.world.natives()) == 1


def test_what_is_not_there_is_said(stack: Stack) -> None:
    unknown = stack.run(stack="nope")
    assert unknown.code == 2
    assert "there is no stack 'nope'" in unknown.err and "pulumi stack init nope" in unknown.err
    nowhere = stack.world.run("reconcile", "--pulumi-stack", "prod")
    assert nowhere.code == 2 and "there is no Pulumi project in" in nowhere.err
    engineless = stack.world.run(
        "reconcile", "--cwd", "infra", "--pulumi-stack", "prod", PATH="/nowhere"
    )
    assert engineless.code == 2 and "there is no 'pulumi' on PATH" in engineless.err
    wrong = stack.world.run(
        "reconcile",
        "--cwd",
        "infra",
        "--pulumi-stack",
        "prod",
        PULUMI_CONFIG_PASSPHRASE="not the one",
    )
    assert wrong.code == 2 and "incorrect passphrase" in wrong.err
    for said in (unknown, nowhere, engineless, wrong):
        assert said.out == "" and "Traceback" not in said.err


def test_a_program_that_fails_is_quoted(stack: Stack) -> None:
    stack.project.write("raise ValueError('no such thing')\n")
    said = stack.run()
    assert (said.code, said.out) == (2, "")
    assert "no such thing" in said.err


def test_secrets_are_not_shown(stack: Stack) -> None:
    text = (stack.project.folder / "__main__.py").read_text()
    secret = "pulumi.Output.secret('hunter2hunter2')"
    stack.project.write(text.replace('"weekly-report-prod"', secret))
    stack.project.up()
    stack.project.set_config("token", "hunter3hunter3", secret=True)
    stack.world.edit(stack.native("two"), "two", paused=True)
    for words in (["--dry-run", "--format", "table"], ["--yes"]):
        said = stack.run(*words)
        assert "hunter" not in said.out + said.err
        assert said.code == (0 if "--yes" in words else 1)


def test_the_user_s_own_choice_of_stack_stays(stack: Stack) -> None:
    stack.project.run("stack", "init", "another")

    def current() -> list[str]:
        printed = subprocess.run(
            ["pulumi", "stack", "ls", "--json"],
            cwd=stack.project.folder,
            env=stack.project.env,
            capture_output=True,
            check=True,
        ).stdout
        return [it["name"] for it in json.loads(printed) if it["current"]]

    before = current()
    assert len(before) == 1 and before[0].endswith("another")
    assert stack.run().code == 0
    assert current() == before


def test_the_examples_of_its_help_run(stack: Stack) -> None:
    world = stack.world
    told = examples(world.run("reconcile", "--help").out)
    assert told
    for words in told:
        assert world.run(*words, "--cwd", "infra").code == 0
