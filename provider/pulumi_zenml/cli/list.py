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
from pulumi_zenml.cli._show import WIDE, emit, safe, table
from pulumi_zenml.errors import InputError
from pulumi_zenml.operations import Inventory, ScheduleRow, list_schedules

_COLUMNS = {
    "name": "name",
    "pipeline": "pipeline",
    "stack": "stack",
    "flavor": "flavor",
    "cadence": "cadence",
    "timezone": "zone",
    "next_run": "next run",
    "zenml": "ZenML",
    "native": "native",
    "last_run": "last run",
    "last_result": "result",
    "owner": "owner",
    "drift": "drift",
}


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
        if format != "table":
            raise InputError("--watch", "it shows a table only; leave out --format.")
        _watch(selection, watch)
        return
    inventory, rows = _load(selection)
    shown = [asdict(row) for row in rows]
    if format == "table":
        shown = [_for_people(row) for row in rows]
    emit(format, shown, _columns(rows), style=_style)
    print_unreachable(inventory)
    click.get_current_context().exit(2 if inventory.unreachable else 0)


def _load(selection: Selection) -> tuple[Inventory, list[ScheduleRow]]:
    inventory = selection.inventory()
    with selection.working() as on_progress:
        on_progress("ZenML: last runs")
        return inventory, list_schedules(inventory)


def _watch(selection: Selection, every: timedelta) -> None:
    from rich.console import Console
    from rich.live import Live

    if not sys.stdout.isatty():
        # A log gets one table after another.
        console = Console(width=WIDE)
        while True:
            console.print(_screen(selection))
            sys.stdout.flush()
            time.sleep(every.total_seconds())
    with Live(screen=True, auto_refresh=False) as live:
        while True:
            live.update(_screen(selection), refresh=True)
            time.sleep(every.total_seconds())


def _screen(selection: Selection) -> Any:
    """The registry as it is now, with the time over it."""
    from rich.text import Text

    inventory, rows = _load(selection)
    shown = table([_for_people(row) for row in rows], _columns(rows), _style)
    shown.title = Text(f"{inventory.taken.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
    down = ", ".join(safe(it.name) for it in inventory.unreachable)
    shown.caption = Text(f"could not be read: {down}") if down else None
    return shown


def _columns(rows: list[ScheduleRow]) -> dict[str, str]:
    several = len({row.project for row in rows}) > 1
    return {"project": "project", **_COLUMNS} if several else _COLUMNS


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
