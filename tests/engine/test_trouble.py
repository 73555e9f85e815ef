"""Failures, kills, runs in progress, adoption and pipelines from source."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed import zenml_store

from .conftest import EngineWorld

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("trouble", ["refuse", "swallow"])
def test_a_failed_replace_leaves_the_old_pair_running(world: EngineWorld, trouble: str) -> None:
    project = world.project("")
    project.write(world.training(name="nightly"))
    project.up()
    before = world.only()
    project.write(world.training(name="nightly", cron="0 5 * * *"))
    (world.files / trouble).touch()
    output = project.up(fails=True).output
    (world.files / trouble).unlink()
    expected = {"refuse": "the folder says no", "swallow": "has no file"}
    assert expected[trouble] in output
    assert "Traceback" not in output
    assert world.only() == before
    project.up()
    record, counterpart = world.only()
    assert (record.name, counterpart["schedule"]) == ("nightly", "0 5 * * *")


def test_what_cannot_be_undone_keeps_its_record_and_goes_with_the_next_up(
    world: EngineWorld,
) -> None:
    project = world.project("")
    project.write(world.training(name="nightly"))
    project.up()
    project.write(world.training(name="nightly", cron="0 5 * * *"))
    (world.files / "lost").touch()
    output = project.up(fails=True).output
    (world.files / "lost").unlink()
    assert "the new pair could not be taken back" in output
    assert {it.name for it in world.zenml.records()} > {"nightly"}
    assert len(world.counterparts()) == 2
    project.up()
    record, counterpart = world.only()
    assert (record.name, counterpart["schedule"]) == ("nightly", "0 5 * * *")


def test_killed_while_creating_the_next_up_leaves_one_pair(world: EngineWorld) -> None:
    project = world.project("")
    project.write(world.training(name="nightly"))
    (world.files / "die").touch()
    project.up(fails=True)
    assert len(world.counterparts()) == 1
    project.up()
    record, counterpart = world.only()
    assert (record.name, counterpart["owner"].partition("#")[0]) == (
        "nightly",
        "organization/testbed/dev/training",
    )


def test_killed_while_replacing_the_next_up_leaves_one_pair(world: EngineWorld) -> None:
    project = world.project("")
    project.write(world.training(name="nightly"))
    project.up()
    project.write(world.training(name="nightly", cron="0 5 * * *"))
    (world.files / "die").touch()
    project.up(fails=True)
    assert len(world.counterparts()) == 2
    project.up()
    record, counterpart = world.only()
    assert (record.name, counterpart["schedule"]) == ("nightly", "0 5 * * *")
    assert project.preview().changes == {}


def test_killed_while_replacing_and_going_back_a_refresh_finds_the_second_pair(
    world: EngineWorld,
) -> None:
    project = world.project("")
    project.write(world.training(name="nightly"))
    project.up()
    project.write(world.training(name="nightly", cron="0 5 * * *"))
    (world.files / "die").touch()
    project.up(fails=True)
    project.write(world.training(name="nightly"))
    project.up("--refresh")
    record, counterpart = world.only()
    assert (record.name, counterpart["schedule"]) == ("nightly", "0 3 * * 1-5")


def test_a_delete_that_fails_is_an_error_and_can_be_run_again(world: EngineWorld) -> None:
    project = world.project("")
    project.write(world.training())
    project.up()
    (world.files / "keep").touch()
    assert "keeps what it has" in project.destroy(fails=True).output
    world.only()
    (world.files / "keep").unlink()
    project.destroy()
    assert world.nothing_left()


def test_adopting_what_is_already_as_asked_makes_nothing_new(world: EngineWorld) -> None:
    maker = world.project("")
    maker.write(world.training(name="nightly"))
    maker.up()
    before = world.only()
    taker = world.project("")
    taker.write(
        world.training(name="nightly", adopt="organization/testbed/dev/training").replace(
            '"training", stack', '"taken", stack'
        )
    )
    taker.up()
    record, counterpart = world.only()
    assert record.id == before[0].id
    assert counterpart["snapshot_id"] == before[1]["snapshot_id"]
    assert counterpart["owner"].partition("#")[0] == "organization/testbed/dev/taken"
    assert taker.preview().changes == {}


def test_adopting_what_nobody_owns(world: EngineWorld) -> None:
    world.zenml.call(
        zenml_store.create_record,
        "orphan",
        orchestrator="one",
        pipeline="training",
        cron="1 1 * * *",
    )
    project = world.project("")
    project.write(world.training(name="orphan"))
    assert "no Pulumi resource owns" in project.up(fails=True).output
    project.write(world.training(name="orphan", adopt=True))
    project.up()
    record, counterpart = world.only()
    assert (record.name, counterpart["schedule"]) == ("orphan", "0 3 * * 1-5")


def test_a_pipeline_from_source_is_replaced_when_its_source_changes(world: EngineWorld) -> None:
    project = world.project("")
    source = project.folder / "ml"
    source.mkdir()
    step = "from zenml import pipeline, step\n@step\ndef s() -> int:\n    return {}\n"
    pipe = "@pipeline\ndef nightly():\n    s()\n"
    (source / "flows.py").write_text(step.format(1) + pipe)
    what = 'stack="one", pipeline="flows:nightly", source_root="ml"'
    project.write(f'import pulumi_zenml as zenml\nzenml.Schedule("s", {what}, cron="@daily")\n')
    project.up()
    assert project.preview().changes == {}
    (source / "flows.py").write_text(step.format(2) + pipe)
    preview = project.preview()
    assert preview.changes == {"replace": 1}
    assert "~ source_digest" in preview.output
    project.up()
    record, _ = world.only()
    assert record.name == "daily-s-dev"
    (source / "flows.py").write_text("raise RuntimeError('broken flow')\n")
    output = project.up(fails=True).output
    assert "broken flow" in output
    world.only()


def test_wrong_answers_of_zenml_are_told_apart(world: EngineWorld, tmp_path: Path) -> None:
    project = world.project("")
    project.write(world.training())
    project.set_config("zenml:serverUrl", "http://127.0.0.1:9")
    output = project.up(fails=True).output
    assert "no answer from http://127.0.0.1:9" in output
    assert "Traceback" not in output
    assert world.nothing_left()
