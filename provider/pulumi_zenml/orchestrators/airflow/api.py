"""The calls to Airflow's REST API, the same for Airflow 3 and Airflow 2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pulumi_zenml.errors import NotFoundError, RefusedError
from pulumi_zenml.orchestrators.airflow.http import AirflowHttp, ConflictError
from pulumi_zenml.orchestrators.counterpart import NativeRun, RunState

_PAGE = 100

_STATES: dict[str, RunState] = {
    "queued": "queued",
    "running": "running",
    "success": "succeeded",
    "failed": "failed",
}


@dataclass(frozen=True)
class Dag:
    """A DAG as Airflow knows it.

    Args:
        dag_id: its id.
        paused: Airflow's own switch.
        gone: its file was deleted (``is_stale``, or not ``is_active``).
        next_run: when Airflow will make the next run; aware, or ``None`` for never.
        broken: its file last failed to import.
        token: names its file for a new parse.
        file: where its file is, on Airflow's side.
        tags: its tags.
    """

    dag_id: str
    paused: bool
    gone: bool
    next_run: datetime | None
    broken: bool
    token: str
    file: str
    tags: frozenset[str]


class AirflowApi:
    """The DAGs of one Airflow.

    Args:
        http: how to reach it.
    """

    def __init__(self, http: AirflowHttp) -> None:
        self.http = http

    def verify(self) -> None:
        """Raise unless Airflow answers and permits listing DAGs."""
        self._get("/dags", {"limit": 1})

    def dag(self, dag_id: str) -> Dag | None:
        """One DAG, or ``None`` when Airflow does not know it."""
        try:
            return self._dag(self._get(f"/dags/{quote(dag_id)}"))
        except NotFoundError:
            return None

    def dags(self) -> dict[str, Dag]:
        """Every DAG there is, by id."""
        three = self.http.major == 3
        stale = {"exclude_stale": False} if three else {"only_active": False}
        pages = self._pages("/dags", "dags", {"order_by": "dag_id", **stale})
        return {dag.dag_id: dag for dag in map(self._dag, pages)}

    def set_paused(self, dag_id: str, paused: bool) -> None:
        """Set Airflow's own switch.

        Raises:
            NotFoundError: Airflow does not know the DAG.
        """
        self.http.call(
            "PATCH",
            f"/dags/{quote(dag_id)}",
            params={"update_mask": "is_paused"},
            json={"is_paused": paused},
        )

    def parse_again(self, dag: Dag) -> None:
        """Request a parse of the DAG's file now instead of at the next interval."""
        # Requested already, or an Airflow without this call.
        with suppress(RefusedError, NotFoundError):
            self.http.call("PUT", f"/parseDagFile/{quote(dag.token)}", answer=False)

    def delete(self, dag_id: str) -> bool:
        """Delete a DAG in Airflow, its runs included. Unknown is success.

        Returns:
            Whether it was deleted; Airflow refuses while one of its tasks is running.
        """
        try:
            self.http.call("DELETE", f"/dags/{quote(dag_id)}")
        except NotFoundError:
            pass
        except ConflictError:
            return False
        return True

    def stop_runs(self, dag_id: str) -> None:
        """Fail every run that has not ended, which also ends its tasks."""
        for run in self.runs(dag_id):
            if run.state in ("queued", "running"):
                path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run.run_id, safe='')}"
                self.http.call("PATCH", path, json={"state": "failed"})

    def import_errors(self) -> dict[str, str]:
        """Why Airflow could not import a zip, by the zip's name without ``.zip``: a last line."""
        found = {}
        for error in self._pages("/importErrors", "import_errors", {}):
            lines = str(error["stack_trace"]).strip().splitlines()
            path, zipped, _ = f"{error['filename']}/".partition(".zip/")
            if zipped:
                found[path.rpartition("/")[2]] = lines[-1] if lines else "no reason given"
        return found

    def trigger(self, dag_id: str) -> str:
        """Start a run now; returns its id."""
        body = {"logical_date": None} if self.http.major == 3 else {}
        path = f"/dags/{quote(dag_id)}/dagRuns"
        return str(self.http.call("POST", path, json=body, retry=False)["dag_run_id"])

    def runs(self, dag_id: str) -> Iterator[NativeRun]:
        """The runs of a DAG, newest first; none of a DAG that Airflow does not know."""
        order = "-run_after" if self.http.major == 3 else "-execution_date"
        path = f"/dags/{quote(dag_id)}/dagRuns"
        with suppress(NotFoundError):
            for run in self._pages(path, "dag_runs", {"order_by": order}):
                yield self._run(dag_id, run)

    def url(self, dag_id: str) -> str:
        """The DAG's page in Airflow's web interface."""
        page = f"{self.http.url}/dags/{quote(dag_id)}"
        return page if self.http.major == 3 else f"{page}/grid"

    def _dag(self, dag: Mapping[str, Any]) -> Dag:
        three = self.http.major == 3
        return Dag(
            dag_id=dag["dag_id"],
            paused=bool(dag["is_paused"]),
            gone=bool(dag["is_stale"]) if three else not dag["is_active"],
            next_run=_instant(
                dag["next_dagrun_run_after" if three else "next_dagrun_create_after"]
            ),
            broken=bool(dag["has_import_errors"]),
            token=str(dag["file_token"]),
            file=str(dag["fileloc"]),
            tags=frozenset(tag["name"] for tag in dag["tags"]),
        )

    def _run(self, dag_id: str, run: Mapping[str, Any]) -> NativeRun:
        run_id, state = str(run["dag_run_id"]), str(run["state"])
        if self.http.major == 3:
            due = run["run_after"]
            page = f"/runs/{quote(run_id, safe='')}"
        else:
            due = run["data_interval_end"] or run["logical_date"]
            page = f"?dag_run_id={quote(run_id, safe='')}"
        by_schedule = run["run_type"] == "scheduled"
        return NativeRun(
            run_id=run_id,
            state=_STATES.get(state, "unknown"),
            native_state=state,
            scheduled_for=_instant(due) if by_schedule else None,
            started=_instant(run["start_date"]),
            ended=_instant(run["end_date"]),
            by_schedule=by_schedule,
            url=self.url(dag_id) + page,
        )

    def _pages(self, path: str, key: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self._get(path, {**params, "limit": _PAGE, "offset": offset})
            yield from page[key]
            offset += len(page[key])
            if not page[key] or offset >= page["total_entries"]:
                return

    def _get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return self.http.call("GET", path, params=params)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
