"""The harness itself: what it does to a process at which call."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from faults.calls import read_log
from pulumi_zenml.testing.loopback import LoopbackServer

TESTS = Path(__file__).resolve().parents[1]
CALLS = """
import sys
from pathlib import Path
from faults import calls
calls.install(Path(sys.argv[1]))
import httpx, requests, urllib3
url, client, folder = sys.argv[2:]
for method in ("GET", "POST", "PUT"):
    try:
        if client == "httpx":
            answer = httpx.request(method, url)
            print(method, answer.status_code, answer.text)
        else:
            answer = requests.request(method, url, timeout=10)
            print(method, answer.status_code, answer.text)
    except (httpx.HTTPError, requests.RequestException) as error:
        print(method, type(error).__name__)
(Path(folder) / "made").write_text("x")
"""


class Echo(BaseHTTPRequestHandler):
    """Says what was done, and keeps it."""

    acted: list[str]

    def do_GET(self) -> None:
        self.acted.append(self.command)
        body = b"done"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[tuple[str, list[str]]]:
    """An address, and the methods that were carried out there."""
    acted: list[str] = []
    server = LoopbackServer(type("Handler", (Echo,), {"acted": acted}))
    server.listen()
    yield f"http://127.0.0.1:{server.port}/things", acted
    server.hang_up()


def run(folder: Path, url: str, client: str, **plan: object) -> tuple[int, list[str], Path]:
    """Make the calls; returns the exit code, what was seen, and the log."""
    log = folder / "log"
    watched = folder / "watched"
    watched.mkdir()
    file = folder / "plan.json"
    file.write_text(json.dumps({"log": str(log), "folders": [str(watched)], **plan}))
    done = subprocess.run(
        [sys.executable, "-c", CALLS, str(file), url, client, str(watched)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(TESTS), "PATH": ""},
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), log


CLIENTS = pytest.mark.parametrize("client", ["httpx", "requests"])


@CLIENTS
def test_calls_are_numbered_and_those_that_change_something_are_marked(
    service: tuple[str, list[str]], client: str, tmp_path: Path
) -> None:
    code, seen, log = run(tmp_path, service[0], client)
    assert (code, seen) == (0, ["GET 200 done", "POST 200 done", "PUT 200 done"])
    calls, reached = read_log(log)
    assert not reached
    assert [it["number"] for it in calls] == [0, 1, 2, 3]
    assert [it["changes"] for it in calls] == [False, True, True, True]
    assert calls[3]["what"].startswith("open ")


@CLIENTS
@pytest.mark.parametrize(("kind", "acted"), [("kill", ["GET"]), ("kill-after", ["GET", "POST"])])
def test_a_kill_is_before_or_after_its_call(
    service: tuple[str, list[str]], client: str, kind: str, acted: list[str], tmp_path: Path
) -> None:
    code, _, log = run(tmp_path, service[0], client, point=1, kind=kind)
    assert (code, service[1]) == (-signal.SIGKILL, acted)
    assert read_log(log)[1]


@CLIENTS
@pytest.mark.parametrize("status", ["429", "503"])
def test_a_refused_call_is_not_carried_out(
    service: tuple[str, list[str]], client: str, status: str, tmp_path: Path
) -> None:
    _, seen, _ = run(tmp_path, service[0], client, point=1, kind=status)
    assert seen[1].startswith(f"POST {status}")
    assert service[1] == ["GET", "PUT"]


@CLIENTS
@pytest.mark.parametrize(
    ("kind", "said"), [("acted-500", "POST 500"), ("garbage", "POST 200 <html>"), ("lost", "POST ")]
)
def test_an_answer_is_lost_or_wrong_though_the_call_was_carried_out(
    service: tuple[str, list[str]], client: str, kind: str, said: str, tmp_path: Path
) -> None:
    _, seen, _ = run(tmp_path, service[0], client, point=1, kind=kind)
    assert seen[1].startswith(said)
    assert ("Error" in seen[1]) == (kind == "lost")
    assert service[1] == ["GET", "POST", "PUT"]


def test_a_file_is_not_changed_by_a_process_that_is_killed_before(
    service: tuple[str, list[str]], tmp_path: Path
) -> None:
    code, _, _ = run(tmp_path, service[0], "httpx", point=3, kind="kill")
    assert code == -signal.SIGKILL
    assert not (tmp_path / "watched" / "made").exists()
