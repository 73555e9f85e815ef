"""``pulumi-zenml restore``: recreate what a cleanup removed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pulumi_zenml.cli._options import (
    Selection,
    confirm,
    format_option,
    selection_options,
    yes_option,
)
from pulumi_zenml.cli._show import Columns, emit, for_people
from pulumi_zenml.operations import RestoreResult, read_backup
from pulumi_zenml.operations import restore as restore_backup

_COLUMNS = Columns(
    main={
        "outcome": "outcome",
        "name": "schedule",
        "stack": "stack",
        "cadence": "native cadence",
        "paused": "paused",
    },
    more={"project": "project"},
    below={"differs": "differences"},
)


@click.command()
@selection_options
@format_option
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@yes_option
@click.argument("file", type=click.Path(path_type=Path))
def restore(format: str, dry_run: bool, yes: bool, file: Path, **options: Any) -> None:
    """Recreate what the backup FILE contains: record, counterpart, cadence, paused state.

    What exists already is left unchanged, so it can be run again.

    Exit status: 0 everything exists, 1 something could not be restored, 2 something could not be
    read.

    \b
    Example:
      pulumi-zenml restore removed.json --yes
    """
    selection = Selection.of(options)
    backup = read_backup(file)
    if dry_run or not yes:
        with selection.working() as on_progress:
            planned = restore_backup(
                selection.connection, backup, dry_run=True, on_progress=on_progress
            )
        if dry_run or for_people(format):
            _show(planned, format)
        if dry_run:
            click.get_current_context().exit(_status(planned))
        confirm(
            f"Restore {sum(it.outcome == 'would restore' for it in planned)} of these?", yes=yes
        )
    with selection.working() as on_progress:
        results = restore_backup(selection.connection, backup, on_progress=on_progress)
    _show(results, format)
    click.get_current_context().exit(_status(results))


def _status(results: Sequence[RestoreResult]) -> int:
    return 1 if any(it.outcome == "failed" for it in results) else 0


def _show(results: Sequence[RestoreResult], format: str) -> None:
    rows = [
        {
            "outcome": it.outcome,
            "name": it.item.name,
            "project": it.item.project,
            "stack": it.item.stack,
            "cadence": it.item.native_cadence or it.item.cron,
            "paused": it.item.paused,
            "differs": "; ".join(it.differs),
        }
        for it in results
    ]
    emit(format, rows, _COLUMNS)
