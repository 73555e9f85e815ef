"""Any ZenML project may be used, whichever is active, and several in one `pulumi up`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from testbed import zenml_store
from testbed.engine import Project
from testbed.snapshots import zenml_client
from testbed.zenml_server import client_environment

from .conftest import FLAVOR, TESTS

pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class Projects:
    """A ZenML store with two projects, of which neither is the active one."""

    names: tuple[str, str]
    ids: tuple[str, str]
    files: Path
    env: dict[str, str]

    def baked(self) -> set[str]:
        """The projects that the native schedules' runs will use."""
        bodies = [json.loads(it.read_text()) for it in self.files.glob("*.json")]
        return {body["active_project"] for body in bodies}


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    # A store of its own: where a server has several projects, none is active for a new client.
    folder = tmp_path_factory.mktemp("projects")
    files = folder / "files"
    files.mkdir()
    env = {
        **client_environment(folder / "config"),
        "PYTHONPATH": f"{TESTS}:{TESTS / 'thirdparty'}",
    }
    names = ("red", "blue")
    with zenml_client(folder, env) as client:
        client.call(zenml_store.register_flavor, FLAVOR)
        client.register_stack("one", "filecron", {"folder": str(files)})
        red, blue = (client.call(zenml_store.create_project, name) for name in names)
        for id in (red, blue):
            client.call(zenml_store.activate_project, id)
            client.create_snapshot("one")
        client.call(zenml_store.activate_project, "default")
    yield Projects(names, (red, blue), files, env)


def program(*projects: str, **arguments: object) -> str:
    """A program with one schedule in each project; the name of the project is the resource's."""
    more = "".join(f", {key}={value!r}" for key, value in arguments.items())
    return "import pulumi_zenml as zenml\n" + "".join(
        f"zenml.Schedule({it or 'training'!r}, {f'project={it!r}, ' if it else ''}stack='one',"
        f" snapshot='training:v1'{more})\n"
        for it in projects
    )


def test_several_projects_in_one_up_none_of_them_active(projects: Projects, tmp_path: Path) -> None:
    project = Project(tmp_path, program(*projects.names, cron="@daily"), env=projects.env)
    project.up()
    assert projects.baked() == set(projects.ids)
    assert project.preview().changes == {}
    project.write(program(*projects.names, cron="@hourly"))
    assert project.up().changes == {"replace": 2}
    project.write(program(*projects.names, cron="@hourly", paused=True))
    assert project.up().changes == {"update": 2}
    assert project.refresh().changes == {}
    project.destroy()
    assert list(projects.files.glob("*.json")) == []


def test_the_configured_project_need_not_be_active(projects: Projects, tmp_path: Path) -> None:
    project = Project(tmp_path, program("", cron="@daily"), env=projects.env)
    project.set_config("zenml:project", projects.names[0])
    project.up()
    assert projects.baked() == {projects.ids[0]}
    assert project.preview().changes == {}
    project.destroy()
    assert list(projects.files.glob("*.json")) == []
