"""``pulumi-zenml report``: one HTML page."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from pulumi_zenml.cli._options import Selection, ignore_option, scope_options, selection_options
from pulumi_zenml.cli._show import print_message, safe
from pulumi_zenml.operations import (
    AuditOptions,
    build_report,
    check_report_path,
    render_html,
    write_html,
)


@click.command()
@selection_options
@scope_options
@click.option(
    "--html",
    "path",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to write the page.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 31),
    default=7,
    show_default=True,
    help="How many days the time lines show, back and ahead.",
)
@ignore_option
@click.option("--force", is_flag=True, help="Overwrite a file that is not a report.")
def report(path: Path, days: int, ignore: frozenset[str], force: bool, **options: Any) -> None:
    """Write one self-contained page: findings, time lines, gaps and load.

    It needs no network, and can be searched, filtered and printed. It contains names, ids and
    messages, and no secrets. Runs are checked over the days that it shows; what the next audit
    checks does not change.

    Exit status: 0 fine, 1 findings, 2 something could not be read.

    \b
    Example:
      pulumi-zenml report --html schedules.html
      pulumi-zenml report --html schedules.html --days 2 --ignore naming
    """
    selection = Selection.of(options)
    check_report_path(path, force=force)
    reach = timedelta(days=days)
    measures = AuditOptions(ignore=ignore)
    with selection.working() as on_progress:
        taken = build_report(
            selection.connection,
            selection.scope,
            measures,
            back=reach,
            ahead=reach,
            on_progress=on_progress,
        )
        on_progress("writing the page")
        write_html(path, render_html(taken), force=force)
    audit = taken.audit
    for it in audit.unreachable:
        print_message(f"unknown: {it.kind} '{it.name}' could not be read: {it.reason}")
    counts = f"{audit.schedules} schedules, {audit.counterparts} counterparts"
    click.echo(
        f"{safe(path)}: {counts}, {len(audit.findings)} findings. "
        f"Schedule drift: {audit.drift_percent}%"
    )
    click.get_current_context().exit(audit.exit_code)
