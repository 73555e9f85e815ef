"""The fixtures of tests in memory. A folder's conftest imports those that it needs."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

from pulumi_zenml.orchestrators import REGISTRY, Registration
from unit.memory.reader import MemoryReader
from unit.memory.world import FLAVOR, World
from unit.memory.zenml import URL

_OPENED = ("inventory", "restore")


@pytest.fixture(autouse=True)
def memory_flavor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flavor in memory is registered."""
    row = Registration("unit.memory.orchestrator:MemoryOrchestrator", FLAVOR)
    monkeypatch.setitem(REGISTRY, FLAVOR, row)


@pytest.fixture
def world() -> World:
    """A world without schedules."""
    return World()


@pytest.fixture
def zenml_in_memory(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever connection operations and commands are given, they read the world."""
    for name in _OPENED:
        # `operations` has a function of the same name as one of its modules.
        module = import_module(f"pulumi_zenml.operations.{name}")
        monkeypatch.setattr(module, "ZenmlReader", partial(MemoryReader, world))
    monkeypatch.setenv("ZENML_STORE_URL", URL)
    monkeypatch.setenv("PULUMI_ZENML_STATE", str(tmp_path / "state"))
