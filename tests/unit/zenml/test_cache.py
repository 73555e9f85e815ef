"""Each thing is looked up once, also where that fails, and nobody waits for another's key."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pulumi_zenml.errors import UnreachableError
from pulumi_zenml.zenml.cache import Cache


def test_what_several_threads_ask_for_at_once_is_looked_up_once() -> None:
    cache: Cache[str, int] = Cache()
    together, calls = threading.Barrier(4), []

    def make() -> int:
        calls.append(1)
        return 7

    def ask(_: int) -> int:
        together.wait(5)
        return cache.get("key", make)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [7] * 4
    assert len(calls) == 1


def test_a_dead_service_is_asked_once() -> None:
    cache: Cache[str, int] = Cache()
    calls = []

    def make() -> int:
        calls.append(1)
        raise UnreachableError("ZenML", "no answer")

    for _ in range(3):
        with pytest.raises(UnreachableError, match="no answer"):
            cache.get("key", make)
    assert len(calls) == 1
    assert cache.known("key") is None


def test_one_key_does_not_wait_for_another() -> None:
    cache: Cache[str, int] = Cache()
    begun, may_end = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        assert may_end.wait(5)
        return 1

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cache.get, "slow", slow)
        assert begun.wait(5)
        assert cache.get("quick", lambda: 2) == 2
        may_end.set()
        assert waiting.result(5) == 1


def test_an_interrupt_is_not_kept() -> None:
    cache: Cache[str, int] = Cache()

    def interrupted() -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get("key", interrupted)
    assert cache.get("key", lambda: 3) == 3
