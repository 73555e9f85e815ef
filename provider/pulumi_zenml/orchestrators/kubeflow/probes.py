"""Read-only probes of Kubeflow Pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pulumi_zenml.errors import RefusedError
from pulumi_zenml.orchestrators.kubeflow.api import KFP, KfpApi, Object
from pulumi_zenml.orchestrators.probe import Probe, ProbeResult


def require_profile(api: KfpApi, component: str) -> Object:
    """Check that it answers, and that a multi-user deployment has a profile; returns its health.

    Args:
        api: the API server.
        component: the orchestrator's name in ZenML.

    Raises:
        RefusedError: it is a multi-user deployment, and no profile is named.
    """
    health = api.get("healthz", "read its health")
    if health.get("multi_user") and not api.namespace:
        raise RefusedError(
            KFP,
            f"it is a multi-user deployment, and orchestrator '{component}' names no profile. "
            f"Run 'zenml orchestrator update {component} --user_namespace=PROFILE', or set "
            "user_namespace for it in Pulumi config zenml:orchestrators.",
        )
    return health


def kfp_probes(api: KfpApi, component: str) -> Iterator[Probe]:
    """Health, and the experiments.

    Args:
        api: the API server.
        component: the orchestrator's name in ZenML.
    """
    yield Probe("health", partial(_health, api, component))
    yield Probe("list experiments", partial(_experiments, api))


def _health(api: KfpApi, component: str) -> ProbeResult:
    health = require_profile(api, component)
    users = f"profile '{api.namespace}'" if health.get("multi_user") else "single-user"
    return ProbeResult(f"healthy, {users}")


def _experiments(api: KfpApi) -> ProbeResult:
    doing = "list the experiments"
    page = api.get("experiments", doing, namespace=api.namespace, page_size=1)
    some = "at least one" if page.get("experiments") else "none"
    return ProbeResult(f"listed; there is {some}")
