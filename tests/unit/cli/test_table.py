"""Tables: whole words at every width."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_zenml.cli._table import Columns, render

COLUMNS = Columns(
    main={"name": "schedule", "state": "native state", "drift": "drift"},
    below={"fix": "fix"},
    more={"id": "native id"},
)
LONG = "daily-" + "x" * 200


def row(name: str) -> dict[str, Any]:
    fix = f"pulumi-zenml cleanup --project default --apply --yes --code naming -- {name}"
    id = "3bfdb071-3b69-5b26-bfef-1c89851edab6"
    return {"name": name, "state": "active", "drift": "no counterpart", "fix": fix, "id": id}


def drawn(rows: list[dict[str, Any]], width: int | None, *, wide: bool = False) -> list[str]:
    text: str = render(rows, COLUMNS, width=width, wide=wide).plain
    return text.split("\n")


@pytest.mark.parametrize("width", [20, 40, 80, 100, 120, 200])
@pytest.mark.parametrize("name", ["daily-training-prod-v12", LONG, "\u65e5\u672c\u8a9e"])
def test_no_word_is_broken_on_a_terminal(width: int, name: str) -> None:
    lines = drawn([row(name), row("weekly-b-dev")], width)
    words = {word for line in lines for word in line.split()}
    assert {name, "weekly-b-dev", "active", "counterpart", "pulumi-zenml", "naming"} <= words
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines)
    assert "3bfdb071-3b69-5b26-bfef-1c89851edab6" not in words


def test_without_a_terminal_each_row_is_one_line() -> None:
    assert len(drawn([row(LONG), row("b")], None)) == 3
    assert row(LONG)["fix"] in drawn([row(LONG)], None)[1]


def test_wide_has_every_column() -> None:
    heading, line = drawn([row("a")], 80, wide=True)
    assert heading.split() == ["schedule", "native", "state", "drift", "native", "id", "fix"]
    assert row("a")["id"] in line
