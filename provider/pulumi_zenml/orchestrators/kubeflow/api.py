"""A ZenML orchestrator component's client of the Kubeflow Pipelines API.

JSON in and out through the official client's connection: it finds the host and signs in, while
its model classes drop the fields of a newer server and turn a login page, which an authentication
proxy returns with status 200, into an empty object.
"""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

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
    from pulumi_zenml.json_types import Json
    from pulumi_zenml.orchestrators.base import Target

KFP = "Kubeflow Pipelines"

Object = dict[str, Any]

_CONNECT_SECONDS = 10.0
_NOT_FOUND = 5  # google.rpc.Code


class GoneError(NotFoundError):
    """Kubeflow Pipelines itself reports that there is no such object."""


class TransientError(ServiceError):
    """A transient failure of the server."""


_TRANSIENT = (TransientError, ThrottledError, UnreachableError)


class KfpApi:
    """One component's client of its API server. Thread-safe; connects on first use.

    Args:
        target: the ZenML component.
        config: ZenML's configuration of it, overrides included.
        seconds: how long one call may take.
        overrides: whether Pulumi config has overrides, so that errors point there.
    """

    def __init__(
        self, target: Target, config: Callable[[], Any], *, seconds: float, overrides: bool
    ) -> None:
        self._target = target
        self._config = config
        self._seconds = seconds
        self._where = "the orchestrator's Pulumi config" if overrides else "its configuration"
        self._lock = threading.Lock()
        self._known: Any = None

    @property
    def namespace(self) -> str:
        """The profile of experiments and runs; empty for a single-user deployment."""
        # As kfp.Client.create_experiment, which ZenML calls, chooses it.
        found = self._config().user_namespace or self._client().get_user_namespace()
        return str(found or "")

    def get(self, path: str, doing: str, **query: Json) -> Object:
        """Read one object."""
        return retry(lambda: self._call("GET", path, doing, query), _TRANSIENT)

    def pages(self, path: str, key: str, doing: str, **query: Json) -> Iterator[Object]:
        """Every object of a listing, page by page."""
        token = ""
        while True:
            asked = {**query, "page_token": token} if token else query
            answer = self.get(path, doing, **asked)
            yield from answer.get(key) or ()
            token = answer.get("next_page_token") or ""
            if not token:
                return

    def post(self, path: str, doing: str, body: Object | None = None) -> Object:
        """Create or change something; with a body it is never retried."""
        if body is None:
            return retry(lambda: self._call("POST", path, doing, {}), _TRANSIENT)
        return self._call("POST", path, doing, {}, body)

    def delete(self, path: str, doing: str, **query: Json) -> None:
        """Delete one object."""
        retry(lambda: self._call("DELETE", path, doing, query), _TRANSIENT)

    def _call(
        self,
        method: str,
        path: str,
        doing: str,
        query: Mapping[str, Json],
        body: Object | None = None,
    ) -> Object:
        from kfp_server_api import ApiException
        from urllib3.exceptions import HTTPError

        client = self._client()._recurring_run_api.api_client
        try:
            answer, status, _ = client.call_api(
                f"/apis/v2beta1/{path}",
                method,
                query_params=[(key, value) for key, value in query.items() if value],
                header_params={"Accept": "application/json", "Content-Type": "application/json"},
                body=body,
                response_type="object",
                auth_settings=["Bearer"],
                _request_timeout=(_CONNECT_SECONDS, self._seconds),
            )
        except ApiException as error:
            raise self._refusal(error.status, error.body or error.reason, doing) from error
        except HTTPError as error:
            raise UnreachableError(
                KFP,
                f"could not {doing}: no response from {self._host()} ({_short(error)}). Is it up, "
                f"and is the host in {self._where} right?",
            ) from error
        if not isinstance(answer, dict):
            raise self._refusal(status, answer, doing)
        return answer

    def _refusal(self, status: int, body: object, doing: str) -> ServiceError:
        """Our error for a failed response."""
        said = _json(body)
        message = str(said.get("message") or said.get("error") or _short(body))[:400]
        text = f"could not {doing} at {self._host()}: {message}"
        if status == 0:
            return UnreachableError(KFP, f"{text}. Check its certificate (client_args.ssl_ca_cert)")
        if 200 <= status < 400:
            return UnauthenticatedError(
                KFP,
                f"could not {doing}: {self._host()} returned a web page, most likely a login. "
                f"Give a fresh token, cookie or password in {self._where}, and the host "
                "with its path, for example https://kubeflow.example.com/pipeline.",
            )
        if status == 401:
            return UnauthenticatedError(
                KFP, f"{text} (401). Renew the token, cookie or password in {self._where}."
            )
        if status == 403:
            whose = f" in namespace '{self.namespace}'" if self.namespace else ""
            return PermissionDeniedError(KFP, f"{text} (403). Request the permission{whose}.")
        if status == 404 and said.get("code") == _NOT_FOUND:
            return GoneError(KFP, text)
        if status == 404:
            return NotFoundError(
                KFP,
                f"could not {doing}: there is no Kubeflow Pipelines API at {self._host()} "
                f"({message}). Check the host and kubeflow_namespace in {self._where}; through a "
                "service connector ZenML 0.98 always uses namespace 'kubeflow'.",
            )
        if status == 429:
            return ThrottledError(KFP, f"{text} (429, after {ATTEMPTS} attempts).")
        if status < 500:
            return RefusedError(KFP, f"{text} ({status}).")
        return TransientError(KFP, f"{text} ({status}).")

    def _host(self) -> str:
        parts = urlsplit(str(self._client()._existing_config.host))
        where = parts.hostname or "?"
        return f"{where}:{parts.port}{parts.path}" if parts.port else f"{where}{parts.path}"

    def _client(self) -> Any:
        with self._lock:
            expired = self._known is not None and self._known[1].connector_has_expired()
            if self._known is None or expired:
                self._known = self._connect()
            return self._known[0]

    def _connect(self) -> tuple[Any, Any]:
        """The official client, created as in ZenML (zenml 0.98 ``_get_kfp_client``)."""
        need("kfp", "kubeflow", KFP)
        need("zenml.integrations.kubeflow.orchestrators", "kubeflow", KFP)
        from pulumi_zenml.zenml.quiet import quiet

        # The SDK warns that it supports KFP 2 only, and about its own use of urllib3.
        warnings.filterwarnings("ignore", module=r"kfp(_server_api)?\.")
        orchestrator = self._target.instance()
        config = self._config()
        orchestrator._config = config
        arguments = {**config.client_args, "namespace": config.kubeflow_namespace}
        plain, connected = _client_classes()
        with quiet():
            connector = orchestrator.get_connector()
            if connector:
                return connected(client=connector.connect(), **arguments), orchestrator
            if config.kubernetes_context:
                self._require_context(config.kubernetes_context)
                arguments["kube_context"] = config.kubernetes_context
            elif config.kubeflow_hostname:
                arguments["host"] = config.kubeflow_hostname
                if config.client_username and config.client_password:
                    arguments.setdefault("cookies", self._log_in(config))
            return plain(**arguments), orchestrator

    def _require_context(self, wanted: str) -> None:
        from kubernetes import config as kube

        try:
            known = [str(context["name"]) for context in kube.list_kube_config_contexts()[0]]
        except kube.ConfigException:
            known = []
        if wanted not in known:
            raise NotFoundError(
                KFP,
                f"this machine's kubeconfig has no context '{wanted}', which {self._where} names.",
                wanted=wanted,
                known=known,
            )

    def _log_in(self, config: Any) -> str:
        """A session cookie, as ZenML gets it (zenml 0.98 ``_get_session_cookie``)."""
        import requests

        limits = (_CONNECT_SECONDS, self._seconds)
        form = {"login": config.client_username, "password": config.client_password}
        with requests.Session() as session:
            try:
                page = session.get(config.kubeflow_hostname, timeout=limits)
                page.raise_for_status()
                session.post(page.url, data=form, timeout=limits).raise_for_status()
            except requests.RequestException as error:
                raise UnreachableError(
                    KFP,
                    f"could not log in as '{config.client_username}': {type(error).__name__}. Is "
                    f"the host in {self._where} up and right?",
                ) from error
            cookie = session.cookies.get("authservice_session")
        if not cookie:
            raise UnauthenticatedError(
                KFP, f"could not log in as '{config.client_username}': check the password."
            )
        return f"authservice_session={cookie}"


def _client_classes() -> tuple[Any, Any]:
    """kfp's client and ZenML's, without their request to the server on creation.

    That request has no time-out and sleeps between its attempts.
    """
    import urllib3
    from kfp.client import Client
    from kfp_server_api import V2beta1GetHealthzResponse
    from zenml.integrations.kubeflow.orchestrators.kubeflow_orchestrator import KubeClientKFPClient

    class Quick:
        def get_kfp_healthz(self, sleep_duration: int = 0) -> Any:
            return V2beta1GetHealthzResponse(multi_user=False)

        def _load_config(self, *args: Any, **kwargs: Any) -> Any:
            config = super()._load_config(*args, **kwargs)  # type: ignore[misc]
            # We retry ourselves, and only what may be repeated.
            config.retries = urllib3.Retry(
                total=None, connect=0, read=0, status=0, other=0, redirect=3,
                raise_on_status=False, respect_retry_after_header=False,
            )  # fmt: skip
            return config

    class QuickClient(Quick, Client):  # type: ignore[misc]
        pass

    class QuickConnectedClient(Quick, KubeClientKFPClient):
        pass

    return QuickClient, QuickConnectedClient


def predicates(*conditions: tuple[str, str, str]) -> str:
    """A filter: ``(key, operation, value)`` each, all of which must match.

    The server unescapes a filter once more after HTTP (list_request_util.go parseAPIFilter).
    """
    found = [
        {
            "key": key,
            "operation": operation,
            ("timestampValue" if key.endswith("_at") else "stringValue"): value,
        }
        for key, operation, value in conditions
    ]
    return quote(json.dumps({"predicates": found}))


def _json(body: object) -> Object:
    if isinstance(body, dict):
        return body
    try:
        found = json.loads(str(body))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _short(what: object) -> str:
    reason = getattr(what, "reason", None) or what
    text = str(reason).strip() or type(what).__name__
    return text.splitlines()[0][:200].rstrip(".")
