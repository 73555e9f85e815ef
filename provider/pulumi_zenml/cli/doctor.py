"""``pulumi-zenml doctor``: whether everything that schedules need is there and works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

import click

from pulumi_zenml.cli._options import Selection, format_option, scope_options, selection_options
from pulumi_zenml.cli._show import Columns, emit, for_people
from pulumi_zenml.operations import Check, diagnose
from pulumi_zenml.operations.doctor import exit_code

_COLUMNS = Columns(
    main={"area": "area", "subject": "subject", "name": "check", "result": "result"},
    below={"detail": "detail", "remedy": "remedy"},
)
_STYLES = {"failed": "red", "warning": "yellow", "unknown": "dim", "skipped": "dim"}


@click.command()
@selection_options
@scope_options
@format_option
@click.argument("name", required=False)
def doctor(format: str, name: str | None, **options: Any) -> None:
    """Check everything that schedules need, or that schedule NAME needs. Nothing is changed.

    ZenML, this machine, stacks, Python packages, each call to the orchestrators, and both sides
    of the schedules. A failed check says the remedy.

    Exit status: 0 nothing failed, 1 something failed, 2 ZenML could not be read.

    \b
    Example:
      pulumi-zenml doctor
      pulumi-zenml doctor daily-training-prod --format json
    """
    selection = Selection.of(options)
    with selection.working() as on_progress:
        checks = diagnose(selection.connection, name, selection.scope, on_progress=on_progress)
    whole = [_row(it) for it in checks]
    rows = _grouped(whole) if for_people(format) else whole
    emit(format, rows, _COLUMNS, style=_style)
    if for_people(format):
        click.echo(_summary(checks))
    click.get_current_context().exit(exit_code(checks))


def _row(check: Check) -> dict[str, Any]:
    row = asdict(check)
    del row["blocking"]
    return row


def _grouped(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each area and each subject in it named once."""
    grouped: list[dict[str, Any]] = []
    for _, of_area in groupby(rows, key=lambda it: it["area"]):
        before: Mapping[str, Any] = {}
        for row in of_area:
            same = bool(before) and row["subject"] == before["subject"]
            area, subject = "" if before else row["area"], "" if same else row["subject"]
            grouped.append({**row, "area": area, "subject": subject})
            before = row
    return grouped


def _summary(checks: Sequence[Check]) -> str:
    counts = Counter(it.result for it in checks)
    counts_by_result = [
        f"{counts[it]} {it}" for it in ("ok", "warning", "failed", "unknown", "skipped")
    ]
    return f"{len(checks)} checks: {', '.join(counts_by_result)}."


def _style(row: Mapping[str, Any]) -> str:
    return _STYLES.get(row["result"], "")
