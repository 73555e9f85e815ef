"""A third party's orchestrator, known by its entry point alone, on the same suite."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrators.zenml_here import zenml_here
from pulumi_zenml.orchestrators import REGISTRY, get_orchestrator, known_flavors
from pulumi_zenml.testing.bench import Bench
from pulumi_zenml.testing.conformance import Conformance
from pulumi_zenml.zenml.connection import Connection
from testbed.snapshots import zenml_client
from testbed.zenml_server import ZenmlServer

TESTS = Path(__file__).resolve().parents[1]
STACK = "filecron-suite"


@pytest.fixture(scope="module")
def bench(zenml: ZenmlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A folder, and a ZenML that knows the flavor."""
    folder = tmp_path_factory.mktemp("thirdparty")
    (folder / "files").mkdir()
    env = {
        **zenml.client_environment(folder / "config"),
        "PYTHONPATH": f"{TESTS}:{TESTS / 'thirdparty'}",
    }
    sys.path.append(str(TESTS / "thirdparty"))
    from zenml_filecron.bench import FileCronBench

    with zenml_here(env):
        made = FileCronBench(folder / "files")
        made.register(STACK)
        with zenml_client(folder, env) as client:
            client.create_snapshot(STACK, pipeline="thirdparty", name="v1")
        yield made
    sys.path.remove(str(TESTS / "thirdparty"))


@pytest.fixture(scope="module")
def stack(bench: Bench) -> str:
    return STACK


@pytest.fixture(scope="module")
def connection(zenml: ZenmlServer, bench: Bench) -> Connection:
    return Connection(server_url=zenml.url, api_key=zenml.api_key)


@pytest.fixture(scope="module")
def snapshot(bench: Bench) -> str:
    return "thirdparty:v1"


def test_it_is_known_by_its_entry_point(bench: Bench) -> None:
    assert "filecron" not in REGISTRY
    assert "filecron" in known_flavors()
    assert get_orchestrator("filecron").__module__ == "zenml_filecron.pulumi"


class TestThirdParty(Conformance):
    """Every test of the suite."""
