"""Airflow made ready for the conformance suite: a real Airflow 3 behind a gate for faults."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar, Self

import httpx

from orchestrators.airflow_zips import edit_config
from orchestrators.gate import Gate
from pulumi_zenml.cadence import Cadence, make_cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.testing.bench import Bench, Fault
from testbed.airflow import Airflow
from testbed.zenml_store import WITH_IMAGES, register_stack


class AirflowGate(Gate):
    """A way to an Airflow API server that can be made to fail.

    A wrong password and an expired token are Airflow's own answers. The others are given here
    as Airflow or a proxy before it gives them.

    Args:
        airflow: where to.
    """

    def __init__(self, airflow: Airflow) -> None:
        self.airflow = airflow
        self.http = httpx.Client(base_url=airflow.url, timeout=60)
        super().__init__(_Handler)

    def close(self) -> None:
        """Close the gate for good."""
        super().close()
        self.http.close()


class _Handler(BaseHTTPRequestHandler):
    gate: AirflowGate

    def do_GET(self) -> None:
        failure = self.gate.failure(self.command, self.path)
        fault = failure.kind if failure else None
        self.gate.calls.append((self.command, self.path))
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        if fault == "timeout":
            self.gate.keep_waiting()
            self.close_connection = True
        elif fault == "denied":
            self._answer(403, {"detail": "Forbidden"})
        elif fault == "throttled":
            self._answer(429, {"detail": "Too Many Requests"})
        elif fault == "server-error":
            self._answer(500, {"detail": "Internal Server Error"})
        else:
            self._forward(fault, body)

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

    def _forward(self, fault: Fault | None, body: bytes | None) -> None:
        names = ("Authorization", "Content-Type", "Accept")
        headers = {name: self.headers[name] for name in names if name in self.headers}
        if fault == "unauthenticated":
            headers["Authorization"] = "Bearer expired"
            body = b'{"username": "admin", "password": "wrong"}' if body else body
        answer = self.gate.http.request(self.command, self.path, content=body, headers=headers)
        self._send(answer.status_code, answer.headers.get("Content-Type"), answer.content)

    def _answer(self, status: int, body: object) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: int, kind: str | None, body: bytes) -> None:
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class AirflowBench(Bench):
    """A folder of its own under a real Airflow's DAG folder; use it as a context manager.

    Args:
        airflow: a running Airflow 3.
    """

    flavor: ClassVar[str] = "airflow"
    needs_server: ClassVar[bool] = False
    # A zip is found in its folder, without asking Airflow.
    offline: ClassVar[frozenset[str]] = frozenset({"locate"})
    faults: ClassVar[tuple[Fault, ...]] = (
        "unauthenticated",
        "denied",
        "throttled",
        "server-error",
        "timeout",
        "refused",
    )

    def __init__(self, airflow: Airflow) -> None:
        self.airflow = airflow
        self.dags = airflow.dags / f"bench-{secrets.token_hex(4)}"
        self.gate = AirflowGate(airflow)

    def __enter__(self) -> Self:
        self.dags.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.close()
        shutil.rmtree(self.dags)

    @property
    def credentials(self) -> Sequence[str]:
        return (self.airflow.password,)

    def overrides(self) -> Mapping[str, Json]:
        return {
            "api_url": self.gate.url,
            "username": self.airflow.username,
            "password": self.airflow.password,
            "wait": 120,
            # Long enough for its one SQLite file, which the scheduler writes too; each fault test
            # waits it out once.
            "timeout": 15,
        }

    def register(self, name: str) -> None:
        config: dict[str, Json] = {"local": True, "dag_output_dir": str(self.dags)}
        register_stack(name, {"orchestrator": ("airflow", config), **WITH_IMAGES})

    def cadences(self) -> Sequence[Cadence]:
        start = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=1)
        return [
            make_cadence(cron="0 3 * * 1-5"),
            make_cadence(interval=timedelta(hours=6), start_time=start),
            make_cadence(interval=timedelta(minutes=90), start_time=start, catchup=True),
            make_cadence(run_once_at=start),
        ]

    def native_ids(self) -> set[str]:
        """Every zip in the folder, and every DAG that Airflow still has from there."""
        known = self.airflow.api("GET", "/dags?limit=1000&exclude_stale=true").json()["dags"]
        ours = {
            dag["dag_id"]
            for dag in known
            if str(dag["relative_fileloc"]).startswith(f"{self.dags.name}/")
        }
        return ours | {path.stem for path in self.dags.glob("*.zip")}

    def edit_cadence(self, native_id: str) -> None:
        edit_config(self.dags / f"{native_id}.zip", schedule="7 5 * * *")

    def edit_paused(self, native_id: str, paused: bool) -> None:
        self._expect("PATCH", f"/dags/{native_id}?update_mask=is_paused", {"is_paused": paused})

    def remove(self, native_id: str) -> None:
        (self.dags / f"{native_id}.zip").unlink()
        self.airflow.api("DELETE", f"/dags/{native_id}").raise_for_status()

    def add_run(self, native_id: str) -> str:
        run = self._expect("POST", f"/dags/{native_id}/dagRuns", {"logical_date": None})
        return str(run["dag_run_id"])

    @contextmanager
    def fault(self, kind: Fault) -> Iterator[None]:
        with self.gate.fault(kind):
            yield

    def _expect(self, method: str, path: str, body: object) -> dict[str, Any]:
        answer = self.airflow.api(method, path, body)
        answer.raise_for_status()
        data: dict[str, Any] = answer.json()
        return data
