"""The Pulumi CLI as the Automation API calls it, safe to interrupt."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import IO, Any

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error

OnOutput = Callable[[str], Any] | None


class Command(PulumiCommand):
    """Runs Pulumi in a session of its own, so that an interrupt reaches it exactly once.

    The first interrupt makes Pulumi finish the operations in progress, write its state and release
    its lock; a second one would terminate it at once.
    """

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput = None,
        on_error: OnOutput = None,
    ) -> CommandResult:
        """Run a command to its end, interrupted or not.

        Raises:
            CommandError: it failed.
            KeyboardInterrupt: it was interrupted, and has ended.
        """
        lines: tuple[list[str], list[str]] = ([], [])
        with subprocess.Popen(
            [self.command, *args, "--non-interactive"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process:
            readers = [
                threading.Thread(target=_read_lines, args=it, daemon=True)
                for it in (
                    (process.stdout, on_output, lines[0]),
                    (process.stderr, on_error, lines[1]),
                )
            ]
            for reader in readers:
                reader.start()
            interrupted = _wait(process)
            for reader in readers:
                reader.join()
        result = CommandResult("\n".join(lines[0]), "\n".join(lines[1]), process.returncode)
        if interrupted:
            raise KeyboardInterrupt
        if process.returncode != 0:
            raise create_command_error(result)
        return result


def _read_lines(stream: IO[str], on_line: OnOutput, lines: list[str]) -> None:
    for line in stream:
        lines.append(line.rstrip())
        if on_line:
            on_line(line.rstrip())


def _wait(process: subprocess.Popen[str]) -> bool:
    """Wait for its end; returns whether it was interrupted."""
    interrupted = False
    with _terminating_interrupts():
        while True:
            try:
                process.wait()
                return interrupted
            except KeyboardInterrupt:
                if not interrupted:
                    process.send_signal(signal.SIGINT)
                interrupted = True


@contextlib.contextmanager
def _terminating_interrupts() -> Iterator[None]:
    """Treat SIGTERM, with which a CI system ends a job, as an interrupt."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
