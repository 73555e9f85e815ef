"""Ask the warm process to run a program; standard library only, as each call starts anew.

Run as a program it takes the place of another one: the warm process forks one with the same
words, folder, variables and streams, and this one hands signals on and ends as that one does.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

SOCKET_VARIABLE = "TESTBED_WARM_SOCKET"
LENGTH = struct.Struct("!I")
"""In front of a request, and how a status is written."""
SIGNAL = struct.Struct("!B")


def ask(
    path: str,
    words: Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    streams: Sequence[int],
) -> socket.socket:
    """Have a program started; returns the connection to it.

    Closing the connection kills the program. A byte written to it is a signal for the program.
    What is read from it is the program's wait status, once it has ended.

    Args:
        path: the socket of the warm process.
        words: kind and name of the program, and its arguments; see `testbed.warm`.
        cwd: its working directory.
        env: its variables.
        streams: its stdin, stdout and stderr.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    asked = json.dumps({"words": list(words), "cwd": cwd, "env": dict(env)}).encode()
    socket.send_fds(connection, [LENGTH.pack(len(asked))], list(streams))
    connection.sendall(asked)
    return connection


def wait(connection: socket.socket) -> int:
    """The exit code of the program, negative for a signal; it was killed if nothing is known."""
    answer = b""
    while len(answer) < LENGTH.size:
        more = connection.recv(LENGTH.size - len(answer))
        if not more:
            return -signal.SIGKILL
        answer += more
    return os.waitstatus_to_exitcode(LENGTH.unpack(answer)[0])


def stand_in(*words: str) -> NoReturn:
    """Be the program until it ends."""
    connection = ask(
        os.environ[SOCKET_VARIABLE], words, cwd=os.getcwd(), env=os.environ, streams=(0, 1, 2)
    )

    def hand_on(number: int, _: object) -> None:
        connection.sendall(SIGNAL.pack(number))

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, hand_on)
    code = wait(connection)
    if code < 0:
        if code != -signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    stand_in(*sys.argv[1:])
