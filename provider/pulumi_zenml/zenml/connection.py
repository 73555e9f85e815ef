"""How we reach ZenML: Pulumi configuration first, else the environment and ZenML's own."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pulumi_zenml.errors import InputError, UnreachableError
from pulumi_zenml.json_types import Json
from pulumi_zenml.zenml.errors import ZENML, zenml_errors
from pulumi_zenml.zenml.masking import secrets_in, secrets_of_environment, without_login
from pulumi_zenml.zenml.private_config import (
    NO_CREDENTIALS_ON_DISK,
    configured_url,
    use_private_folder,
    user_config,
    user_folder,
)

if TYPE_CHECKING:
    from zenml.client import Client

PROBE_SECONDS = 5.0
_STARTING = threading.Lock()
_PORTS = {"http": 80, "https": 443}
_DOWN = (502, 503, 504)


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
            return self.server_url.rstrip("/")
        if url := os.environ.get("ZENML_STORE_URL"):
            return url.rstrip("/") if url.startswith("http") else ""
        return configured_url().rstrip("/")

    def key(self) -> str:
        """The API key that will be used; empty where the user is signed in some other way."""
        return self.api_key or os.environ.get("ZENML_STORE_API_KEY", "")

    def secrets(self) -> list[str]:
        """What must not be shown or written anywhere."""
        known = (self.api_key, *secrets_of_environment(), *secrets_in(self.orchestrators))
        return [it for it in known if it]

    def active_project(self) -> str:
        """The id of the project that is active for the user; empty where nothing here says it."""
        if id := os.environ.get("ZENML_ACTIVE_PROJECT_ID"):
            return id
        return str(user_config().get("active_project_id") or "") if self._is_users() else ""

    def is_configured(self) -> bool:
        """Whether anything at all says where ZenML is, so that connecting makes sense."""
        named = self.server_url or os.environ.get("ZENML_STORE_URL")
        return bool(named) or (user_folder() / "config.yaml").exists()

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
                    bound_retries(client)
                return client

    def _is_users(self) -> bool:
        """Whether what is active in the user's ZenML configuration is of this very server."""
        return not self.server_url or self.url() == configured_url().rstrip("/")

    def _to_environment(self) -> None:
        # ZenML reads its connection from the environment when it is first imported.
        os.environ.setdefault("ZENML_LOGGING_VERBOSITY", "WARN")
        named = self.server_url or os.environ.get("ZENML_STORE_URL", "")
        signs_in = bool(self.api_key or secrets_of_environment())
        if named.startswith("http"):
            use_private_folder(
                with_login=not signs_in,
                with_active=self._is_users(),
            )
        if self.server_url:
            os.environ["ZENML_STORE_URL"] = self.server_url
        if self.api_key:
            os.environ["ZENML_STORE_API_KEY"] = self.api_key
        if signs_in:
            for variable in NO_CREDENTIALS_ON_DISK:
                os.environ[variable] = "true"


def probe(url: str) -> None:
    """Fail within seconds where ZenML's client would retry for minutes.

    Proxies and certificate authorities are taken from the environment as ZenML's own client
    takes them. A certificate that cannot be verified is left for that client to judge, which may
    have been told another authority.

    Args:
        url: the server's URL; empty for a local store, which needs no request.

    Raises:
        UnreachableError: there is no answer, or a gateway's that the server is down.
    """
    if not url:
        return
    import requests

    if problem := wrong_url(url):
        raise UnreachableError(ZENML, problem)
    parts = urlsplit(url)
    # Without a user name and password, should the URL have them.
    shown = f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"
    hint = (
        "Is the server up, and is 'pulumi config get zenml:serverUrl' (or ZENML_STORE_URL) right?"
    )
    try:
        answer = requests.get(f"{url}/health", timeout=PROBE_SECONDS, allow_redirects=True)
    except requests.exceptions.SSLError:
        return
    except requests.exceptions.RequestException as error:
        raise UnreachableError(
            ZENML, f"no answer from {shown} ({_cause(error)}). {hint}"
        ) from error
    if answer.status_code in _DOWN:
        raise UnreachableError(
            ZENML,
            f"{shown} answers {answer.status_code}: something is there, but ZenML is not. {hint}",
        )


def read_overrides(text: str, key: str) -> dict[str, dict[str, Json]]:
    """The keys that override orchestrators' configuration, by component name.

    Args:
        text: JSON; empty for none.
        key: where it comes from, for the error.

    Raises:
        InputError: it is not an object of objects. The text may hold secrets and is not quoted.
    """
    try:
        loaded = json.loads(text) if text else {}
    except json.JSONDecodeError as error:
        raise InputError(key, f"it is not JSON from line {error.lineno} on.") from None
    if not isinstance(loaded, dict) or not all(isinstance(it, dict) for it in loaded.values()):
        raise InputError(key, "it must be an object of objects, by orchestrator name.")
    return loaded


def wrong_url(url: str) -> str:
    """What is wrong with a server's URL, and what to write; empty where nothing is."""
    if url.startswith(("http://", "https://")):
        return ""
    secure, plain = (without_login(f"{scheme}://{url}") for scheme in ("https", "http"))
    shown = secure.removeprefix("https://")
    return f"'{shown}' is not the URL of a server. Write {secure} or {plain}."


def bound_retries(client: Client) -> None:
    """Have ZenML's client give up within seconds, where it would retry for up to 25 minutes.

    Its own policy is ten retries of each status with a back-off that doubles (zenml 0.98
    rest_zen_store.session). A request carries an idempotency key, so that a retry is safe.
    """
    session = getattr(client.zen_store, "session", None)
    if session is None:
        return
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    retries = Retry(
        total=3,
        connect=2,
        read=2,
        status=3,
        allowed_methods=None,
        status_forcelist=[408, 429, *_DOWN],
        backoff_factor=0.5,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    adapter = HTTPAdapter(max_retries=retries, pool_maxsize=20)
    session.mount("https://", adapter)
    session.mount("http://", adapter)


def _cause(error: Exception) -> str:
    """The innermost reason, without urllib3's wrapping."""
    reason = error.args[0] if error.args else error
    reason = getattr(reason, "reason", reason)
    return str(reason).rpartition(": ")[2].rstrip(")")
