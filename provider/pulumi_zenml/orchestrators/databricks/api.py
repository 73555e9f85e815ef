"""The Databricks calls that a counterpart needs, with deadlines and our errors.

The calls go through the SDK's own HTTP client, with its sign-in and retries, but use plain JSON:
an SDK's classes drop every newer field, and what is read here is written back. So SDK 0.28, which
ZenML 0.98 pins, and the current one both work.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

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

SERVICE = "Databricks"
HTTP_SECONDS = 30
RETRY_SECONDS = 60
JOBS_PAGE = 100
RUNS_PAGE = 25
_JOBS = "/api/2.2/jobs"

Job = dict[str, Any]


class DatabricksApi:
    """A workspace, with the credentials of a ZenML component.

    Args:
        target: the component. Its overrides ``http_timeout_seconds`` and
            ``retry_timeout_seconds`` win.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._zenml: Any = None
        self._client: Any = None

    @property
    def config(self) -> Any:
        """ZenML's configuration of the component, with its secrets resolved."""
        with self._lock:
            if self._zenml is None:
                need("databricks.sdk", "databricks", SERVICE)
                self._zenml = self._target.instance()
            return self._zenml.config

    @property
    def host(self) -> str:
        """The workspace's address."""
        return str(self.config.host).rstrip("/")

    def job(self, job_id: str) -> Job | None:
        """A job with all its tasks; ``None`` when it was deleted.

        To callers who are not admins, Databricks denies access to a deleted job. A job that is
        denied and not in the listing counts as deleted.
        """
        try:
            return self._job(job_id)
        except NotFoundError:
            return None
        except PermissionDeniedError:
            if any(str(it["job_id"]) == job_id for it in self.jobs()):
                raise
            return None

    def jobs(self) -> Iterator[Job]:
        """All jobs, the newest first, with up to a hundred tasks each."""
        query = {"expand_tasks": True, "limit": JOBS_PAGE}
        yield from self._pages("listing jobs", f"{_JOBS}/list", query, "jobs")

    def update(self, job_id: str, settings: Mapping[str, Any], remove: list[str]) -> None:
        """Replace top-level settings of a job; tasks are matched by their keys."""
        body = {"job_id": int(job_id), "new_settings": settings, "fields_to_remove": remove}
        self._do(f"changing job {job_id}", "POST", f"{_JOBS}/update", body=body)

    def delete(self, job_id: str) -> None:
        """Delete a job; already deleted is success."""
        try:
            body = {"job_id": int(job_id)}
            self._do(f"deleting job {job_id}", "POST", f"{_JOBS}/delete", body=body)
        except NotFoundError:
            return
        except PermissionDeniedError:
            if self.job(job_id) is not None:
                raise

    def runs(self, job_id: str, **filters: Any) -> Iterator[Mapping[str, Any]]:
        """The runs of a job, the newest first."""
        query = {"job_id": int(job_id), "limit": RUNS_PAGE, **filters}
        yield from self._pages(f"listing runs of job {job_id}", f"{_JOBS}/runs/list", query, "runs")

    def cancel_runs(self, job_id: str) -> None:
        """Cancel all active runs of a job."""
        body = {"job_id": int(job_id)}
        what = f"cancelling the runs of job {job_id}"
        self._do(what, "POST", f"{_JOBS}/runs/cancel-all", body=body)

    def run_now(self, job_id: str, token: str) -> str:
        """Start a run; the same token never starts a second one."""
        body = {"job_id": int(job_id), "idempotency_token": token}
        answer = self._do(f"starting job {job_id}", "POST", f"{_JOBS}/run-now", body=body)
        return str(answer["run_id"])

    def delete_folder(self, path: str) -> None:
        """Delete a workspace folder and its contents; already deleted is success."""
        body = {"path": path, "recursive": True}
        try:
            self._do(f"deleting '{path}'", "POST", "/api/2.0/workspace/delete", body=body)
        except NotFoundError:
            return

    def ping(self) -> None:
        """Check that the workspace answers, accepts the login, and lists what ZenML needs."""
        self._do("listing jobs", "GET", f"{_JOBS}/list", query={"limit": 1})
        self._do("listing cluster policies", "GET", "/api/2.0/policies/clusters/list")

    def user(self) -> str:
        """The signed-in user's name."""
        me = self._do("reading the signed-in user", "GET", "/api/2.0/preview/scim/v2/Me")
        return str(me.get("userName") or me.get("displayName") or me.get("id") or "an unnamed user")

    def _job(self, job_id: str) -> Job:
        what, path = f"reading job {job_id}", f"{_JOBS}/get"
        job = self._do(what, "GET", path, query={"job_id": job_id})
        token = job.pop("next_page_token", None)
        while token:
            query = {"job_id": job_id, "page_token": token}
            more = self._do(what, "GET", path, query=query)
            job["settings"]["tasks"] += more["settings"].get("tasks", [])
            token = more.get("next_page_token")
        return job

    def _pages(
        self, what: str, path: str, query: dict[str, Any], key: str
    ) -> Iterator[dict[str, Any]]:
        while True:
            page = self._do(what, "GET", path, query=query)
            yield from page.get(key, [])
            token = page.get("next_page_token")
            if not token:
                return
            query = {**query, "page_token": token}

    def _do(self, what: str, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        with calling(what):
            answer = self._sdk().api_client.do(method, path, **arguments)
        return cast(dict[str, Any], answer)

    def _sdk(self) -> Any:
        config = self.config
        with self._lock:
            if self._client is None:
                self._client = self._sign_in(config)
            return self._client

    def _sign_in(self, config: Any) -> Any:
        sdk = need("databricks.sdk", "databricks", SERVICE)
        core = need("databricks.sdk.core", "databricks", SERVICE)
        overrides = self._target.overrides
        seconds = overrides.get("http_timeout_seconds", HTTP_SECONDS)
        assert isinstance(seconds, int | float)
        _require_answer(str(config.host), seconds)
        principal = {}
        if config.client_id:
            principal = {"client_id": config.client_id, "client_secret": config.client_secret}
        settings = core.Config(
            host=config.host,
            http_timeout_seconds=seconds,
            retry_timeout_seconds=overrides.get("retry_timeout_seconds", RETRY_SECONDS),
            **principal,
        )
        return sdk.WorkspaceClient(config=settings)


def _require_answer(host: str, seconds: float) -> None:
    """Check that the workspace answers before the SDK signs in.

    The SDK signs in without a time-out of its own (databricks-sdk 0.28 oauth), and reports
    whatever goes wrong there as missing credentials.
    """
    import requests

    base = host if "://" in host else f"https://{host}"
    url = f"{base.rstrip('/')}/oidc/.well-known/oauth-authorization-server"
    what = "signing in"
    try:
        answer = requests.get(url, timeout=seconds)
    except requests.RequestException as error:
        raise _unreachable(error, what) from error
    said = f"{what}: {url} returns {answer.status_code}."
    if answer.status_code == requests.codes.too_many_requests:
        raise _throttled(said)
    if answer.status_code == requests.codes.unauthorized:
        raise _signed_out(said)
    if answer.status_code == requests.codes.forbidden:
        raise PermissionDeniedError(SERVICE, f"{said} Is this machine in its IP access list?")
    if answer.status_code >= 500:
        raise UnreachableError(SERVICE, f"{said} Databricks failed; try again later.")


@contextmanager
def calling(what: str) -> Iterator[None]:
    """Turn the SDK's errors into ours.

    Args:
        what: what is being done to which object, for the error.
    """
    import requests
    from databricks.sdk.errors.base import DatabricksError

    try:
        yield
    except DatabricksError as error:
        raise _ours(error, what) from error
    except TimeoutError as error:
        # The SDK's retries have run out; the cause is the error behind them.
        raise _given_up(error, what) from error
    except requests.RequestException as error:
        raise _unreachable(error, what) from error
    except ValueError as error:
        # Config says so when it finds no credentials, or no way to use them.
        raise UnauthenticatedError(
            SERVICE,
            f"{what}: {error}. Set client_id and client_secret of the ZenML orchestrator, or the "
            "environment that the Databricks SDK reads.",
        ) from error


def _ours(error: Any, what: str) -> ServiceError:
    from databricks.sdk import errors as their

    text = str(error)
    said = f"{what}: {text}"
    missing = isinstance(error, their.NotFound) or (
        # For a missing job the platform reports a bad parameter.
        isinstance(error, their.BadRequest) and "does not exist" in text
    )
    if missing:
        return NotFoundError(SERVICE, said)
    signed_out = "invalid access token" in text.lower() or "invalid_client" in text
    if isinstance(error, their.Unauthenticated) or signed_out:
        return _signed_out(said)
    if isinstance(error, their.PermissionDenied):
        return PermissionDeniedError(
            SERVICE, f"{said} The caller must be allowed to manage the job and to write its folder."
        )
    if isinstance(error, their.TooManyRequests):
        return _throttled(said)
    if isinstance(error, their.InternalError | their.TemporarilyUnavailable):
        return UnreachableError(SERVICE, f"{said} Databricks failed; try again later.")
    return RefusedError(SERVICE, said)


def _given_up(error: TimeoutError, what: str) -> ServiceError:
    from databricks.sdk.errors.base import DatabricksError

    cause = error.__cause__
    if isinstance(cause, DatabricksError):
        found = _ours(cause, what)
        return found if not isinstance(found, RefusedError) else _throttled(f"{what}: {cause}")
    return _unreachable(cause or error, what)


def _signed_out(said: str) -> UnauthenticatedError:
    return UnauthenticatedError(SERVICE, f"{said} Renew the credentials of the ZenML orchestrator.")


def _throttled(said: str) -> ThrottledError:
    return ThrottledError(SERVICE, f"{said} Try again later, or with fewer schedules at once.")


def _unreachable(error: BaseException, what: str) -> UnreachableError:
    return UnreachableError(
        SERVICE, f"{what}: {error}. Check the network and the orchestrator's host."
    )
