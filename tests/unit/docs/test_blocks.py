"""Blocks of the documentation that need no service; every block is run somewhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from doc_blocks import Block, all_blocks, check_command, run

NOT_RUN = {
    "docs/operations.md": ["it would post to Slack"],
}
"""By page, why a block of it cannot be run."""


def test_every_block_is_run_somewhere_or_says_why_not() -> None:
    # `where` raises for a block that has no way to be run.
    not_run: dict[str, list[str]] = {}
    for block in all_blocks("nowhere"):
        not_run.setdefault(block.page, []).append(block.reason)
    assert not_run == NOT_RUN


@pytest.mark.parametrize("block", all_blocks("unit"), ids=lambda it: it.name)
def test_block(block: Block, tmp_path: Path) -> None:
    if block.language == "python":
        done = run([sys.executable, "-W", "error", "-c", block.text], tmp_path)
        assert done.returncode == block.exits, done.stderr
        return
    for command in block.commands:
        check_command(command, tmp_path, block.exits)
