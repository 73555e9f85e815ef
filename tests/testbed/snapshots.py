"""Make what schedules need in a ZenML store: stacks, and snapshots of pipelines, without Docker."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .process import STOP_SECONDS, tail
from .zenml_server import without_zenml

IMAGE = "registry.example.invalid/training:1"


class ZenmlError(Exception):
    """An operation failed in ZenML. The message holds its traceback."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of a pipeline.

    Attributes:
        id: Its id.
        name: Its name, unique among the pipeline's snapshots; None if it has none.
        pipeline: The pipeline's name.
        pipeline_id: The pipeline's id.
    """

    id: str
    name: str | None
    pipeline: str
    pipeline_id: str

    @property
    def reference(self) -> str:
        """The snapshot as a program names it: `pipeline:snapshot`."""
        return f"{self.pipeline}:{self.name}"


class ZenmlClient:
    """A ZenML client in a process of its own. Get one from `zenml_client`."""

    def __init__(self, process: subprocess.Popen[str], env: Mapping[str, str], log: Path) -> None:
        self._process = process
        self._log = log
        self._one_at_a_time = threading.Lock()
        self.env = dict(env)
        """The variables with which another process gets to the same store."""

    def register_stack(self, name: str, flavor: str, config: Mapping[str, Any]) -> str:
        """Register a stack and return its id.

        Its orchestrator, container registry and image builder all bear the stack's name; its
        artifact store is the local one.
        """
        stack: str = self._ask("register_stack", name=name, flavor=flavor, config=dict(config))
        return stack

    def register_kubernetes_stack(
        self, name: str, *, context: str, namespace: str, **config: Any
    ) -> str:
        """Register a stack on a Kubernetes context and return its id."""
        fixed = {"kubernetes_context": context, "kubernetes_namespace": namespace}
        config = {"skip_local_validations": True, **fixed, **config}
        return self.register_stack(name, "kubernetes", config)

    def register_airflow_stack(self, name: str, *, dags: Path, **config: Any) -> str:
        """Register a stack on an Airflow that reads a DAG folder here, and return its id."""
        config = {"local": True, "dag_output_dir": str(dags), **config}
        return self.register_stack(name, "airflow", config)

    def create_snapshot(
        self,
        stack: str,
        *,
        pipeline: str = "training",
        name: str | None = "v1",
        image: str = IMAGE,
        value: int = 1,
    ) -> Snapshot:
        """Make a snapshot of a pipeline of one step.

        Args:
            stack: The name of the stack that it is made for.
            pipeline: The pipeline's name; made if it is not there.
            name: The snapshot's name.
            image: The image that it says to run.
            value: What the step returns; another value makes another version of the code.
        """
        ids = self._ask(
            "create_snapshot", stack=stack, pipeline=pipeline, name=name, image=image, value=value
        )
        return Snapshot(
            id=ids["snapshot"], name=name, pipeline=pipeline, pipeline_id=ids["pipeline"]
        )

    def schedules(self, *, archived: bool = False) -> list[dict[str, Any]]:
        """Return the store's schedules as plain data, with those that were archived if asked."""
        found: list[dict[str, Any]] = self._ask("schedules", archived=archived)
        return found

    def evaluate(self, expression: str) -> Any:
        """Return the value of a Python expression, in which `client` is a `zenml.client.Client`.

        The value comes back as JSON would have it; what JSON does not know comes as text.
        """
        return self._ask("evaluate", expression=expression)

    def _ask(self, operation: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._one_at_a_time:
            request = {"operation": operation, "arguments": arguments}
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise ZenmlError(f"{operation}: the ZenML process has ended\n{tail(self._log)}")
        answer = json.loads(line)
        if "error" in answer:
            raise ZenmlError(f"{operation}: {answer['error']}")
        return answer["result"]


@contextmanager
def zenml_client(folder: Path, env: Mapping[str, str]) -> Iterator[ZenmlClient]:
    """Run a ZenML client for as long as a block lasts.

    Args:
        folder: Where it works: pipeline code and log.
        env: The variables that choose its store, from `zenml_server.client_environment` or
            `ZenmlServer.client_environment`.
    """
    work = folder / "pipelines"
    work.mkdir(parents=True, exist_ok=True)
    log = folder / "client.log"
    tests = Path(__file__).resolve().parents[1]
    with (
        log.open("ab") as sink,
        subprocess.Popen(
            [sys.executable, "-m", "testbed.zenml_worker"],
            cwd=work,
            env={**without_zenml(), "PYTHONPATH": str(tests), **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        ) as process,
    ):
        try:
            yield ZenmlClient(process, env, log)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
