"""Credentials are in no file, argument, message or state, and the user's own ZenML stays as it is.

Everything that a user has is in one folder here, which is searched: home, temporary files, the
project, the engine's home and state, logs, reports, backups and what the commands write.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from testbed import zenml_store
from testbed.engine import Project
from testbed.snapshots import ZenmlClient, zenml_client
from testbed.warm import Warm
from testbed.zenml_server import ZenmlServer

from .conftest import FLAVOR, PROGRAM, TESTS

pytestmark = [pytest.mark.engine, pytest.mark.server]

STACK = "credentials"
PASSWORD = "planted-p4ssw0rd"
TOKEN = "planted-t0ken-in-arguments"
OVERRIDES = json.dumps({STACK: {"password": PASSWORD, "client_args": {"existing_token": TOKEN}}})
SCHEDULE = 'zenml.Schedule("training", stack="credentials", name="{name}", cron="@daily", {what})'
FLOW = """
from zenml import pipeline, step

@step
def one() -> int:
    return 1

@pipeline
def credentials_flow():
    one()
"""
LOOK_SECONDS = 0.03


@dataclass(frozen=True)
class Site:
    """A ZenML server, and the stack ``credentials`` with the folder its schedules are in."""

    server: ZenmlServer
    client: ZenmlClient
    files: Path

    @property
    def secrets(self) -> list[bytes]:
        """What must be nowhere: the key as it is given, its random part, what was planted."""
        inside = json.loads(base64.b64decode(self.server.api_key.removeprefix("ZENKEY_")))["key"]
        return [it.encode() for it in (self.server.api_key, inside, PASSWORD, TOKEN)]


@pytest.fixture(scope="module")
def site(zenml: ZenmlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The server with a stack of the third party's orchestrator, and a snapshot for it."""
    folder = tmp_path_factory.mktemp("credentials")
    files = folder / "files"
    files.mkdir()
    paths = os.pathsep.join([str(TESTS), str(TESTS / "thirdparty")])
    env = {**zenml.client_environment(folder / "config"), "PYTHONPATH": paths}
    with zenml_client(folder, env) as client:
        client.call(zenml_store.register_flavor, FLAVOR)
        client.register_stack(STACK, "filecron", {"folder": str(files)})
        client.create_snapshot(STACK, pipeline=STACK, name="v1")
        yield Site(zenml, client, files)


@dataclass
class Place:
    """All that one user has on a machine."""

    site: Site
    root: Path
    name: str = field(default_factory=lambda: f"credentials-{secrets.token_hex(4)}")

    @property
    def log(self) -> Path:
        return self.root / "trace.log"

    @property
    def zenml_folder(self) -> Path:
        return self.root / "home" / ".config" / "zenml"

    @property
    def env(self) -> dict[str, str]:
        home = self.root / "home"
        paths = os.pathsep.join([str(TESTS), str(TESTS / "thirdparty")])
        return {
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_DATA_HOME": str(home / ".local" / "share"),
            "XDG_STATE_HOME": str(home / ".local" / "state"),
            "TMPDIR": str(self.root / "tmp"),
            "PULUMI_ZENML_LOG": str(self.log),
            "PYTHONPATH": paths,
            "ZENML_ANALYTICS_OPT_IN": "false",
        }

    def project(self, **env: str) -> Project:
        """A project with one schedule of a snapshot."""
        program = self.program('snapshot="credentials:v1"')
        return Project(self.root / "project", program, env={**self.env, **env})

    def program(self, what: str) -> str:
        """A program with one schedule."""
        return PROGRAM.format(body=SCHEDULE.format(name=self.name, what=what))

    def holders(self) -> list[str]:
        """The files that hold a secret, in contents or name."""
        return [
            str(path.relative_to(self.root))
            for path in [*self.root.rglob("*"), *self.site.files.rglob("*")]
            if path.is_file() and _holds(path.name.encode() + path.read_bytes(), self.site.secrets)
        ]

    def own_zenml(self) -> dict[str, bytes]:
        """The user's own ZenML configuration, and that of the project's repository."""
        folders = (self.zenml_folder, self.root / "project" / ".zen")
        files = [it for folder in folders for it in folder.rglob("*") if it.is_file()]
        return {str(it): it.read_bytes() for it in files}


@pytest.fixture
def place(site: Site, tmp_path: Path) -> Iterator[Place]:
    """A user who works with another ZenML server, and has a repository where the project is."""
    made = Place(site, tmp_path)
    for name in ("tmp", "project"):
        (tmp_path / name).mkdir()
    made.zenml_folder.mkdir(parents=True)
    active = {"active_project_id": str(uuid4()), "active_stack_id": str(uuid4())}
    store = {"type": "rest", "url": "https://zenml.mine.example"}
    own = {"user_id": str(uuid4()), "analytics_opt_in": False, "version": "0.98.0", **active}
    (made.zenml_folder / "config.yaml").write_text(yaml.safe_dump({**own, "store": store}))
    token = {"url": store["url"], "api_key": "ZENKEY_of-my-own"}
    (made.zenml_folder / "credentials.yaml").write_text(yaml.safe_dump({store["url"]: token}))
    (tmp_path / "project" / ".zen").mkdir()
    (tmp_path / "project" / ".zen" / "config.yaml").write_text(yaml.safe_dump(active))
    yield made
    for path in site.files.iterdir():
        path.unlink()


def _holds(data: bytes, wanted: Sequence[bytes]) -> bool:
    return any(it in data for it in wanted)


class Watch:
    """Looks at the processes that have a place's variables.

    Attributes:
        seen: The command lines of all of them.
        arguments: Those with a secret in them.
        environments: Those of processes that were started with a secret in a variable.
    """

    def __init__(self, place: Place) -> None:
        self.seen: set[str] = set()
        self.arguments: set[str] = set()
        self.environments: set[str] = set()
        self._wanted = place.site.secrets
        self._mark = f"TMPDIR={place.root}".encode()
        self._before = set(_processes())
        self._ended = threading.Event()

    def look(self) -> None:
        while not self._ended.is_set():
            for process in set(_processes()) - self._before:
                self._look_at(process)
            time.sleep(LOOK_SECONDS)

    def end(self) -> None:
        self._ended.set()

    def _look_at(self, process: Path) -> None:
        try:
            arguments = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:
            return
        if self._mark not in environment:
            return
        shown = arguments.replace(b"\0", b" ").decode(errors="replace")
        self.seen.add(shown)
        if _holds(arguments, self._wanted):
            self.arguments.add(shown)
        if _holds(environment, self._wanted):
            self.environments.add(shown)


def _processes() -> list[Path]:
    return [it for it in Path("/proc").iterdir() if it.name.isdigit()]


@contextmanager
def watching(place: Place) -> Iterator[Watch]:
    """Look at processes for as long as a block lasts."""
    watch = Watch(place)
    thread = threading.Thread(target=watch.look)
    thread.start()
    try:
        yield watch
    finally:
        watch.end()
        thread.join()


def test_of_the_configuration(site: Site, place: Place) -> None:
    (place.root / "project" / "flows.py").write_text(FLOW)
    project = place.project()
    project.set_config("zenml:serverUrl", site.server.url)
    project.set_config("zenml:apiKey", site.server.api_key, secret=True)
    project.set_config("zenml:orchestrators", OVERRIDES, secret=True)
    before = place.own_zenml()
    with watching(place) as watch:
        (site.files / "die").touch()
        said = [project.up(fails=True).output]
        assert not (site.files / "die").exists()
        assert place.holders() == []
        project.write(place.program('pipeline="flows:credentials_flow"'))
        said.append(project.up().output)
        (site.files / "quote").touch()
        failed = project.refresh(fails=True).output
        (site.files / "quote").unlink()
        assert "cannot sign in with" in failed
        state = project.run("stack", "export").output
        said += [failed, state, project.destroy().output]
    assert any("_pipeline_worker.py" in it for it in watch.seen)
    assert watch.arguments == set()
    # The pipeline's process signs in by itself, and Pulumi hands a program its configuration.
    assert not any("pulumi.dynamic" in it for it in watch.environments)
    assert not _holds("\n".join(said).encode(), site.secrets)
    assert "ciphertext" in state
    assert "GET /api/v1/schedules" in place.log.read_text()
    assert "GET /api/v1/schedules" not in "\n".join(said)
    assert place.holders() == []
    assert place.own_zenml() == before


def test_of_the_environment(site: Site, place: Place, warm: Warm) -> None:
    environment = {
        "ZENML_STORE_URL": site.server.url,
        "ZENML_STORE_API_KEY": site.server.api_key,
        "PULUMI_ZENML_ORCHESTRATORS": OVERRIDES,
    }
    project = place.project(**environment)
    before = place.own_zenml()
    work = place.root / "work"
    work.mkdir()
    said: list[str] = []

    def run(*words: str) -> None:
        code, out, err = warm.command(words, cwd=work, env=project.env)
        assert code in (0, 1, 2), err
        assert "Traceback" not in err, err
        said.extend((out, err))

    with watching(place) as watch:
        said += [project.preview().output, project.up().output]
        for words in (
            ["doctor", "--format", "json"],
            ["report", "--html", "report.html"],
            ["adopt", place.name, "--owned", "--out", "infra"],
        ):
            run(*words, "--stack", STACK)
        run("reconcile", "--cwd", str(project.folder), "--pulumi-stack", project.stack, "--yes")
        (site.files / "quote").touch()
        run("audit", "--stack", STACK)
        unreachable = said[-1]
        (site.files / "quote").unlink()
        run("cleanup", place.name, "--apply", "--yes", "--backup", "backup.json")
        said += [project.run("stack", "export").output, project.destroy().output]
    assert "could not be read: RuntimeError: cannot sign in with" in unreachable
    written = {it.relative_to(work).parts[0] for it in work.rglob("*")}
    assert written == {"report.html", "infra", "backup.json"}
    assert watch.arguments == set()
    assert not _holds("\n".join(said).encode(), site.secrets)
    assert place.holders() == []
    assert place.own_zenml() == before


def test_what_is_recommended_of_the_configuration_works(site: Site, place: Place) -> None:
    account = f"account-{secrets.token_hex(4)}"
    key = site.server.create_account(account)
    project = place.project()
    project.set_config("zenml:serverUrl", site.server.url)
    project.set_config("zenml:apiKey", key)
    said = project.up().diagnostics
    (warning,) = [it for it in said if "zenml:apiKey holds a secret in clear" in it]
    assert "'pulumi config set --secret zenml:apiKey'" in warning
    assert key in project.run("stack", "export").output
    project.set_config("zenml:apiKey", key, secret=True)
    assert "in clear" not in project.up().output
    assert key not in project.run("stack", "export").output

    # The key is renewed.
    site.server.revoke_key(account)
    project.set_config("zenml:apiKey", site.server.api_key, secret=True)
    failed = [project.refresh(fails=True)]
    project.write("import pulumi")
    failed.append(project.up(fails=True))
    for it in failed:
        assert "pulumi config set --secret zenml:apiKey" in it.output
        assert "run 'pulumi refresh --run-program' first" in it.output
    project.write(place.program('snapshot="credentials:v1"'))
    assert project.refresh("--run-program").changes == {}

    (schedule,) = project.resources()
    site.client.call(zenml_store.begin_run, schedule["outputs"]["submitted_snapshot_id"])
    refused = project.destroy(fails=True).output
    assert "pulumi config set zenml:whenRunning ignore" in refused
    assert "'pulumi destroy' --run-program" in refused
    project.set_config("zenml:whenRunning", "ignore")
    assert list(site.files.glob("*.json"))
    project.destroy("--run-program")
    assert not list(site.files.glob("*.json"))
