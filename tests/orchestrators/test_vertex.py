"""The Vertex AI orchestrator: ZenML's own code and Google's client against the stand-in."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Unpack

import pytest

from orchestrators.arguments import WantedArguments
from orchestrators.component import component
from orchestrators.vertex_bench import VertexBench
from orchestrators.zenml_here import create, fresh_environment, orchestrator_of, zenml_here
from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.errors import (
    NotDeletedError,
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    UnauthenticatedError,
)
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.base import Target
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted
from pulumi_zenml.orchestrators.vertex import VertexOrchestrator
from pulumi_zenml.orchestrators.vertex import api as _vertex_api
from pulumi_zenml.orchestrators.vertex.schedule import SELDOM, owner_labels
from pulumi_zenml.testing.bench import Fault
from pulumi_zenml.zenml.quiet import quiet
from standins.aip160 import FilterError, parse_filter
from standins.vertex_standin import VertexStandIn
from testbed.snapshots import zenml_client
from testbed.zenml_server import ZenmlServer

OWNER = "shop/dev/Training_1"
NIGHTLY = make_cadence(cron="0 3 * * *", timezone="Europe/Berlin")
HOSTILE = '50% + "x\'; DROP\u202e\n{{job}} ñ AND state="ACTIVE"'
SOURCE = "zenml.integrations.gcp.flavors.VertexOrchestratorFlavor"


def orchestrator(
    vertex: VertexStandIn, overrides: Mapping[str, Json] | None = None, **configuration: Json
) -> VertexOrchestrator:
    """Our side of a component with that configuration, which needs no ZenML store."""
    given = {
        "location": vertex.location,
        "pipeline_root": "gs://ml-prod-pipelines/root",
        "service_account_path": str(vertex.service_account_path),
        **configuration,
    }
    over: dict[str, Json] = {
        "api_endpoint": vertex.rest_endpoint,
        "api_transport": "rest",
        "timeout_seconds": 1,
        **(overrides or {}),
    }
    return VertexOrchestrator(Target(component("vertex", "vertex", SOURCE, given), over))


def spec(snapshot: str) -> dict[str, Any]:
    """A pipeline that runs a snapshot, as kfp 2.16 compiles ZenML's."""
    container = {
        "image": "registry.example.invalid/training:1",
        "command": ["python", "-m", "zenml.entrypoints.entrypoint"],
        "args": ["--entrypoint_config_source", "x", "--snapshot_id", snapshot],
    }
    return {
        "pipelineInfo": {"name": "training"},
        "deploymentSpec": {"executors": {"exec-work": {"container": container}}},
        "root": {"dag": {"tasks": {"work": {"componentRef": {"name": "comp-work"}}}}},
        "schemaVersion": "2.1.0",
    }


@dataclass
class Site:
    """A Vertex AI, our side of it, and schedules as ZenML makes them."""

    vertex: VertexStandIn
    ours: VertexOrchestrator

    def submit(self, name: str = "nightly", **changes: Any) -> str:
        """Make a schedule as ZenML makes it; returns its snapshot's id."""
        snapshot = str(uuid.uuid4())
        parent = f"projects/{self.vertex.project}/locations/{self.vertex.location}"
        job = {
            "pipeline_spec": spec(snapshot),
            "runtime_config": {"gcs_output_directory": "gs://ml-prod-pipelines/root"},
            "labels": {"team": "ml"},
        }
        schedule = {
            "display_name": name,
            "cron": SELDOM,
            "max_concurrent_run_count": 1,
            "create_pipeline_job_request": {"parent": parent, "pipeline_job": job},
            **changes,
        }
        request = {"parent": parent, "schedule": schedule}
        self.ours._api.call("create_schedule", "create", request, once=True)
        return snapshot

    def make(self, **wanted: Unpack[WantedArguments]) -> Counterpart:
        """Submit, locate and shape."""
        name = wanted.get("name", "nightly")
        found = self.ours.locate(self.submit(name), {"name": name})
        assert found is not None
        return self.ours.shape(found, want(**wanted))


def want(**given: Unpack[WantedArguments]) -> Wanted:
    plain = Wanted(name="nightly", owner=OWNER, cadence=NIGHTLY, pipeline="training")
    return replace(plain, **given)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with VertexStandIn(tmp_path) as vertex:
        yield Site(vertex, orchestrator(vertex))


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


# --- shape -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cadence",
    [
        {"cron": "30 4 * * 1-5", "timezone": "Europe/Berlin"},
        {"cron": "0 9 * * SUN"},
        {"interval": timedelta(hours=6), "start_time": datetime(2030, 1, 1, 3, tzinfo=UTC)},
        {"interval": timedelta(hours=6), "start_time": datetime(2020, 1, 1, 3, tzinfo=UTC)},
        {"cron": "0 9 * * *", "start_time": datetime(2020, 1, 1, tzinfo=UTC)},
        {
            "cron": "*/15 * 1 * *",
            "start_time": datetime(2030, 1, 1, 0, 7, tzinfo=UTC),
            "end_time": datetime(2031, 1, 1, tzinfo=UTC),
        },
    ],
)
def test_shape_makes_exactly_what_is_asked_in_one_write(
    site: Site, cadence: dict[str, Any]
) -> None:
    asked = make_cadence(**cadence)
    found = site.ours.locate(site.submit(), {"name": "nightly"})
    assert found is not None and "never given its cadence" in found.problem
    site.vertex.requests.clear()
    made = site.ours.shape(found, want(cadence=asked))
    assert site.vertex.requests == ["GetSchedule", "UpdateSchedule", "GetSchedule"]
    assert made.cadence is not None
    assert site.ours.spell(made.cadence).fields == site.ours.spell(asked).fields
    assert (made.owner, made.paused, made.problem, made.ended) == (OWNER, False, "", False)
    assert made.pipeline == "training"
    assert made.native_id == found.native_id
    assert site.ours.read(made.native_id) == made
    assert list(site.ours.list_all()) == [made]


def test_settings_are_set_and_go_back(site: Site) -> None:
    settings: dict[str, Json] = {
        "max_concurrent_run_count": 3.0,
        "allow_queueing": True,
        "labels": {"cost": "a1"},
    }
    made = site.make(settings=settings)
    assert made.settings == settings
    assert made.owner == OWNER
    back = site.ours.shape(made, want())
    assert back.settings == {
        "max_concurrent_run_count": 1,
        "allow_queueing": False,
        "labels": {"cost": "a1"},
    }


def test_a_paused_one_is_paused_before_it_has_its_cadence(site: Site) -> None:
    found = site.ours.locate(site.submit(), {})
    assert found is not None
    site.vertex.requests.clear()
    made = site.ours.shape(found, want(paused=True))
    assert made.paused
    changes = [name for name in site.vertex.requests if name not in ("GetSchedule",)]
    assert changes == ["PauseSchedule", "UpdateSchedule"]


def test_shape_again_changes_nothing(site: Site) -> None:
    made = site.make()
    site.vertex.requests.clear()
    assert site.ours.shape(made, want()) == made
    assert set(site.vertex.requests) == {"GetSchedule"}


def test_another_owner_takes_over_in_place(site: Site) -> None:
    made = site.make()
    taken = site.ours.shape(made, want(owner="shop/prod/other"))
    assert (taken.native_id, taken.owner) == (made.native_id, "shop/prod/other")
    assert taken.settings["labels"] == {"team": "ml"}


def test_an_end_cannot_be_taken_away(site: Site) -> None:
    ends = make_cadence(cron="0 3 * * *", end_time=now() + timedelta(days=9))
    made = site.make(cadence=ends)
    with pytest.raises(RefusedError, match="cannot remove it"):
        site.ours.shape(made, want())
    moved = make_cadence(cron="0 3 * * *", end_time=now() + timedelta(days=19))
    assert site.ours.shape(made, want(cadence=moved)).cadence == moved


def test_a_start_to_come_is_brought_forward(site: Site) -> None:
    later = make_cadence(cron="0 3 * * *", start_time=now() + timedelta(days=9))
    made = site.make(cadence=later)
    shaped = site.ours.shape(made, want(cadence=make_cadence(cron="0 3 * * *")))
    start = site.vertex.schedules[shaped.native_id].start_time
    assert start <= datetime.now(UTC)


@pytest.mark.parametrize("kind", ["server-error", "timeout"])
def test_a_lost_answer_to_a_pause_is_no_failure(site: Site, kind: Fault) -> None:
    made = site.make()
    lost = iter([True])
    with site.vertex.fault(kind, when=lambda method, name: next(lost, False), afterwards=True) as _:
        site.ours._switch(made.native_id, True)
    found = site.ours.read(made.native_id)
    assert found is not None and found.paused


# --- pause and resume ------------------------------------------------------------------------


def test_resume_says_that_nothing_is_made_up_for(site: Site) -> None:
    made = site.make()
    site.ours.set_paused(made.native_id, True)
    site.ours.set_paused(made.native_id, True)
    found = site.ours.read(made.native_id)
    assert found is not None and found.paused
    site.ours.set_paused(made.native_id, False)
    site.ours.set_paused(made.native_id, False)
    assert site.ours.read(made.native_id) == made
    assert site.vertex.catch_ups == [False]


def test_a_completed_one_is_told(site: Site) -> None:
    made = site.make()
    schedule = site.vertex.schedules[made.native_id]
    schedule.max_run_count = 1
    site.vertex.run_once(made.native_id)
    found = site.ours.read(made.native_id)
    assert found is not None and found.ended and not found.paused
    for paused in (True, False):
        with pytest.raises(RefusedError, match="completed"):
            site.ours.set_paused(made.native_id, paused)
        with pytest.raises(NotFoundError, match="no schedule"):
            site.ours.set_paused(f"{made.native_id}0", paused)


# --- list, read, delete, runs ----------------------------------------------------------------


def test_reading_costs_one_call(site: Site) -> None:
    made = site.make()
    site.vertex.requests.clear()
    site.ours.read(made.native_id)
    assert site.vertex.requests == ["GetSchedule"]


def test_listing_costs_pages_and_leaves_out_what_is_not_zenml_s(site: Site) -> None:
    made = site.make()
    theirs = site.vertex.schedules[made.native_id]
    for number in range(250):
        copied = type(theirs)(theirs)
        copied.name = f"{site.vertex.parent}/schedules/{number}"
        if number % 2:
            copied.create_pipeline_job_request.pipeline_job.pipeline_spec = {"root": {}}
        site.vertex.schedules[copied.name] = copied
    site.vertex.requests.clear()
    assert len(list(site.ours.list_all())) == 126
    assert site.vertex.requests == ["ListSchedules"] * 3


def test_a_snapshot_is_found_whatever_the_schedule_is_called(site: Site) -> None:
    snapshot = site.submit("renamed by hand")
    found = site.ours.locate(snapshot, {"name": "nightly"})
    assert found is not None and found.snapshot_id == snapshot
    assert site.ours.locate(str(uuid.uuid4()), {"name": "nightly"}) is None


def test_a_step_with_custom_job_parameters_names_its_snapshot_too(site: Site) -> None:
    made = site.make()
    schedule = site.vertex.schedules[made.native_id]
    snapshot = str(uuid.uuid4())
    args = ["--snapshot_id", snapshot, "--step_name", "work"]
    pools = [{"machine_spec": {}, "container_spec": {"args": args}}]
    for wrapped in (pools, json.dumps(pools), json.dumps(json.dumps(pools))):
        job = {"root": {"dag": {"tasks": {"work": {"inputs": wrapped}}}}}
        schedule.create_pipeline_job_request.pipeline_job.pipeline_spec = job
        found = site.ours.read(made.native_id)
        assert found is not None and found.snapshot_id == snapshot


def test_deleting_waits_until_it_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with VertexStandIn(tmp_path, lingers=2) as vertex:
        site = Site(vertex, orchestrator(vertex))
        made = site.make()
        run = vertex.run_once(made.native_id, state="RUNNING")
        site.ours.delete(made.native_id)
        assert site.ours.read(made.native_id) is None
        site.ours.delete(made.native_id)
        assert [found.state for found in site.ours.runs(made.native_id)] == ["running"]
        assert site.ours.runs(made.native_id)[0].run_id == run

        vertex.lingers = 10_000
        made = site.make()
        monkeypatch.setattr(_vertex_api, "_DELETE_SECONDS", 0.3)
        with pytest.raises(NotDeletedError):
            site.ours.delete(made.native_id)


def test_runs_are_told_in_one_vocabulary(site: Site) -> None:
    made = site.make()
    states = {
        "QUEUED": "queued",
        "PENDING": "queued",
        "RUNNING": "running",
        "PAUSED": "running",
        "CANCELLING": "running",
        "SUCCEEDED": "succeeded",
        "FAILED": "failed",
        "CANCELLED": "cancelled",
        "UNSPECIFIED": "unknown",
    }
    for state in states:
        site.vertex.run_once(made.native_id, state=state)
    site.vertex.run_once(site.make(name="other").native_id)
    found = site.ours.runs(made.native_id)
    assert {run.native_state: run.state for run in found} == states
    assert next(run for run in found if run.native_state == "RUNNING").ended is None
    assert next(run for run in found if run.native_state == "FAILED").ended is not None
    assert len(site.ours.runs(made.native_id, limit=4)) == 4
    assert site.ours.runs(made.native_id, since=now() + timedelta(minutes=1)) == []


def test_trigger_runs_the_same_pipeline(site: Site) -> None:
    made = site.make()
    run = site.ours.trigger(made.native_id)
    job = site.vertex.jobs[f"{site.vertex.parent}/pipelineJobs/{run}"]
    assert made.snapshot_id and made.snapshot_id in str(type(job).pb(job))
    labels = {"team": "ml", **owner_labels(OWNER)}
    assert dict(job.labels) == {**labels, "pulumi_run_of": made.native_id.rpartition("/")[2]}
    site.vertex.run_once(made.native_id)
    assert [found.by_schedule for found in site.ours.runs(made.native_id)] == [True, False]


# --- errors ----------------------------------------------------------------------------------


def test_a_passing_failure_is_tried_again(site: Site) -> None:
    made = site.make()
    failures = iter([True, True, False])
    with site.vertex.fault("server-error", when=lambda *call: next(failures)):
        assert site.ours.read(made.native_id) == made


def test_credentials_that_are_not_right_are_told(site: Site, tmp_path: Path) -> None:
    missing = orchestrator(site.vertex, service_account_path=str(tmp_path / "none.json"))
    with pytest.raises(UnauthenticatedError, match=r"none\.json"):
        missing.verify(want())
    other = tmp_path / "other"
    other.mkdir()
    forged = VertexStandIn(other).service_account_path
    with pytest.raises(UnauthenticatedError, match="service connector"):
        orchestrator(site.vertex, service_account_path=str(forged)).verify(want())


def test_a_wrong_place_is_told(site: Site) -> None:
    with pytest.raises(PermissionDeniedError, match=r"aiplatform\.user"):
        orchestrator(site.vertex, {"project": "elsewhere"}).verify(want())
    with pytest.raises(RefusedError, match="Location europe-west4"):
        orchestrator(site.vertex, {"location": "europe-west4"}).verify(want())
    nowhere = orchestrator(site.vertex, {"api_endpoint": ""}, location="europe-west11")
    with pytest.raises(NotFoundError, match="Near it: europe-west1"):
        nowhere.verify(want())


def test_private_service_connect_is_refused_with_the_reason(site: Site) -> None:
    psc = "projects/1/regions/europe-west1/networkAttachments/a"
    with pytest.raises(RefusedError, match="v1beta1"):
        orchestrator(site.vertex, private_service_connect=psc).verify(want())


# --- what is asked ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "property"),
    [
        ({"cadence": make_cadence(run_once_at=datetime(2030, 1, 1, tzinfo=UTC))}, "run_once_at"),
        ({"cadence": make_cadence(cron="0 3 * * *", catchup=True)}, "catchup"),
        ({"name": "x" * 129}, "name"),
        ({"settings": {"max_concurrent_run_count": 0}}, "orchestrator_settings"),
        ({"settings": {"labels": {"Team": "ml"}}}, "orchestrator_settings"),
        ({"settings": {"labels": {"team": "M L"}}}, "orchestrator_settings"),
        ({"settings": {"colour": "red"}}, "orchestrator_settings"),
    ],
)
def test_check_refuses(wanted: dict[str, Any], property: str) -> None:
    (problem,) = VertexOrchestrator.check(want(**wanted))
    assert problem.property == property


@pytest.mark.parametrize("name", [HOSTILE, "x" * 128, "'\"\\", "名前", "a*"])
def test_hostile_names(site: Site, name: str) -> None:
    made = site.make(name=name, owner=f"shop/dev/{name}")
    assert made.owner == f"shop/dev/{name}"
    assert made.snapshot_id is not None
    site.vertex.requests.clear()
    assert site.ours.locate(made.snapshot_id, {"name": name}) == made
    assert site.vertex.requests == ["ListSchedules"]


def test_an_owner_that_does_not_fit_is_left_out(site: Site) -> None:
    made = site.make(owner=f"shop/dev/{'x' * 600}")
    assert made.owner is None and made.problem == ""


@pytest.mark.parametrize("pipeline", ["9 lives/of a cat", "名前", "a" * 200, "training"])
def test_pipeline_names_that_a_job_id_can_begin_with(site: Site, pipeline: str) -> None:
    from google.cloud.aiplatform.constants.pipeline import _VALID_NAME_PATTERN

    name = site.ours.submission(Wanted("n", OWNER, NIGHTLY, pipeline=pipeline)).pipeline_name
    job = f"{name or pipeline}-{'0' * 32}".lower().replace(" ", "-").replace("_", "-")
    assert _VALID_NAME_PATTERN.match(job)
    assert name is None or pipeline != "training"


# --- the stand-in ----------------------------------------------------------------------------


def test_what_vertex_refuses_the_stand_in_refuses(site: Site) -> None:
    job = {"pipeline_spec": {"a": 1}, "runtime_config": {"gcs_output_directory": "/tmp"}}
    place = f"projects/{site.vertex.project}/locations/{site.vertex.location}"
    for bad in (
        {"display_name": "x" * 129},
        {"display_name": ""},
        {"cron": "0 0 9 * * *"},
        {"cron": "TZ=Mars/Olympus 0 9 * * *"},
        {"cron": "@daily"},
        {"max_concurrent_run_count": 0},
        {"start_time": now(), "end_time": now() - timedelta(days=1)},
        {"create_pipeline_job_request": {"parent": place, "pipeline_job": job}},
    ):
        with pytest.raises(RefusedError):
            site.submit(**bad)


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ('display_name="a b"', True),
        ('display_name="a*"', False),
        ('display_name:"a*"', True),
        ('NOT display_name="a b"', False),
        ("-state=PAUSED", True),
        ('state="PAUSED" OR display_name="a b" AND state=ACTIVE', True),
        ('state="PAUSED" OR (display_name="a b" AND state=PAUSED)', False),
        ("create_pipeline_job_request:*", True),
        ("end_time:*", False),
        ('create_time>"2026-01-01T00:00:00Z"', True),
        ('create_time<="2026-01-01T00:00:00Z"', False),
    ],
)
def test_filters(text: str, passes: bool) -> None:
    from standins.vertex_rules import SCHEDULE_FILTERS

    found: dict[str, str | datetime | None] = {
        "display_name": "a b",
        "state": "ACTIVE",
        "create_pipeline_job_request": "set",
        "create_time": datetime(2026, 5, 1, tzinfo=UTC),
        "end_time": None,
    }
    assert parse_filter(text, SCHEDULE_FILTERS)(found) is passes


@pytest.mark.parametrize(
    "text", ['labels.a="b"', "state>ACTIVE", "state=", "(state=ACTIVE", 'display_name="', "a b c"]
)
def test_filters_that_make_no_sense(text: str) -> None:
    from standins.vertex_rules import SCHEDULE_FILTERS

    with pytest.raises(FilterError):
        parse_filter(text, SCHEDULE_FILTERS)


def test_over_grpc_with_tls(site: Site) -> None:
    made = site.make()
    site.vertex.run_once(made.native_id)
    given = {
        "location": site.vertex.location,
        "pipeline_root": "gs://ml-prod-pipelines/root",
        "service_account_path": str(site.vertex.service_account_path),
    }
    here = Path(__file__).resolve().parent
    program = [sys.executable, str(here / "vertex_over_grpc.py")]
    ran = subprocess.run(
        [*program, SOURCE, json.dumps(given), site.vertex.grpc_endpoint],
        env={
            **os.environ,
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(site.vertex.certificate),
            "PYTHONPATH": str(here.parent),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == {
        "id": made.native_id,
        "paused": True,
        "shaped": "TZ=UTC 0 3 * * *",
        "runs": ["succeeded"],
        "gone": True,
        "told": "PermissionDeniedError",
    }


def test_what_an_sdk_logs_to_stdout_stays_off_it(capsys: pytest.CaptureFixture[str]) -> None:
    # As google.cloud.aiplatform.base.Logger does when it is imported.
    handler = logging.StreamHandler(sys.stdout)
    logger = logging.getLogger("google.cloud.aiplatform.chatter")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    with quiet():
        logger.info("View Schedule")
    assert capsys.readouterr().out == ""
    logger.info("again")
    assert capsys.readouterr().out == "again\n"
    logger.removeHandler(handler)


# --- ZenML's own code --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def zenml_stack(
    zenml: ZenmlServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[VertexBench, str]]:
    folder = tmp_path_factory.mktemp("vertex")
    env = fresh_environment(zenml.client_environment(folder / "config"), folder / "config")
    with VertexBench() as bench, zenml_here(env):
        bench.register_with(
            "vertex",
            labels={"team": "ml"},
            network="projects/123/global/networks/vpc",
        )
        with zenml_client(folder, env) as client:
            snapshot = client.create_snapshot("vertex", pipeline="9 big/training_jobs", name="v1")
        yield bench, snapshot.id


@pytest.mark.server
def test_zenml_s_own_code_makes_what_is_asked(zenml_stack: tuple[VertexBench, str]) -> None:
    bench, snapshot = zenml_stack
    ours = orchestrator_of(VertexOrchestrator, "vertex", bench.overrides())
    for number, cadence in enumerate(bench.cadences()):
        made = create(ours, "vertex", snapshot, f"vertex every way {number}", cadence)
        assert made.found.native_id in bench.native_ids()
        assert made.found.problem == ""
        assert made.found.owner == f"tests/dev/vertex every way {number}"
        assert made.found.pipeline == "p-9 big-training_jobs"
        held = bench.vertex.schedules[made.found.native_id]
        job = held.create_pipeline_job_request.pipeline_job
        assert job.service_account == "runs@ml-prod.iam.gserviceaccount.com"
        assert job.network == "projects/123/global/networks/vpc"
        assert dict(job.labels) == {"team": "ml", **owner_labels(made.found.owner)}
    assert len(bench.native_ids()) == len(bench.cadences())


@pytest.mark.server
def test_two_components_do_not_share_an_endpoint(
    zenml_stack: tuple[VertexBench, str], tmp_path: Path
) -> None:
    from google.cloud.aiplatform import initializer

    bench, snapshot = zenml_stack
    with VertexStandIn(tmp_path) as other:
        overrides = {
            **bench.overrides(),
            "api_endpoint": other.rest_endpoint,
            "service_account_path": str(other.service_account_path),
            "workload_service_account": "other@ml-prod.iam.gserviceaccount.com",
        }
        ours = orchestrator_of(VertexOrchestrator, "vertex", overrides)
        made = create(ours, "vertex", snapshot, "vertex elsewhere", make_cadence(cron="0 3 * * *"))
        job = other.schedules[made.found.native_id].create_pipeline_job_request.pipeline_job
        assert job.service_account == "other@ml-prod.iam.gserviceaccount.com"
    assert initializer.global_config.api_endpoint is None
    assert made.snapshot not in {
        found.snapshot_id
        for found in orchestrator_of(VertexOrchestrator, "vertex", bench.overrides()).list_all()
    }
