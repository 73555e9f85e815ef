"""The command on a world in memory, in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from pulumi_zenml.cli import main
from said import Said as Said
from unit.memory.fixtures import memory_flavor as memory_flavor
from unit.memory.fixtures import world as world
from unit.memory.fixtures import zenml_in_memory as zenml_in_memory

Run = Callable[..., Said]


class Script(click.Command):
    """The console script's entry point, for click's runner."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        main(args)


@pytest.fixture
def run(zenml_in_memory: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in a folder of its own, without a terminal."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str, input: str | None = None) -> Said:
        done = CliRunner().invoke(Script("pulumi-zenml"), list(words), input=input)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Said(done.exit_code, done.stdout, done.stderr)

    return run
