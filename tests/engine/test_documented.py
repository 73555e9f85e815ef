"""Blocks of the documentation that the Pulumi engine runs: programs and `pulumi` commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from doc_blocks import Block, all_blocks, check_command
from testbed.engine import Project

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that knows of no ZenML."""
    folder = tmp_path_factory.mktemp("documented")
    made = Project(folder, "import pulumi_zenml")
    made.env["HOME"] = str(folder)
    yield made


@pytest.mark.parametrize("block", all_blocks("engine"), ids=lambda it: it.name)
def test_block(block: Block, project: Project, tmp_path: Path) -> None:
    if block.language == "python":
        project.write(block.text)
        assert set(project.preview().changes) == {"create"}
        return
    for command in block.commands:
        if command.words[0] == "pulumi":
            project.run(*command.words[1:])
        else:
            check_command(command, tmp_path, block.exits)
