"""A pipeline beside the program: a change of its source is a replace."""

import pulumi

import pulumi_zenml as zenml

config = pulumi.Config()

training = zenml.Schedule(
    "training",
    stack=config.get("stack") or "kubernetes-dev",
    pipeline="training:training",
    source_root="pipelines",
    cron="@daily",
)
pulumi.export("source_snapshot", training.source_snapshot_id)
