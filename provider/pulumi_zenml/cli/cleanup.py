"""``pulumi-zenml cleanup``: remove what is dead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from pulumi_zenml.cli._options import (
    Selection,
    confirm,
    duration,
    format_option,
    print_unreachable,
    scope_options,
    selection_options,
    when_running_option,
    yes_option,
)
from pulumi_zenml.cli._show import Columns, emit, for_people, print_message
from pulumi_zenml.lifecycle.running import WhenRunning
from pulumi_zenml.operations import CleanupPlan, clean_up, plan_cleanup, watch_removed
from pulumi_zenml.operations.cleanup import BY_CODE, DEFAULT_CODES, RemovalResult

_COLUMNS = Columns(
    main={
        "action": "action",
        "name": "schedule",
        "stack": "stack",
        "why": "why",
    },
    more={
        "project": "project",
        "flavor": "flavor",
        "record": "record",
        "counterparts": "native ids",
    },
    below={"note": "note"},
)


@click.command()
@selection_options
@scope_options
@format_option
@click.option(
    "--code",
    "codes",
    multiple=True,
    type=click.Choice(BY_CODE),
    help=f"What to remove; {', '.join(DEFAULT_CODES)} by default.",
)
@click.option(
    "--apply", "apply_it", is_flag=True, help="Remove them. Without it, this is a dry run."
)
@yes_option
@click.option(
    "--backup",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write first; pulumi-zenml-backup-TIME.json by default.",
)
@click.option(
    "--observe",
    "watch_for",
    type=duration,
    metavar="DURATION",
    help="Afterwards watch this long for a run that should not start.",
)
@click.option(
    "--record-only",
    is_flag=True,
    help="Remove records whose orchestrator was deleted from ZenML; the counterparts stay.",
)
@when_running_option
@click.argument("names", nargs=-1)
def cleanup(
    format: str,
    codes: tuple[str, ...],
    apply_it: bool,
    yes: bool,
    backup: Path | None,
    watch_for: timedelta | None,
    record_only: bool,
    when_running: WhenRunning,
    names: tuple[str, ...],
    **options: Any,
) -> None:
    """Remove orphans, dead records and ended schedules, or NAMES (of schedules, or native ids).

    A backup is written first; `restore` recreates all of it. Counterparts are deleted first, then
    records, and both sides are read again afterwards. What Pulumi owns, and what this ZenML does
    not know, is kept unless it is named. It can be interrupted and run again.

    Exit status: 0 nothing (more) to remove, 1 something is left to remove, 2 something could not be
    read.

    \b
    Example:
      pulumi-zenml cleanup
      pulumi-zenml cleanup --apply --yes --backup removed.json --observe 2s
    """
    selection = Selection.of(options)
    inventory = selection.inventory()
    plan = plan_cleanup(inventory, codes=codes, names=names, record_only=record_only)
    context = click.get_current_context()
    unseen = 2 if inventory.unreachable else 0
    if not plan.steps or not apply_it:
        _show(plan, (), format)
        print_unreachable(inventory)
        if plan.steps:
            print_message("dry run: nothing was changed. Add --apply to remove them.")
        context.exit(unseen or (1 if plan.steps else 0))
    if for_people(format):
        _show(plan, (), format)
    print_unreachable(inventory)
    confirm(f"Remove {len(plan.steps)} of these, after a backup?", yes=yes)
    file = backup or Path(f"pulumi-zenml-backup-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json")
    with selection.working() as on_progress:
        done = clean_up(plan, backup=file, when_running=when_running, on_progress=on_progress)
    print_message(f"backup: {file}. To recreate everything: pulumi-zenml restore {file}")
    _show(plan, done, format)
    surprises: list[str] = []
    if watch_for is not None:
        with selection.working() as on_progress:
            surprises = watch_removed(plan, done, watch_for, on_progress=on_progress)
        for surprise in surprises or [f"no run started within {watch_for}."]:
            print_message(surprise)
    failed = surprises or any(it.problem for it in done)
    context.exit(unseen or (1 if failed else 0))


def _show(plan: CleanupPlan, done: Sequence[RemovalResult], format: str) -> None:
    rows = []
    outcome = {id(it.step): it for it in done}
    for step in plan.steps:
        came = outcome.get(id(step))
        action = "would remove" if came is None else "failed" if came.problem else "removed"
        rows.append(
            {
                "action": action,
                "name": step.name,
                "project": step.entry.project,
                "stack": step.entry.stack,
                "flavor": step.entry.flavor,
                "record": step.entry.record.id if step.with_record and step.entry.record else "",
                "counterparts": ", ".join(it.counterpart.native_id for it in step.linked),
                "why": step.why,
                "note": came.problem if came else step.warning,
            }
        )
    rows += [
        {
            **dict.fromkeys(_COLUMNS.all(), ""),
            "action": "kept",
            "name": left.name,
            "why": left.code,
            "note": left.why,
        }
        for left in plan.left
    ]
    if for_people(format) and not rows:
        click.echo("nothing to remove.")
        return
    emit(format, rows, _COLUMNS)
