"""Who is told of what an audit finds: once, on change, and without a secret anywhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from operations import seed
from operations.conftest import Said, World
from operations.seed import Made

SECRET = "sup3r-s3cret-t0ken"


class Hook:
    """A webhook's other end, which can refuse."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if hook.status == 200:
                    hook.heard.append({"path": self.path, **body})
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://user:{SECRET}@127.0.0.1:{self.server.server_port}/{SECRET}"


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def audit(world: World, *words: str, **env: str) -> Said:
    said = world.run("audit", "--code", "record-without-counterpart", *words, **env)
    written = [path.read_text() for path in (world.work / "state").rglob("*") if path.is_file()]
    assert SECRET not in "".join([said.out, said.err, *written])
    return said


def break_one(world: World, name: str) -> Made:
    made = world.call(seed.unmanaged, name, cron="0 3 * * *")
    (world.folder() / f"{made.native}.json").rename(world.work / f"{made.native}.json")
    return made


def mend(world: World, made: Made) -> None:
    (world.work / f"{made.native}.json").rename(world.folder() / f"{made.native}.json")


def test_only_changes_are_told(world: World, hook: Hook) -> None:
    assert audit(world, "--alert", hook.url).code == 0
    assert hook.heard == []

    made = break_one(world, "daily-first-prod")
    assert audit(world, "--alert", hook.url).code == 1
    (told,) = hook.heard
    assert told["path"] == f"/{SECRET}"
    assert told["title"] == "ZenML schedules: 1 new"
    assert told["message"].startswith("error: daily-first-prod on one: ")
    assert "Fix: " in told["message"]

    assert audit(world, "--alert", hook.url).code == 1
    assert len(hook.heard) == 1

    break_one(world, "daily-second-prod")
    mend(world, made)
    audit(world, "--alert", hook.url)
    assert hook.heard[1]["title"] == "ZenML schedules: 1 new, 1 no longer found"
    assert "daily-second-prod" in hook.heard[1]["message"].splitlines()[0]
    assert (
        "no longer found: record-without-counterpart daily-first-prod"
        in (hook.heard[1]["message"].splitlines()[1])
    )


def test_everything_is_told_when_asked(world: World, hook: Hook) -> None:
    for _ in range(2):
        assert audit(world, "--alert", hook.url, "--alert-always").code == 0
    assert [it["title"] for it in hook.heard] == ["ZenML schedules: nothing new"] * 2
    break_one(world, "daily-first-prod")
    for _ in range(2):
        audit(world, "--alert", hook.url, "--alert-always")
    assert [it["title"] for it in hook.heard[2:]] == ["ZenML schedules: 1 new"] * 2


def test_jobs_with_other_filters_tell_on_their_own(world: World, hook: Hook) -> None:
    break_one(world, "daily-first-prod")
    audit(world, "--alert", hook.url)
    audit(world, "--alert", hook.url, "--stack", "one")
    audit(world, "--alert", hook.url, "--stack", "two")
    assert len(hook.heard) == 2


def test_what_was_not_delivered_is_told_again(world: World, hook: Hook) -> None:
    made = break_one(world, "daily-first-prod")
    hook.status = 500
    said = audit(world, "--alert", hook.url, "--format", "json")
    assert said.code == 2
    assert "alert 1 (json) was not delivered" in said.err
    assert len(said.json["findings"]) == 1
    hook.status = 200
    mend(world, made)
    audit(world, PULUMI_ZENML_ALERT=hook.url)
    (told,) = hook.heard
    assert "daily-first-prod" in told["message"]
    audit(world, "--alert", hook.url)
    assert len(hook.heard) == 1


def test_what_cannot_be_seen_is_told_once_and_is_not_gone(world: World, hook: Hook) -> None:
    made = break_one(world, "daily-first-prod")
    audit(world, "--alert", hook.url)
    (world.folder() / "lost").touch()
    for _ in range(2):
        assert audit(world, "--alert", hook.url).code == 2
    assert hook.heard[1]["title"] == "ZenML schedules: 1 unreachable"
    (world.folder() / "lost").unlink()
    audit(world, "--alert", hook.url)
    assert hook.heard[2]["title"] == "ZenML schedules: 1 no longer found"
    assert "unreachable orchestrator 'one'" in hook.heard[2]["message"]
    assert len(hook.heard) == 3
    mend(world, made)


def test_many_findings_are_one_short_message(world: World, hook: Hook) -> None:
    made = world.call(seed.unmanaged, "daily-original-prod", cron="0 3 * * *")
    world.call(seed.copies, made.snapshot, world.folder(), 30)
    for path in world.folder().glob("*.json"):
        path.unlink()
    audit(world, "--alert", hook.url)
    (told,) = hook.heard
    assert told["title"] == "ZenML schedules: 31 new"
    lines = told["message"].splitlines()
    assert len(lines) == 21
    assert lines[-1] == "... and 11 more: 'pulumi-zenml audit'."


@pytest.mark.parametrize("url", [f"nosuch://{SECRET}", SECRET, f"slack://{SECRET}"])
def test_a_url_that_nobody_knows_is_a_clear_error(world: World, url: str) -> None:
    said = audit(world, "--alert", url)
    assert said.code == 2
    assert "the first is not a URL that apprise" in said.err


# apprise imports it on Python 3.11 and 3.12.
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    "url",
    [
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#channel",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "pagerduty://IntegrationKey@ApiKey",
        "mailto://user:password@example.com",
    ],
)
def test_the_usual_services_are_known(url: str) -> None:
    from pulumi_zenml.operations import open_alert_targets
    from pulumi_zenml.zenml.connection import Connection

    (name,) = open_alert_targets(Connection(), [url])
    assert name == f"alert 1 ({url.partition(':')[0]})"


def test_zenmls_own_alerter_is_told(world: World, hook: Hook, tmp_path: Path) -> None:
    file = tmp_path / "told"
    world.call(seed.stack_with_alerter, "told", like="one", file=str(file))
    try:
        break_one(world, "daily-first-prod")
        assert audit(world, "--alert", "zenml:told", "--alert", hook.url).code == 1
        assert file.read_text().startswith("ZenML schedules: 1 new\nerror: daily-first-prod on ")
        assert len(hook.heard) == 1

        file.unlink()
        file.mkdir()
        said = audit(world, "--alert", "zenml:told", "--alert-always")
        assert said.code == 2
        assert "alert 1 (zenml) was not delivered: " in said.err
        assert "reports that it did not post" in said.err
    finally:
        world.call(seed.delete_stack_with_alerter, "told")


def test_a_stack_without_an_alerter_is_a_clear_error(world: World) -> None:
    said = audit(world, "--alert", "zenml:one")
    assert said.code == 2
    assert "stack 'one' has no alerter. Register one with" in said.err
    said = audit(world, "--alert", "zenml:nowhere")
    assert said.code == 2
    assert "nowhere" in said.err
