"""Runs of Kubeflow Pipelines, and pages of its UI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi_zenml.orchestrators.counterpart import NativeRun, RunState
from pulumi_zenml.orchestrators.kubeflow.recurring_run import instant

BY_HAND = " by hand "
"""In the name of a run that was triggered."""

_STATES: Mapping[str, RunState] = {
    "PENDING": "queued",
    "RUNNING": "running",
    "PAUSED": "running",
    "CANCELING": "running",
    "SUCCEEDED": "succeeded",
    "SKIPPED": "skipped",
    "FAILED": "failed",
    "CANCELED": "cancelled",
}


def run(raw: Mapping[str, Any], config: Any) -> NativeRun:
    """A run of the API as a native run.

    Args:
        raw: the API's object.
        config: ZenML's configuration of the component.
    """
    native = raw.get("state") or "RUNTIME_STATE_UNSPECIFIED"
    return NativeRun(
        run_id=raw["run_id"],
        state=_STATES.get(native, "unknown"),
        native_state=native,
        scheduled_for=instant(raw.get("scheduled_at")),
        started=instant(raw.get("created_at")),
        ended=instant(raw.get("finished_at")),
        by_schedule=BY_HAND not in raw.get("display_name", ""),
        url=page(config, "runs", raw["run_id"]),
    )


def page(config: Any, kind: str, id: str) -> str:
    """The UI page of a ``recurringrun`` or of one of the ``runs``; may be empty."""
    host = (config.kubeflow_hostname or "").rstrip("/")
    if not host:
        return ""
    if config.user_namespace:
        # The page that ZenML links its runs to (zenml 0.98 get_pipeline_run_metadata).
        root = f"{host.removesuffix('/pipeline')}/_/pipeline/"
        return f"{root}?ns={config.user_namespace}#/{kind}/details/{id}"
    return f"{host}/#/{kind}/details/{id}"
