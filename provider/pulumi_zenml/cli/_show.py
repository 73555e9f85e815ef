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

from pulumi_zenml.operations.safe_text import safe as safe

OnProgress = Callable[[str], None]

FORMATS = ("table", "json", "yaml", "csv")
WIDE = 250
"""Columns of a table that goes into a file or a pipe: nothing is cut."""

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


def emit(
    format: str,
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    *,
    whole: Any = None,
    style: Callable[[Mapping[str, Any]], str] = lambda row: "",
) -> None:
    """Print rows.

    Args:
        format: one of :data:`FORMATS`.
        rows: values by key.
        columns: the keys to show in a table, with their headings.
        whole: what JSON and YAML show instead of the rows.
        style: a rich style for a row of the table.
    """
    if format in ("json", "yaml"):
        _emit_whole(format, plain(rows if whole is None else whole))
    elif format == "csv":
        click.echo(_to_csv(rows, list(rows[0]) if rows else list(columns)), nl=False)
    else:
        from rich.console import Console

        # Cut to the width of a terminal only.
        Console(width=None if sys.stdout.isatty() else WIDE).print(table(rows, columns, style))


def table(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    style: Callable[[Mapping[str, Any]], str] = lambda row: "",
) -> Any:
    """A rich table; every cell is plain text, whatever it holds."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in columns.values():
        made.add_column(heading, overflow="fold")
    for row in rows:
        made.add_row(*(Text(safe(_cell(row[key]))) for key in columns), style=style(row))
    return made


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M %Z")
    if isinstance(value, timedelta):
        return str(timedelta(seconds=round(value.total_seconds())))
    return str(value)


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
