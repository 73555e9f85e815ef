"""The conformance suite on the orchestrator in memory, which stands for all in unit tests."""

from __future__ import annotations

from functools import partial

import pytest

from pulumi_zenml.testing.bench import Bench
from pulumi_zenml.testing.conformance import Conformance, HostMaker
from pulumi_zenml.zenml.connection import Connection
from unit.memory.bench import MemoryBench
from unit.memory.fixtures import memory_flavor as memory_flavor
from unit.memory.fixtures import world as world
from unit.memory.world import World
from unit.memory.zenml import URL, MemoryHost


@pytest.fixture
def bench(world: World) -> Bench:
    return MemoryBench(world)


@pytest.fixture
def stack(bench: Bench) -> str:
    bench.register("suite")
    return "suite"


@pytest.fixture
def connection() -> Connection:
    return Connection(server_url=URL)


@pytest.fixture
def snapshot() -> str:
    return "training:v1"


class TestConformance(Conformance):
    """Every test of the suite."""

    @pytest.fixture
    def host(self, world: World) -> HostMaker:
        return partial(MemoryHost, world)
