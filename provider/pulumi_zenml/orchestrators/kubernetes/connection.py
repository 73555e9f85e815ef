"""The connection to a ZenML Kubernetes orchestrator's cluster."""

from __future__ import annotations

import copy
import os
import threading
from typing import TYPE_CHECKING, Any

from pulumi_zenml.errors import NotFoundError, ServiceError, UnauthenticatedError
from pulumi_zenml.orchestrators._sdk import need

if TYPE_CHECKING:
    from pulumi_zenml.orchestrators.base import Target

KUBERNETES = "Kubernetes"


class ClusterConnection:
    """One component's client. Thread-safe; connects on first use.

    Args:
        target: the ZenML component.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._client: Any = None
        self._instance: Any = None

    def client(self) -> Any:
        """The official client, signed in.

        Raises:
            UnauthenticatedError, NotFoundError: there is no way to sign in.
        """
        with self._lock:
            if self._instance is not None and self._instance.connector_has_expired():
                self._client = None
            if self._client is None:
                self._client = _own(self._connect())
            return self._client

    def forget(self) -> None:
        """Sign in again on the next call."""
        with self._lock:
            self._client = self._instance = None

    def _connect(self) -> Any:
        """A client in ZenML's order (zenml 0.98 KubernetesOrchestrator.get_kube_client).

        ZenML's own loads kubeconfig into a global of the process, where two stacks collide.
        """
        client = need("kubernetes.client", "kubernetes", KUBERNETES)
        config = need("kubernetes.config", "kubernetes", KUBERNETES)
        component = self._target.component
        context = component.configuration.get("kubernetes_context")
        if component.configuration.get("incluster"):
            configuration = client.Configuration()
            try:
                config.load_incluster_config(client_configuration=configuration)
                return client.ApiClient(configuration)
            except config.ConfigException as error:
                if not (component.connector or context):
                    raise UnauthenticatedError(
                        KUBERNETES,
                        f"orchestrator '{component.name}' has incluster=True, and this is not "
                        f"inside a pod: {error}. Link a service connector to it or set its "
                        "kubernetes_context.",
                    ) from error
        if component.connector:
            from pulumi_zenml.zenml.errors import zenml_errors

            with zenml_errors(f"connect orchestrator '{component.name}' to its cluster"):
                self._instance = self._target.instance()
                return self._instance.get_connector().connect()
        try:
            return config.new_client_from_config(_kubeconfig(), context, persist_config=False)
        except (config.ConfigException, OSError) as error:
            raise self._no_context(context, error) from error

    def _no_context(self, context: str | None, error: Exception) -> ServiceError:
        import kubernetes.config

        try:
            contexts, _ = kubernetes.config.list_kube_config_contexts(_kubeconfig())
        except (kubernetes.config.ConfigException, OSError):
            contexts = []
        known = [str(item["name"]) for item in contexts]
        if context and known and context not in known:
            return NotFoundError(
                KUBERNETES,
                f"kubeconfig has no context '{context}', which orchestrator "
                f"'{self._target.component.name}' names.",
                wanted=context,
                known=known,
            )
        return UnauthenticatedError(
            KUBERNETES,
            f"no way to sign in as {self}: {error}. Write a kubeconfig (KUBECONFIG "
            "says where it is), or link a service connector to the orchestrator.",
        )

    def __str__(self) -> str:
        component = self._target.component
        if component.connector:
            return f"service connector '{component.connector.name}'"
        if component.configuration.get("incluster"):
            return "the pod's service account"
        context = component.configuration.get("kubernetes_context")
        return f"kubeconfig context '{context}'" if context else "kubeconfig's current context"

    @property
    def host(self) -> str:
        """The API server's URL; empty before the first :meth:`client`."""
        return str(self._client.configuration.host).rstrip("/") if self._client else ""


def _kubeconfig() -> str | None:
    # The client itself reads the environment only when it is imported.
    return os.environ.get("KUBECONFIG")


def _own(client: Any) -> Any:
    """A client of the same cluster without urllib3's own three retries."""
    configuration = copy.copy(client.configuration)
    configuration.retries = False
    return type(client)(configuration)
