"""The Kubeflow orchestrator: ZenML's own code and the official client against the stand-in."""

from __future__ import annotations

import json
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Unpack

import pytest

from orchestrators.arguments import WantedArguments
from orchestrators.component import component
from orchestrators.kubeflow_bench import TOKEN, KubeflowBench
from orchestrators.zenml_here import create, fresh_environment, orchestrator_of, zenml_here
from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.errors import (
    InputError,
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    ServiceError,
    SubmissionError,
    UnauthenticatedError,
    UnreachableError,
)
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.base import Target
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted
from pulumi_zenml.orchestrators.kubeflow import KubeflowOrchestrator
from pulumi_zenml.orchestrators.kubeflow.recurring_run import NEVER, NEVER_CRON
from pulumi_zenml.testing.bench import Fault
from standins.kfp_standin import KfpStandIn
from testbed.snapshots import zenml_client
from testbed.zenml_server import ZenmlServer

OWNER = "shop/dev/training"
NIGHTLY = make_cadence(cron="0 3 * * *")
HOSTILE = "50% + \"x'; DROP\u202e\n{{workflow.uid}} ñ"


def kfp_sdk(kfp: KfpStandIn) -> Any:
    """KFP's own client."""
    from kfp import Client

    warnings.filterwarnings("ignore", module=r"kfp(_server_api)?\.")
    return Client(host=kfp.url, existing_token=kfp.token or None)


def orchestrator(
    kfp: KfpStandIn, overrides: Mapping[str, Json] | None = None, **configuration: Json
) -> KubeflowOrchestrator:
    """Our side of a component with that configuration, which needs no ZenML store."""
    given: dict[str, Any] = {"kubeflow_hostname": kfp.url, **configuration}
    if kfp.token:
        given.setdefault("client_args", {"existing_token": kfp.token})
    source = "zenml.integrations.kubeflow.flavors.KubeflowOrchestratorFlavor"
    target = Target(
        component("kfp", "kubeflow", source, given), {"timeout_seconds": 1, **(overrides or {})}
    )
    return KubeflowOrchestrator(target)


@dataclass
class Site:
    """A Kubeflow, our side of it, and pipelines as ZenML compiles them."""

    kfp: KfpStandIn
    ours: KubeflowOrchestrator
    package: Callable[[str], str]

    def submit(self, name: str = "training", **arguments: Any) -> str:
        """Make a recurring run as ZenML makes it; returns its snapshot's id."""
        snapshot = str(uuid.uuid4())
        client = kfp_sdk(self.kfp)
        namespace = self.kfp.namespaces[0] if self.kfp.namespaces else None
        experiment = client.create_experiment(name, namespace=namespace)
        given = {"cron_expression": NEVER_CRON, "start_time": NEVER.isoformat(), **arguments}
        client.create_recurring_run(
            experiment_id=experiment.experiment_id,
            job_name=f"{name}-{snapshot.replace('-', '')}",
            pipeline_package_path=self.package(snapshot),
            enable_caching=False,
            **{"no_catchup": True, **given},
        )
        return snapshot

    def make(self, **wanted: Unpack[WantedArguments]) -> Counterpart:
        """Submit, locate and shape."""
        snapshot = self.submit()
        found = self.ours.locate(snapshot, {"name": wanted.get("name", "nightly")})
        assert found is not None
        return self.ours.shape(found, want(**wanted))


def want(**given: Unpack[WantedArguments]) -> Wanted:
    plain = Wanted(name="nightly", owner=OWNER, cadence=NIGHTLY, pipeline="training")
    return replace(plain, **given)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Writes a pipeline that runs a snapshot, as kfp 2.16 compiles ZenML's."""
    folder = tmp_path_factory.mktemp("packages")

    def write(snapshot: str) -> str:
        container = {
            "image": "registry.example.invalid/training:1",
            "command": ["python", "-m", "zenml.entrypoints.entrypoint"],
            "args": ["--entrypoint_config_source", "x", "--snapshot_id", snapshot],
        }
        name = f"training-{snapshot.replace('-', '')}"
        task = {"componentRef": {"name": "comp-work"}, "taskInfo": {"name": "work"}}
        spec = {
            "pipelineInfo": {"name": name, "displayName": name},
            "components": {"comp-work": {"executorLabel": "exec-work"}},
            "deploymentSpec": {"executors": {"exec-work": {"container": container}}},
            "root": {"dag": {"tasks": {"work": task}}},
            "schemaVersion": "2.1.0",
            "sdkVersion": "kfp-2.16.1",
        }
        path = folder / f"{snapshot}.yaml"
        path.write_text(json.dumps(spec))
        return str(path)

    return write


@pytest.fixture
def site(package: Callable[[str], str]) -> Iterator[Site]:
    with KfpStandIn(token=TOKEN) as kfp:
        yield Site(kfp, orchestrator(kfp), package)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


# --- shape -----------------------------------------------------------------------------------


def test_what_zenml_is_shown_fires_never(site: Site) -> None:
    shown = site.ours.submission(want())
    assert shown.cron_expression is not None and shown.start_time is not None
    site.submit(cron_expression=shown.cron_expression, start_time=shown.start_time.isoformat())
    assert site.kfp.tick(datetime(2198, 12, 31, tzinfo=UTC)) == []


@pytest.mark.parametrize(
    "cadence",
    [
        {"cron": "30 4 * * 1-5"},
        {"cron": "0 9 * * SUN", "catchup": True},
        {"cron": "0 9 * * *", "timezone": "Asia/Kolkata"},
        {"interval": timedelta(days=1, hours=1), "start_time": datetime(2030, 1, 1, tzinfo=UTC)},
        {
            "cron": "*/15 * 1 * *",
            "start_time": datetime(2030, 1, 1, 0, 7, tzinfo=UTC),
            "end_time": datetime(2031, 1, 1, tzinfo=UTC),
        },
    ],
)
def test_shape_makes_exactly_what_is_asked(site: Site, cadence: dict[str, Any]) -> None:
    asked = make_cadence(**cadence)
    made = site.make(cadence=asked, settings={"max_concurrency": 3.0, "service_account": "robot"})
    assert made.cadence is not None
    assert site.ours.spell(made.cadence).fields == site.ours.spell(asked).fields
    assert (made.owner, made.paused, made.problem) == (OWNER, False, "")
    assert made.settings == {"max_concurrency": 3, "service_account": "robot"}
    assert made.pipeline == "training"
    assert site.ours.read(made.native_id) == made
    assert list(site.ours.list_all()) == [made]
    assert list(site.kfp.recurring_runs) == [made.native_id]
    assert site.kfp.recurring_runs[made.native_id]["display_name"] == "nightly"


def test_a_paused_one_was_never_enabled(site: Site) -> None:
    snapshot = site.submit()
    found = site.ours.locate(snapshot, {})
    assert found is not None and "never given its cadence" in found.problem
    site.kfp.requests.clear()
    made = site.ours.shape(found, want(paused=True))
    assert made.paused
    assert not [request for request in site.kfp.requests if request.endswith(":enable")]


def test_shape_again_changes_nothing(site: Site) -> None:
    made = site.make()
    site.kfp.requests.clear()
    assert site.ours.shape(made, want()) == made
    assert {request.split()[0] for request in site.kfp.requests} == {"GET"}


def test_shape_pauses_in_place(site: Site) -> None:
    made = site.make()
    paused = site.ours.shape(made, want(paused=True))
    assert (paused.native_id, paused.paused) == (made.native_id, True)


def test_a_running_one_is_replaced_without_firing_twice_or_not_at_all(site: Site) -> None:
    snapshot = site.submit(cron_expression="0 * * * * *", start_time=None)
    found = site.ours.locate(snapshot, {})
    assert found is not None and found.owner is None
    site.kfp.requests.clear()
    made = site.ours.shape(found, want(cadence=make_cadence(cron="* * * * *", catchup=True)))
    changes = [request for request in site.kfp.requests if not request.startswith("GET")]
    assert changes == [
        "POST recurringruns",
        f"DELETE recurringruns/{found.native_id}",
        f"POST recurringruns/{made.native_id}:enable",
    ]


def test_a_deletion_that_fails_takes_the_copy_back(site: Site) -> None:
    snapshot = site.submit()
    found = site.ours.locate(snapshot, {})
    assert found is not None
    first = f"recurringruns/{found.native_id}"
    with (
        site.kfp.fault("denied", when=lambda method, path: (method, path) == ("DELETE", first)),
        pytest.raises(PermissionDeniedError),
    ):
        site.ours.shape(found, want())
    assert list(site.kfp.recurring_runs) == [found.native_id]


@pytest.mark.parametrize("kind", ["timeout", "server-error", "throttled"])
def test_a_create_that_got_no_answer_is_looked_for(site: Site, kind: Fault) -> None:
    snapshot = site.submit()
    found = site.ours.locate(snapshot, {})
    assert found is not None
    lost = site.kfp.fault(
        kind, when=lambda *call: call == ("POST", "recurringruns"), afterwards=True
    )
    with lost:
        made = site.ours.shape(found, want())
    assert list(site.kfp.recurring_runs) == [made.native_id]
    assert not made.paused and not made.problem


def test_a_create_that_was_not_made_is_an_error(site: Site) -> None:
    snapshot = site.submit()
    found = site.ours.locate(snapshot, {})
    assert found is not None
    refused = site.kfp.fault("server-error", when=lambda *call: call == ("POST", "recurringruns"))
    with refused, pytest.raises(ServiceError, match="could not create recurring run 'nightly'"):
        site.ours.shape(found, want())
    assert list(site.kfp.recurring_runs) == [found.native_id]


def test_a_killed_shape_leaves_nothing_behind_that_delete_does_not_take(site: Site) -> None:
    made = site.make()
    copied = site.kfp.recurring_runs[made.native_id]
    name = copied["pipeline_spec"]["pipelineInfo"]["name"]
    first = {**copied, "recurring_run_id": "first", "display_name": name}
    first["trigger"] = {"cron_schedule": {"cron": NEVER_CRON, "start_time": "2199-01-01T00:00:00Z"}}
    site.kfp.recurring_runs["first"] = first
    assert made.snapshot_id is not None
    assert site.ours.locate(made.snapshot_id, {"name": "nightly"}) == made
    site.ours.delete(made.native_id)
    assert site.kfp.recurring_runs == {}


# --- when it fires ---------------------------------------------------------------------------


def test_a_start_that_has_passed_fires_nothing_at_once(site: Site) -> None:
    start = now() - timedelta(days=40)
    for number, cadence in enumerate(
        [
            make_cadence(cron="*/5 * * * *", start_time=start),
            make_cadence(cron="*/5 * * * *", start_time=start, catchup=True),
            make_cadence(interval=timedelta(hours=7), start_time=start),
            make_cadence(interval=timedelta(hours=7), start_time=start, catchup=True),
        ]
    ):
        made = site.make(name=f"late {number}", cadence=cadence)
        assert made.cadence is not None
        assert made.cadence.start_time == start
    created = {run["created_at"] for run in site.kfp.recurring_runs.values()}
    assert site.kfp.tick(datetime.fromisoformat(max(created))) == []


def test_an_interval_keeps_its_anchor(site: Site) -> None:
    start = now() - timedelta(hours=20)
    made = site.make(cadence=make_cadence(interval=timedelta(hours=7), start_time=start))
    due = start + timedelta(hours=21)
    assert site.kfp.tick(due - timedelta(seconds=1)) == []
    (run,) = site.kfp.tick(due)
    assert datetime.fromisoformat(site.kfp.runs[run]["scheduled_at"]) == due
    site.kfp.edit(made.native_id, trigger={"periodic_schedule": {"interval_second": "25200"}})
    edited = site.ours.read(made.native_id)
    assert edited is not None and edited.cadence is None and "from when" in edited.problem


def test_a_fire_right_at_the_start_happens(site: Site) -> None:
    start = now().replace(hour=3, minute=0, second=0) + timedelta(days=2)
    asked = make_cadence(cron="0 3 * * *", start_time=start)
    made = site.make(cadence=asked)
    assert made.cadence is not None and made.cadence.start_time == start
    assert site.kfp.tick(start - timedelta(seconds=1)) == []
    assert len(site.kfp.tick(start)) == 1
    assert site.kfp.tick(start + timedelta(seconds=30)) == []


def test_a_five_field_cron_is_read_as_the_service_reads_it(site: Site) -> None:
    snapshot = site.submit(cron_expression="0 9 * * *", start_time=None)
    found = site.ours.locate(snapshot, {})
    assert found is not None and found.cadence is not None
    assert found.cadence.cron == "9 * * * *"
    other = site.ours.locate(site.submit(cron_expression="*/5 * * * *", start_time=None), {})
    assert other is not None and other.cadence is None and "seconds" in other.problem


def test_what_kfp_refuses_the_stand_in_refuses(site: Site) -> None:
    from kfp_server_api import ApiException

    for bad in (
        {"cron_expression": "0 9 31 12 *"},
        {"cron_expression": "TZ=America/New_York 0 9 * * *"},
        {"cron_expression": "0 0 9 * * 7"},
        {"cron_expression": "0 0 9 L * *"},
        {"max_concurrency": 11},
        {"start_time": "2030-01-01T00:00:00"},
    ):
        with pytest.raises(ApiException) as refused:
            site.submit(**bad)
        assert refused.value.status == 400


# --- pause and resume ------------------------------------------------------------------------


def test_resume_says_what_it_fires(site: Site) -> None:
    warnings: list[str] = []
    site.ours.target = replace(site.ours.target, warn=warnings.append)
    later = now() + timedelta(hours=1)
    made = site.make(cadence=make_cadence(cron=f"{later.minute} {later.hour} * * *"))
    site.ours.set_paused(made.native_id, True)
    assert site.kfp.tick(later) == []
    site.ours.set_paused(made.native_id, False)
    assert warnings == []

    site.ours.set_paused(made.native_id, True)
    long_ago = now() - timedelta(days=5)
    site.kfp.edit(made.native_id, created_at=long_ago.strftime("%Y-%m-%dT%H:%M:%SZ"))
    site.ours.set_paused(made.native_id, False)
    assert "fires 'nightly' once right away" in " ".join(warnings)
    assert len(site.kfp.tick(now())) == 1


def test_pausing_what_is_gone_says_so(site: Site) -> None:
    for paused in (True, False):
        with pytest.raises(NotFoundError, match="no recurring run 'gone'"):
            site.ours.set_paused("gone", paused)


# --- list, read, delete, runs ----------------------------------------------------------------


def test_listing_costs_pages_and_leaves_out_what_is_not_zenml_s(site: Site) -> None:
    made = site.make()
    theirs = json.dumps(site.kfp.recurring_runs[made.native_id])
    for number in range(250):
        copied = json.loads(theirs)
        copied["recurring_run_id"] = f"{number:03}"
        if number % 2:
            copied["pipeline_spec"]["deploymentSpec"] = {"executors": {"a": {"container": {}}}}
        site.kfp.recurring_runs[f"{number:03}"] = copied
    site.kfp.requests.clear()
    assert len(list(site.ours.list_all())) == 126
    assert site.kfp.requests.count("GET recurringruns") == 3
    assert len(site.kfp.requests) == 4


def test_a_404_that_is_not_kfp_s_own_does_not_mean_gone(site: Site) -> None:
    made = site.make()
    elsewhere = orchestrator(site.kfp, {"kubeflow_hostname": f"{site.kfp.url}/elsewhere"})
    with pytest.raises(NotFoundError, match="no Kubeflow Pipelines API"):
        elsewhere.read(made.native_id)
    with pytest.raises(NotFoundError, match="no Kubeflow Pipelines API"):
        elsewhere.delete(made.native_id)
    assert site.ours.read("gone") is None
    site.ours.delete("gone")


@pytest.mark.parametrize(("keeps", "state"), [(True, "RUNNING"), (False, "FAILED")])
def test_deleting_keeps_running_runs_where_the_server_can(
    package: Callable[[str], str], keeps: bool, state: str
) -> None:
    with KfpStandIn(token=TOKEN, keeps_runs=keeps) as kfp:
        site = Site(kfp, orchestrator(kfp), package)
        made = site.make()
        run = kfp.run_once(made.native_id, state="RUNNING")
        site.ours.delete(made.native_id)
        assert site.ours.read(made.native_id) is None
        assert kfp.runs[run]["state"] == state


def test_runs_are_told_in_one_vocabulary(site: Site) -> None:
    made = site.make()
    states = ["PENDING", "RUNNING", "SUCCEEDED", "SKIPPED", "FAILED", "CANCELED", "CANCELING", "X"]
    for state in states:
        site.kfp.run_once(made.native_id, state=state)
    other = site.make(name="other")
    site.kfp.run_once(other.native_id)
    found = site.ours.runs(made.native_id)
    assert {run.native_state: run.state for run in found} == {
        "PENDING": "queued",
        "RUNNING": "running",
        "SUCCEEDED": "succeeded",
        "SKIPPED": "skipped",
        "FAILED": "failed",
        "CANCELED": "cancelled",
        "CANCELING": "running",
        "X": "unknown",
    }
    running = next(run for run in found if run.native_state == "RUNNING")
    assert running.ended is None and running.scheduled_for is not None
    assert running.url == f"{site.kfp.url}/#/runs/details/{running.run_id}"
    assert len(site.ours.runs(made.native_id, limit=3)) == 3
    assert site.ours.runs(made.native_id, since=now() + timedelta(minutes=1)) == []


def test_trigger_runs_the_same_pipeline(site: Site) -> None:
    made = site.make()
    triggered = {site.ours.trigger(made.native_id) for _ in range(2)}
    assert len(triggered) == 2
    for run in triggered:
        assert made.snapshot_id is not None
        assert made.snapshot_id in json.dumps(site.kfp.runs[run]["pipeline_spec"])
    site.kfp.run_once(made.native_id)
    told = {run.run_id: run.by_schedule for run in site.ours.runs(made.native_id)}
    assert {id for id, by_schedule in told.items() if not by_schedule} == triggered


# --- errors ----------------------------------------------------------------------------------


def test_a_passing_failure_is_tried_again(site: Site) -> None:
    made = site.make()
    failures = iter([True, True, False])
    with site.kfp.fault("server-error", when=lambda *call: next(failures)):
        assert site.ours.read(made.native_id) == made


# --- signing in ------------------------------------------------------------------------------


def test_a_wrong_token_is_told(site: Site) -> None:
    ours = orchestrator(site.kfp, {"client_args": {"existing_token": "stale"}})
    with pytest.raises(UnauthenticatedError, match="Renew the token") as failed:
        ours.verify(want())
    assert "stale" not in str(failed.value)


def test_password_and_session(package: Callable[[str], str]) -> None:
    with KfpStandIn(login=("me@example.com", "p+w %x")) as kfp:
        login = {
            "client_username": "me@example.com",
            "client_password": "p+w %x",
        }
        ours = orchestrator(kfp, None, **login)
        ours.verify(want())
        assert list(ours.list_all()) == []
        kfp._sessions.clear()
        for call in (lambda: list(ours.list_all()), lambda: ours.read("any")):
            with pytest.raises(UnauthenticatedError, match="web page"):
                call()
        with pytest.raises(UnauthenticatedError, match="check the password"):
            orchestrator(kfp, {"client_password": "wrong"}, **login).verify(want())


def test_multi_user_needs_a_profile(package: Callable[[str], str]) -> None:
    with KfpStandIn(token=TOKEN, namespaces=("team-a",)) as kfp:
        with pytest.raises(RefusedError, match="--user_namespace=PROFILE"):
            orchestrator(kfp).verify(want())
        with pytest.raises(PermissionDeniedError, match="namespace 'team-b'"):
            orchestrator(kfp, user_namespace="team-b").verify(want())
        site = Site(kfp, orchestrator(kfp, user_namespace="team-a"), package)
        site.ours.verify(want())
        made = site.make()
        assert list(site.ours.list_all()) == [made]
        page = f"{kfp.url}/_/pipeline/?ns=team-a#/recurringrun/details/{made.native_id}"
        assert made.url == page


def test_through_a_kubernetes_context(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = site.make()
    user = {"name": "c", "user": {"token": TOKEN}}
    cluster = {"name": "c", "cluster": {"server": site.kfp.url}}
    context = {"name": "prod", "context": {"cluster": "c", "user": "c"}}
    kubeconfig = {"clusters": [cluster], "users": [user], "contexts": [context]}
    (tmp_path / "config").write_text(json.dumps({**kubeconfig, "current-context": "prod"}))
    monkeypatch.setattr(
        "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config")
    )
    given: dict[str, Any] = {"kubeflow_hostname": None, "client_args": {}}
    ours = orchestrator(site.kfp, kubernetes_context="prod", **given)
    ours.verify(want())
    assert ours.read(made.native_id) == replace(made, url="")
    with pytest.raises(NotFoundError, match="Near it: prod"):
        orchestrator(site.kfp, kubernetes_context="prd", **given).verify(want())


def test_through_a_service_connector(site: Site) -> None:
    from kubernetes.client import ApiClient, Configuration

    made = site.make()
    configuration = Configuration(host=site.kfp.url, api_key={"authorization": f"Bearer {TOKEN}"})
    connected = SimpleNamespace(connect=lambda: ApiClient(configuration))

    class ConnectedTarget(Target):
        def instance(self) -> Any:
            found: Any = super().instance()
            found.get_connector = lambda: connected
            return found

    plain = orchestrator(site.kfp, kubeflow_hostname=None, client_args={}).target
    ours = KubeflowOrchestrator(ConnectedTarget(plain.component, {}))
    ours.verify(want())
    assert ours.read(made.native_id) == replace(made, url="")


# --- what is asked ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "property"),
    [
        ({"cadence": make_cadence(run_once_at=datetime(2030, 1, 1, tzinfo=UTC))}, "run_once_at"),
        ({"settings": {"max_concurrency": 11}}, "orchestrator_settings"),
        ({"settings": {"colour": "red"}}, "orchestrator_settings"),
    ],
)
def test_check_refuses(wanted: dict[str, Any], property: str) -> None:
    (problem,) = KubeflowOrchestrator.check(want(**wanted))
    assert problem.property == property


def test_the_controller_s_zone(site: Site) -> None:
    berlin = want(cadence=make_cadence(cron="0 9 * * *", timezone="Europe/Berlin"))
    assert KubeflowOrchestrator.check(berlin) == []
    with pytest.raises(InputError, match="reads cron in UTC only"):
        site.ours.verify(berlin)
    ours = orchestrator(site.kfp, {"cron_timezone": "Europe/Berlin"})
    ours.verify(berlin)
    assert ours.spell(berlin.cadence).fields["cron_expression"] == "0 0 9 * * *"


@pytest.mark.parametrize("name", [HOSTILE, "x" * 255, "'\"\\", "名前"])
def test_hostile_names(site: Site, name: str) -> None:
    made = site.make(name=name, owner=f"shop/dev/{name[:80]}")
    assert made.owner == f"shop/dev/{name[:80]}"
    assert made.snapshot_id is not None
    assert site.ours.locate(made.snapshot_id, {"name": name}) == made
    assert site.kfp.recurring_runs[made.native_id]["display_name"] == name


def test_an_owner_that_does_not_fit_is_left_out(site: Site) -> None:
    made = site.make(owner=f"shop/dev/{'x' * 300}")
    assert made.owner is None and made.problem == ""


# --- ZenML's own code --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def zenml_stack(
    zenml: ZenmlServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[KubeflowBench, str]]:
    folder = tmp_path_factory.mktemp("kubeflow")
    env = fresh_environment(zenml.client_environment(folder / "config"), folder / "config")
    with KubeflowBench("team-a") as bench, zenml_here(env):
        bench.register("kfp")
        with zenml_client(folder, env) as client:
            snapshot = client.create_snapshot("kfp", pipeline="my/big_training", name="v1")
        yield bench, snapshot.id


@pytest.mark.server
def test_zenml_s_own_code_makes_what_is_asked(zenml_stack: tuple[KubeflowBench, str]) -> None:
    bench, snapshot = zenml_stack
    ours = orchestrator_of(KubeflowOrchestrator, "kfp", bench.overrides())
    for number, cadence in enumerate(bench.cadences()):
        made = create(ours, "kfp", snapshot, f"kubeflow every way {number}", cadence)
        assert made.found.native_id in bench.native_ids()
        assert made.found.problem == ""
        assert made.found.pipeline == "my-big_training"
    assert len(bench.native_ids()) == len(bench.cadences())


@pytest.mark.server
def test_overrides_reach_zenml_s_own_code(zenml_stack: tuple[KubeflowBench, str]) -> None:
    bench, snapshot = zenml_stack
    with KfpStandIn(token="other") as kfp:
        overrides: dict[str, Json] = {
            "kubeflow_hostname": kfp.url,
            "client_args": {"existing_token": "other"},
        }
        ours = orchestrator_of(KubeflowOrchestrator, "kfp", overrides)
        made = create(ours, "kfp", snapshot, "kubeflow elsewhere", make_cadence(cron="0 3 * * *"))
        assert list(kfp.recurring_runs) == [made.found.native_id]
    assert made.found.native_id not in bench.native_ids()


@pytest.mark.server
def test_zenml_swallows_a_server_that_is_down_and_we_do_not(
    zenml_stack: tuple[KubeflowBench, str],
) -> None:
    bench, snapshot = zenml_stack
    ours = orchestrator_of(KubeflowOrchestrator, "kfp", bench.overrides())
    with bench.fault("refused"), pytest.raises((UnreachableError, SubmissionError)):
        create(ours, "kfp", snapshot, "kubeflow down", make_cadence(cron="0 3 * * *"))
