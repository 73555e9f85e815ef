"""Airflow made ready for the conformance suite: a real Airflow 3 behind a gate for faults."""

from __future__ import annotations

import json
import secrets
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self

import httpx

from orchestrators.airflow_world import edit_config
from pulumi_zenml.orchestrators.base import Json
from pulumi_zenml.testing.bench import Bench, Fault
from testbed.airflow import Airflow


class Gate:
    """A way to an Airflow API server that can be made to fail.

    A wrong password and an expired token are Airflow's own answers. The others are given here
    as Airflow or a proxy before it gives them.

    Args:
        airflow: where to.
    """

    def __init__(self, airflow: Airflow) -> None:
        self.airflow = airflow
        self.failing: Fault | None = None
        self.failures: list[Fault] = []
        self.calls: list[tuple[str, str]] = []
        self.answering = threading.Event()
        self.http = httpx.Client(base_url=airflow.url, timeout=60)
        self._server = self._listen(0)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Close the gate for good."""
        self.answering.set()
        self._server.shutdown()
        self._server.server_close()
        self.http.close()

    @contextmanager
    def fault(self, kind: Fault, *, times: int | None = None) -> Iterator[None]:
        """Fail for as long as a block lasts.

        Args:
            kind: how.
            times: only for so many calls.
        """
        self.answering.clear()
        if kind == "refused":
            port = self._server.server_address[1]
            self._server.shutdown()
            self._server.server_close()
        elif times is not None:
            self.failures = [kind] * times
        else:
            self.failing = kind
        try:
            yield
        finally:
            self.failing, self.failures = None, []
            self.answering.set()
            if kind == "refused":
                self._server = self._listen(port)

    def next_fault(self) -> Fault | None:
        """How the call that has come in is to fail."""
        return self.failures.pop(0) if self.failures else self.failing

    def _listen(self, port: int) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server


def _handler(gate: Gate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fault = gate.next_fault()
            gate.calls.append((self.command, self.path))
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else None
            if fault == "timeout":
                gate.answering.wait(120)
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
            answer = gate.http.request(self.command, self.path, content=body, headers=headers)
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

    return Handler


class AirflowBench(Bench):
    """A folder of its own under a real Airflow's DAG folder; use it as a context manager.

    Args:
        airflow: a running Airflow 3.
    """

    flavor: ClassVar[str] = "airflow"
    needs_server: ClassVar[bool] = False
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
        self.gate = Gate(airflow)

    def __enter__(self) -> Self:
        self.dags.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.close()
        shutil.rmtree(self.dags)

    def overrides(self) -> Mapping[str, Json]:
        return {
            "api_url": self.gate.url,
            "username": self.airflow.username,
            "password": self.airflow.password,
            "wait": 120,
            "timeout": 5,
        }

    def register(self, name: str) -> None:
        from testbed.zenml_worker import register_stack

        register_stack(name, "airflow", {"local": True, "dag_output_dir": str(self.dags)})

    def cadences(self) -> Sequence[Mapping[str, object]]:
        start = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=1)
        return [
            {"cron": "0 3 * * 1-5"},
            {"interval": timedelta(hours=6), "start_time": start},
            {"interval": timedelta(minutes=90), "start_time": start, "catchup": True},
            {"run_once_at": start},
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
