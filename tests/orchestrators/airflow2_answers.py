"""Airflow 2's REST API as 2.11.2 answered it, over DAGs that live in a dictionary."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

LOGIN = ("admin", "admin")


@dataclass
class Airflow2:
    """An Airflow 2.11.2 by its answers.

    Attributes:
        url: where it answers.
        dags: by id, as the API shows them.
        runs: by DAG id, newest first.
        errors: import errors.
        busy: DAGs with a running task.
    """

    url: str = ""
    dags: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    busy: set[str] = field(default_factory=set)

    def add(self, dag_id: str, **changed: Any) -> None:
        """Put a DAG there."""
        self.dags[dag_id] = {
            "dag_id": dag_id,
            "file_token": f"{dag_id}.token",
            "fileloc": f"/dags/{dag_id}.zip/dag.py",
            "has_import_errors": False,
            "is_active": True,
            "is_paused": False,
            "next_dagrun": "2026-11-23T03:00:00+00:00",
            "next_dagrun_create_after": "2026-11-24T03:00:00+00:00",
            "schedule_interval": {"__type": "CronExpression", "value": "0 3 * * *"},
            "tags": [{"name": "pulumi-zenml"}],
            "timetable_description": "At 03:00",
            **changed,
        }
        self.runs[dag_id] = []

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any, typed: bool
    ) -> tuple[int, object]:
        """Status and body of one call below ``/api/v1``."""
        first, dag_id, last = (*path.strip("/").split("/"), "", "")[:3]
        if first == "dags" and not dag_id:
            active = query.get("only_active") != "False" and query.get("only_active") != "false"
            found = [dag for dag in self.dags.values() if dag["is_active"] or not active]
            return 200, _page("dags", found, query)
        if first == "importErrors":
            return 200, _page("import_errors", self.errors, query)
        if first == "parseDagFile":
            return 201, None
        if last == "dagRuns" and method == "PATCH":
            self.busy.discard(dag_id)
            return 200, {**self.runs[dag_id][0], **body}
        if last == "dagRuns" and method == "POST":
            return 200, {"dag_run_id": "manual__2026-11-23T15:10:21.833834+00:00", "conf": body}
        if last == "dagRuns":
            return 200, _page("dag_runs", self.runs.get(dag_id, []), query)
        if dag_id not in self.dags:
            return 404, {"detail": None, "status": 404, "title": "DAG not found"}
        if method == "DELETE":
            if typed:
                return 400, {"detail": "Request body is not valid JSON", "status": 400}
            if dag_id in self.busy:
                return 409, {"detail": "Task instances are still running", "status": 409}
            del self.dags[dag_id]
            return 204, None
        if method == "PATCH":
            if query.get("update_mask") != "is_paused" or set(body) != {"is_paused"}:
                return 400, {"detail": "Only `is_paused` field can be updated", "status": 400}
            self.dags[dag_id].update(body)
        return 200, self.dags[dag_id]


def _page(key: str, items: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
    begin = int(query.get("offset", 0))
    return {key: items[begin : begin + int(query["limit"])], "total_entries": len(items)}


@contextmanager
def airflow2() -> Iterator[Airflow2]:
    """Answer on a free port of the loopback for as long as a block lasts."""
    state = Airflow2()
    basic = "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            prefix, found, path = parts.path.partition("/api/v1")
            if prefix or not found:
                self._send(404, b"<!DOCTYPE html><title>Airflow 404</title>", "text/html")
            elif path == "/version":
                self._json(200, {"git_version": "", "version": "2.11.2"})
            elif self.headers.get("Authorization") != basic:
                self._json(403, {"detail": None, "status": 403, "title": "Forbidden"})
            else:
                typed = "Content-Type" in self.headers and not length
                self._json(*state.answer(self.command, path, query, body, typed))

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

        def _json(self, status: int, body: object) -> None:
            # Its answer to a parse request is an empty line, not JSON.
            data = b"\n" if body is None else json.dumps(body).encode()
            self._send(status, b"" if status == 204 else data, "application/json")

        def _send(self, status: int, data: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
