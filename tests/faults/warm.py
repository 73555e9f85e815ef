"""The engine's programs in a warm process, with a provider whose calls are watched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faults.calls import ENGINE
from testbed import warm, warm_client

TESTS = Path(__file__).resolve().parents[1]

_PROVIDER = """#!/bin/sh
{engine}=$PPID exec {python} -I {client} module faults.provider "$@"
"""
# The language host asks pip for the packages that have a plugin; the answer is always the same.
_PYTHON = """#!/bin/sh
case "$*" in "-m pip list"*) exec cat {packages};; esac
exec {python} "$@"
"""


@dataclass(frozen=True)
class Programs:
    """What the engine is to find first.

    Args:
        folder: goes first on PATH.
        environment: variables that lead to the warm process.
    """

    folder: Path
    environment: dict[str, str]


@contextmanager
def watched_programs(folder: Path) -> Iterator[Programs]:
    """Serve for as long as a block lasts.

    Args:
        folder: for the programs and the log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with warm.warm(folder) as running:
        programs = folder / "watched"
        shutil.copytree(warm.programs(running.socket), programs)
        packages = folder / "packages.json"
        listing = [sys.executable, "-m", "pip", "list", "-v", "--format", "json"]
        packages.write_bytes(subprocess.run(listing, capture_output=True, check=True).stdout)
        texts = {
            "pulumi-resource-pulumi-python": _PROVIDER.format(
                engine=ENGINE, python=sys.executable, client=warm_client.__file__
            ),
            "python3": _PYTHON.format(python=sys.executable, packages=packages),
        }
        for name, text in texts.items():
            (programs / name).write_text(text, encoding="utf-8")
            (programs / name).chmod(0o755)
        paths = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
        yield Programs(programs, {**running.environment(), "PYTHONPATH": paths})
