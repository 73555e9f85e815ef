"""What lies between us and ZenML: gateways, proxies and certificates, and how often we ask."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrators.gate import Gate
from orchestrators.zenml_here import zenml_here
from pulumi_zenml.errors import PulumiZenmlError, ServiceError, UnreachableError
from pulumi_zenml.identity import new_key
from pulumi_zenml.testing.driver import Driver
from pulumi_zenml.testing.loopback import LoopbackServer
from pulumi_zenml.testing.loopback_tls import Loopback
from pulumi_zenml.zenml.connection import Connection, probe
from pulumi_zenml.zenml.unfinished import list_unfinished
from testbed import zenml_store
from testbed.snapshots import zenml_client
from testbed.zenml_server import ZenmlServer

from .conftest import FLAVOR, TESTS

pytestmark = pytest.mark.server

# The first try and the retries of ZenML's client, as the product bounds them.
MOST_TRIES = 4


class Gateway(Gate):
    """A gateway to a ZenML server that can be made to fail.

    Attributes:
        wrong: answers a call instead of the server: a status and HTML, ``None`` to hand it on, or
            a status of 0 to cut the connection.
    """

    def __init__(self, server: ZenmlServer) -> None:
        self.server = server
        self.wrong: Callable[[str, str], int | None] = lambda method, path: None
        super().__init__(_Handler)

    @contextmanager
    def answering(self, wrong: Callable[[str, str], int | None]) -> Iterator[None]:
        """Go wrong within a block; what was called before is forgotten."""
        self.calls.clear()
        self.wrong = wrong
        try:
            yield
        finally:
            self.wrong = lambda method, path: None

    def tries(self, method: str, path: str = "") -> int:
        """The most that one and the same call was made."""
        asked = [it for it in self.calls if it[0] == method and path in it[1]]
        return max((asked.count(it) for it in asked), default=0)


class _Handler(BaseHTTPRequestHandler):
    gate: Gateway

    def do_GET(self) -> None:
        self.gate.calls.append((self.command, self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = self.gate.wrong(self.command, self.path)
        if status == 0:
            self.close_connection = True
        elif status is not None:
            self._send(status, {"Content-Type": "text/html"}, b"<html><body>no</body></html>")
        else:
            left_out = ("host", "content-length", "connection", "accept-encoding")
            headers = {k: v for k, v in self.headers.items() if k.lower() not in left_out}
            url = f"{self.gate.server.url}{self.path}"
            # Without a client, which would keep the cookies of one caller for the next.
            answer = httpx.request(self.command, url, content=body, headers=headers, timeout=60)
            # ZenML's client reads from a header whether it may log in.
            own = ("content-length", "content-encoding", "connection", "date", "server")
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in own}
            self._send(answer.status_code, kept, answer.content)

    do_POST = do_PUT = do_DELETE = do_GET

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def gateway(zenml: ZenmlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway, and a stack ``gateway`` on the third party's orchestrator behind it."""
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "files").mkdir()
    made = Gateway(zenml)
    env = {
        **zenml.client_environment(folder / "config"),
        "PYTHONPATH": f"{TESTS}:{TESTS / 'thirdparty'}",
        "ZENML_STORE_URL": made.url,
    }
    sys.path.append(str(TESTS / "thirdparty"))
    try:
        with zenml_here(env):
            with zenml_client(folder, env) as client:
                client.call(zenml_store.register_flavor, FLAVOR)
                client.register_stack("gateway", "filecron", {"folder": str(folder / "files")})
                client.create_snapshot("gateway", pipeline="gateway")
            yield made
    finally:
        sys.path.remove(str(TESTS / "thirdparty"))
        made.close()


GIVEN: dict[str, Any] = {"stack": "gateway", "snapshot": "gateway:v1", "cron": "@daily"}


@pytest.fixture
def driver(gateway: Gateway, zenml: ZenmlServer) -> Iterator[Driver]:
    connection = Connection(server_url=gateway.url, api_key=zenml.api_key)
    made = Driver(connection, f"org/gateway/test/{secrets.token_hex(4)}")
    made.up(**GIVEN)
    yield made
    made.destroy()


def test_a_gateway_without_zenml_behind_it_is_asked_once(
    gateway: Gateway, zenml: ZenmlServer
) -> None:
    with gateway.answering(lambda method, path: 503), pytest.raises(UnreachableError) as caught:
        Connection(server_url=gateway.url, api_key=zenml.api_key).client()
    assert "answers 503" in str(caught.value)
    assert gateway.calls == [("GET", "/health")]


@pytest.mark.parametrize("status", [503, 0], ids=["503", "cut"])
def test_a_change_that_gets_no_answer_ends_soon_and_nothing_is_lost(
    gateway: Gateway, driver: Driver, status: int
) -> None:
    with (
        gateway.answering(lambda method, path: status if method == "PUT" else None),
        pytest.raises(PulumiZenmlError),
    ):
        driver.up(**GIVEN, paused=True)
    assert 0 < gateway.tries("PUT") <= MOST_TRIES
    driver.up(**GIVEN)
    assert driver.refresh() == set()


def test_an_answer_that_is_not_zenml_s_is_one_line(gateway: Gateway, driver: Driver) -> None:
    """A snapshot that cannot be made was once an exception of Pulumi's and a page of HTML."""
    wrong = {"POST": 500}
    with (
        gateway.answering(lambda method, path: wrong.get(method) if "snapshots" in path else None),
        pytest.raises(ServiceError) as caught,
    ):
        driver.up(**{**GIVEN, "cron": "@hourly"})
    assert "\n" not in str(caught.value) and "ZenML" in str(caught.value)
    assert gateway.tries("POST", "snapshots") <= MOST_TRIES
    assert driver.up(**GIVEN) == "same"
    assert driver.refresh() == set()


def test_a_proxy_is_used_and_left_out_as_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    proxy = LoopbackServer(Proxy)
    proxy.listen()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    try:
        probe("http://zenml.invalid:8080")
        assert asked == ["http://zenml.invalid:8080/health"]
        monkeypatch.setenv("no_proxy", "zenml.invalid")
        with pytest.raises(UnreachableError, match=r"zenml\.invalid:8080"):
            probe("http://zenml.invalid:8080")
        assert len(asked) == 1
    finally:
        proxy.hang_up()


def test_an_authority_of_the_user_s_own_is_trusted(
    gateway: Gateway, zenml: ZenmlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loopback = Loopback(tmp_path / "tls")
    handler = type("Handler", (_Handler,), {"gate": gateway})
    secure = LoopbackServer(handler, loopback.context)
    secure.listen()
    try:
        own = Connection(f"https://127.0.0.1:{secure.port}", zenml.api_key)
        env = {"ZENML_CONFIG_PATH": str(tmp_path), "ZENML_ANALYTICS_OPT_IN": "false"}
        with zenml_here(env), pytest.raises(UnreachableError, match="REQUESTS_CA_BUNDLE"):
            own.client()
        assert list_unfinished(own, "default", new_key()) is None
        with zenml_here({**env, "REQUESTS_CA_BUNDLE": str(loopback.certificate)}):
            assert own.client().active_project.name == "default"
            assert list_unfinished(own, "default", new_key()) == {}
    finally:
        secure.hang_up()
