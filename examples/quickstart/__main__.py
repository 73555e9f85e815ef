"""One ZenML schedule. `pulumi up` creates its record in ZenML and its DAG in Airflow."""

import pulumi

import pulumi_zenml as zenml

config = pulumi.Config()

training = zenml.Schedule(
    "training",
    stack="quickstart",
    snapshot="training:v1",
    cron=config.get("cron") or "0 3 * * 1-5",
)

pulumi.export("name", training.name)
pulumi.export("native", pulumi.Output.concat(training.native_kind, " ", training.native_id))
pulumi.export("fires", training.native_cadence)
