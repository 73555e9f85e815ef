"""A stand-in for the Kubeflow Pipelines API server, for the official ``kfp`` client.

It keeps state, signs callers in, validates, pages and refuses as kubeflow/pipelines 2.17 does
(``backend/src/apiserver``: job_server.go, api_converter.go, resource_manager.go, list.go,
filter.go), and can be made to fail. No clock drives it: :meth:`KfpStandIn.tick` does what the
ScheduledWorkflow controller would do at an instant.

::

    with KfpStandIn(token="secret") as kfp:
        client = kfp_sdk.Client(host=kfp.url, existing_token="secret")
"""

from __future__ import annotations

import json
import re
import secrets
from email.message import Message
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

from pulumi_zenml.testing.bench import Fault
from pulumi_zenml.testing.faults import FaultyServer
from standins.kfp_rules import KfpError
from standins.kfp_service import KfpService

_PREFIXES = ("", "/pipeline", "/api/v1/namespaces/kubeflow/services/ml-pipeline:http/proxy")
_API = "/apis/v2beta1/"


class KfpStandIn(FaultyServer, KfpService):
    """A Kubeflow Pipelines API server on a free loopback port, while the block lasts.

    Args:
        token: the bearer token that callers must send; empty for none.
        login: user name and password for a session cookie, in place of a token.
        namespaces: the profiles that the caller may use; given, the server is multi-user.
        keeps_runs: whether it knows ``propagation_policy`` (since 2.16); older servers ignore it
            and take the runs in progress along.
    """

    def __init__(
        self,
        *,
        token: str = "",
        login: tuple[str, str] | None = None,
        namespaces: tuple[str, ...] = (),
        keeps_runs: bool = True,
    ) -> None:
        FaultyServer.__init__(self, type("Handler", (_Handler,), {"kfp": self}))
        KfpService.__init__(self, namespaces=namespaces, keeps_runs=keeps_runs)
        self.token = token
        self.login = login
        self.requests: list[str] = []
        """Every request since the start, as ``METHOD path``."""
        self._sessions: set[str] = set()

    def _signed_in(self, headers: Message) -> bool:
        if self.token:
            return headers.get("Authorization", "") == f"Bearer {self.token}"
        if self.login:
            cookie = headers.get("Cookie", "")
            return cookie.partition("authservice_session=")[2] in self._sessions
        return True


class _Handler(BaseHTTPRequestHandler):
    kfp: KfpStandIn

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        prefix, found, path = parts.path.partition(_API)
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(length).decode() if length else ""
        if not found:
            self._front(parts.path, text)
            return
        self.kfp.requests.append(f"{self.command} {path}")
        if prefix.rstrip("/") not in _PREFIXES:
            self._send(404, "default backend - 404", "text/plain")
            return
        failure = self.kfp.failure(self.command, path)
        if failure is not None and not failure.afterwards:
            self._fail(failure.kind)
            return
        if not self.kfp._signed_in(self.headers):
            if self.kfp.login:
                self._redirect("/login")
            else:
                self._error(KfpError("UNAUTHENTICATED", "Jwt is missing or not valid"))
            return
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        try:
            body = json.loads(text) if text else {}
            answer = self.kfp.answer(self.command, path, query, body)
        except KfpError as error:
            self._error(error)
            return
        if failure is not None:
            self._fail(failure.kind)
            return
        self._send(200, json.dumps(answer), "application/json")

    def _fail(self, kind: Fault) -> None:
        if kind == "timeout":
            self.kfp.keep_waiting()
            self.close_connection = True
            return
        if kind == "throttled":
            # What Istio's rate limit in front of Kubeflow answers.
            self._send(429, "local_rate_limited", "text/plain")
            return
        self._error(
            {
                "unauthenticated": KfpError("UNAUTHENTICATED", "Request header error: no identity"),
                "denied": KfpError("PERMISSION_DENIED", "User 'caller' is not authorized"),
                "not-found": KfpError("NOT_FOUND", "ResourceNotFoundError: not found"),
                "server-error": KfpError("INTERNAL", "InternalServerError: database is gone"),
            }[kind]
        )

    def _front(self, path: str, text: str) -> None:
        """The front door of a Kubeflow with a login form (dex behind an auth service)."""
        login = self.kfp.login
        if login is None:
            self._send(404, "default backend - 404", "text/plain")
        elif path.startswith("/login") and self.command == "POST":
            given = dict(re.findall(r"(\w+)=([^&]*)", text))
            if (unquote_plus(given.get("login", "")), unquote_plus(given.get("password", ""))) == (
                login
            ):
                session = secrets.token_hex(8)
                self.kfp._sessions.add(session)
                self._send(200, "<html>Welcome</html>", "text/html", session)
            else:
                self._send(200, "<html>Invalid Email Address and password.</html>", "text/html")
        elif path.startswith("/login") or self.kfp._signed_in(self.headers):
            self._send(200, "<html><form>Log in</form></html>", "text/html")
        else:
            self._redirect("/login")

    def _error(self, error: KfpError) -> None:
        self._send(error.http, json.dumps(error.body()), "application/json")

    def _redirect(self, where: str) -> None:
        self.send_response(302)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, status: int, text: str, kind: str, session: str = "") -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if session:
            self.send_header("Set-Cookie", f"authservice_session={session}; Path=/")
        self.end_headers()
        self.wfile.write(data)
