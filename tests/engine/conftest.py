"""A world for lifecycle tests: a local ZenML store, a third party's orchestrator, the engine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testbed.engine import Project
from testbed.snapshots import ZenmlClient, zenml_client
from testbed.zenml_server import client_environment

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
    make_project: Callable[[str], Project]

    def project(self, body: str) -> Project:
        """A Pulumi project whose program has ``body``."""
        return self.make_project(PROGRAM.format(body=body))

    def training(self, **arguments: Any) -> str:
        """A program text with one schedule called training."""
        given = {"cron": "0 3 * * 1-5", "timezone": "Europe/Berlin", **arguments}
        text = ", ".join(f"{key}={value!r}" for key, value in given.items() if value is not None)
        return PROGRAM.format(body=TRAINING.format(arguments=text))

    def counterparts(self) -> dict[str, dict[str, Any]]:
        """The native schedules by id, read from the folder."""
        return {it.stem: json.loads(it.read_text()) for it in sorted(self.files.glob("*.json"))}

    def only(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The one record and the one counterpart there are."""
        (record,) = self.zenml.schedules()
        (counterpart,) = self.counterparts().values()
        return {**record, **record["body"]}, counterpart

    def nothing_left(self) -> bool:
        """Whether both sides are empty, archived rows included."""
        return not self.zenml.schedules(archived=True) and not self.counterparts()

    def delete_records(self) -> None:
        """Delete every record by hand, archived ones too."""
        for archived in (False, True):
            self.zenml.evaluate(
                "[client.zen_store.delete_schedule(it.id, soft=False) for it in "
                f"client.list_schedules(is_archived={archived}).items] and None"
            )

    def edit(self, **changes: Any) -> None:
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
        client.evaluate(
            f"client.create_flavor(source={FLAVOR!r}, component_type='orchestrator').name"
        )
        for name in ("one", "two"):
            client.register_stack(name, "filecron", {"folder": str(folder / "files")})
        client.create_snapshot("one", name="v1")
        yield client


@pytest.fixture
def world(thirdparty_client: ZenmlClient, tmp_path: Path) -> Iterator[EngineWorld]:
    """The world, empty of schedules before and after."""
    files = Path(
        thirdparty_client.evaluate(
            "client.get_stack_component('orchestrator', 'one').configuration['folder']"
        )
    )

    def make_project(program: str) -> Project:
        folder = tmp_path / f"project-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        return Project(folder, program, env=thirdparty_client.env)

    made = EngineWorld(thirdparty_client, files, make_project)
    yield made
    for path in files.iterdir():
        path.unlink()
    made.delete_records()
