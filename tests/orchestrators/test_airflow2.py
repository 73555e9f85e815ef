"""The API client against Airflow 2, by the answers of 2.11.2."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from orchestrators.airflow2_answers import LOGIN, Airflow2, airflow2
from pulumi_zenml.errors import PermissionDeniedError
from pulumi_zenml.orchestrators.airflow import api as _airflow_api
from pulumi_zenml.orchestrators.airflow.api import AirflowApi
from pulumi_zenml.orchestrators.airflow.http import AirflowHttp

RUN = {
    "dag_run_id": "scheduled__2026-11-23T15:00:00+00:00",
    "data_interval_start": "2026-11-23T15:00:00+00:00",
    "data_interval_end": "2026-11-23T15:02:00+00:00",
    "logical_date": "2026-11-23T15:00:00+00:00",
    "start_date": "2026-11-23T15:02:01.819919+00:00",
    "end_date": None,
    "run_type": "scheduled",
    "state": "running",
}


@pytest.fixture
def server() -> Iterator[Airflow2]:
    with airflow2() as answering:
        answering.add("one")
        yield answering


@pytest.fixture
def api(server: Airflow2) -> AirflowApi:
    user, password = LOGIN
    return AirflowApi(AirflowHttp(server.url, username=user, password=password, timeout=10))


def test_airflow_2_is_recognised(api: AirflowApi) -> None:
    api.verify()
    assert api.http.major == 2


def test_a_wrong_password_is_answered_as_no_permission(server: Airflow2) -> None:
    with pytest.raises(PermissionDeniedError, match="Airflow 2 answers the same to a wrong"):
        AirflowApi(AirflowHttp(server.url, username="admin", password="no", timeout=10)).verify()


def test_a_dag_is_read_paused_resumed_and_deleted(api: AirflowApi, server: Airflow2) -> None:
    found = api.dag("one")
    assert found is not None
    assert (found.paused, found.gone, found.broken) == (False, False, False)
    assert found.next_run == datetime(2026, 11, 24, 3, tzinfo=UTC)
    assert found.file == "/dags/one.zip/dag.py"
    for paused in (True, False):
        api.set_paused("one", paused)
        assert server.dags["one"]["is_paused"] is paused
    api.parse_again(found)
    server.busy.add("one")
    assert not api.delete("one")
    server.runs["one"] = [RUN]
    api.stop_runs("one")
    assert api.delete("one")
    assert api.dag("one") is None
    assert api.delete("one")


def test_dags_that_are_gone_are_listed_too_page_by_page(
    api: AirflowApi, server: Airflow2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_airflow_api, "_PAGE", 2)
    for name in ("two", "three", "four"):
        server.add(name, is_active=name != "three", next_dagrun_create_after=None)
    found = api.dags()
    assert set(found) == {"one", "two", "three", "four"}
    assert found["three"].gone
    assert found["two"].next_run is None


def test_a_run_stands_for_the_end_of_its_interval(api: AirflowApi, server: Airflow2) -> None:
    manual = {**RUN, "dag_run_id": "manual__1", "run_type": "manual", "state": "success"}
    server.runs["one"] = [manual, RUN]
    first, second = api.runs("one")
    assert (first.by_schedule, first.scheduled_for, first.state) == (False, None, "succeeded")
    assert second.scheduled_for == datetime(2026, 11, 23, 15, 2, tzinfo=UTC)
    assert (second.by_schedule, second.state, second.ended) == (True, "running", None)
    assert second.url == (
        f"{server.url}/dags/one/grid?dag_run_id=scheduled__2026-11-23T15%3A00%3A00%2B00%3A00"
    )
    assert list(api.runs("none")) == []


def test_a_run_is_started(api: AirflowApi) -> None:
    assert api.trigger("one").startswith("manual__")


def test_import_errors_are_found_by_the_zip(api: AirflowApi, server: Airflow2) -> None:
    trace = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'nope'\n"
    for file in ("/dags/sub/a.zip/dag.py", "/dags/b.zip", "/dags/plain.py"):
        server.errors.append({"filename": file, "stack_trace": trace})
    reason = "ModuleNotFoundError: No module named 'nope'"
    assert api.import_errors() == {"a": reason, "b": reason}
