"""A run in progress does not die without a word, on a real ZenML server with real tokens."""

from __future__ import annotations

import secrets
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from orchestrators.zenml_here import zenml_here
from pulumi_zenml.errors import (
    NotFoundError,
    RunInProgressError,
    UnauthenticatedError,
    UnreachableError,
)
from pulumi_zenml.lifecycle.session import Session
from pulumi_zenml.testing.driver import Driver
from pulumi_zenml.zenml.connection import Connection
from testbed import zenml_store
from testbed.process import wait_until
from testbed.snapshots import zenml_client
from testbed.zenml_server import ZenmlServer

from .conftest import FLAVOR, TESTS

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def connection(
    zenml: ZenmlServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    """The server, with a stack ``filecron`` on the third party's orchestrator."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "files").mkdir()
    env = {
        **zenml.client_environment(folder / "config"),
        "PYTHONPATH": f"{TESTS}:{TESTS / 'thirdparty'}",
    }
    sys.path.append(str(TESTS / "thirdparty"))
    with zenml_here(env), zenml_client(folder, env) as client:
        client.call(zenml_store.register_flavor, FLAVOR)
        client.register_stack("filecron", "filecron", {"folder": str(folder / "files")})
        client.create_snapshot("filecron", pipeline="runs", name="v1")
        yield Connection(server_url=zenml.url, api_key=zenml.api_key)
    sys.path.remove(str(TESTS / "thirdparty"))


@pytest.fixture
def driver(connection: Connection) -> Iterator[Driver]:
    """One schedule, destroyed afterwards."""
    made = Driver(connection, f"org/runs/test/{secrets.token_hex(4)}")
    made.up(**GIVEN, when_running="ignore")
    yield made
    if made.id:
        made.up(**GIVEN, when_running="ignore")
    made.destroy()


GIVEN: dict[str, Any] = {"stack": "filecron", "snapshot": "runs:v1", "cron": "@daily"}


def start_run(driver: Driver) -> UUID:
    """A run of the schedule, as its orchestrator would begin it."""
    from zenml.client import Client
    from zenml.enums import ExecutionStatus
    from zenml.models import PipelineRunRequest

    client = Client()
    run, _ = client.zen_store.get_or_create_run(
        PipelineRunRequest(
            project=client.active_project.id,
            name=f"run-{secrets.token_hex(4)}",
            snapshot=UUID(driver.outputs["submitted_snapshot_id"]),
            orchestrator_run_id=secrets.token_hex(4),
            status=ExecutionStatus.RUNNING,
            start_time=datetime.now(UTC),
        )
    )
    return run.id


def end_run(run: UUID) -> None:
    from zenml.client import Client
    from zenml.enums import ExecutionStatus
    from zenml.models import PipelineRunUpdate

    update = PipelineRunUpdate(status=ExecutionStatus.FAILED)
    Client().zen_store.update_run(run, update)


def token_works(driver: Driver, connection: Connection, token: str) -> bool:
    """Whether ZenML lets the schedule's runs in."""
    url = f"{connection.server_url}/api/v1/schedules/{driver.id}"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code == httpx.codes.OK


def schedule_token(driver: Driver) -> str:
    from zenml.client import Client
    from zenml.enums import APITokenType
    from zenml.zen_stores.rest_zen_store import RestZenStore

    store = Client().zen_store
    assert isinstance(store, RestZenStore)
    return store.get_api_token(token_type=APITokenType.WORKLOAD, schedule_id=UUID(driver.id))


def test_pausing_replacing_and_deleting_are_refused_while_a_run_goes_on(
    driver: Driver, connection: Connection
) -> None:
    token = schedule_token(driver)
    run = start_run(driver)
    before = dict(driver.outputs)
    for change in ({"paused": True}, {"cron": "@hourly"}):
        with pytest.raises(RunInProgressError, match="run-"):
            driver.up(**{**GIVEN, **change})
    driver.up(**GIVEN)
    with pytest.raises(RunInProgressError, match="whenRunning"):
        driver.destroy()
    assert driver.outputs["native_id"] == before["native_id"]
    assert token_works(driver, connection, token)
    end_run(run)
    driver.up(**GIVEN, paused=True)
    assert driver.outputs["state"] == "paused"


def test_ignore_goes_on_and_the_token_is_refused_from_then_on(
    driver: Driver, connection: Connection
) -> None:
    token = schedule_token(driver)
    assert token_works(driver, connection, token)
    start_run(driver)
    driver.up(**GIVEN, when_running="ignore", paused=True)
    assert driver.outputs["state"] == "paused"
    # ZenML remembers for half a minute that a schedule was active (memcache_default_expiry).
    wait_until(
        lambda: not token_works(driver, connection, token),
        "ZenML refuses the token of the paused schedule",
        seconds=90,
    )


def test_wait_goes_on_once_the_run_is_finished(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulumi_zenml.lifecycle.running._POLL_SECONDS", 0.2)
    run = start_run(driver)
    ender = threading.Timer(1.5, end_run, [run])
    ender.start()
    driver.up(**GIVEN, when_running="wait", paused=True)
    ender.join()
    assert driver.outputs["state"] == "paused"


def test_wait_gives_up_after_its_time(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulumi_zenml.lifecycle.running._POLL_SECONDS", 0.2)
    run = start_run(driver)
    with pytest.raises(RunInProgressError, match="after waiting"):
        driver.up(**GIVEN, when_running="wait", wait_timeout=0, paused=True)
    end_run(run)


def test_a_record_with_runs_is_archived_and_keeps_them(
    driver: Driver, connection: Connection
) -> None:
    from zenml.client import Client

    run = start_run(driver)
    end_run(run)
    record = driver.id
    driver.destroy()
    assert Session(connection).records.get(str(record)) is None
    kept = Client().get_pipeline_run(run)
    assert kept.schedule is not None
    assert str(kept.schedule.id) == record
    assert kept.schedule.is_archived


def test_the_api_key_is_in_no_property_and_no_error(driver: Driver, connection: Connection) -> None:
    assert connection.api_key not in repr(driver.outputs)
    assert connection.api_key not in repr(connection)


def test_what_zenml_refuses_is_told_apart(connection: Connection, tmp_path: Path) -> None:
    with zenml_here({"ZENML_CONFIG_PATH": str(tmp_path), "ZENML_ANALYTICS_OPT_IN": "false"}):
        wrong = Connection(server_url=connection.server_url, api_key="ZENKEY_wrong")
        with pytest.raises(UnauthenticatedError, match="zenml:apiKey") as refused:
            wrong.client()
    assert refused.value.property == "zenml:apiKey"
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9"):
        Connection(server_url="http://127.0.0.1:9").client()
    session = Session(connection)
    assert session.components()["filecron"] == "filecron"
    with pytest.raises(NotFoundError, match="there is no snapshot") as missing:
        session.source(str(uuid4()))
    assert missing.value.property == "snapshot"
    with pytest.raises(NotFoundError, match="Near it: filecron"):
        session.stack("filecorn")
    with pytest.raises(NotFoundError, match="Near it: v1"):
        session.snapshot("runs:v2")
    with pytest.raises(NotFoundError, match="Near it: runs"):
        session.snapshot("run:v1")
    with pytest.raises(NotFoundError, match="Near it: default"):
        _ = Session(connection, "defualt").project_id
