"""Taking over what ZenML itself made, through the real engine."""

from __future__ import annotations

import ast
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from operations import adopt_seed, seed
from operations.conftest import World
from operations.test_control import examples
from pulumi_zenml.json_types import Json
from pulumi_zenml.operations.python_source import call, literal, quoted
from testbed import zenml_store
from testbed.engine import Project
from testbed.zenml_store import Record

pytestmark = pytest.mark.engine

NASTY = 'daily-"a\' + __import__("os").system("true") + \'{b}\\n[bold]\u00e9\u4e16-prod'


def engine_env(world: World) -> dict[str, str]:
    """What the engine needs beside its own: where ZenML is."""
    return {key: value for key, value in world.environment().items() if key != "PATH"}


def project(world: World, folder: Path, *, stack: str = "prod") -> Project:
    """The project in a folder, with a stack of its own; the command sees its backend."""
    made = Project(folder, "", stack=stack, env=engine_env(world))
    world.env |= {it: made.env[it] for it in made.env if it.startswith("PULUMI_")} | {
        "PATH": made.env["PATH"]
    }
    return made


def without_backend(world: World) -> None:
    """The engine on PATH, and nothing of Pulumi's else."""
    from testbed.process import cache_folder

    parts = (Path(sys.executable).parent, cache_folder() / "bin", "/usr/bin", "/bin")
    world.env["PATH"] = ":".join(map(str, parts))
    world.env["PULUMI_HOME"] = str(world.work / "home")


def both_sides(world: World) -> tuple[dict[str, Record], dict[str, dict[str, Any]]]:
    """Records by name and counterparts by id."""
    records = {it.name: it for it in world.zenml.records()}
    return records, {it: world.body(it) for it in world.natives()}


def is_formatted(text: str) -> bool:
    """Whether `ruff format` would leave it as it is."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--check", "--isolated", "--line-length=100", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0


def test_what_zenml_made_is_taken_over_as_it_is(world: World) -> None:
    made = world.call(seed.unmanaged, "daily-training-prod", cron="0 3 * * *")
    without_backend(world)
    said = world.run("adopt", "--out", "infra")
    assert said.code == 0, said.err
    assert "taken over unchanged, nothing is submitted" in said.out
    assert "pulumi -C infra stack init STACK" in said.err
    infra = world.work / "infra"
    program = (infra / "__main__.py").read_text()
    assert is_formatted(program), program
    assert yaml.safe_load((infra / "Pulumi.yaml").read_text())["name"] == "infra"
    # Nothing of it has been done yet, and the preview left nothing anywhere.
    records, _ = both_sides(world)
    assert records["daily-training-prod"].id == made.record
    assert not list((world.work / "home").rglob("*.json"))
    assert sorted(it.name for it in infra.iterdir()) == [
        "Pulumi.yaml",
        "__main__.py",
        "requirements.txt",
    ]

    pulumi = project(world, infra)
    assert pulumi.preview().changes == {"create": 2}
    up = pulumi.up()
    assert up.changes == {"create": 2}, up.output
    (resource,) = [it for it in pulumi.resources() if it["type"].endswith("zenml:Schedule")]
    outputs = resource["outputs"]
    assert outputs["record_id"] == made.record
    assert outputs["native_id"] == made.native
    assert outputs["submitted_snapshot_id"] == made.snapshot
    assert outputs["snapshot"] == "training:v1"
    assert world.natives() == {made.native}
    assert world.body(made.native)["snapshot_id"] == made.snapshot
    assert pulumi.preview("--refresh").changes == {}
    assert pulumi.up().changes == {}

    audit = world.run("audit", "--json")
    assert (audit.code, audit.json["findings"]) == (0, []), audit.out
    (row,) = world.run("list", "--format", "json").json
    assert row["owner"] == "organization/infra/prod/daily-training-prod"
    again = world.run("adopt", "daily-training-prod", "--format", "json")
    assert again.code == 1
    assert "organization/infra/prod/daily-training-prod" in again.json["schedules"][0]["note"]
    rest = world.run("adopt", "--format", "json")
    assert (rest.code, rest.json["schedules"], rest.json["managed"]) == (0, [], 1)

    pulumi.destroy()
    assert both_sides(world) == ({}, {})


def test_many_pairs_with_hostile_names_in_one_program(world: World) -> None:
    made = {
        name: world.call(seed.unmanaged, name, cron=f"{minute} 3 * * *")
        for minute, name in enumerate(
            [NASTY, "Daily Training", "daily-training", "$(touch hurt)", "\u4e16\u754c", "x" * 118]
        )
    }
    paused = made["daily-training"].native
    world.run("pause", "daily-training", "--yes")
    world.edit(made["Daily Training"].native, timeZone="Europe/Berlin", colour="red")
    without_backend(world)
    said = world.run("adopt", "--out", "infra", "--format", "json")
    assert said.code == 0, said.out + said.err
    assert said.json["preview"]["unchanged"] is True
    rows = {it["name"]: it for it in said.json["schedules"]}
    assert set(rows) == set(made)
    assert len({it["resource"] for it in rows.values()}) == len(made)
    assert rows["daily-training"]["resource"].startswith("daily-training-")
    program = (world.work / "infra" / "__main__.py").read_text()
    assert is_formatted(program), program
    assert said.json["program"] == program
    same = world.run("adopt")
    assert same.out == program

    pulumi = project(world, world.work / "infra")
    pulumi.up()
    assert pulumi.preview("--refresh").changes == {}
    records, natives = both_sides(world)
    assert {name: it.id for name, it in records.items()} == {
        name: it.record for name, it in made.items()
    }
    assert {id: it["snapshot_id"] for id, it in natives.items()} == {
        it.native: it.snapshot for it in made.values()
    }
    assert natives[paused]["paused"] is True
    berlin = natives[made["Daily Training"].native]
    assert (berlin["timeZone"], berlin["colour"]) == ("Europe/Berlin", "red")
    assert not list(world.work.rglob("hurt"))
    codes = {code for code, _ in world.run("audit", "--json").findings()}
    assert codes <= {"naming"}
    pulumi.destroy()
    assert both_sides(world) == ({}, {})


def test_what_cannot_be_taken_over_is_told_and_left_out(world: World) -> None:
    fine = world.call(seed.unmanaged, "daily-fine-prod", cron="0 3 * * *")
    world.call(seed.managed, "daily-mine-dev", "acme/shop/dev/mine", cron="1 3 * * *")
    world.call(seed.unmanaged, "daily-lost-prod", cron="2 3 * * *", submitted=False)
    orphan = world.call(seed.unmanaged, "daily-orphan-prod", cron="3 3 * * *")
    world.call(zenml_store.delete_record, orphan.record, soft=True)
    broken = world.call(seed.unmanaged, "daily-broken-prod", cron="4 3 * * *")
    body = {it: value for it, value in world.body(broken.native).items() if it != "schedule"}
    world.write(broken.native, body)
    odd = world.call(seed.unmanaged, "daily-odd-prod", cron="5 3 * * *")
    world.edit(odd.native, schedule="5 3 * * MON#2")
    twice = world.call(seed.unmanaged, "daily-twice-prod", cron="6 3 * * *")
    world.write("second", world.body(twice.native))
    half = world.call(seed.unmanaged, "daily-half-prod", cron="7 3 * * *")
    world.edit(half.native, paused=True)
    over = world.call(seed.unmanaged, "daily-over-prod", cron="8 3 * * *")
    world.edit(over.native, ended=True)
    ending = world.call(
        seed.unmanaged,
        "daily-ending-prod",
        cron="9 3 * * *",
        end_time=datetime(2099, 1, 1, tzinfo=UTC),
    )
    gone = world.call(seed.unmanaged, "daily-gone-prod", cron="10 3 * * *")
    world.call(zenml_store.delete_snapshot, gone.snapshot)
    world.call(seed.claim, gone.record, gone.native)
    control = world.call(seed.unmanaged, "daily-control-prod", cron="11 3 * * *")
    world.call(seed.rename, control.record, "daily-\x1b[31mred\nprod")
    settings = world.call(seed.unmanaged, "daily-settings-prod", cron="12 3 * * *")
    world.edit(settings.native, colour="octarine")
    (world.folder("two") / "down").touch()

    said = world.run("adopt", "--out", "infra", "--no-preview", "--format", "json")
    assert said.code == 2, said.err
    assert "'two' could not be read" in said.err
    told = {it["name"]: it["note"] for it in said.json["schedules"] if it["action"] == "refused"}
    reasons = {
        "daily-lost-prod": "no counterpart of it",
        orphan.native: "ZenML has no record of it",
        "daily-broken-prod": "the file says nothing of a schedule",
        "daily-odd-prod": "it fires '5 3 * * MON#2 UTC'",
        "daily-twice-prod": "2 counterparts",
        "daily-half-prod": "paused natively and active in ZenML",
        "daily-over-prod": "it has ended",
        "daily-ending-prod": "another cadence than its counterpart",
        "daily-gone-prod": "deleted from ZenML",
        "daily-\x1b[31mred\nprod": "printable",
        "daily-settings-prod": "octarine",
    }
    assert set(told) == set(reasons)
    for name, reason in reasons.items():
        assert reason in told[name], (name, told[name])
    assert ending.native and fine.native
    adopted = [it["name"] for it in said.json["schedules"] if it["action"] == "adopt"]
    assert adopted == ["daily-fine-prod"]
    assert said.json["managed"] == 1
    assert "\x1b" not in world.run("adopt", "--out", "other", "--no-preview").out

    (world.folder("two") / "down").unlink()
    one = world.run("adopt", "daily-fine-prod", "daily-odd-prod", "--format", "json")
    assert one.code == 1
    assert world.run("adopt", "daily-fine-prod").code == 0
    near = world.run("adopt", "daily-fin-prod")
    assert near.code == 2 and "Near it: daily-fine-prod" in near.err


def test_a_take_over_that_failed_half_way_is_taken_up_again(world: World) -> None:
    made = world.call(seed.unmanaged, "daily-training-prod", cron="0 3 * * *")
    owner = "acme/shop/prod/training"
    again = world.call(adopt_seed.fail_then_adopt, "daily-training-prod", owner)
    owner = f"{owner}#{seed.KEY}"
    assert again == adopt_seed.Adoption("filecron: it went away.", made, owner)


def test_an_unreachable_orchestrator_is_unknown_not_unfit(world: World) -> None:
    world.call(seed.unmanaged, "daily-well-prod", cron="0 3 * * *")
    (world.folder() / "down").touch()
    said = world.run("adopt", "daily-well-prod", "--format", "json")
    assert said.code == 2
    assert "could not be read" in said.json["schedules"][0]["note"]


def test_the_record_follows_what_really_fires(world: World) -> None:
    made = world.call(seed.unmanaged, "daily-training-prod", cron="0 3 * * *")
    world.edit(made.native, schedule="0 5 * * *")
    assert world.run("audit", "--json").findings() == {("cadence-differs", "daily-training-prod")}
    without_backend(world)
    said = world.run("adopt", "daily-training-prod", "--out", "infra")
    assert said.code == 0, said.err
    assert 'it will become "0 5 * * *"' in said.out
    pulumi = project(world, world.work / "infra")
    pulumi.up()
    records, _ = both_sides(world)
    assert records["daily-training-prod"].cron_expression == "0 5 * * *"
    assert world.natives() == {made.native}
    assert pulumi.preview("--refresh").changes == {}
    assert world.run("audit", "--json").json["findings"] == []


def test_a_module_is_added_to_a_project_that_is_there(world: World) -> None:
    made = world.call(seed.unmanaged, "daily-training-prod", cron="0 3 * * *")
    folder = world.work / "infra"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (folder / "__main__.py").write_text(
        "import pulumi_zenml as zenml\n"
        'zenml.Schedule("mine", stack="two", snapshot="training:v1", cron="1 3 * * *")\n'
    )
    pulumi = project(world, folder)
    pulumi.up()
    before = (folder / "__main__.py").read_text()
    words = ("adopt", "daily-training-prod", "--out", "infra", "--pulumi-stack", "prod")
    said = world.run(*words, "--format", "json")
    assert said.code == 1, said.err
    assert said.json["files"] == ["infra/adopted_schedules.py"]
    assert (folder / "__main__.py").read_text() == before
    (row,) = said.json["schedules"]
    assert "does not declare it yet" in row["note"]
    assert "add 'import adopted_schedules'" in said.err

    (folder / "__main__.py").write_text(f"import adopted_schedules\n{before}")
    refused = world.run(*words)
    assert refused.code == 2 and "exists already, and nothing was written" in refused.err
    proven = world.run(*words, "--force", "--format", "json")
    assert proven.code == 0, proven.err
    assert proven.json["preview"] == {
        "stack": "prod",
        "unchanged": True,
        "problems": {"daily-training-prod": ""},
        "others": [],
    }
    # A preview that would do more than take over is said and is no success.
    (folder / "__main__.py").write_text(
        f"import adopted_schedules\n{before}".replace("1 3 * * *", "2 3 * * *")
    )
    more = world.run(*words, "--force")
    assert more.code == 1
    assert "would also change: " in more.err and "::mine" in more.err
    (folder / "__main__.py").write_text(f"import adopted_schedules\n{before}")
    assert pulumi.up().changes == {"create": 1}
    assert made.native in world.natives()
    assert pulumi.preview("--refresh").changes == {}


def test_one_whose_pulumi_stack_is_lost_is_taken_when_asked(world: World) -> None:
    made = world.call(seed.managed, "daily-mine-dev", "acme/lost/dev/mine", cron="0 3 * * *")
    refused = world.run("adopt", "daily-mine-dev")
    assert refused.code == 1 and "lost/dev/mine" in refused.out and "--owned" in refused.out
    without_backend(world)
    said = world.run("adopt", "daily-mine-dev", "--owned", "--out", "infra")
    assert said.code == 0, said.err
    program = (world.work / "infra" / "__main__.py").read_text()
    assert 'adopt="acme/lost/dev/mine"' in program and 'snapshot="training:v1"' in program
    pulumi = project(world, world.work / "infra", stack="dev")
    pulumi.up()
    assert world.natives() == {made.native}
    owner = str(world.body(made.native)["owner"]).partition("#")[0]
    assert owner == "organization/infra/dev/daily-mine-dev"
    assert pulumi.preview("--refresh").changes == {}


def test_without_an_engine_the_program_is_written_all_the_same(world: World) -> None:
    world.call(seed.unmanaged, "daily-training-prod", cron="0 3 * * *")
    said = world.run("adopt", "--out", "infra/more.py", PATH="/nowhere")
    assert said.code == 2
    assert "there is no 'pulumi' on PATH" in said.err
    assert "https://www.pulumi.com/docs/install/" in said.err
    assert "Traceback" not in said.err
    assert "zenml.Schedule(" in (world.work / "infra" / "more.py").read_text()


def test_a_missing_passphrase_is_a_clear_message(world: World) -> None:
    world.call(seed.unmanaged, "daily-training-prod", cron="0 3 * * *")
    folder = world.work / "infra"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (folder / "__main__.py").write_text("")
    project(world, folder)
    del world.env["PULUMI_CONFIG_PASSPHRASE"]
    said = world.run("adopt", "--out", "infra", "--pulumi-stack", "prod")
    assert said.code == 2
    assert "Set PULUMI_CONFIG_PASSPHRASE" in said.err and "Traceback" not in said.err
    assert (folder / "adopted_schedules.py").exists()


def test_the_examples_of_its_help_run(world: World) -> None:
    world.call(seed.unmanaged, "daily-training-prod", cron="0 3 * * *")
    told = examples(world.run("adopt", "--help").out)
    assert [world.run(*words).code for words in told] == [0, 0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_a_literal_means_the_value_and_nothing_else(value: Json) -> None:
    assert ast.literal_eval(literal(value)) == value


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(), min_size=60, max_size=60), JSON)
def test_a_program_is_as_the_formatter_leaves_it(texts: list[str], value: Json) -> None:
    named = {f"a{number}": text for number, text in enumerate(texts)}
    text = "import x\n\n" + call("x.y", ["z"], {**named, "value": value})
    assert is_formatted(text), text


def test_strings_hold_what_they_are_given() -> None:
    for text in ('"', "'", "\"'", "\\", "{x}", "\n\r\t\0\x7f\u2028\u202e\ud83d\U0001f600"):
        assert ast.literal_eval(quoted(text)) == text
        assert quoted(text).isprintable()
