"""``pulumi-zenml pause``, ``resume`` and ``trigger``: for the engineer on call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from pulumi_zenml.cli._options import (
    Selection,
    ahead,
    confirm,
    format_option,
    print_unreachable,
    selection_options,
    when_running_option,
    yes_option,
)
from pulumi_zenml.cli._show import Columns, emit, for_people, print_message
from pulumi_zenml.errors import InputError
from pulumi_zenml.lifecycle.running import WhenRunning
from pulumi_zenml.operations import DueResume, Entry, resume_due
from pulumi_zenml.operations import pause as pause_it
from pulumi_zenml.operations import resume as resume_it
from pulumi_zenml.operations import trigger as trigger_it
from pulumi_zenml.zenml.masking import masked

_COLUMNS = Columns(
    main={
        "action": "action",
        "name": "schedule",
        "stack": "stack",
        "zenml": "ZenML state",
        "native": "native state",
    },
    more={"project": "project", "native_id": "native id"},
    below={"note": "note"},
)
_SLICE_SECONDS = 60.0


@click.command()
@selection_options
@format_option
@yes_option
@when_running_option
@click.option(
    "--until",
    type=ahead,
    metavar="INSTANT|DURATION",
    help="When `resume --due` ends the pause.",
)
@click.option("--wait", is_flag=True, help="Wait until then and resume it, instead of returning.")
@click.argument("name")
def pause(
    format: str,
    yes: bool,
    when_running: WhenRunning,
    until: datetime | None,
    wait: bool,
    name: str,
    **options: Any,
) -> None:
    """Pause schedule NAME on both sides, managed or not.

    For one that Pulumi owns, the next `pulumi up --refresh` puts back what its program says. A
    pause with --until is written on the schedule in ZenML, and this command returns at once:
    `resume --due`, run regularly, resumes what is due, and `audit` reports what is overdue.

    \b
    Example:
      pulumi-zenml pause daily-training-prod --yes
      pulumi-zenml pause daily-training-prod --until 2s --wait --yes
    """
    selection = Selection.of(options)
    if until and until <= datetime.now(UTC):
        raise InputError("--until", f"{until.isoformat()} has passed.")
    if wait and not until:
        raise InputError("--wait", "give --until too: there is no time to wait for.")
    inventory, entry = selection.find(name)
    _plan("pause", entry, format, yes)
    with selection.working() as on_progress:
        on_progress(f"pausing {name}")
        notes = pause_it(inventory, entry, until=until, when_running=when_running)
    _show("paused", selection, name, notes, format)
    if until and not wait:
        print_message(
            f"{name} stays paused until the first 'pulumi-zenml resume --due' after "
            f"{until.astimezone():%Y-%m-%d %H:%M:%S %Z}. Run that regularly, from cron for example."
        )
    if until and wait:
        print_message(f"waiting until {until.astimezone():%Y-%m-%d %H:%M:%S %Z} to resume {name}.")
        _wait(selection, until)
        inventory, entry = selection.find(name)
        with selection.working() as on_progress:
            on_progress(f"resuming {name}")
            notes = resume_it(inventory, entry)
        print_message(f"resumed {name}. {' '.join(notes)}".strip())


@click.command()
@selection_options
@format_option
@yes_option
@click.option("--due", is_flag=True, help="Every schedule whose `pause --until` is over.")
@click.argument("name", required=False)
def resume(format: str, yes: bool, due: bool, name: str | None, **options: Any) -> None:
    """Resume schedule NAME on both sides, managed or not.

    With --due, one that cannot be resumed does not keep the others waiting, and stays due.

    Exit status: 0 resumed, 1 some that were due could not be resumed, 2 something could not be
    read.

    \b
    Example:
      pulumi-zenml resume daily-training-prod --yes
      pulumi-zenml resume --due
    """
    selection = Selection.of(options)
    if due == bool(name):
        raise InputError("name", "give the name of one schedule, or --due.")
    if name is None:
        inventory = selection.inventory()
        with selection.working() as on_progress:
            on_progress("resuming what is due")
            resumed = resume_due(inventory)
        if resumed or not for_people(format):
            emit(format, [_due_row(it) for it in resumed], _COLUMNS)
        else:
            click.echo("nothing is due.")
        print_unreachable(inventory)
        failed = any(it.problem for it in resumed)
        click.get_current_context().exit(2 if inventory.unreachable else int(failed))
    inventory, entry = selection.find(name)
    _plan("resume", entry, format, yes)
    with selection.working() as on_progress:
        on_progress(f"resuming {name}")
        notes = resume_it(inventory, entry)
    _show("resumed", selection, name, notes, format)


@click.command()
@selection_options
@format_option
@yes_option
@click.argument("name")
def trigger(format: str, yes: bool, name: str, **options: Any) -> None:
    """Start a run of schedule NAME now, where its orchestrator can.

    \b
    Example:
      pulumi-zenml trigger daily-training-prod --yes
    """
    selection = Selection.of(options)
    inventory, entry = selection.find(name)
    _plan("start a run of", entry, format, yes)
    with selection.working() as on_progress:
        on_progress(f"starting a run of {name}")
        run = trigger_it(inventory, entry)
    emit(format, [{**_row("started", entry, ""), "note": f"run {run}"}], _COLUMNS)


def _plan(verb: str, entry: Entry, format: str, yes: bool) -> None:
    if yes:
        return
    if for_people(format):
        emit(format, [_row(f"would {verb}", entry, entry.owner)], _COLUMNS)
    confirm(f"{verb.capitalize()} '{entry.name}'?", yes=yes)


def _show(action: str, selection: Selection, name: str, notes: Sequence[str], format: str) -> None:
    _, entry = selection.find(name)
    emit(format, [_row(action, entry, " ".join(notes))], _COLUMNS)


def _due_row(due: DueResume) -> dict[str, Any]:
    return _row("failed" if due.problem else "resumed", due.entry, masked(due.problem))


def _row(action: str, entry: Entry, note: str) -> dict[str, Any]:
    return {
        "action": action,
        "name": entry.name,
        "project": entry.project,
        "stack": entry.stack,
        "zenml": entry.zenml_state,
        "native": entry.native_state,
        "native_id": entry.native_id,
        "note": note,
    }


def _wait(selection: Selection, until: datetime) -> None:
    with selection.working() as on_progress:
        while (left := (until - datetime.now(UTC)).total_seconds()) > 0:
            on_progress(f"paused for another {left:.0f} s; interrupt to leave it paused")
            time.sleep(min(left, _SLICE_SECONDS))
