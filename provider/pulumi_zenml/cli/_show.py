"""Showing things: tables for people, JSON, YAML and CSV for machines, progress on stderr."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from pulumi_zenml.cli._table import Columns as Columns
from pulumi_zenml.cli._table import render
from pulumi_zenml.operations.safe_text import safe as safe

OnProgress = Callable[[str], None]

FORMATS = ("table", "wide", "json", "yaml", "csv")

_QUIET_SECONDS = 1.0
_LINE_SECONDS = 10.0


def print_message(text: str) -> None:
    """Print a message on stderr, so that stdout has only the data."""
    click.echo(safe(text), err=True)


def plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {key: plain(it) for key, it in value.items()}
    if isinstance(value, list | tuple):
        return [plain(it) for it in value]
    return value


def for_people(format: str) -> bool:
    """Whether a format is a table."""
    return format in ("table", "wide")


def emit(
    format: str,
    rows: Sequence[Mapping[str, Any]],
    columns: Columns,
    *,
    whole: Any = None,
    style: Callable[[Mapping[str, Any]], str] = lambda row: "",
) -> None:
    """Print rows.

    Args:
        format: one of :data:`FORMATS`.
        rows: values by key.
        columns: what a table shows, with the headings.
        whole: what JSON and YAML show instead of the rows.
        style: a rich style for a row of the table.
    """
    if format in ("json", "yaml"):
        _emit_whole(format, plain(rows if whole is None else whole))
    elif format == "csv":
        click.echo(_to_csv(rows, list(rows[0]) if rows else list(columns.all())), nl=False)
    else:
        from rich.console import Console

        console = Console()
        width = console.width if sys.stdout.isatty() else None
        shown = render(rows, columns, width=width, wide=format == "wide", style=style)
        console.print(shown, soft_wrap=True)


def _emit_whole(format: str, value: Any) -> None:
    if format == "json":
        # Not one character outside ASCII: some of them are commands to a terminal.
        click.echo(json.dumps(value, indent=2))
        return
    import yaml

    click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=False), nl=False)


def _to_csv(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(keys)
    for row in rows:
        writer.writerow([_csv_cell(row[key]) for key in keys])
    return text.getvalue()


def _csv_cell(value: Any) -> str:
    cell = "" if value is None else safe(plain(value))
    # A spreadsheet takes a cell that begins like this for a formula.
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell


@contextlib.contextmanager
def progress() -> Iterator[OnProgress]:
    """Show progress on stderr after one second; a spinner on a terminal, else lines."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    started = time.monotonic()
    if not console.is_terminal:
        said = [started + _QUIET_SECONDS - _LINE_SECONDS]

        def say_line(text: str) -> None:
            if time.monotonic() - said[0] >= _LINE_SECONDS:
                said[0] = time.monotonic()
                print_message(f"... {text}")

        yield say_line
        return
    with console.status("") as status:

        def on_progress(text: str) -> None:
            status.update(Text(safe(text)))

        yield on_progress
