"""The real services as pytest fixtures, started when first asked for.

There is one of each for a whole run, of SSH hosts and ZenML clients one for each process of it.
Tests that share a service keep apart by names, namespaces and folders of their own.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from . import airflow, kubernetes, shared, snapshots, sshd, warm_client, zenml_server
from . import warm as warm_process


@pytest.fixture(scope="session")
def zenml() -> zenml_server.ZenmlServer:
    """A ZenML server."""
    server: zenml_server.ZenmlServer = shared.get("zenml")
    return server


@pytest.fixture(scope="session")
def cluster() -> kubernetes.Kubernetes:
    """A Kubernetes control plane."""
    running: kubernetes.Kubernetes = shared.get("cluster")
    return running


@pytest.fixture
def namespace(cluster: kubernetes.Kubernetes) -> str:
    """A Kubernetes namespace of the test's own."""
    return cluster.create_namespace(f"test-{secrets.token_hex(4)}")


@pytest.fixture(scope="session")
def airflow_server() -> airflow.Airflow:
    """An Airflow 3."""
    running: airflow.Airflow = shared.get("airflow_server")
    return running


@pytest.fixture(scope="session")
def warm() -> warm_process.Warm:
    """What runs the command, and the engine's programs, without importing ZenML anew."""
    running: warm_process.Warm = shared.get("warm")
    return running


@pytest.fixture(autouse=True)
def _warm_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("engine"):
        running: warm_process.Warm = request.getfixturevalue("warm")
        monkeypatch.setenv(warm_client.SOCKET_VARIABLE, str(running.socket))


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
