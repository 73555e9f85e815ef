from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Unpack, cast
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrators.arguments import CadenceArguments
from orchestrators.pair_worker import Worker
from orchestrators.sagemaker_bench import EXECUTION_ROLE, ROLE, SagemakerBench, boto_session
from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.errors import (
    NotFoundError,
    RefusedError,
    ServiceError,
    UnauthenticatedError,
)
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.base import Target
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted
from pulumi_zenml.orchestrators.sagemaker import SagemakerOrchestrator
from pulumi_zenml.orchestrators.sagemaker.eventbridge import INERT, stem
from testbed.snapshots import ZenmlClient, ZenmlError, zenml_client
from testbed.zenml_server import ZenmlServer

SOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=3)
AGO = SOON - timedelta(days=30)


@pytest.fixture
def bench() -> Iterator[SagemakerBench]:
    with SagemakerBench() as ready:
        yield ready


class _Component(Target):
    """A component with a session of boto3's, without ZenML."""

    def instance(self) -> Any:
        return self.component


class _Zenml(SimpleNamespace):
    """The part of ZenML's orchestrator that is used."""

    @property
    def config(self) -> Any:
        return self._config


class _Config(SimpleNamespace):
    """The part of a pydantic model that is used."""

    def model_copy(self, update: dict[str, Any]) -> _Config:
        return _Config(**{**vars(self), **update})


def connect(
    bench: SagemakerBench,
    attempts: int = 1,
    *,
    overrides: Mapping[str, Json] | None = None,
    key: str = "",
    region: str | None = "",
    **config: Json,
) -> SagemakerOrchestrator:
    overrides = {**bench.overrides(), "attempts": attempts, **(overrides or {})}
    session = boto_session(
        key or bench.aws.access_key_id,
        bench.aws.secret_access_key,
        bench.aws.region if region == "" else region,
    )
    roles = {"scheduler_role": ROLE, "execution_role": EXECUTION_ROLE, **config}
    component: Any = _Zenml(
        name="prod",
        _config=_Config(**roles),
        sagemaker_session=SimpleNamespace(boto_session=session),
    )
    return SagemakerOrchestrator(_Component(component, overrides))


def submit(bench: SagemakerBench, snapshot: str, stem: str = "training", **fields: Json) -> str:
    """Make what ZenML's orchestrator makes; returns the native id."""
    name = f"{stem}-{uuid4().hex}"
    pipeline(bench, name, snapshot)
    bench.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"cron({INERT})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": f"arn:aws:sagemaker:{bench.aws.region}:123456789012:pipeline/{name}",
            "RoleArn": ROLE,
            "SageMakerPipelineParameters": {},
        },
        StartDate=datetime.now(UTC),
        **fields,
    )
    return f"{fields.get('GroupName', 'default')}/{name}"


def pipeline(bench: SagemakerBench, name: str, snapshot: str) -> None:
    arguments = f'["--step_name", "work", "--snapshot_id", "{snapshot}"]'
    bench.client("sagemaker").create_pipeline(
        PipelineName=name,
        RoleArn=EXECUTION_ROLE,
        PipelineDefinition=f'{{"Steps": [{{"Arguments": {{"ContainerArguments": {arguments}}}}}]}}',
    )


def wanted(
    paused: bool = False,
    settings: Mapping[str, Json] | None = None,
    **cadence: Unpack[CadenceArguments],
) -> Wanted:
    given: CadenceArguments = cadence or {"cron": "0 3 * * 1-5", "timezone": "Europe/Berlin"}
    return Wanted(
        name="nightly",
        owner="infra/prod/nightly",
        cadence=make_cadence(**given),
        paused=paused,
        settings=settings or {},
        pipeline="training",
    )


def shape(bench: SagemakerBench, native_id: str, asked: Wanted) -> Counterpart:
    orchestrator = connect(bench)
    found = orchestrator.read(native_id)
    assert found is not None
    return orchestrator.shape(found, asked)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"group": "a/b"}, "group is 'a/b'"),
        ({"group": ""}, "group is ''"),
        ({"retry_attempts": 186}, "0 to 185"),
        ({"flexible_window_minutes": 0}, "1 to 1440"),
        ({"zone": "x"}, "no setting 'zone'"),
    ],
)
def test_a_setting_that_eventbridge_refuses_is_found_offline(
    settings: dict[str, Any], said: str
) -> None:
    (problem,) = SagemakerOrchestrator.check(wanted(settings=settings))
    assert problem.property == "orchestrator_settings"
    assert said in problem.reason


def test_what_eventbridge_cannot_do_is_refused_offline() -> None:
    (problem,) = SagemakerOrchestrator.check(wanted(cron="0 3 * * *", catchup=True))
    assert problem.property == "catchup"
    (problem,) = SagemakerOrchestrator.check(wanted(cron="0 0 13 * 5"))
    assert problem.property == "cron"
    (problem,) = SagemakerOrchestrator.check(
        wanted(interval=timedelta(seconds=90), start_time=SOON)
    )
    assert problem.property == "interval"


@pytest.mark.parametrize("role", [None, "", "arn:aws:iam::123456789012:user/me", "scheduler"])
def test_verify_asks_for_a_role_that_eventbridge_can_assume(
    bench: SagemakerBench, role: str | None
) -> None:
    with pytest.raises(ServiceError, match=r"scheduler_role .* zenml orchestrator update prod"):
        connect(bench, scheduler_role=role).verify(wanted())
    assert bench.aws.calls[-1].startswith("s3"), "AWS was asked before the role was known"


def test_a_role_in_the_pulumi_configuration_wins(bench: SagemakerBench) -> None:
    orchestrator = connect(bench, scheduler_role=None, overrides={"scheduler_role": ROLE})
    orchestrator.verify(wanted())
    stack = SimpleNamespace(orchestrator=SimpleNamespace(_config=None))
    with orchestrator.submission(wanted()).around(cast(Any, stack), cast(Any, None)):
        assert stack.orchestrator._config.scheduler_role == ROLE


def test_verify_looks_for_the_group(bench: SagemakerBench) -> None:
    asked = wanted(settings={"group": "team"})
    with pytest.raises(NotFoundError, match="'team'"):
        connect(bench).verify(asked)
    bench.client("scheduler").create_schedule_group(Name="team")
    connect(bench).verify(asked)


def test_verify_names_a_missing_region(
    bench: SagemakerBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(ServiceError, match="--region="):
        connect(bench, region=None).verify(wanted())


@given(st.text(max_size=80))
def test_any_pipeline_name_becomes_one_that_aws_takes(name: str) -> None:
    made = f"{stem(name)}-{'0' * 32}"
    assert len(made) <= 64
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}", made)


def test_what_is_submitted_cannot_fire() -> None:
    submission = SagemakerOrchestrator.submission(
        connect_nowhere(), wanted(cron="* * * * *", paused=True)
    )
    assert submission.cron_expression == "0 0 1 1 ? 2199"
    assert submission.start_time is None


def connect_nowhere() -> SagemakerOrchestrator:
    component: Any = SimpleNamespace(name="prod")
    return SagemakerOrchestrator(_Component(component))


def test_every_field_is_written_in_one_call(bench: SagemakerBench) -> None:
    native_id = submit(bench, str(uuid4()))
    bench.aws.calls.clear()
    end = SOON + timedelta(days=90)
    found = shape(
        bench,
        native_id,
        wanted(
            cron="0 3 * * 1-5",
            timezone="Europe/Berlin",
            start_time=SOON,
            end_time=end,
            paused=True,
            settings={"flexible_window_minutes": 15.0, "retry_attempts": 2.0},
        ),
    )
    assert [it for it in bench.aws.calls if not it.endswith(("GetSchedule", "Pipeline"))] == [
        "scheduler.UpdateSchedule"
    ]
    held = bench.schedule(native_id)
    assert held["ScheduleExpression"] == "cron(0 3 ? * MON,TUE,WED,THU,FRI *)"
    assert held["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert (held["StartDate"], held["EndDate"]) == (SOON, end)
    assert held["State"] == "DISABLED"
    assert held["Description"] == "managed by Pulumi: infra/prod/nightly"
    assert held["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    assert held["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 2
    assert held["Target"]["RoleArn"] == ROLE
    assert found.owner == "infra/prod/nightly"
    assert found.settings == {
        "group": "default",
        "flexible_window_minutes": 15,
        "retry_attempts": 2,
    }


def test_a_setting_that_is_taken_away_gets_its_default(bench: SagemakerBench) -> None:
    native_id = submit(bench, str(uuid4()))
    settings = {"flexible_window_minutes": 15, "retry_attempts": 2}
    shape(bench, native_id, wanted(settings=settings))
    found = shape(bench, native_id, wanted())
    assert found.settings == {"group": "default", "retry_attempts": 185}
    assert bench.schedule(native_id)["FlexibleTimeWindow"] == {"Mode": "OFF"}


def test_the_start_that_the_sdk_makes_up_is_taken_away(bench: SagemakerBench) -> None:
    native_id = submit(bench, str(uuid4()))
    assert bench.schedule(native_id)["StartDate"]
    found = shape(bench, native_id, wanted())
    assert "StartDate" not in bench.schedule(native_id)
    assert found.cadence is not None
    assert found.cadence.start_time is None


def test_a_start_that_has_passed_keeps_the_rhythm(bench: SagemakerBench) -> None:
    native_id = submit(bench, str(uuid4()))
    asked = wanted(interval=timedelta(hours=7), start_time=AGO)
    found = shape(bench, native_id, asked)
    start = bench.schedule(native_id)["StartDate"]
    assert datetime.now(UTC) <= start < datetime.now(UTC) + timedelta(hours=7)
    assert (start - AGO) % timedelta(hours=7) == timedelta()
    orchestrator = connect(bench)
    assert found.cadence is not None
    assert orchestrator.spell(found.cadence) == orchestrator.spell(asked.cadence)


def test_an_owner_too_long_for_the_description_is_left_out(bench: SagemakerBench) -> None:
    native_id = submit(bench, str(uuid4()))
    asked = Wanted(name="n", owner="p/s/" + "x" * 600, cadence=wanted().cadence)
    assert shape(bench, native_id, asked).owner is None


def test_a_group_takes_a_copy_and_the_other_goes(bench: SagemakerBench) -> None:
    bench.client("scheduler").create_schedule_group(Name="team")
    native_id = submit(bench, str(uuid4()))
    bench.aws.calls.clear()
    found = shape(bench, native_id, wanted(settings={"group": "team"}))
    writes = [
        it.removeprefix("scheduler.")
        for it in bench.aws.calls
        if re.search(r"(Create|Update|Delete)Schedule$", it)
    ]
    assert writes == ["CreateSchedule", "DeleteSchedule", "UpdateSchedule"]
    assert found.native_id == native_id.replace("default/", "team/")
    assert bench.native_ids() == {found.native_id}
    assert not found.paused
    back = shape(bench, found.native_id, wanted(paused=True))
    assert bench.native_ids() == {native_id}
    assert back.paused


def test_a_move_that_was_cut_short_is_finished(bench: SagemakerBench) -> None:
    bench.client("scheduler").create_schedule_group(Name="team")
    native_id = submit(bench, str(uuid4()))
    copy = bench.schedule(native_id)
    for key in ("Arn", "CreationDate", "LastModificationDate", "ResponseMetadata"):
        copy.pop(key)
    bench.client("scheduler").create_schedule(**{**copy, "GroupName": "team", "State": "DISABLED"})
    found = shape(bench, native_id, wanted(settings={"group": "team"}))
    assert bench.native_ids() == {found.native_id}
    assert not found.paused


def test_pausing_keeps_everything_else(bench: SagemakerBench) -> None:
    native_id = submit(bench, str(uuid4()))
    settings = {"flexible_window_minutes": 15, "retry_attempts": 2}
    end = SOON + timedelta(days=90)
    cadence: CadenceArguments = {
        "cron": "0 3 * * *",
        "timezone": "Asia/Tokyo",
        "start_time": SOON,
        "end_time": end,
    }
    shape(bench, native_id, wanted(settings=settings, **cadence))
    before = bench.schedule(native_id)
    orchestrator = connect(bench)
    orchestrator.set_paused(native_id, True)
    paused = bench.schedule(native_id)
    assert paused.pop("State") == "DISABLED"
    orchestrator.set_paused(native_id, False)
    after = bench.schedule(native_id)
    for held in (before, paused, after):
        for key in ("State", "LastModificationDate", "ResponseMetadata"):
            held.pop(key, None)
    assert before == paused == after


def test_pausing_leaves_an_expression_that_we_cannot_read(bench: SagemakerBench) -> None:
    native_id = submit(bench, str(uuid4()))
    bench._edit(native_id, ScheduleExpression="cron(0 3 L * ? *)")
    orchestrator = connect(bench)
    orchestrator.set_paused(native_id, True)
    found = orchestrator.read(native_id)
    assert found is not None
    assert (found.paused, found.cadence) == (True, None)
    assert found.native.fields["ScheduleExpression"] == "cron(0 3 L * ? *)"


def test_what_is_over_has_ended(bench: SagemakerBench, monkeypatch: pytest.MonkeyPatch) -> None:
    native_id = submit(bench, str(uuid4()))
    soon = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=2)
    assert not shape(bench, native_id, wanted(run_once_at=soon)).ended
    held = bench.aws._services.scheduler(bench.aws.region).schedule_groups["default"]
    held.schedules[native_id.partition("/")[2]].schedule_expression = "at(2020-01-01T00:00:00)"
    found = connect(bench).read(native_id)
    assert found is not None
    assert found.ended


def test_deleting_leaves_nothing(bench: SagemakerBench) -> None:
    native_id = submit(bench, str(uuid4()))
    other = submit(bench, str(uuid4()))
    orchestrator = connect(bench)
    orchestrator.delete(native_id)
    assert bench.native_ids() == {other}
    assert bench.aws.pipelines() == {other.partition("/")[2]}
    assert orchestrator.read(native_id) is None
    orchestrator.delete(native_id)


def test_deleting_takes_copies_in_other_groups(bench: SagemakerBench) -> None:
    bench.client("scheduler").create_schedule_group(Name="team")
    native_id = submit(bench, str(uuid4()))
    copy = bench.schedule(native_id)
    for key in ("Arn", "CreationDate", "LastModificationDate", "ResponseMetadata"):
        copy.pop(key)
    bench.client("scheduler").create_schedule(**{**copy, "GroupName": "team"})
    connect(bench).delete(native_id)
    assert bench.native_ids() == set()


def test_deleting_stops_what_runs(bench: SagemakerBench) -> None:
    native_id = submit(bench, str(uuid4()))
    bench.aws.fire(*native_id.split("/"))
    connect(bench).delete(native_id)
    assert "sagemaker.StopPipelineExecution" in bench.aws.calls
    assert bench.aws.pipelines() == set()


def test_deleting_spares_a_pipeline_that_zenml_did_not_make(bench: SagemakerBench) -> None:
    pipeline(bench, "etl", str(uuid4()))
    bench.client("scheduler").create_schedule(
        Name="etl",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:sagemaker:x:123456789012:pipeline/etl", "RoleArn": ROLE},
    )
    assert list(connect(bench).list_all()) == []
    connect(bench).delete("default/etl")
    assert bench.aws.pipelines() == {"etl"}


@pytest.mark.parametrize("known", ["link", "pipeline", "nothing"])
def test_a_counterpart_is_found_by_its_snapshot(bench: SagemakerBench, known: str) -> None:
    snapshot = str(uuid4())
    submit(bench, str(uuid4()))
    native_id = submit(bench, snapshot)
    submit(bench, str(uuid4()))
    orchestrator = connect(bench)
    link = f"https://x.console.aws.amazon.com/scheduler/home?region=x#schedules/{native_id}"
    hints = {"link": {"trigger_url": link}, "pipeline": {"pipeline": "training"}, "nothing": {}}
    found = orchestrator.locate(snapshot, hints[known])
    assert found is not None
    assert found == orchestrator.read(native_id)
    assert found.native_id == native_id
    assert orchestrator.locate(str(uuid4()), hints[known]) is None


def test_a_pipeline_without_a_schedule_is_found_and_deleted(bench: SagemakerBench) -> None:
    snapshot = str(uuid4())
    pipeline(bench, f"training-{uuid4().hex}", snapshot)
    orchestrator = connect(bench)
    found = orchestrator.locate(snapshot, {"pipeline": "training"})
    assert found is not None
    assert "has no EventBridge schedule" in found.problem
    assert orchestrator.read(found.native_id) is None
    orchestrator.delete(found.native_id)
    assert bench.aws.pipelines() == set()


def test_a_schedule_whose_pipeline_is_gone_says_so(bench: SagemakerBench) -> None:
    native_id = submit(bench, str(uuid4()))
    bench.client("sagemaker").delete_pipeline(PipelineName=native_id.partition("/")[2])
    found = connect(bench).read(native_id)
    assert found is not None
    assert found.snapshot_id is None
    assert "was deleted" in found.problem


def test_listing_reads_all_pages_and_each_pipeline_once(bench: SagemakerBench) -> None:
    snapshots = {submit(bench, snapshot): snapshot for snapshot in map(str, [uuid4()] * 5)}
    orchestrator = connect(bench)
    assert {it.native_id: it.snapshot_id for it in orchestrator.list_all()} == snapshots
    bench.aws.calls.clear()
    listed = list(orchestrator.list_all())
    assert [orchestrator.read(it.native_id) for it in listed] == listed
    assert bench.aws.calls.count("scheduler.ListSchedules") == 3
    assert "sagemaker.DescribePipeline" not in bench.aws.calls


def test_runs_are_the_executions(bench: SagemakerBench) -> None:
    native_id = submit(bench, str(uuid4()))
    states = ["Succeeded", "Failed", "Stopped", "CompletedWithFailures", "Executing"]
    arns = []
    for state in states:
        arns.append(bench.aws.fire(*native_id.split("/")))
        bench.aws.set_status(arns[-1], state)
    orchestrator = connect(bench)
    runs = orchestrator.runs(native_id)
    assert [run.run_id for run in runs] == arns[::-1]
    assert [run.state for run in runs] == ["running", "failed", "cancelled", "failed", "succeeded"]
    assert len(orchestrator.runs(native_id, limit=3)) == 3
    assert orchestrator.runs(native_id, since=datetime.now(UTC) + timedelta(hours=1)) == []
    assert all(run.started and run.started.tzinfo for run in runs)
    started = orchestrator.trigger(native_id)
    assert orchestrator.runs(native_id, limit=1)[0].run_id == started
    assert orchestrator.runs("default/gone") == []


def test_a_call_that_is_throttled_is_tried_again(bench: SagemakerBench) -> None:
    native_id = submit(bench, str(uuid4()))
    patient = connect(bench, attempts=2)
    with bench.aws.fault("throttled", times=1):
        assert patient.read(native_id)


def test_a_stranger_is_not_let_in(bench: SagemakerBench) -> None:
    with pytest.raises(UnauthenticatedError):
        connect(bench, key="AKIASTRANGER").verify(wanted())


def test_what_is_not_there_cannot_be_paused_or_started(bench: SagemakerBench) -> None:
    orchestrator = connect(bench)
    with pytest.raises(NotFoundError):
        orchestrator.set_paused("default/gone", True)
    with pytest.raises(NotFoundError):
        orchestrator.trigger("default/gone")


def test_the_sdk_reports_to_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pulumi_zenml.orchestrators.sagemaker.aws import opt_out_of_telemetry

    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(tmp_path))
    (tmp_path / "config.yaml").write_text("SchemaVersion: '1.0'\n")
    monkeypatch.delenv("SAGEMAKER_ADMIN_CONFIG_OVERRIDE", raising=False)
    opt_out_of_telemetry()
    from sagemaker.config.config import load_sagemaker_config

    python = load_sagemaker_config()["SageMaker"]["PythonSDK"]
    assert python == {"Modules": {"TelemetryOptOut": True}}


def test_an_administrators_sdk_configuration_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    from pulumi_zenml.orchestrators.sagemaker.aws import opt_out_of_telemetry

    monkeypatch.setenv("SAGEMAKER_ADMIN_CONFIG_OVERRIDE", "/etc/our.yaml")
    opt_out_of_telemetry()
    assert os.environ["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] == "/etc/our.yaml"


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "cron(0 3 * * *)",
        "cron(0 3 * * * *)",
        "cron(0 3 ? * 0 *)",
        "cron(0 3 ? * MON/2 *)",
        "cron(60 3 * * ? *)",
        "rate(0 minutes)",
        "rate(1 week)",
        "at(2020-01-01T00:00:00)",
        "at(tomorrow)",
    ],
)
def test_the_standin_refuses_what_aws_refuses(bench: SagemakerBench, expression: str) -> None:
    native_id = submit(bench, str(uuid4()))
    with pytest.raises(Exception, match="Invalid Schedule Expression"):
        bench._edit(native_id, ScheduleExpression=expression)


# --- through the core and ZenML's own orchestrator -------------------------------------------


@pytest.fixture(scope="module")
def ready() -> Iterator[SagemakerBench]:
    with SagemakerBench() as bench:
        yield bench


@pytest.fixture(scope="module")
def worker(
    ready: SagemakerBench, zenml: ZenmlServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    folder = tmp_path_factory.mktemp("sagemaker")
    env = {**zenml.client_environment(folder / "config"), **ready.environment}
    with zenml_client(folder, env) as client:
        made = Worker(client, ready.overrides())
        made.register("sagemaker", ready.components())
        yield made


LONG = "a_pipeline_whose_name_is_much_too_long_for_eventbridge"


@pytest.fixture(scope="module")
def snapshot(worker: Worker) -> str:
    client: ZenmlClient = worker.client
    return client.create_snapshot("sagemaker", pipeline=LONG).reference


@pytest.mark.server
def test_zenml_makes_it_and_we_make_it_right(
    ready: SagemakerBench, worker: Worker, snapshot: str
) -> None:
    ready.client("scheduler").create_schedule_group(Name="team")
    for number, cadence in enumerate(ready.cadences()):
        settings: dict[str, Json] = {"group": "team"} if number % 2 else {}
        pair = worker.create(
            "sagemaker",
            f"schedule-{number}",
            cadence,
            snapshot=snapshot,
            paused=number == 1,
            settings=settings,
        )
        found = pair.counterpart
        assert found.native_id.startswith("team/" if settings else "default/a-pipeline-whose")
        assert found.paused is (number == 1)
        assert found.owner == f"tests/dev/schedule-{number}"
        assert worker.read(pair) == pair
        worker.delete(pair)
        assert worker.read(pair) is None
    assert ready.native_ids() == set()
    assert ready.aws.pipelines() == set()


@pytest.mark.server
def test_a_role_that_aws_refuses_leaves_nothing(
    ready: SagemakerBench, worker: Worker, snapshot: str
) -> None:
    ready.aws.unassumable.add(ROLE)
    try:
        with pytest.raises(ZenmlError, match="must allow AWS EventBridge Scheduler to assume"):
            worker.create("sagemaker", "refused", make_cadence(cron="0 3 * * *"), snapshot=snapshot)
    finally:
        ready.aws.unassumable.clear()
    assert ready.aws.pipelines() == set()
    assert "refused" not in {it.name for it in worker.client.records()}


def test_refusals_of_aws_are_quoted(bench: SagemakerBench) -> None:
    native_id = submit(bench, str(uuid4()))
    bench.aws.unassumable.add(ROLE)
    with pytest.raises(RefusedError, match="must allow AWS EventBridge Scheduler"):
        shape(bench, native_id, wanted())
