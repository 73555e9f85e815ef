"""The flavor in memory, registered while these tests run."""

from __future__ import annotations

from unit.memory.fixtures import memory_flavor as memory_flavor
from unit.memory.fixtures import world as world
