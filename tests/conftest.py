"""Fixtures for all tests, and which of them run in one process."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

import __main__
from pulumi_zenml.orchestrators import REGISTRY
from testbed import shared

pytest.register_assert_rewrite("pulumi_zenml.testing.conformance")
pytest_plugins = ["flaky", "shares", "testbed.fixtures"]

# A process of pytest-xdist has no main module's file, by which ZenML finds the root of the source.
if not getattr(__main__, "__file__", None):
    __main__.__file__ = __file__


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let all processes of the run share services; this one, if it is not a worker, keeps them."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
    kept = ExitStack()
    kept.enter_context(shared.keeper(factory.mktemp("shared")))
    config.add_cleanup(kept.close)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the services that the tests need, while those run that need none."""
    if not session.config.option.collectonly:
        needed = {it for item in session.items for it in getattr(item, "fixturenames", ())}
        if any(item.get_closest_marker("engine") for item in session.items):
            needed.add("warm")
        for name in shared.SERVICES.keys() & needed:
            shared.start(name)


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
