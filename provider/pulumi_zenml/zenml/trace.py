"""A log file with traces and request ids, behind one switch."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Iterable

from pulumi_zenml.zenml.masking import masked

VARIABLE = "PULUMI_ZENML_LOG"
"""The environment variable that names the file."""

LOGGER = logging.getLogger("pulumi_zenml")
_TRACED = ("pulumi_zenml", "zenml", "urllib3")


class TraceHandler(logging.FileHandler):
    """Writes to the file what is logged, without the secrets that are known."""

    def __init__(self, path: str, secrets: Iterable[str]) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.close(descriptor)
        super().__init__(path, encoding="utf-8")
        self._secrets = list(secrets)
        self.setFormatter(
            logging.Formatter("%(asctime)s %(process)d %(threadName)s %(name)s %(message)s")
        )

    def format(self, record: logging.LogRecord) -> str:
        """One line or more, with each secret replaced."""
        return masked(super().format(record), self._secrets)


def start_trace(secrets: Iterable[str]) -> None:
    """Begin to log to the file that the environment names; do nothing where it names none.

    Args:
        secrets: what must not be in it.
    """
    path = os.environ.get(VARIABLE)
    if not path or any(isinstance(it, TraceHandler) for it in LOGGER.handlers):
        return
    handler = TraceHandler(path, secrets)
    for name in _TRACED:
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
        # ZenML's handler on the root logger would show all of it to the user.
        logger.propagate = False


def trace(error: BaseException) -> None:
    """Write an error with its causes to the file, if there is one."""
    if any(isinstance(it, TraceHandler) for it in LOGGER.handlers):
        LOGGER.error("".join(traceback.format_exception(error)))


def hint() -> str:
    """How to see the trace of an error, or where it is."""
    path = os.environ.get(VARIABLE)
    if path:
        return f"The trace is in '{path}'."
    return f"Set {VARIABLE}=FILE and try again to see the trace."
