"""What set-up says while it works, and how it runs commands."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

TICK_SECONDS = 30.0
LOG_TAIL_LINES = 25


class SetupError(Exception):
    """Set-up cannot go on. The message is one line that says what is missing."""


def say(message: str) -> None:
    """Print one line of progress."""
    print(f"[setup] {message}", file=sys.stderr, flush=True)


@contextmanager
def step(message: str) -> Iterator[None]:
    """Announce a long step, say every half minute that it still runs, and say how long it took."""
    say(f"{message} ...")
    done = threading.Event()
    start = time.monotonic()

    def tick() -> None:
        while not done.wait(TICK_SECONDS):
            say(f"  still {message} ({time.monotonic() - start:.0f} s)")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()
    say(f"  done in {time.monotonic() - start:.0f} s")


def run(
    command: Sequence[str | Path],
    *,
    log: Path,
    problem: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command with its output in a log file.

    Args:
        command: The program and its arguments.
        log: The file that receives what the command prints; appended to.
        problem: One line that says what could not be done, should the command fail.
        cwd: The folder to run in.
        env: Variables to set on top of the current environment.

    Raises:
        SetupError: The command is not there or failed. The end of the log is printed first.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    arguments = [str(part) for part in command]
    with log.open("a", encoding="utf-8") as sink:
        sink.write(f"$ {' '.join(arguments)}\n")
        sink.flush()
        try:
            result = subprocess.run(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                check=False,
            )
        except FileNotFoundError as error:
            raise SetupError(f"{problem}: {arguments[0]} is not installed") from error
    if result.returncode != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        print("\n".join(lines[-LOG_TAIL_LINES:]), file=sys.stderr, flush=True)
        raise SetupError(f"{problem} (exit code {result.returncode}; whole log: {log})")


def output(command: Sequence[str | Path], *, timeout: float = 30.0) -> str | None:
    """Return what a command prints to stdout, or None if it is not there, fails or hangs."""
    try:
        result = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
            text=True,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None
