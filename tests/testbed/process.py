"""Run a service for as long as a block lasts."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

POLL_SECONDS = 0.2
STOP_SECONDS = 15.0
LOG_TAIL_LINES = 60


class ServiceError(Exception):
    """A service did not start. The message ends with what it logged."""


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port


def cache_folder() -> Path:
    """Where set-up keeps its programs and environments."""
    override = os.environ.get("PULUMI_ZENML_CACHE")
    return Path(override) if override else Path.home() / ".cache" / "pulumi-zenml"


def program(name: str) -> str:
    """Return the path of a program: from set-up's cache, else from PATH.

    Raises:
        ServiceError: It is in neither.
    """
    places = [str(cache_folder() / "bin"), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise ServiceError(f"{name} is not installed; `make test` installs all that tests need")
    return found


def tail(log: Path) -> str:
    """Return the end of a log file."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_TAIL_LINES:])


def wait_until(
    condition: Callable[[], bool], what: str, *, seconds: float, log: Path | None = None
) -> None:
    """Wait until a condition holds.

    Raises:
        ServiceError: It did not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            logged = f"\n{tail(log)}" if log else ""
            raise ServiceError(f"{what}: not within {seconds:.0f} s{logged}")
        time.sleep(POLL_SECONDS)


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    log: Path,
    ready: Callable[[], bool],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    seconds: float = 180.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a process group of its own, and end the whole group afterwards.

    Args:
        command: The program and its arguments.
        log: Receives what it prints.
        ready: Whether it serves. Called again and again until it does.
        env: Its whole environment; the current one if not given.
        cwd: The folder to run in.
        seconds: How long it may take to get ready.

    Raises:
        ServiceError: It ended before it was ready, or was not ready in time.
    """
    name = Path(command[0]).name
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [*dies_with_us(), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )

    def is_ready() -> bool:
        if process.poll() is not None:
            raise ServiceError(f"{name} ended with exit code {process.returncode}\n{tail(log)}")
        return ready()

    try:
        wait_until(is_ready, f"{name} is ready", seconds=seconds, log=log)
        yield process
    finally:
        _stop(process)


def finish(
    command: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None = None
) -> None:
    """Run a program that ends by itself, and has to end well.

    Raises:
        ServiceError: It did not. The message ends with what it logged.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=env,
            check=False,
        )
    if done.returncode != 0:
        name = " ".join(map(str, command))
        raise ServiceError(f"{name}: exit code {done.returncode}\n{tail(log)}")


def dies_with_us() -> list[str]:
    """Have the kernel end the program should the tests be killed, where there is a way to."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process group: first the leader politely, then whatever is left of it."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
