"""A HyperAI component's host, and the names of its files and native ids."""

from __future__ import annotations

import base64
import posixpath
import re
import threading
from typing import TYPE_CHECKING
from uuid import UUID

from pulumi_zenml.errors import RefusedError, ServiceError
from pulumi_zenml.orchestrators.base import Target
from pulumi_zenml.orchestrators.hyperai.crontab import FOLDER, SCRIPT
from pulumi_zenml.orchestrators.hyperai.ssh_keys import TIMEOUT_SECONDS, Login
from pulumi_zenml.zenml.errors import zenml_errors

if TYPE_CHECKING:
    import paramiko
    from zenml.models import ServiceConnectorResponse
    from zenml.service_connectors.service_connector import ServiceConnector

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)


class ComponentHost:
    """One component's host, from its service connector and the overrides.

    Args:
        target: the component.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._found: tuple[ServiceConnectorResponse, str] | None = None

    @property
    def service(self) -> str:
        """The host in errors."""
        return f"HyperAI '{self._target.component.name}'"

    def login(self) -> Login:
        """How to log in. The connector's secrets are in it."""
        connector, host = self.connector()
        plain = connector.configuration.plain
        given = self._target.overrides
        try:
            key = base64.b64decode(plain["base64_ssh_key"]).decode()
        except (KeyError, ValueError):
            raise ServiceError(
                self.service,
                f"service connector '{connector.name}' has no readable base64_ssh_key. Can this "
                "ZenML user read its secrets, and is it Base64?",
            ) from None
        return Login(
            service=self.service,
            host=host,
            user=self.user(),
            key=key,
            kind=connector.auth_method.partition("-")[0],
            passphrase=plain.get("ssh_passphrase") or None,
            host_key=str(given.get("host_key") or ""),
            known_hosts=str(given.get("known_hosts") or ""),
            accept_new=given.get("accept_new_host_keys") is True,
            timeout=float(str(given.get("timeout_seconds") or TIMEOUT_SECONDS)),
        )

    def connector(self) -> tuple[ServiceConnectorResponse, str]:
        """The linked connector with its secrets, and the host it leads to.

        Read from ZenML's store: ZenML's own connector object logs in when it is created, whatever
        the host's key.
        """
        with self._lock:
            if self._found is None:
                self._found = self._find_connector()
            return self._found

    def _find_connector(self) -> tuple[ServiceConnectorResponse, str]:
        component = self._target.component
        if component.connector is None:
            raise RefusedError(
                self.service,
                "it has no service connector, so its host is not known. Run: zenml "
                f"orchestrator connect {component.name} --connector <a hyperai connector>",
            )
        with zenml_errors(f"read the service connector of '{component.name}'"):
            from zenml.client import Client

            connector = Client().get_service_connector(
                component.connector.id, allow_name_prefix_match=False, expand_secrets=True
            )
        hosts = connector.configuration.plain.get("hostnames") or []
        hosts = [hosts] if isinstance(hosts, str) else list(hosts)
        chosen = component.connector_resource_id or connector.resource_id
        if not chosen and len(hosts) != 1:
            raise RefusedError(
                self.service,
                f"its connector has {len(hosts)} hosts. Choose one: zenml orchestrator "
                f"connect {component.name} --resource-id <host>",
            )
        return connector, str(chosen or hosts[0]).strip()

    def zenml_connector(self, client: paramiko.SSHClient) -> ServiceConnector:
        """ZenML's own connector object, whose connection is ``client``."""
        from zenml.service_connectors.service_connector_registry import service_connector_registry

        made = service_connector_registry.instantiate_connector(model=self.connector()[0])
        # It is a pydantic model, which takes only its fields.
        object.__setattr__(made, "connect", lambda: client)
        return made

    def user(self) -> str:
        """The user, whose name is safe to be part of a path and a command."""
        user = str(self.connector()[0].configuration.plain.get("username", ""))
        if not _USER.fullmatch(user):
            raise RefusedError(
                self.service,
                f"its connector names the user {user!r}; ZenML puts that name into shell commands, "
                "so only letters, digits, '.', '_' and '-' are accepted.",
            )
        return user

    def home(self) -> str:
        """The home folder that ZenML assumes for the user."""
        return f"/home/{self.user()}"

    def folder(self, key: str) -> str:
        """The folder that ZenML makes for a snapshot."""
        return posixpath.join(self.home(), FOLDER, key)

    def command(self, key: str) -> str:
        """What a line or job of a snapshot runs."""
        return f"bash {posixpath.join(self.folder(key), SCRIPT)}"

    def native_id(self, key: str) -> str:
        """``user@host/snapshot``."""
        return f"{self.user()}@{self.connector()[1]}/{key}"

    def key(self, native_id: str) -> str:
        """The snapshot's id in a native id.

        Raises:
            RefusedError: it is on another host than the connector's.
        """
        where, _, key = native_id.rpartition("/")
        here, _, _ = self.native_id("").rpartition("/")
        try:
            key = str(UUID(key))
        except ValueError:
            raise RefusedError(
                self.service, f"{native_id!r} is not a native id of HyperAI."
            ) from None
        if where != here:
            raise RefusedError(
                self.service,
                f"{native_id} was created on {where}, and the connector's host is now {here}. "
                "Change the connector back to update or delete the schedule there.",
            )
        return key
