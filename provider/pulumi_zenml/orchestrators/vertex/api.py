"""A ZenML orchestrator component's client of Vertex AI's schedule and pipeline services.

The service clients of the official SDK, not its ``PipelineJobSchedule``: that one reads the
resource once for each field and never sends ``catch_up`` (google-cloud-aiplatform 1.165
``schedules.py``).
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
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
from pulumi_zenml.orchestrators._retry import ATTEMPTS, retry
from pulumi_zenml.orchestrators._sdk import need

if TYPE_CHECKING:
    from pulumi_zenml.orchestrators.base import Target

VERTEX = "Vertex AI"

_DELETE_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.2
_CREDENTIALS = (
    "Link a GCP service connector, set service_account_path, or run 'gcloud auth "
    "application-default login'."
)

Request = Mapping[str, Any]


class GoneError(NotFoundError):
    """The service reports that there is no such object."""


class TransientError(ServiceError):
    """A transient failure of the service."""


_TRANSIENT = (TransientError, ThrottledError, UnreachableError)


def _no_lookup_noise(record: logging.LogRecord) -> bool:
    """Silence google-auth's failed lookup of a trust boundary.

    It fails where only the Vertex AI API can be reached, and nothing depends on it.
    """
    return "allowedLocations" not in record.getMessage()


class VertexApi:
    """One component's client of Vertex AI. Thread-safe; connects on first use.

    Args:
        target: the ZenML component.
        config: ZenML's configuration of it, overrides included.
        endpoint: another host than the region's own; empty for that.
        transport: ``grpc`` or ``rest``.
        seconds: how long one call may take.
    """

    def __init__(
        self,
        target: Target,
        config: Callable[[], Any],
        *,
        endpoint: str,
        transport: str,
        seconds: float,
    ) -> None:
        self._target = target
        self._config = config
        self._endpoint = endpoint
        self._transport = transport
        self._seconds = seconds
        self._lock = threading.Lock()
        self._known: _Clients | None = None

    @property
    def host(self) -> str:
        """The API's host."""
        return self._endpoint or f"{self._config().location}-aiplatform.googleapis.com"

    @property
    def project(self) -> str:
        """The project's id, the credentials' own unless the component names one."""
        return self._clients().project

    @property
    def parent(self) -> str:
        """The parent of schedules: project and location."""
        return f"projects/{self.project}/locations/{self._config().location}"

    def call(self, method: str, doing: str, request: Request, *, once: bool = False) -> Any:
        """Make one call.

        Args:
            method: of the schedule or pipeline client, for example ``get_schedule``.
            doing: what that is for, for errors.
            request: its fields.
            once: never retry.
        """

        def attempt() -> Any:
            return self._call(method, doing, request)

        return attempt() if once else retry(attempt, _TRANSIENT)

    def pages(self, method: str, items: str, doing: str, request: Request) -> Iterator[Any]:
        """Every item of a listing, page by page."""
        token = ""
        while True:
            page = self.call(method, doing, {**request, "page_token": token})
            yield from getattr(page, items)
            token = page.next_page_token
            if not token:
                return

    def until_gone(self, method: str, doing: str, request: Request) -> None:
        """Wait until something that is being deleted can no longer be read."""
        deadline = time.monotonic() + _DELETE_SECONDS
        pause = _LOOK_AGAIN_SECONDS
        while time.monotonic() < deadline:
            try:
                self.call(method, doing, request)
            except GoneError:
                return
            time.sleep(pause)
            pause = min(2 * pause, 5.0)

    def _call(self, method: str, doing: str, request: Request) -> Any:
        clients = self._clients()
        client = clients.schedules if "schedule" in method else clients.pipelines
        with self._errors(doing):
            return getattr(client, method)(request=dict(request), timeout=self._seconds, retry=None)

    def _errors(self, doing: str) -> _Errors:
        return _Errors(lambda error: self._refusal(error, doing))

    def _clients(self) -> _Clients:
        with self._lock:
            if self._known is None or self._known.expired():
                self._known = self._connect()
            return self._known

    def _connect(self) -> _Clients:
        # Google's packages warn of Python versions that they will drop in a year, and they and
        # kfp of how ZenML uses them.
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.api_core")
        warnings.filterwarnings("ignore", "The load_credentials_from_file method")
        warnings.filterwarnings("ignore", "Compiling to JSON is deprecated")
        logging.getLogger("urllib3.connectionpool").addFilter(_no_lookup_noise)
        need("google.cloud.aiplatform_v1", "vertex", VERTEX)
        need("zenml.integrations.gcp.orchestrators", "vertex", VERTEX)
        from google.cloud import aiplatform_v1

        from pulumi_zenml.zenml.quiet import quiet

        orchestrator: Any = self._target.instance()
        orchestrator._config = self._config()
        with self._errors("sign in"), quiet():
            credentials, project = orchestrator._get_authentication()
            arguments: dict[str, Any] = {
                "credentials": credentials,
                "transport": self._transport,
                "client_options": {"api_endpoint": self.host},
            }
            return _Clients(
                schedules=aiplatform_v1.ScheduleServiceClient(**arguments),
                pipelines=aiplatform_v1.PipelineServiceClient(**arguments),
                project=str(project),
                expired=orchestrator.connector_has_expired,
            )

    def _refusal(self, error: Exception, doing: str) -> ServiceError | None:
        """Our error for an exception of Google's libraries; ``None`` for any other."""
        import requests
        from google.api_core import exceptions as api
        from google.auth import exceptions as auth

        text = f"could not {doing} at {self.host}: {_short(error)}"
        unreachable = (requests.RequestException, auth.TransportError, api.DeadlineExceeded)
        if isinstance(
            error, auth.RefreshError | auth.DefaultCredentialsError | auth.MalformedError
        ):
            return UnauthenticatedError(VERTEX, f"{text}. {_CREDENTIALS}")
        if "metadata from plugin failed" in str(error):
            return UnauthenticatedError(VERTEX, f"{text}. {_CREDENTIALS}")
        if isinstance(error, (*unreachable, api.ServiceUnavailable, api.GatewayTimeout)):
            return UnreachableError(
                VERTEX,
                f"{text}. Check the component's location, and api_endpoint in its Pulumi config.",
            )
        if not isinstance(error, api.GoogleAPICallError):
            return None
        code = int(error.code or 0)
        if code == 401:
            return UnauthenticatedError(VERTEX, f"{text}. {_CREDENTIALS}")
        if code == 403:
            return PermissionDeniedError(
                VERTEX,
                f"{text}. Grant the caller 'roles/aiplatform.user' on the project, enable the "
                "Vertex AI API, and let it act as the workload's service account.",
            )
        if code == 404:
            return GoneError(VERTEX, text)
        if code == 429:
            return ThrottledError(VERTEX, f"{text} (after {ATTEMPTS} attempts).")
        return (RefusedError if code < 500 else TransientError)(VERTEX, text)


class _Clients:
    def __init__(
        self, schedules: Any, pipelines: Any, project: str, expired: Callable[[], bool]
    ) -> None:
        self.schedules = schedules
        self.pipelines = pipelines
        self.project = project
        self.expired = expired


class _Errors:
    """Turns the exceptions of Google's libraries in a block into our errors."""

    def __init__(self, translate: Callable[[Exception], ServiceError | None]) -> None:
        self._translate = translate

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            ours = self._translate(error)
            if ours is not None:
                raise ours from error


def _short(error: Exception) -> str:
    text = str(getattr(error, "message", "") or error).strip() or type(error).__name__
    return text.splitlines()[0][:400].rstrip(".")
