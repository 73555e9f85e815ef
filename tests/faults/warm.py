"""The engine's programs in a warm process, with a provider whose calls are watched."""

from __future__ import annotations

import os
import shutil
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
        provider = programs / "pulumi-resource-pulumi-python"
        text = _PROVIDER.format(engine=ENGINE, python=sys.executable, client=warm_client.__file__)
        provider.write_text(text, encoding="utf-8")
        paths = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
        yield Programs(programs, {**running.environment(), "PYTHONPATH": paths})
