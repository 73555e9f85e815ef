"""Every orchestrator made ready to be tested: its bench, a stack, and a snapshot to schedule."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrators.zenml_here import zenml_here
from pulumi_zenml.testing.bench import Bench
from pulumi_zenml.zenml.connection import Connection
from testbed.snapshots import zenml_client
from testbed.zenml_server import ZenmlServer

KUBERNETES = pytest.param("kubernetes", marks=pytest.mark.kubernetes)
FLAVORS = (
    pytest.param("airflow", marks=pytest.mark.airflow),
    "azureml",
    "databricks",
    pytest.param("hyperai", marks=pytest.mark.ssh),
    "kubeflow",
    KUBERNETES,
    "sagemaker",
    "vertex",
)

STAND_INS = tuple(it for it in FLAVORS if isinstance(it, str))
"""The flavors whose other side cannot run here; each real part has a mark."""

ONE_FLAVOR = (
    KUBERNETES,
    pytest.param("airflow", marks=[pytest.mark.airflow, pytest.mark.slow]),
    pytest.param("hyperai", marks=[pytest.mark.ssh, pytest.mark.slow]),
    *(pytest.param(it, marks=pytest.mark.slow) for it in STAND_INS),
)
"""For what is the same on each: a real one, and all others in the slow tests."""

REAL_AND_ONE_CLOUD = (
    *(it for it in FLAVORS if not isinstance(it, str)),
    "vertex",
    *(pytest.param(it, marks=pytest.mark.slow) for it in STAND_INS if it != "vertex"),
)
"""For what the conformance suite proves in another way: the other clouds in the slow tests."""


@dataclass(frozen=True)
class Ready:
    """A bench with a ZenML stack on it.

    Attributes:
        bench: The bench, entered.
        connection: How the product reaches ZenML and the orchestrator.
        snapshot: What to schedule, as `pipeline:snapshot`.
        stack: The stack's name.
        environment: The variables of a process that does so.
    """

    bench: Bench
    connection: Connection
    snapshot: str
    stack: str
    environment: dict[str, str]


@contextmanager
def ready(flavor: str, stack: str, request: pytest.FixtureRequest) -> Iterator[Ready]:
    """Bring up what a flavor needs, and ZenML in this process, for as long as a block lasts."""
    server: ZenmlServer = request.getfixturevalue("zenml")
    folder: Path = request.getfixturevalue("tmp_path_factory").mktemp(flavor)
    here = server.client_environment(folder / "config")
    with zenml_here(here), make_bench(flavor, folder, request) as bench:
        stack = f"{stack}-{secrets.token_hex(3)}"
        bench.register(stack)
        environment = {**here, **bench.environment}
        with zenml_client(folder, environment) as client:
            snapshot = client.create_snapshot(stack, pipeline=f"train-{secrets.token_hex(3)}")
        connection = Connection(
            server_url=server.url,
            api_key=server.api_key,
            orchestrators={stack: bench.overrides()},
        )
        yield Ready(bench, connection, snapshot.reference, stack, environment)


def make_bench(
    flavor: str, folder: Path, request: pytest.FixtureRequest
) -> AbstractContextManager[Bench]:
    """The bench of a flavor, not yet entered."""
    if flavor == "airflow":
        from orchestrators.airflow_bench import AirflowBench

        return AirflowBench(request.getfixturevalue("airflow_server"))
    if flavor == "hyperai":
        from orchestrators.hyperai_bench import HyperAIBench

        return HyperAIBench(request.getfixturevalue("ssh_server"))
    if flavor == "kubernetes":
        from orchestrators.kubernetes_bench import KubernetesBench

        cluster = request.getfixturevalue("cluster")
        namespace = cluster.create_namespace(f"bench-{secrets.token_hex(3)}")
        return KubernetesBench(cluster, namespace, folder)
    if flavor == "azureml":
        from orchestrators.azureml_bench import AzureMLBench

        return AzureMLBench()
    if flavor == "databricks":
        from orchestrators.databricks_bench import DatabricksBench

        return DatabricksBench()
    if flavor == "kubeflow":
        from orchestrators.kubeflow_bench import KubeflowBench

        return KubeflowBench()
    if flavor == "sagemaker":
        from orchestrators.sagemaker_bench import SagemakerBench

        return SagemakerBench()
    if flavor == "vertex":
        from orchestrators.vertex_bench import VertexBench

        return VertexBench()
    raise ValueError(flavor)
