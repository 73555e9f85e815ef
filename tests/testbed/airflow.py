"""A real Airflow 3 on loopback: API server, scheduler and DAG processor over one DAG folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from .process import (
    ServiceError,
    cache_folder,
    dies_with_us,
    finish,
    free_port,
    running,
    wait_until,
)

USERNAME = "admin"
PASSWORD = "testbed-password"
# How soon a new, changed or removed DAG file is noticed; Airflow's own settings take minutes.
REFRESH_SECONDS = 5


@dataclass(frozen=True)
class Airflow:
    """An Airflow that runs.

    Attributes:
        url: Where the API server answers, without `/api/v2`.
        username: A user who may do anything.
        password: That user's password.
        dags: The folder that is searched for DAG files.
        folder: Holds the logs.
    """

    url: str
    username: str
    password: str
    dags: Path
    folder: Path

    def api(self, method: str, path: str, body: object | None = None) -> httpx.Response:
        """Call `/api/v2` as the user, apart from any other client. The status is not checked."""
        with httpx.Client(base_url=self.url, timeout=60) as http:
            login = http.post(
                "/auth/token", json={"username": self.username, "password": self.password}
            )
            login.raise_for_status()
            token = {"Authorization": f"Bearer {login.json()['access_token']}"}
            return http.request(method, f"/api/v2{path}", json=body, headers=token)

    def wait_for_dag(self, dag_id: str, *, seconds: float = 90.0) -> dict[str, Any]:
        """Wait until a DAG has been read from its file, and return it.

        Raises:
            ServiceError: It was not, in time. The message holds Airflow's import errors.
        """

        def is_there() -> bool:
            return self.api("GET", f"/dags/{dag_id}").status_code == httpx.codes.OK

        try:
            wait_until(is_there, f"DAG {dag_id} is there", seconds=seconds)
        except ServiceError as error:
            errors = self.api("GET", "/importErrors").text
            raise ServiceError(f"{error}\nimport errors: {errors}") from None
        dag: dict[str, Any] = self.api("GET", f"/dags/{dag_id}").json()
        return dag


@contextmanager
def airflow(folder: Path) -> Iterator[Airflow]:
    """Run Airflow for as long as a block lasts, from the environment that set-up made for it.

    Raises:
        ServiceError: It is not installed or did not start.
    """
    python = cache_folder() / "airflow" / "bin" / "python"
    if not python.exists():
        raise ServiceError("Airflow is not installed; `make test` installs all that tests need")
    dags = folder / "dags"
    dags.mkdir(parents=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = _environment(folder, dags, url)
    program: list[str | Path] = [python, "-m", "airflow"]
    finish([*program, "db", "migrate"], log=folder / "migrate.log", env=env)

    def answers() -> bool:
        return _get(f"{url}/api/v2/version") is not None

    def is_healthy(part: str) -> bool:
        health = _get(f"{url}/api/v2/monitor/health") or {}
        status: str | None = health.get(part, {}).get("status")
        return status == "healthy"

    server = [*program, "api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with ExitStack() as stack:

        def start(name: str, command: list[str | Path]) -> None:
            log = folder / f"{name}.log"
            ready = answers if name == "api-server" else lambda: is_healthy(name.replace("-", "_"))
            stack.enter_context(running(command, log=log, ready=ready, env=env, cwd=folder))

        start("api-server", server)
        start("scheduler", [*program, "scheduler", "--skip-serve-logs"])
        # It ends where a DAG is deleted just as it has read it (Airflow 3, StaleDataError on table
        # dag). Whoever runs Airflow has it started again.
        again = ["sh", "-c", 'while :; do "$@"; sleep 1; done', "sh", *dies_with_us()]
        start("dag-processor", [*again, *program, "dag-processor"])
        yield Airflow(url=url, username=USERNAME, password=PASSWORD, dags=dags, folder=folder)


def _environment(folder: Path, dags: Path, url: str) -> dict[str, str]:
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps({USERNAME: PASSWORD}), encoding="utf-8")
    settings = {
        "CORE__DAGS_FOLDER": dags,
        "CORE__LOAD_EXAMPLES": False,
        "CORE__PARALLELISM": 2,
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USERNAME}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": passwords,
        "API__BASE_URL": url,
        "API__SECRET_KEY": "testbed",
        "API_AUTH__JWT_SECRET": "testbed" * 10,
        "DAG_PROCESSOR__REFRESH_INTERVAL": REFRESH_SECONDS,
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": REFRESH_SECONDS,
        "SCHEDULER__PARSING_CLEANUP_INTERVAL": REFRESH_SECONDS,
        "DAG_PROCESSOR__STALE_DAG_THRESHOLD": 3 * REFRESH_SECONDS,
        "USAGE_DATA_COLLECTION__ENABLED": False,
    }
    return {
        **{name: value for name, value in os.environ.items() if "AIRFLOW" not in name},
        "AIRFLOW_HOME": str(folder),
        **{f"AIRFLOW__{name}": str(value) for name, value in settings.items()},
    }


def _get(url: str) -> dict[str, Any] | None:
    try:
        response = httpx.get(url, timeout=10)
    except httpx.HTTPError:
        return None
    answer: dict[str, Any] | None = response.json() if response.is_success else None
    return answer
