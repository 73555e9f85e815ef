"""The real Pulumi engine with file state, run through its command line as users run it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .process import cache_folder
from .warm import programs
from .warm_client import SOCKET_VARIABLE
from .zenml_server import without_zenml

OWNER = "pulumi-python:dynamic/zenml:Owner"
"""The resource that each stack has beside its schedules."""

TIMEOUT_SECONDS = 600.0


class UnexpectedExit(Exception):
    """The engine did not end as the test said it would. The message holds its whole output."""


@dataclass(frozen=True)
class Step:
    """What the engine did, or would do, to one resource.

    Attributes:
        op: Its word for it: `create`, `same`, `update`, `replace`, `create-replacement`, `delete`,
            `delete-replaced`, `refresh`, `read` and the like.
        urn: The resource.
        diffs: The names of the inputs that changed.
    """

    op: str
    urn: str
    diffs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True)
class Result:
    """What one command did.

    Attributes:
        exit_code: Its exit code.
        output: What the user sees.
        events: The engine's own account of it, one mapping an event.
    """

    exit_code: int
    output: str
    events: list[dict[str, Any]] = field(repr=False, default_factory=list)

    @property
    def changes(self) -> dict[str, int]:
        """How many resources by operation, without those that stayed the same and the owner."""
        totals: dict[str, int] = {}
        for event in self.events:
            for op, count in event.get("summaryEvent", {}).get("resourceChanges", {}).items():
                totals[op] = count
        for event in self.events:
            metadata = event.get("resourcePreEvent", {}).get("metadata")
            if metadata and metadata["type"] == OWNER:
                totals[metadata["op"]] = totals.get(metadata["op"], 1) - 1
        return {op: count for op, count in totals.items() if op != "same" and count}

    @property
    def steps(self) -> list[Step]:
        """What was done to each resource of the program, in order."""
        found = []
        for event in self.events:
            metadata = event.get("resourcePreEvent", {}).get("metadata")
            if metadata and _is_of_the_program(metadata["type"]):
                diffs = tuple(sorted(metadata.get("diffs") or ()))
                found.append(Step(op=metadata["op"], urn=metadata["urn"], diffs=diffs))
        return found

    @property
    def diagnostics(self) -> list[str]:
        """What was said, a message each, without colour codes."""
        messages = (event.get("diagnosticEvent", {}).get("message") for event in self.events)
        return [re.sub(r"<\{%.*?%\}>", "", message) for message in messages if message]


def _is_of_the_program(kind: str) -> bool:
    """Whether a type is not one of those that are added: the stack, the providers, the owner."""
    return not kind.startswith(("pulumi:pulumi:", "pulumi:providers:")) and kind != OWNER


class Project:
    """A Pulumi project with one stack, in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        program: str,
        *,
        name: str = "testbed",
        stack: str = "dev",
        env: Mapping[str, str] | None = None,
        python: Path | None = None,
        plain: bool = False,
    ) -> None:
        """Write the project and create its stack.

        Args:
            folder: Where it goes: program, state, and the engine's home.
            program: The text of `__main__.py`. Empty: the folder already holds a project.
            name: The project's name.
            stack: The stack's name.
            env: Variables to set, such as a ZenML client's.
            python: The interpreter that runs the program; the tests' own if not given.
            plain: Whether programs and providers start as on a user's machine, without the warm
                process of the test run.
        """
        self.folder = folder
        self.stack = stack
        socket = os.environ.get(SOCKET_VARIABLE)
        warm = [str(programs(socket))] if socket and not plain and python is None else []
        # Not resolved: the link is what tells Python which environment it belongs to.
        python = python or Path(sys.executable)
        self.env = {
            **without_zenml(),
            "PATH": os.pathsep.join(
                [*warm, str(python.parent), str(cache_folder() / "bin"), os.environ["PATH"]]
            ),
            "PULUMI_HOME": str(folder / ".engine" / "home"),
            "PULUMI_BACKEND_URL": (folder / ".engine" / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "testbed",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",
            "NO_COLOR": "1",
            **(env or {}),
        }
        (folder / ".engine" / "state").mkdir(parents=True)
        if program:
            (folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
            self.write(program)
        self.run("stack", "init", stack)

    def write(self, program: str) -> None:
        """Replace the program."""
        (self.folder / "__main__.py").write_text(program, encoding="utf-8")

    def set_config(self, key: str, value: str, *, secret: bool = False) -> None:
        """Set a configuration value of the stack, such as `zenml:serverUrl`."""
        self.run("config", "set", *(["--secret"] if secret else []), "--", key, value)

    def preview(self, *options: str, fails: bool = False) -> Result:
        """Run `pulumi preview`."""
        return self._change("preview", "--diff", *options, fails=fails)

    def up(self, *options: str, fails: bool = False) -> Result:
        """Run `pulumi up` without a question."""
        return self._change("up", "--yes", "--skip-preview", *options, fails=fails)

    def refresh(self, *options: str, fails: bool = False) -> Result:
        """Run `pulumi refresh` without a question."""
        return self._change("refresh", "--yes", "--skip-preview", *options, fails=fails)

    def destroy(self, *options: str, fails: bool = False) -> Result:
        """Run `pulumi destroy` without a question."""
        return self._change("destroy", "--yes", "--skip-preview", *options, fails=fails)

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, secrets in clear."""
        printed = self.run("stack", "output", "--json", "--show-secrets").output
        values: dict[str, Any] = json.loads(printed)
        return values

    def resources(self) -> list[dict[str, Any]]:
        """Return the program's resources as the state holds them."""
        deployment = json.loads(self.run("stack", "export").output)["deployment"]
        return [
            resource
            for resource in deployment.get("resources", [])
            if _is_of_the_program(resource["type"])
        ]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and return at once, for tests that interrupt it."""
        return subprocess.Popen(
            self._command(*arguments),
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, fails: bool | None = False) -> Result:
        """Run a command of the engine on this stack.

        Args:
            arguments: What to put after `pulumi`.
            fails: Whether it has to fail. None: either will do.

        Raises:
            UnexpectedExit: It failed, or did not.
        """
        done = subprocess.run(
            self._command(*arguments),
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        if fails is not None and (done.returncode != 0) != fails:
            wanted = "a failure" if fails else "success"
            raise UnexpectedExit(
                f"pulumi {' '.join(arguments)}: exit code {done.returncode}, {wanted} expected\n"
                f"{done.stdout}\n{done.stderr}"
            )
        # The two streams apart where the output is data, together where it is for people.
        is_data = arguments[0] == "stack"
        output = done.stdout if is_data else f"{done.stdout}{done.stderr}"
        return Result(exit_code=done.returncode, output=output)

    def _change(self, verb: str, *options: str, fails: bool) -> Result:
        log = self.folder / ".engine" / "events.jsonl"
        log.unlink(missing_ok=True)
        result = self.run(verb, *options, "--event-log", str(log), fails=fails)
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        events = [json.loads(line) for line in lines]
        return Result(exit_code=result.exit_code, output=result.output, events=events)

    def _command(self, *arguments: str) -> list[str]:
        named = [] if arguments[:2] == ("stack", "init") else ["--stack", self.stack]
        return ["pulumi", "--non-interactive", *arguments[:1], *named, *arguments[1:]]
