"""What the probes of single orchestrators tell when one thing is wrong."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrators.kubernetes_bench import CONTEXT, STRANGER, KubernetesGate, merge
from pulumi_zenml.errors import PermissionDeniedError, ServiceError
from pulumi_zenml.operations.doctor import Check, probe_orchestrator
from pulumi_zenml.orchestrators.airflow.folder import LocalFolder
from pulumi_zenml.orchestrators.airflow.probes import api_probes, folder_probes, no_api
from pulumi_zenml.orchestrators.base import Target
from pulumi_zenml.orchestrators.hyperai.cron_host import CronHost
from pulumi_zenml.orchestrators.hyperai.probes import HostProbes
from pulumi_zenml.orchestrators.hyperai.ssh import connect
from pulumi_zenml.orchestrators.hyperai.ssh_keys import Login
from pulumi_zenml.orchestrators.kubernetes import KubernetesOrchestrator
from pulumi_zenml.orchestrators.probe import Probe, ProbeResult
from testbed.kubernetes import Kubernetes
from testbed.process import wait_until
from testbed.sshd import SshHost, ssh_host

QUOTA = "count/cronjobs.batch"


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {it.name: it for it in checks}


# --- Kubernetes ----------------------------------------------------------------------------------


def kubernetes(namespace: str, context: str, **configuration: Any) -> KubernetesOrchestrator:
    given = {"kubernetes_namespace": namespace, "kubernetes_context": context, **configuration}
    component: Any = SimpleNamespace(id="x", name="k8s", connector=None, configuration=given)
    return KubernetesOrchestrator(Target(component))


@pytest.mark.kubernetes
def test_each_kubernetes_permission_by_itself(
    cluster: Kubernetes, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who may make CronJobs but not look after them."""
    rules = [{"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": ["create", "list"]}]
    role = {"metadata": {"name": "creator"}, "rules": rules}
    group = "rbac.authorization.k8s.io"
    binding = {
        "metadata": {"name": "creator"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "creator"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": STRANGER}],
    }
    where = f"/apis/{group}/v1/namespaces/{namespace}"
    cluster.api("POST", f"{where}/roles", role)
    cluster.api("POST", f"{where}/rolebindings", binding)
    gate = KubernetesGate(cluster, tmp_path, namespace)
    monkeypatch.setenv("KUBECONFIG", f"{cluster.kubeconfig}:{gate.kubeconfig}")
    orchestrator = kubernetes(namespace, CONTEXT, pass_zenml_token_as_secret=True)
    found: dict[str, Check] = {}

    def may_create() -> bool:
        nonlocal found
        found = by_name(probe_orchestrator(orchestrator))
        return found["may create cronjobs"].result == "ok"

    try:
        with gate.fault("denied"):
            wait_until(may_create, "the API server sees the new role", seconds=60)
    finally:
        gate.close()
    results = {name: it.result for name, it in found.items() if name.startswith("may ")}
    allowed = {name for name, result in results.items() if result == "ok"}
    assert allowed == {"may create cronjobs", "may list cronjobs"}
    assert {"may delete secrets", "may create rolebindings", "may patch jobs"} <= results.keys()
    assert set(results.values()) == {"ok", "failed"}
    assert "RoleBinding" in found["may delete cronjobs"].remedy
    # What no schedule needs says nothing where it may not be read.
    assert found["quota"].result == found[f"namespace '{namespace}'"].result == "unknown"
    assert found["list: CronJob"].result == "ok"


@pytest.fixture
def kubeconfig(cluster: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client of this process finds the cluster."""
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))


@pytest.mark.kubernetes
@pytest.mark.usefixtures("kubeconfig")
def test_a_kubernetes_quota(cluster: Kubernetes, namespace: str) -> None:
    orchestrator = kubernetes(namespace, cluster.context)
    assert "no ResourceQuota" in by_name(probe_orchestrator(orchestrator))["quota"].detail
    quotas = f"/api/v1/namespaces/{namespace}/resourcequotas"
    hard = {QUOTA: "20", "cpu": "500m"}
    cluster.api("POST", quotas, {"metadata": {"name": "few"}, "spec": {"hard": hard}})
    for used, result in (("2", "ok"), ("19", "warning"), ("20", "failed")):
        status = {"hard": hard, "used": {QUOTA: used, "cpu": "0"}}
        merge(cluster, f"{quotas}/few/status", {"status": status})
        quota = by_name(probe_orchestrator(orchestrator))["quota"]
        assert (quota.result, quota.detail) == (result, f"{used} of 20 {QUOTA} (few)")
        assert bool(quota.remedy) == (result != "ok")


@pytest.mark.kubernetes
@pytest.mark.usefixtures("kubeconfig")
def test_a_kubernetes_namespace_that_is_not_there(cluster: Kubernetes, namespace: str) -> None:
    name = f"{namespace}x"
    found = by_name(probe_orchestrator(kubernetes(name, cluster.context)))[f"namespace '{name}'"]
    assert found.result == "failed" and f"Near it: {namespace}" in found.detail
    assert found.remedy == f"kubectl create namespace {name}"


# --- HyperAI -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    with ssh_host(tmp_path_factory.mktemp("doctor-host"), zone="Asia/Tokyo") as running:
        yield running


def look_at(host: SshHost, home: str = "") -> dict[str, ProbeResult]:
    """What each probe of a host says; an error of ours is a failure."""
    login = Login(
        service="the host",
        host=host.address,
        user=host.username,
        key=host.private_key.read_text(encoding="ascii"),
        kind="ed25519",
        known_hosts=str(host.known_hosts),
    )

    @contextmanager
    def connected() -> Iterator[CronHost]:
        with connect(login) as ssh:
            yield CronHost(ssh, login.service)

    probes = HostProbes(connected, lambda: login, lambda: home or f"/home/{host.username}")
    return {probe.name: seen(probe) for probe in probes}


def seen(probe: Probe) -> ProbeResult:
    try:
        return probe.run()
    except ServiceError as error:
        return ProbeResult(str(error), "failed")


@pytest.mark.ssh
def test_a_hyperai_host(host: SshHost) -> None:
    docker = host.home / "bin" / "docker"
    path = f"PATH=/home/{host.username}/bin:/usr/bin:/bin\n"
    host.write_crontab(path)
    well = look_at(host)
    assert {name: it.detail for name, it in well.items() if it.result != "ok"} == {}
    assert well["time zone"].detail.endswith("Asia/Tokyo")
    assert well["cron daemon"].detail == "cron runs"

    host.write_crontab(f"{path}CRON_TZ=UTC\n")
    docker.chmod(0o644)
    sick = look_at(host, home="/root")
    docker.chmod(0o755)
    failed = {name for name, it in sick.items() if it.result == "failed"}
    assert failed == {"crontab", "Docker Compose", "folder"}
    assert "CRON_TZ" in sick["crontab"].detail
    host.write_crontab(path)


@pytest.mark.ssh
def test_a_hyperai_host_whose_cron_is_dead(tmp_path: Path) -> None:
    with ssh_host(tmp_path) as host:
        host.write_crontab(f"PATH=/home/{host.username}/bin:/usr/bin:/bin\n")
        for name in ("cron", "atd"):
            kill(host, name)
        dead = look_at(host)
    assert (dead["cron daemon"].result, dead["at daemon"].result) == ("failed", "warning")


def kill(host: SshHost, name: str) -> None:
    """End a daemon of the host: it is in the name space of processes that its sshd is in."""
    config = str(host.folder / "sshd_config").encode()
    spaces: dict[str, list[int]] = {}
    mine = ""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            space = os.readlink(process / "ns" / "pid")
            if (process / "comm").read_text().strip() == name:
                spaces.setdefault(space, []).append(int(process.name))
            if config in (process / "cmdline").read_bytes() and "unshare" not in str(
                (process / "cmdline").read_bytes()
            ):
                mine = space
        except OSError:
            continue
    assert mine and mine != os.readlink("/proc/self/ns/pid")
    for process_id in spaces[mine]:
        os.kill(process_id, signal.SIGKILL)


# --- Airflow -------------------------------------------------------------------------------------


class Answers:
    """Airflow's answers, by path."""

    def __init__(self, major: int, answers: Mapping[str, Any]) -> None:
        self.http = self
        self.major = major
        self.url = "http://airflow"
        self._answers = answers

    def call(self, method: str, path: str, **_: Any) -> Any:
        assert method == "GET"
        answer = self._answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def import_errors(self) -> dict[str, str]:
        return {"mine": "ImportError: no torch", "theirs": "SyntaxError"}


def ask(folder: Path, major: int, **answers: Any) -> dict[str, ProbeResult]:
    paths = {"version": "/version", "dags": "/dags", "pool": "/pools/default_pool"}
    paths["health"] = "/monitor/health" if major == 3 else "/health"
    api: Any = Answers(major, {paths[key]: answer for key, answer in answers.items()})
    return {it.name: seen(it) for it in api_probes(api, lambda: LocalFolder(str(folder)))}


BEAT = "2026-11-23T15:00:00+00:00"
WELL = {
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": BEAT},
    "triggerer": {"status": None, "latest_triggerer_heartbeat": None},
    "dag_processor": {"status": "healthy", "latest_dag_processor_heartbeat": BEAT},
}


def test_what_airflow_says_of_itself(tmp_path: Path) -> None:
    (tmp_path / "mine.zip").write_bytes(b"")
    well = {"version": {"version": "3.0.2"}, "dags": {"total_entries": 7}, "health": WELL}
    pool = {"open_slots": 0, "slots": 16}
    found = ask(tmp_path, 3, pool=pool, **well)
    assert {name: it.result for name, it in found.items()} == {
        "version": "ok",
        "scheduler and DAG processor": "ok",
        "list DAGs": "ok",
        "import errors": "failed",
        "free task slots": "warning",
    }
    assert "'mine': ImportError" in found["import errors"].detail
    assert "theirs" not in found["import errors"].detail
    assert f"scheduler healthy (last heartbeat {BEAT})" in str(found)
    denied = PermissionDeniedError("Airflow", "no pools for you.")
    limitless = ask(tmp_path, 3, pool={"open_slots": -1, "slots": -1}, **well)
    assert limitless["free task slots"].result == "ok"
    assert ask(tmp_path, 3, pool=denied, **well)["free task slots"].result == "unknown"


@pytest.mark.parametrize(
    ("major", "change", "result"),
    [
        (3, {"scheduler": {"status": "unhealthy", "latest_scheduler_heartbeat": BEAT}}, "failed"),
        (3, {"dag_processor": {"status": None}}, "failed"),
        (3, {"dag_processor": None}, "failed"),
        # In Airflow 2 the scheduler may read the DAGs itself.
        (2, {"dag_processor": {"status": None}}, "ok"),
        (2, {"dag_processor": {"status": "unhealthy"}}, "failed"),
        (2, {"metadatabase": {"status": "unhealthy"}}, "failed"),
    ],
)
def test_airflows_heartbeats(
    tmp_path: Path, major: int, change: dict[str, Any], result: str
) -> None:
    health = {**WELL, **change}
    answers = {"version": {"version": "x"}, "dags": {"total_entries": 0}, "health": health}
    found = ask(tmp_path, major, pool={"open_slots": 1, "slots": 1}, **answers)
    assert found["scheduler and DAG processor"].result == result


def test_airflows_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(path: Path) -> ProbeResult:
        (probe,) = folder_probes(lambda: LocalFolder(str(path)))
        return seen(probe)

    assert look(tmp_path).detail == f"{tmp_path} has 0 zips and can be written to"
    later = look(tmp_path / "a" / "b")
    assert later.result == "ok" and f"{tmp_path} can be written to" in later.detail
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").touch()
    assert "is not a folder" in look(tmp_path / "file" / "x").detail
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "permission denied" in look(tmp_path).detail
    assert no_api().run().result == "unknown"
