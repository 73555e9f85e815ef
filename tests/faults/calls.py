"""What goes wrong in a provider process: its calls are numbered, and one of them is the last.

A call is a request over HTTP, a command or file over SSH, a changed file, or a commit to ZenML's
local store. All are taken at the lowest layer that vendors' libraries share, so that none of
them is named here. `faults.provider` installs this into the provider's process, and nothing else.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLAN = "PULUMI_ZENML_FAULTS"
"""Names the file that says what goes wrong in a provider process; see `Plan`."""

ENGINE = "PULUMI_ZENML_FAULTS_ENGINE"
"""Holds the engine's process id."""

STATUSES = ("401", "429", "500", "503")
KINDS = (
    "kill",
    "kill-after",
    "lost",
    *STATUSES,
    "acted-500",
    "garbage",
    "slow",
    "engine-killed",
    "interrupted-twice",
)
"""What can happen at a call. `kill`, `kill-after`: the provider dies before it, or once it was
answered. `lost`: it acts, and the answer
is cut. A status: it is refused. `acted-500`, `garbage`: it acts, and that is the answer."""

SLOW_SECONDS = 4.0
_CHANGING = ("POST", "PUT", "PATCH", "DELETE")
_READING = re.compile(
    r"/login|/token|oauth|/search|dryRun=All|accessreviews|"
    r"[.](Describe|List|Get|Search)\w*$|Action=(Get|AssumeRole)"
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True)
class Plan:
    """What is to go wrong.

    Args:
        log: receives a line for each call: its number, whether it changes something, and what.
        point: the number of the call; ``None`` for a run in which all goes well.
        kind: one of `KINDS`.
        folders: where a changed file counts as a call.
        ssh: whether there are calls over SSH.
    """

    log: str
    point: int | None = None
    kind: str = "kill"
    folders: list[str] = field(default_factory=list)
    ssh: bool = False


class Calls:
    """The calls of one process."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._count = 0
        self._lock = threading.Lock()
        self._log = os.open(plan.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def begin(self, what: str, *, changes: bool) -> str:
        """Number a call that is about to be made; returns what its caller has to do wrong."""
        with self._lock:
            number = self._count
            self._count += 1
            line = json.dumps({"number": number, "changes": changes, "what": what[:160]})
            os.write(self._log, f"{line}\n".encode())
        if number != self._plan.point:
            return ""
        os.write(self._log, b'{"reached": true}\n')
        kind = self._plan.kind
        if kind == "kill":
            die()
        engine = int(os.environ.get(ENGINE, "0"))
        if kind == "engine-killed":
            os.kill(engine, signal.SIGKILL)
        if kind == "interrupted-twice":
            for _ in range(2):
                os.kill(engine, signal.SIGINT)
                time.sleep(0.3)
        if kind == "slow":
            time.sleep(SLOW_SECONDS)
        return kind


def die() -> None:
    """End this process as a crash does."""
    os.kill(os.getpid(), signal.SIGKILL)


def read_log(log: Path) -> tuple[list[dict[str, Any]], bool]:
    """The calls that were made, and whether the planned one was reached."""
    lines = [json.loads(it) for it in log.read_text().splitlines()] if log.exists() else []
    return [it for it in lines if "number" in it], any("reached" in it for it in lines)


def install(file: Path) -> None:
    """Watch this process from now on."""
    plan = Plan(**json.loads(file.read_text()))
    calls = Calls(plan)
    _watch_http(calls)
    _watch_httpx(calls)
    if plan.ssh:
        _watch_ssh(calls)
    # The warm process has it where ZenML does.
    if "sqlalchemy" in sys.modules:
        _watch_store(calls)
    if plan.folders:
        _watch_files(calls, plan.folders)


def _changes(method: str, url: str) -> bool:
    return method in _CHANGING and not _READING.search(url)


def _answer(kind: str) -> tuple[int, str, bytes]:
    if kind == "garbage":
        return 200, "text/html", b"<html><body>It works!</body></html>"
    status = int(kind.removeprefix("acted-"))
    return status, "application/json", b'{"detail": "injected", "message": "injected"}'


def _canned(kind: str) -> socket.socket:
    """A connection whose other end reads all and has this to say."""
    status, media, body = _answer(kind)
    ours, theirs = socket.socketpair()
    head = f"HTTP/1.1 {status} Injected\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n"
    more = "Retry-After: 1\r\n" if kind == "429" else ""
    theirs.sendall(f"{head}{more}Connection: close\r\n\r\n".encode() + body)

    def drain() -> None:
        with theirs, suppress(OSError):
            while theirs.recv(1 << 16):
                pass

    threading.Thread(target=drain, daemon=True).start()
    return ours


def _watch_http(calls: Calls) -> None:
    connection: Any = http.client.HTTPConnection
    putrequest, putheader = connection.putrequest, connection.putheader
    endheaders, getresponse = connection.endheaders, connection.getresponse

    def note_request(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        self._faults_call = (method, url)
        putrequest(self, method, url, *args, **kwargs)

    def note_header(self: Any, header: Any, *values: Any) -> None:
        if str(header).lower() == "x-amz-target" and values:
            method, _ = self._faults_call
            value = values[0].decode() if isinstance(values[0], bytes) else values[0]
            self._faults_call = (method, value)
        putheader(self, header, *values)

    def send(self: Any, *args: Any, **kwargs: Any) -> None:
        method, url = self._faults_call
        changes = _changes(method, url)
        self._faults_kind = calls.begin(f"{method} {self.host}{url}", changes=changes)
        if self._faults_kind in STATUSES:
            if self.sock is None:
                self.connect()
            self.sock.close()
            self.sock = _canned(self._faults_kind)
        endheaders(self, *args, **kwargs)

    def receive(self: Any) -> Any:
        kind, self._faults_kind = getattr(self, "_faults_kind", ""), ""
        if kind in ("lost", "acted-500", "garbage"):
            with suppress(OSError, http.client.HTTPException):
                answer = self.response_class(self.sock, method=self._method)
                answer.begin()
                answer.read()
            if kind == "lost":
                self.close()
                raise http.client.RemoteDisconnected("injected: the answer was lost")
            self.sock.close()
            self.sock = _canned(kind)
        response = getresponse(self)
        if kind == "kill-after":
            die()
        return response

    connection.putrequest, connection.putheader = note_request, note_header
    connection.endheaders, connection.getresponse = send, receive


def _watch_httpx(calls: Calls) -> None:
    import httpx

    transport: Any = httpx.HTTPTransport
    handle = transport.handle_request

    def handle_request(self: Any, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        changes = _changes(request.method, url)
        kind = calls.begin(f"{request.method} {url}", changes=changes)
        if kind not in STATUSES:
            response: httpx.Response = handle(self, request)
            if kind == "kill-after":
                die()
            if kind not in ("lost", "acted-500", "garbage"):
                return response
            response.read()
            response.close()
            if kind == "lost":
                raise httpx.RemoteProtocolError("injected: the answer was lost")
        status, media, body = _answer(kind)
        headers = {"Content-Type": media, **({"Retry-After": "1"} if kind == "429" else {})}
        return httpx.Response(status, headers=headers, content=body, request=request)

    transport.handle_request = handle_request


def _watch_ssh(calls: Calls) -> None:
    import paramiko

    channel: Any = paramiko.Channel
    execute = channel.exec_command

    def exec_command(self: Any, command: Any) -> None:
        text = command if isinstance(command, str) else command.decode("utf-8", "replace")
        _fail_locally(calls.begin(f"ssh {text}", changes=True))
        execute(self, command)

    channel.exec_command = exec_command
    sftp: Any = paramiko.SFTPClient
    request = sftp._request
    writing = {
        paramiko.sftp.CMD_MKDIR,
        paramiko.sftp.CMD_REMOVE,
        paramiko.sftp.CMD_RENAME,
        paramiko.sftp.CMD_RMDIR,
        paramiko.sftp.CMD_SETSTAT,
        paramiko.sftp.CMD_WRITE,
    }

    def send(self: Any, kind: int, *arguments: Any) -> Any:
        if kind in writing:
            _fail_locally(calls.begin(f"sftp {kind}", changes=True))
        return request(self, kind, *arguments)

    sftp._request = send


def _fail_locally(kind: str) -> None:
    if kind in (*STATUSES, "lost", "garbage", "acted-500"):
        raise OSError(f"injected: {kind}")


def _watch_files(calls: Calls, folders: list[str]) -> None:
    """Python says of every file that is about to be changed that it is."""
    prefixes = tuple(f"{os.path.realpath(it)}/" for it in folders)
    events: dict[str, Callable[[Any], list[Any]]] = {
        "open": lambda a: [a[0]] if isinstance(a[2], int) and a[2] & _WRITES else [],
        "os.rename": lambda a: [a[0], a[1]],
        "os.remove": lambda a: [a[0]],
        "os.mkdir": lambda a: [a[0]],
        "os.rmdir": lambda a: [a[0]],
    }

    def heard(event: str, arguments: Any) -> None:
        names = events.get(event)
        if names is None:
            return
        for name in names(arguments):
            if isinstance(name, str | bytes | os.PathLike):
                path = os.path.abspath(os.fsdecode(name))
                if path.startswith(prefixes):
                    _fail_locally(calls.begin(f"{event} {path}", changes=True))
                    return

    sys.addaudithook(heard)


def _watch_store(calls: Calls) -> None:
    """Commits to a SQLite file: ZenML's local store."""
    from sqlalchemy.engine import default

    dialect: Any = default.DefaultDialect
    commit = dialect.do_commit
    seen: dict[int, int] = {}

    def do_commit(self: Any, connection: Any) -> None:
        raw = getattr(connection, "driver_connection", connection)
        total = getattr(raw, "total_changes", 0)
        if total != seen.get(id(raw), 0):
            seen[id(raw)] = total
            kind = calls.begin("commit", changes=True)
            if kind in STATUSES:
                raise OSError(f"injected: {kind}")
            commit(self, connection)
            if kind == "kill-after":
                die()
            _fail_locally(kind)
            return
        commit(self, connection)

    dialect.do_commit = do_commit
