"""What a preview says where ZenML is looked at, and where it could not be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from pulumi.dynamic import CheckResult

from pulumi_zenml.errors import (
    PermissionDeniedError,
    RefusedError,
    ServiceError,
    UnauthenticatedError,
    UnreachableError,
)
from pulumi_zenml.lifecycle.ports import Zenml
from pulumi_zenml.schedule.provider import ScheduleProvider
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.errors import API_KEY
from pulumi_zenml.zenml.project import Source, StackRef
from unit.memory.fixtures import memory_flavor as memory_flavor
from unit.memory.fixtures import world as world
from unit.memory.world import World
from unit.memory.zenml import MemoryHost, MemoryZenml

GIVEN = {
    "owner": "acme/shop/dev/training",
    "owner_key": "0123456789ab",
    "stack": "one",
    "snapshot": "training:v1",
    "cron": "@daily",
}

Check = Callable[..., CheckResult]


@pytest.fixture
def check(world: World) -> Check:
    """The check of a schedule, in one provider process."""
    provider = ScheduleProvider()
    provider.host = MemoryHost(world)

    def checked(**inputs: Any) -> CheckResult:
        return provider.check({}, {**GIVEN, **inputs})

    return checked


@pytest.mark.parametrize(
    ("error", "property", "said"),
    [
        (UnauthenticatedError("ZenML", "could not sign in", property=API_KEY), "", "zenml:apiKey:"),
        (PermissionDeniedError("ZenML", "may not list", property=API_KEY), "", "zenml:apiKey:"),
        (RefusedError("ZenML", "no project is active.", property="project"), "project", "active"),
    ],
    ids=["login", "permission", "project"],
)
def test_what_zenml_refuses_is_an_error(
    check: Check,
    monkeypatch: pytest.MonkeyPatch,
    error: ServiceError,
    property: str,
    said: str,
) -> None:
    _fail(monkeypatch, error)
    (failure,) = check().failures
    assert failure.property == property and said in failure.reason


def test_what_could_not_be_looked_at_is_said_with_why(
    check: Check, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _fail(monkeypatch, UnreachableError("ZenML", "no answer from https://zenml.invalid"))
    for _ in range(2):
        assert check().failures == []
    said = capsys.readouterr().out
    assert said.count("without looking at ZenML (ZenML: no answer from") == 1


@pytest.mark.parametrize("given", [{"snapshot": "training:v9"}, {"snapshot": str(uuid4())}])
def test_a_snapshot_that_is_not_there_is_an_error(check: Check, given: dict[str, str]) -> None:
    (failure,) = check(**given).failures
    assert failure.property == "snapshot" and given["snapshot"] in failure.reason
    assert "pass an output of the resource that does" in failure.reason


def test_another_flavor_than_the_stack_has_is_an_error(check: Check) -> None:
    (failure,) = check(flavor="vertex").failures
    assert failure.property == "flavor"
    assert "has the flavor 'memory', not 'vertex'" in failure.reason
    assert check(flavor="memory").failures == []


def test_a_snapshot_of_another_stack_is_a_warning(
    check: Check, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = MemoryZenml.source

    def elsewhere(self: MemoryZenml, reference: str) -> Source:
        return replace(found(self, reference), stack=StackRef("two", "two"))

    monkeypatch.setattr(MemoryZenml, "source", elsewhere)
    assert check().failures == []
    assert "'v1' was built for stack 'two' and is scheduled on 'one'" in capsys.readouterr().out


def test_the_configured_orchestrators_are_compared_with_those_that_are_there(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    provider = ScheduleProvider()
    given = Connection(orchestrators={"one": {"api_url": "x"}, "three": {}})
    provider.host = MemoryHost(world, given)
    (failure,) = provider.check({}, dict(GIVEN)).failures
    assert failure.reason.startswith("zenml:orchestrators: 'one' has the flavor 'memory'")
    assert "no orchestrator of that name. It has: one, two." in capsys.readouterr().out


def _fail(monkeypatch: pytest.MonkeyPatch, error: ServiceError) -> None:
    def failing(self: MemoryHost, project: str) -> Zenml:
        raise error

    monkeypatch.setattr(MemoryHost, "open_session", failing)
