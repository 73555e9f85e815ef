"""Read-only probes of Kubernetes: version, namespace, permissions and quotas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from pulumi_zenml.orchestrators.kubernetes import access as access
from pulumi_zenml.orchestrators.kubernetes.api import GRANT, KubernetesApi
from pulumi_zenml.orchestrators.probe import Probe, ProbeResult

# spec.timeZone: beta and on from 1.25, for good from 1.27 (kubernetes.io, CronJob).
_ZONES_SINCE = (1, 25)
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "cronjobs": ("create", "get", "list", "patch", "delete"),
    "jobs": ("create", "list", "patch"),
}
_NEEDED_FOR_TOKENS = {"secrets": ("create", "get", "patch", "delete")}
# ZenML creates both where no account is named (zenml 0.98 kube_utils.create_edit_service_account).
_NEEDED_FOR_ACCOUNT = {"serviceaccounts": ("create",), "rolebindings": ("create",)}
_COUNTED = ("count/cronjobs.batch", "count/jobs.batch", "pods")
_NEARLY = 0.9


def cluster_probes(
    api: KubernetesApi, namespace: str, component: str, configuration: Mapping[str, Any]
) -> Iterator[Probe]:
    """The server's version, the namespace, each permission, and its quotas.

    Args:
        api: the API server.
        namespace: where the CronJobs are.
        component: the orchestrator's name in ZenML.
        configuration: of the component, as ZenML holds it.
    """
    yield Probe("API server", partial(_version, api))
    yield Probe(f"namespace '{namespace}'", partial(_namespace, api, namespace, component))
    needed = dict(_NEEDED)
    if configuration.get("pass_zenml_token_as_secret"):
        needed |= _NEEDED_FOR_TOKENS
    if not configuration.get("service_account_name"):
        needed |= _NEEDED_FOR_ACCOUNT
    for resource, verbs in needed.items():
        for verb in verbs:
            probe = partial(_permission, api, verb, resource, namespace)
            yield Probe(f"may {verb} {resource}", probe)
    yield Probe("quota", partial(_quota, api, namespace))


def _version(api: KubernetesApi) -> ProbeResult:
    said = api.good(api.call("GET", "/version"), "read the version")
    version = str(said.get("gitVersion", ""))
    match = re.match(r"v(\d+)\.(\d+)", version)
    if match and (int(match[1]), int(match[2])) < _ZONES_SINCE:
        return ProbeResult(
            f"Kubernetes {version} has no time zones for CronJobs",
            "failed",
            "Upgrade the cluster to Kubernetes 1.27 or later.",
        )
    return ProbeResult(f"Kubernetes {version}")


def _namespace(api: KubernetesApi, namespace: str, component: str) -> ProbeResult:
    answer = api.call("GET", f"/api/v1/namespaces/{namespace}")
    if answer.status == 403:
        return ProbeResult("may not be read", "unknown")
    if answer.status == 404:
        missing = access.no_namespace(api, namespace, component)
        return ProbeResult(missing.reason, "failed", f"kubectl create namespace {namespace}")
    phase = (api.good(answer, f"read namespace '{namespace}'").get("status") or {}).get("phase")
    if phase == "Terminating":
        wait = "Wait until it is deleted and create it again, or use another one."
        return ProbeResult("it is being deleted", "failed", wait)
    return ProbeResult("it exists")


def _permission(api: KubernetesApi, verb: str, resource: str, namespace: str) -> ProbeResult:
    allowed = access.may(api, verb, resource, namespace)
    if allowed is None:
        return ProbeResult("this user may not review its own permissions", "unknown")
    if not allowed:
        return ProbeResult(f"not in namespace '{namespace}'", "failed", GRANT)
    return ProbeResult(f"in namespace '{namespace}'")


def _quota(api: KubernetesApi, namespace: str) -> ProbeResult:
    answer = api.call("GET", f"/api/v1/namespaces/{namespace}/resourcequotas")
    if answer.status == 403:
        return ProbeResult("the namespace's quotas may not be read", "unknown")
    parts, full, nearly = [], False, False
    for quota in api.good(answer, "read the quotas").get("items") or []:
        status = quota.get("status") or {}
        for resource in _COUNTED:
            hard = str((status.get("hard") or {}).get(resource, ""))
            used = str((status.get("used") or {}).get(resource, ""))
            if not (hard.isdecimal() and used.isdecimal()):
                continue
            parts.append(f"{used} of {hard} {resource} ({quota['metadata']['name']})")
            full = full or int(used) >= int(hard)
            nearly = nearly or int(used) >= _NEARLY * int(hard)
    text = ", ".join(parts) or "no ResourceQuota counts CronJobs, Jobs or pods"
    if full or nearly:
        remedy = f"Have the ResourceQuota of namespace '{namespace}' raised, or remove schedules."
        return ProbeResult(text, "failed" if full else "warning", remedy)
    return ProbeResult(text)
