"""A fleet that does not start in one minute, and the CronJob's own switches."""

import pulumi

import pulumi_zenml as zenml

config = pulumi.Config()
stack = config.get("stack") or "kubernetes-prod"
snapshot = config.get("snapshot") or "training:v12"

for team in ("search", "ads", "fraud"):
    zenml.Schedule(
        f"{team}-training",
        stack=stack,
        snapshot=snapshot,
        cron="H 3 * * 1-5",
        timezone="Europe/Berlin",
        orchestrator_settings={
            "concurrency_policy": "Forbid",
            "starting_deadline_seconds": 120,
            "failed_jobs_history_limit": 5,
        },
    )
