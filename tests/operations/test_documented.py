"""Blocks of the documentation that look at schedules: in a ZenML that has a few."""

from __future__ import annotations

import os

import pytest

from doc_blocks import Block, all_blocks, check_command
from operations import seed
from operations.conftest import World
from testbed.process import cache_folder

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("block", all_blocks("world"), ids=lambda it: it.name)
def test_block(block: Block, world: World) -> None:
    world.call(seed.unmanaged, "daily-training-prod", cron="0 3 * * *")
    world.call(seed.unmanaged, "daily-scoring-prod", cron="0 4 * * *", submitted=False)
    env = world.environment(PULUMI_HOME=str(world.work / "home"))
    env["PATH"] = f"{cache_folder() / 'bin'}{os.pathsep}{env['PATH']}"
    for command in block.commands:
        check_command(command, world.work, block.exits, env)
