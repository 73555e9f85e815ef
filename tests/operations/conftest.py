"""A world for operations: a local ZenML store, and a third party's orchestrator in folders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest

from operations import seed
from pulumi_zenml.json_types import Json
from said import Said as Said
from testbed import zenml_store
from testbed.snapshots import ZenmlClient, zenml_client
from testbed.warm import Warm
from testbed.zenml_server import client_environment, without_zenml

P = ParamSpec("P")
T = TypeVar("T")

TESTS = Path(__file__).resolve().parents[1]
FLAVOR = "zenml_filecron.flavor.FileCronFlavor"
# The console script that lies beside the interpreter: what a user runs.
COMMAND = Path(sys.executable).with_name("pulumi-zenml")


@dataclass
class World:
    """One ZenML store, stacks ``one`` and ``two`` with a folder each, and the command."""

    zenml: ZenmlClient
    root: Path
    work: Path
    warm: Warm
    env: dict[str, str] = field(default_factory=dict)

    def folder(self, stack: str = "one") -> Path:
        return self.root / stack

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function of `operations.seed` or `testbed.zenml_store` where ZenML is."""
        return self.zenml.call(function, *args, **kwargs)

    def run(self, *words: str, input: str | None = None, **env: str) -> Said:
        """Run the command, in a process of its own."""
        environment = self.environment(**env)
        return Said(*self.warm.command(words, cwd=self.work, env=environment, input=input))

    def script(self, *words: str) -> Said:
        """Run the console script, as a user does."""
        done = subprocess.run(
            [str(COMMAND), *words],
            cwd=self.work,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start the console script and return at once, for tests that interrupt it."""
        return subprocess.Popen(
            [str(COMMAND), *words],
            cwd=self.work,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Who started the test run may have it ignored: a shell does so in the background.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def environment(self, **env: str) -> dict[str, str]:
        state = {"PULUMI_ZENML_STATE": str(self.work / "state"), "COLUMNS": "200"}
        return {**without_zenml(), **self.zenml.env, **state, **self.env, **env}

    def edit(self, native_id: str, stack: str = "one", **changes: Json) -> None:
        """Change a counterpart by hand."""
        path = self.folder(stack) / f"{native_id}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    def write(self, native_id: str, body: Mapping[str, Json], stack: str = "one") -> None:
        """Make a counterpart by hand."""
        (self.folder(stack) / f"{native_id}.json").write_text(json.dumps(body))

    def body(self, native_id: str, stack: str = "one") -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.folder(stack) / f"{native_id}.json").read_text())
        return loaded

    def natives(self, stack: str = "one") -> set[str]:
        return {path.stem for path in self.folder(stack).glob("*.json")}

    def clear(self) -> None:
        """Remove every schedule from both sides."""
        for stack in ("one", "two"):
            for path in self.folder(stack).iterdir():
                path.unlink()
        self.call(seed.delete_all)


@pytest.fixture(scope="session")
def operations_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZenmlClient]:
    """A local ZenML store that knows the third party's flavor, and two stacks with it."""
    root = tmp_path_factory.mktemp("operations")
    paths = os.pathsep.join([str(TESTS), str(TESTS / "thirdparty")])
    env = {**client_environment(root / "config"), "PYTHONPATH": paths, "ROOT": str(root)}
    with zenml_client(root, env) as client:
        client.call(zenml_store.register_flavor, FLAVOR)
        for name in ("one", "two"):
            (root / name).mkdir()
            client.register_stack(name, "filecron", {"folder": str(root / name)})
        client.create_snapshot("one", name="v1")
        yield client


@pytest.fixture
def world(operations_client: ZenmlClient, warm: Warm, tmp_path: Path) -> Iterator[World]:
    """The world, empty of schedules before and after."""
    made = World(operations_client, Path(operations_client.env["ROOT"]), tmp_path, warm)
    yield made
    made.clear()
