"""The conformance suite on all eight orchestrators."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrators.benches import FLAVORS, Ready, ready
from pulumi_zenml.testing.bench import Bench
from pulumi_zenml.testing.conformance import Conformance
from pulumi_zenml.zenml.connection import Connection

pytestmark = pytest.mark.server


@pytest.fixture(scope="module", params=FLAVORS)
def made(request: pytest.FixtureRequest) -> Iterator[Ready]:
    with ready(request.param, "conformance", request) as made:
        yield made


@pytest.fixture(scope="module")
def bench(made: Ready) -> Bench:
    return made.bench


@pytest.fixture(scope="module")
def connection(made: Ready) -> Connection:
    return made.connection


@pytest.fixture(scope="module")
def snapshot(made: Ready) -> str:
    return made.snapshot


@pytest.fixture(scope="module")
def stack(made: Ready) -> str:
    return made.stack


class TestConformance(Conformance):
    """Every test of the suite, on every flavor."""
