"""Fixtures for all tests, and which of them run in one process."""

from __future__ import annotations

import os
from contextlib import ExitStack
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

import __main__
from pulumi_zenml.orchestrators import REGISTRY
from testbed import shared

# The service that tests with a mark need.
MARKED = {"engine": "warm", "server": "zenml", "kubernetes": "cluster", "airflow": "airflow_server"}
# Tests by when they run; all others come after these and before those that run alone.
ORDER = (
    "tests/unit/*",
    "tests/cadence/*",
    "tests/testbed_test/test_[aks]*",
    "tests/orchestrators/test_airflow_api.py*",
    "tests/orchestrators/test_conformance.py*[[]airflow]",
    "tests/orchestrators/test_hyperai.py*",
    "tests/orchestrators/test_kubernetes.py*",
    "tests/orchestrators/test_conformance.py*",
    "tests/operations/test_[bcdf]*",
)
ALONE = (
    "tests/engine/test_[lpt]*",
    "tests/operations/test_adopt.py*",
    "tests/operations/test_reconcile.py*",
)
# They share a world that takes half a minute to make.
ONE_WORLD = ("tests/faults/test_harness.py*", "tests/faults/test_matrix.py*")
LONGEST = (
    "*::test_a_pipeline_from_source_*",
    "*::test_many_pairs_*",
    "*::test_each_kind_of_drift_*",
)

# A busy machine is no failure.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

pytest.register_assert_rewrite("pulumi_zenml.testing.conformance")
pytest_plugins = ["flaky", "shares", "testbed.fixtures"]

# Nothing that is on loopback is behind a proxy; to find that out costs clients a good deal.
if not os.environ.keys() & {"no_proxy", "NO_PROXY"}:
    os.environ["no_proxy"] = "127.0.0.1,localhost"

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
    if session.config.option.collectonly:
        return
    marks = {mark.name for item in session.items for mark in item.iter_markers()}
    fixtures = {it for item in session.items for it in getattr(item, "fixturenames", ())}
    needed = {MARKED[it] for it in marks & MARKED.keys()} | (shared.SERVICES.keys() & fixtures)
    # ZenML's clients run in it.
    for name in ["warm", *sorted(needed - {"warm"})] if needed else []:
        shared.start(name)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs no service comes first, while services start; then what waits longest."""
    items.sort(key=lambda item: _place(item.nodeid))


def _place(nodeid: str) -> int:
    places = [place for place, pattern in enumerate(ORDER) if fnmatchcase(nodeid, pattern)]
    alone = any(fnmatchcase(nodeid, pattern) for pattern in ALONE)
    # Of those that run alone, the longest begin while the other processes are busy.
    longest = any(fnmatchcase(nodeid, it) for it in LONGEST)
    last = 2 if alone and not longest else 1 if alone else 0
    return min(places, default=len(ORDER) + last)


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """A file's tests run in one process, except that each flavor's may run in another.

    So may each test that runs the engine in a project of its own.
    """

    def _split_scope(self, nodeid: str) -> str:
        if any(fnmatchcase(nodeid, it) for it in ALONE):
            return nodeid
        if any(fnmatchcase(nodeid, it) for it in ONE_WORLD):
            return ONE_WORLD[0]
        file = nodeid.partition("::")[0]
        flavor = nodeid.rpartition("[")[2].removesuffix("]").partition("-")[0]
        return f"{file}[{flavor}]" if flavor in REGISTRY else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """The scheduler of ``pytest -n``."""
    return Scheduling(config, log)
