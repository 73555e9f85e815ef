"""Which project is asked for what an interrupted update left, and by how many requests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import yaml

from pulumi_zenml.identity import Owner, mark_name
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.unfinished import list_unfinished

KEY = "0123456789ab"
URL = "http://zenml.example"
LEFT = mark_name("nightly", "new", Owner(KEY, "acme/shop/prod/nightly"))


@dataclass
class Server:
    """What a ZenML server says to the three requests.

    Attributes:
        projects: the names of the projects, by id.
        left: the name of the one schedule of each project that has one, by the project's id.
        asked: the paths, each with the project that it asked for.
    """

    projects: Mapping[str, str]
    left: Mapping[str, str]
    asked: list[str] = field(default_factory=list)

    def send(
        self, _adapter: object, request: requests.PreparedRequest, **_: object
    ) -> requests.Response:
        parts = urlsplit(str(request.url))
        path = parts.path.removeprefix("/api/v1/")
        project = parse_qs(parts.query).get("project", [""])[0]
        self.asked.append(f"{path} {project}".strip())
        answer = requests.Response()
        answer.status_code, answer.url = 200, str(request.url)
        body: Any = {"access_token": "token"}
        if path == "projects":
            body = {"items": [{"id": id} for id in self.projects][:2]}
        elif path == "schedules":
            id = next((id for id, name in self.projects.items() if project in (id, name)), None)
            answer.status_code = 200 if id else 404
            name = self.left.get(id or "")
            body = {"items": [{"id": "record", "name": name}] if name else []}
        answer._content = json.dumps(body).encode()
        return answer


@pytest.fixture(autouse=True)
def _of_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ZENML_STORE_URL", raising=False)
    monkeypatch.delenv("ZENML_ACTIVE_PROJECT_ID", raising=False)
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(tmp_path))


def ask(monkeypatch: pytest.MonkeyPatch, server: Server, project: str = "") -> list[str] | None:
    monkeypatch.setattr(
        requests.adapters.HTTPAdapter,
        "send",
        lambda self, request, **options: server.send(self, request, **options),
    )
    found = list_unfinished(Connection(server_url=URL, api_key="key"), project, KEY)
    return None if found is None else list(found)


def user_has_active(tmp_path: Path, url: str) -> None:
    config = {"store": {"url": url}, "active_project_id": "id-b"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))


def test_the_project_that_is_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    user_has_active(tmp_path, URL)
    server = Server({"id-a": "default", "id-b": "b", "id-c": "c"}, {"id-c": LEFT})
    assert ask(monkeypatch, server, "c") == ["record"]
    assert server.asked == ["login", "schedules c"]


def test_the_active_project_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZENML_ACTIVE_PROJECT_ID", "id-b")
    server = Server({"id-a": "default", "id-b": "b"}, {"id-b": LEFT})
    assert ask(monkeypatch, server) == ["record"]
    assert server.asked == ["login", "schedules id-b"]


def test_the_active_project_of_the_users_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    user_has_active(tmp_path, f"{URL}/")
    server = Server({"id-a": "default", "id-b": "b"}, {"id-b": LEFT})
    assert ask(monkeypatch, server) == ["record"]
    assert server.asked == ["login", "schedules id-b"]


def test_what_is_active_on_another_server_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    user_has_active(tmp_path, "http://other.example")
    server = Server({"id-a": "default"}, {"id-a": LEFT})
    assert ask(monkeypatch, server) == ["record"]
    assert server.asked == ["login", "schedules default"]


def test_the_only_project_whatever_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"id-b": "b"}, {"id-b": LEFT})
    assert ask(monkeypatch, server) == ["record"]
    assert server.asked == ["login", "schedules default", "projects", "schedules id-b"]


def test_of_several_projects_none_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, Server({"id-b": "b", "id-c": "c"}, {"id-b": LEFT})) is None


def test_a_project_that_is_not_there_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, Server({"id-a": "default"}, {"id-a": LEFT}), "none") is None
