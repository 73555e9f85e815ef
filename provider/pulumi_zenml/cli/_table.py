"""Tables for people: whole words, the columns that matter, as wide as the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pulumi_zenml.operations.safe_text import safe

_GAP = "  "


@dataclass(frozen=True)
class Columns:
    """The columns of a table, as headings by key of a row.

    Args:
        main: those that a table always has.
        below: sentences and commands: on a terminal they stand below their row.
        more: those that only ``wide`` shows.
    """

    main: Mapping[str, str]
    below: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)

    def all(self) -> dict[str, str]:
        """Every column, in the order of ``wide``."""
        return {**self.main, **self.more, **self.below}


def render(
    rows: Sequence[Mapping[str, Any]],
    columns: Columns,
    *,
    width: int | None,
    wide: bool = False,
    style: Callable[[Mapping[str, Any]], str] = lambda row: "",
) -> Any:
    """A table as a rich text; every cell is plain text, whatever it holds.

    Args:
        rows: values by key.
        columns: what to show.
        width: of the terminal, in characters; ``None`` where there is none. Without a width, and
            when ``wide``, each row is one line, however long.
        wide: show every column.
        style: a rich style for a row.
    """
    from rich.text import Text

    if wide or width is None:
        shown = columns.all() if wide else {**columns.main, **columns.below}
        lines = _grid(rows, shown, None)
    else:
        lines = _fitted(rows, columns, width)
    text = Text()
    for row, line in lines:
        text.append(line.rstrip() + "\n", style="bold" if row is None else style(row))
    text.right_crop(1)
    return text


_Line = tuple[Mapping[str, Any] | None, str]


def _fitted(rows: Sequence[Mapping[str, Any]], columns: Columns, width: int) -> Iterator[_Line]:
    """A table where its longest words fit side by side, else a block for each row."""
    widths = _fit([[_words(it) for it in column] for column in _cells(rows, columns.main)], width)
    if widths is None:
        yield from _blocks(rows, columns, width)
        return
    lines = _grid(rows, columns.main, widths)
    yield from _under(lines, columns, width)


def _grid(
    rows: Sequence[Mapping[str, Any]], headings: Mapping[str, str], widths: list[int] | None
) -> Iterator[_Line]:
    from rich.cells import cell_len

    limits = widths or [max(map(cell_len, column)) for column in _cells(rows, headings)]
    for row in (None, *rows):
        cells = [*headings.values()] if row is None else [_cell(row[key]) for key in headings]
        wrapped = [
            [cell] if widths is None else _wrap(cell, limit)
            for cell, limit in zip(cells, limits, strict=True)
        ]
        for n in range(max(map(len, wrapped), default=0)):
            parts = [lines[n] if n < len(lines) else "" for lines in wrapped]
            padded = (
                part + " " * (limit - cell_len(part))
                for part, limit in zip(parts, limits, strict=True)
            )
            yield row, _GAP.join(padded)


def _under(lines: Iterator[_Line], columns: Columns, width: int) -> Iterator[_Line]:
    """Put the sentences of each row below it."""
    before: Mapping[str, Any] | None = None
    for row, line in lines:
        if before is not None and row is not before:
            yield from _sentences(before, columns.below, width)
        yield row, line
        before = row
    if before is not None:
        yield from _sentences(before, columns.below, width)


def _sentences(row: Mapping[str, Any], headings: Mapping[str, str], width: int) -> Iterator[_Line]:
    for key, heading in headings.items():
        if cell := _cell(row[key]):
            for line in _wrap(f"{heading}: {cell}", width - len(_GAP)):
                yield row, _GAP + line


def _blocks(rows: Sequence[Mapping[str, Any]], columns: Columns, width: int) -> Iterator[_Line]:
    """Each row as lines of heading and value."""
    for n, row in enumerate(rows):
        if n:
            yield row, ""
        for key, heading in columns.main.items():
            if cell := _cell(row[key]):
                first, *more = _wrap(f"{heading}: {cell}", width - len(_GAP))
                yield row, first
                yield from ((row, _GAP + line) for line in more)
        yield from _sentences(row, columns.below, width)


def _cells(rows: Sequence[Mapping[str, Any]], headings: Mapping[str, str]) -> list[list[str]]:
    return [[heading, *(_cell(row[key]) for row in rows)] for key, heading in headings.items()]


def _fit(columns: list[list[list[int]]], width: int) -> list[int] | None:
    """The width of each column so that all fit; ``None`` if a word would have to be broken.

    Args:
        columns: the widths of the words of each cell, by column.
        width: of all, with the gaps.
    """
    room = width - len(_GAP) * (len(columns) - 1)
    least = [max((max(cell, default=0) for cell in column), default=0) for column in columns]
    widths = [max(sum(cell) + len(cell) - 1 for cell in column) for column in columns]
    if sum(least) > room:
        return None
    while sum(widths) > room:
        # The column that can give most.
        widest = max(range(len(widths)), key=lambda it: widths[it] - least[it])
        widths[widest] -= 1
    return widths


def _words(cell: str) -> list[int]:
    from rich.cells import cell_len

    return [cell_len(word) for word in cell.split(" ")]


def _wrap(cell: str, width: int) -> list[str]:
    """Lines broken at blanks only; a longer word has a line of its own."""
    from rich.cells import cell_len

    lines: list[str] = []
    for word in cell.split(" "):
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M %Z")
    if isinstance(value, timedelta):
        return str(timedelta(seconds=round(value.total_seconds())))
    return safe(value)
