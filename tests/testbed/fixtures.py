"""The real services as pytest fixtures: one of each for a whole run, started when first asked for.

Tests that share a service keep apart by names, namespaces and folders of their own.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from . import airflow, kubernetes, snapshots, sshd, zenml_server


@pytest.fixture(scope="session")
def zenml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zenml_server.ZenmlServer]:
    """A ZenML server."""
    with zenml_server.zenml_server(tmp_path_factory.mktemp("zenml-server")) as server:
        yield server


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kubernetes.Kubernetes]:
    """A Kubernetes control plane."""
    with kubernetes.kubernetes(tmp_path_factory.mktemp("kubernetes")) as running:
        yield running


@pytest.fixture
def namespace(cluster: kubernetes.Kubernetes) -> str:
    """A Kubernetes namespace of the test's own."""
    return cluster.create_namespace(f"test-{secrets.token_hex(4)}")


@pytest.fixture(scope="session")
def airflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[airflow.Airflow]:
    """An Airflow 3."""
    with airflow.airflow(tmp_path_factory.mktemp("airflow")) as running:
        yield running


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.SshHost]:
    """An SSH host with cron and at."""
    with sshd.ssh_host(tmp_path_factory.mktemp("ssh-host")) as host:
        yield host


@pytest.fixture(scope="session")
def server_client(
    zenml: zenml_server.ZenmlServer,
    cluster: kubernetes.Kubernetes,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[snapshots.ZenmlClient]:
    """A ZenML client of the server, with the cluster's kubeconfig."""
    folder = tmp_path_factory.mktemp("server-client")
    env = {
        **zenml.client_environment(folder / "config"),
        "KUBECONFIG": str(cluster.kubeconfig),
    }
    with snapshots.zenml_client(folder, env) as client:
        yield client


@pytest.fixture(scope="session")
def local_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[snapshots.ZenmlClient]:
    """A ZenML client with a local store."""
    folder = tmp_path_factory.mktemp("local-client")
    with snapshots.zenml_client(
        folder, zenml_server.client_environment(folder / "config")
    ) as client:
        yield client
