"""A part of the matrix that takes a minute; `make faults` is all of it."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from faults.matrix import KILLS, Asked, Matrix, Outcome
from faults.world import World

pytestmark = [pytest.mark.engine, pytest.mark.kubernetes, pytest.mark.server]


def test_after_a_kill_the_next_run_ends_with_what_the_program_says(world: World) -> None:
    asked = Asked(operations=("replace-cron",), thens=("old", "destroy"), kinds=KILLS, every=6)
    seen: list[Outcome] = []
    Matrix([lambda: nullcontext(world)], asked, seen.append).run()
    assert len({it.case for it in seen}) > 2
    assert not [(it.command, it.wrong) for it in seen if it.wrong]
