"""A real Kubernetes control plane without nodes: CronJobs make Jobs, and no pod ever runs."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .process import free_port, program, running

CONTEXT = "testbed"
TOKEN = "testbed-admin-token"
CONTROLLERS = "cronjob,job,garbagecollector,namespace,serviceaccount"


@dataclass(frozen=True)
class Kubernetes:
    """A control plane that runs.

    Attributes:
        kubeconfig: The path of a kubeconfig for its administrator.
        context: The name of the context in it.
        url: Where the API server answers.
        folder: Holds the logs.
    """

    kubeconfig: Path
    context: str
    url: str
    folder: Path

    def api(self, method: str, path: str, body: object | None = None) -> Any:
        """Call the API server as an administrator, apart from any client library.

        Raises:
            urllib.error.HTTPError: It answered with an error.
        """
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        request.add_header("Authorization", f"Bearer {TOKEN}")
        request.add_header("Content-Type", "application/json")
        data = None if body is None else json.dumps(body).encode()
        trust = ssl.create_default_context(cafile=str(_certificate(self.folder)))
        with urllib.request.urlopen(request, data, timeout=30, context=trust) as response:
            return json.load(response)

    def create_namespace(self, name: str) -> str:
        """Create a namespace, unless it is there. Returns its name."""
        try:
            self.api("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise
        return name

    def cron_jobs(self, namespace: str) -> list[dict[str, Any]]:
        """Return the CronJobs of a namespace."""
        path = f"/apis/batch/v1/namespaces/{namespace}/cronjobs"
        items: list[dict[str, Any]] = self.api("GET", path)["items"]
        return items

    def jobs(self, namespace: str) -> list[dict[str, Any]]:
        """Return the Jobs of a namespace."""
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        items: list[dict[str, Any]] = self.api("GET", path)["items"]
        return items


@contextmanager
def kubernetes(folder: Path) -> Iterator[Kubernetes]:
    """Run etcd, an API server and a controller manager for as long as a block lasts.

    Raises:
        ServiceError: One of them is not installed or did not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        etcd = stack.enter_context(_etcd(folder))
        cluster = stack.enter_context(_api_server(folder, etcd))
        stack.enter_context(_controller_manager(cluster))
        yield cluster


@contextmanager
def _etcd(folder: Path) -> Iterator[str]:
    url, peers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    command = [program("etcd"), "--name=testbed", f"--data-dir={folder / 'etcd'}"]
    command += [f"--listen-client-urls={url}", f"--advertise-client-urls={url}"]
    command += [f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"]
    command += [f"--initial-cluster=testbed={peers}", "--unsafe-no-fsync"]
    with running(command, log=folder / "etcd.log", ready=lambda: _says(f"{url}/health", "true")):
        yield url


@contextmanager
def _api_server(folder: Path, etcd: str) -> Iterator[Kubernetes]:
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    key = _signing_key(folder)
    tokens = folder / "tokens.csv"
    tokens.write_text(f'{TOKEN},admin,admin,"system:masters"\n', encoding="ascii")
    command = [
        program("kube-apiserver"),
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={_certificate(folder).parent}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--service-account-issuer={url}",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
    ]

    def is_ready() -> bool:
        certificate = _certificate(folder)
        return certificate.exists() and _says(f"{url}/readyz", "ok", certificate)

    with running(command, log=folder / "kube-apiserver.log", ready=is_ready):
        kubeconfig = _write_kubeconfig(folder, url)
        yield Kubernetes(kubeconfig=kubeconfig, context=CONTEXT, url=url, folder=folder)


@contextmanager
def _controller_manager(cluster: Kubernetes) -> Iterator[None]:
    port = free_port()
    command = [
        program("kube-controller-manager"),
        f"--kubeconfig={cluster.kubeconfig}",
        f"--authentication-kubeconfig={cluster.kubeconfig}",
        f"--authorization-kubeconfig={cluster.kubeconfig}",
        f"--controllers={CONTROLLERS}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={cluster.folder / 'controller-manager-certs'}",
        f"--service-account-private-key-file={_signing_key(cluster.folder)}",
    ]

    def is_ready() -> bool:
        # The health check trusts the certificate that the manager made for itself.
        certificate = cluster.folder / "controller-manager-certs" / "kube-controller-manager.crt"
        health = f"https://127.0.0.1:{port}/healthz"
        return certificate.exists() and _says(health, "ok", certificate)

    with running(command, log=cluster.folder / "kube-controller-manager.log", ready=is_ready):
        yield


def _certificate(folder: Path) -> Path:
    return folder / "certs" / "apiserver.crt"


def _signing_key(folder: Path) -> Path:
    path = folder / "service-accounts.key"
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        path.write_bytes(pem)
        path.chmod(0o600)
    return path


def _says(url: str, text: str, certificate: Path | None = None) -> bool:
    """Whether a health address answers with a text."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    trust = ssl.create_default_context(cafile=str(certificate)) if certificate else None
    try:
        with urllib.request.urlopen(request, timeout=5, context=trust) as response:
            body: bytes = response.read()
    except OSError:
        return False
    return text in body.decode()


def _write_kubeconfig(folder: Path, url: str) -> Path:
    """Write a kubeconfig as JSON, which is YAML too."""
    path = folder / "kubeconfig"
    server = {"server": url, "certificate-authority": str(_certificate(folder))}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": server}],
        "users": [{"name": CONTEXT, "user": {"token": TOKEN}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
        "current-context": CONTEXT,
    }
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    path.chmod(0o600)
    return path
