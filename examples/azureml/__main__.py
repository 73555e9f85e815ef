"""Office hours in a zone with daylight saving time, and a monthly report."""

import pulumi

import pulumi_zenml as zenml

config = pulumi.Config()
stack = config.get("stack") or "azureml-prod"
snapshot = config.get("snapshot") or "training:v12"

office = zenml.Schedule(
    "office",
    stack=stack,
    snapshot=snapshot,
    cron="0 9 * * 1-5",
    timezone="Europe/Berlin",
)
monthly = zenml.Schedule(
    "monthly",
    stack=stack,
    snapshot=snapshot,
    cron="30 6 1,15 * *",
    timezone="Europe/Berlin",
)
