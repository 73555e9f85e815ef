"""Two DAGs of one pipeline, the second paused."""

from datetime import UTC, datetime

import pulumi

import pulumi_zenml as zenml

config = pulumi.Config()
stack = config.get("stack") or "airflow-prod"
snapshot = config.get("snapshot") or "training:v12"

nightly = zenml.Schedule(
    "nightly",
    stack=stack,
    snapshot=snapshot,
    cron="0 3 * * *",
)
backfill = zenml.Schedule(
    "backfill",
    stack=stack,
    snapshot=snapshot,
    cron="@hourly",
    start_time=datetime(2026, 1, 1, tzinfo=UTC),
    paused=True,
)
