"""Checks that a CronJob can be created, before anything is created."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pulumi_zenml.errors import NotFoundError, PermissionDeniedError, RefusedError
from pulumi_zenml.orchestrators.kubernetes.api import GRANT, Answer, KubernetesApi, Object
from pulumi_zenml.orchestrators.kubernetes.connection import KUBERNETES

GROUPS = {
    "cronjobs": "batch",
    "jobs": "batch",
    "rolebindings": "rbac.authorization.k8s.io",
    "secrets": "",
    "serviceaccounts": "",
}
"""The API group of each resource that schedules need."""

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def dry_run(api: KubernetesApi, cron_job: Object, *, namespace: str, component: str) -> None:
    """Create ``cron_job`` in a dry run.

    A refusal by an admission webhook is ignored: it concerns a placeholder pod.

    Raises:
        NotFoundError: there is no such namespace; suggests similar names.
        RefusedError: the server refuses the cadence, or does not support time zones.
        ServiceError: any other failure, as one of its subclasses.
    """
    where = f"/apis/batch/v1/namespaces/{namespace}/cronjobs"
    answer = api.call("POST", where, query={"dryRun": "All"}, body=cron_job)
    if answer.status == 404 and (answer.body.get("details") or {}).get("kind") == "namespaces":
        raise no_namespace(api, namespace, component)
    if answer.status < 500 and "admission webhook" in answer.message:
        return
    made = api.good(answer, f"make CronJobs in namespace '{namespace}'")
    zone = cron_job["spec"]["timeZone"]
    if made["spec"].get("timeZone") != zone:
        raise RefusedError(
            KUBERNETES,
            f"this server has no time zones for CronJobs, so '{zone}' would be lost. They "
            "came with Kubernetes 1.25, and for good with 1.27: upgrade the cluster.",
        )


def review(
    api: KubernetesApi,
    needed: Iterable[tuple[str, Sequence[str]]],
    *,
    namespace: str,
    component: str,
) -> None:
    """Check which of the calls that are needed later would be denied.

    Args:
        api: the API server.
        needed: resources, with the verbs that are needed on each.
        namespace: where.
        component: the orchestrator's name, for the error.

    Raises:
        PermissionDeniedError: names all of them.
    """
    denied = [
        f"{verb} {resource}"
        for resource, verbs in needed
        for verb in verbs
        # Without the permission to review, the calls themselves show it.
        if may(api, verb, resource, namespace) is False
    ]
    if denied:
        raise PermissionDeniedError(
            KUBERNETES,
            f"orchestrator '{component}' signs in as a user who may not {', '.join(denied)} in "
            f"namespace '{namespace}'. {GRANT}",
        )


def may(api: KubernetesApi, verb: str, resource: str, namespace: str) -> bool | None:
    """Whether the caller is permitted to do something; ``None`` if it may not review that.

    Args:
        api: the API server.
        verb: for example ``create``.
        resource: a key of :data:`GROUPS`.
        namespace: where.
    """
    group = GROUPS[resource]
    asked = {"namespace": namespace, "verb": verb, "group": group, "resource": resource}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    answer: Answer = api.call("POST", _REVIEWS, body=body)
    return bool(answer.body["status"]["allowed"]) if answer.status < 300 else None


def no_namespace(api: KubernetesApi, namespace: str, component: str) -> NotFoundError:
    """The error for a namespace that does not exist."""
    answer = api.call("GET", "/api/v1/namespaces", query={"limit": "500"})
    items = answer.body.get("items") or [] if answer.status < 300 else []
    return NotFoundError(
        KUBERNETES,
        f"there is no namespace '{namespace}', which orchestrator '{component}' uses, and ZenML "
        f"does not create it. Run 'kubectl create namespace {namespace}', or 'zenml orchestrator "
        f"update {component} --kubernetes_namespace=NAME'.",
        wanted=namespace,
        known=[str(item["metadata"]["name"]) for item in items],
    )
