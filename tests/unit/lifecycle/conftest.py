"""The flavor in memory, registered while these tests run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pulumi_zenml.orchestrators import REGISTRY, Registration
from unit.lifecycle.memory import FLAVOR, World


@pytest.fixture(autouse=True)
def _flavor(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Registration("unit.lifecycle.memory:MemoryOrchestrator", FLAVOR)
    monkeypatch.setitem(REGISTRY, FLAVOR, row)


@pytest.fixture
def world() -> Iterator[World]:
    """A world without schedules."""
    yield World()
