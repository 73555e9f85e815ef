"""The capability table: one source for the command line and the docs."""

from __future__ import annotations

from pulumi_zenml.orchestrators import REFUSED, elsewhere, get_orchestrator, known_flavors
from pulumi_zenml.orchestrators.capabilities import Ability, Gap

TableRow = dict[str, str | int | None]


def rows() -> list[TableRow]:
    """One row for each flavor, with a yes or the reason for each capability."""
    return [_row(flavor) for flavor in known_flavors()]


def refused() -> dict[str, str]:
    """The flavors that ZenML has and that cannot schedule, with the reason."""
    skypilot = "ZenML's SkyPilot orchestrators start virtual machines and have no schedules."
    return dict(sorted({**REFUSED, "skypilot (all)": skypilot}.items()))


def every_row() -> list[TableRow]:
    """The rows, and one for each flavor that is refused, with the reason and what to use instead.

    ``refused`` and ``instead`` are empty for a flavor that can schedule; a refused one has only
    these.
    """
    able: list[TableRow] = [{**row, "refused": "", "instead": ""} for row in rows()]
    return able + [
        {"flavor": flavor, "refused": why, "instead": elsewhere()}
        for flavor, why in refused().items()
    ]


def split(row: TableRow) -> tuple[list[str], list[str]]:
    """The capabilities that a row has, and the others with the kind of gap."""
    names = get_orchestrator(str(row["flavor"])).capabilities.abilities()
    said = {name.replace("_", " "): _short(row[name]) for name in names}
    can = [name for name, word in said.items() if word == "yes"]
    return can, [f"{name} ({word})" for name, word in said.items() if word != "yes"]


def markdown() -> str:
    """The page docs/orchestrators.md."""
    lines = [
        "# Orchestrators",
        "",
        "What each ZenML orchestrator can do with a schedule. What it cannot do is an error at",
        "preview. `pulumi-zenml orchestrators` prints the same.",
        "",
        "A gap is *not-yet* (we could), *upstream* (ZenML or the vendor must) or *never*.",
        "",
    ]
    found = rows()
    abilities = list(get_orchestrator("kubernetes").capabilities.abilities())
    lines += _table(
        ["", *(f"{row['flavor']}" for row in found)],
        [[name.replace("_", " "), *(_short(row[name]) for row in found)] for name in abilities],
    )
    for row in found:
        lines += ["", f"## {row['flavor']}", "", *_section(row)]
    lines += ["", "## Refused", ""]
    lines += _table(["flavor", "why"], [[it, why] for it, why in refused().items()])
    return "\n".join(lines) + "\n"


def _row(flavor: str) -> TableRow:
    can = get_orchestrator(flavor).capabilities
    return {
        "flavor": flavor,
        "counterpart": can.counterpart,
        "dialect": can.dialect,
        "smallest_interval_seconds": int(can.smallest_interval.total_seconds()),
        "name_limit": can.name_limit,
        **{name: _text_of(ability) for name, ability in can.abilities().items()},
        "found_by": can.found_by,
        "left_behind": can.left_behind,
    }


def _text_of(ability: Ability) -> str:
    if isinstance(ability, Gap):
        instead = f" Instead: {ability.instead.rstrip('.')}." if ability.instead else ""
        return f"{ability.word}: {ability.reason.rstrip('.')}.{instead}"
    return f"yes: {ability.note}" if ability.note else "yes"


def _short(value: object) -> str:
    return str(value).partition(":")[0]


def _section(row: TableRow) -> list[str]:
    cls = get_orchestrator(str(row["flavor"]))
    lines = [(cls.__doc__ or "").strip().splitlines()[0], ""]
    lines += _table(
        ["", ""],
        [[name.replace("_", " "), str(it)] for name, it in row.items() if it is not None][1:],
    )
    for title, settings in (
        ("`orchestrator_settings`", cls.settings),
        ("Pulumi config `zenml:orchestrators`", cls.overrides),
    ):
        if settings:
            lines += ["", f"{title}:", ""]
            lines += _table(
                ["key", "type", "what it does"],
                [
                    [f"`{key}`", it.type.__name__, _choices(it.doc, it.choices)]
                    for key, it in sorted(settings.items())
                ],
            )
    return lines


def _choices(doc: str, choices: tuple[str, ...]) -> str:
    return f"{doc} One of {', '.join(choices)}." if choices else doc


def _table(head: list[str], body: list[list[str]]) -> list[str]:
    def line(cells: list[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    return [line(head), line(["---"] * len(head)), *(line(row) for row in body)]
