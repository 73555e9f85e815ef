"""One world for the tests of this folder."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from faults.kubernetes_side import KubernetesSide
from faults.warm import watched_programs
from faults.world import World, make_world
from testbed.kubernetes import Kubernetes


@pytest.fixture(scope="session")
def world(cluster: Kubernetes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world on Kubernetes. Its ZenML server is its own: it is put back again and again."""
    folder = tmp_path_factory.mktemp("faults")
    # The workers of a run share the cluster.
    name = f"faults-{secrets.token_hex(3)}"
    with (
        watched_programs(folder / "warm") as programs,
        make_world(KubernetesSide(cluster, name), programs, folder / "world") as made,
    ):
        yield made
