"""Programs in new processes that need not import Pulumi and ZenML first.

Importing ZenML takes three seconds, and every run of the engine starts a provider that does. A
warm process imports it once and forks for each program: it has its own variables, working
directory, streams and module search path, and leaves nothing behind for the next. What differs
from a plain start is the start of the interpreter, and that modules have been imported.

It runs what plain starts would run: Pulumi's dynamic provider, Pulumi's program runner, and the
`pulumi-zenml` command.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import io
import json
import logging
import os
import runpy
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from . import shared, warm_client
from .process import program, running
from .warm_client import LENGTH, SIGNAL, SOCKET_VARIABLE, ask, wait
from .zenml_server import client_environment, without_zenml

# The engine finds these before the real ones, which run `python3 -u -m pulumi.dynamic` and
# `python3 -u pulumi-language-python-exec`.
_PROVIDER = """\
#!/bin/sh
exec {python} -I {client} module pulumi.dynamic "$@"
"""
# The language host asks Python for its version and its packages at each start of the engine: half a
# second for an answer that is the same all through a test run.
_PYTHON = """\
#!/bin/sh
case "$*" in
    "--version") echo "Python {version}" ;;
    "-m pip list -v --format json") exec cat {packages} ;;
    *) exec {python} "$@" ;;
esac
"""
_PROGRAM = """\
import runpy
import sys

client = runpy.run_path({client!r})
client["stand_in"]("program", {real!r}, *sys.argv[1:])
"""
_PR_SET_PDEATHSIG = 1
# What the programs import sooner or later; importing starts no thread and opens no file.
_MODULES = (
    "pulumi.dynamic",
    "pulumi_zenml.cli",
    "pulumi_zenml.schedule.provider",
    "pulumi_zenml.lifecycle.pairs",
    "pulumi_zenml.lifecycle.session",
    "pulumi_zenml.zenml.submission",
    "zenml.client",
    "zenml.models",
    "zenml.stack",
    "zenml.execution.pipeline.utils",
    "zenml.zen_stores.rest_zen_store",
    "zenml.zen_stores.sql_zen_store",
    "zenml.zen_stores.migrations.alembic",
    "zenml.zen_stores.migrations.utils",
    "zenml.utils.logging_utils",
    "opentelemetry.instrumentation.logging",
    "sqlite3",
)


@dataclass(frozen=True)
class Warm:
    """A warm process that runs.

    Attributes:
        socket: Where it listens.
    """

    socket: Path

    def environment(self) -> dict[str, str]:
        """The variables that lead to it. For the engine `programs` has to be first on PATH too."""
        return {SOCKET_VARIABLE: str(self.socket)}

    def command(
        self, words: Sequence[str], *, cwd: Path, env: Mapping[str, str], input: str | None = None
    ) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of `pulumi-zenml` with these words."""
        with TemporaryDirectory() as name:
            files = [Path(name) / it for it in ("in", "out", "err")]
            files[0].write_text(input or "")
            with files[0].open("rb") as in_, files[1].open("wb") as out, files[2].open("wb") as err:
                streams = [it.fileno() for it in (in_, out, err)]
                asked = ("command", *words)
                with ask(str(self.socket), asked, cwd=str(cwd), env=env, streams=streams) as asking:
                    code = wait(asking)
            return code, files[1].read_text(), files[2].read_text()


def module_command(name: str) -> tuple[list[str], dict[str, str]]:
    """How to start a module as a program, and the variables that it takes.

    Args:
        name: The module. Where it can it starts in a fork of the run's warm process.
    """
    if not shared.is_kept():
        return [sys.executable, "-m", name], {}
    running: Warm = shared.get("warm")
    return [sys.executable, "-I", warm_client.__file__, "module", name], running.environment()


@contextmanager
def warm(folder: Path) -> Iterator[Warm]:
    """Run a warm process for as long as a block lasts.

    Raises:
        ServiceError: It did not start.
    """
    path = folder / "socket"
    tests = Path(__file__).resolve().parents[1]
    env = {
        **without_zenml(),
        **client_environment(folder / "config"),
        "PYTHONPATH": str(tests),
    }
    command: list[str | Path] = [sys.executable, "-m", "testbed.warm", path]
    _write_programs(programs(path))
    with running(command, log=folder / "warm.log", ready=path.exists, env=env, cwd=folder):
        yield Warm(path)


def programs(socket: str | Path) -> Path:
    """The folder of what the engine is to find first on PATH.

    Args:
        socket: Where the warm process listens.
    """
    return Path(socket).with_name("programs")


def _write_programs(folder: Path) -> None:
    folder.mkdir()
    client = warm_client.__file__
    provider = folder / "pulumi-resource-pulumi-python"
    provider.write_text(_PROVIDER.format(python=sys.executable, client=client), encoding="utf-8")
    provider.chmod(0o755)
    packages = folder / "packages.json"
    listing = [sys.executable, "-m", "pip", "list", "-v", "--format", "json"]
    packages.write_bytes(subprocess.run(listing, check=True, capture_output=True).stdout)
    version = ".".join(map(str, sys.version_info[:3]))
    for name in ("python3", "python"):
        python = folder / name
        python.write_text(
            _PYTHON.format(version=version, packages=packages, python=sys.executable),
            encoding="utf-8",
        )
        python.chmod(0o755)
    host = Path(program("pulumi-language-python")).resolve()
    real = host.with_name("pulumi-language-python-exec")
    if real.exists():
        # The host looks for it beside itself.
        shutil.copy2(host, folder / host.name)
        runner = folder / real.name
        runner.write_text(_PROGRAM.format(client=client, real=str(real)), encoding="utf-8")
        runner.chmod(0o755)


@dataclass(frozen=True)
class _Asked:
    words: list[str]
    cwd: str
    env: dict[str, str]
    streams: list[int]


def _serve(path: Path) -> _Asked:
    """Fork for whoever asks. Returns in the child, with what it was asked for."""
    # Pulumi starts a thread for gRPC's asyncio as it is imported, and a fork has none of them.
    with mock.patch("grpc.experimental.aio.init_grpc_aio"):
        for name in _MODULES:
            importlib.import_module(name)
    _prepare()
    assert threading.active_count() == 1, threading.enumerate()
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    unfinished = path.with_suffix(".new")
    listener.bind(str(unfinished))
    listener.listen(64)
    unfinished.rename(path)
    wants = selectors.DefaultSelector()
    wants.register(listener, selectors.EVENT_READ)
    while True:
        # One at a time: what it does can make the next one void.
        (key, _), *_ = wants.select()
        if key.data is not None:
            _attend(wants, key)
            continue
        connection, _ = listener.accept()
        asked = _receive(connection)
        if asked is None:
            connection.close()
            continue
        child = os.fork()
        if child == 0:
            wants.close()
            listener.close()
            connection.close()
            return asked
        for stream in asked.streams:
            os.close(stream)
        ended = os.pidfd_open(child)
        for it in (ended, connection):
            wants.register(it, selectors.EVENT_READ, (child, ended, connection))


def _prepare() -> None:
    """What is done once in a process, where a snapshot is made and where a database is opened."""
    from sqlalchemy.orm import configure_mappers
    from zenml.integrations.registry import integration_registry

    integration_registry.activate_integrations()
    configure_mappers()
    # ZenML has given the root logger a handler that writes to stdout, where the engine would show
    # what gRPC says of calls that Pulumi's dynamic provider does not have.
    logging.getLogger("grpc._server").addFilter(_is_of_the_provider)


def _is_of_the_provider(record: logging.LogRecord) -> bool:
    raised = record.exc_info[1] if record.exc_info else None
    return not isinstance(raised, NotImplementedError)


def _attend(wants: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    """Tell of a child's end, or hand on what its caller wants."""
    running: tuple[int, int, socket.socket] = key.data
    child, ended, connection = running
    if key.fileobj is connection:
        try:
            data = connection.recv(SIGNAL.size)
        except ConnectionError:
            data = b""
        if data:
            os.kill(child, SIGNAL.unpack(data)[0])
        else:
            # Who asked for it was killed.
            wants.unregister(connection)
            os.kill(child, signal.SIGKILL)
        return
    _, status = os.waitpid(child, 0)
    wants.unregister(ended)
    os.close(ended)
    if connection in {it.fileobj for it in wants.get_map().values()}:
        wants.unregister(connection)
        with suppress(ConnectionError):
            connection.sendall(LENGTH.pack(status))
    connection.close()


def _receive(connection: socket.socket) -> _Asked | None:
    """What is asked for; None if who asks goes away."""
    head, streams, _, _ = socket.recv_fds(connection, LENGTH.size, 3)
    data = b""
    while head and len(data) < LENGTH.unpack(head)[0]:
        more = connection.recv(LENGTH.unpack(head)[0] - len(data))
        head, data = head if more else b"", data + more
    if not head:
        for stream in streams:
            os.close(stream)
        return None
    asked: dict[str, Any] = json.loads(data)
    return _Asked(asked["words"], asked["cwd"], asked["env"], list(streams))


def _become(asked: _Asked, search: list[str]) -> None:
    """Take over what a new process would have from its caller."""
    from grpc.experimental.aio import init_grpc_aio

    init_grpc_aio()
    # Who started the test run may have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for number, stream in enumerate(asked.streams):
        os.dup2(stream, number)
        os.close(stream)
    # As with `python -u`.
    for name, number in (("stdout", 1), ("stderr", 2)):
        raw = io.FileIO(number, "w", closefd=False)
        text = io.TextIOWrapper(raw, "utf-8", errors="backslashreplace", write_through=True)
        setattr(sys, name, text)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8")
    os.chdir(asked.cwd)
    os.environ.clear()
    os.environ.update(asked.env)
    # It was looked up under the warm process's own variables.
    tempfile.tempdir = None
    first = asked.env.get("PYTHONPATH", "")
    sys.path[:] = [*filter(None, first.split(os.pathsep)), *search]
    importlib.invalidate_caches()


def _run(kind: str, *words: str) -> None:
    """Do what the program does."""
    if kind == "module":
        # As with `python -m`.
        sys.path.insert(0, os.getcwd())
        sys.argv = list(words)
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    elif kind == "program":
        sys.path.insert(0, str(Path(words[0]).parent))
        sys.argv = list(words)
        runpy.run_path(words[0], run_name="__main__")
    else:
        import __main__
        from pulumi_zenml.cli import main

        script = shutil.which("pulumi-zenml", path=str(Path(sys.executable).parent))
        # ZenML puts the main module's folder on the path.
        __main__.__file__ = script or ""
        sys.argv = ["pulumi-zenml", *words]
        main(words)


if __name__ == "__main__":
    own = str(Path(__file__).resolve().parents[1])
    # `python -m` puts the working directory in front.
    places = [it for it in sys.path[1:] if it != own]
    request = _serve(Path(sys.argv[1]))
    _become(request, places)
    _run(*request.words)
