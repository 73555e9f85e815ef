"""Airflow's capabilities through ZenML, its settings and overrides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from pulumi_zenml.orchestrators.capabilities import Capabilities, Gap, Setting, Yes

WAIT_SECONDS = 420
"""Airflow scans for new files every 300 s by default ([dag_processor] refresh_interval)."""
TIMEOUT_SECONDS = 30

CAPABILITIES = Capabilities(
    counterpart="DAG",
    dialect="airflow",
    smallest_interval=timedelta(seconds=1),
    cron=Yes(),
    interval=Yes("as a cron where one is exact; any other needs `catchup`"),
    run_once=Yes("the DAG is kept, and never fires again"),
    start_time=Yes(),
    end_time=Yes(),
    catchup=Yes(),
    timezone=Gap(
        "upstream",
        "ZenML's DAG generator writes DAGs in UTC.",
        "Zones whose clock never changes are converted to UTC.",
    ),
    pause=Yes(
        "at once with `api_url`; else when Airflow reads the zip again ([dag_processor] "
        "min_file_process_interval, 30 s by default)"
    ),
    change_in_place=Yes(),
    run_history=Yes("with `api_url`; else only ZenML has the runs"),
    trigger=Yes("with `api_url`"),
    keeps_runs=Gap("upstream", "Airflow reads the DAG's file for each task that it starts."),
    fires_on_create=Gap("never", "the start date is not before now, except with `catchup`."),
    found_by="`--snapshot_id` in the zip's config.json",
    left_behind="nothing with `api_url`; else Airflow keeps the DAG as stale, with its runs, "
    "and fires it until it notices that the zip was deleted ([dag_processor] refresh_interval, "
    "5 minutes by default)",
    runs_image=True,
)

SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "max_active_runs": Setting(int, "runs of the DAG at a time"),
        "max_active_tasks": Setting(int, "tasks of one run of the DAG at a time"),
        "max_consecutive_failed_dag_runs": Setting(
            int, "failed runs in a row after which Airflow pauses the DAG"
        ),
    }
)
"""Arguments of Airflow's ``DAG`` that both versions take."""

OVERRIDES: Mapping[str, Setting] = MappingProxyType(
    {
        "api_url": Setting(str, "address of Airflow's web server, without /api/..."),
        "username": Setting(str, "the user to log in as"),
        "password": Setting(str, "the password; a secret"),
        "token": Setting(str, "a bearer token instead of a login; a secret"),
        "wait": Setting(
            int, f"seconds to wait for Airflow to read a zip, 0 for none; default {WAIT_SECONDS}"
        ),
        "timeout": Setting(
            int, f"seconds that Airflow may take to answer; default {TIMEOUT_SECONDS}"
        ),
        "dag_output_dir": Setting(str, "the DAG folder's path on this machine"),
        "airflow_version": Setting(
            str,
            "major version of the Airflow that reads the folder, without api_url; default 3",
            ("2", "3"),
        ),
    }
)
