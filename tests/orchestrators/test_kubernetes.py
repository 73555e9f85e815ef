"""The Kubernetes orchestrator on a real API server, with ZenML's own code in front of it."""

from __future__ import annotations

import copy
import json
import re
import secrets
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Unpack

import pytest

from orchestrators import kubernetes_create
from orchestrators.arguments import WantedArguments
from orchestrators.kubernetes_bench import CONTEXT, STRANGER, KubernetesGate, merge
from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.errors import (
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.base import Target
from pulumi_zenml.orchestrators.capabilities import Gap
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted
from pulumi_zenml.orchestrators.kubernetes import KubernetesOrchestrator
from pulumi_zenml.testing.bench import Fault
from testbed.kubernetes import TOKEN, Kubernetes
from testbed.process import wait_until
from testbed.snapshots import ZenmlClient, ZenmlError
from testbed.zenml_store import Snapshot

pytestmark = pytest.mark.kubernetes

NIGHTLY = make_cadence(cron="0 3 * * 1-5", timezone="Europe/Berlin")
OWNER = "shop/dev/training <b>\u202e'; --"
FAILED_RUN_EXIT_CODE = 45


# --- a pair's creation, through ZenML ------------------------------------------------------------


@pytest.fixture
def stack(server_client: ZenmlClient, cluster: Kubernetes, namespace: str) -> str:
    """A ZenML stack on the test's namespace, of the same name."""
    server_client.register_kubernetes_stack(namespace, context=cluster.context, namespace=namespace)
    return namespace


@pytest.fixture(scope="module")
def snapshot(server_client: ZenmlClient, cluster: Kubernetes) -> Snapshot:
    """A snapshot, made for a stack of its own."""
    name = f"build-{secrets.token_hex(4)}"
    server_client.register_kubernetes_stack(name, context=cluster.context, namespace="default")
    return server_client.create_snapshot(name, pipeline=f"training-{name}")


def test_a_snapshot_becomes_a_cron_job_in_one_patch(
    server_client: ZenmlClient, cluster: Kubernetes, stack: str, snapshot: Snapshot
) -> None:
    made = server_client.call(
        kubernetes_create.create, stack, snapshot.id, "nightly", cron="0 3 * * 1-5"
    )

    (cron_job,) = cluster.cron_jobs(stack)
    metadata, spec = cron_job["metadata"], cron_job["spec"]
    assert made.native_id == f"{stack}/{metadata['name']}"
    assert made.metadata["cron_job_name"] == metadata["name"]
    # As ZenML left it, it could not fire.
    assert dict(made.submitted.native.fields) == {"schedule": "0 0 31 2 *", "timeZone": None}
    assert "never fires" in made.submitted.problem
    assert metadata["generation"] == 2
    assert spec["schedule"] == "0 3 * * 1-5"
    assert spec["timeZone"] == "Europe/Berlin"
    assert spec["suspend"] is False
    assert spec["startingDeadlineSeconds"] == 60
    notes = metadata["annotations"]
    assert notes["pulumi-zenml.dev/owner"] == "tests/dev/nightly"
    assert notes["pulumi-zenml.dev/schedule"] == "nightly"
    assert notes["zenml.io/orchestrator"] == made.component
    container = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["--snapshot_id", made.snapshot]


def test_two_stacks_at_once_get_their_own_environment(
    server_client: ZenmlClient, cluster: Kubernetes, snapshot: Snapshot
) -> None:
    stacks = []
    for _ in range(2):
        name = cluster.create_namespace(f"test-{secrets.token_hex(4)}")
        server_client.register_kubernetes_stack(name, context=cluster.context, namespace=name)
        stacks.append(name)

    names = [(stack, f"{stack}-{number}") for number in range(3) for stack in stacks]
    made = server_client.call(kubernetes_create.create_at_once, names, snapshot.id)

    expected = {it.native_id.partition("/")[0]: it.stack for it in made}
    assert len(set(expected.values())) == 2
    for stack in stacks:
        cron_jobs = cluster.cron_jobs(stack)
        assert len(cron_jobs) == 3
        assert {_environment(it)["ZENML_ACTIVE_STACK_ID"] for it in cron_jobs} == {expected[stack]}


def test_a_long_pipeline_name_fits(
    server_client: ZenmlClient, cluster: Kubernetes, stack: str
) -> None:
    pipeline = f"train_and_evaluate_the_recommender_of_the_german_shop_{stack}"
    snapshot = server_client.create_snapshot(stack, pipeline=pipeline)

    made = server_client.call(kubernetes_create.create, stack, snapshot.id, f"long-{stack}")

    (cron_job,) = cluster.cron_jobs(stack)
    assert len(cron_job["metadata"]["name"]) == 52
    assert "train-and-evaluate-the-recommender-of-the" in made.native_id
    found = _orchestrator(cluster, stack, component=made.component).read(made.native_id)
    assert found is not None
    assert found.pipeline == pipeline


def test_a_prefix_that_leaves_no_room_is_refused(cluster: Kubernetes, namespace: str) -> None:
    prefix = "x" * 43
    orchestrator = _orchestrator(cluster, namespace, job_name_prefix=prefix)
    with pytest.raises(RefusedError, match=f"'{prefix}', the job_name_prefix"):
        orchestrator.verify(_wanted())
    shorter = _orchestrator(cluster, namespace, job_name_prefix="x" * 10)
    shorter.verify(_wanted())
    assert shorter.submission(_wanted(pipeline="p" * 40)).pipeline_name == "p" * 32


def test_created_paused_with_settings(
    server_client: ZenmlClient, cluster: Kubernetes, stack: str, snapshot: Snapshot
) -> None:
    settings: dict[str, Json] = {
        "concurrency_policy": "Forbid",
        "starting_deadline_seconds": 600.0,
        "successful_jobs_history_limit": 7,
        "failed_jobs_history_limit": 0,
        "deletion_propagation": "Foreground",
    }
    server_client.call(
        kubernetes_create.create, stack, snapshot.id, "paused", paused=True, settings=settings
    )

    (cron_job,) = cluster.cron_jobs(stack)
    spec = cron_job["spec"]
    assert spec["suspend"] is True
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] == 600
    assert spec["successfulJobsHistoryLimit"] == 7
    assert spec["failedJobsHistoryLimit"] == 0
    (found,) = _orchestrator(cluster, stack, component=_component_of(cron_job)).list_all()
    assert found.settings == settings


def test_through_a_service_connector(
    server_client: ZenmlClient, cluster: Kubernetes, namespace: str, snapshot: Snapshot
) -> None:
    # The context is in no kubeconfig: it would not do without the connector.
    server_client.register_kubernetes_stack(namespace, context="absent", namespace=namespace)
    certificate = (cluster.folder / "certs" / "apiserver.crt").read_text()
    server_client.call(
        kubernetes_create.connect,
        namespace,
        server=cluster.url,
        token=TOKEN,
        certificate=certificate,
    )

    made = server_client.call(
        kubernetes_create.create, namespace, snapshot.id, f"connected-{namespace}"
    )

    (cron_job,) = cluster.cron_jobs(namespace)
    assert made.native_id == f"{namespace}/{cron_job['metadata']['name']}"


def test_zenmls_own_call_has_a_deadline(
    server_client: ZenmlClient, gate: KubernetesGate, namespace: str, snapshot: Snapshot
) -> None:
    server_client.register_kubernetes_stack(namespace, context="absent", namespace=namespace)
    server_client.call(kubernetes_create.connect, namespace, server=gate.url, token=TOKEN)
    overrides = {"timeout_seconds": 2}
    submitted = gate.fault(
        "timeout", when=lambda method, path: method == "POST" and path.endswith("/cronjobs")
    )
    with submitted, pytest.raises(ZenmlError, match=r"SubmissionError.*timed out"):
        server_client.call(
            kubernetes_create.create,
            namespace,
            snapshot.id,
            f"hangs-{namespace}",
            overrides=overrides,
        )


def test_the_token_secret_goes_with_the_schedule(
    server_client: ZenmlClient, cluster: Kubernetes, namespace: str, snapshot: Snapshot
) -> None:
    server_client.register_kubernetes_stack(
        namespace, context=cluster.context, namespace=namespace, pass_zenml_token_as_secret=True
    )
    made = [
        server_client.call(kubernetes_create.create, namespace, snapshot.id, f"{name}-{namespace}")
        for name in "ab"
    ]
    orchestrator = _orchestrator(
        cluster, namespace, component=made[0].component, pass_zenml_token_as_secret=True
    )
    tokens = [f"zenml-token-{it.snapshot}" for it in made]
    assert set(tokens) <= _secrets(cluster, namespace)

    orchestrator.delete(made[0].native_id)
    assert tokens[0] not in _secrets(cluster, namespace)

    # A run in progress starts more pods that need it; Kubernetes takes it away after the run.
    run = orchestrator.trigger(made[1].native_id)
    orchestrator.delete(made[1].native_id)
    assert tokens[1] in _secrets(cluster, namespace)
    cluster.api("DELETE", f"{_jobs_path(namespace)}/{run}?propagationPolicy=Background")
    wait_until(
        lambda: tokens[1] not in _secrets(cluster, namespace), "the token is gone", seconds=60
    )


def test_a_server_that_vanishes_is_an_error_of_ours(
    server_client: ZenmlClient, cluster: Kubernetes, stack: str, snapshot: Snapshot
) -> None:
    server_client.register_kubernetes_stack(f"{stack}-gone", context="typo", namespace=stack)
    with pytest.raises(ZenmlError, match=r"NotFoundError.*no context 'typo'"):
        server_client.call(kubernetes_create.create, f"{stack}-gone", snapshot.id, f"gone-{stack}")


# --- firing --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_fires_pauses_and_resumes_without_the_missed_run(
    server_client: ZenmlClient, cluster: Kubernetes, stack: str, snapshot: Snapshot
) -> None:
    made = server_client.call(
        kubernetes_create.create,
        stack,
        snapshot.id,
        f"minutely-{stack}",
        cron="* * * * *",
        timezone="UTC",
    )
    orchestrator = _orchestrator(cluster, stack, component=made.component)
    native_id = made.native_id

    wait_until(lambda: bool(cluster.jobs(stack)), "a Job is there", seconds=100)
    (run,) = orchestrator.runs(native_id)
    (job,) = cluster.jobs(stack)
    assert run.run_id == job["metadata"]["name"]
    assert run.by_schedule is True
    assert run.scheduled_for is not None
    assert run.scheduled_for == run.scheduled_for.replace(second=0, microsecond=0)
    assert timedelta(0) <= datetime.now(UTC) - run.scheduled_for < timedelta(minutes=2)

    orchestrator.set_paused(native_id, True)
    # One more that is paused and resumed by hand shows what Kubernetes does by itself.
    byhand = _copied(cluster, native_id, stack, suspend=True)
    _until_second(4)
    assert len(cluster.jobs(stack)) == 1
    orchestrator.set_paused(native_id, False)
    _patch(cluster, byhand, {"spec": {"suspend": False}})
    wait_until(lambda: _runs_of(cluster, byhand) == 1, "the missed run was made up for", seconds=20)
    time.sleep(5)
    assert _runs_of(cluster, native_id) == 1
    resumed = orchestrator.read(native_id)
    assert resumed is not None
    assert (resumed.paused, resumed.native.fields["schedule"]) == (False, "* * * * *")

    wait_until(lambda: _runs_of(cluster, native_id) == 2, "it fires again", seconds=100)


# --- reading, on CronJobs as ZenML makes them ----------------------------------------------------


@pytest.fixture(scope="module")
def model(server_client: ZenmlClient, cluster: Kubernetes, snapshot: Snapshot) -> Mapping[str, Any]:
    """A CronJob that ZenML made and nobody shaped, as JSON."""
    name = cluster.create_namespace(f"model-{secrets.token_hex(4)}")
    server_client.register_kubernetes_stack(name, context=cluster.context, namespace=name)
    server_client.call(kubernetes_create.create, name, snapshot.id, name, shape=False)
    (cron_job,) = cluster.cron_jobs(name)
    return cron_job


@dataclass
class CronJobWorld:
    """A namespace with CronJobs like ZenML's in it, and our side of it."""

    cluster: Kubernetes
    namespace: str
    model: Mapping[str, Any]
    orchestrator: KubernetesOrchestrator

    def add(self, **spec: Json) -> str:
        """Make one more, that runs a snapshot of its own. Returns its native id."""
        body = copy.deepcopy(dict(self.model))
        name = f"{secrets.token_hex(4)}-training"
        kept = {key: body["metadata"][key] for key in ("labels", "annotations")}
        body["metadata"] = {**kept, "name": name}
        del body["status"]
        body["spec"].update(spec)
        _container(body)["args"] = ["--snapshot_id", str(uuid.uuid4())]
        self.cluster.api("POST", _cron_jobs_path(self.namespace), body)
        return f"{self.namespace}/{name}"

    def shaped(self, **wanted: Unpack[WantedArguments]) -> str:
        """Make one more and shape it. Returns its native id."""
        native_id = self.add()
        self.orchestrator.shape(self.read(native_id), _wanted(**wanted))
        return native_id

    def read(self, native_id: str) -> Counterpart:
        found = self.orchestrator.read(native_id)
        assert found is not None
        return found

    def raw(self, native_id: str) -> Any:
        namespace, name = native_id.split("/")
        return self.cluster.api("GET", f"{_cron_jobs_path(namespace)}/{name}")


@pytest.fixture
def world(cluster: Kubernetes, namespace: str, model: Mapping[str, Any]) -> CronJobWorld:
    orchestrator = _orchestrator(cluster, namespace, component=_component_of(model))
    return CronJobWorld(cluster, namespace, model, orchestrator)


def test_read_back_is_what_was_asked(world: CronJobWorld) -> None:
    native_id = world.add()
    found = world.read(native_id)
    wanted = _wanted(paused=True, pipeline="training", owner=OWNER)
    shaped = world.orchestrator.shape(found, wanted)
    assert shaped == world.read(native_id)
    assert shaped == world.orchestrator.locate(found.snapshot_id or "", {})
    assert [shaped] == list(world.orchestrator.list_all())
    assert world.orchestrator.spell(NIGHTLY).fields == shaped.native.fields
    assert shaped.cadence == NIGHTLY
    assert (shaped.paused, shaped.owner, shaped.pipeline) == (True, OWNER, "training")
    assert shaped.snapshot_id == found.snapshot_id
    assert shaped.settings["deletion_propagation"] == "KeepRunning"
    assert shaped.problem == ""


def test_shaping_again_changes_nothing(world: CronJobWorld) -> None:
    native_id = world.shaped()
    before = world.raw(native_id)["metadata"]["resourceVersion"]
    world.orchestrator.shape(world.read(native_id), _wanted())
    assert world.raw(native_id)["metadata"]["resourceVersion"] == before


def test_hand_edits_are_read(world: CronJobWorld) -> None:
    native_id = world.shaped()
    _patch(world.cluster, native_id, {"spec": {"schedule": "30 4 * * sun", "suspend": True}})
    found = world.read(native_id)
    assert found.cadence == make_cadence(cron="30 4 * * 0", timezone="Europe/Berlin")
    assert found.paused
    _patch(world.cluster, native_id, {"spec": {"timeZone": "Asia/Tokyo", "schedule": "@daily"}})
    assert world.read(native_id).cadence == make_cadence(cron="0 0 * * *", timezone="Asia/Tokyo")
    _patch(world.cluster, native_id, {"spec": {"schedule": "@every 90s"}})
    found = world.read(native_id)
    assert found.cadence is None
    assert "@every 90s" in found.problem
    assert found.native.text == "@every 90s Asia/Tokyo"
    _patch(world.cluster, native_id, {"metadata": {"annotations": {_note("owner"): None}}})
    assert world.read(native_id).owner is None
    template = copy.deepcopy(world.raw(native_id)["spec"]["jobTemplate"])
    template["spec"]["template"]["spec"]["containers"][0]["args"] = ["--help"]
    _patch(world.cluster, native_id, {"spec": {"jobTemplate": template}})
    found = world.read(native_id)
    assert found.snapshot_id is None
    assert "--snapshot_id" in found.problem
    assert native_id in {it.native_id for it in world.orchestrator.list_all()}


def test_settings_that_are_no_longer_asked_for_go_back(world: CronJobWorld) -> None:
    native_id = world.add(concurrencyPolicy="Forbid", successfulJobsHistoryLimit=9)
    asked: dict[str, Json] = {
        "concurrency_policy": "Replace",
        "starting_deadline_seconds": 300,
        "failed_jobs_history_limit": 5,
    }
    world.orchestrator.shape(world.read(native_id), _wanted(settings=asked))
    again = {**asked, "concurrency_policy": "Allow"}
    world.orchestrator.shape(world.read(native_id), _wanted(settings=again))
    assert world.read(native_id).settings == {
        **again,
        "successful_jobs_history_limit": 9,
        "deletion_propagation": "KeepRunning",
    }
    world.orchestrator.shape(world.read(native_id), _wanted())
    assert world.read(native_id).settings == {
        "concurrency_policy": "Forbid",
        "starting_deadline_seconds": 60,
        "successful_jobs_history_limit": 9,
        "failed_jobs_history_limit": 1,
        "deletion_propagation": "KeepRunning",
    }


def test_an_owner_can_be_given_up(world: CronJobWorld) -> None:
    native_id = world.shaped()
    world.orchestrator.shape(world.read(native_id), _wanted(owner=""))
    assert world.read(native_id).owner is None


def test_lists_every_page_and_no_strangers(
    world: CronJobWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = {world.add() for _ in range(7)}
    other = world.model["metadata"]["annotations"] | {"zenml.io/orchestrator": str(uuid.uuid4())}
    strange = world.add()
    _patch(world.cluster, strange, {"metadata": {"annotations": other}})
    foreign = world.add()
    _patch(world.cluster, foreign, {"metadata": {"annotations": {"zenml.io/orchestrator": None}}})
    template = copy.deepcopy(world.raw(foreign)["spec"]["jobTemplate"])
    template["spec"]["template"]["spec"]["containers"][0]["args"] = ["backup"]
    _patch(world.cluster, foreign, {"spec": {"jobTemplate": template}})
    monkeypatch.setattr(KubernetesOrchestrator, "page_size", 3)

    found = list(world.orchestrator.list_all())

    assert len(found) == 7
    assert {it.native_id for it in found} == mine
    assert len({it.snapshot_id for it in found}) == 7


def test_a_list_that_expires_half_way_goes_on(
    world: CronJobWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = {world.add() for _ in range(5)}
    monkeypatch.setattr(KubernetesOrchestrator, "page_size", 2)
    listing = world.orchestrator.list_all()
    found = [next(listing), next(listing)]
    world.add()
    _compact_etcd(world.cluster)
    found += listing
    assert {it.native_id for it in found} >= mine
    assert len({it.native_id for it in found}) == len(found)


def test_a_console_url(cluster: Kubernetes, namespace: str, world: CronJobWorld) -> None:
    native_id = world.shaped()
    name = native_id.partition("/")[2]
    template = "https://console.example.com/{namespace}/cronjobs/{name}?x={y}"
    orchestrator = _orchestrator(
        cluster,
        namespace,
        component=_component_of(world.model),
        overrides={"console_url": template},
    )
    found = orchestrator.read(native_id)
    assert found is not None
    assert found.url == f"https://console.example.com/{namespace}/cronjobs/{name}?x={{y}}"
    assert world.read(native_id).url == ""


def test_resuming_what_nobody_shaped_sets_a_deadline(world: CronJobWorld) -> None:
    native_id = world.add(schedule="*/5 * * * *", suspend=True)
    world.orchestrator.set_paused(native_id, False)
    spec = world.raw(native_id)["spec"]
    assert (spec["suspend"], spec["startingDeadlineSeconds"]) == (False, 60)
    assert spec["schedule"] == "*/5  * * * *"
    world.orchestrator.set_paused(native_id, True)
    world.orchestrator.set_paused(native_id, False)
    assert world.raw(native_id)["spec"]["schedule"] == "*/5 * * * *"


def test_shape_resumes_like_resume(world: CronJobWorld) -> None:
    native_id = world.shaped(paused=True)
    world.orchestrator.shape(world.read(native_id), _wanted(paused=False))
    assert world.raw(native_id)["spec"]["schedule"] == "0  3 * * 1-5"
    assert world.read(native_id).native.fields["schedule"] == "0 3 * * 1-5"


def test_a_change_by_somebody_else_meanwhile_is_kept(world: CronJobWorld) -> None:
    native_id = world.shaped()
    api = world.orchestrator._api
    path = f"{_cron_jobs_path(world.namespace)}/{native_id.partition('/')[2]}"
    seen = []

    def change(found: Mapping[str, Any]) -> Mapping[str, Any]:
        seen.append(found["spec"]["failedJobsHistoryLimit"])
        if len(seen) == 1:
            _patch(world.cluster, native_id, {"spec": {"failedJobsHistoryLimit": 8}})
        return {"spec": {"suspend": True}}

    api.patch(path, "pause it", change)
    assert seen == [1, 8]
    spec = world.raw(native_id)["spec"]
    assert (spec["suspend"], spec["failedJobsHistoryLimit"]) == (True, 8)


# --- runs ----------------------------------------------------------------------------------------


def test_run_history(world: CronJobWorld) -> None:
    native_id, other = world.shaped(paused=True), world.shaped(paused=True)
    started = [world.orchestrator.trigger(native_id) for _ in range(3)]
    world.orchestrator.trigger(other)
    succeeded, failed, running = started
    _finish(world, succeeded, phase="Succeeded")
    _finish(world, failed, phase="Failed")
    _pods(world, running)

    runs = {run.run_id: run for run in world.orchestrator.runs(native_id)}

    assert set(runs) == set(started)
    assert runs[succeeded].state == "succeeded"
    assert runs[succeeded].native_state == "Complete"
    assert runs[failed].state == "failed"
    assert runs[failed].native_state == "Failed: PodFailurePolicy"
    assert runs[running].state == "queued"
    for run in runs.values():
        assert run.by_schedule is False
        assert run.scheduled_for is None
        assert run.started is not None
        assert (run.ended is not None) == (run.run_id != running)
    pod = _pods(world, running)[0]["metadata"]["name"]
    ready = {"type": "Ready", "status": "True"}
    _pod_status(world, pod, {"phase": "Running", "conditions": [ready]})
    wait_until(
        lambda: _state(world, native_id, running) == "running", "the run is running", seconds=30
    )
    assert len(world.orchestrator.runs(native_id, limit=2)) == 2
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert world.orchestrator.runs(native_id, since=soon) == []


def test_a_run_has_zenmls_id_once_zenml_wrote_it(world: CronJobWorld) -> None:
    native_id = world.shaped(paused=True)
    job = world.orchestrator.trigger(native_id)
    notes = {"zenml.io/orchestrator-run-id": f"{job}-abcde"}
    merge(
        world.cluster, f"{_jobs_path(world.namespace)}/{job}", {"metadata": {"annotations": notes}}
    )
    (run,) = world.orchestrator.runs(native_id)
    assert run.run_id == f"{job}-abcde"


def test_an_old_controllers_job_tells_its_time_by_its_name(world: CronJobWorld) -> None:
    native_id = world.shaped(paused=True)
    name = native_id.partition("/")[2]
    job = world.orchestrator.trigger(native_id)
    path = _jobs_path(world.namespace)
    made = world.cluster.api("GET", f"{path}/{job}")
    body = {
        "metadata": {
            "name": f"{name}-29394720",
            "labels": made["metadata"]["labels"],
            "ownerReferences": made["metadata"]["ownerReferences"],
        },
        "spec": world.raw(native_id)["spec"]["jobTemplate"]["spec"],
    }
    world.cluster.api("POST", path, body)
    runs = {run.run_id: run for run in world.orchestrator.runs(native_id)}
    run = runs[f"{name}-29394720"]
    assert run.scheduled_for == datetime.fromtimestamp(29394720 * 60, UTC)
    assert run.by_schedule is True


# --- deletion ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("propagation", "left"),
    [
        (None, {"running"}),
        ("KeepRunning", {"running"}),
        ("Orphan", {"running", "finished"}),
        ("Background", set()),
        ("Foreground", set()),
    ],
)
def test_deletion_leaves_what_it_says(
    world: CronJobWorld, propagation: str | None, left: set[str]
) -> None:
    settings = {"deletion_propagation": propagation} if propagation else {}
    native_id = world.shaped(paused=True, settings=settings)
    names = {what: world.orchestrator.trigger(native_id) for what in ("running", "finished")}
    _finish(world, names["finished"], phase="Succeeded")
    _pods(world, names["running"])

    world.orchestrator.delete(native_id)

    assert world.orchestrator.read(native_id) is None
    kept = {names[what] for what in left}
    wait_until(lambda: _job_names(world) == kept, "the Jobs are as they should", seconds=60)
    # Kubernetes' garbage collector looks at what lost its owner for a while yet.
    time.sleep(2)
    assert _job_names(world) == kept
    jobs = {it["metadata"]["name"]: it for it in world.cluster.jobs(world.namespace)}
    if left == {"running"}:
        running = jobs[names["running"]]
        assert "ownerReferences" not in running["metadata"]
        assert running["spec"]["ttlSecondsAfterFinished"] == 24 * 3600
        assert _pods(world, names["running"])


def test_deleting_twice_is_success(world: CronJobWorld) -> None:
    native_id = world.shaped()
    world.orchestrator.delete(native_id)
    world.orchestrator.delete(native_id)
    world.orchestrator.delete("no-such-namespace/no-such-name")
    assert world.orchestrator.read(native_id) is None


def test_what_is_gone_cannot_be_changed(world: CronJobWorld) -> None:
    native_id = world.shaped()
    found = world.read(native_id)
    world.orchestrator.delete(native_id)
    for use in (
        lambda: world.orchestrator.shape(found, _wanted()),
        lambda: world.orchestrator.set_paused(native_id, True),
        lambda: world.orchestrator.runs(native_id),
        lambda: world.orchestrator.trigger(native_id),
    ):
        with pytest.raises(NotFoundError, match=native_id):
            use()
    assert world.orchestrator.read(native_id) is None
    assert world.orchestrator.locate(found.snapshot_id or "", {}) is None


# --- what can be known before --------------------------------------------------------------------


def test_check_refuses_what_a_cron_job_lacks() -> None:
    start = datetime(2027, 1, 1, 6, 30, tzinfo=UTC)
    hourly = make_cadence(interval=timedelta(hours=2), start_time=start)
    (problem,) = KubernetesOrchestrator.check(_wanted(cadence=hourly))
    assert problem.property == "interval"
    assert '`cron="30 */2 * * *"` in UTC' in problem.reason
    odd = make_cadence(interval=timedelta(minutes=7), start_time=start)
    (problem,) = KubernetesOrchestrator.check(_wanted(cadence=odd))
    assert "upstream" in problem.reason
    assert "in UTC" not in problem.reason
    for given, property in (
        ({"run_once_at": start}, "run_once_at"),
        ({"cron": "0 3 * * *", "start_time": start}, "start_time"),
        ({"cron": "0 3 * * *", "end_time": start}, "end_time"),
        ({"cron": "0 3 * * *", "catchup": True}, "catchup"),
    ):
        (problem,) = KubernetesOrchestrator.check(_wanted(cadence=make_cadence(**given)))
        assert problem.property == property
        ability = getattr(KubernetesOrchestrator.capabilities, property.replace("once_at", "once"))
        assert isinstance(ability, Gap)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"starting_deadline_seconds": 5}, "less than 10 seconds"),
        ({"failed_jobs_history_limit": -1}, "cannot be negative"),
        ({"concurrency_policy": "forbid"}, "Allow, Forbid, Replace"),
        ({"suspend": True}, "no setting 'suspend'"),
        ({"failed_jobs_history_limit": 1.5}, "takes int"),
    ],
)
def test_check_refuses_settings(settings: dict[str, Json], said: str) -> None:
    (problem,) = KubernetesOrchestrator.check(_wanted(settings=settings))
    assert problem.property == "orchestrator_settings"
    assert said in problem.reason


def test_check_takes_what_is_right() -> None:
    settings = {"starting_deadline_seconds": 10, "successful_jobs_history_limit": 0}
    assert KubernetesOrchestrator.check(_wanted(settings=settings)) == []


def test_verify_makes_nothing(cluster: Kubernetes, namespace: str) -> None:
    _orchestrator(cluster, namespace).verify(_wanted())
    assert cluster.cron_jobs(namespace) == []


def test_verify_names_a_missing_namespace(cluster: Kubernetes, namespace: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        _orchestrator(cluster, f"{namespace}s").verify(_wanted())
    assert f"'{namespace}s'" in str(caught.value)
    assert f"kubectl create namespace {namespace}s" in str(caught.value)
    assert namespace in caught.value.near


def test_verify_tells_a_server_without_time_zones(gate: KubernetesGate) -> None:
    gate.knows_time_zones = False
    with pytest.raises(RefusedError, match=r"no time zones.*'Europe/Berlin'.*1\.25"):
        _gated(gate).verify(_wanted())


def test_verify_names_every_missing_permission(
    cluster: Kubernetes, namespace: str, gate: KubernetesGate
) -> None:
    """A user who may make CronJobs but not look after them."""
    role = {
        "metadata": {"name": "creator"},
        "rules": [{"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": ["create", "get"]}],
    }
    binding = {
        "metadata": {"name": "creator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "creator"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": STRANGER}],
    }
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    cluster.api("POST", f"{rbac}/roles", role)
    cluster.api("POST", f"{rbac}/rolebindings", binding)
    denied = "list cronjobs, patch cronjobs, delete cronjobs, list jobs, patch jobs"
    with gate.fault("denied"):
        # The API server takes a moment to see a new role.
        wait_until(
            lambda: f"may not {denied} in namespace '{namespace}'" in _denied(gate),
            "the permissions that are missing are named",
            seconds=20,
        )


def test_a_server_side_policy_does_not_refuse_the_trial(gate: KubernetesGate) -> None:
    gate.policy = 'admission webhook "validate.kyverno.svc" denied the request: no such registry'
    _gated(gate).verify(_wanted())
    assert [path for method, path in gate.calls if method == "POST" and "/cronjobs" in path]


# --- faults --------------------------------------------------------------------------------------


@pytest.fixture
def gate(
    cluster: Kubernetes, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KubernetesGate]:
    gate = KubernetesGate(cluster, tmp_path, namespace)
    monkeypatch.setenv("KUBECONFIG", f"{cluster.kubeconfig}:{gate.kubeconfig}")
    yield gate
    gate.close()


CALLS: dict[str, Callable[[KubernetesOrchestrator, Counterpart], object]] = {
    "verify": lambda it, found: it.verify(_wanted()),
    "locate": lambda it, found: it.locate(str(uuid.uuid4()), {}),
    "shape": lambda it, found: it.shape(found, _wanted(paused=True)),
    "read": lambda it, found: it.read(found.native_id),
    "list_all": lambda it, found: list(it.list_all()),
    "set_paused": lambda it, found: it.set_paused(found.native_id, True),
    "runs": lambda it, found: it.runs(found.native_id),
    "trigger": lambda it, found: it.trigger(found.native_id),
    "delete": lambda it, found: it.delete(found.native_id),
}
FAULTS: dict[Fault, tuple[type[ServiceError], str]] = {
    "unauthenticated": (UnauthenticatedError, "kubeconfig context 'gated'.*expired"),
    "denied": (PermissionDeniedError, "nobody@example.com.*ClusterRole 'edit'"),
    "throttled": (ThrottledError, "--parallel"),
    "server-error": (ServiceError, "leader changed.*returned 500"),
    "timeout": (UnreachableError, "timed out"),
    "refused": (UnreachableError, "Connection refused"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_call_tells_every_fault(
    world: CronJobWorld, gate: KubernetesGate, fault: Fault
) -> None:
    native_id = world.shaped()
    found, before = world.read(native_id), world.raw(native_id)
    orchestrator = _gated(gate, timeout_seconds=1 if fault == "timeout" else 30)
    kind, said = FAULTS[fault]
    # All at once, as the engine's threads would.
    with gate.fault(fault), ThreadPoolExecutor(len(CALLS)) as pool:
        calling = {name: pool.submit(call, orchestrator, found) for name, call in CALLS.items()}
    for name, call in calling.items():
        error = call.exception()
        assert type(error) is kind, (name, error)
        assert re.search(said, str(error), re.DOTALL), (name, error)
        assert TOKEN not in str(error)
    assert world.raw(native_id) == before
    # The same object works again as soon as the fault is over.
    assert orchestrator.read(native_id) == found


def test_a_namespace_that_is_gone(world: CronJobWorld, gate: KubernetesGate) -> None:
    native_id = world.shaped()
    found = world.read(native_id)
    orchestrator = _gated(gate)
    with gate.fault("not-found"):
        assert orchestrator.read(native_id) is None
        assert orchestrator.locate(found.snapshot_id or "", {}) is None
        assert list(orchestrator.list_all()) == []
        orchestrator.delete(native_id)
        for name in ("shape", "set_paused", "runs", "trigger"):
            with pytest.raises(NotFoundError):
                CALLS[name](orchestrator, found)
    assert world.read(native_id) == found


@pytest.mark.parametrize("fault", ["throttled", "server-error"])
def test_a_fault_that_passes_is_waited_out(
    world: CronJobWorld, gate: KubernetesGate, fault: Fault
) -> None:
    native_id = world.shaped()
    with gate.fault(fault, times=2):
        _gated(gate).set_paused(native_id, True)
    assert world.read(native_id).paused


def test_a_run_is_not_started_twice(world: CronJobWorld, gate: KubernetesGate) -> None:
    native_id = world.shaped()
    orchestrator = _gated(gate)
    assert orchestrator.read(native_id)
    gate.calls.clear()
    made = gate.fault("server-error", when=lambda method, path: method == "POST")
    with made, pytest.raises(ServiceError):
        orchestrator.trigger(native_id)
    assert [method for method, _ in gate.calls] == ["GET", "POST"]


def test_an_expired_token_is_asked_for_anew(world: CronJobWorld, gate: KubernetesGate) -> None:
    native_id = world.shaped()
    orchestrator = _gated(gate)
    with gate.fault("unauthenticated", times=1):
        assert orchestrator.read(native_id) == world.read(native_id)


def test_no_way_to_sign_in(
    cluster: Kubernetes, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orchestrator = _orchestrator(cluster, namespace, kubernetes_context="testbet")
    with pytest.raises(NotFoundError, match=r"no context 'testbet'.*Near it: testbed"):
        orchestrator.verify(_wanted())
    with pytest.raises(UnauthenticatedError, match="not inside a pod"):
        _orchestrator(cluster, namespace, kubernetes_context=None, incluster=True).verify(_wanted())
    # As ZenML does, the context is taken when this is not inside a pod.
    _orchestrator(cluster, namespace, incluster=True).verify(_wanted())
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    with pytest.raises(UnauthenticatedError, match="KUBECONFIG"):
        _orchestrator(cluster, namespace, kubernetes_context="testbed").verify(_wanted())


def test_a_server_with_another_certificate(
    cluster: Kubernetes, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads(cluster.kubeconfig.read_text())
    del config["clusters"][0]["cluster"]["certificate-authority"]
    kubeconfig = tmp_path / "untrusting"
    kubeconfig.write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    orchestrator = _orchestrator(cluster, namespace)
    with pytest.raises(UnreachableError, match=r"no TLS connection.*certificate"):
        orchestrator.verify(_wanted())


# --- helpers -------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def kubeconfig(cluster: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))


def _target(
    namespace: str,
    configuration: Mapping[str, Json],
    overrides: Mapping[str, Json],
    component: str = "",
) -> Target:
    """A component as far as this orchestrator looks at it; ZenML's own are used above."""
    model: Any = SimpleNamespace(
        id=component or uuid.uuid4(),
        name="k8s-prod",
        connector=None,
        configuration={"kubernetes_namespace": namespace, **configuration},
    )
    return Target(model, overrides)


def _orchestrator(
    cluster: Kubernetes,
    namespace: str,
    *,
    component: str = "",
    overrides: Mapping[str, Json] | None = None,
    **configuration: Json,
) -> KubernetesOrchestrator:
    configuration = {"kubernetes_context": cluster.context, **configuration}
    return KubernetesOrchestrator(_target(namespace, configuration, overrides or {}, component))


def _gated(gate: KubernetesGate, **overrides: Json) -> KubernetesOrchestrator:
    return KubernetesOrchestrator(
        _target(gate.namespace, {"kubernetes_context": CONTEXT}, overrides)
    )


def _wanted(**parts: Unpack[WantedArguments]) -> Wanted:
    return replace(Wanted(name="nightly", owner=OWNER, cadence=NIGHTLY), **parts)


def _patch(cluster: Kubernetes, native_id: str, body: Mapping[str, Any]) -> None:
    """Edit a CronJob by hand."""
    namespace, name = native_id.split("/")
    merge(cluster, f"{_cron_jobs_path(namespace)}/{name}", body)


def _note(key: str) -> str:
    return f"pulumi-zenml.dev/{key}"


def _container(cron_job: Any) -> Any:
    return cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]


def _environment(cron_job: Any) -> dict[str, str]:
    return {it["name"]: it.get("value", "") for it in _container(cron_job)["env"]}


def _component_of(cron_job: Mapping[str, Any]) -> str:
    return str(cron_job["metadata"]["annotations"]["zenml.io/orchestrator"])


def _cron_jobs_path(namespace: str) -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/cronjobs"


def _jobs_path(namespace: str) -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def _secrets(cluster: Kubernetes, namespace: str) -> set[str]:
    found = cluster.api("GET", f"/api/v1/namespaces/{namespace}/secrets")
    return {it["metadata"]["name"] for it in found["items"]}


def _job_names(world: CronJobWorld) -> set[str]:
    return {it["metadata"]["name"] for it in world.cluster.jobs(world.namespace)}


def _runs_of(cluster: Kubernetes, native_id: str) -> int:
    """How many Jobs a CronJob has, as its controller's names tell."""
    namespace, name = native_id.split("/")
    return sum(it["metadata"]["name"].startswith(f"{name}-") for it in cluster.jobs(namespace))


def _copied(cluster: Kubernetes, native_id: str, namespace: str, **spec: Json) -> str:
    """Make the same CronJob again under another name."""
    name = native_id.partition("/")[2]
    found = cluster.api("GET", f"{_cron_jobs_path(namespace)}/{name}")
    body = {"metadata": {"name": f"byhand-{name[:8]}"}, "spec": {**found["spec"], **spec}}
    cluster.api("POST", _cron_jobs_path(namespace), body)
    return f"{namespace}/byhand-{name[:8]}"


def _until_second(second: int) -> None:
    """Wait until that second of the next minute that begins."""
    now = time.time()
    time.sleep(60 - now % 60 + second)


def _pods(world: CronJobWorld, job: str) -> list[Any]:
    """The pods that a Job made; waits for one."""
    path = f"/api/v1/namespaces/{world.namespace}/pods?labelSelector=job-name%3D{job}"
    wait_until(lambda: bool(world.cluster.api("GET", path)["items"]), f"{job}'s pod", seconds=30)
    return list(world.cluster.api("GET", path)["items"])


def _pod_status(world: CronJobWorld, pod: str, status: Mapping[str, Any]) -> None:
    """Say of a pod what a node would say."""
    path = f"/api/v1/namespaces/{world.namespace}/pods/{pod}/status"
    merge(world.cluster, path, {"status": status})


def _finish(world: CronJobWorld, job: str, *, phase: str) -> None:
    """End a Job as its pod's node would."""
    code = 0 if phase == "Succeeded" else FAILED_RUN_EXIT_CODE
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ended = {"exitCode": code, "startedAt": now, "finishedAt": now}
    container = {
        "name": "main",
        "image": "x",
        "imageID": "x",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": ended},
    }
    pod = _pods(world, job)[0]["metadata"]["name"]
    _pod_status(world, pod, {"phase": phase, "containerStatuses": [container]})

    def is_over() -> bool:
        found = world.cluster.api("GET", f"{_jobs_path(world.namespace)}/{job}")
        conditions = found["status"].get("conditions") or []
        return {it["type"] for it in conditions} & {"Complete", "Failed"} != set()

    wait_until(is_over, f"Job {job} is over", seconds=60)


def _state(world: CronJobWorld, native_id: str, job: str) -> str:
    runs = {run.run_id: run for run in world.orchestrator.runs(native_id)}
    return runs[job].state


def _denied(gate: KubernetesGate) -> str:
    with pytest.raises(PermissionDeniedError) as caught:
        _gated(gate).verify(_wanted())
    return str(caught.value)


def _compact_etcd(cluster: Kubernetes) -> None:
    """Have etcd forget all versions but the newest, as an API server does every five minutes."""
    log = (cluster.folder / "etcd.log").read_text()
    found = re.search(r"advertise client URLs = (http://[\d.:]+)", log)
    assert found, log[:2000]
    etcd = found.group(1)

    def ask(path: str, body: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(f"{etcd}{path}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    revision = ask("/v3/kv/range", {"key": "YQ=="})["header"]["revision"]
    ask("/v3/kv/compaction", {"revision": revision, "physical": True})
