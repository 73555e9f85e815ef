"""The `pulumi-zenml` command in a new process that need not import ZenML first.

A server imports what every call needs, and forks for each: a call has its own environment, working
directory and streams, and nothing that it does is left behind for the next. What differs from the
console script is the start of the interpreter, and that importing ZenML is paid for once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@dataclass(frozen=True)
class CommandServer:
    """Runs commands, one at a time."""

    process: subprocess.Popen[str]

    def run(
        self, words: tuple[str, ...], *, cwd: Path, env: Mapping[str, str], input: str | None
    ) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of `pulumi-zenml` with these words."""
        assert self.process.stdin and self.process.stdout
        with TemporaryDirectory() as name:
            files = [Path(name) / it for it in ("in", "out", "err")]
            files[0].write_text(input or "")
            asked = {
                "words": words,
                "cwd": str(cwd),
                "env": dict(env),
                "files": [str(it) for it in files],
            }
            self.process.stdin.write(f"{json.dumps(asked)}\n")
            self.process.stdin.flush()
            code = int(self.process.stdout.readline())
            return code, files[1].read_text(), files[2].read_text()


@contextmanager
def command_server(env: Mapping[str, str]) -> Iterator[CommandServer]:
    """Run the server for as long as a block lasts.

    Args:
        env: What ZenML reads as it is imported.
    """
    command = [sys.executable, "-m", "testbed.forked"]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**env, "PYTHONPATH": paths},
    ) as process:
        yield CommandServer(process)
        assert process.stdin
        process.stdin.close()


def serve() -> None:
    """Answer until there is nobody to ask."""
    import zenml.client
    import zenml.models
    import zenml.zen_stores.sql_zen_store  # noqa: F401

    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            _run(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(asked: dict[str, Any]) -> None:
    """Be the command; does not return."""
    import __main__
    from pulumi_zenml.cli import main

    # ZenML puts the main module's folder on the path.
    __main__.__file__ = str(Path(sys.executable).with_name("pulumi-zenml"))
    code: object = None
    try:
        for number, (path, flags) in enumerate(
            zip(asked["files"], (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT),
                strict=True)
        ):  # fmt: skip
            os.dup2(os.open(path, flags, 0o600), number)
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["env"])
        sys.path[:0] = asked["env"].get("PYTHONPATH", "").split(os.pathsep)
        sys.argv = ["pulumi-zenml", *asked["words"]]
        main(asked["words"])
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    serve()
