"""Fixtures for all tests, and which of them run in one process."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

import __main__
from pulumi_zenml.orchestrators import REGISTRY

pytest.register_assert_rewrite("pulumi_zenml.testing.conformance")
pytest_plugins = ["flaky", "shares", "testbed.fixtures"]

# A process of pytest-xdist has no main module's file, by which ZenML finds the root of the source.
if not getattr(__main__, "__file__", None):
    __main__.__file__ = __file__


class FlavorScheduling(LoadFileScheduling):  # type: ignore[misc]
    """A file's tests run in one process, except that each flavor's may run in another."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        flavor = nodeid.rpartition("[")[2].removesuffix("]")
        return f"{file}[{flavor}]" if flavor in REGISTRY else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """The scheduler of ``pytest -n``."""
    return FlavorScheduling(config, log)
