"""Deleting a CronJob without stopping its Jobs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pulumi_zenml.errors import NotDeletedError
from pulumi_zenml.orchestrators.kubernetes import cronjob as cronjob
from pulumi_zenml.orchestrators.kubernetes import jobs as jobs
from pulumi_zenml.orchestrators.kubernetes.api import KubernetesApi, Object

_GONE_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.5


def delete(api: KubernetesApi, path: str, native_id: str, *, tokens: bool) -> None:
    """Delete a CronJob by its ``deletion_propagation``, and wait until it is deleted.

    It is suspended first, so that nothing starts meanwhile. With ``KeepRunning`` the Jobs that are
    still running lose their owner reference, so that Kubernetes deletes only the finished ones with
    it; the others are deleted a day after their end (TTL).

    Args:
        api: the API server.
        path: of the CronJob.
        native_id: for errors.
        tokens: whether ZenML keeps each schedule's token in a Secret.

    Raises:
        NotDeletedError: it still exists.
    """
    doing = f"delete CronJob '{native_id}'"
    cron_job = api.patch(path, doing, lambda found: cronjob.pausing(found, True))
    if cron_job is None:
        return
    propagation = cronjob.notes(cron_job).get(cronjob.DELETION, cronjob.KEEP_RUNNING)
    keeps = propagation == cronjob.KEEP_RUNNING
    running: list[Object] = []
    if keeps or propagation == "Orphan":
        running = [job for job in jobs.of(api, cron_job) if not jobs.is_finished(job)]
    if keeps:
        for job in running:
            jobs.release(api, job, cron_job)
    if tokens:
        _drop_token(api, cron_job, running)
    options = {
        "propagationPolicy": "Background" if keeps else propagation,
        "preconditions": {"uid": cron_job["metadata"]["uid"]},
    }
    answer = api.call("DELETE", path, body=options)
    # A conflict is another object of the same name: ours was deleted.
    if answer.status not in (404, 409):
        api.good(answer, doing)
    _await_gone(api, path, native_id, cron_job["metadata"]["uid"])


def _drop_token(api: KubernetesApi, cron_job: Object, running: Sequence[Object]) -> None:
    """Delete ZenML's token Secret, or make the Jobs that still need it its owners.

    ZenML does not delete it (its name: zenml 0.98 KubernetesOrchestrator.get_token_secret_name).
    """
    name = f"zenml-token-{cronjob.snapshot_id(cron_job)}"
    path = f"/api/v1/namespaces/{cron_job['metadata']['namespace']}/secrets/{name}"
    doing = f"remove Secret '{name}'"
    if running:
        owners = [jobs.reference(job) for job in running]
        api.patch(path, doing, lambda _: {"metadata": {"ownerReferences": owners}})
        return
    answer = api.call("DELETE", path)
    if answer.status != 404:
        api.good(answer, doing)


def _await_gone(api: KubernetesApi, path: str, native_id: str, uid: str) -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    while (found := api.get(path, f"read CronJob '{native_id}'")) is not None:
        if found["metadata"]["uid"] != uid:
            return
        if time.monotonic() > deadline:
            waits = ", ".join(found["metadata"].get("finalizers") or ()) or "no finalizer"
            raise NotDeletedError(
                f"CronJob '{native_id}' is being deleted, but still exists after "
                f"{_GONE_SECONDS:.0f} s; it fires no more. It waits for: {waits}. Is the "
                "cluster's controller manager up?"
            )
        time.sleep(_LOOK_AGAIN_SECONDS)
