"""A process with ZenML in it that calls functions for another one.

ZenML holds its client, its configuration and its active stack once per process, so a test that
wants a client of its own needs a process of its own.

What crosses the pipe, both ways, is a pickle of a pickle: a call that cannot be read is answered
like any other failure, and leaves the pipe in step. A function crosses by its name. Both ends are
the same interpreter with the same modules, so types are the same on both sides.
"""

from __future__ import annotations

import copyreg
import os
import pickle
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO


def read_only(mapping: Mapping[object, object]) -> MappingProxyType[object, object]:
    """Make again what the product's dataclasses have for an empty mapping."""
    return MappingProxyType(mapping)


# Python does not pickle it by itself.
copyreg.pickle(MappingProxyType, lambda proxy: (read_only, (dict(proxy),)))


@dataclass(frozen=True)
class Call:
    """A function to call: one of a module's own, that the other process can import."""

    function: Callable[..., object]
    args: tuple[object, ...]
    kwargs: Mapping[str, object]


@dataclass(frozen=True)
class Answer:
    """What a function returned, or the traceback of what it raised."""

    result: object = None
    error: str = ""


def send(stream: IO[bytes], message: Call | Answer) -> None:
    """Write a message."""
    pickle.dump(pickle.dumps(message), stream)
    stream.flush()


def receive(stream: IO[bytes]) -> Answer:
    """Read an answer.

    Raises:
        EOFError: The other process has ended.
    """
    answer: Answer = pickle.loads(pickle.load(stream))
    return answer


def main() -> None:
    """Answer each call on stdin until it is closed."""
    answers = os.fdopen(os.dup(1), "wb")
    # What ZenML prints must not get between the answers.
    os.dup2(2, 1)
    while True:
        try:
            message: bytes = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            call: Call = pickle.loads(message)
            send(answers, Answer(call.function(*call.args, **call.kwargs)))
        except Exception:
            send(answers, Answer(error=traceback.format_exc()))


if __name__ == "__main__":
    # Under its own name, so that a message is of the same class on both sides.
    from testbed import zenml_worker

    zenml_worker.main()
