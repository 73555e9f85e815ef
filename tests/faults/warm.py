"""Provider processes that need not import ZenML first, so that a thousand runs are affordable.

The real engine starts `pulumi-resource-pulumi-python`. Here that is a few lines which hand their
streams, environment and folder to a server that has imported ZenML and forks. The fork runs
Pulumi's own `pulumi.dynamic`, as the original script does. Neither the engine nor the product can
tell, except by the time it takes. The two ends die together, whichever is killed.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import runpy
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from faults.calls import ENGINE
from testbed.process import running

TESTS = Path(__file__).resolve().parents[1]
PLAN = "PULUMI_ZENML_FAULTS"
"""Names the file that says what goes wrong in a provider process; see `faults.calls`."""

_PROVIDER = """#!{python} -ISu
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    env = {{**os.environ, {engine!r}: str(os.getppid())}}
    asked = json.dumps({{"argv": sys.argv[1:], "cwd": os.getcwd(), "env": env}})
    streams = array.array("i", [0, 1, 2])
    server.sendmsg([len(asked.encode()).to_bytes(8, "big")],
                   [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
    server.sendall(asked.encode())
    while True:
        try:
            server.recv(1)
            break
        except KeyboardInterrupt:
            server.sendall(b"i")
"""

# The language host asks pip for the packages that have a plugin; the answer is always the same.
_PYTHON = """#!/bin/sh
case "$*" in "-m pip list"*) exec cat {packages};; esac
exec {python} "$@"
"""


@contextmanager
def warm_providers(folder: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """Serve for as long as a block lasts; yields the folder to put first on the engine's PATH.

    Args:
        folder: for the programs and the log.
        env: what ZenML reads as it is imported.
    """
    folder.mkdir(parents=True, exist_ok=True)
    address = folder / "providers"
    programs = folder / "bin"
    programs.mkdir()
    packages = folder / "packages.json"
    listing = [sys.executable, "-m", "pip", "list", "-v", "--format", "json"]
    packages.write_bytes(subprocess.run(listing, capture_output=True, check=True).stdout)
    texts = {
        "pulumi-resource-pulumi-python": _PROVIDER.format(
            python=sys.executable, address=str(address), engine=ENGINE
        ),
        "python3": _PYTHON.format(python=sys.executable, packages=packages),
    }
    for name, text in texts.items():
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(stat.S_IRWXU)
    paths = os.pathsep.join([str(TESTS), env.get("PYTHONPATH", "")])
    with running(
        [sys.executable, "-u", "-m", "faults.warm", address],
        log=folder / "providers.log",
        ready=address.exists,
        env={**os.environ, **env, "PYTHONPATH": paths},
    ):
        yield programs


def serve(address: str) -> None:
    """Fork for whoever asks."""
    import zenml.client
    import zenml.models
    import zenml.orchestrators
    import zenml.zen_stores.rest_zen_store
    import zenml.zen_stores.sql_zen_store  # noqa: F401

    waiting = Path(f"{address}.new")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(waiting))
        server.listen(16)
        waiting.rename(address)
        while True:
            client, _ = server.accept()
            _reap()
            if os.fork() == 0:
                server.close()
                _run(client)
            client.close()


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _run(client: socket.socket) -> None:
    """Be the provider; does not return."""
    streams = array.array("i")
    length, ancillary, _, _ = client.recvmsg(8, socket.CMSG_SPACE(3 * streams.itemsize))
    for _, _, data in ancillary:
        streams.frombytes(data)
    text = b""
    while len(text) < int.from_bytes(length, "big"):
        text += client.recv(1 << 16)
    asked = json.loads(text)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.path[:0] = [asked["cwd"], *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = ["pulumi.dynamic", *asked["argv"]]

    def live_and_die_with_the_other_end() -> None:
        while client.recv(1):
            os.kill(os.getpid(), signal.SIGINT)
        os._exit(1)

    threading.Thread(target=live_and_die_with_the_other_end, daemon=True).start()
    if PLAN in os.environ:
        from faults import calls

        calls.install(Path(os.environ[PLAN]))
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    serve(sys.argv[1])
