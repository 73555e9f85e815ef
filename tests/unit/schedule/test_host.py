"""What Pulumi configuration makes of a provider process."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pulumi_zenml.errors import InputError
from pulumi_zenml.json_types import Json
from pulumi_zenml.lifecycle.spec import policy_of
from pulumi_zenml.schedule.configuration import (
    KEYS,
    unknown_components,
    unknown_keys,
    wrong_overrides,
)
from pulumi_zenml.schedule.host import Host
from pulumi_zenml.schedule.provider import OwnerProvider, ScheduleProvider


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


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"whenRunning": "perhaps"}, "zenml:whenRunning: 'perhaps' is not one of refuse, wait"),
        ({"orchestrators": "{"}, "zenml:orchestrators: it is not JSON"),
        ({"orchestrators": "[]"}, "zenml:orchestrators: it must be an object of objects"),
        ({"serverUrl": "zenml.example"}, "zenml:serverUrl: 'zenml.example' is not the URL"),
    ],
    ids=["word", "json", "shape", "scheme"],
)
def test_a_mistake_in_the_configuration_is_one_line_wherever_it_is_met(
    values: dict[str, str], said: str
) -> None:
    schedules, owners = ScheduleProvider(), OwnerProvider()
    schedules.host = owners.host = configured(**values)
    for provider in (schedules, owners):
        (failure,) = provider.check({}, {}).failures
        assert failure.property == "" and failure.reason.startswith(said)
        with pytest.raises(InputError, match=said):
            provider.delete("id", {})


def test_a_key_that_nothing_reads_is_named_with_the_one_that_is_meant() -> None:
    keys = ["aws:region", *(f"zenml:{it}" for it in KEYS), "zenml:serverurl", "zenml:colour"]
    colour, url = unknown_keys(keys)
    assert url.startswith("zenml:serverurl ") and "Is zenml:serverUrl meant?" in url
    assert colour.startswith("zenml:colour ") and "meant" not in colour
    assert "zenml:whenRunning" in colour


def test_what_no_orchestrator_takes_is_told() -> None:
    given: dict[str, dict[str, Json]] = {
        "air": {"api_ulr": "x"},
        "k8s": {"a": 1},
        "gone": {},
        "here": {"c": 3},
    }
    components = {"air": "airflow", "k8s": "kubernetes", "here": "local"}
    air, k8s = wrong_overrides(given, components)
    assert air.property == "zenml:orchestrators"
    assert "no key 'api_ulr'. Near it: api_url" in air.reason
    assert "'k8s' has the flavor 'kubernetes', which takes no key 'a'" in k8s.reason
    (gone,) = unknown_components(given, components)
    assert "names 'gone'" in gone and "It has: air, here, k8s." in gone
