"""A stand-in for an AzureML workspace on loopback, for the official client and ZenML's own code.

It speaks Azure Resource Manager over TLS and hands out tokens as Azure App Service's managed
identity does. It keeps state, checks tokens, refuses what AzureML refuses
(:mod:`standins.azureml_rules`), pages, answers errors in Azure's format, and can be
made to fail. Nothing fires by itself: call ``standin.workspace.fire(name)``.

::

    with AzureMLStandIn(folder) as azure:
        os.environ.update(azure.environment)
        MLClient(DefaultAzureCredential(), azure.subscription, azure.group, azure.name)
"""

from __future__ import annotations

import json
import secrets
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from pulumi_zenml.testing.bench import Fault
from pulumi_zenml.testing.faults import Faulty
from pulumi_zenml.testing.loopback import LoopbackServer
from pulumi_zenml.testing.loopback_tls import Loopback
from standins.azureml_rules import Body, Refusal
from standins.azureml_service import Workspace

_FAULTS: dict[Fault, Refusal] = {
    "unauthenticated": Refusal(401, "ExpiredAuthenticationToken", "The access token has expired."),
    "denied": Refusal(
        403, "AuthorizationFailed", "The client does not have authorization to perform this."
    ),
    "not-found": Refusal(404, "ResourceNotFound", "The Resource was not found."),
    "throttled": Refusal(429, "TooManyRequests", "The request was throttled."),
    "server-error": Refusal(500, "InternalServerError", "Encountered internal error."),
}


class AzureMLStandIn(Faulty):
    """One workspace on free loopback ports, while the block lasts.

    Args:
        folder: for its certificate.
        page: the most that a page of a listing holds.
        settle_seconds: how long a change of a schedule takes.
    """

    subscription = "11111111-2222-3333-4444-555555555555"
    group = "ml-group"
    name = "ml-workspace"

    def __init__(self, folder: Path, *, page: int = 2, settle_seconds: float = 0.0) -> None:
        super().__init__()
        self.workspace = Workspace(self.subscription, self.group, self.name, page, settle_seconds)
        """Its state."""
        self.calls: list[str] = []
        """The calls that were answered, in order, for example ``PUT schedules/x``."""
        self._tls = Loopback(folder)
        self._header = secrets.token_hex(16)
        self.tokens: set[str] = set()
        """Every token that was given out."""
        arm = type("Handler", (_Handler,), {"azure": self, "identity": False})
        identity = type("Handler", (_Handler,), {"azure": self, "identity": True})
        self._arm = LoopbackServer(arm, self._tls.context)
        self._identity = LoopbackServer(identity)

    @property
    def url(self) -> str:
        """Where Azure Resource Manager answers."""
        return f"https://127.0.0.1:{self._arm.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which Azure's own libraries come here, and sign in."""
        return {
            "AZUREML_DEV_URL_MFE": self.url,
            "REQUESTS_CA_BUNDLE": str(self._tls.certificate),
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{self._identity.port}/msi/token",
            "IDENTITY_HEADER": self._header,
        }

    def __enter__(self) -> Self:
        self._identity.listen()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._identity.hang_up()

    def listen(self) -> None:
        """Answer, on the same port as before if there was one."""
        self._arm.listen()

    def hang_up(self) -> None:
        """Stop answering; connections are refused."""
        self._arm.hang_up()

    def token(self) -> str:
        """A token that is let in for an hour, as `az account get-access-token` gives."""
        token = secrets.token_urlsafe(24)
        self.tokens.add(token)
        return token

    def sign_in(self, header: str, query: dict[str, str]) -> Body:
        """Answer a managed identity's request for a token.

        Raises:
            Refusal: the header is not that of this identity.
        """
        if header != self._header:
            raise Refusal(401, "Unauthorized", "The secret is wrong.")
        expires = int(time.time()) + 3600
        resource = query.get("resource", "")
        return {
            "access_token": self.token(),
            "expires_on": str(expires),
            "resource": resource,
            "token_type": "Bearer",
        }

    def answer(
        self, method: str, target: str, authorization: str, raw: bytes
    ) -> tuple[int, Body, dict[str, str]]:
        """Answer one call of Azure Resource Manager.

        Raises:
            Refusal: as Azure would.
        """
        url = urlsplit(target)
        failure = self.failure(method, url.path)
        if failure is not None and not failure.afterwards:
            self._fail(failure.kind)
        if authorization.removeprefix("Bearer ") not in self.tokens:
            raise Refusal(401, "InvalidAuthenticationToken", "The access token is invalid.")
        path = unquote(url.path)
        known, _, rest = path.partition(self.workspace.path)
        if known or not path.startswith(self.workspace.path) or rest[:1] not in ("", "/"):
            raise Refusal(404, "ResourceNotFound", f"The Resource '{path}' was not found.")
        query = dict(parse_qsl(url.query))
        if "api-version" not in query:
            raise Refusal(400, "MissingApiVersionParameter", "api-version is required.")
        rest = rest.strip("/")
        self.calls.append(f"{method} {rest}")
        body = json.loads(raw) if raw else {}
        status, found, headers = self.workspace.call(method, rest, query, body)
        if "nextLink" in found:
            found = {**found, "nextLink": f"{self.url}{found['nextLink']}"}
        if failure is not None:
            self._fail(failure.kind)
        return status, found, headers

    def _fail(self, kind: Fault) -> None:
        if kind == "timeout":
            self.keep_waiting()
            raise Refusal(504, "GatewayTimeout", "The gateway did not answer in time.")
        raise _FAULTS[kind]


class _Handler(BaseHTTPRequestHandler):
    azure: AzureMLStandIn
    identity: bool

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length) if length else b""
        headers: dict[str, str] = {}
        try:
            if self.identity:
                query = dict(parse_qsl(urlsplit(self.path).query))
                secret = self.headers.get("X-IDENTITY-HEADER", "")
                status, body = 200, self.azure.sign_in(secret, query)
            else:
                authorization = self.headers.get("Authorization", "")
                status, body, headers = self.azure.answer(
                    self.command, self.path, authorization, raw
                )
        except Refusal as refusal:
            status, body = refusal.status, refusal.body
            if status == 429:
                headers["Retry-After"] = "1"
        data = json.dumps(body).encode() if status != 204 else b""
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_PUT = do_POST = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""
