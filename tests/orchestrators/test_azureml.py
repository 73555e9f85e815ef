"""AzureML: exact triggers, one write, the job as it came, nothing on stdout.

ZenML's service connector for Azure cannot be used here: it asks management.azure.com for the
subscription's name before it gives credentials. The benches sign in as ZenML does without one;
that a connector's credential is taken is shown with a stand-in for the connector only.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from orchestrators.arguments import CadenceArguments
from orchestrators.azureml_bench import AzureMLBench
from orchestrators.zenml_here import create, fresh_environment, orchestrator_of, zenml_here
from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.cadence.dialects.azureml import AzureML
from pulumi_zenml.errors import (
    CannotExpressError,
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    ThrottledError,
    UnauthenticatedError,
)
from pulumi_zenml.orchestrators.azureml import AzureMLOrchestrator
from pulumi_zenml.orchestrators.azureml import arm as _azure_arm
from pulumi_zenml.orchestrators.azureml.trigger import NO_START, to_body, to_fields
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.counterpart import Wanted
from standins.azureml_rules import Refusal, check_schedule
from standins.azureml_standin import AzureMLStandIn
from testbed.snapshots import zenml_client
from testbed.zenml_server import ZenmlServer

STACK = "azureml"
SOON = datetime(2031, 6, 1, 6, 30, tzinfo=UTC)


# --- triggers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cadence", "trigger"),
    [
        (
            {"cron": "0 3 * * MON-FRI", "timezone": "Europe/Berlin"},
            {
                "triggerType": "Cron",
                "expression": "0 3 * * 1,2,3,4,5",
                "timeZone": "W. Europe Standard Time",
                "startTime": NO_START,
            },
        ),
        (
            {"cron": "*/15 * * * 7"},
            {
                "triggerType": "Cron",
                "expression": "0,15,30,45 * * * 0",
                "timeZone": "UTC",
                "startTime": NO_START,
            },
        ),
        (
            {"cron": "0 9 1,15 * *", "timezone": "America/New_York", "start_time": SOON},
            {
                "triggerType": "Recurrence",
                "frequency": "Month",
                "interval": 1,
                "schedule": {"hours": [9], "minutes": [0], "monthDays": [1, 15]},
                "timeZone": "Eastern Standard Time",
                "startTime": "2031-06-01T02:30:00",
            },
        ),
        (
            {
                "interval": timedelta(hours=6),
                "start_time": SOON,
                "end_time": SOON + timedelta(days=9),
            },
            {
                "triggerType": "Recurrence",
                "frequency": "Hour",
                "interval": 6,
                "timeZone": "UTC",
                "startTime": "2031-06-01T06:30:00",
                "endTime": "2031-06-10T06:30:00",
            },
        ),
    ],
)
def test_a_cadence_is_an_exact_trigger_and_is_read_back(
    cadence: CadenceArguments, trigger: dict[str, Any]
) -> None:
    made, dialect = make_cadence(**cadence), AzureML()
    body = to_body(dialect.write(made).fields)
    assert body == trigger
    assert dialect.matches(made, to_fields(body))
    action = {"actionType": "CreateJob", "jobDefinition": {"jobType": "Pipeline"}}
    check_schedule("nightly", {"trigger": body, "action": action})


def test_a_start_that_happens_twice_is_refused() -> None:
    # 02:30 on that night is summer time first, and standard time an hour later.
    twice = datetime(2031, 10, 26, 1, 30, tzinfo=UTC)
    made = make_cadence(cron="0 3 * * *", timezone="Europe/Berlin", start_time=twice)
    with pytest.raises(CannotExpressError, match="happens twice"):
        to_body(AzureML().write(made).fields)


@pytest.mark.parametrize(
    ("property", "cadence"),
    [
        ("cron", {"cron": "5 4 * 1,6 *"}),
        ("cron", {"cron": "0 0 13 * 5"}),
        ("run_once_at", {"run_once_at": SOON}),
        ("catchup", {"cron": "0 3 * * *", "catchup": True}),
        ("interval", {"interval": timedelta(seconds=90), "start_time": SOON}),
    ],
)
def test_what_azureml_cannot_do_exactly_is_refused_offline(
    property: str, cadence: CadenceArguments
) -> None:
    [problem] = AzureMLOrchestrator.check(Wanted("x", "", make_cadence(**cadence)))
    assert problem.property == property


@pytest.mark.parametrize(
    "change",
    [
        {"timeZone": "Europe/Berlin"},
        {"startTime": "2031-06-01T06:30:00Z"},
        {"startTime": "soon"},
        {"endTime": "2020-01-01T00:00:00"},
        {"expression": "0 3 * *"},
        {"expression": "0 24 * * *"},
        {"expression": "0 3 * * 7"},
        {"expression": "0 3 ? * 1"},
        {"triggerType": "Once"},
        {"triggerType": "Recurrence", "frequency": "Year", "interval": 1},
        {"triggerType": "Recurrence", "frequency": "Day", "interval": 0},
    ],
)
def test_the_stand_in_refuses_what_azureml_refuses(change: dict[str, Any]) -> None:
    trigger = {"triggerType": "Cron", "expression": "0 3 * * *", "timeZone": "UTC"}
    trigger |= {"startTime": NO_START, **change}
    action = {"actionType": "CreateJob", "jobDefinition": {"jobType": "Pipeline"}}
    with pytest.raises(Refusal):
        check_schedule("nightly", {"trigger": trigger, "action": action})
    with pytest.raises(Refusal):
        check_schedule("night shift", {"trigger": trigger, "action": action})


# --- calls --------------------------------------------------------------------------------------


class _Stack(Target):
    """A component whose connector gives a credential of our own making."""

    def instance(self) -> Any:
        return SimpleNamespace(get_connector=lambda: self.overrides["connector"])


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureMLStandIn]:
    with AzureMLStandIn(tmp_path) as standin:
        for name, value in standin.environment.items():
            monkeypatch.setenv(name, value)
        yield standin


def lonely(
    azure: AzureMLStandIn,
    token: str,
    *,
    connect: Callable[[], object] | None = None,
    **workspace: str,
) -> AzureMLOrchestrator:
    """Our side of a component, without ZenML: a connector hands out ``token``."""
    configuration = {
        "subscription_id": azure.subscription,
        "resource_group": azure.group,
        "workspace": azure.name,
        **workspace,
    }
    component: Any = SimpleNamespace(configuration=configuration, name="azure")
    credential = SimpleNamespace(get_token=lambda scope: SimpleNamespace(token=f"{token}"))
    connector: Any = SimpleNamespace(connect=connect or (lambda: credential))
    overrides = {"connector": connector, "attempts": 2, "timeout_seconds": 2}
    return AzureMLOrchestrator(_Stack(component, overrides))


def test_the_credential_of_a_service_connector_is_used(azure: AzureMLStandIn) -> None:
    wanted = Wanted("x", "", make_cadence(cron="0 3 * * *"))
    lonely(azure, azure.token()).verify(wanted)
    with pytest.raises(UnauthenticatedError, match="Renew the credentials"):
        lonely(azure, "stale").verify(wanted)


def test_a_connector_that_fails_is_told_as_such(azure: AzureMLStandIn) -> None:
    def expired() -> object:
        raise RuntimeError("the connector's authentication credentials have expired.")

    orchestrator = lonely(azure, "", connect=expired)
    with pytest.raises(UnauthenticatedError, match="have expired"):
        orchestrator.read("x")


def test_a_workspace_that_is_not_there_is_no_missing_schedule(azure: AzureMLStandIn) -> None:
    elsewhere = lonely(azure, azure.token(), workspace="other")
    for call in (elsewhere.read, elsewhere.delete):
        with pytest.raises(NotFoundError, match="there is no workspace"):
            call("nightly_0f")
    assert lonely(azure, azure.token()).read("nightly_0f") is None
    with pytest.raises(NotFoundError, match="no schedule 'nightly_0f'"):
        lonely(azure, azure.token()).set_paused("nightly_0f", True)


def test_throttling_is_waited_out_and_then_told(azure: AzureMLStandIn) -> None:
    orchestrator = lonely(azure, azure.token())
    left = iter([True, False])
    with azure.fault("throttled", when=lambda method, path: next(left, False)):
        assert list(orchestrator.list_all()) == []
    with azure.fault("throttled"), pytest.raises(ThrottledError):
        list(orchestrator.list_all())


def test_a_run_is_not_started_twice(azure: AzureMLStandIn) -> None:
    asked = []

    def seen(method: str, path: str) -> bool:
        asked.append(method)
        return True

    with azure.fault("server-error", when=seen), pytest.raises(Exception, match="HTTP 500"):
        lonely(azure, azure.token()).trigger("nightly_0f")
    assert asked == ["POST"]


def test_no_permission_names_the_role(azure: AzureMLStandIn) -> None:
    with azure.fault("denied"), pytest.raises(PermissionDeniedError, match="Data Scientist"):
        list(lonely(azure, azure.token()).list_all())


def test_an_operation_that_does_not_end_is_not_waited_for_forever() -> None:
    with pytest.raises(Exception, match="not over within 0 s"):
        _azure_arm.wait_for(lambda: (False, None), "change it", seconds=0)


# --- with ZenML ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench() -> Iterator[AzureMLBench]:
    with AzureMLBench() as made:
        yield made


@pytest.fixture(scope="module")
def snapshot(
    bench: AzureMLBench, zenml: ZenmlServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A snapshot on a stack with the workspace, and ZenML in this process."""
    folder = tmp_path_factory.mktemp("azureml-client")
    env = zenml.client_environment(folder / "worker")
    with (
        zenml_here(fresh_environment(env, folder / "here")),
        zenml_client(folder, {**env, **bench.environment}) as worker,
    ):
        bench.register(STACK)
        yield worker.create_snapshot(STACK, pipeline="Ünïque training / v2").id


@pytest.fixture
def orchestrator(bench: AzureMLBench, snapshot: str) -> Orchestrator:
    return orchestrator_of(AzureMLOrchestrator, STACK, bench.overrides())


@pytest.mark.server
def test_from_submit_to_delete(
    bench: AzureMLBench,
    orchestrator: Orchestrator,
    snapshot: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    calls = bench.azure.calls
    calls.clear()
    capfd.readouterr()
    made = create(
        orchestrator,
        STACK,
        snapshot,
        "nightly",
        make_cadence(cron="0 3 * * 1-5", timezone="Europe/Berlin"),
        paused=True,
    )
    name = made.found.native_id
    # What ZenML made could not fire for years; one write made it right.
    assert made.located.cadence is not None
    assert made.located.cadence.start_time is not None
    assert made.located.cadence.start_time > datetime.now(UTC) + timedelta(days=4 * 365)
    assert [call for call in calls if call.startswith("PUT schedules/")] == [
        f"PUT schedules/{name}"
    ] * 2
    assert made.found.paused
    assert made.found.owner == "tests/dev/nightly"
    assert made.found.snapshot_id == made.snapshot
    assert made.found.native.text == "0 3 * * 1,2,3,4,5 W. Europe Standard Time"
    assert made.found.url.startswith(f"https://ml.azure.com/schedule/{name}/details")
    # The pipeline's name was put into characters that AzureML takes.
    assert name.startswith("p-n-que-training---v2_")
    assert capfd.readouterr().out == ""

    schedule = bench.client().schedules.get(name)
    assert (schedule.is_enabled, schedule.trigger.expression) == (False, "0 3 * * 1,2,3,4,5")
    orchestrator.delete(name)
    assert orchestrator.read(name) is None
    orchestrator.delete(name)


@pytest.mark.server
def test_the_job_goes_back_as_it_came(
    bench: AzureMLBench, orchestrator: Orchestrator, snapshot: str
) -> None:
    made = create(orchestrator, STACK, snapshot, "untouched", make_cadence(cron="0 3 * * *"))
    name, schedules = made.found.native_id, bench.azure.workspace.schedules
    # What newer services put in, and no client knows.
    job = schedules[name]["properties"]["action"]["jobDefinition"]
    job["queueSettings"] = {"jobTier": "Null", "unheardOf": [1, {"x": None}]}
    before = copy.deepcopy(schedules[name]["properties"])
    orchestrator.set_paused(name, True)
    assert schedules[name]["properties"] == {**before, "isEnabled": False}
    orchestrator.set_paused(name, False)
    wanted = Wanted("untouched", "other/owner/x", make_cadence(cron="5 3 * * *"))
    orchestrator.shape(made.found, wanted)
    after = schedules[name]["properties"]
    assert after["action"] == before["action"]
    assert after["tags"] == {**before["tags"], "pulumi-zenml-owner": "other/owner/x"}
    assert after["isEnabled"]
    orchestrator.delete(name)


@pytest.mark.server
def test_listing_costs_pages_and_has_the_paused_ones(
    bench: AzureMLBench, orchestrator: Orchestrator, snapshot: str
) -> None:
    made = [
        create(
            orchestrator,
            STACK,
            snapshot,
            f"list-{n}",
            make_cadence(cron="0 3 * * *"),
            paused=n == 1,
        )
        for n in range(3)
    ]
    _submit_only(orchestrator, snapshot, "bare")
    calls = bench.azure.calls
    calls.clear()
    found = {it.native_id: it for it in orchestrator.list_all()}
    assert len(found) == 4
    for one in made:
        assert found[one.found.native_id] == one.found
    # Two pages of two, and one look at the component of the schedule that nobody shaped.
    assert sorted(call.partition("/")[0] for call in calls) == [
        "GET components",
        "GET schedules",
        "GET schedules",
    ]
    # A mark that no longer goes with the job is not believed.
    stale = made[0].found.native_id
    other = made[1].found.native_id
    schedules = bench.azure.workspace.schedules
    schedules[stale]["properties"]["action"] = schedules[other]["properties"]["action"]
    seen = orchestrator.read(stale)
    assert seen is not None
    assert seen.snapshot_id == made[1].snapshot
    for name in found:
        orchestrator.delete(name)


@pytest.mark.server
def test_jobs_of_the_schedule_are_its_runs(
    bench: AzureMLBench, orchestrator: Orchestrator, snapshot: str
) -> None:
    made = create(orchestrator, STACK, snapshot, "runs", make_cadence(cron="0 3 * * *"))
    name, workspace = made.found.native_id, bench.azure.workspace
    states = ["Completed", "Failed", "Canceled", "Running", "NotResponding", "Queued", "Unheard"]
    due = datetime(2026, 11, 1, 3, tzinfo=UTC)
    jobs = [workspace.fire(name, state, due + timedelta(days=n)) for n, state in enumerate(states)]
    # Somebody's own job of the same pipeline, which a filter that is ignored would let in.
    stray = workspace.fire(name)
    workspace.jobs[stray]["properties"]["displayName"] = "by hand"
    found = orchestrator.runs(name)
    assert [run.run_id for run in found] == jobs[::-1]
    assert [run.state for run in found] == [
        "unknown",
        "queued",
        "running",
        "running",
        "cancelled",
        "failed",
        "succeeded",
    ]
    assert found[-1].scheduled_for == due
    assert found[-1].by_schedule
    assert found[-1].url.startswith("https://ml.azure.com/runs/")
    assert orchestrator.runs(name, limit=2) == found[:2]
    assert orchestrator.runs(name, since=datetime.now(UTC) + timedelta(hours=1)) == []

    orchestrator.set_paused(name, True)
    with pytest.raises(RefusedError, match="is disabled"):
        orchestrator.trigger(name)
    orchestrator.delete(name)


@pytest.mark.server
def test_a_service_that_takes_its_time_is_waited_for(
    zenml: ZenmlServer,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    env = zenml.client_environment(tmp_path / "worker")
    with (
        AzureMLBench(settle_seconds=0.5) as slow,
        zenml_here(fresh_environment(env, tmp_path / "here")),
        zenml_client(tmp_path, {**env, **slow.environment}) as worker,
    ):
        slow.register("slow")
        snapshot = worker.create_snapshot("slow", pipeline="slow-training").id
        orchestrator = orchestrator_of(AzureMLOrchestrator, "slow", slow.overrides())
        capfd.readouterr()
        made = create(orchestrator, "slow", snapshot, "slow", make_cadence(cron="0 3 * * *"))
        orchestrator.set_paused(made.found.native_id, True)
        orchestrator.set_paused(made.found.native_id, False)
        orchestrator.delete(made.found.native_id)
        assert slow.native_ids() == set()
        # azure-ai-ml prints a dot at each look while ZenML waits.
        assert capfd.readouterr().out == ""


def _submit_only(orchestrator: Orchestrator, snapshot: str, name: str) -> None:
    """Leave a schedule as ZenML made it."""
    from zenml.client import Client
    from zenml.models import ScheduleRequest

    from pulumi_zenml.zenml.submission import schedule_snapshot, submit

    client = Client()
    stack = client.get_stack(STACK)
    source = client.zen_store.get_snapshot(UUID(snapshot), hydrate=True)
    wanted = Wanted(name, "", make_cadence(cron="0 3 * * *"), pipeline=source.pipeline.name)
    record = client.zen_store.create_schedule(
        ScheduleRequest(
            project=client.active_project.id,
            pipeline_id=source.pipeline.id,
            orchestrator_id=orchestrator.target.component.id,
            name=f"{name}-{time.time_ns()}",
            active=True,
            cron_expression="0 0 1 1 *",
        )
    )
    made = schedule_snapshot(
        source, stack=stack, schedule_id=record.id, flavor="azureml", settings={}
    )
    submit(made, stack=stack, submission=orchestrator.submission(wanted), name=name)
