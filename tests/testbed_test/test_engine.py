"""The engine runs a program with a dynamic resource through its whole life."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from testbed.engine import Project, UnexpectedExit

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
from pulumi import dynamic


class Provider(dynamic.ResourceProvider):
    serialize_as_secret_always = False

    def check(self, olds, news):
        failures = [dynamic.CheckFailure("size", "is missing")] if not news["size"] else []
        return dynamic.CheckResult(news, failures)

    def diff(self, id, olds, news):
        changed = olds["size"] != news["size"]
        return dynamic.DiffResult(changes=changed, replaces=["size"] if changed else [])

    def create(self, props):
        return dynamic.CreateResult(f"box-{props['size']}", props)


class Box(dynamic.Resource):
    def __init__(self, name, size):
        super().__init__(Provider(), name, {"size": size})


pulumi.export("id", Box("box", SIZE).id)
"""


def program(size: str) -> str:
    return PROGRAM.replace("SIZE", repr(size))


def test_a_resource_lives_through_every_command(tmp_path: Path) -> None:
    project = Project(tmp_path, program("small"))

    assert project.preview().changes == {"create": 2}
    assert project.resources() == []

    created = project.up()
    assert created.changes == {"create": 2}
    assert [(step.op, step.name) for step in created.steps] == [("create", "box")]
    assert project.outputs() == {"id": "box-small"}

    assert project.preview("--expect-no-changes").changes == {}

    project.write(program("large"))
    replaced = project.up()
    assert [step.op for step in replaced.steps] == [
        "create-replacement",
        "replace",
        "delete-replaced",
    ]
    assert project.outputs() == {"id": "box-large"}
    assert [resource["id"] for resource in project.resources()] == ["box-large"]

    assert project.refresh().changes == {}
    assert project.destroy().changes == {"delete": 2}
    assert project.resources() == []


def test_a_failure_carries_the_whole_output(tmp_path: Path) -> None:
    project = Project(tmp_path, program(""))

    with pytest.raises(UnexpectedExit, match="is missing"):
        project.preview()

    refused = project.preview(fails=True)
    assert any("is missing" in message for message in refused.diagnostics)


def test_a_command_can_be_started_and_left_alone(tmp_path: Path) -> None:
    process = Project(tmp_path, program("small"), plain=True).start("up", "--yes", "--skip-preview")
    assert isinstance(process, subprocess.Popen)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
