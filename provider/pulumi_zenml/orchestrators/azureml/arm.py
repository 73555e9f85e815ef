"""Azure Resource Manager in plain JSON: sign-in, deadlines, retries, pages, errors.

Without the SDK: azure-ai-ml translates a schedule's whole job back and forth to flip a switch,
differs between the versions that ZenML allows, and prints dots to stdout while it waits
(azure-ai-ml 1.35 _azureml_polling.py).
"""

from __future__ import annotations

import os
import ssl
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from pulumi_zenml.errors import (
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from pulumi_zenml.orchestrators._sdk import need
from pulumi_zenml.orchestrators.base import Target

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

SERVICE = "AzureML"
TIMEOUT_SECONDS = 30
_CONNECT_SECONDS = 10.0
ATTEMPTS = 4
_LONGEST_WAIT = 20.0
_RETRIED = {408, 409, 429, 500, 502, 503, 504}

# azure-ai-ml 1.35 _azure_environments.py, which reads the same variable.
_CLOUDS = {
    "AzureCloud": "https://management.azure.com",
    "AzureChinaCloud": "https://management.chinacloudapi.cn",
    "AzureUSGovernment": "https://management.usgovcloudapi.net",
}

Body = dict[str, Any]


class Arm:
    """Azure Resource Manager, with the credentials of a ZenML component.

    Args:
        target: the component. Its overrides ``management_url``, ``timeout_seconds`` and
            ``attempts`` win.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._credential: TokenCredential | None = None
        cloud = os.environ.get("AZUREML_CURRENT_CLOUD", "AzureCloud")
        public = _CLOUDS.get(cloud, _CLOUDS["AzureCloud"])
        given = target.overrides.get("management_url")
        # azure-ai-ml sends its calls there, and asks for tokens for the cloud all the same.
        self._url = str(given or os.environ.get("AZUREML_DEV_URL_MFE") or public).rstrip("/")
        self._scope = f"{public}/.default"
        seconds = float(str(target.overrides.get("timeout_seconds") or TIMEOUT_SECONDS))
        self._attempts = int(str(target.overrides.get("attempts") or ATTEMPTS).partition(".")[0])
        # The certificates that azure-ai-ml trusts, which goes through `requests`.
        trusted = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
        self._http = httpx.Client(
            verify=ssl.create_default_context(cafile=trusted),
            timeout=httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
        )
        weakref.finalize(self, self._http.close)

    def get(self, path: str, version: str, doing: str) -> Body | None:
        """Read a resource; ``None`` when there is none."""
        try:
            return self.call("GET", path, version, doing)
        except NotFoundError:
            return None

    def pages(
        self, path: str, version: str, doing: str, params: Mapping[str, str]
    ) -> Iterator[Body]:
        """Every item of a listing, page by page."""
        page = self.call("GET", path, version, doing, params=params)
        yield from page.get("value") or []
        while link := page.get("nextLink"):
            page = self._send("GET", str(link), doing, None, {})
            yield from page.get("value") or []

    def call(
        self,
        method: str,
        path: str,
        version: str,
        doing: str,
        *,
        body: Body | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Body:
        """Make one call.

        Args:
            method: of HTTP. All but POST are repeated when they may be.
            path: from ``/subscriptions`` on.
            version: of the API.
            doing: what for, for errors: ``read schedule 'x'``.
            body: the JSON to send.
            params: of the query.

        Raises:
            ServiceError: of the kind that the response's status says.
        """
        query = {"api-version": version, **(params or {})}
        return self._send(method, f"{self._url}{path}", doing, body, query)

    def _send(
        self, method: str, url: str, doing: str, body: Body | None, params: Mapping[str, str]
    ) -> Body:
        attempts = 1 if method == "POST" else self._attempts
        retrying = Retrying(
            retry=retry_if_exception_type(_AgainError),
            stop=stop_after_attempt(attempts),
            wait=_wait,
            reraise=True,
        )
        try:
            made: Body = retrying(self._once, method, url, doing, body, params)
        except _AgainError as error:
            raise error.reason from None
        return made

    def _once(
        self, method: str, url: str, doing: str, body: Body | None, params: Mapping[str, str]
    ) -> Body:
        headers = {"Authorization": f"Bearer {self._token(doing)}"}
        try:
            answer = self._http.request(
                method, url, params=dict(params) or None, json=body, headers=headers
            )
        except httpx.TimeoutException as error:
            raise UnreachableError(
                SERVICE, f"could not {doing}: no response in time ({type(error).__name__})."
            ) from None
        except httpx.TransportError as error:
            raise _AgainError(
                UnreachableError(SERVICE, f"could not {doing}: {error}. Is {url} reachable?")
            ) from None
        if answer.is_success:
            made: Body = answer.json() if answer.content else {}
            return made
        failure = _failure(answer, doing)
        if isinstance(failure, UnauthenticatedError):
            with self._lock:
                self._credential = None
        if answer.status_code in _RETRIED:
            raise _AgainError(failure, answer.headers.get("Retry-After", ""))
        raise failure

    def _token(self, doing: str) -> str:
        from azure.core.exceptions import AzureError, ClientAuthenticationError

        try:
            with self._lock:
                if self._credential is None:
                    self._credential = self._sign_in()
                credential = self._credential
            return str(credential.get_token(self._scope).token)
        except ClientAuthenticationError as error:
            raise UnauthenticatedError(
                SERVICE,
                f"could not {doing}: Azure issued no token: {_first_line(error)} Link a service "
                "connector to the orchestrator, or sign in as DefaultAzureCredential expects.",
            ) from None
        except AzureError as error:
            raise UnreachableError(
                SERVICE, f"could not {doing}: no token could be fetched: {_first_line(error)}"
            ) from None

    def _sign_in(self) -> TokenCredential:
        """The credential that ZenML's own orchestrator uses (zenml 0.98 get_azureml_client)."""
        need("azure.ai.ml", "azureml", SERVICE)
        from azure.identity import DefaultAzureCredential

        from pulumi_zenml.zenml.quiet import quiet

        with quiet():
            try:
                connector = self._target.instance().get_connector()
                if connector is not None:
                    made: TokenCredential = connector.connect()
                    return made
            # ZenML wraps what a connector raises in RuntimeError or its own exceptions.
            except Exception as error:
                raise UnauthenticatedError(
                    SERVICE,
                    f"the service connector of '{self._target.component.name}' gives no "
                    f"credentials: {_first_line(error)}",
                ) from error
            return DefaultAzureCredential()


class _AgainError(Exception):
    """A transient failure."""

    def __init__(self, reason: ServiceError, after: str = "") -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.after = float(after) if after.isdecimal() else 0.0


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.after if isinstance(error, _AgainError) else 0.0
    return min(max(asked, float(2 ** (state.attempt_number - 2))), _LONGEST_WAIT)


def _failure(answer: httpx.Response, doing: str) -> ServiceError:
    """The error of a failed response. ARM puts code and message under ``error``."""
    try:
        error = answer.json().get("error") or {}
    except (ValueError, AttributeError):
        error = {}
    code, message = str(error.get("code", "")), " ".join(str(error.get("message", "")).split())
    said = f"could not {doing}: HTTP {answer.status_code} {code} {message[:400]}".rstrip()
    match answer.status_code:
        case 401:
            return UnauthenticatedError(
                SERVICE, f"{said} Renew the credentials of the service connector, or sign in again."
            )
        case 403:
            return PermissionDeniedError(
                SERVICE,
                f"{said} It needs Microsoft.MachineLearningServices/workspaces/schedules/read, "
                "write and delete: the role 'AzureML Data Scientist' has them.",
            )
        case 404:
            return NotFoundError(SERVICE, said)
        case 429:
            return ThrottledError(SERVICE, f"{said} Try again later.")
        case status if status >= 500 or status == 408:
            return ServiceError(SERVICE, f"{said} Azure failed; try again later.")
    return RefusedError(SERVICE, said)


def wait_for(poll: Any, doing: str, *, seconds: float = 180.0) -> Body | None:
    """Poll until an operation is over.

    Args:
        poll: returns a pair: whether it is over, and the resource.
        doing: the operation, for the error.
        seconds: the deadline.

    Raises:
        UnreachableError: it took longer.
    """
    deadline, pause = time.monotonic() + seconds, 0.2
    while True:
        over, resource = poll()
        if over:
            found: Body | None = resource
            return found
        if time.monotonic() > deadline:
            raise UnreachableError(SERVICE, f"could not {doing}: not over within {seconds:.0f} s.")
        time.sleep(pause)
        pause = min(pause * 1.5, 3.0)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
