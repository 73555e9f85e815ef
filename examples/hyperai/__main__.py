"""A crontab line and a single run, on a host that is reached over SSH."""

from datetime import UTC, datetime

import pulumi

import pulumi_zenml as zenml

config = pulumi.Config()
stack = config.get("stack") or "hyperai-prod"
snapshot = config.get("snapshot") or "training:v12"

nightly = zenml.Schedule(
    "nightly",
    stack=stack,
    snapshot=snapshot,
    cron="15 2 * * 1-5",
)
launch = zenml.Schedule(
    "launch",
    stack=stack,
    snapshot=snapshot,
    run_once_at=datetime(2031, 5, 1, 6, 0, tzinfo=UTC),
)
