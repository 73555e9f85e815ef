"""``pulumi-zenml orchestrators``: what each orchestrator can do."""

from __future__ import annotations

from typing import Any

import click

from pulumi_zenml.cli._options import format_option
from pulumi_zenml.cli._show import Columns, emit, for_people
from pulumi_zenml.errors import NotSchedulableError
from pulumi_zenml.orchestrators import refusal, table

_COLUMNS = Columns(
    main={"flavor": "flavor", "counterpart": "counterpart", "dialect": "dialect"},
    more={"found_by": "found by", "left_behind": "left behind"},
    below={"can": "can", "cannot": "cannot", "refused": "refused"},
)
_ONE = Columns(main={"capability": "capability", "value": "value"})


@click.command()
@click.argument("flavor", required=False)
@format_option
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--markdown", is_flag=True, help="Print the page docs/orchestrators.md.")
def orchestrators(flavor: str | None, format: str, as_json: bool, markdown: bool) -> None:
    """Show what each orchestrator can do with a schedule, or everything about one FLAVOR.

    Flavors that cannot schedule are shown too, with the reason.

    \b
    Example:
      pulumi-zenml orchestrators
      pulumi-zenml orchestrators kubernetes
    """
    if markdown:
        click.echo(table.markdown(), nl=False)
        return
    if as_json:
        format = "json"
    rows = [row for row in table.every_row() if flavor in (None, row["flavor"])]
    if not rows or (flavor and rows[0]["refused"] and for_people(format)):
        raise NotSchedulableError("flavor", refusal(str(flavor)))
    if not for_people(format):
        keys = list(dict.fromkeys(key for row in rows for key in row))
        flat = [{key: row.get(key) for key in keys} for row in rows]
        emit(format, flat, _COLUMNS, whole=rows)
    elif flavor:
        shown = {key: it for key, it in rows[0].items() if key not in ("refused", "instead")}
        pairs = [{"capability": key.replace("_", " "), "value": it} for key, it in shown.items()]
        emit(format, pairs, _ONE)
    else:
        emit(format, [_row(row) for row in rows], _COLUMNS)
        click.echo("The reasons: pulumi-zenml orchestrators FLAVOR, or -o json.")


def _row(row: table.TableRow) -> dict[str, Any]:
    can, cannot = ([], []) if row["refused"] else table.split(row)
    return {
        **dict.fromkeys(_COLUMNS.all(), ""),
        **row,
        "can": ", ".join(can),
        "cannot": ", ".join(cannot),
    }
