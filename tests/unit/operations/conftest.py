"""Operations on a world in memory."""

from __future__ import annotations

import pytest

from unit.memory.fixtures import memory_flavor as memory_flavor
from unit.memory.fixtures import world as world
from unit.memory.fixtures import zenml_in_memory as zenml_in_memory


@pytest.fixture(autouse=True)
def _operations(zenml_in_memory: None) -> None:
    """Every operation of these tests reads the world."""
