"""Secrets that were set without ``--secret``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pulumi.runtime import set_all_config

from pulumi_zenml.schedule.clear_config import keys_in_clear


@pytest.fixture(autouse=True)
def _no_config() -> Iterator[None]:
    yield
    set_all_config({}, [])


@pytest.mark.parametrize(
    ("config", "secret", "found"),
    [
        ({}, [], []),
        ({"zenml:apiKey": "ZENKEY_abc"}, [], ["zenml:apiKey"]),
        ({"zenml:apiKey": "ZENKEY_abc"}, ["zenml:apiKey"], []),
        ({"zenml:apiKey": ""}, [], []),
        ({"other:apiKey": "abc"}, [], []),
        ({"zenml:orchestrators": '{"a": {"password": "x"}}'}, [], ["zenml:orchestrators"]),
        ({"zenml:orchestrators": '{"a": {"password": "x"}}'}, ["zenml:orchestrators"], []),
        ({"zenml:orchestrators": '{"a": {"api_url": "http://x"}}'}, [], []),
        (
            {"zenml:orchestrators": '{"a": {"api_url": "http://a:b@x"}}'},
            [],
            ["zenml:orchestrators"],
        ),
        ({"zenml:orchestrators": "{"}, [], []),
        ({"zenml:serverUrl": "https://zenml.example.com"}, [], []),
        ({"zenml:serverUrl": "https://me:word@zenml.example.com"}, [], ["zenml:serverUrl"]),
    ],
)
def test_what_holds_a_secret_in_clear(
    config: dict[str, str], secret: list[str], found: list[str]
) -> None:
    set_all_config(config, secret)
    assert list(keys_in_clear()) == found
