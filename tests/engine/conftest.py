"""A world for lifecycle tests: a local ZenML store, a third party's orchestrator, the engine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pulumi_zenml.json_types import Json
from testbed import zenml_store
from testbed.engine import Project
from testbed.snapshots import ZenmlClient, zenml_client
from testbed.zenml_server import client_environment
from testbed.zenml_store import Record

TESTS = Path(__file__).resolve().parents[1]
FLAVOR = "zenml_filecron.flavor.FileCronFlavor"

PROGRAM = """
import pulumi
import pulumi_zenml as zenml

{body}
"""

TRAINING = """
training = zenml.Schedule(
    "training", stack="one", snapshot="training:v1", {arguments}
)
pulumi.export("native", training.native_id)
"""


@dataclass
class EngineWorld:
    """One ZenML store, two stacks ``one`` and ``two``, and the folder their schedules are in."""

    zenml: ZenmlClient
    files: Path
    folder: Path

    def project(self, body: str, *, plain: bool = False) -> Project:
        """A Pulumi project whose program has ``body``; ``plain`` as in :class:`Project`."""
        folder = self.folder / f"project-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        return Project(folder, PROGRAM.format(body=body), env=self.zenml.env, plain=plain)

    def training(self, **arguments: object) -> str:
        """A program text with one schedule called training."""
        given = {"cron": "0 3 * * 1-5", "timezone": "Europe/Berlin", **arguments}
        text = ", ".join(f"{key}={value!r}" for key, value in given.items() if value is not None)
        return PROGRAM.format(body=TRAINING.format(arguments=text))

    def counterparts(self) -> dict[str, dict[str, Any]]:
        """The native schedules by id, read from the folder."""
        return {it.stem: json.loads(it.read_text()) for it in sorted(self.files.glob("*.json"))}

    def only(self) -> tuple[Record, dict[str, Any]]:
        """The one record and the one counterpart there are."""
        (record,) = self.zenml.records()
        (counterpart,) = self.counterparts().values()
        return record, counterpart

    def nothing_left(self) -> bool:
        """Whether both sides are empty, archived rows included."""
        return not self.zenml.records(archived=True) and not self.counterparts()

    def edit(self, **changes: Json) -> None:
        """Change the one counterpart by hand."""
        ((native_id, body),) = self.counterparts().items()
        (self.files / f"{native_id}.json").write_text(json.dumps({**body, **changes}))


@pytest.fixture(scope="session")
def thirdparty_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZenmlClient]:
    """A local ZenML store that knows the third party's flavor, and two stacks with it."""
    folder = tmp_path_factory.mktemp("engine")
    (folder / "files").mkdir()
    paths = os.pathsep.join([str(TESTS), str(TESTS / "thirdparty")])
    env = {**client_environment(folder / "config"), "PYTHONPATH": paths}
    with zenml_client(folder, env) as client:
        client.call(zenml_store.register_flavor, FLAVOR)
        for name in ("one", "two"):
            client.register_stack(name, "filecron", {"folder": str(folder / "files")})
        client.create_snapshot("one", name="v1")
        yield client


@pytest.fixture
def world(thirdparty_client: ZenmlClient, tmp_path: Path) -> Iterator[EngineWorld]:
    """The world, empty of schedules before and after."""
    configuration = thirdparty_client.call(zenml_store.orchestrator_configuration, "one")
    files = Path(str(configuration["folder"]))

    made = EngineWorld(thirdparty_client, files, tmp_path)
    yield made
    for path in files.iterdir():
        path.unlink()
    thirdparty_client.call(zenml_store.delete_records)
