"""Workdays in Berlin until the end of the project."""

from datetime import UTC, datetime

import pulumi

import pulumi_zenml as zenml

config = pulumi.Config()
stack = config.get("stack") or "vertex-prod"
snapshot = config.get("snapshot") or "training:v12"

workdays = zenml.Schedule(
    "workdays",
    stack=stack,
    snapshot=snapshot,
    cron="0 3 * * 1-5",
    timezone="Europe/Berlin",
    end_time=datetime(2032, 1, 1, tzinfo=UTC),
)
