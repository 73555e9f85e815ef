"""The Python and shell blocks of the documentation, and where each is run.

A block is run as it stands. Without a mark, by its language and its commands:

- ``python``: a Pulumi program; the real engine previews it, without network;
- ``console``: each line after ``$`` is run, and where output is shown it is compared: ``...``
  stands for anything. ``make`` is asked what it would do, ``pip install`` must name what this
  project has, and ``pulumi`` works on a project of the test's.

A comment before the block says otherwise, one of:

- ``<!-- run: script -->``: Python that is no Pulumi program;
- ``<!-- run: world -->``: in a ZenML with a few schedules, one of them without a counterpart;
- ``<!-- run: world, exits 1 -->``: with another exit code than 0;
- ``<!-- not run: why -->``: the list of these is in ``tests/unit/docs/test_blocks.py``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "examples" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
BIN = Path(sys.executable).parent
SHELL = ("console", "shell", "bash", "sh")

Where = Literal["unit", "engine", "world", "nowhere"]

_FENCE = re.compile(r"( *)```(\w*)\s*")
_MARK = re.compile(r"<!-- (run|not run): (.*?)(?:, exits (\d))? -->")


@dataclass(frozen=True)
class Command:
    """A line after ``$``, and the output that is shown beneath it."""

    text: str
    output: str

    @property
    def words(self) -> list[str]:
        """Its words, without a comment at its end."""
        return shlex.split(self.text, comments=True)

    def said(self, output: str) -> bool:
        """Whether the output is what is shown, where any is; widths do not matter."""
        shown = " ".join(self.output.split())
        pattern = ".*".join(re.escape(it) for it in shown.split("..."))
        return not shown or bool(re.fullmatch(pattern, " ".join(output.split())))


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    text: str
    mark: str = ""
    reason: str = ""
    exits: int = 0

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"

    @property
    def where(self) -> Where:
        """Where it is run.

        Raises:
            ValueError: Nowhere, and no reason is given.
        """
        if self.mark == "not run":
            return "nowhere"
        if self.mark == "run":
            if self.reason == "script" and self.language == "python":
                return "unit"
            if self.reason == "world" and self.language in SHELL:
                return "world"
            raise ValueError(f"{self.name} cannot be run as '{self.reason}'")
        if self.language == "python":
            return "engine"
        if any(it.words[0] == "pulumi" for it in self.commands):
            return "engine"
        return "unit"

    @property
    def commands(self) -> list[Command]:
        """What a shell block runs."""
        if self.language != "console":
            return [Command(self.text, "")]
        found: list[Command] = []
        lines = iter(self.text.splitlines())
        for line in lines:
            if line.startswith("$ "):
                while line.endswith("\\"):
                    line = f"{line[:-1]}{next(lines)}"
                found.append(Command(line.removeprefix("$ "), ""))
            else:
                said = f"{found[-1].output}\n{line}".strip("\n")
                found[-1] = Command(found[-1].text, said)
        return found


def blocks(page: Path) -> Iterator[Block]:
    """The Python and shell blocks of a page."""
    mark: re.Match[str] | None = None
    lines = page.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        fence = _FENCE.fullmatch(line)
        at += 1
        if fence is None:
            mark = _MARK.fullmatch(line.strip()) or (None if line.strip() else mark)
            continue
        indent, language = fence.groups()
        end = lines.index(f"{indent}```", at)
        if language == "python" or language in SHELL:
            text = "\n".join(it.removeprefix(indent) for it in lines[at:end])
            kind, reason, exits = mark.groups() if mark else ("", "", None)
            name = str(page.relative_to(ROOT))
            yield Block(name, at, language, text, kind, reason, int(exits or 0))
        mark, at = None, end + 1


def all_blocks(where: Where | None = None) -> list[Block]:
    """The blocks of every page, or those that are run in one place."""
    found = [block for page in PAGES if page.exists() for block in blocks(page)]
    return [block for block in found if where is None or block.where == where]


def run(
    words: list[str], folder: Path, env: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess[str]:
    """Run a command with this environment's programs on PATH."""
    environment = {
        **{key: value for key, value in env.items() if not key.startswith("MAKE")},
        "PATH": f"{BIN}{os.pathsep}{env['PATH']}",
        "COLUMNS": "200",
    }
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def _check_pip(command: Command) -> None:
    """Every package is ours, and has the extras that are named."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    _, install, *packages = command.words
    assert install == "install"
    for package in map(Requirement, packages):
        assert package.name == project["name"]
        assert package.extras <= set(project["optional-dependencies"])


def check_command(
    command: Command, folder: Path, exits: int, env: Mapping[str, str] = os.environ
) -> None:
    """Run one command of a block in a folder, and compare what it says with what is shown."""
    match command.words[0]:
        case "pip":
            _check_pip(command)
        case "make":
            done = run(["make", "-n", *command.words[1:]], ROOT)
            assert done.returncode == 0, done.stderr
        case _:
            done = run(["bash", "-euc", command.text], folder, env)
            assert done.returncode == exits, done.stderr
            assert command.said(done.stdout), f"shown:\n{command.output}\nsaid:\n{done.stdout}"
