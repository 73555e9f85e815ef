"""Time Pulumi's commands on N schedules, and on N dynamic resources that do nothing.

The schedules are on the tests' third-party orchestrator, whose calls cost next to nothing, so
what is left is Pulumi, ZenML and this package.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import click

from pulumi_zenml.testing.loopback import LoopbackServer
from testbed import zenml_store
from testbed.engine import Project
from testbed.snapshots import zenml_client
from testbed.zenml_server import client_environment, zenml_server

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
IMPORT_ROUNDS = 11

FLAVOR = "zenml_filecron.flavor.FileCronFlavor"

SCHEDULES = """
import pulumi_zenml as zenml
for n in range({count}):
    zenml.Schedule(f"s{{n}}", stack="bench", snapshot="training:v1", cron="H 3 * * *")
"""

NOTHING = """
from bench.nothing import Nothing
for n in range({count}):
    Nothing(f"s{{n}}", {{"n": n}})
"""

STEPS: dict[str, Callable[[Project], object]] = {
    "preview": lambda it: it.preview(),
    "up": lambda it: it.up(),
    "preview unchanged": lambda it: it.preview(),
    "up unchanged": lambda it: it.up(),
    "refresh": lambda it: it.refresh(),
    "destroy": lambda it: it.destroy(),
}


@click.command()
@click.option("--count", default=50, show_default=True, help="How many resources.")
@click.option("--rounds", default=3, show_default=True, help="How often to repeat everything.")
@click.option("--server", is_flag=True, help="Use a ZenML server instead of a local store.")
def main(count: int, rounds: int, server: bool) -> None:
    """Print a table of seconds: the median of the rounds."""
    imports("import pulumi_zenml; pulumi_zenml.Schedule", "import pulumi")
    with tempfile.TemporaryDirectory() as name, world(Path(name), server) as env:
        ours = [measure(Path(name) / f"ours{n}", SCHEDULES, count, env) for n in range(rounds)]
        base = [measure(Path(name) / f"base{n}", NOTHING, count, env) for n in range(rounds)]
        dead = {how: while_down(Path(name) / how, count, env, how) for how in DEAD}
    where = "a ZenML server" if server else "a local ZenML store"
    print(f"\n{count} resources, median of {rounds} rounds, seconds; {where}")
    print(f"{'':20}{'schedules':>12}{'nothing':>12}")
    for step in STEPS:
        row = [statistics.median(it[step] for it in runs) for runs in (ours, base)]
        print(f"{step:20}{row[0]:12.1f}{row[1]:12.1f}")
    print(f"\n{count} schedules while ZenML is down, one round, seconds")
    print(f"{'':20}{'preview':>12}{'up':>12}")
    for how, (preview, up) in dead.items():
        print(f"{how:20}{preview:12.1f}{up:12.1f}")


def imports(*codes: str) -> None:
    """Print how long new interpreters take to run some imports, one after the other."""
    taken: dict[str, list[float]] = {code: [] for code in codes}
    for _ in range(IMPORT_ROUNDS):
        for code in codes:
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            taken[code].append(time.perf_counter() - start)
    for code in codes:
        print(f"{statistics.median(taken[code]):6.2f} s  python -c '{code}'")


@contextmanager
def world(folder: Path, server: bool) -> Iterator[dict[str, str]]:
    """A ZenML store with one stack and one snapshot; yields a client's environment."""
    paths = os.pathsep.join([str(TESTS), str(TESTS / "thirdparty"), str(ROOT)])
    files = folder / "files"
    files.mkdir()
    with served(folder, server) as client:
        env = {**client, "PYTHONPATH": paths}
        with zenml_client(folder / "client", env) as zenml:
            zenml.call(zenml_store.register_flavor, FLAVOR)
            zenml.register_stack("bench", "filecron", {"folder": str(files)})
            zenml.create_snapshot("bench", name="v1")
        yield env


@contextmanager
def served(folder: Path, server: bool) -> Iterator[dict[str, str]]:
    """The environment of a client with a local store, or with a server."""
    if not server:
        yield client_environment(folder / "config")
        return
    with zenml_server(folder / "server") as running:
        yield running.client_environment(folder / "config")


def measure(folder: Path, program: str, count: int, env: dict[str, str]) -> dict[str, float]:
    """Seconds of each command on a new stack."""
    folder.mkdir()
    project = Project(folder, program.format(count=count), env=env)
    taken = {}
    for step, command in STEPS.items():
        start = time.perf_counter()
        command(project)
        taken[step] = time.perf_counter() - start
    return taken


class _Unavailable(BaseHTTPRequestHandler):
    """A gateway without a server behind it."""

    def do_GET(self) -> None:
        self.send_error(503)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        pass


class _Silent(_Unavailable):
    """Takes requests and never answers."""

    def do_GET(self) -> None:
        threading.Event().wait()

    do_POST = do_PUT = do_DELETE = do_GET


DEAD: dict[str, type[BaseHTTPRequestHandler] | None] = {
    "refused": None,
    "answers 503": _Unavailable,
    "never answers": _Silent,
}


def while_down(folder: Path, count: int, env: dict[str, str], how: str) -> tuple[float, float]:
    """Seconds of a preview, and of an update that fails, where ZenML cannot be reached."""
    folder.mkdir()
    handler = DEAD[how]
    service = LoopbackServer(handler or _Unavailable)
    service.listen()
    if handler is None:
        service.hang_up()
    address = {
        "ZENML_STORE_URL": f"http://127.0.0.1:{service.port}",
        "ZENML_STORE_API_KEY": "ZENKEY_none",
    }
    project = Project(folder, SCHEDULES.format(count=count), env={**env, **address})
    taken = []
    for command, fails in ((project.preview, False), (project.up, True)):
        start = time.perf_counter()
        command(fails=fails)
        taken.append(time.perf_counter() - start)
    service.hang_up()
    return taken[0], taken[1]


if __name__ == "__main__":
    main()
