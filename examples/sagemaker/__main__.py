"""A window in local time, an interval and a single run."""

from datetime import UTC, datetime, timedelta

import pulumi

import pulumi_zenml as zenml

config = pulumi.Config()
stack = config.get("stack") or "sagemaker-prod"
snapshot = config.get("snapshot") or "training:v12"

summer = zenml.Schedule(
    "summer",
    stack=stack,
    snapshot=snapshot,
    cron="0 8 * * 1-5",
    timezone="Europe/Berlin",
    start_time=datetime(2031, 6, 1, tzinfo=UTC),
    end_time=datetime(2031, 9, 1, tzinfo=UTC),
)
often = zenml.Schedule(
    "often",
    stack=stack,
    snapshot=snapshot,
    interval=timedelta(hours=6),
    start_time=datetime(2031, 1, 1, tzinfo=UTC),
)
launch = zenml.Schedule(
    "launch",
    stack=stack,
    snapshot=snapshot,
    run_once_at=datetime(2031, 5, 1, 6, 0, tzinfo=UTC),
)
