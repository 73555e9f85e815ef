"""Keeping what ZenML and the SDKs print off stdout, from several threads at a time."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO


class _Ear(logging.Handler):
    """Hears the warnings of the thread that made it."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.heard: list[str] = []
        self.thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            self.heard.append(record.getMessage())


# stdout and the loggers' handlers belong to the process: the first to want quiet makes it, the
# last ends it. Nobody waits for anybody, as a thread may wait for others while it is quiet.
_LOCK = threading.Lock()
_EARS: list[_Ear] = []
_ENDS: list[Callable[[], None]] = []


@contextlib.contextmanager
def quiet() -> Iterator[list[str]]:
    """Keep ZenML's and the SDKs' chatter off stdout; yields the warnings that ZenML logged.

    What a provider process writes to stdout ends up in the user's terminal. The warnings are
    those of the calling thread.
    """
    ear = _Ear()
    with _LOCK:
        if not _EARS:
            _ENDS.append(_hush())
        _EARS.append(ear)
        logging.getLogger("zenml").handlers = [*_EARS, *_traces()]
    try:
        yield ear.heard
    finally:
        _release([ear])


def let_go(thread: int) -> None:
    """No longer be quiet for the sake of a thread, which does not come to an end.

    Args:
        thread: its identifier.
    """
    _release([ear for ear in list(_EARS) if ear.thread == thread])


def _traces() -> list[logging.Handler]:
    """What writes a trace to a file goes on."""
    from pulumi_zenml.zenml.trace import LOGGER, TraceHandler

    return [it for it in LOGGER.handlers if isinstance(it, TraceHandler)]


def _release(ears: list[_Ear]) -> None:
    with _LOCK:
        held = [ear for ear in ears if ear in _EARS]
        for ear in held:
            _EARS.remove(ear)
        if held and not _EARS:
            _ENDS.pop()()
        elif held:
            logging.getLogger("zenml").handlers = [*_EARS, *_traces()]


def _hush() -> Callable[[], None]:
    """Begin to be quiet; returns what ends it."""
    logger = logging.getLogger("zenml")
    propagate, handlers = logger.propagate, logger.handlers
    stdout = sys.stdout
    loud = [(handler, handler.stream) for handler in _handlers_on(stdout)]
    logger.propagate = False
    for handler, _ in loud:
        handler.setStream(_sink())
    sys.stdout = _sink()

    def end() -> None:
        sys.stdout = stdout
        logger.handlers, logger.propagate = handlers, propagate
        for handler, stream in loud:
            handler.setStream(stream)
        stdout.flush()

    return end


@functools.cache
def _sink() -> TextIO:
    """Nowhere. It stays open: what logs for the first time while it is quiet holds on to it."""
    return open(os.devnull, "w")


def _handlers_on(stdout: TextIO) -> Iterator[logging.StreamHandler[TextIO]]:
    """The log handlers that write to stdout: ZenML's on the root logger, Google's own.

    ZenML's writes to what stdout was when ZenML was imported, through a stream of its own (zenml
    0.98 logger._ZenMLStdoutStream).
    """
    loggers = [logging.getLogger(), *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if not isinstance(handler, logging.StreamHandler):
                continue
            if handler.stream is stdout or type(handler.stream).__module__.startswith("zenml."):
                yield handler
