"""The Jobs of a CronJob: its run history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pulumi_zenml.orchestrators.counterpart import NativeRun, RunState
from pulumi_zenml.orchestrators.kubernetes.api import KubernetesApi, Object

MANUAL = "cronjob.kubernetes.io/instantiate"
SCHEDULED_FOR = "batch.kubernetes.io/cronjob-scheduled-timestamp"

_ZENML_RUN = "zenml.io/orchestrator-run-id"
PAGE_SIZE = 500
_KEEP_SECONDS = 24 * 3600


def path(namespace: str) -> str:
    """Of the Jobs in a namespace."""
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def of(api: KubernetesApi, cron_job: Object) -> list[Object]:
    """Every Job that belongs to the CronJob.

    Jobs have the labels of their CronJob's template, which narrow the list; which CronJob they
    belong to is only in their owner references.
    """
    metadata = cron_job["metadata"]
    labels = (cron_job["spec"]["jobTemplate"].get("metadata") or {}).get("labels") or {}
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}
    doing = f"list the Jobs of CronJob '{metadata['namespace']}/{metadata['name']}'"
    found = api.pages(path(metadata["namespace"]), doing, size=PAGE_SIZE, query=query)
    return [job for job in found if _owned_by(job, metadata["uid"])]


def to_run(job: Object, cron_job: Object) -> NativeRun:
    """A Job as a run.

    Its id is ZenML's orchestrator run id, which ZenML's pod writes on the Job when it starts
    (zenml 0.98 kubernetes_orchestrator_entrypoint), and until then the Job's name.
    """
    metadata, status = job["metadata"], job.get("status") or {}
    state, word = _state(job)
    manual = MANUAL in (metadata.get("annotations") or {})
    return NativeRun(
        run_id=(metadata.get("annotations") or {}).get(_ZENML_RUN) or metadata["name"],
        state=state,
        native_state=word,
        scheduled_for=None if manual else _scheduled_for(job, cron_job),
        started=_instant(status.get("startTime")),
        ended=_instant(status.get("completionTime")) or _ended(status),
        by_schedule=not manual,
    )


def age(job: Object) -> tuple[str, str]:
    """To sort Jobs by: when it was started, or created, then its name."""
    return _began(job), job["metadata"]["name"]


def is_finished(job: Object) -> bool:
    """Whether it has finished."""
    return _state(job)[0] in ("succeeded", "failed")


def made_since(job: Object, since: datetime) -> bool:
    """Whether it was started, or created if not yet started, at ``since`` or later."""
    moment = _instant(_began(job))
    return moment is not None and moment >= since


def manual(cron_job: Object, suffix: str) -> Object:
    """A Job from the CronJob's template, as kubectl 1.33 creates it (create_job.go)."""
    template, metadata = cron_job["spec"]["jobTemplate"], cron_job["metadata"]
    described = template.get("metadata") or {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{metadata['name']}-m{suffix}",
            "labels": described.get("labels") or {},
            "annotations": {**(described.get("annotations") or {}), MANUAL: "manual"},
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "CronJob",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "controller": True,
                }
            ],
        },
        "spec": template["spec"],
    }


def release(api: KubernetesApi, job: Object, cron_job: Object) -> None:
    """Let a Job outlive its CronJob, and expire a day after its end."""
    name, owner = job["metadata"]["name"], cron_job["metadata"]["uid"]

    def change(found: Object) -> Object | None:
        if not _owned_by(found, owner):
            return None
        references = [it for it in found["metadata"]["ownerReferences"] if it["uid"] != owner]
        patch: Object = {"metadata": {"ownerReferences": references}}
        if found["spec"].get("ttlSecondsAfterFinished") is None:
            patch["spec"] = {"ttlSecondsAfterFinished": _KEEP_SECONDS}
        return patch

    where = f"{path(job['metadata']['namespace'])}/{name}"
    api.patch(where, f"keep Job '{name}' while it runs", change)


def reference(job: Object) -> Object:
    """The Job as an owner of something."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": job["metadata"]["name"],
        "uid": job["metadata"]["uid"],
    }


def _began(job: Object) -> str:
    started = (job.get("status") or {}).get("startTime")
    return str(started or job["metadata"]["creationTimestamp"])


def _owned_by(job: Object, uid: str) -> bool:
    return any(it["uid"] == uid for it in job["metadata"].get("ownerReferences") or ())


def _state(job: Object) -> tuple[RunState, str]:
    """In our vocabulary and in Kubernetes' (kubernetes.io, Job API, conditions)."""
    status = job.get("status") or {}
    true = {it["type"]: it for it in status.get("conditions") or () if it["status"] == "True"}
    if "Complete" in true:
        return "succeeded", "Complete"
    if "Failed" in true:
        return "failed", ": ".join(["Failed", *filter(None, [true["Failed"].get("reason")])])
    if job["metadata"].get("deletionTimestamp"):
        return "cancelled", "Terminating"
    if "Suspended" in true:
        return "queued", "Suspended"
    if not status.get("active"):
        return "queued", "Pending"
    # Where the server counts ready pods, a Job without one is waiting for a node.
    return ("queued", "Pending") if status.get("ready") == 0 else ("running", "Active")


def _ended(status: Object) -> datetime | None:
    """When it failed; a Job has a completion time only if it succeeded."""
    for condition in status.get("conditions") or ():
        if condition["type"] == "Failed" and condition["status"] == "True":
            return _instant(condition.get("lastTransitionTime"))
    return None


def _scheduled_for(job: Object, cron_job: Object) -> datetime | None:
    """The fire time: written on the Job since 1.28, and in its name, in minutes, since 1.21."""
    noted = (job["metadata"].get("annotations") or {}).get(SCHEDULED_FOR)
    if noted:
        return _instant(noted)
    minutes = job["metadata"]["name"].removeprefix(f"{cron_job['metadata']['name']}-")
    return datetime.fromtimestamp(int(minutes) * 60, UTC) if minutes.isdecimal() else None


def _instant(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment and moment.tzinfo else None
