"""Two namespaces of a real API server, through its REST API."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import httpx

from faults.sides import Native, Side
from testbed.kubernetes import TOKEN, Kubernetes
from testbed.snapshots import ZenmlClient

_KINDS = {
    "serviceaccounts": "api/v1",
    "secrets": "api/v1",
    "configmaps": "api/v1",
    "roles": "apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "apis/rbac.authorization.k8s.io/v1",
    "cronjobs": "apis/batch/v1",
    "jobs": "apis/batch/v1",
    "pods": "api/v1",
}
_SNAPSHOT = re.compile(r"snapshot_id[\" ,=]+([0-9a-f-]{36})")
# What the API server writes itself, and what differs after an object was made again.
_OWN = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")


class KubernetesSide(Side):
    """One world's namespaces.

    Args:
        cluster: the control plane.
        name: the world's; the namespaces are called after it.
    """

    flavor = "kubernetes"
    settings: ClassVar[Mapping[str, Any]] = {"successful_jobs_history_limit": 2}

    def __init__(self, cluster: Kubernetes, name: str) -> None:
        self._cluster = cluster
        trust = ssl.create_default_context(cafile=str(cluster.folder / "certs" / "apiserver.crt"))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self._http = httpx.Client(base_url=cluster.url, verify=trust, headers=headers, timeout=30)
        self._namespaces = {it: cluster.create_namespace(f"{name}-{it}") for it in ("one", "two")}

    @property
    def environment(self) -> Mapping[str, str]:
        return {"KUBECONFIG": str(self._cluster.kubeconfig)}

    def register(self, client: ZenmlClient) -> None:
        for stack, namespace in self._namespaces.items():
            client.register_kubernetes_stack(
                stack, context=self._cluster.context, namespace=namespace
            )

    def natives(self) -> list[Native]:
        return [
            _native(place, found)
            for place, namespace in self._namespaces.items()
            for found in self._list("cronjobs", namespace)
        ]

    def remains(self) -> set[str]:
        return {
            f"{kind} {place}/{found['metadata']['name']}"
            for place, namespace in self._namespaces.items()
            for kind in _KINDS
            if kind != "cronjobs"
            for found in self._list(kind, namespace)
            if not _is_the_clusters(kind, found)
        }

    def save(self) -> Any:
        return {
            (kind, namespace): [_bare(found) for found in self._list(kind, namespace)]
            for namespace in self._namespaces.values()
            for kind in _KINDS
        }

    def restore(self, saved: Any) -> None:
        for (kind, namespace), objects in saved.items():
            wanted = {it["metadata"]["name"]: it for it in objects}
            there = {it["metadata"]["name"]: _bare(it) for it in self._list(kind, namespace)}
            for name, found in there.items():
                if found != wanted.get(name) and not _is_the_clusters(kind, found):
                    self._delete(kind, namespace, name)
                    there[name] = {}
            for name, body in wanted.items():
                if there.get(name) != body and not _is_the_clusters(kind, body):
                    self._http.post(_path(kind, namespace), json=body).raise_for_status()

    def spelled(self, cron: str) -> str:
        return f"{cron} {self.timezone}"

    def learn(self, cron: str) -> None:
        """It is spelled as it is said."""

    def remove(self, id: str) -> None:
        namespace, name = id.split("/")
        self._delete("cronjobs", namespace, name)

    def copy(self, id: str) -> None:
        """Make a copy of a CronJob, as a restored backup does."""
        namespace, name = id.split("/")
        body = _bare(self._http.get(f"{_path('cronjobs', namespace)}/{name}").json())
        body["metadata"]["name"] = f"{name[:40]}-copy"
        self._http.post(_path("cronjobs", namespace), json=body).raise_for_status()

    def edit(self, id: str, spec: Mapping[str, Any]) -> None:
        """Change a CronJob by hand."""
        namespace, name = id.split("/")
        self._http.patch(
            f"{_path('cronjobs', namespace)}/{name}",
            content=json.dumps({"spec": spec}),
            headers={"Content-Type": "application/merge-patch+json"},
        ).raise_for_status()

    def close(self) -> None:
        self._http.close()

    def _list(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        answer = self._http.get(_path(kind, namespace))
        answer.raise_for_status()
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def _delete(self, kind: str, namespace: str, name: str) -> None:
        path = f"{_path(kind, namespace)}/{name}"
        self._http.delete(path, params={"propagationPolicy": "Background"})
        deadline = time.monotonic() + 30
        while self._http.get(path).status_code != httpx.codes.NOT_FOUND:
            assert time.monotonic() < deadline, f"{path} does not go"
            time.sleep(0.05)


def _path(kind: str, namespace: str) -> str:
    return f"/{_KINDS[kind]}/namespaces/{namespace}/{kind}"


def _is_the_clusters(kind: str, found: Mapping[str, Any]) -> bool:
    name = found["metadata"]["name"]
    return (kind, name) in (("serviceaccounts", "default"), ("configmaps", "kube-root-ca.crt"))


def _bare(found: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in found["metadata"].items() if key not in _OWN}
    rest = {key: value for key, value in found.items() if key not in ("metadata", "status")}
    return {**rest, "metadata": metadata}


def _native(place: str, found: Mapping[str, Any]) -> Native:
    spec = found["spec"]
    text = json.dumps(spec["jobTemplate"])
    runs = _SNAPSHOT.search(text.replace("\\", ""))
    return Native(
        id=f"{found['metadata']['namespace']}/{found['metadata']['name']}",
        place=place,
        snapshot=runs[1] if runs else "",
        when=" ".join(f"{spec['schedule']} {spec.get('timeZone')}".split()),
        paused=spec["suspend"],
        settings={"successful_jobs_history_limit": spec.get("successfulJobsHistoryLimit")},
        raw=json.dumps(_bare(found), sort_keys=True),
    )
