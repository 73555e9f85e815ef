"""Options that several commands share, and what they mean."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from pulumi_zenml.cli._show import FORMATS, OnProgress, print_message, progress, safe
from pulumi_zenml.errors import InputError, PulumiZenmlError
from pulumi_zenml.operations import CODES, Entry, Inventory, Scope, find_schedule, take_inventory
from pulumi_zenml.operations.entry import STATES
from pulumi_zenml.zenml.connection import Connection, read_overrides
from pulumi_zenml.zenml.quiet import quiet

ORCHESTRATORS_VARIABLE = "PULUMI_ZENML_ORCHESTRATORS"
IGNORE_VARIABLE = "PULUMI_ZENML_IGNORE"
"""Codes of findings that are not wanted here, separated by spaces or commas."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d{1,9})\s*([smhdw])", re.ASCII)

_Command = TypeVar("_Command", bound=Callable[..., Any])


def duration(value: str | timedelta) -> timedelta:
    """``90s``, ``10m``, ``2h``, ``7d`` or ``4w``.

    Raises:
        click.BadParameter: it is none of these.
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise click.BadParameter(
            f"'{safe(value)}' is not a duration. Write 90s, 10m, 2h, 7d or 4w."
        )
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def ago(value: str | datetime) -> datetime:
    """An aware instant: ISO 8601 with an offset, or a duration before now."""
    return _instant(value, -1)


def ahead(value: str | datetime) -> datetime:
    """An aware instant: ISO 8601 with an offset, or a duration from now."""
    return _instant(value, 1)


def _instant(value: str | datetime, sign: int) -> datetime:
    if isinstance(value, datetime):
        return value
    if _DURATION.fullmatch(value.strip()):
        return datetime.now(UTC) + sign * duration(value)
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise click.BadParameter(
            f"'{safe(value)}' is not an instant. Write 2h, or 2026-03-01T09:00:00+01:00, with "
            "the offset."
        )
    return instant


def apply(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    """Several options as one decorator, shown in the order they are given in."""

    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


selection_options = apply(
    click.option(
        "--server-url",
        default="",
        metavar="URL",
        help="The ZenML server; the active one by default.",
    ),
    click.option(
        "--project",
        default="",
        metavar="NAME",
        help="One ZenML project; every visible one by default.",
    ),
    click.option(
        "--orchestrators-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"The JSON of Pulumi config zenml:orchestrators; else {ORCHESTRATORS_VARIABLE}.",
    ),
)
"""Which ZenML to read."""

scope_options = apply(
    click.option("--stack", multiple=True, metavar="NAME", help="Only this ZenML stack."),
    click.option("--pipeline", multiple=True, metavar="NAME", help="Only this pipeline."),
    click.option(
        "--flavor", multiple=True, metavar="FLAVOR", help="Only this orchestrator flavor."
    ),
    click.option(
        "--environment",
        multiple=True,
        metavar="NAME",
        help="Only this environment: the Pulumi stack, or a part of the name.",
    ),
    click.option(
        "--state",
        multiple=True,
        type=click.Choice(STATES),
        help="Only schedules with this state on either side.",
    ),
    click.option(
        "--managed/--unmanaged", default=None, help="Only those that Pulumi owns, or does not own."
    ),
)
"""Which schedules to select."""

format_option = click.option(
    "-o",
    "--format",
    "format",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="wide is a table with every column, one line for each row.",
)


def _ignored(
    context: click.Context, option: click.Parameter, codes: tuple[str, ...]
) -> frozenset[str]:
    always = os.environ.get(IGNORE_VARIABLE, "").replace(",", " ").split()
    for code in always:
        if code not in CODES:
            raise click.BadParameter(
                f"{IGNORE_VARIABLE}: '{safe(code)}' is not one of {', '.join(CODES)}."
            )
    return frozenset([*codes, *always])


ignore_option = click.option(
    "--ignore",
    multiple=True,
    type=click.Choice(list(CODES)),
    callback=_ignored,
    help=f"All codes but these, and those in {IGNORE_VARIABLE}.",
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
when_running_option = click.option(
    "--when-running",
    type=click.Choice(["refuse", "wait", "ignore"]),
    default="refuse",
    show_default=True,
    help="What to do when a run in progress would lose its credentials.",
)


@dataclass(frozen=True)
class Selection:
    """The ZenML that a command reads, and the schedules it selects."""

    connection: Connection
    scope: Scope

    @staticmethod
    def of(options: dict[str, Any]) -> Selection:
        """Take the shared options out of a command's."""
        file: Path | None = options.pop("orchestrators_file")
        connection = Connection(
            server_url=options.pop("server_url"),
            project=options.pop("project"),
            orchestrators=_orchestrators(file),
        )
        scope = Scope(
            stacks=options.pop("stack", ()),
            pipelines=options.pop("pipeline", ()),
            flavors=options.pop("flavor", ()),
            environments=options.pop("environment", ()),
            states=options.pop("state", ()),
            managed=options.pop("managed", None),
        )
        return Selection(connection, scope)

    @contextlib.contextmanager
    def working(self) -> Iterator[OnProgress]:
        """Keep what ZenML and the SDKs print off stdout, and show progress."""
        with progress() as on_progress, quiet():
            yield on_progress

    def inventory(self) -> Inventory:
        """Both sides of everything in scope."""
        with self.working() as on_progress:
            return take_inventory(self.connection, self.scope, on_progress=on_progress)

    def find(self, name: str) -> tuple[Inventory, Entry]:
        """One schedule by name; an orchestrator that it does not need may be down."""
        inventory = self.inventory()
        try:
            return inventory, find_schedule(inventory, name)
        except PulumiZenmlError:
            print_unreachable(inventory)
            raise


def print_unreachable(inventory: Inventory) -> None:
    """Report what could not be read."""
    for it in inventory.unreachable:
        print_message(f"{it.kind} '{it.name}' could not be read: {it.reason}")


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is changed.

    Raises:
        InputError: stdin is not a terminal.
        click.Abort: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError(
            "--yes", "stdin is not a terminal, so there is no prompt: give --yes to confirm."
        )
    click.confirm(safe(question), abort=True, err=True)


def _orchestrators(file: Path | None) -> Mapping[str, Mapping[str, Any]]:
    text, where = os.environ.get(ORCHESTRATORS_VARIABLE, ""), ORCHESTRATORS_VARIABLE
    if file:
        where = "--orchestrators-file"
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(where, f"'{file}' cannot be read: {error}.") from error
    return read_overrides(text, where)
