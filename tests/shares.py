"""``--share i/n`` runs one of n parts of the chosen tests, ``--share today/n`` the day's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--share``."""
    words = "run only part i of n of the tests: 'i/n', or 'today/n' for a part that rotates"
    parser.addoption("--share", type=share_of, metavar="i/n", help=words)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep every n-th of the tests that the marks and words have left."""
    share = config.getoption("--share")
    if share is None:
        return
    part, parts = share
    kept = items[part - 1 :: parts]
    config.hook.pytest_deselected(items=[it for it in items if it not in kept])
    items[:] = kept


def share_of(text: str) -> tuple[int, int]:
    """Which part of how many.

    Raises:
        ValueError: There is no such part.
    """
    part, _, parts = text.partition("/")
    count = int(parts)
    day = datetime.now(UTC).toordinal()
    number = day % count + 1 if part == "today" else int(part)
    if not 1 <= number <= count:
        raise ValueError(text)
    return number, count
