"""``pulumi-zenml list``: the registry of all schedules."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from pulumi_zenml.cli._options import (
    Selection,
    duration,
    format_option,
    print_unreachable,
    scope_options,
    selection_options,
)
from pulumi_zenml.cli._show import Columns, emit, for_people, safe
from pulumi_zenml.cli._table import render
from pulumi_zenml.errors import InputError
from pulumi_zenml.operations import Inventory, ScheduleRow, list_schedules

_COLUMNS = Columns(
    main={
        "name": "schedule",
        "next_run": "next run",
        "native": "native state",
        "last_result": "last result",
        "drift": "drift",
    },
    more={
        "project": "project",
        "pipeline": "pipeline",
        "stack": "stack",
        "flavor": "flavor",
        "cadence": "cadence",
        "timezone": "time zone",
        "zenml": "ZenML state",
        "native_id": "native id",
        "last_run": "last run",
        "owner": "owner",
        "link": "linked by",
        "url": "URL",
    },
)


@click.command("list")
@selection_options
@scope_options
@format_option
@click.option(
    "--watch",
    type=duration,
    is_flag=False,
    flag_value="30s",
    metavar="[DURATION]",
    help="Refresh every 30s, or this often, until interrupted.",
)
def list_command(format: str, watch: timedelta | None, **options: Any) -> None:
    """Show every schedule, on both sides: when it fires, its state, last run, owner and drift.

    Exit status: 0, or 2 when an orchestrator could not be read.

    \b
    Example:
      pulumi-zenml list
      pulumi-zenml list --state active --unmanaged --format csv
    """
    selection = Selection.of(options)
    if watch:
        if not for_people(format):
            raise InputError("--watch", "it shows a table only; leave out -o, or give -o wide.")
        _watch(selection, watch, format)
        return
    inventory, rows = _load(selection)
    shown = [asdict(row) for row in rows]
    if for_people(format):
        shown = [_for_people(row) for row in rows]
    emit(format, shown, _columns(rows), style=_style)
    print_unreachable(inventory)
    click.get_current_context().exit(2 if inventory.unreachable else 0)


def _load(selection: Selection) -> tuple[Inventory, list[ScheduleRow]]:
    inventory = selection.inventory()
    with selection.working() as on_progress:
        on_progress("ZenML: last runs")
        return inventory, list_schedules(inventory)


def _watch(selection: Selection, every: timedelta, format: str) -> None:
    from rich.console import Console
    from rich.live import Live

    if not sys.stdout.isatty():
        # A log gets one table after another.
        console = Console()
        while True:
            console.print(_screen(selection, None, format), soft_wrap=True)
            sys.stdout.flush()
            time.sleep(every.total_seconds())
    with Live(screen=True, auto_refresh=False) as live:
        while True:
            live.update(_screen(selection, live.console.width, format), refresh=True)
            time.sleep(every.total_seconds())


def _screen(selection: Selection, width: int | None, format: str) -> Any:
    """The registry as it is now, with the time over it."""
    from rich.console import Group
    from rich.text import Text

    inventory, rows = _load(selection)
    title = Text(f"{inventory.taken.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
    shown = render(
        [_for_people(row) for row in rows],
        _columns(rows),
        width=width,
        wide=format == "wide",
        style=_style,
    )
    down = ", ".join(safe(it.name) for it in inventory.unreachable)
    return Group(title, shown, *([Text(f"could not be read: {down}")] if down else []))


def _columns(rows: list[ScheduleRow]) -> Columns:
    several = len({row.project for row in rows}) > 1
    if not several:
        return _COLUMNS
    main = {"project": "project", **_COLUMNS.main}
    return Columns(main, more={key: it for key, it in _COLUMNS.more.items() if key not in main})


def _for_people(row: ScheduleRow) -> dict[str, Any]:
    zone = ZoneInfo(row.timezone) if row.timezone else UTC
    shown = asdict(row)
    for key in ("next_run", "last_run"):
        if shown[key]:
            shown[key] = shown[key].astimezone(zone)
    return shown


def _style(row: Any) -> str:
    if row["drift"]:
        return "red" if row["drift"] != "unknown" else "yellow"
    return "dim" if row["native"] in ("paused", "ended") else ""
