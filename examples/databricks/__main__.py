"""A weekday schedule with a time zone."""

import pulumi

import pulumi_zenml as zenml

config = pulumi.Config()
stack = config.get("stack") or "databricks-prod"
snapshot = config.get("snapshot") or "training:v12"

weekdays = zenml.Schedule(
    "weekdays",
    stack=stack,
    snapshot=snapshot,
    cron="0 3 * * 1-5",
    timezone="America/New_York",
)
