"""``pulumi-zenml orchestrators``: what each orchestrator can do."""

from __future__ import annotations

import json

import click

from pulumi_zenml.orchestrators import table


@click.command()
@click.argument("flavor", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print the page docs/orchestrators.md.")
def orchestrators(flavor: str | None, as_json: bool, markdown: bool) -> None:
    """Show what each orchestrator can do with a schedule, or everything about one FLAVOR.

    \b
    Example:
      pulumi-zenml orchestrators
      pulumi-zenml orchestrators kubernetes
    """
    if markdown:
        click.echo(table.markdown(), nl=False)
        return
    rows = [row for row in table.rows() if flavor in (None, row["flavor"])]
    if not rows:
        from pulumi_zenml.orchestrators import refusal

        raise click.ClickException(refusal(str(flavor)))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(show_lines=True)
    if flavor:
        shown.add_column("capability")
        shown.add_column(flavor)
        for name, value in rows[0].items():
            shown.add_row(name.replace("_", " "), str(value))
    else:
        for title in ("flavor", "counterpart", "can", "cannot"):
            shown.add_column(title, no_wrap=title == "flavor")
        for row in rows:
            can, cannot = table.split(row)
            shown.add_row(
                str(row["flavor"]), str(row["counterpart"]), ", ".join(can), ", ".join(cannot)
            )
    Console().print(shown, markup=False)
    if not flavor:
        click.echo("The reasons: pulumi-zenml orchestrators FLAVOR, or --json.")
