"""A cron, and an interval, from which ZenML alone would drop the days."""

from datetime import UTC, datetime, timedelta

import pulumi

import pulumi_zenml as zenml

config = pulumi.Config()
stack = config.get("stack") or "kubeflow-prod"
snapshot = config.get("snapshot") or "training:v12"

nightly = zenml.Schedule(
    "nightly",
    stack=stack,
    snapshot=snapshot,
    cron="0 3 * * *",
)
daily = zenml.Schedule(
    "daily",
    stack=stack,
    snapshot=snapshot,
    interval=timedelta(days=1),
    start_time=datetime(2026, 1, 1, 4, tzinfo=UTC),
)
