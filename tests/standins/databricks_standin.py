"""A stand-in for a Databricks workspace on loopback, for the official SDK.

It serves the Jobs API (2.1 and 2.2), workspace files, cluster policies and service principals'
sign-in. It keeps state, checks tokens, refuses what Databricks refuses
(:mod:`standins.databricks_rules`), pages, answers errors in Databricks' format, and
can be made to fail with :meth:`DatabricksStandIn.fault`. Nothing fires by itself: call
:meth:`DatabricksStandIn.fire`.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pulumi_zenml.testing.bench import Fault
from pulumi_zenml.testing.faults import FaultyServer
from standins.databricks_jobs import Workspace
from standins.databricks_rules import Body, Refusal

_FAULTS: dict[Fault, Refusal] = {
    "unauthenticated": Refusal(401, "UNAUTHENTICATED", "The access token has expired."),
    "denied": Refusal(403, "PERMISSION_DENIED", "User bench is not permitted to do this."),
    "not-found": Refusal(404, "RESOURCE_DOES_NOT_EXIST", "It does not exist."),
    "throttled": Refusal(429, "RESOURCE_EXHAUSTED", "Too many requests."),
    "server-error": Refusal(500, "INTERNAL_ERROR", "An internal error."),
}


class DatabricksStandIn(FaultyServer):
    """A workspace for tests. Use it as a context manager.

    Args:
        client_id, client_secret: the service principal that is let in.
        page: the most that a page of a listing holds.
        cluster_seconds: how long a run is pending before it can start work.
        admin: whether the service principal may know of jobs that were deleted.
    """

    def __init__(
        self,
        client_id: str = "bench",
        client_secret: str = "bench-secret",
        page: int = 3,
        cluster_seconds: float = 120,
        admin: bool = True,
    ) -> None:
        super().__init__(type("Handler", (_Handler,), {"databricks": self}))
        self.client_id = client_id
        self.client_secret = client_secret
        self.calls: list[str] = []
        """The calls that were answered, in order, for example ``jobs/get``."""
        self.later = 0.0
        """Seconds by which the workspace's clock is ahead; add to it to let time pass."""
        self.workspace = Workspace(page, cluster_seconds, admin, lambda: time.time() + self.later)
        """Its state."""
        self._token = secrets.token_hex(16)

    def fire(self, job_id: int) -> int:
        """Do what Databricks does when a schedule is due; returns the run's id."""
        with self.workspace.lock:
            schedule = self.workspace.jobs[job_id]["settings"]["schedule"]
            assert schedule["pause_status"] == "UNPAUSED", f"job {job_id} is paused"
            return self.workspace.start(job_id, "PERIODIC")

    def answer(self, method: str, target: str, headers: Any, raw: bytes) -> Body:
        """Answer one request.

        Raises:
            Refusal: as Databricks would.
        """
        url = urlsplit(target)
        failure = self.failure(method, url.path)
        if failure is not None and not failure.afterwards:
            self._fail(failure.kind)
        found = self._answer(method, url, headers, raw)
        if failure is not None:
            self._fail(failure.kind)
        return found

    def _answer(self, method: str, url: SplitResult, headers: Any, raw: bytes) -> Body:
        if not url.path.startswith("/api/"):
            return self._sign_in(url.path, headers)
        if headers.get("Authorization") != f"Bearer {self._token}":
            raise Refusal(403, "403", "Invalid access token.")
        _, _, version, operation = url.path.split("/", 3)
        given: Body = dict(parse_qsl(url.query))
        if raw and headers.get_content_type() == "multipart/form-data":
            given |= _form(headers["Content-Type"], raw)
        elif raw:
            given |= json.loads(raw)
        self.calls.append(operation)
        if operation == "policies/clusters/list":
            return {"policies": [{"policy_id": "POLICY", "name": "Job Compute"}]}
        if operation == "preview/scim/v2/Me":
            return {"id": "1", "userName": self.client_id, "active": True}
        if operation.startswith("workspace/"):
            return self._files(operation.removeprefix("workspace/"), given)
        if operation.startswith("jobs/") and version in ("2.1", "2.2"):
            return self.workspace.call(operation.removeprefix("jobs/"), given)
        raise Refusal(404, "ENDPOINT_NOT_FOUND", f"No API found for '{method} {url.path}'")

    def _fail(self, kind: Fault) -> None:
        if kind == "timeout":
            self.keep_waiting()
            raise Refusal(504, "DEADLINE_EXCEEDED", "Too late.")
        raise _FAULTS[kind]

    def _sign_in(self, path: str, headers: Any) -> Body:
        if path == "/.well-known/databricks-config":
            return {"oidc_endpoint": f"{self.url}/oidc", "workspace_id": "1"}
        if path == "/oidc/.well-known/oauth-authorization-server":
            base = f"{self.url}/oidc/v1"
            return {
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
            }
        if path != "/oidc/v1/token":
            raise Refusal(404, "ENDPOINT_NOT_FOUND", f"No API found for '{path}'")
        pair = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if headers.get("Authorization") != f"Basic {pair}":
            raise Refusal(401, "invalid_client", "Client authentication failed")
        return {"access_token": self._token, "token_type": "Bearer", "expires_in": 3600}

    def _files(self, operation: str, given: Body) -> Body:
        path = str(given["path"])
        files = self.workspace.files
        if operation == "mkdirs":
            files.setdefault(f"{path}/", b"")
        elif operation == "import":
            files[path] = given["content"]
        elif operation == "delete":
            doomed = [it for it in files if it == path or it.startswith(f"{path.rstrip('/')}/")]
            if not doomed:
                raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", f"Path ({path}) doesn't exist.")
            for name in doomed:
                del files[name]
        elif operation == "get-status":
            if not any(it.startswith(path) for it in files):
                raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", f"Path ({path}) doesn't exist.")
            return {"path": path, "object_type": "DIRECTORY"}
        else:
            raise Refusal(404, "ENDPOINT_NOT_FOUND", f"No API found for '{operation}'")
        return {}


class _Handler(BaseHTTPRequestHandler):
    databricks: DatabricksStandIn

    def do_GET(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, extra = 200, {}
        try:
            body = self.databricks.answer(self.command, self.path, self.headers, raw)
        except Refusal as refusal:
            status = refusal.status
            body = {"error_code": refusal.code, "message": refusal.message}
            if refusal.code == "invalid_client":
                body = {"error": refusal.code, "error_description": refusal.message}
            extra = {"Retry-After": "1"} if status == 429 else {}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


def _form(content_type: str, raw: bytes) -> Body:
    """The fields of an upload."""
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + raw)
    fields: Body = {}
    for part in message.get_payload():
        assert not isinstance(part, str)
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        assert isinstance(value, bytes)
        fields[str(name)] = value if name == "content" else value.decode()
    return fields
