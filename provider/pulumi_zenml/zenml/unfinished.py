"""What an interrupted update left in the middle of something, at the price of two HTTP requests.

A preview asks this for every stack, so it must not import zenml, which takes seconds. It needs a
server and an API key: for a local store or another login there is no answer, and only a refresh
finds what was left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_zenml.identity import MarkedName, name_fragment, read_marked_name
from pulumi_zenml.zenml.connection import Connection

if TYPE_CHECKING:
    from requests import Session

_SECONDS = 10.0
_PAGE = 1000
_DEFAULT_PROJECT = "default"


def list_unfinished(connection: Connection, project: str, key: str) -> dict[str, MarkedName] | None:
    """The records of one stack that are in the middle of something, by id.

    Args:
        connection: where ZenML is.
        project: the ZenML project by name or id; empty for the active one.
        key: the stack's ownership key.

    Returns:
        The marked names, or ``None`` where ZenML could not be asked.
    """
    url, api_key = connection.url(), connection.key()
    if not url or not api_key or not key:
        return None
    import requests

    try:
        with requests.Session() as session:
            # The grant of an API key (zenml 0.98 zen_server.routers.auth_endpoints).
            login = session.post(
                f"{url}/api/v1/login",
                data={"grant_type": "zenml-api-key", "password": api_key},
                timeout=_SECONDS,
            )
            login.raise_for_status()
            session.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
            rows = _rows(session, url, project or connection.active_project(), key)
            found = {str(row["id"]): read_marked_name(str(row["name"])) for row in rows}
    # What cannot be asked here is found by a refresh, and by the next change.
    except (requests.exceptions.RequestException, KeyError, TypeError, ValueError):
        return None
    return {id: name for id, name in found.items() if name is not None and name.key == key}


def _rows(session: Session, url: str, project: str, key: str) -> list[dict[str, object]]:
    from requests.exceptions import HTTPError

    filters = {
        "name": f"contains:{name_fragment(key)}",
        "is_archived": "false",
        "size": str(_PAGE),
    }
    if project:
        return _get(session, f"{url}/api/v1/schedules", project=project, **filters)
    # Where none is active, ZenML takes the only one there is, which nearly always has this name
    # (zenml 0.98 zen_stores.base_zen_store.validate_active_config).
    try:
        return _get(session, f"{url}/api/v1/schedules", project=_DEFAULT_PROJECT, **filters)
    except HTTPError:
        (only,) = _get(session, f"{url}/api/v1/projects", size="2")
        return _get(session, f"{url}/api/v1/schedules", project=str(only["id"]), **filters)


def _get(session: Session, url: str, **params: str) -> list[dict[str, object]]:
    answer = session.get(url, params=params, timeout=_SECONDS)
    answer.raise_for_status()
    items: list[dict[str, object]] = answer.json()["items"]
    return items
