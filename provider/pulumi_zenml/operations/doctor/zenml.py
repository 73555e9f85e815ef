"""ZenML itself: whether it answers, accepts our login, and fits this client's version."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pulumi_zenml.errors import NotFoundError
from pulumi_zenml.operations.doctor.check import Check, run_check
from pulumi_zenml.operations.doctor.packages import supported
from pulumi_zenml.orchestrators.probe import ProbeResult
from pulumi_zenml.zenml.connection import Connection, probe
from pulumi_zenml.zenml.errors import ZENML, zenml_errors
from pulumi_zenml.zenml.project import pages

if TYPE_CHECKING:
    from zenml.client import Client

_AREA = "zenml"
_SOON = timedelta(days=7)
_MOST_SHOWN = 5
_SIGN_IN = "Set a valid key (pulumi config set --secret zenml:apiKey, or ZENML_STORE_API_KEY), or "


def check_zenml(connection: Connection) -> Iterator[Check]:
    """The checks of ZenML itself; they end at the first that blocks the rest.

    Args:
        connection: where ZenML is.
    """
    reached, raised = run_check(
        _AREA, "reachable", "", lambda: _reach(connection.url()), blocking=True
    )
    yield reached
    if raised:
        return
    clients: list[Client] = []

    def sign_in() -> ProbeResult:
        clients.append(connection.client())
        return _user(clients[0])

    signed_in, raised = run_check(
        _AREA, "signed in", "", sign_in, remedy=f"{_SIGN_IN}run 'zenml login'.", blocking=True
    )
    yield signed_in
    if raised:
        return
    (client,) = clients
    if url := connection.url():
        yield run_check(_AREA, "sign-in lasts", "", lambda: _lasts(connection, url))[0]
    yield run_check(_AREA, "version", "", lambda: _version(client))[0]
    yield run_check(
        _AREA, "projects", "", lambda: _projects(client, connection.project), blocking=True
    )[0]
    yield run_check(_AREA, "may write schedules", "", lambda: _may_write(client))[0]


def judge_versions(client: str, server: str, range: str) -> ProbeResult:
    """Whether the versions of a client and a server are compatible.

    Args:
        client, server: versions of ZenML.
        range: the versions that we support, for example ``<0.99,>=0.98``.
    """
    from packaging.specifiers import SpecifierSet

    specifier = SpecifierSet(range)
    versions = f"client {client}, server {server}, supported {range}"
    if not specifier.contains(client, prereleases=True):
        return ProbeResult(versions, "failed", f"pip install 'zenml{range}'")
    if not specifier.contains(server, prereleases=True):
        remedy = (
            f"Upgrade or downgrade the server to {range}, or install a pulumi-zenml that supports "
            "the server's version."
        )
        return ProbeResult(versions, "failed", remedy)
    if client != server:
        # ZenML warns of any difference (zenml 0.98 rest_zen_store).
        return ProbeResult(versions, "warning", f"pip install 'zenml=={server}'")
    return ProbeResult(versions)


def _reach(url: str) -> ProbeResult:
    if not url:
        return ProbeResult("ZenML's own store on this machine, no server")
    probe(url)
    parts = urlsplit(url)
    return ProbeResult(f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}")


def _user(client: Client) -> ProbeResult:
    with zenml_errors("read who we are"):
        user = client.active_user
    kind = "service account" if user.is_service_account else "user"
    return ProbeResult(f"as {kind} '{user.name}'")


def _lasts(connection: Connection, url: str) -> ProbeResult:
    """Whether ZenML can sign in again when its token expires."""
    from zenml.login.credentials_store import get_credentials_store

    if connection.api_key or os.environ.get("ZENML_STORE_API_KEY"):
        return ProbeResult("an API key, which renews the token")
    stored = get_credentials_store().get_credentials(url)
    if stored is None:
        return ProbeResult("ZenML has no record of how it signed in", "unknown")
    if stored.can_refresh_token:
        return ProbeResult("the stored credentials renew the token")
    ends = stored.api_token.expires_at if stored.api_token else None
    if ends is None:
        return ProbeResult("the token does not expire")
    ends = ends if ends.tzinfo else ends.replace(tzinfo=UTC)
    text = f"the token expires at {ends.isoformat(timespec='minutes')} and is not renewed"
    if ends - datetime.now(UTC) < _SOON:
        return ProbeResult(text, "warning", "zenml login; for CI, use a service account's API key")
    return ProbeResult(text)


def _version(client: Client) -> ProbeResult:
    import zenml

    with zenml_errors("read the server's version"):
        server = client.zen_store.get_store_info().version
    return judge_versions(zenml.__version__, str(server), supported("zenml"))


def _projects(client: Client, wanted: str) -> ProbeResult:
    with zenml_errors("list the projects"):
        found: list[Any] = list(pages(client.list_projects))
    names = [it.name for it in found]
    if wanted and not any(wanted in (it.name, str(it.id)) for it in found):
        raise NotFoundError(ZENML, f"there is no project '{wanted}'.", wanted=wanted, known=names)
    if not names:
        return ProbeResult("no project is visible", "failed", "Request a role in a ZenML project.")
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ProbeResult(f"{', '.join(names[:_MOST_SHOWN])}{more}")


def _may_write(client: Client) -> ProbeResult:
    """Only ZenML Pro has roles, and its API does not list what a role may do."""
    with zenml_errors("read about the server"):
        if client.zen_store.is_local_store():
            return ProbeResult("a local store has no permissions")
        info = client.zen_store.get_store_info()
    if info.is_pro_server():
        return ProbeResult(
            "this server has roles, and only a write would show",
            "unknown",
            "Check in ZenML Pro that the role may create, update and delete schedules.",
        )
    return ProbeResult("this server has no roles: every user may")
