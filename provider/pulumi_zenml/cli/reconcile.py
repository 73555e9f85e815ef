"""``pulumi-zenml reconcile``: repair a Pulumi stack's drift, from cron or CI."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from pulumi_zenml.cli._options import confirm, format_option, yes_option
from pulumi_zenml.cli._show import Columns, emit, for_people, print_message, progress
from pulumi_zenml.operations import ReconcileResult, Repair
from pulumi_zenml.operations import reconcile as reconcile_it

_COLUMNS = Columns(
    main={
        "schedule": "schedule",
        "property": "property",
        "old": "in the state",
        "new": "actual",
        "action": "action",
    },
    more={"resource": "resource", "url": "URL"},
)


@click.command()
@format_option
@click.option(
    "--pulumi-stack", required=True, metavar="STACK", help="As `pulumi up --stack` takes it."
)
@click.option(
    "--cwd",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="DIR",
    help="The folder of the Pulumi project; this one by default.",
)
@click.option("--all", "everything", is_flag=True, help="All resources, not only schedules.")
@click.option("--dry-run", is_flag=True, help="Only show what drifted and what would be done.")
@yes_option
def reconcile(
    format: str, pulumi_stack: str, cwd: Path, everything: bool, dry_run: bool, yes: bool
) -> None:
    """Refresh a Pulumi stack, show what drifted, and let `pulumi up` repair it.

    Only the stack's schedules are refreshed and changed (`--target`), unless --all is given.
    Changes of the program since the last `pulumi up` are shown too, and deployed with the rest.
    Without drift or changes nothing is written: it can run as often as you like.

    Exit status: 0 everything is as the program says (now), 1 something is left to repair, 2
    something could not be read, or another update is changing the stack.

    \b
    Example:
      pulumi-zenml reconcile --pulumi-stack prod --dry-run
      pulumi-zenml reconcile --pulumi-stack prod --yes
    """

    reconcile_stack = partial(_reconcile, cwd, pulumi_stack, everything)
    found = reconcile_stack(apply=yes and not dry_run)
    if found.repairs and not (yes or dry_run):
        if for_people(format):
            _show(found, format)
        confirm(f"Run 'pulumi up' for these {len(found.repairs)} resources?", yes=yes)
        found = reconcile_stack(apply=True)
    _show(found, format)
    if found.problem:
        print_message(f"pulumi up: {found.problem}")
    click.get_current_context().exit(found.exit_code)


def _reconcile(cwd: Path, stack: str, everything: bool, *, apply: bool) -> ReconcileResult:
    messages: list[str] = []
    try:
        with progress() as on_progress:
            return reconcile_it(
                cwd,
                stack,
                apply=apply,
                everything=everything,
                on_progress=on_progress,
                on_message=messages.append,
            )
    except KeyboardInterrupt:
        print_message(
            "interrupted. Pulumi has finished the operations in progress; run this again to go on."
        )
        raise
    finally:
        for text in messages:
            print_message(text)


def _show(found: ReconcileResult, format: str) -> None:
    if for_people(format) and not found.repairs:
        click.echo(f"nothing has drifted in stack '{found.stack}'.")
        return
    rows = [row for it in found.repairs for row in _rows(found, it)]
    emit(format, rows, _COLUMNS, whole=_whole(found))


def _rows(found: ReconcileResult, repair: Repair) -> list[dict[str, Any]]:
    shared = {
        "schedule": repair.schedule,
        "resource": repair.name,
        "action": _action(found, repair),
        "url": repair.url,
        "urn": repair.urn,
    }
    if repair.drift:
        changes = [(it.property, it.old, it.new) for it in repair.drift]
    else:
        changes = [("", "", "deleted on both sides" if repair.gone else "as in the state")]
    return [
        {**shared, "property": property, "old": _text(old), "new": _text(new)}
        for property, old, new in changes
    ]


def _action(found: ReconcileResult, repair: Repair) -> str:
    what = repair.action or "refresh"
    if not found.applied:
        return f"would {what}" if repair.drifted else f"would {what}: the program has changed"
    return f"{what}: done" if repair.done else f"{what}: not done"


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else str(value)


def _whole(found: ReconcileResult) -> dict[str, Any]:
    return {
        "stack": found.stack,
        "applied": found.applied,
        "drifted": sum(it.drifted for it in found.repairs),
        "problem": found.problem,
        "resources": [
            {**vars(it), "drift": [vars(change) for change in it.drift]} for it in found.repairs
        ],
    }
