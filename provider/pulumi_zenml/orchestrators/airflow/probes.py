"""Read-only probes of an Airflow and its DAG folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pulumi_zenml.errors import PermissionDeniedError, ServiceError
from pulumi_zenml.orchestrators.airflow.api import AirflowApi
from pulumi_zenml.orchestrators.airflow.folder import Folder, LocalFolder
from pulumi_zenml.orchestrators.airflow.http import SERVICE
from pulumi_zenml.orchestrators.probe import Probe, ProbeResult, if_allowed

FOLDER, API = "DAG folder", "Airflow's API"

# The pool of every task that names none (Airflow 3 models/pool.py).
_POOL = "default_pool"
_START = "Start 'airflow scheduler' and 'airflow dag-processor', and check their logs."
_MOST_SHOWN = 3


def folder_probes(folder: Callable[[], Folder]) -> Iterator[Probe]:
    """Whether the folder exists and can be written to, as far as a check without writing shows.

    Args:
        folder: opens it, or raises one of our errors.
    """
    yield Probe("DAG folder", partial(_folder, folder), part=FOLDER)


def api_probes(api: AirflowApi, folder: Callable[[], Folder]) -> Iterator[Probe]:
    """Version, health of the scheduler, DAGs, import errors, and free slots for tasks.

    Args:
        api: of Airflow.
        folder: opens the DAG folder.
    """
    yield Probe("version", partial(_version, api), part=API)
    yield Probe("scheduler and DAG processor", partial(_health, api), part=API)
    yield Probe("list DAGs", partial(_dags, api), part=API)
    yield Probe("import errors", partial(_import_errors, api, folder), part=API)
    yield Probe("free task slots", if_allowed(partial(_pool, api)), part=API)


def no_api() -> Probe:
    """The probe in place of Airflow's API, if none is configured."""
    detail = "there is no api_url, so Airflow itself cannot be probed"
    remedy = "Set api_url for the orchestrator in Pulumi config zenml:orchestrators."
    return Probe(API, lambda: ProbeResult(detail, "unknown", remedy), part=API)


def _folder(find: Callable[[], Folder]) -> ProbeResult:
    folder = find()
    if not isinstance(folder, LocalFolder):
        count = len(folder.names())
        return ProbeResult(
            f"{folder.where} has {count} zips; whether it is writable shows on the first create"
        )
    there = folder.path
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise ServiceError(
            SERVICE, f"the DAG folder {folder.where} is not a folder: {there} is not one."
        )
    _require_writable(there)
    if there != folder.path:
        return ProbeResult(
            f"{folder.where} is created with the first DAG; {there} can be written to"
        )
    return ProbeResult(f"{folder.where} has {len(folder.names())} zips and can be written to")


def _require_writable(path: Path) -> None:
    read_only = os.statvfs(path).f_flag & os.ST_RDONLY
    if read_only or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        why = "it is on a read-only file system" if read_only else "permission denied"
        raise PermissionDeniedError(SERVICE, f"DAGs cannot be written to {path}: {why}.")


def _version(api: AirflowApi) -> ProbeResult:
    return ProbeResult(f"Airflow {api.http.call('GET', '/version')['version']} at {api.http.url}")


def _health(api: AirflowApi) -> ProbeResult:
    three = api.http.major == 3
    health = api.http.call("GET", "/monitor/health" if three else "/health")
    # In Airflow 2 the scheduler may do the DAG processor's work, which then has no state.
    needed = ("metadatabase", "scheduler", *(("dag_processor",) if three else ()))
    bad, parts = [], []
    for name, part in health.items():
        said: Mapping[str, Any] = part or {}
        state = said.get("status")
        beat = said.get(f"latest_{name}_heartbeat")
        since = f" (last heartbeat {beat})" if beat else ""
        parts.append(f"{name} {state or 'never seen'}{since}")
        if state != "healthy" and (name in needed or (name == "dag_processor" and state)):
            bad.append(name)
    missing = [name for name in needed if name not in health]
    text = ", ".join([*parts, *(f"{name} never seen" for name in missing)])
    if bad or missing:
        return ProbeResult(text, "failed", _START)
    return ProbeResult(text)


def _dags(api: AirflowApi) -> ProbeResult:
    total = api.http.call("GET", "/dags", params={"limit": 1})["total_entries"]
    return ProbeResult(f"listed; there are {total}")


def _import_errors(api: AirflowApi, folder: Callable[[], Folder]) -> ProbeResult:
    ours = set(folder().names())
    broken = {name: why for name, why in api.import_errors().items() if name in ours}
    if not broken:
        return ProbeResult("none for ZenML's DAGs")
    errors = "; ".join(f"'{name}': {why}" for name, why in list(broken.items())[:_MOST_SHOWN])
    more = f" and {len(broken) - _MOST_SHOWN} more" if len(broken) > _MOST_SHOWN else ""
    remedy = "Install what the DAG imports where Airflow parses it, or recreate the schedule."
    return ProbeResult(f"Airflow cannot import {errors}{more}", "failed", remedy)


def _pool(api: AirflowApi) -> ProbeResult:
    pool = api.http.call("GET", f"/pools/{_POOL}")
    free, slots = int(pool["open_slots"]), int(pool["slots"])
    text = f"{free} of {slots} slots of {_POOL} are free"
    if free <= 0 <= slots:
        return ProbeResult(text, "warning", f"Give {_POOL} more slots, or spread the schedules.")
    return ProbeResult(text)
