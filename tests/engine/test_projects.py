"""Any ZenML project may be used, whichever is active, and several in one `pulumi up`."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrators.zenml_here import zenml_here
from pulumi_zenml.testing.driver import Driver
from pulumi_zenml.zenml.connection import Connection
from testbed import zenml_store
from testbed.engine import Project
from testbed.snapshots import zenml_client
from testbed.zenml_server import ZenmlServer

from .conftest import FLAVOR, TESTS

pytestmark = pytest.mark.server


@dataclass(frozen=True)
class Projects:
    """A server with two projects, of which neither is the active one."""

    connection: Connection
    stack: str
    names: tuple[str, str]
    ids: tuple[str, str]
    files: Path
    env: dict[str, str]

    def baked(self) -> set[str]:
        """The projects that the native schedules' runs will use."""
        bodies = [json.loads(it.read_text()) for it in self.files.glob("*.json")]
        return {body["active_project"] for body in bodies}


@pytest.fixture(scope="module")
def projects(zenml: ZenmlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    folder = tmp_path_factory.mktemp("projects")
    files = folder / "files"
    files.mkdir()
    env = {
        **zenml.client_environment(folder / "config"),
        "PYTHONPATH": f"{TESTS}:{TESTS / 'thirdparty'}",
    }
    suffix = secrets.token_hex(3)
    stack = f"projects-{suffix}"
    names = (f"red-{suffix}", f"blue-{suffix}")
    sys.path.append(str(TESTS / "thirdparty"))
    with zenml_here(env):
        with zenml_client(folder / "default", env) as client:
            client.call(zenml_store.register_flavor, FLAVOR)
            client.register_stack(stack, "filecron", {"folder": str(files)})
            ids = [client.call(zenml_store.create_project, name) for name in names]
        for name, id in zip(names, ids, strict=True):
            # A client makes it the active one of its configuration.
            own = zenml.client_environment(folder / name / "config")
            active = {**env, **own, "ZENML_ACTIVE_PROJECT_ID": id}
            with zenml_client(folder / name, active) as client:
                client.create_snapshot(stack)
        connection = Connection(server_url=zenml.url, api_key=zenml.api_key)
        yield Projects(connection, stack, names, (ids[0], ids[1]), files, env)
        with zenml_client(folder / "afterwards", env) as client:
            for name in names:
                client.call(zenml_store.delete_project, name)
    sys.path.remove(str(TESTS / "thirdparty"))


@pytest.mark.parametrize("how", ["argument", "configuration"])
def test_a_project_that_is_not_active_is_used(projects: Projects, how: str) -> None:
    connection, more = projects.connection, {}
    if how == "argument":
        more = {"project": projects.names[0]}
    else:
        connection = Connection(
            connection.server_url, connection.api_key, project=projects.names[0]
        )
    driver = Driver(connection, f"org/projects/test/{how}")
    given: dict[str, Any] = {"stack": projects.stack, "snapshot": "training:v1", **more}
    assert driver.up(**given, cron="@daily") == "create"
    assert projects.baked() == {projects.ids[0]}
    assert driver.refresh() == set()
    assert driver.up(**given, cron="@hourly") == "replace"
    assert driver.up(**given, cron="@hourly", paused=True) == "update"
    assert driver.refresh() == set()
    driver.destroy()
    assert list(projects.files.glob("*.json")) == []


@pytest.mark.engine
def test_two_projects_in_one_up(projects: Projects, tmp_path: Path) -> None:
    program = "import pulumi_zenml as zenml\n" + "".join(
        f"zenml.Schedule({name!r}, project={name!r}, stack={projects.stack!r},"
        " snapshot='training:v1', cron='@daily')\n"
        for name in projects.names
    )
    project = Project(tmp_path, program, env=projects.env)
    project.set_config("zenml:serverUrl", projects.connection.server_url)
    project.set_config("zenml:apiKey", projects.connection.api_key, secret=True)
    project.up()
    assert projects.baked() == set(projects.ids)
    assert project.preview().changes == {}
    assert project.refresh().changes == {}
    project.destroy()
    assert list(projects.files.glob("*.json")) == []
