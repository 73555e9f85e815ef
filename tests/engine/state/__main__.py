"""A schedule of each kind; `deployment.json` beside this is the state that it was brought to."""

from datetime import UTC, datetime, timedelta

import pulumi

import pulumi_zenml as zenml

config = pulumi.Config()
stack, snapshot = config.require("stack"), config.require("snapshot")

team = pulumi.ComponentResource("state:index:Team", "team")
zenml.Schedule("nightly", stack=stack, snapshot=snapshot, cron="@daily")
zenml.Schedule(
    "summer",
    stack=stack,
    snapshot=snapshot,
    name="summer mornings",
    cron="0 8 * * mon-fri",
    timezone="Europe/Berlin",
    start_time=datetime(2091, 6, 1, tzinfo=UTC),
    end_time="2091-09-01T00:00:00Z",
    paused=True,
    when_running="wait",
    wait_timeout=timedelta(minutes=5),
    opts=pulumi.ResourceOptions(parent=team),
)
zenml.Schedule(
    "often",
    zenml.ScheduleArgs(
        stack=stack,
        snapshot=snapshot,
        interval=timedelta(hours=6),
        start_time=datetime(2091, 1, 1, tzinfo=UTC),
        triggers=["release", 7],
    ),
    pulumi.ResourceOptions(retain_on_delete=True),
)
zenml.Schedule(
    "launch",
    stack=stack,
    snapshot=snapshot,
    run_once_at=datetime(2091, 5, 1, 6, 0, tzinfo=UTC),
    orchestrator_settings={"retry_attempts": 3},
    flavor="sagemaker",
)
zenml.Schedule("spread", stack=stack, snapshot=snapshot, cron="H H * * 0", spread=3600)
