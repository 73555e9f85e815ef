"""``pulumi-zenml adopt``: the Pulumi program that takes over existing schedules."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from pulumi_zenml.cli._options import (
    Selection,
    format_option,
    print_unreachable,
    scope_options,
    selection_options,
)
from pulumi_zenml.cli._show import Columns, emit, for_people, print_message, safe
from pulumi_zenml.errors import PulumiZenmlError
from pulumi_zenml.operations import (
    AdoptionPlan,
    AdoptionPreview,
    plan_adoption,
    preview_adoption,
    write_program,
)
from pulumi_zenml.operations.adopt_files import Layout, project_files, write_files
from pulumi_zenml.zenml.masking import without_login

_COLUMNS = Columns(
    main={
        "action": "action",
        "name": "schedule",
        "resource": "resource",
        "stack": "stack",
        "state": "native state",
    },
    more={
        "project": "project",
        "flavor": "flavor",
        "native_id": "native id",
        "snapshot": "snapshot",
        "cadence": "native cadence",
    },
    below={"note": "note"},
)


@click.command()
@selection_options
@scope_options
@format_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR|FILE.py",
    help="Where to write it: a new project in DIR, or a module in the project that DIR has. "
    "Without it, the program goes to stdout.",
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@click.option("--owned", is_flag=True, help="Also those that other Pulumi resources own.")
@click.option(
    "--pulumi-stack",
    default="",
    metavar="STACK",
    help="The Pulumi stack to preview in; a temporary one with an empty state by default.",
)
@click.option("--preview/--no-preview", default=True, help="Show the preview of what was written.")
@click.argument("names", nargs=-1)
def adopt(
    format: str,
    out: Path | None,
    force: bool,
    owned: bool,
    pulumi_stack: str,
    preview: bool,
    names: tuple[str, ...],
    **options: Any,
) -> None:
    """Write the Pulumi program for existing pairs: NAMES, or all that no Pulumi resource owns.

    The next `pulumi up` with it takes them over: same record, same counterpart, no new
    submission, no gap. The preview that follows proves it. Nothing is changed in ZenML, in an
    orchestrator or in a Pulumi stack.

    Exit status: 0 all can be taken over, 1 some cannot, or the preview would change something, 2
    something could not be read.

    \b
    Example:
      pulumi-zenml adopt daily-training-prod
      pulumi-zenml adopt --out infra --no-preview
    """
    selection = Selection.of(options)
    layout = Layout.of(out) if out else None
    inventory = selection.inventory()
    with selection.working() as on_progress:
        plan = plan_adoption(inventory, names, owned=owned, on_progress=on_progress)
    program = write_program(plan)
    print_unreachable(inventory)
    if plan.managed:
        print_message(
            f"{plan.managed} left out: Pulumi resources own them already (--owned includes them)."
        )
    seen: AdoptionPreview | None = None
    written: list[str] = []
    preview_error: PulumiZenmlError | None = None
    if layout and plan.adopted:
        project = project_files(plan, program, layout.folder)
        files = {layout.program: program}
        if layout.whole:
            files = {layout.folder / name: text for name, text in project.items()}
        write_files(files, force=force)
        written = [str(it) for it in files]
        for file in written:
            print_message(f"wrote {file}")
        if preview:
            try:
                seen = _preview(selection, plan, project, layout, pulumi_stack)
            except PulumiZenmlError as error:
                preview_error = error
    _show(plan, seen, written, program, format)
    if layout and plan.adopted:
        _print_next_steps(selection, layout, pulumi_stack, seen)
    if preview_error:
        print_message("the program is written, but its preview could not be shown:")
        raise preview_error
    click.get_current_context().exit(_status(plan, seen, bool(names), bool(inventory.unreachable)))


def _preview(
    selection: Selection, plan: AdoptionPlan, project: dict[str, str], layout: Layout, stack: str
) -> AdoptionPreview:
    with selection.working() as on_progress:
        seen = preview_adoption(
            plan,
            project,
            connection=selection.connection,
            folder=layout.folder,
            stack=stack,
            on_progress=on_progress,
        )
    for text in seen.messages:
        print_message(text)
    return seen


def _status(
    plan: AdoptionPlan, seen: AdoptionPreview | None, named: bool, unreachable: bool
) -> int:
    if any(it.unreachable for it in plan.refused) or (unreachable and not named):
        return 2
    return 1 if plan.refused or (seen and not seen.unchanged) else 0


def _show(
    plan: AdoptionPlan,
    seen: AdoptionPreview | None,
    written: list[str],
    program: str,
    format: str,
) -> None:
    rows = _rows(plan, seen)
    if for_people(format) and not written and plan.adopted:
        # The program goes to stdout, the notes to stderr.
        click.echo(program, nl=False)
        for row in rows:
            if row["note"]:
                print_message(f"{row['action']} '{row['name']}': {row['note']}")
        return
    if for_people(format) and not rows:
        click.echo("nothing to adopt.")
        return
    whole = {
        "files": written,
        "program": program if plan.adopted else "",
        "schedules": rows,
        "managed": plan.managed,
        "preview": {
            "stack": seen.stack,
            "unchanged": seen.unchanged,
            "problems": dict(seen.problems),
            "others": list(seen.others),
        }
        if seen
        else None,
    }
    emit(format, rows, _COLUMNS, whole=whole)


def _rows(plan: AdoptionPlan, seen: AdoptionPreview | None) -> list[dict[str, Any]]:
    rows = []
    for it in plan.adopted:
        verdict = seen.problems[it.resource] if seen else ""
        proven = "preview: taken over unchanged, nothing is submitted." if seen else ""
        rows.append(
            {
                "action": "would change" if verdict else "adopt",
                "name": it.entry.name,
                "resource": it.resource,
                "project": it.entry.project,
                "stack": it.entry.stack,
                "flavor": it.entry.flavor,
                "native_id": it.entry.native_id,
                "snapshot": it.arguments["snapshot"],
                "cadence": it.entry.counterpart.native.text if it.entry.counterpart else "",
                "state": it.entry.native_state,
                "note": " ".join(filter(None, [verdict or proven, it.note])),
            }
        )
    for no in plan.refused:
        entry = no.entry
        rows.append(
            {
                "action": "refused",
                "name": entry.name,
                "resource": "",
                "project": entry.project,
                "stack": entry.stack,
                "flavor": entry.flavor,
                "native_id": entry.native_id,
                "snapshot": "",
                "cadence": entry.counterpart.native.text if entry.counterpart else "",
                "state": entry.native_state,
                "note": no.why,
            }
        )
    return rows


def _print_next_steps(
    selection: Selection, layout: Layout, stack: str, seen: AdoptionPreview | None
) -> None:
    if seen and seen.others:
        print_message(f"the preview would also change: {'; '.join(seen.others)}.")
    if seen and not seen.unchanged:
        print_message("the preview shows changes beyond the adoption: read it before 'pulumi up'.")
    name = stack or "STACK"
    where = shlex.quote(str(layout.folder))
    steps = []
    if not layout.whole:
        steps.append(f"add 'import {layout.program.stem}' to the project's __main__.py")
    elif not (seen and seen.stack):
        steps.append(f"pulumi -C {where} stack init {name}")
    url = without_login(selection.connection.url())
    if url and not (seen and seen.stack):
        steps.append(f"pulumi -C {where} config set zenml:serverUrl {shlex.quote(url)}")
        steps.append(f"pulumi -C {where} config set --secret zenml:apiKey  (of a service account)")
    if selection.connection.orchestrators and not (seen and seen.stack):
        steps.append(
            f"pulumi -C {where} config set --secret zenml:orchestrators  (what "
            "--orchestrators-file holds)"
        )
    steps.append(f"pulumi -C {where} up --stack {name}")
    click.echo("next:", err=True)
    for step in steps:
        click.echo(f"  {safe(step)}", err=True)
