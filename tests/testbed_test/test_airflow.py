"""Airflow finds a DAG file, runs the DAG, and lets go of it."""

from __future__ import annotations

import httpx
import pytest

from testbed.airflow import Airflow
from testbed.process import wait_until

pytestmark = pytest.mark.airflow

DAG = """
import datetime

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("smoke", schedule="0 3 * * *", start_date=datetime.datetime(2026, 1, 1), catchup=False):
    EmptyOperator(task_id="work")
"""


def test_a_dag_is_found_and_run_and_removed(airflow_server: Airflow) -> None:
    file = airflow_server.dags / "smoke.py"
    file.write_text(DAG)
    assert airflow_server.wait_for_dag("smoke")["timetable_summary"] == "0 3 * * *"

    resumed = airflow_server.api("PATCH", "/dags/smoke?update_mask=is_paused", {"is_paused": False})
    assert resumed.status_code == httpx.codes.OK

    def has_succeeded() -> bool:
        runs = airflow_server.api("GET", "/dags/smoke/dagRuns").json()["dag_runs"]
        return [run["state"] for run in runs] == ["success"]

    wait_until(has_succeeded, "the DAG has run", seconds=120)
    file.unlink()
    assert airflow_server.api("DELETE", "/dags/smoke").status_code == httpx.codes.NO_CONTENT
