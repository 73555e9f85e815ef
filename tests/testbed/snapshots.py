"""Make what schedules need in a ZenML store: stacks, and snapshots of pipelines, without Docker."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from pulumi_zenml.json_types import Json

from . import zenml_store
from .process import STOP_SECONDS, tail
from .warm import module_command
from .zenml_server import without_zenml
from .zenml_store import WITH_IMAGES, Record, Snapshot
from .zenml_worker import Call, receive, send

IMAGE = "registry.example.invalid/training:1"

P = ParamSpec("P")
T = TypeVar("T")


class ZenmlError(Exception):
    """A call failed in ZenML's process. The message holds its traceback."""


class ZenmlClient:
    """A ZenML client in a process of its own. Get one from `zenml_client`."""

    def __init__(self, process: subprocess.Popen[bytes], env: Mapping[str, str], log: Path) -> None:
        self._process = process
        self._log = log
        self._one_at_a_time = threading.Lock()
        self.env = dict(env)
        """The variables with which another process gets to the same store."""

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in the client's process.

        Args:
            function: One of a module's own: `testbed.zenml_store` has what many tests need. Its
                module is imported on both sides, so it imports ZenML only when it is called.
            args, kwargs: What it takes; plain data.

        Returns:
            What it returned; plain data.

        Raises:
            ZenmlError: It raised, or the process has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._one_at_a_time:
            try:
                send(self._process.stdin, Call(function, args, kwargs))
                answer = receive(self._process.stdout)
            except (EOFError, BrokenPipeError):
                logged = tail(self._log)
                raise ZenmlError(
                    f"{function.__name__}: the ZenML process has ended\n{logged}"
                ) from None
        if answer.error:
            raise ZenmlError(f"{function.__name__}: {answer.error}")
        return cast(T, answer.result)

    def register_stack(self, name: str, flavor: str, config: Mapping[str, Json]) -> str:
        """Register a stack and return its id.

        Its orchestrator, container registry and image builder all bear the stack's name; its
        artifact store is the local one.
        """
        components = {"orchestrator": (flavor, config), **WITH_IMAGES}
        return self.call(zenml_store.register_stack, name, components)

    def register_kubernetes_stack(
        self, name: str, *, context: str, namespace: str, **config: Json
    ) -> str:
        """Register a stack on a Kubernetes context and return its id."""
        fixed: dict[str, Json] = {
            "kubernetes_context": context,
            "kubernetes_namespace": namespace,
            "skip_local_validations": True,
        }
        return self.register_stack(name, "kubernetes", {**fixed, **config})

    def register_airflow_stack(self, name: str, *, dags: Path, **config: Json) -> str:
        """Register a stack on an Airflow that reads a DAG folder here, and return its id."""
        fixed: dict[str, Json] = {"local": True, "dag_output_dir": str(dags)}
        return self.register_stack(name, "airflow", {**fixed, **config})

    def create_snapshot(
        self,
        stack: str,
        *,
        pipeline: str = "training",
        name: str | None = "v1",
        image: str = IMAGE,
        value: int = 1,
    ) -> Snapshot:
        """See `testbed.zenml_store.create_snapshot`."""
        return self.call(
            zenml_store.create_snapshot,
            stack,
            pipeline=pipeline,
            name=name,
            image=image,
            value=value,
        )

    def records(self, *, archived: bool = False) -> list[Record]:
        """Return the store's schedules, with those that were archived if asked."""
        return self.call(zenml_store.records, archived=archived)


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
    command, more = module_command("testbed.zenml_worker")
    with (
        log.open("ab") as sink,
        subprocess.Popen(
            command,
            cwd=work,
            env={**without_zenml(), "PYTHONPATH": str(tests), **env, **more},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
        ) as process,
    ):
        try:
            yield ZenmlClient(process, env, log)
        finally:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
