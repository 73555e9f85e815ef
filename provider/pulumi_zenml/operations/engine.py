"""Previews and updates of one Pulumi stack, through the Automation API."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulumi_zenml.errors import (
    BusyError,
    NotFoundError,
    PulumiZenmlError,
    RefusedError,
    UnauthenticatedError,
)
from pulumi_zenml.operations.inventory import OnProgress
from pulumi_zenml.zenml.masking import masked

if TYPE_CHECKING:
    from pulumi.automation import Stack
    from pulumi.automation.events import EngineEvent, StepEventMetadata

PULUMI = "Pulumi"
SCHEDULE = "pulumi-python:dynamic/zenml:Schedule"
OWNER = "pulumi-python:dynamic/zenml:Owner"
SCHEDULES = "**pulumi-python:dynamic/zenml:**"
"""Every schedule of a stack, with the stack's owner, for ``--target``."""

_PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")
_DIRECTIVE = re.compile(r"<\{%.*?%\}>")
_STREAM = re.compile(r"^(?:stdout|stderr): ")
_LOCKED_BY = re.compile(r"created by (\S+) \(pid (\d+)\) at (\S+)")
_INSTALL = (
    "Install it from https://www.pulumi.com/docs/install/ and check that 'pulumi version' runs"
)


class _NoStackError(NotFoundError):
    """The project has no such stack."""


@dataclass(frozen=True)
class Step:
    """What Pulumi did, or would do, to one resource.

    Args:
        op: Pulumi's operation, for example ``create``, ``update``, ``replace`` or ``refresh``.
        urn: the resource.
        type: its type token.
        inputs: its checked inputs from the program; secrets are masked.
        old: its outputs in the state; ``None`` for none.
        new: its outputs afterwards; ``None`` when it was deleted.
    """

    op: str
    urn: str
    type: str
    inputs: Mapping[str, Any]
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None


@dataclass
class EngineResult:
    """The result of one command.

    Args:
        steps: in the order in which they finished.
        messages: the diagnostics of the providers and of Pulumi.
        errors: why it failed, or what failed.
    """

    steps: list[Step] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Engine:
    """One Pulumi stack. Does not change which stack the user has selected.

    Args:
        folder: of the Pulumi project.
        stack: its stack, as Pulumi's own ``--stack`` takes it.
        env: variables in addition to this process's own, such as another backend.

    Raises:
        NotFoundError: there is no Pulumi CLI, no project in the folder, or no such stack.
        UnauthenticatedError: not logged in, or no passphrase.
    """

    def __init__(self, folder: Path, stack: str, env: Mapping[str, str] | None = None) -> None:
        self.folder, self.stack = folder, stack
        self._env = {"PULUMI_SKIP_UPDATE_CHECK": "true", **_interpreter(), **(env or {})}
        if not find_project(folder):
            raise NotFoundError(PULUMI, f"there is no Pulumi project in '{folder}'.")
        self._handle: Stack = self._open()

    @classmethod
    def find(cls, folder: Path, stack: str) -> Engine | None:
        """The engine on a stack; ``None`` if there is no project, or no such stack in it."""
        if not find_project(folder):
            return None
        try:
            return cls(folder, stack)
        except _NoStackError:
            return None

    @classmethod
    @contextlib.contextmanager
    def of_its_own(
        cls, files: Mapping[str, str], stack: str, env: Mapping[str, str]
    ) -> Iterator[Engine]:
        """A temporary project with an empty state; leaves the user's own alone.

        Args:
            files: the project's, by name.
            stack: the stack's name.
            env: as for :class:`Engine`.
        """
        with tempfile.TemporaryDirectory(prefix="pulumi-zenml-") as name:
            root = Path(name)
            (root / "state").mkdir()
            (root / "project").mkdir()
            for file, text in files.items():
                (root / "project" / file).write_text(text, encoding="utf-8")
            own = {
                "PULUMI_BACKEND_URL": (root / "state").as_uri(),
                "PULUMI_CONFIG_PASSPHRASE": secrets.token_hex(16),
                "PULUMI_HOME": str(root / "home"),
            }
            yield cls._created(root / "project", stack, {**own, **env})

    @classmethod
    def _created(cls, folder: Path, stack: str, env: Mapping[str, str]) -> Engine:
        with _engine_errors(stack):
            _command().run(["stack", "init", stack, "--no-select"], str(folder), env)
        return cls(folder, stack, env)

    def preview(self, *, refresh: bool = False, targets: Sequence[str] = ()) -> EngineResult:
        """What ``pulumi up`` would do; writes nothing.

        Args:
            refresh: refresh the state first, in memory.
            targets: only these resources, as URNs that may hold wildcards; all when empty.

        Raises:
            RefusedError: the program or a resource in it is wrong, or cannot be read.
        """
        outcome = EngineResult()
        with _engine_errors(self.stack, outcome):
            self._handle.preview(
                refresh=refresh or None,
                target=list(targets) or None,
                color="never",
                on_event=partial(_collect, outcome),
            )
        return outcome

    def up(self, *, targets: Sequence[str] = ()) -> EngineResult:
        """Refresh the state, and run ``pulumi up``.

        Returns:
            What was done; with errors if some of it failed.

        Raises:
            BusyError: another update holds the stack's lock.
        """
        outcome = EngineResult()
        try:
            with _engine_errors(self.stack, outcome):
                self._handle.up(
                    refresh=True,
                    target=list(targets) or None,
                    color="never",
                    show_secrets=False,
                    on_event=partial(_collect, outcome),
                )
        except RefusedError as error:
            outcome.errors = outcome.errors or [error.reason]
        return outcome

    def _open(self) -> Stack:
        from pulumi.automation import LocalWorkspace, Stack

        class Workspace(LocalWorkspace):
            def select_stack(self, stack_name: str) -> None:
                """Check that it exists, without selecting it for the user."""
                words = ["stack", "export", "--stack", stack_name]
                self.pulumi_command.run(words, self.work_dir, self.env_vars)

        with _engine_errors(self.stack):
            workspace = Workspace(
                work_dir=str(self.folder), env_vars=self._env, pulumi_command=_command()
            )
            return Stack.select(self.stack, workspace)


def find_project(folder: Path) -> Path | None:
    """The project file of a folder; ``None`` when it is not a Pulumi project."""
    return next((folder / it for it in _PROJECT_FILES if (folder / it).is_file()), None)


def _command() -> Any:
    from pulumi.automation.errors import InvalidVersionError

    from pulumi_zenml.operations.pulumi_command import Command

    try:
        return Command()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(PULUMI, f"there is no 'pulumi' on PATH. {_INSTALL}.") from error
    except (OSError, subprocess.CalledProcessError) as error:
        raise RefusedError(PULUMI, f"'pulumi version' fails ({error}). {_INSTALL}.") from error
    except InvalidVersionError as error:
        raise RefusedError(PULUMI, f"{error} {_INSTALL}.") from error


def _interpreter() -> dict[str, str]:
    """Run programs with this interpreter, unless an environment or the project has its own."""
    if os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX"):
        return {}
    # Not resolved: Python finds its environment through the symbolic link.
    here = str(Path(sys.executable).parent)
    return {"PATH": os.pathsep.join([here, os.environ.get("PATH", os.defpath)])}


def _collect(outcome: EngineResult, event: EngineEvent) -> None:
    diagnostic = event.diagnostic_event
    if diagnostic and not diagnostic.ephemeral:
        text = _shown(_DIRECTIVE.sub("", diagnostic.message).strip())
        if text and diagnostic.severity == "error":
            outcome.errors.append(text)
        elif text and diagnostic.severity != "debug":
            outcome.messages.append(text)
    failed = event.res_op_failed_event
    if failed:
        outcome.errors.append(f"{failed.metadata.op.value} of {failed.metadata.urn} failed.")
    step = event.res_outputs_event.metadata if event.res_outputs_event else None
    if step and not step.type.startswith(("pulumi:pulumi:", "pulumi:providers:")):
        outcome.steps.append(_to_step(step))


def _to_step(step: StepEventMetadata) -> Step:
    inputs = step.new.inputs if step.new else None
    old = (step.old.outputs or step.old.inputs or {}) if step.old else None
    new = (step.new.outputs or step.new.inputs or {}) if step.new else None
    return Step(step.op.value, step.urn, step.type, inputs or {}, old, new)


def _shown(text: str) -> str:
    """Text without the credentials in this process's environment."""
    return masked(text, [os.environ.get("PULUMI_ACCESS_TOKEN", "")])


@contextlib.contextmanager
def _engine_errors(stack: str, outcome: EngineResult | None = None) -> Iterator[None]:
    """Turn the Automation API's exceptions into our errors."""
    from pulumi.automation.errors import (
        CommandError,
        ConcurrentUpdateError,
        StackNotFoundError,
    )

    try:
        yield
    except StackNotFoundError as error:
        raise _NoStackError(
            PULUMI,
            f"there is no stack '{stack}' in this project and backend. Create it with 'pulumi "
            f"stack init {stack}', or log in to the backend that has it.",
        ) from error
    except ConcurrentUpdateError as error:
        raise BusyError(_locked(stack, str(error))) from error
    except CommandError as error:
        raise _refused(stack, str(error), outcome.errors if outcome else []) from error


def _locked(stack: str, text: str) -> str:
    holder = _LOCKED_BY.search(text)
    who = f" of {holder[1]} (process {holder[2]}) since {holder[3]}" if holder else ""
    return (
        f"stack '{stack}' is locked by another update{who}. Wait for it, then try again. If that "
        "process has died, 'pulumi cancel' releases the lock."
    )


def _refused(stack: str, text: str, errors: Sequence[str]) -> PulumiZenmlError:
    """The error of a failed command, in a few lines at most."""
    # The Automation API puts the name of the stream before its first line.
    lines = [_STREAM.sub("", it.strip()) for it in text.splitlines()]
    messages = [it.removeprefix("error: ") for it in lines if it.startswith("error: ")]
    reason = _shown(" ".join(dict.fromkeys(errors or messages)) or lines[-1])
    if "assphrase" in reason:
        return UnauthenticatedError(
            PULUMI,
            f"{reason}. Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to the one "
            f"of stack '{stack}'.",
        )
    if "login" in reason.lower() or "PULUMI_ACCESS_TOKEN" in reason:
        return UnauthenticatedError(
            PULUMI, f"{reason}. Run 'pulumi login', or set PULUMI_BACKEND_URL."
        )
    return RefusedError(PULUMI, reason)


def report_messages(outcome: EngineResult, on_progress: OnProgress) -> None:
    """Report each message once."""
    for text in dict.fromkeys(outcome.messages):
        on_progress(text)
