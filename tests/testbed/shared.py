"""Services that all processes of a test run share: one of each, started when first asked for.

A process of its own keeps them, so that they last as long as the run, whichever of pytest-xdist's
workers asked first. It is there as long as the process that started it: it ends with its stdin,
and the kernel ends it, and with it the services, should that process be killed.
"""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from .process import dies_with_us, wait_until

SOCKET_VARIABLE = "TESTBED_SHARED_SOCKET"
_START_SECONDS = 30.0
_STOP_SECONDS = 60.0


def _zenml(folder: Path) -> AbstractContextManager[object]:
    from .zenml_server import zenml_server

    return zenml_server(folder)


def _cluster(folder: Path) -> AbstractContextManager[object]:
    from .kubernetes import kubernetes

    return kubernetes(folder)


def _airflow_server(folder: Path) -> AbstractContextManager[object]:
    from .airflow import airflow

    return airflow(folder)


def _warm(folder: Path) -> AbstractContextManager[object]:
    from .warm import warm

    return warm(folder)


# By the name of the fixture.
SERVICES: dict[str, Callable[[Path], AbstractContextManager[object]]] = {
    "zenml": _zenml,
    "cluster": _cluster,
    "airflow_server": _airflow_server,
    "warm": _warm,
}


def get(name: str) -> Any:
    """Return a service, started by now.

    Raises:
        ServiceError: It did not start.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ[SOCKET_VARIABLE])
        connection.sendall(f"{name}\n".encode())
        with connection.makefile("rb") as answers:
            answer = pickle.load(answers)
    if isinstance(answer, Exception):
        raise answer
    return answer


def start(name: str) -> None:
    """Have a service started that will be asked for."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ[SOCKET_VARIABLE])
        connection.sendall(f"{name}\n".encode())


def is_kept() -> bool:
    """Whether there is a process that keeps services; there is not outside of a test run."""
    return SOCKET_VARIABLE in os.environ


@contextmanager
def keeper(folder: Path) -> Iterator[None]:
    """Let this process and those that it starts share services for as long as a block lasts.

    Args:
        folder: Holds what the services write.
    """
    path = folder / "socket"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    with (folder / "keeper.log").open("wb") as log:
        process = subprocess.Popen(
            [*dies_with_us(), sys.executable, "-m", "testbed.shared", str(path)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment,
            # An interrupt is for the tests, which end and then have the services stopped.
            start_new_session=True,
        )
    assert process.stdin is not None
    os.environ[SOCKET_VARIABLE] = str(path)
    try:
        wait_until(path.exists, "services can be shared", seconds=_START_SECONDS)
        yield
    finally:
        del os.environ[SOCKET_VARIABLE]
        process.stdin.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class _Keeper:
    """Starts services, each in a thread that lasts: the kernel ends with it what it started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = ThreadPoolExecutor(len(SERVICES))
        self._starting = threading.Lock()
        self._open: list[AbstractContextManager[object]] = []
        self._services: dict[str, Future[object]] = {}

    def service(self, name: str) -> Future[object]:
        """A service, as soon as it runs."""
        with self._starting:
            if name not in self._services:
                self._services[name] = self._threads.submit(self._start, name)
            return self._services[name]

    def close(self) -> None:
        """Stop all at once."""
        stopping = [
            threading.Thread(target=it.__exit__, args=(None, None, None)) for it in self._open
        ]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()
        self._threads.shutdown()

    def _start(self, name: str) -> object:
        folder = self._folder / name
        folder.mkdir()
        service = SERVICES[name](folder)
        running = service.__enter__()
        self._open.append(service)
        return running


def _answer(keeper: _Keeper, connection: socket.socket) -> None:
    with connection, connection.makefile("rb") as words:
        name = words.readline().decode().strip()
        try:
            answer: object = keeper.service(name).result()
        except Exception as error:
            answer = error
        # Who only wanted it started does not listen.
        with suppress(ConnectionError):
            connection.sendall(pickle.dumps(answer))


def _serve(path: Path) -> None:
    kept = _Keeper(path.parent)
    listener = socket.socket(socket.AF_UNIX)
    unfinished = path.with_suffix(".new")
    listener.bind(str(unfinished))
    listener.listen(64)
    unfinished.rename(path)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_answer, args=(kept, connection), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()
    kept.close()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
