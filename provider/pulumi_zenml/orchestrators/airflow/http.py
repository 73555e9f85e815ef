"""One Airflow over HTTP: its version, the login, and its errors."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pulumi_zenml.errors import (
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)

if TYPE_CHECKING:
    import httpx

SERVICE = "Airflow"

_CONNECT_SECONDS = 10.0
_ATTEMPTS = 4
_LONGEST_DETAIL = 300


class ConflictError(RefusedError):
    """Refused because of the current state of the resource (HTTP 409)."""


class _RetryError(Exception):
    def __init__(self, error: ServiceError) -> None:
        self.error = error


class AirflowHttp:
    """Calls to ``/api/v2`` of Airflow 3 or ``/api/v1`` of Airflow 2; usable by several threads.

    Args:
        url: where the API server or web server is, without ``/api/…``.
        username, password: a login, or
        token: a bearer token, used as it is.
        timeout: seconds that one answer may take.
    """

    def __init__(
        self, url: str, *, username: str = "", password: str = "", token: str = "", timeout: float
    ) -> None:
        import httpx

        self.url = url.rstrip("/").removesuffix("/api/v1").removesuffix("/api/v2").rstrip("/")
        self._login = (username, password) if username else None
        self._given = token
        self._token = ""
        self._major = 0
        self._lock = threading.Lock()
        deadline = httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS))
        try:
            self._http = httpx.Client(base_url=self.url, timeout=deadline)
        except httpx.InvalidURL as error:
            raise ServiceError(SERVICE, f"`api_url` {self.url!r} is not a URL: {error}.") from error
        # It logs every request, and ZenML shows what is logged.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        weakref.finalize(self, self._http.close)

    @property
    def major(self) -> int:
        """Airflow's major version, 2 or 3."""
        with self._lock:
            if not self._major:
                self._major = self._detect()
        return self._major

    def call(
        self, method: str, path: str, *, retry: bool = True, answer: bool = True, **request: Any
    ) -> Any:
        """One call; returns its JSON, or ``None`` without one.

        Args:
            method: for example ``GET``.
            path: below ``/api/vN``.
            retry: retry while Airflow is busy or unreachable; only for calls that may be repeated.
            answer: whether to return the response's JSON.
            request: as for ``httpx.Client.request``.
        """
        where = f"/api/v{self.major - 1}{path}"
        response = self._send(method, where, retry=retry, auth=self._auth(), **request)
        if _is_stranger(response) and self._token:
            self._token = ""  # it lasts a day by default; get a new one
            response = self._send(method, where, retry=retry, auth=self._auth(), **request)
        _raise_for(response, f"{method} {where}")
        return _json(response) if answer and response.content else None

    def _send(
        self, method: str, path: str, *, retry: bool = True, **request: Any
    ) -> httpx.Response:
        import httpx
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

        def once() -> httpx.Response:
            try:
                response = self._http.request(method, path, **request)
            except httpx.TimeoutException as error:
                raise self._unreachable(error, "did not answer in time") from error
            except httpx.UnsupportedProtocol as error:
                raise self._unreachable(error, "is not an http or https URL") from error
            except httpx.TransportError as error:
                raise _RetryError(self._unreachable(error, "cannot be reached")) from error
            if response.status_code == 429 or response.status_code >= 500:
                raise _RetryError(_failed(response, f"{method} {path}"))
            return response

        attempts = Retrying(
            retry=retry_if_exception_type(_RetryError),
            stop=stop_after_attempt(_ATTEMPTS if retry else 1),
            wait=wait_exponential(multiplier=0.5, max=4),
            reraise=True,
        )
        try:
            return attempts(once)
        except _RetryError as last:
            raise last.error from last.__cause__

    def _unreachable(self, error: Exception, what: str) -> UnreachableError:
        return UnreachableError(
            SERVICE,
            f"{self.url} {what} ({type(error).__name__}: {error}). Check `api_url` in "
            "zenml:orchestrators, and that Airflow's API server is running.",
        )

    def _detect(self) -> int:
        for path, major in (("/api/v2/version", 3), ("/api/v1/version", 2)):
            response = self._send("GET", path, headers=_bearer(self._given))
            if response.status_code == 200 and _says_version(response):
                return major
            if response.status_code in (401, 403):
                _raise_for(response, f"GET {path}")
        raise ServiceError(
            SERVICE,
            f"{self.url} is not an Airflow 2 or 3: neither /api/v2/version nor /api/v1/version "
            "exists. Give the address of Airflow's web server in `api_url`.",
        )

    def _auth(self) -> Callable[[httpx.Request], httpx.Request] | tuple[str, str] | None:
        if self.major == 2 and not self._given:
            return self._login
        header = _bearer(self._given or self._session())

        def add(request: httpx.Request) -> httpx.Request:
            request.headers.update(header)
            return request

        return add

    def _session(self) -> str:
        """A token of Airflow 3 for the login, or none without one."""
        if self._token or self._login is None:
            return self._token
        body = dict(zip(("username", "password"), self._login, strict=True))
        response = self._send("POST", "/auth/token", json=body)
        if response.status_code in (404, 405):
            raise UnauthenticatedError(
                SERVICE,
                "its auth manager has no user and password login at /auth/token. Give a `token` "
                "in zenml:orchestrators.",
            )
        _raise_for(response, "POST /auth/token")
        self._token = str(_json(response)["access_token"])
        return self._token


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _says_version(response: httpx.Response) -> bool:
    """Airflow 3 answers every unknown path with its web page."""
    try:
        return "version" in response.json()
    except ValueError:
        return False


def _is_stranger(response: httpx.Response) -> bool:
    """Whether the caller is not authenticated. Airflow 3 answers an invalid token with 403."""
    return response.status_code == 401 or (
        response.status_code == 403 and "token" in _detail(response).lower()
    )


def _raise_for(response: httpx.Response, call: str) -> None:
    if response.status_code >= 300:
        raise _failed(response, call)


def _failed(response: httpx.Response, call: str) -> ServiceError:
    status = response.status_code
    said = f"{call} returned {status}{_detail(response)}"
    where = "in zenml:orchestrators"
    if status < 400:
        hint = f"It redirects to a login page: give a `token` {where}, or correct `api_url`."
        return UnauthenticatedError(SERVICE, f"{said}. {hint}")
    if _is_stranger(response):
        hint = f"Check `username` and `password`, or `token`, {where}."
        return UnauthenticatedError(SERVICE, f"{said}. {hint}")
    if status == 403:
        hint = (
            "The user needs to read, edit and delete DAGs and to read their runs. Airflow 2 "
            "answers the same to a wrong password, and when [api] auth_backends leaves out "
            "basic authentication."
        )
        return PermissionDeniedError(SERVICE, f"{said}. {hint}")
    if status == 404:
        return NotFoundError(SERVICE, f"{said}.")
    if status == 409:
        return ConflictError(SERVICE, f"{said}.")
    if status == 429:
        return ThrottledError(SERVICE, f"{said}, after several attempts. Try again later.")
    if status >= 500:
        return ServiceError(SERVICE, f"{said}. See Airflow's log.")
    return RefusedError(SERVICE, f"{said}.")


def _detail(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return ""
    detail = body.get("detail") or body.get("title") if isinstance(body, dict) else None
    return f" ({str(detail)[:_LONGEST_DETAIL]})" if detail else ""


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise ServiceError(
            SERVICE,
            f"{response.request.url} did not return JSON. Is `api_url` the address of Airflow's "
            "web server?",
        ) from error
