from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Unpack
from uuid import uuid4

import pytest

from orchestrators.arguments import CadenceArguments
from orchestrators.databricks_bench import DatabricksBench
from orchestrators.pair_worker import Worker
from pulumi_zenml.cadence import make_cadence, next_fires
from pulumi_zenml.errors import (
    NotFoundError,
    ServiceError,
    UnauthenticatedError,
)
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.base import Target
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted
from pulumi_zenml.orchestrators.databricks import DatabricksOrchestrator
from pulumi_zenml.testing.bench import Fault
from pulumi_zenml.testing.conformance import EXPECTED
from standins.databricks_rules import valid_quartz
from testbed.snapshots import zenml_client
from testbed.zenml_server import ZenmlServer

FOLDER = "/Workspace/Shared/.zenml/training/training-0123456789abcdef"
WHEEL = f"{FOLDER}/orchestrator/zenmlproject_x-0.98.0-py3-none-any.whl"


@pytest.fixture
def bench() -> Iterator[DatabricksBench]:
    with DatabricksBench() as ready:
        yield ready


class _Component(Target):
    """A component with ZenML's configuration of it, without ZenML."""

    def instance(self) -> Any:
        return self.component


def connect(bench: DatabricksBench, **config: Json) -> DatabricksOrchestrator:
    given = {
        "host": bench.databricks.url,
        "client_id": bench.databricks.client_id,
        "client_secret": bench.databricks.client_secret,
        "timeout_seconds": None,
        **config,
    }
    component: Any = SimpleNamespace(name="dbx", config=SimpleNamespace(**given))
    return DatabricksOrchestrator(_Component(component, bench.overrides()))


def submit(bench: DatabricksBench, snapshot: str, steps: int = 2, **settings: Json) -> str:
    """Make what ZenML's orchestrator makes, but for the run; returns the native id."""
    tasks = [
        {
            "task_key": f"{snapshot}_step{number}",
            "job_cluster_key": snapshot,
            "libraries": [{"whl": WHEEL}, {"pypi": {"package": "zenml==0.98.0"}}],
            "python_wheel_task": {
                "package_name": "zenml",
                "entry_point": "entrypoint.main",
                "parameters": [
                    "--step_name",
                    f"step{number}",
                    "--snapshot_id",
                    snapshot,
                    "--wheel_package",
                    "zenmlproject_x",
                    "--databricks_job_id",
                    "{{job.id}}",
                ],
            },
            "a_field_that_no_sdk_knows": number,
        }
        for number in range(steps)
    ]
    body = {
        "name": f"training_{uuid4().hex}",
        "tasks": tasks,
        "job_clusters": [{"job_cluster_key": snapshot, "new_cluster": {}}],
        "schedule": {"quartz_cron_expression": "0 0 0 1 1 ?", "timezone_id": "UTC"},
        "tags": {"team": "ml"},
        **settings,
    }
    workspace = bench.databricks.workspace
    workspace.files[WHEEL] = b"wheel"
    return str(workspace.call("create", body)["job_id"])


def wanted(
    paused: bool = False,
    settings: Mapping[str, Json] | None = None,
    **cadence: Unpack[CadenceArguments],
) -> Wanted:
    if not cadence.keys() & {"interval", "run_once_at"}:
        cadence = {"cron": "0 3 * * 1-5", "timezone": "Europe/Berlin", **cadence}
    return Wanted(
        name="nightly",
        owner="infra/prod/nightly",
        cadence=make_cadence(**cadence),
        paused=paused,
        settings=settings or {},
        pipeline="training",
    )


def shape(bench: DatabricksBench, native_id: str, asked: Wanted) -> Counterpart:
    orchestrator = connect(bench)
    found = orchestrator.read(native_id)
    assert found is not None
    return orchestrator.shape(found, asked)


SOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=3)


@pytest.mark.parametrize(
    ("property", "cadence"),
    [
        ("start_time", {"start_time": SOON}),
        ("end_time", {"end_time": SOON}),
        ("catchup", {"catchup": True}),
        ("interval", {"interval": timedelta(hours=6), "start_time": SOON}),
        ("run_once_at", {"run_once_at": SOON}),
    ],
)
def test_what_databricks_cannot_do_is_refused_offline(
    property: str, cadence: CadenceArguments
) -> None:
    problems = DatabricksOrchestrator.check(wanted(**cadence))
    assert [it.property for it in problems] == [property]
    assert "upstream" in problems[0].reason


def test_the_range_of_a_setting_is_checked_offline() -> None:
    (problem,) = DatabricksOrchestrator.check(wanted(settings={"max_concurrent_runs": 0}))
    assert "1 to 1000" in problem.reason


def test_verify_asks_where_the_code_is(
    bench: DatabricksBench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from zenml.utils import source_utils

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(source_utils, "_CUSTOM_SOURCE_ROOT", None)
    orchestrator = connect(bench)
    orchestrator.verify(wanted())
    nowhere = DatabricksOrchestrator(_Component(orchestrator.target.component, {}))
    with pytest.raises(ServiceError, match=r"zenml:orchestrators\.dbx\.source_root"):
        nowhere.verify(wanted())
    gone = {"source_root": str(tmp_path / "gone")}
    missing = DatabricksOrchestrator(_Component(orchestrator.target.component, gone))
    with pytest.raises(ServiceError, match="is not a folder"):
        missing.verify(wanted())
    monkeypatch.setattr(source_utils, "_CUSTOM_SOURCE_ROOT", str(tmp_path))
    nowhere = DatabricksOrchestrator(_Component(orchestrator.target.component, {}))
    nowhere.verify(wanted())
    assert nowhere.submission(wanted()).source_root is None


def test_verify_asks_for_pip(bench: DatabricksBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulumi_zenml.orchestrators.databricks.distributions", lambda name: [])
    with pytest.raises(ServiceError, match="ensurepip"):
        connect(bench).verify(wanted())


def test_what_is_submitted_does_not_fire_for_months(bench: DatabricksBench) -> None:
    submission = connect(bench).submission(wanted(cron="* * * * *", timezone="Asia/Tokyo"))
    assert submission.cron_expression is not None
    assert valid_quartz(submission.cron_expression)
    _, _, _, day, month, _ = submission.cron_expression.split()
    fires = make_cadence(cron=f"0 0 {day} {month} *", timezone="Asia/Tokyo")
    (first,) = next_fires(fires, datetime.now(UTC), 1)
    assert first.instant - datetime.now(UTC) > timedelta(days=360)
    assert submission.settings == {"schedule_timezone": "Asia/Tokyo"}


def test_everything_is_written_in_one_call(bench: DatabricksBench) -> None:
    native_id = submit(bench, str(uuid4()))
    bench.databricks.calls.clear()
    found = shape(
        bench,
        native_id,
        wanted(paused=True, settings={"max_concurrent_runs": 4.0, "queue": True}),
    )
    assert bench.databricks.calls.count("jobs/update") == 1
    held = bench.settings_of(native_id)
    assert held["schedule"] == {
        "quartz_cron_expression": "0 0 3 ? * MON,TUE,WED,THU,FRI",
        "timezone_id": "Europe/Berlin",
        "pause_status": "PAUSED",
    }
    assert held["description"] == "managed by Pulumi: infra/prod/nightly"
    assert held["queue"] == {"enabled": True}
    assert held["max_concurrent_runs"] == 4
    assert held["tags"] == {"team": "ml"}
    assert found.owner == "infra/prod/nightly"
    assert found.paused
    assert found.problem == ""
    assert found.settings == {"max_concurrent_runs": 4, "queue": True}
    assert found.pipeline == "training"
    assert found.url == f"{bench.databricks.url}/jobs/{native_id}"


def test_runs_are_told_apart(bench: DatabricksBench) -> None:
    native_id = submit(bench, str(uuid4()))
    orchestrator = connect(bench)
    before = orchestrator.read(native_id)
    assert before is not None
    assert "every run reports to ZenML as the same run" in before.problem
    tasks = bench.settings_of(native_id)["tasks"]
    shape(bench, native_id, wanted())
    known = set()
    for _ in range(2):
        run = bench.databricks.fire(int(native_id))
        bench.databricks.workspace.finish(run, "SUCCESS")
        told = bench.databricks.workspace.runs[run]["parameters"].values()
        ids = {words[words.index("--databricks_job_id") + 1] for words in told}
        assert len(ids) == 1, "the steps of one run must know it by one id"
        known |= ids
    assert known == {run.run_id for run in orchestrator.runs(native_id)}
    assert len(known) == 2
    after = bench.settings_of(native_id)["tasks"]
    for old, new in zip(tasks, after, strict=True):
        assert new["python_wheel_task"]["parameters"][-1] == "{{job.id}}/runs/{{job.run_id}}"
        assert {**new, "python_wheel_task": old["python_wheel_task"]} == old


def test_tasks_beyond_the_first_hundred_are_told_apart_too(bench: DatabricksBench) -> None:
    native_id = submit(bench, str(uuid4()), steps=130)
    found = shape(bench, native_id, wanted())
    assert found.problem == ""
    told = [
        it["python_wheel_task"]["parameters"][-1] for it in bench.settings_of(native_id)["tasks"]
    ]
    assert told == ["{{job.id}}/runs/{{job.run_id}}"] * 130


def test_the_run_that_zenml_starts_does_no_work(
    bench: DatabricksBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    native_id = submit(bench, str(uuid4()), timeout_seconds=1)
    run = bench.databricks.workspace.start(int(native_id), "ONE_TIME")
    monkeypatch.setattr(DatabricksOrchestrator, "_asked_timeout", lambda *_: 7200)
    shape(bench, native_id, wanted())
    bench.databricks.later += 3600
    assert not bench.databricks.workspace.worked(run)
    assert bench.settings_of(native_id)["timeout_seconds"] == 7200
    assert [it.state for it in connect(bench).runs(native_id)] == ["cancelled"]


def test_the_run_that_zenml_starts_does_no_work_even_if_we_die(bench: DatabricksBench) -> None:
    native_id = submit(bench, str(uuid4()), timeout_seconds=1)
    run = bench.databricks.workspace.start(int(native_id), "ONE_TIME")
    bench.databricks.later += 3600
    assert not bench.databricks.workspace.worked(run)


def test_a_change_in_place_leaves_runs_alone(bench: DatabricksBench) -> None:
    native_id = submit(bench, str(uuid4()), timeout_seconds=3600)
    run = bench.databricks.fire(int(native_id))
    shape(bench, native_id, wanted(settings={"queue": True}))
    bench.databricks.later += 600
    assert bench.databricks.workspace.worked(run)
    assert bench.settings_of(native_id)["timeout_seconds"] == 3600


def test_another_trigger_set_by_hand_is_taken_away(bench: DatabricksBench) -> None:
    native_id = submit(bench, str(uuid4()))
    shape(bench, native_id, wanted())
    periodic = {"periodic": {"interval": 2, "unit": "HOURS"}, "pause_status": "UNPAUSED"}
    bench.databricks.workspace.call(
        "update",
        {
            "job_id": native_id,
            "fields_to_remove": ["schedule"],
            "new_settings": {"trigger": periodic},
        },
    )
    orchestrator = connect(bench)
    found = orchestrator.read(native_id)
    assert found is not None
    assert found.cadence is None
    assert found.native.fields == {"periodic": {"interval": 2, "unit": "HOURS"}}
    orchestrator.set_paused(native_id, True)
    assert bench.settings_of(native_id)["trigger"] == {**periodic, "pause_status": "PAUSED"}
    shape(bench, native_id, wanted())
    assert "trigger" not in bench.settings_of(native_id)


def test_a_job_without_a_schedule_says_so(bench: DatabricksBench) -> None:
    native_id = submit(bench, str(uuid4()))
    shape(bench, native_id, wanted())
    bench.databricks.workspace.call(
        "update", {"job_id": native_id, "fields_to_remove": ["schedule"]}
    )
    orchestrator = connect(bench)
    (listed,) = orchestrator.list_all()
    assert "no longer has a schedule" in listed.problem
    assert listed.paused
    with pytest.raises(NotFoundError, match="no longer has a schedule"):
        orchestrator.set_paused(native_id, False)


def test_pausing_keeps_everything_else(bench: DatabricksBench) -> None:
    native_id = submit(bench, str(uuid4()))
    shape(bench, native_id, wanted())
    before = bench.settings_of(native_id)
    orchestrator = connect(bench)
    orchestrator.set_paused(native_id, True)
    paused = bench.settings_of(native_id)
    assert paused == {**before, "schedule": {**before["schedule"], "pause_status": "PAUSED"}}
    orchestrator.set_paused(native_id, False)
    assert bench.settings_of(native_id) == before


def test_deleting_takes_the_wheel_along(bench: DatabricksBench) -> None:
    native_id = submit(bench, str(uuid4()))
    other = f"{FOLDER}-other/orchestrator/x.whl"
    bench.databricks.workspace.files[other] = b""
    orchestrator = connect(bench)
    orchestrator.delete(native_id)
    assert bench.native_ids() == set()
    assert set(bench.databricks.workspace.files) == {other}
    assert orchestrator.read(native_id) is None
    orchestrator.delete(native_id)


def test_deleting_touches_no_folder_that_zenml_did_not_make(bench: DatabricksBench) -> None:
    native_id = submit(bench, str(uuid4()))
    mine = "/Workspace/Shared/wheels/x.whl"
    bench.databricks.workspace.files[mine] = b""
    for task in bench.settings_of(native_id)["tasks"]:
        task["libraries"] = [{"whl": mine}]
    connect(bench).delete(native_id)
    assert mine in bench.databricks.workspace.files


def test_who_is_no_admin_is_told_nothing_of_a_deleted_job() -> None:
    with DatabricksBench(admin=False) as bench:
        native_id = submit(bench, str(uuid4()))
        submit(bench, str(uuid4()))
        orchestrator = connect(bench)
        orchestrator.delete(native_id)
        assert orchestrator.read(native_id) is None
        orchestrator.delete(native_id)
        with pytest.raises(NotFoundError):
            orchestrator.set_paused(native_id, True)


def test_a_counterpart_is_found_by_its_snapshot(bench: DatabricksBench) -> None:
    snapshot = str(uuid4())
    native_id = submit(bench, snapshot)
    for _ in range(4):
        submit(bench, str(uuid4()))
    orchestrator = connect(bench)
    found = orchestrator.locate(snapshot, {})
    assert found == orchestrator.read(native_id)
    assert orchestrator.locate(str(uuid4()), {}) is None


def test_listing_takes_pages_and_leaves_out_what_is_not_scheduled(bench: DatabricksBench) -> None:
    scheduled = {submit(bench, str(uuid4())) for _ in range(5)}
    submit(bench, str(uuid4()), schedule=None)
    bench.databricks.workspace.call(
        "create",
        {
            "name": "etl",
            "tasks": [{"task_key": "a", "notebook_task": {"notebook_path": "/x"}}],
            "schedule": {"quartz_cron_expression": "0 0 0 * * ?", "timezone_id": "UTC"},
        },
    )
    orchestrator = connect(bench)
    bench.databricks.calls.clear()
    listed = list(orchestrator.list_all())
    assert {it.native_id for it in listed} == scheduled
    assert bench.databricks.calls == ["jobs/list"] * 4
    assert [orchestrator.read(it.native_id) for it in listed] == listed


def test_runs_are_mapped_to_one_vocabulary(bench: DatabricksBench) -> None:
    native_id = submit(bench, str(uuid4()), max_concurrent_runs=1)
    workspace = bench.databricks.workspace
    for result in ("SUCCESS", "FAILED", "TIMEDOUT", "CANCELED"):
        workspace.finish(bench.databricks.fire(int(native_id)), result)
        bench.databricks.later += 60
    orchestrator = connect(bench)
    started = orchestrator.trigger(native_id)
    bench.databricks.fire(int(native_id))
    runs = orchestrator.runs(native_id)
    states = ["skipped", "queued", "cancelled", "failed", "failed", "succeeded"]
    assert [run.state for run in runs] == states
    assert [run.by_schedule for run in runs] == [True, False, True, True, True, True]
    assert runs[1].run_id == started
    assert len(orchestrator.runs(native_id, limit=3)) == 3
    assert runs[-1].started is not None
    later = runs[-1].started + timedelta(seconds=1)
    assert orchestrator.runs(native_id, since=later) == runs[:-1]
    assert all(it.ended for it in runs[2:])


@pytest.mark.parametrize("fault", EXPECTED)
def test_a_failure_to_sign_in_is_told_in_our_words(bench: DatabricksBench, fault: Fault) -> None:
    native_id = submit(bench, str(uuid4()))
    orchestrator = connect(bench)
    with bench.fault(fault), pytest.raises(EXPECTED[fault]) as told:
        orchestrator.read(native_id)
    assert bench.databricks.client_secret not in str(told.value)


def test_a_call_that_is_throttled_is_tried_again(bench: DatabricksBench) -> None:
    native_id = submit(bench, str(uuid4()))
    component = connect(bench).target.component
    patient = DatabricksOrchestrator(
        _Component(component, {**bench.overrides(), "retry_timeout_seconds": 20})
    )
    assert patient.read(native_id)
    with bench.databricks.fault("throttled", times=1):
        assert patient.read(native_id)


def test_a_wrong_secret_is_told(bench: DatabricksBench) -> None:
    with pytest.raises(UnauthenticatedError) as told:
        connect(bench, client_secret="guessed").verify(wanted())
    assert "guessed" not in str(told.value)


def test_a_token_that_is_no_longer_valid_is_told(bench: DatabricksBench) -> None:
    orchestrator = connect(bench)
    orchestrator.verify(wanted())
    bench.databricks._token = "another"
    with pytest.raises(UnauthenticatedError, match="Renew"):
        orchestrator.verify(wanted())


@pytest.mark.parametrize(
    "text",
    ["0 3 * * *", "0 0 3 * * *", "0 0 3 ? * ?", "0 0 3 ? * 0", "0 60 3 * * ?", "0 0 3 * FOO ?", ""],
)
def test_the_standin_refuses_what_quartz_refuses(bench: DatabricksBench, text: str) -> None:
    schedule = {"quartz_cron_expression": text, "timezone_id": "UTC"}
    with pytest.raises(Exception, match="Invalid quartz_cron_expression"):
        submit(bench, str(uuid4()), schedule=schedule)


# --- through the core and ZenML's own orchestrator -------------------------------------------


@pytest.fixture(scope="module")
def ready() -> Iterator[DatabricksBench]:
    with DatabricksBench() as bench:
        yield bench


@pytest.fixture(scope="module")
def worker(
    ready: DatabricksBench, zenml: ZenmlServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    folder = tmp_path_factory.mktemp("databricks")
    with zenml_client(folder, zenml.client_environment(folder / "config")) as client:
        made = Worker(client, ready.overrides())
        made.register("databricks", ready.components(timeout_seconds=5400))
        yield made


@pytest.mark.server
def test_zenml_makes_it_and_we_make_it_right(ready: DatabricksBench, worker: Worker) -> None:
    snapshot = worker.client.create_snapshot("databricks", pipeline="nightly_training")
    for number, cadence in enumerate(ready.cadences()):
        pair = worker.create(
            "databricks",
            f"databricks-{number}",
            cadence,
            snapshot=snapshot.reference,
            paused=number == 1,
        )
        found = pair.counterpart
        assert found.paused is (number == 1)
        assert found.problem == ""
        assert found.pipeline == "nightly_training"
        assert found.owner == f"tests/dev/databricks-{number}"
        held = ready.settings_of(found.native_id)
        assert held["timeout_seconds"] == 5400
        (run,) = ready.databricks.workspace.runs.values()
        ready.databricks.later += 3600
        assert not ready.databricks.workspace.worked(run["run_id"])
        assert [name for name in ready.databricks.workspace.files if name.endswith(".whl")]
        assert worker.read(pair) == pair
        worker.delete(pair)
        assert worker.read(pair) is None
        assert not [name for name in ready.databricks.workspace.files if name.endswith(".whl")]
        ready.databricks.workspace.runs.clear()
    assert ready.native_ids() == set()


def test_the_module_imports_no_vendor() -> None:
    code = (
        "import sys, pulumi_zenml.orchestrators.databricks, pulumi_zenml.orchestrators.sagemaker;"
        "bad = {'zenml', 'databricks', 'boto3', 'botocore', 'sagemaker', 'requests'};"
        "assert not bad & set(sys.modules), bad & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
