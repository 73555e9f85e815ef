"""Looking each thing up once, from several threads, without a lock held during the look-up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Cache(Generic[Key, Value]):
    """Values by key, each made once. A failure is kept too: a dead service costs one time-out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Key, Future[Value]] = {}

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value of ``key``; the first to ask makes it, others with that key wait for it.

        Raises:
            Exception: what ``make`` raised, each time again.
        """
        mine: Future[Value] = Future()
        with self._lock:
            known = self._found.setdefault(key, mine)
        if known is not mine:
            return known.result()
        try:
            value = make()
        except BaseException as error:
            mine.set_exception(error)
            if not isinstance(error, Exception):
                self.forget(key)
            raise
        mine.set_result(value)
        return value

    def known(self, key: Key) -> Value | None:
        """The value of ``key`` where it was made before."""
        with self._lock:
            found = self._found.get(key)
        done = found is not None and found.done() and found.exception() is None
        return found.result() if found is not None and done else None

    def put(self, key: Key, value: Value) -> None:
        """Set the value of ``key``."""
        made: Future[Value] = Future()
        made.set_result(value)
        with self._lock:
            self._found[key] = made

    def forget(self, key: Key) -> None:
        """Make it again when it is next asked for."""
        with self._lock:
            self._found.pop(key, None)
