"""Drift that a refresh has saved in the state is still drift."""

from __future__ import annotations

import pytest

from pulumi_zenml.json_types import Json

from .conftest import EngineWorld

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("edit", "change"),
    [
        ({"schedule": "0 6 * * *"}, "replace"),
        pytest.param({"schedule": "5 3 * * MON#2"}, "replace", marks=pytest.mark.slow),
        pytest.param({"paused": True}, "update", marks=pytest.mark.slow),
    ],
    ids=["cadence", "unsayable", "paused"],
)
def test_a_second_refresh_does_not_hide_what_the_first_one_found(
    world: EngineWorld, edit: dict[str, Json], change: str
) -> None:
    project = world.project("")
    project.write(world.training())
    project.up()
    world.edit(**edit)
    for _ in range(2):
        project.refresh()
    assert project.up().changes == {change: 1}
    record, counterpart = world.only()
    assert (counterpart["schedule"], counterpart["paused"]) == ("0 3 * * 1-5", False)
    assert record.active
    assert project.preview("--refresh").changes == {}
