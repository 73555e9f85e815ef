"""A ZenML orchestrator component's client of the Kubernetes REST API.

JSON in and out through the official client's connection: it finds the cluster, its
certificates and tokens, while its model classes change from release to release and drop the
fields that they do not know yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from pulumi_zenml.errors import (
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from pulumi_zenml.orchestrators.kubernetes.connection import KUBERNETES, ClusterConnection

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from pulumi_zenml.orchestrators.base import Target

GRANT = (
    "Grant it with a RoleBinding in the namespace: to the ClusterRole 'edit', or to 'admin' unless "
    "the orchestrator has a service_account_name, because ZenML then makes one."
)
MERGE_PATCH = "application/merge-patch+json"

_CONNECT_SECONDS = 10.0
_ATTEMPTS = 4
_LONGEST_WAIT_SECONDS = 10.0
_TRANSIENT = (429, 500, 502, 503, 504)
_CONFLICT_ATTEMPTS = 6

Object = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A response of the API server.

    Args:
        status: HTTP's.
        body: the object, or Kubernetes' ``Status`` where it failed.
        retry_after: seconds to wait before a retry; 0 without that header.
    """

    status: int
    body: Object
    retry_after: float = 0.0

    @property
    def message(self) -> str:
        """The server's own error message."""
        return str(self.body.get("message") or f"HTTP {self.status}")[:600]


class KubernetesApi:
    """One component's client of its API server. Thread-safe; connects on first use.

    Args:
        target: the ZenML component.
        seconds: the deadline of one call, and the time for its retries.
    """

    def __init__(self, target: Target, seconds: float) -> None:
        self._seconds = seconds
        self.deadline = (min(_CONNECT_SECONDS, seconds), seconds)
        """Seconds for the connection, and for the response."""
        self._connection = ClusterConnection(target)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        kind: str = "application/json",
        repeatable: bool = True,
    ) -> Answer:
        """Call the API server and return its response, success or not.

        Args:
            method: HTTP's.
            path: from ``/api`` on.
            query: of the URL.
            body: a JSON value.
            kind: the body's content type.
            repeatable: whether to retry a call that may have been executed. A throttled one was
                not executed (kubernetes.io, Flow control).

        Raises:
            UnreachableError: no response in time.
            UnauthenticatedError: there are no credentials.
        """
        from tenacity import Retrying, retry_any, retry_if_exception_type, retry_if_result
        from tenacity.stop import stop_after_attempt, stop_after_delay
        from urllib3.exceptions import HTTPError

        def transient(answer: Answer) -> bool:
            return answer.status in (_TRANSIENT if repeatable else (429,))

        retry = retry_any(
            retry_if_result(transient),
            retry_if_exception_type(HTTPError if repeatable else ()),
        )
        retrying = Retrying(
            stop=stop_after_attempt(_ATTEMPTS) | stop_after_delay(self._seconds),
            wait=_wait,
            retry=retry,
            retry_error_callback=_last,
        )
        try:
            answer: Answer = retrying(self._once, method, path, query, body, kind)
            if answer.status == 401:
                # Tokens live for an hour or less; a new one is requested once.
                self._connection.forget()
                answer = retrying(self._once, method, path, query, body, kind)
        except HTTPError as error:
            raise UnreachableError(
                KUBERNETES,
                f"no answer from the API server {self._connection.host} ({_cause(error)}). Is the "
                f"cluster up and reachable from here, and is {self._connection} right?",
            ) from error
        return answer

    def get(self, path: str, doing: str) -> Object | None:
        """The object at ``path``, or ``None`` when there is none."""
        answer = self.call("GET", path)
        return None if answer.status == 404 else self.good(answer, doing)

    def pages(
        self, path: str, doing: str, *, size: int, query: Mapping[str, str] | None = None
    ) -> Iterator[Object]:
        """Every object of a list, in pages of ``size``."""
        token = ""
        while True:
            asked = {**(query or {}), "limit": str(size)}
            if token:
                asked["continue"] = token
            answer = self.call("GET", path, query=asked)
            token = (answer.body.get("metadata") or {}).get("continue") or ""
            if answer.status == 410 and token:
                # The list took longer than etcd keeps a version of it: the new token goes on
                # from the same name in today's version (kubernetes.io, API Concepts, 410 Gone).
                continue
            yield from self.good(answer, doing).get("items") or []
            if not token:
                return

    def patch(
        self, path: str, doing: str, change: Callable[[Object], Mapping[str, Any] | None]
    ) -> Object | None:
        """Change an object, and nothing that another client changed meanwhile.

        Args:
            path: the object's.
            doing: for errors.
            change: the merge patch for the object as it is, or ``None`` to leave it; called
                again after a conflict.

        Returns:
            The object afterwards; ``None`` when it was deleted.
        """
        for _ in range(_CONFLICT_ATTEMPTS):
            found = self.get(path, doing)
            patch = change(found) if found else None
            if found is None or patch is None:
                return found
            seen = {"resourceVersion": found["metadata"]["resourceVersion"]}
            body = {**patch, "metadata": {**patch.get("metadata", {}), **seen}}
            answer = self.call("PATCH", path, body=body, kind=MERGE_PATCH)
            if answer.status == 404:
                return None
            if answer.status != 409:
                return self.good(answer, doing)
        raise RefusedError(
            KUBERNETES,
            f"could not {doing}: other clients keep changing it. Try again.",
        )

    def good(self, answer: Answer, doing: str) -> Object:
        """The body of a successful response.

        Raises:
            ServiceError: it failed; the matching subclass, with the remedy.
        """
        if answer.status < 300:
            return answer.body
        self._refuse(answer, f"could not {doing}: {answer.message.rstrip('.')}.")

    def _refuse(self, answer: Answer, said: str) -> NoReturn:
        if answer.status == 401:
            raise UnauthenticatedError(
                KUBERNETES,
                f"{said} The credentials of {self._connection} are missing, wrong or expired. "
                "Sign in to the cluster again, or renew the connector's credentials.",
            )
        if answer.status == 403:
            raise PermissionDeniedError(
                KUBERNETES,
                f"{said} {GRANT}",
            )
        if answer.status == 404:
            raise NotFoundError(KUBERNETES, said)
        if answer.status == 429:
            raise ThrottledError(
                KUBERNETES,
                f"{said} The API server limits requests; try again, or lower Pulumi's --parallel.",
            )
        if answer.status < 500:
            raise RefusedError(KUBERNETES, said)
        raise ServiceError(
            KUBERNETES, f"{said} The API server returned {answer.status}; check its health."
        )

    def _once(
        self, method: str, path: str, query: Mapping[str, str] | None, body: object, kind: str
    ) -> Answer:
        from kubernetes.client.exceptions import ApiException

        client = self._connection.client()
        headers = {"Accept": "application/json", "Content-Type": kind}
        parameters = list((query or {}).items())
        client.update_params_for_auth(headers, parameters, ["BearerToken"])
        try:
            response = client.rest_client.request(
                method,
                f"{str(client.configuration.host).rstrip('/')}{path}",
                query_params=parameters,
                headers=headers,
                body=body,
                _request_timeout=self.deadline,
            )
        except ApiException as error:
            if not error.status:
                # The client reports a failed TLS handshake like this.
                raise UnreachableError(
                    KUBERNETES,
                    f"no TLS connection to the API server {self._connection.host}: "
                    f"{' '.join(str(error.reason).split())}. Is its certificate the one that "
                    f"{self._connection} trusts?",
                ) from error
            asked = (error.headers or {}).get("Retry-After", "")
            return Answer(
                error.status, _object(error.body), float(asked) if asked.isdecimal() else 0.0
            )
        return Answer(response.status, _object(response.data))


def _wait(state: RetryCallState) -> float:
    from tenacity import wait_random_exponential

    backoff = wait_random_exponential(multiplier=0.3, max=_LONGEST_WAIT_SECONDS)(state)
    outcome = state.outcome
    if outcome is None or outcome.failed:
        return backoff
    answer: Answer = outcome.result()
    return min(max(answer.retry_after, backoff), _LONGEST_WAIT_SECONDS)


def _last(state: RetryCallState) -> Answer:
    assert state.outcome is not None
    answer: Answer = state.outcome.result()
    return answer


def _object(data: bytes | str | None) -> Object:
    """A JSON object; any other body, of a proxy for instance, becomes its message."""
    try:
        loaded = json.loads(data or "{}")
    except ValueError:
        loaded = None
    if isinstance(loaded, dict):
        return loaded
    text = data.decode(errors="replace") if isinstance(data, bytes) else str(data)
    return {"message": " ".join(text.split())[:200]}


def _cause(error: BaseException) -> str:
    # A connection pool's error names an object's address in memory; its cause does not.
    text = str(getattr(error, "reason", None) or error)
    return text.rsplit(": ", 1)[-1] if " object at 0x" in text else text
