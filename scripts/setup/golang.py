"""Build programs from Go modules, in a small module of our own in the cache."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import paths, stamps
from .console import SetupError, output, run, say, step

# From this one on, Go fetches the newer version that a module asks for by itself.
OLDEST_GO = (1, 21)


@dataclass(frozen=True)
class GoProgram:
    """A program to build from a Go module.

    Attributes:
        name: The name of the finished binary.
        package: The import path of its main package.
        module: The module that holds the package.
        version: The module's version, with its `v`.
        replace: Modules to take at another version, `module: version`. A dependency's own replace
            lines do not count in the module that uses it, so ours has to repeat them.
        linker_flags: What to hand to `go build -ldflags`, beside stripping.
        duration: About how long a first build takes, for the progress line.
    """

    name: str
    package: str
    module: str
    version: str
    replace: Mapping[str, str] = field(default_factory=dict)
    linker_flags: Sequence[str] = ()
    duration: str = "a minute"

    def go_mod(self) -> str:
        """The go.mod of the module that builds this program."""
        lines = [f"module pulumi-zenml.invalid/{self.name}", "", "go 1.24", ""]
        lines.append(f"require {self.module} {self.version}")
        lines += [f"replace {m} => {m} {v}" for m, v in sorted(self.replace.items())]
        return "\n".join(lines) + "\n"


def find_go(wanted_for: str) -> str:
    """Return the path of `go`.

    Raises:
        SetupError: Go is not installed, or too old to fetch the Go version that a module asks for.
    """
    advice = "install Go 1.24 or newer (https://go.dev/dl), or the program itself, and try again"
    go = shutil.which("go")
    if go is None:
        raise SetupError(
            f"{wanted_for} has to be built from source, and Go is not installed: {advice}"
        )
    printed = output([go, "version"]) or ""
    match = re.search(r"go(\d+)\.(\d+)", printed)
    if match is None or (int(match[1]), int(match[2])) < OLDEST_GO:
        raise SetupError(
            f"{wanted_for} has to be built from source, and {go} is too old ({printed}): {advice}"
        )
    return go


def build(program: GoProgram) -> Path:
    """Build a program into the cache's bin folder, unless it is there.

    Returns:
        The path of the binary.

    Raises:
        SetupError: Go is missing, or a module cannot be fetched or built.
    """
    target = paths.binaries() / program.name
    folder = paths.build(program.name)
    stamp = folder / "stamp"
    wanted = stamps.digest(program.go_mod(), program.package, *program.linker_flags)
    if stamps.is_fresh(stamp, wanted, target):
        return target
    go = find_go(program.name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text(program.go_mod(), encoding="ascii")
    # Built next to its place and renamed, so that a run cut short leaves no half binary.
    unfinished = folder / program.name
    command = _politely([
        go, "build", "-mod=mod", "-trimpath", "-buildvcs=false",
        "-ldflags", " ".join(["-s", "-w", *program.linker_flags]),
        "-o", str(unfinished), program.package,
    ])  # fmt: skip
    with step(f"building {program.name} {program.version} from Go modules, "
              f"about {program.duration} the first time"):  # fmt: skip
        run(
            command,
            cwd=folder,
            env={"CGO_ENABLED": "0"},
            log=paths.log(program.name),
            problem=f"{program.name} could not be built from its Go modules "
            "(are Go modules reachable from here?)",
        )
    os.replace(unfinished, target)
    stamps.write(stamp, wanted)
    return target


def module_folder(module: str, version: str) -> Path:
    """Return the folder of a module in the Go module cache, fetching it if need be.

    Raises:
        SetupError: Go is missing, or the module cannot be fetched.
    """
    go = find_go(module)
    say(f"fetching {module} {version}")
    printed = output([go, "mod", "download", "-json", f"{module}@{version}"], timeout=600)
    if printed is None:
        raise SetupError(f"the Go module {module} {version} cannot be fetched from here")
    folder = json.loads(printed)["Dir"]
    return Path(folder)


def _politely(command: list[str]) -> list[str]:
    """Let other work go first where the system has a way to say so."""
    nice = shutil.which("nice")
    return [nice, "-n", "10", *command] if nice else command
