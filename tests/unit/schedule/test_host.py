"""What Pulumi configuration makes of a provider process."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pulumi_zenml.errors import InputError
from pulumi_zenml.lifecycle.spec import policy_of
from pulumi_zenml.schedule.host import Host


class _Config:
    def __init__(self, **values: str) -> None:
        self._values = values

    def get(self, key: str) -> str | None:
        return self._values.get(key.removeprefix("zenml:"))


def configured(**values: str) -> Host:
    return Host.configured(cast(Any, _Config(**values)))


@pytest.mark.parametrize(
    ("config", "program", "holds"),
    [
        ({}, {}, "refuse"),
        ({}, {"when_running": "wait"}, "wait"),
        ({"whenRunning": "ignore"}, {"when_running": "wait"}, "ignore"),
        ({"whenRunning": "refuse"}, {"when_running": "wait"}, "refuse"),
    ],
)
def test_configuration_has_the_last_word_on_runs_where_it_says_something(
    config: dict[str, str], program: dict[str, str], holds: str
) -> None:
    assert policy_of(program, configured(**config).when_running).when_running == holds


def test_a_word_that_means_nothing_is_told() -> None:
    with pytest.raises(InputError, match="'perhaps' is not one of refuse, wait, ignore"):
        configured(whenRunning="perhaps")
