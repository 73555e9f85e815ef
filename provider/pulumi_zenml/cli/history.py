"""``pulumi-zenml history``: the runs of one schedule."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from pulumi_zenml.cli._options import Selection, ago, format_option, selection_options
from pulumi_zenml.cli._show import Columns, emit, for_people
from pulumi_zenml.operations import HistoryRow, load_history

_COLUMNS = Columns(
    main={
        "where": "known to",
        "due": "due",
        "duration": "took",
        "zenml": "ZenML result",
        "native": "native result",
    },
    more={"started": "started", "name": "run", "link": "URL"},
)
_STYLES = {"failed": "red", "missing": "red", "running": "cyan", "completed": "green"}


@click.command()
@selection_options
@format_option
@click.option(
    "--since",
    type=ago,
    default="7d",
    show_default=True,
    metavar="INSTANT|DURATION",
    help="How far back.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="The most runs to show.",
)
@click.argument("name")
def history(format: str, since: datetime, limit: int, name: str, **options: Any) -> None:
    """Show the runs of schedule NAME on both sides, newest first, and where runs are missing.

    \b
    Example:
      pulumi-zenml history daily-training-prod --since 2d
    """
    selection = Selection.of(options)
    inventory, entry = selection.find(name)
    with selection.working() as on_progress:
        on_progress(f"runs of {name}")
        rows = load_history(inventory, entry, since=since, limit=limit)
    shown = [_row(row, format) for row in rows]
    if not rows and for_people(format):
        click.echo(f"no runs since {since.isoformat(timespec='minutes')}, and none expected.")
        return
    emit(format, shown, _COLUMNS, style=lambda it: _STYLES.get(it["zenml"] or it["where"], ""))


def _row(row: HistoryRow, format: str) -> dict[str, Any]:
    shown = {**asdict(row), "duration": row.duration}
    if for_people(format):
        shown["link"] = row.zenml_url or row.native_url
        shown["where"] = {"both": "both", "missing": "missing"}.get(row.where, f"{row.where} only")
    return shown
