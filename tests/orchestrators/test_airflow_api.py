"""Airflow with its API: a real Airflow 3 that reads the zips that ZenML writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrators.airflow_bench import AirflowBench
from orchestrators.airflow_world import AirflowWorld, wanted
from pulumi_zenml.errors import (
    CannotExpressError,
    NotDeletedError,
    PermissionDeniedError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.airflow import AirflowOrchestrator
from pulumi_zenml.orchestrators.airflow import api as _airflow_api
from pulumi_zenml.orchestrators.airflow.api import AirflowApi
from pulumi_zenml.orchestrators.airflow.http import AirflowHttp
from pulumi_zenml.orchestrators.airflow.timing import INERT
from pulumi_zenml.orchestrators.compare import differences
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.testing.bench import Fault
from testbed.airflow import REFRESH_SECONDS, Airflow
from testbed.process import wait_until
from testbed.snapshots import ZenmlClient

pytestmark = pytest.mark.airflow

EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"
BASH = "airflow.providers.standard.operators.bash.BashOperator"


@pytest.fixture(scope="module")
def bench(airflow_server: Airflow) -> Iterator[AirflowBench]:
    with AirflowBench(airflow_server) as ready:
        yield ready


@pytest.fixture(scope="module")
def world(local_client: ZenmlClient, bench: AirflowBench) -> AirflowWorld:
    return AirflowWorld.register(local_client, "airflow-api", bench.dags)


@pytest.fixture(autouse=True)
def _environment(world: AirflowWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZENML_CONFIG_PATH", world.client.env["ZENML_CONFIG_PATH"])


@pytest.fixture(scope="module")
def orchestrator(world: AirflowWorld, bench: AirflowBench, made: str) -> AirflowOrchestrator:
    return world.orchestrator(**bench.overrides())


@pytest.fixture(scope="module")
def made(world: AirflowWorld, bench: AirflowBench) -> str:
    """A DAG that Airflow has read, not paused, with one step that sleeps for a minute."""
    task: dict[str, Json] = {"operator_source": BASH, "operator_args": {"bash_command": "sleep 60"}}
    given = world.create("shared", overrides=dict(bench.overrides()), task=task)
    assert (given.paused, given.problem) == (False, "")
    return given.native_id


def look(orchestrator: AirflowOrchestrator, name: str) -> Counterpart:
    found = orchestrator.read(name)
    assert found is not None
    return found


def dag(airflow: Airflow, name: str) -> dict[str, Any]:
    answer = airflow.api("GET", f"/dags/{name}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def fires(airflow: Airflow, name: str) -> list[datetime]:
    answer = airflow.api("GET", f"/dags/{name}/dagRuns?order_by=run_after").json()
    return [datetime.fromisoformat(run["run_after"]) for run in answer["dag_runs"]]


def _fired(airflow: Airflow, name: str, tick: datetime) -> bool:
    return tick in fires(airflow, name)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def test_a_dag_is_read_before_create_is_done(
    orchestrator: AirflowOrchestrator, bench: AirflowBench, made: str
) -> None:
    found = look(orchestrator, made)
    assert differences(orchestrator, wanted("shared"), found) == []
    assert found.url == f"{bench.gate.url}/dags/{made}"
    there = dag(bench.airflow, made)
    assert there["timetable_summary"] == "0 3 * * *"
    assert sorted(tag["name"] for tag in there["tags"]) == [
        "owner:tests/dev/shared",
        "pulumi-zenml",
    ]
    assert fires(bench.airflow, made) == []


def test_pausing_is_airflows_own_switch(
    orchestrator: AirflowOrchestrator, bench: AirflowBench, world: AirflowWorld, made: str
) -> None:
    before = world.config(made)
    orchestrator.set_paused(made, True)
    assert dag(bench.airflow, made)["is_paused"]
    assert look(orchestrator, made).paused
    bench.edit_paused(made, False)
    assert not look(orchestrator, made).paused
    bench.edit_paused(made, True)
    assert next(it for it in orchestrator.list_all() if it.native_id == made).paused
    orchestrator.set_paused(made, False)
    assert not dag(bench.airflow, made)["is_paused"]
    assert world.config(made) == before


@pytest.mark.slow
def test_what_fires_and_what_does_not(world: AirflowWorld, bench: AirflowBench) -> None:
    """Two minutes of a real scheduler, over every way to fire and to be paused."""
    airflow, api = bench.airflow, dict(bench.overrides())
    by_api, by_zip = world.orchestrator(**api), world.orchestrator()

    def make(
        name: str,
        *,
        cadence: Mapping[str, object],
        overrides: Mapping[str, Json] | None = None,
        paused: bool = False,
    ) -> str:
        task = {"operator_source": EMPTY}
        made = world.create(name, cadence=cadence, overrides=overrides, paused=paused, task=task)
        return made.native_id

    def wait_for(name: str, key: str, value: object) -> None:
        wait_until(lambda: dag(airflow, name)[key] == value, f"{name}: {value}", seconds=120)

    def wait_for_tick(*names: str) -> datetime:
        tick = now().replace(second=0) + timedelta(minutes=1)
        for name in names:
            fired = partial(_fired, airflow, name, tick)
            wait_until(fired, f"{name} fires", seconds=150)
        return tick

    minutely = {"cron": "* * * * *"}
    held = make("held", cadence=minutely, overrides=api, paused=True)
    assert dag(airflow, held)["is_paused"]
    assert world.config(held)["schedule"] == "* * * * *"
    paused = make("paused", cadence=minutely, paused=True)
    resumed = make("resumed", cadence=minutely, paused=True)
    stopped = make("stopped", cadence=minutely)
    quiet = make("quiet", cadence={"cron": f"0 {(now().hour + 12) % 24} * * *"})
    once_at, start = now() + timedelta(seconds=45), now() + timedelta(seconds=40)
    once = make("once", cadence={"run_once_at": once_at.isoformat()})
    every_25 = {"interval": 25, "start_time": start.isoformat(), "catchup": True}
    interval = make("interval", cadence=every_25)
    active_from = now()
    active = make("active", cadence=minutely, overrides=api)
    for name in (once, interval, quiet, paused, resumed, stopped):
        airflow.wait_for_dag(name)
    by_zip.set_paused(stopped, True)
    wait_for(stopped, "timetable_summary", INERT)
    stopped_at = now()

    first = wait_for_tick(active)
    assert fires(airflow, held) == fires(airflow, resumed) == []

    resumed_from = now()
    by_zip.set_paused(resumed, False)
    by_api.set_paused(held, False)
    assert not dag(airflow, held)["is_paused"]
    wait_for(resumed, "timetable_summary", "* * * * *")
    second = wait_for_tick(active, held, resumed)
    wait_until(lambda: len(fires(airflow, interval)) > 2, "the interval passes", seconds=120)
    wait_until(lambda: fires(airflow, once) != [], "the run-once is due", seconds=120)

    assert fires(airflow, quiet) == fires(airflow, paused) == []
    assert fires(airflow, once) == [once_at]
    assert all(fire < stopped_at for fire in fires(airflow, stopped))
    for name in (held, resumed):
        assert min(fires(airflow, name)) > resumed_from
    ran = fires(airflow, active)
    assert ran[0] >= active_from
    assert {first, second} <= set(ran)
    steps = fires(airflow, interval)
    assert steps == [start + n * timedelta(seconds=25) for n in range(len(steps))]
    history = [run for run in by_api.runs(active) if run.scheduled_for in ran]
    assert [run.scheduled_for for run in history] == ran[::-1]
    assert {(run.by_schedule, run.state) for run in history[1:]} == {(True, "succeeded")}
    assert (look(by_api, once).paused, look(by_api, once).ended) == (False, True)
    for name in (held, once, interval, quiet, paused, resumed, stopped, active):
        by_api.delete(name)


def test_what_airflow_cannot_import_is_an_error(world: AirflowWorld, bench: AirflowBench) -> None:
    overrides = dict(bench.overrides())
    staged = world.create(
        "broken", overrides=overrides, task={"operator_source": "nope.Nope"}, shape=False
    )
    orchestrator = world.orchestrator(**overrides)
    found = orchestrator.locate(staged.snapshot_id, {})
    assert found is not None
    with pytest.raises(RefusedError, match=r"cannot import .*No module named 'nope'"):
        orchestrator.shape(found, wanted("broken"))
    assert "No module named 'nope'" in look(orchestrator, found.native_id).problem
    orchestrator.delete(found.native_id)
    assert orchestrator.read(found.native_id) is None


def test_a_folder_that_airflow_does_not_read_is_an_error(
    world: AirflowWorld, bench: AirflowBench, tmp_path: Path
) -> None:
    overrides = {**bench.overrides(), "dag_output_dir": str(tmp_path), "wait": 2}
    staged = world.create("elsewhere", overrides=overrides, shape=False)
    orchestrator = world.orchestrator(**overrides)
    found = orchestrator.locate(staged.snapshot_id, {})
    assert found is not None
    with pytest.raises(ServiceError, match=f"did not read .* within 2 s.*{tmp_path}"):
        orchestrator.shape(found, wanted("elsewhere"))
    assert look(orchestrator, found.native_id).problem == "Airflow has not read it yet"
    assert list(orchestrator.list_all()) == [look(orchestrator, found.native_id)]
    orchestrator.delete(found.native_id)


def test_what_is_paused_and_not_waited_for_is_paused_in_its_zip(
    world: AirflowWorld, bench: AirflowBench
) -> None:
    overrides = {**bench.overrides(), "wait": 0}
    name = world.create("unseen", overrides=overrides, paused=True).native_id
    assert world.config(name)["schedule"] == INERT
    orchestrator = world.orchestrator(**bench.overrides())
    bench.airflow.wait_for_dag(name)
    assert not dag(bench.airflow, name)["is_paused"]
    assert look(orchestrator, name).paused
    orchestrator.set_paused(name, False)
    assert not look(orchestrator, name).paused
    assert world.config(name)["schedule"] == "0 3 * * *"
    orchestrator.delete(name)


def test_runs_are_started_and_listed_and_end_with_their_dag(
    orchestrator: AirflowOrchestrator, world: AirflowWorld, bench: AirflowBench
) -> None:
    """Airflow refuses to delete a DAG with a running task."""
    task: dict[str, Json] = {
        "operator_source": BASH,
        "operator_args": {"bash_command": "sleep 300"},
    }
    overrides = dict(bench.overrides())
    name = world.create("busy", overrides=overrides, task=task).native_id
    orchestrator.set_paused(name, True)
    with pytest.raises(RefusedError, match="is paused"):
        orchestrator.trigger(name)
    orchestrator.set_paused(name, False)
    begin = datetime.now(UTC)
    first, second = orchestrator.trigger(name), orchestrator.trigger(name)
    path = f"/dags/{name}/dagRuns/{first}"

    def is_running() -> bool:
        tasks = bench.airflow.api("GET", f"{path}/taskInstances").json()["task_instances"]
        return [task["state"] for task in tasks] == ["running"]

    wait_until(is_running, "the task runs", seconds=90)
    runs = orchestrator.runs(name)
    assert [run.run_id for run in runs] == [second, first]
    assert (runs[1].state, runs[1].native_state, runs[1].by_schedule) == (
        "running",
        "running",
        False,
    )
    assert runs[1].scheduled_for is None
    assert runs[1].started is not None
    assert (
        runs[1].url
        == f"{bench.gate.url}/dags/{name}/runs/{first.replace(':', '%3A').replace('+', '%2B')}"
    )
    assert first in [run.run_id for run in orchestrator.runs(name, since=begin)]
    assert orchestrator.runs(name, since=datetime.now(UTC) + timedelta(hours=1)) == []
    assert [run.run_id for run in orchestrator.runs(name, limit=1)] == [second]

    orchestrator.delete(name)
    assert orchestrator.read(name) is None
    assert bench.airflow.api("GET", f"/dags/{name}").status_code == 404


def test_what_is_deleted_stays_away(world: AirflowWorld, bench: AirflowBench) -> None:
    overrides = dict(bench.overrides())
    name = world.create("gone", overrides=overrides).native_id
    orchestrator = world.orchestrator(**overrides)
    orchestrator.delete(name)
    assert orchestrator.read(name) is None
    for _ in range(2 * REFRESH_SECONDS):
        assert bench.airflow.api("GET", f"/dags/{name}").status_code == 404
        time.sleep(1)
    calls = len(bench.gate.calls)
    orchestrator.delete(name)
    assert len(bench.gate.calls) == calls + 1


def test_a_copy_of_the_folder_is_waited_for(world: AirflowWorld, bench: AirflowBench) -> None:
    """Airflow may read a copy, which we cannot change: a DAG deleted too early comes back."""
    api = dict(bench.overrides())
    name = world.create("copied", overrides=api).native_id
    copies = bench.dags / "copy"
    copies.mkdir()
    copy = copies / f"{name}.zip"
    copy.write_bytes(world.zip(name).read_bytes())
    world.zip(name).unlink()

    def is_read_from_the_copy() -> bool:
        answer = bench.airflow.api("GET", f"/dags/{name}").json()
        return str(copy) in answer.get("fileloc", "")

    wait_until(is_read_from_the_copy, "the copy is read", seconds=120)
    world.zip(name).write_bytes(copy.read_bytes())
    with pytest.raises(NotDeletedError, match="is removed and the DAG is paused"):
        world.orchestrator(**{**api, "wait": 1}).delete(name)
    assert not world.zip(name).exists()
    assert dag(bench.airflow, name)["is_paused"]
    world.orchestrator(**{**api, "wait": 0}).delete(name)
    assert dag(bench.airflow, name)["is_paused"]
    copy.unlink()
    world.orchestrator(**api).delete(name)
    assert bench.airflow.api("GET", f"/dags/{name}").status_code == 404


def test_a_dag_without_its_zip_is_there_as_long_as_it_fires(
    world: AirflowWorld, bench: AirflowBench
) -> None:
    name = world.create("ghost", overrides=dict(bench.overrides())).native_id
    orchestrator = world.orchestrator(**bench.overrides())
    world.zip(name).unlink()
    found = look(orchestrator, name)
    assert found.problem.startswith("its zip was deleted")
    assert [it for it in orchestrator.list_all() if it.native_id == name] == [found]
    orchestrator.delete(name)
    assert orchestrator.read(name) is None
    assert bench.airflow.api("GET", f"/dags/{name}").status_code == 404


# --- faults ------------------------------------------------------------------------------------

CALLS: dict[str, Callable[[AirflowOrchestrator, str], object]] = {
    "verify": lambda it, name: it.verify(wanted()),
    "read": lambda it, name: it.read(name),
    "list_all": lambda it, name: list(it.list_all()),
    "set_paused": lambda it, name: it.set_paused(name, True),
    "resume": lambda it, name: it.set_paused(name, False),
    "runs": lambda it, name: it.runs(name),
    "trigger": lambda it, name: it.trigger(name),
    "delete": lambda it, name: it.delete(name),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("kind", "error", "says"),
    [
        ("unauthenticated", UnauthenticatedError, "Check `username` and `password`"),
        ("denied", PermissionDeniedError, "The user needs to"),
        ("refused", UnreachableError, "Check `api_url`"),
    ],
)
def test_a_fault_is_an_error_of_ours_and_changes_nothing(
    orchestrator: AirflowOrchestrator,
    world: AirflowWorld,
    bench: AirflowBench,
    made: str,
    call: str,
    kind: Fault,
    error: type[Exception],
    says: str,
) -> None:
    before = world.zip(made).read_bytes()
    with bench.fault(kind), pytest.raises(error, match=says) as caught:
        CALLS[call](orchestrator, made)
    assert bench.airflow.password not in str(caught.value)
    assert world.zip(made).read_bytes() == before
    assert not dag(bench.airflow, made)["is_paused"]


@pytest.mark.parametrize(
    ("kind", "error"),
    [("throttled", ThrottledError), ("server-error", ServiceError), ("timeout", UnreachableError)],
)
def test_a_lasting_fault_is_an_error_in_the_end(
    world: AirflowWorld, bench: AirflowBench, made: str, kind: Fault, error: type[Exception]
) -> None:
    orchestrator = world.orchestrator(**{**bench.overrides(), "timeout": 1})
    with bench.fault(kind), pytest.raises(error):
        orchestrator.read(made)


@pytest.mark.parametrize("kind", ["throttled", "server-error"])
def test_a_passing_fault_is_not_noticed(
    orchestrator: AirflowOrchestrator, bench: AirflowBench, made: str, kind: Fault
) -> None:
    before = look(orchestrator, made)
    bench.gate.calls.clear()
    look(orchestrator, made)
    needed = len(bench.gate.calls)
    with bench.gate.fault(kind, times=2):
        assert look(orchestrator, made) == before
    assert len(bench.gate.calls) == 2 * needed + 2


def test_a_run_is_not_started_twice(
    orchestrator: AirflowOrchestrator, bench: AirflowBench, made: str
) -> None:
    look(orchestrator, made)
    bench.gate.calls.clear()
    api = AirflowApi(http(bench))
    api.verify()
    with bench.gate.fault("server-error", times=1), pytest.raises(ServiceError, match="500"):
        api.trigger(made)
    posts = [path for method, path in bench.gate.calls if method == "POST" and "dagRuns" in path]
    assert len(posts) == 1


def test_an_expired_session_is_renewed(
    orchestrator: AirflowOrchestrator, bench: AirflowBench, made: str
) -> None:
    before = look(orchestrator, made)
    bench.gate.calls.clear()
    with bench.gate.fault("unauthenticated", times=1):
        assert look(orchestrator, made) == before
    assert [path for method, path in bench.gate.calls if method == "POST"] == ["/auth/token"]


def http(bench: AirflowBench, **given: str) -> AirflowHttp:
    login = {"username": bench.airflow.username, "password": bench.airflow.password}
    return AirflowHttp(bench.gate.url, timeout=30, **(given or login))


def test_a_token_does_instead_of_a_login(bench: AirflowBench, made: str) -> None:
    body = {"username": bench.airflow.username, "password": bench.airflow.password}
    login = bench.gate.http.post("/auth/token", json=body)
    token = login.json()["access_token"]
    assert made in AirflowApi(http(bench, token=token)).dags()
    with pytest.raises(UnauthenticatedError, match="`token`"):
        AirflowApi(http(bench, token="stale")).dags()
    with pytest.raises(UnauthenticatedError):
        AirflowApi(http(bench, username="admin", password="wrong")).dags()


def test_lists_of_more_than_a_page_are_whole(
    bench: AirflowBench, made: str, world: AirflowWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = world.create("other", overrides=dict(bench.overrides())).native_id
    monkeypatch.setattr(_airflow_api, "_PAGE", 1)
    api = AirflowApi(http(bench))
    assert {made, other} <= set(api.dags())
    orchestrator = world.orchestrator(**bench.overrides())
    bench.gate.calls.clear()
    found = {it.native_id: it for it in orchestrator.list_all()}
    assert {made, other} <= set(found)
    assert found[made] == look(orchestrator, made)
    assert not [path for _, path in bench.gate.calls if path.endswith(other)]
    orchestrator.delete(other)


def test_what_is_no_airflow_is_named(airflow_server: Airflow) -> None:
    url = f"{airflow_server.url}/nowhere"
    with pytest.raises(ServiceError, match="is not an Airflow 2 or 3"):
        AirflowApi(AirflowHttp(url, timeout=10)).verify()
    with pytest.raises(UnreachableError, match="not an http or https URL"):
        AirflowApi(AirflowHttp("ftp://127.0.0.1", timeout=10)).verify()


@pytest.mark.parametrize("end", ["", "/", "/api/v2", "/api/v2/"])
def test_the_address_may_have_the_path_of_the_api(bench: AirflowBench, end: str) -> None:
    assert AirflowHttp(f"{bench.gate.url}{end}", timeout=10).major == 3


def test_trigger_is_said_to_need_an_api(world: AirflowWorld, made: str) -> None:
    with pytest.raises(CannotExpressError, match="api_url"):
        world.orchestrator().trigger(made)
