"""Waiting for Airflow to notice what happened to a DAG's file."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from pulumi_zenml.errors import NotDeletedError, RefusedError, ServiceError
from pulumi_zenml.orchestrators.airflow.api import AirflowApi, Dag
from pulumi_zenml.orchestrators.airflow.http import SERVICE
from pulumi_zenml.orchestrators.airflow.zip import DagZip

T = TypeVar("T")

_FIRST_POLL_SECONDS = 0.5
_LONGEST_POLL_SECONDS = 3.0
"""Import errors come and go, so rare polls would miss them."""
_STAYS_AWAY_SECONDS = 3.0
_STOPPING_SECONDS = 60.0

_SLOW = (
    "Airflow scans for new files every [dag_processor] refresh_interval (300 s by default; "
    "Airflow 2: [scheduler] dag_dir_list_interval). `wait` in zenml:orchestrators says how long "
    "to wait."
)


def wait_until_read(api: AirflowApi, name: str, dag: DagZip, *, where: str, seconds: float) -> Dag:
    """Wait until Airflow has read a new zip.

    Args:
        api: Airflow.
        name: the DAG.
        dag: its zip, whose secrets are kept out of Airflow's reasons.
        where: the folder, for messages.
        seconds: how long to wait.

    Raises:
        RefusedError: Airflow cannot import it; the reason comes and goes in Airflow's list of
            import errors (apache/airflow 28068), so seeing it once is enough.
        ServiceError: Airflow did not read it in time.
    """

    def check() -> Dag | None:
        known = api.dag(name)
        if known and not known.gone:
            return known
        reason = api.import_errors().get(name)
        if reason:
            raise RefusedError(SERVICE, f"cannot import {name}.zip: {dag.scrub(reason)}")
        return None

    return _poll(
        check,
        seconds,
        lambda: ServiceError(
            SERVICE,
            f"did not read {name}.zip within {seconds:g} s, and reports no import error. Check "
            f"that {where} is the DAG folder of {api.http.url}, and that its DAG processor "
            f"(Airflow 2: scheduler) runs. {_SLOW}",
        ),
    )


def starts_from_now(api: AirflowApi, name: str, *, seconds: float) -> None:
    """Wait until the next run of a paused DAG is not a missed one.

    Raises:
        ServiceError: Airflow did not read the changed zip in time.
    """

    def check() -> bool:
        known = api.dag(name)
        if known is None or known.gone or missed(known) is None:
            return True
        api.parse_again(known)
        return False

    _poll(
        check,
        seconds,
        lambda: ServiceError(
            SERVICE,
            f"did not read the changed {name}.zip within {seconds:g} s. A resume would now make "
            f"up for a missed fire, so the DAG is still paused. {_SLOW}",
        ),
    )


def missed(dag: Dag) -> datetime | None:
    """The missed fire that Airflow would run if the DAG were resumed."""
    return dag.next_run if dag.next_run and dag.next_run <= datetime.now(UTC) else None


def delete_for_good(api: AirflowApi, name: str, *, at_once: bool, seconds: float) -> None:
    """Delete a DAG whose file was removed, and check that Airflow does not bring it back.

    While Airflow still has a copy of the file or is just reading it, a deleted DAG comes back
    with its switch on (apache/airflow 39758).

    Args:
        api: Airflow.
        name: the DAG.
        at_once: Airflow reads the folder itself, and not a copy of it.
        seconds: how long to wait for Airflow to notice the deletion; 0 to leave the DAG there.

    Raises:
        NotDeletedError: Airflow still has it.
    """
    if at_once:
        _delete(api, name)
        if _is_away(api, name):
            return
    if not seconds:
        return

    def check() -> bool:
        known = api.dag(name)
        if known and not known.paused:
            api.set_paused(name, True)
        return known is None or known.gone

    def late() -> NotDeletedError:
        return NotDeletedError(
            f"Airflow: the file of the DAG '{name}' is removed and the DAG is paused, but Airflow "
            f"has not noticed within {seconds:g} s, so its entry and runs are still there. {_SLOW}"
        )

    _poll(check, seconds, late)
    _delete(api, name)
    if not _is_away(api, name):
        raise late()


def _delete(api: AirflowApi, name: str) -> None:
    if api.delete(name):
        return
    api.stop_runs(name)
    _poll(
        lambda: api.delete(name),
        _STOPPING_SECONDS,
        lambda: NotDeletedError(
            f"Airflow: the file of the DAG '{name}' is removed and its runs are stopped, but one "
            f"of its tasks still runs after {_STOPPING_SECONDS:g} s. Try again when it has ended."
        ),
    )


def _is_away(api: AirflowApi, name: str) -> bool:
    deadline = time.monotonic() + _STAYS_AWAY_SECONDS
    while api.dag(name) is None:
        if time.monotonic() > deadline:
            return True
        time.sleep(_FIRST_POLL_SECONDS)
    return False


def _poll(check: Callable[[], T | None], seconds: float, late: Callable[[], Exception]) -> T:
    """Poll until there is a result, at first often."""
    deadline = time.monotonic() + seconds
    pause = _FIRST_POLL_SECONDS
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() + pause > deadline:
            raise late()
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)
