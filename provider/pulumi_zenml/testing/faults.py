"""Making a stand-in fail within a block."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Self

from pulumi_zenml.testing.bench import Fault
from pulumi_zenml.testing.loopback import LoopbackServer

_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Failure:
    """How calls fail at the moment.

    Args:
        kind: how.
        when: which calls, by method and path.
        afterwards: whether the call is executed, and only its response is lost.
    """

    kind: Fault
    when: Callable[[str, str], bool]
    afterwards: bool


class Faulty(ABC):
    """A service that can be made to fail. Use it as a context manager."""

    def __init__(self) -> None:
        self._failure: Failure | None = None
        self._left: int | None = None
        self._counting = threading.Lock()
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, *error: object) -> None:
        self.release()
        self.hang_up()

    @abstractmethod
    def listen(self) -> None:
        """Answer, on the same port as before if there was one."""

    @abstractmethod
    def hang_up(self) -> None:
        """Stop answering; connections are refused."""

    @contextmanager
    def fault(
        self,
        kind: Fault,
        *,
        times: int | None = None,
        when: Callable[[str, str], bool] = lambda method, path: True,
        afterwards: bool = False,
    ) -> Iterator[None]:
        """Make calls fail within a block.

        Args:
            kind: how; ``refused`` is for all calls.
            times: only this many of them; every one if not given.
            when: which calls, by method and path; all by default.
            afterwards: whether the call is executed, and only its response is lost.
        """
        if kind == "refused":
            self.hang_up()
            try:
                yield
            finally:
                self.listen()
            return
        self._over.clear()
        self._failure, self._left = Failure(kind, when, afterwards), times
        try:
            yield
        finally:
            self._failure, self._left = None, None
            self._over.set()

    def failure(self, method: str, path: str) -> Failure | None:
        """How this call must fail, if it must. Call it once for each call: it counts."""
        with self._counting:
            failure = self._failure
            if failure is None or self._left == 0 or not failure.when(method, path):
                return None
            if self._left is not None:
                self._left -= 1
            return failure

    def keep_waiting(self) -> None:
        """Send no response for as long as the failure lasts."""
        self._over.wait(_PATIENCE_SECONDS)

    def release(self) -> None:
        """End every call that is kept waiting."""
        self._over.set()


class FaultyServer(Faulty):
    """A service on one loopback port that can be made to fail.

    Args:
        handler: answers the requests.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__()
        self._server = LoopbackServer(handler)

    @property
    def url(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self._server.port}"

    def listen(self) -> None:
        """Answer, on the same port as before if there was one."""
        self._server.listen()

    def hang_up(self) -> None:
        """Stop answering; connections are refused."""
        self._server.hang_up()
