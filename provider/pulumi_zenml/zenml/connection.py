"""How we reach ZenML: Pulumi configuration first, else the environment and ZenML's own."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pulumi_zenml.errors import (
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    ServiceError,
    UnauthenticatedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from zenml.client import Client

    from pulumi_zenml.json_types import Json

ZENML = "ZenML"
_PROBE_SECONDS = 5.0
_STARTING = threading.Lock()


@dataclass(frozen=True)
class Connection:
    """Where ZenML is and how to sign in.

    Args:
        server_url: the ZenML server; empty for what the environment or ZenML's own
            configuration says, which may be a local store.
        api_key: a service account's API key; empty likewise. Never shown.
        project: the ZenML project; empty for the active one.
        orchestrators: for each orchestrator component, by name, the keys that its flavor lets
            Pulumi config override. May hold secrets; never shown.
        when_running: overrides every resource's ``when_running`` when set.
    """

    server_url: str = ""
    api_key: str = field(default="", repr=False)
    project: str = ""
    orchestrators: Mapping[str, Mapping[str, Json]] = field(
        default_factory=lambda: MappingProxyType({}), repr=False
    )
    when_running: str = ""

    def url(self) -> str:
        """The server that will be used, or empty for a local store."""
        if self.server_url:
            return self.server_url
        if url := os.environ.get("ZENML_STORE_URL"):
            return url if url.startswith("http") else ""
        return _configured_url()

    def is_configured(self) -> bool:
        """Whether anything at all says where ZenML is, so that looking makes sense."""
        named = self.server_url or os.environ.get("ZENML_STORE_URL")
        return bool(named) or (_config_directory() / "config.yaml").exists()

    def client(self) -> Client:
        """ZenML's client, connected and signed in; the import takes some seconds once.

        Raises:
            UnreachableError: the server does not answer.
            UnauthenticatedError: it does not take the credentials.
        """
        with _STARTING:
            probe(self.url())
            self._to_environment()
            with zenml_errors("sign in"):
                from zenml.client import Client

                from pulumi_zenml.zenml.quiet import quiet

                with quiet():
                    client = Client()
                    _ = client.zen_store
                return client

    def _to_environment(self) -> None:
        # ZenML reads its connection from the environment when it is first imported.
        os.environ.setdefault("ZENML_LOGGING_VERBOSITY", "WARN")
        if self.server_url:
            os.environ["ZENML_STORE_URL"] = self.server_url
        if self.api_key:
            os.environ["ZENML_STORE_API_KEY"] = self.api_key
            # A key that came from Pulumi's encrypted configuration stays off the disk.
            os.environ["ZENML_DISABLE_CREDENTIALS_DISK_CACHING"] = "true"


def probe(url: str) -> None:
    """Fail within seconds where ZenML's client would retry for minutes.

    Args:
        url: the server's URL; empty for a local store, which needs no look.

    Raises:
        UnreachableError: nobody listens there.
    """
    if not url:
        return
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=_PROBE_SECONDS).close()
    except OSError as error:
        raise UnreachableError(
            ZENML,
            f"no answer from {parts.scheme}://{parts.hostname}:{port} ({error}). Is the server up, "
            "and is 'pulumi config get zenml:serverUrl' (or ZENML_STORE_URL) right?",
        ) from error


@contextlib.contextmanager
def zenml_errors(doing: str) -> Iterator[None]:
    """Turn what ZenML raises while ``doing`` something into our errors."""
    try:
        yield
    except Exception as error:
        raise _translate(error, doing) from error


def _translate(error: Exception, doing: str) -> Exception:
    from pulumi_zenml.errors import PulumiZenmlError

    if isinstance(error, PulumiZenmlError):
        return error
    import requests
    from zenml.exceptions import (
        AuthorizationException,
        CredentialsNotValid,
        DoesNotExistException,
        IllegalOperationError,
    )

    text = f"could not {doing}: {_first_line(error)}"
    if isinstance(error, CredentialsNotValid):
        return UnauthenticatedError(
            ZENML,
            f"{text}. Set a valid key with 'pulumi config set --secret zenml:apiKey' (or "
            "ZENML_STORE_API_KEY), or run 'zenml login'.",
        )
    if isinstance(error, AuthorizationException):
        # ZenML raises this one both for a refused login and for a missing permission.
        denied = "permission" in str(error).lower() or "403" in str(error)
        kind = PermissionDeniedError if denied else UnauthenticatedError
        return kind(ZENML, f"{text}. Check 'zenml:apiKey' and what its service account may do.")
    if isinstance(error, IllegalOperationError):
        return PermissionDeniedError(ZENML, text)
    if isinstance(error, KeyError | DoesNotExistException):
        return NotFoundError(ZENML, text)
    if isinstance(error, requests.exceptions.RequestException):
        return UnreachableError(ZENML, text)
    if isinstance(error, ValueError):
        return RefusedError(ZENML, text)
    return ServiceError(ZENML, f"{text} ({type(error).__name__})")


def _first_line(error: Exception) -> str:
    text = str(error.args[0]) if error.args else type(error).__name__
    return text.strip().splitlines()[0].rstrip(".") if text.strip() else type(error).__name__


def _config_directory() -> Path:
    if path := os.environ.get("ZENML_CONFIG_PATH"):
        return Path(path)
    import click

    return Path(click.get_app_dir("zenml"))


def _configured_url() -> str:
    # Reading two lines of YAML spares an import of zenml, which takes seconds.
    import yaml

    try:
        loaded = yaml.safe_load((_config_directory() / "config.yaml").read_text())
    except (OSError, yaml.YAMLError):
        return ""
    store = loaded.get("store") if isinstance(loaded, dict) else None
    url = store.get("url", "") if isinstance(store, dict) else ""
    return url if isinstance(url, str) and url.startswith("http") else ""
