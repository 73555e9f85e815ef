"""What a preview says: every mistake on its property, and nothing is touched."""

from __future__ import annotations

import pytest

from .conftest import PROGRAM, EngineWorld

pytestmark = pytest.mark.engine

SCHEDULE = 'zenml.Schedule("s", {})'
GOOD = 'stack="one", snapshot="training:v1", cron="@daily"'


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ('stack="one", snapshot="t:v1", cron="61 * * * *"', "property cron value {61 * * * *} has"),
        ('stack="oen", snapshot="training:v1", cron="@daily"', "Near it: one"),
        ('stack="default", snapshot="training:v1", cron="@daily"', "which cannot schedule"),
    ],
    ids=["cron", "unknown-stack", "local-stack"],
)
def test_a_mistake_is_shown_on_its_property(world: EngineWorld, arguments: str, shown: str) -> None:
    project = world.project(SCHEDULE.format(arguments))
    output = project.preview(fails=True).output
    assert shown in output
    assert "Traceback" not in output, output
    assert world.nothing_left()


def test_a_preview_needs_neither_network_nor_credentials(world: EngineWorld) -> None:
    project = world.project(SCHEDULE.format('stack="vertex-prod", snapshot="t:v1", cron="@daily"'))
    for name in ("ZENML_CONFIG_PATH", "PYTHONPATH"):
        project.env.pop(name, None)
    project.env["HOME"] = str(project.folder)
    result = project.preview()
    assert result.changes == {"create": 2}
    assert "without looking at ZenML (no server is configured)" in result.output
    project.set_config("zenml:serverUrl", "http://127.0.0.1:9")
    result = project.preview()
    assert "without looking at ZenML" in result.output
    assert "no answer from http://127.0.0.1:9" in result.output


def test_a_mistake_in_the_configuration_is_one_error(world: EngineWorld) -> None:
    project = world.project(SCHEDULE.format(GOOD))
    project.set_config("zenml:whenRunning", "perhaps")
    project.set_config("zenml:serverurl", "http://127.0.0.1:9")
    output = project.preview(fails=True).output
    assert output.count("zenml:whenRunning: 'perhaps' is not one of refuse, wait, ignore") == 1
    assert "Is zenml:serverUrl meant?" in output
    assert "Traceback" not in output, output


def test_a_mistake_shows_without_a_preview_too(world: EngineWorld) -> None:
    wrong = 'stack="one", snapshot="training:v1", cron="61 * * * *"'
    project = world.project(SCHEDULE.format(wrong))
    output = project.up("--skip-preview", fails=True).output
    assert "property cron value {61 * * * *} has" in output
    assert "unknown property value" not in output


def test_what_the_program_does_not_give_is_not_unknown(world: EngineWorld) -> None:
    exports = "\n".join(f'pulumi.export("{it}", s.{it})' for it in ("project", "interval", "name"))
    project = world.project(f"s = {SCHEDULE.format(GOOD)}\n{exports}")
    project.up()
    assert project.outputs() == {"name": "daily-s-dev-v1"}
    assert "[unknown]" not in project.preview().output


def test_the_reason_stands_on_the_resource(world: EngineWorld) -> None:
    project = world.project(SCHEDULE.format(GOOD))
    project.up()
    project.write(PROGRAM.format(body=SCHEDULE.format(GOOD.replace("@daily", "@hourly"))))
    output = project.preview().output
    assert "replace: name is 'daily-s-dev-v1', to be 'hourly-s-dev-v1'" in output
    assert "cron is '0 0 * * *', to be '0 * * * *'" in output


def test_a_named_flavor_is_checked_without_network(world: EngineWorld) -> None:
    text = 'stack="k8s-prod", snapshot="t:v1", flavor="kubernetes", interval=3600, start_time={}'
    project = world.project(SCHEDULE.format(text.format('"2030-01-01T00:00:00Z"')))
    for name in ("ZENML_CONFIG_PATH", "PYTHONPATH"):
        project.env.pop(name, None)
    project.env["HOME"] = str(project.folder)
    assert "property interval value" in project.preview(fails=True).output


def test_unknown_values_are_left_for_later(world: EngineWorld) -> None:
    body = """
first = zenml.Schedule("first", stack="one", snapshot="training:v1", cron="@daily")
zenml.Schedule(
    "second", stack="one", snapshot="training:v1", timezone="UTC",
    cron=first.native_id.apply(lambda it: "@hourly"),
    name=pulumi.Output.concat("after-", first.native_id),
)
"""
    project = world.project(body)
    assert project.preview().changes == {"create": 3}
    project.up()
    assert len(world.counterparts()) == 2
    assert project.preview().changes == {}


def test_two_resources_of_one_name_are_refused(world: EngineWorld) -> None:
    body = f"""
class Team(pulumi.ComponentResource):
    def __init__(self, kind):
        super().__init__(kind, "team")
        zenml.Schedule("s", {GOOD}, opts=pulumi.ResourceOptions(parent=self))

Team("a:b:C")
Team("a:b:D")
"""
    project = world.project(body)
    assert "two schedules are called" in project.preview(fails=True).output


def test_a_program_and_an_idle_preview_import_neither_zenml_nor_an_sdk(world: EngineWorld) -> None:
    project = world.project("", plain=True)
    watch = """
import sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"zenml", "kubernetes", "kfp", "boto3", "paramiko", "databricks"}:
            open("imported", "a").write(name + "\\n")
sys.meta_path.insert(0, Watch())
"""
    (project.folder / "sitecustomize.py").write_text(watch)
    project.env["PYTHONPATH"] = f"{project.folder}:{project.env.get('PYTHONPATH', '')}"
    project.write(world.training())
    project.up()
    seen = project.folder / "imported"
    assert "zenml" in seen.read_text()
    seen.unlink()
    assert project.preview().changes == {}
    assert not seen.exists(), seen.read_text()


def test_the_name_of_somebody_else_is_refused_at_preview(world: EngineWorld) -> None:
    mine = world.project("")
    mine.write(world.training(name="taken"))
    mine.up()
    theirs = world.project("")
    theirs.write(PROGRAM.format(body=SCHEDULE.format(f'{GOOD}, name="taken"')))
    output = theirs.preview(fails=True).output
    assert "belongs to 'organization/testbed/dev/training'" in output
    assert 'adopt="organization/testbed/dev/training"' in output
    world.only()
