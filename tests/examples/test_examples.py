"""Every example, run as a user runs it, on its orchestrator."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrators.benches import REAL_AND_ONE_CLOUD, Ready, ready
from testbed.engine import Project
from testbed.snapshots import ZenmlClient, zenml_client

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytestmark = [pytest.mark.engine, pytest.mark.server]


@pytest.fixture(scope="module", params=REAL_AND_ONE_CLOUD)
def made(request: pytest.FixtureRequest) -> Iterator[Ready]:
    with ready(request.param, f"{request.param}-example", request) as made:
        yield made


@pytest.fixture
def client(made: Ready, tmp_path: Path) -> Iterator[ZenmlClient]:
    with zenml_client(tmp_path / "client", made.environment) as client:
        yield client


def open_example(name: str, made: Ready, folder: Path) -> Project:
    """A copy of an example with a stack that leads to the bench."""
    shutil.copytree(EXAMPLES / name, folder)
    project = Project(folder, "", stack=name, env=made.environment)
    project.set_config("zenml:serverUrl", made.connection.server_url)
    project.set_config("zenml:apiKey", made.connection.api_key, secret=True)
    overrides = {made.stack: dict(made.bench.overrides())}
    project.set_config("zenml:orchestrators", json.dumps(overrides), secret=True)
    project.set_config("stack", made.stack)
    project.set_config("snapshot", made.snapshot)
    return project


def records(client: ZenmlClient, project: Project) -> list[str]:
    """The names of the records that a project owns, archived ones too."""
    found = [
        it.name
        for it in client.records(archived=True)
        if f"example-{project.folder.name}/" in str(it.metadata)
    ]
    return sorted(found)


def test_example(made: Ready, client: ZenmlClient, tmp_path: Path) -> None:
    before = made.bench.native_ids()
    project = open_example(made.bench.flavor, made, tmp_path / made.bench.flavor)
    preview = project.preview()
    assert set(preview.changes) == {"create"}
    assert made.bench.native_ids() == before
    project.up()
    count = len(project.resources())
    assert count == preview.changes["create"] - 1
    assert len(made.bench.native_ids() - before) == count
    assert len(records(client, project)) == count
    assert project.preview().changes == {}
    assert project.refresh().changes == {}
    state = project.run("stack", "export").output
    assert made.connection.api_key not in state
    project.destroy()
    assert made.bench.native_ids() == before
    assert records(client, project) == []
