"""The target systems' own cron engines, each a process that answers one request a line."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

Window = tuple[int, int]
"""From, inclusive, and to, exclusive, in Unix seconds."""


class RefusedByEngine(Exception):
    """The engine did not accept the expression."""


class Engine:
    """One engine's process. Use as a context manager.

    Args:
        program: name of the program in the cache's bin folder.
        request: turns an expression, a zone and windows into the line to send.
    """

    def __init__(self, program: str, request: Callable[[str, str, Sequence[Window]], str]) -> None:
        cache = os.environ.get("PULUMI_ZENML_CACHE") or Path.home() / ".cache" / "pulumi-zenml"
        self._program = Path(cache) / "bin" / program
        self._request = request
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Engine:
        assert self._program.exists(), (
            f"run `python3 -m scripts.setup cron-engines`: {self._program}"
        )
        self._process = subprocess.Popen(
            [self._program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()

    def fires(self, expression: str, zone: str, windows: Sequence[Window]) -> list[int]:
        """The engine's fires in the windows, in Unix seconds.

        Raises:
            RefusedByEngine: when it does not accept the expression.
        """
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(self._request(expression, zone, windows) + "\n")
        process.stdin.flush()
        told = json.loads(process.stdout.readline())
        if told.get("error"):
            raise RefusedByEngine(told["error"])
        fires: list[int] = told["fires"]
        return fires

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process


def _robfig(version: str) -> Callable[[str, str, Sequence[Window]], str]:
    def request(spec: str, zone: str, windows: Sequence[Window]) -> str:
        return json.dumps({"engine": version, "spec": spec, "zone": zone, "windows": windows})

    return request


def _tabs(expression: str, zone: str, windows: Sequence[Window]) -> str:
    return "\t".join([expression, zone, *(str(end) for window in windows for end in window)])


def robfig_3() -> Engine:
    """robfig/cron 3.0.1, ParseStandard: what Kubernetes runs."""
    return Engine("cron-engine-robfig", _robfig("v3"))


def robfig_1() -> Engine:
    """robfig/cron 1.2.0, Parse: what Kubeflow Pipelines runs."""
    return Engine("cron-engine-robfig", _robfig("v1"))


def quartz() -> Engine:
    """Quartz 2.3.2: what Databricks runs."""
    return Engine("cron-engine-quartz", _tabs)
