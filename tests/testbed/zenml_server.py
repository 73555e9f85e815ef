"""A real ZenML server on loopback, with SQLite inside and an API key to log in with."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import bcrypt
import httpx

from .process import free_port, running

_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class ZenmlServer:
    """A server that runs.

    Attributes:
        url: Where it answers.
        api_key: The key of a service account, for `ZENML_STORE_API_KEY`.
        log: What it prints.
        database: Its SQLite file, to change a row behind its back.
    """

    url: str
    api_key: str
    log: Path
    database: Path

    def client_environment(self, config: Path) -> dict[str, str]:
        """Return the variables that make a ZenML client use this server.

        Args:
            config: The client's own configuration folder; made if it is not there.
        """
        return {
            **client_environment(config),
            "ZENML_STORE_URL": self.url,
            "ZENML_STORE_API_KEY": self.api_key,
        }

    def create_account(self, name: str) -> str:
        """Make another service account. Returns an API key of it."""
        with _signed_in(self.url) as http:
            return _create_account(http, name)

    def revoke_key(self, account: str) -> None:
        """Delete the API key of a service account that was made here."""
        with _signed_in(self.url) as http:
            found = http.get("/service_accounts", params={"name": account}).json()["items"]
            keys = f"/service_accounts/{found[0]['id']}/api_keys"
            http.delete(f"{keys}/{account}").raise_for_status()


def client_environment(config: Path) -> dict[str, str]:
    """Return the variables of a ZenML client with a local store of its own in a folder."""
    config.mkdir(parents=True, exist_ok=True)
    return {
        "ZENML_CONFIG_PATH": str(config),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_LOGGING_COLORS_DISABLED": "true",
        "ZENML_ENABLE_RICH_TRACEBACK": "false",
        "AUTO_OPEN_DASHBOARD": "false",
    }


def without_zenml() -> dict[str, str]:
    """Return the current environment without any ZenML setting."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}


@contextmanager
def zenml_server(folder: Path) -> Iterator[ZenmlServer]:
    """Run a ZenML server for as long as a block lasts.

    The deployment type says that it is a remote server: stacks with a remote orchestrator refuse
    a local one (zenml 0.98 `Stack.validate`).

    Raises:
        ServiceError: It did not start.
    """
    with ExitStack() as stack:
        config = folder / "config"
        if _MEMORY.is_dir():
            # SQLite waits for the disk at each of some thousand commits.
            config = Path(stack.enter_context(TemporaryDirectory(prefix="zenml-", dir=_MEMORY)))
        yield stack.enter_context(_serving(folder, config))


@contextmanager
def _serving(folder: Path, config: Path) -> Iterator[ZenmlServer]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = folder / "server.log"
    env = {
        **without_zenml(),
        **client_environment(config),
        "ZENML_SERVER_AUTO_ACTIVATE": "1",
        "ZENML_SERVER_DEPLOYMENT_TYPE": "docker",
    }
    command = [sys.executable, "-m", "uvicorn", "zenml.zen_server.zen_server_api:app"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-access-log"]

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/health", timeout=5).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    with running(command, log=log, ready=answers, env=env, cwd=folder):
        database = config / "local_stores" / "default_zen_store" / "zenml.db"
        with _signed_in(url) as http:
            api_key = _create_account(http, "tests")
        _make_logins_cheap(database, api_key)
        yield ZenmlServer(url, api_key, log, database)


def _make_logins_cheap(database: Path, api_key: str) -> None:
    """Have the key's hash cost what tests can pay: ZenML's own takes a core for half a second.

    ZenML compares with the previous key too, and with a dummy of full cost where there is none.
    """
    words = json.loads(base64.b64decode(api_key.removeprefix("ZENKEY_")))
    cheap = bcrypt.hashpw(words["key"].encode(), bcrypt.gensalt(4)).decode()
    with sqlite3.connect(database, timeout=60) as connection:
        changed = connection.execute(
            "UPDATE api_key SET key = ?, previous_key = ?, retain_period = 1000000,"
            " last_rotated = CURRENT_TIMESTAMP",
            (cheap, cheap),
        )
        assert changed.rowcount == 1
    connection.close()


@contextmanager
def _signed_in(url: str) -> Iterator[httpx.Client]:
    """The API as the server's first user, who may do everything."""
    with httpx.Client(base_url=f"{url}/api/v1", timeout=60) as http:
        login = http.post("/login", data={"username": "default", "password": ""})
        login.raise_for_status()
        http.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        yield http


def _create_account(http: httpx.Client, name: str) -> str:
    account = http.post("/service_accounts", json={"name": name, "active": True})
    account.raise_for_status()
    # The key is made under the account's id; its name is not found there.
    keys = f"/service_accounts/{account.json()['id']}/api_keys"
    key = http.post(keys, json={"name": name})
    key.raise_for_status()
    value: str = key.json()["body"]["key"]
    return value
