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
    selection_options,
    when_running_option,
    yes_option,
)
from pulumi_zenml.cli._show import Columns, emit, for_people, print_message
from pulumi_zenml.errors import InputError
from pulumi_zenml.lifecycle.running import WhenRunning
from pulumi_zenml.operations import Entry, resume_due
from pulumi_zenml.operations import pause as pause_it
from pulumi_zenml.operations import resume as resume_it
from pulumi_zenml.operations import trigger as trigger_it

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
    help="Resume at that time. The command waits for it, unless --detach is given.",
)
@click.option("--detach", is_flag=True, help="Do not wait; `resume --due` ends the pause.")
@click.argument("name")
def pause(
    format: str,
    yes: bool,
    when_running: WhenRunning,
    until: datetime | None,
    detach: bool,
    name: str,
    **options: Any,
) -> None:
    """Pause schedule NAME on both sides, managed or not.

    For one that Pulumi owns, the next `pulumi up --refresh` puts back what its program says. A
    pause with --until is written on the schedule in ZenML, so that it ends even if this command
    is killed: `resume --due`, run regularly, resumes what is due, and `audit` reports it.

    \b
    Example:
      pulumi-zenml pause daily-training-prod --yes
      pulumi-zenml pause daily-training-prod --until 2s --yes
    """
    selection = Selection.of(options)
    if until and until <= datetime.now(UTC):
        raise InputError("--until", f"{until.isoformat()} has passed.")
    inventory, entry = selection.find(name)
    _plan("pause", entry, format, yes)
    with selection.working() as on_progress:
        on_progress(f"pausing {name}")
        notes = pause_it(inventory, entry, until=until, when_running=when_running)
    _show("paused", selection, name, notes, format)
    if until and not detach:
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
        emit(format, [_row("resumed", it, "") for it in resumed], _COLUMNS)
        return
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
