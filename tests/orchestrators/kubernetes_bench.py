"""Kubernetes made ready for the conformance suite: a real API server behind a gate for faults."""

from __future__ import annotations

import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self

from orchestrators.gate import Gate
from pulumi_zenml.cadence import Cadence, make_cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.testing.bench import Bench, Fault
from testbed.kubernetes import TOKEN, Kubernetes
from testbed.zenml_store import WITH_IMAGES, register_stack

CONTEXT = "gated"
STRANGER = "nobody@example.com"


class KubernetesGate(Gate):
    """A way to an API server that can be made to fail.

    Faults are the API server's own wherever it can make them: a token it does not know, a user
    without permissions, a namespace that is not there. The rest is answered here in its format.

    Args:
        cluster: where to.
        folder: for the kubeconfig that leads through the gate.
        namespace: the one that is used.

    Attributes:
        knows_time_zones: whether ``spec.timeZone`` gets through.
        policy: what an admission webhook says to every CronJob; empty for none.
    """

    def __init__(self, cluster: Kubernetes, folder: Path, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.knows_time_zones = True
        self.policy = ""
        self.trust = _trust(cluster)
        super().__init__(_Handler)
        self.kubeconfig = folder / "gated-kubeconfig"
        self.kubeconfig.write_text(json.dumps(self._config()), encoding="utf-8")

    def _config(self) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": CONTEXT, "cluster": {"server": self.url}}],
            "users": [{"name": CONTEXT, "user": {"token": TOKEN}}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
            "current-context": CONTEXT,
        }


class _Handler(BaseHTTPRequestHandler):
    gate: KubernetesGate

    def do_GET(self) -> None:
        gate = self.gate
        failure = gate.failure(self.command, self.path)
        fault = failure.kind if failure else None
        gate.calls.append((self.command, self.path))
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        if fault == "timeout":
            gate.keep_waiting()
            return
        if fault == "throttled":
            self._status(429, "TooManyRequests", "too many requests, please try again later")
            return
        if fault == "server-error":
            self._status(500, "InternalError", "etcdserver: leader changed")
            return
        if gate.policy and self.command == "POST" and "/cronjobs" in self.path:
            self._status(403, "Forbidden", gate.policy)
            return
        self._forward(fault, body)

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

    def _forward(self, fault: Fault | None, body: bytes | None) -> None:
        gate, path = self.gate, self.path
        if body and not gate.knows_time_zones:
            body = _without_time_zone(body)
        if fault == "not-found":
            path = path.replace(f"/{gate.namespace}/", f"/{gate.namespace}-gone/")
        request = urllib.request.Request(f"{gate.cluster.url}{path}", method=self.command)
        for name in ("Authorization", "Content-Type", "Accept"):
            if name in self.headers:
                request.add_header(name, self.headers[name])
        if fault == "unauthenticated":
            request.add_header("Authorization", "Bearer expired")
        if fault == "denied":
            request.add_header("Impersonate-User", STRANGER)
        try:
            with urllib.request.urlopen(request, body, timeout=60, context=gate.trust) as answer:
                self._answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                self._answer(error.code, dict(error.headers), error.read())

    def _status(self, code: int, reason: str, message: str) -> None:
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "reason": reason,
            "message": message,
            "code": code,
        }
        headers = {"Content-Type": "application/json"}
        if code == 429:
            headers["Retry-After"] = "1"
        self._answer(code, headers, json.dumps(status).encode())

    def _answer(self, code: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(code)
        for name in ("Content-Type", "Retry-After"):
            if name in headers:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def merge(cluster: Kubernetes, path: str, body: Mapping[str, Any]) -> None:
    """Change an object on the API server, past the gate."""
    request = urllib.request.Request(f"{cluster.url}{path}", method="PATCH")
    request.add_header("Authorization", f"Bearer {TOKEN}")
    request.add_header("Content-Type", "application/merge-patch+json")
    trust = _trust(cluster)
    with urllib.request.urlopen(request, json.dumps(body).encode(), timeout=30, context=trust):
        pass


def _trust(cluster: Kubernetes) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(cluster.folder / "certs" / "apiserver.crt"))


def _without_time_zone(body: bytes) -> bytes:
    """What a server from before Kubernetes 1.25 sees: it drops fields that it does not know."""
    sent = json.loads(body)
    sent.get("spec", {}).pop("timeZone", None)
    return json.dumps(sent).encode()


class KubernetesBench(Bench):
    """A namespace of a real control plane. Use as a context manager.

    Args:
        cluster: the control plane.
        namespace: one that exists.
        folder: for its kubeconfig.
    """

    flavor = "kubernetes"
    faults = (
        "unauthenticated",
        "denied",
        "not-found",
        "throttled",
        "server-error",
        "timeout",
        "refused",
    )

    def __init__(self, cluster: Kubernetes, namespace: str, folder: Path) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._gate = KubernetesGate(cluster, folder, namespace)
        self._before: dict[str, Any] = {}

    def __enter__(self) -> Self:
        from kubernetes import client, config
        from kubernetes.config import kube_config

        from pulumi_zenml.orchestrators.kubernetes import KubernetesOrchestrator

        # The official client, through which ZenML connects, read KUBECONFIG when it was imported.
        self._before = {
            "environment": os.environ.get("KUBECONFIG"),
            "default": kube_config.KUBE_CONFIG_DEFAULT_LOCATION,
            "page_size": KubernetesOrchestrator.page_size,
        }
        os.environ.update(self.environment)
        kube_config.KUBE_CONFIG_DEFAULT_LOCATION = self.environment["KUBECONFIG"]
        KubernetesOrchestrator.page_size = 2
        self._api = config.new_client_from_config(str(self._cluster.kubeconfig))
        self._batch = client.BatchV1Api(self._api)
        return self

    def __exit__(self, *error: object) -> None:
        from kubernetes.config import kube_config

        from pulumi_zenml.orchestrators.kubernetes import KubernetesOrchestrator

        self._api.close()
        self._gate.close()
        kube_config.KUBE_CONFIG_DEFAULT_LOCATION = self._before["default"]
        KubernetesOrchestrator.page_size = self._before["page_size"]
        if self._before["environment"] is None:
            del os.environ["KUBECONFIG"]
        else:
            os.environ["KUBECONFIG"] = self._before["environment"]

    @property
    def environment(self) -> Mapping[str, str]:
        return {"KUBECONFIG": str(self._gate.kubeconfig)}

    @property
    def credentials(self) -> Sequence[str]:
        return (TOKEN,)

    def overrides(self) -> Mapping[str, Json]:
        return {"timeout_seconds": 3}

    def register(self, name: str) -> None:
        orchestrator: dict[str, Json] = {
            "kubernetes_context": CONTEXT,
            "kubernetes_namespace": self._namespace,
            "skip_local_validations": True,
        }
        register_stack(name, {"orchestrator": ("kubernetes", orchestrator), **WITH_IMAGES})

    def cadences(self) -> Sequence[Cadence]:
        return (
            make_cadence(cron="0 3 * * 1-5", timezone="Europe/Berlin"),
            make_cadence(cron="30 4 1,15 * SUN"),
        )

    def native_ids(self) -> set[str]:
        found = self._batch.list_namespaced_cron_job(self._namespace).items
        return {f"{it.metadata.namespace}/{it.metadata.name}" for it in found}

    def edit_cadence(self, native_id: str) -> None:
        self._patch(native_id, {"spec": {"schedule": "17 5 * * 2"}})

    def edit_paused(self, native_id: str, paused: bool) -> None:
        self._patch(native_id, {"spec": {"suspend": paused}})

    def remove(self, native_id: str) -> None:
        namespace, name = native_id.split("/")
        self._batch.delete_namespaced_cron_job(name, namespace, propagation_policy="Background")

    def add_run(self, native_id: str) -> str:
        """Make the Job that the CronJob controller would make for the minute that begins."""
        namespace, name = native_id.split("/")
        path = f"/apis/batch/v1/namespaces/{namespace}"
        cron_job = self._cluster.api("GET", f"{path}/cronjobs/{name}")
        template = cron_job["spec"]["jobTemplate"]
        taken = {it["metadata"]["name"] for it in self._cluster.jobs(namespace)}
        minute = int(time.time()) // 60
        while f"{name}-{minute}" in taken:
            minute -= 1
        scheduled = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(minute * 60))
        job = {
            "metadata": {
                "name": f"{name}-{minute}",
                "labels": template["metadata"]["labels"],
                "annotations": {
                    **template["metadata"]["annotations"],
                    "batch.kubernetes.io/cronjob-scheduled-timestamp": scheduled,
                },
                "ownerReferences": [
                    {
                        "apiVersion": "batch/v1",
                        "kind": "CronJob",
                        "name": name,
                        "uid": cron_job["metadata"]["uid"],
                        "controller": True,
                        "blockOwnerDeletion": True,
                    }
                ],
            },
            "spec": template["spec"],
        }
        made = self._cluster.api("POST", f"{path}/jobs", job)
        return str(made["metadata"]["name"])

    @contextmanager
    def fault(self, kind: Fault) -> Iterator[None]:
        with self._gate.fault(kind):
            yield

    def _patch(self, native_id: str, body: Mapping[str, Any]) -> None:
        namespace, name = native_id.split("/")
        self._batch.patch_namespaced_cron_job(name, namespace, body)
