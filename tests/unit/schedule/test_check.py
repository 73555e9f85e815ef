"""Every mistake that can be known offline, on its property; and what check fills in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pulumi.dynamic import CheckResult
from pulumi.runtime import rpc

from pulumi_zenml.orchestrators import REGISTRY
from pulumi_zenml.schedule.host import Host
from pulumi_zenml.schedule.provider import ScheduleProvider
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.project import ZenmlProject

GOOD = {"stack": "prod", "snapshot": "training:v12", "cron": "@daily", "flavor": "kubernetes"}
LATER = "2099-01-01T00:00:00+00:00"


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ScheduleProvider:
    """A provider that knows of no ZenML."""
    monkeypatch.delenv("ZENML_STORE_URL", raising=False)
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(tmp_path))
    made = ScheduleProvider()
    made.host = Host(Connection())
    return made


def check(provider: ScheduleProvider, **inputs: object) -> CheckResult:
    news = {"owner_key": "0123456789ab", "owner": "acme/shop/prod/training", **inputs}
    return provider.check({}, {key: value for key, value in news.items() if value is not None})


@pytest.mark.parametrize(
    ("change", "property", "hint"),
    [
        ({"cron": "61 * * * *"}, "cron", "0-59"),
        ({"cron": "0 0 30 2 *"}, "cron", "never"),
        ({"cron": "* * * *"}, "cron", "five"),
        ({"cron": 5}, "cron", ""),
        ({"timezone": "Europe/Berln"}, "timezone", "Europe/Berlin"),
        ({"start_time": "2030-01-01T00:00:00"}, "start_time", "no time zone"),
        ({"start_time": LATER, "end_time": "2098-01-01T00:00:00Z"}, "end_time", ""),
        ({"cron": None, "run_once_at": "2020-01-01T00:00:00Z"}, "run_once_at", "past"),
        ({"cron": None, "interval": 0.5, "start_time": LATER}, "interval", "whole"),
        ({"cron": None, "interval": 3600}, "start_time", ""),
        ({"interval": 60, "start_time": LATER}, "interval", ""),
        ({"cron": None}, "cron", ""),
        ({"snapshot": None}, "snapshot", "pipeline="),
        ({"pipeline": "a:b", "source_root": "."}, "snapshot", "once"),
        ({"snapshot": None, "pipeline": "a.b", "source_root": "."}, "pipeline", "module:function"),
        ({"snapshot": None, "pipeline": "a:b", "source_root": "/nope"}, "source_root", "/nope"),
        ({"snapshot": None, "pipeline": "nope:b", "source_root": "."}, "pipeline", "nope.py"),
        ({"snapshot": 7}, "snapshot", "not a str"),
        ({"snapshot": 7.0}, "snapshot", "7 is not a str"),
        ({"start_time": "2030-01-01"}, "start_time", "2030-01-01T00:00:00+00:00"),
        ({"cron": "*/90 * * * *"}, "cron", "where the orchestrator takes one"),
        ({"catchup": True}, "catchup", "Instead:"),
        ({"snapshot": "training"}, "snapshot", "'training:v1'"),
        ({"snapshot": "training:"}, "snapshot", "'training:v1'"),
        ({"snapshot": ":v12"}, "snapshot", "neither 'pipeline:snapshot'"),
        ({"snapshot": "0f8fad5b-d9cb-469f-a165-7086772895zz"}, "snapshot", "nor the id"),
        ({"adopt": "foo"}, "adopt", "organization/project/stack/resource"),
        ({"adopt": "acme/shop//training"}, "adopt", "neither True nor the owner"),
        ({"triggers": "abc"}, "triggers", "not a list"),
        ({"spread": 172800}, "spread", "1 day, 0:00:00 between two fires"),
        ({"paused": "yes"}, "paused", "not a bool"),
        ({"stack": ""}, "stack", "ZenML stack"),
        ({"name": ""}, "name", "218"),
        ({"name": "  "}, "name", "not all blanks"),
        ({"name": "n" * 219}, "name", "219 characters"),
        ({"name": "a\x1b[31mb"}, "name", "printable"),
        ({"when_running": "perhaps"}, "when_running", "refuse, wait, ignore"),
        ({"flavor": "local"}, "stack", "calling process"),
        ({"flavor": "local_docker"}, "stack", "containers on the calling machine"),
        ({"flavor": "skypilot_aws"}, "stack", "SkyPilot"),
        ({"flavor": "tekton"}, "stack", "Tekton"),
        ({"flavor": "ssh"}, "stack", "SSH"),
        ({"flavor": "modal"}, "stack", "Modal"),
        ({"flavor": "lightning"}, "stack", "Lightning"),
        ({"flavor": "homegrown"}, "stack", "no package registered"),
        ({"cron": None, "interval": 3600, "start_time": LATER}, "interval", "0 * * * *"),
        ({"end_time": LATER}, "end_time", ""),
        ({"catchup": True}, "catchup", ""),
        ({"orchestrator_settings": {"taste": 1}}, "orchestrator_settings", "taste"),
        (
            {"orchestrator_settings": {"concurrency_policy": "Maybe"}},
            "orchestrator_settings",
            "Forbid",
        ),
        (
            {"orchestrator_settings": {"starting_deadline_seconds": "soon"}},
            "orchestrator_settings",
            "int",
        ),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_a_mistake_is_found_on_its_property(
    provider: ScheduleProvider, change: dict[str, Any], property: str, hint: str
) -> None:
    failures = check(provider, **{**GOOD, **change}).failures
    assert property in {it.property for it in failures}, [vars(it) for it in failures]
    assert hint in " ".join(it.reason for it in failures if it.property == property)


def test_several_mistakes_are_all_told(provider: ScheduleProvider) -> None:
    given = {**GOOD, "cron": "61 * * * *", "timezone": "Mars/Base", "when_running": "x"}
    found = {it.property for it in check(provider, **given).failures}
    assert found == {"cron", "timezone", "when_running"}


def test_defaults_are_filled_in_and_values_made_canonical(provider: ScheduleProvider) -> None:
    inputs = check(provider, **{**GOOD, "cron": "0 3 * * mon-fri"}).inputs
    assert inputs["name"] == "workdays-training-prod-v12"
    assert (inputs["timezone"], inputs["paused"], inputs["catchup"]) == ("UTC", False, False)
    assert inputs["when_running"] == "refuse"


def test_what_is_not_known_yet_is_not_judged(provider: ScheduleProvider) -> None:
    result = check(provider, **{**GOOD, "cron": rpc.UNKNOWN, "snapshot": rpc.UNKNOWN})
    assert result.failures == []
    assert result.inputs["name"] == rpc.UNKNOWN


def test_an_unchanged_schedule_that_is_over_is_no_mistake(provider: ScheduleProvider) -> None:
    inputs = {
        "owner": "acme/shop/prod/training",
        "stack": "prod",
        "snapshot": "training:v12",
        "run_once_at": "2020-01-01T00:00:00+00:00",
        "flavor": "sagemaker",
    }
    assert provider.check({}, dict(inputs)).failures
    assert provider.check(dict(inputs), dict(inputs)).failures == []


@pytest.mark.parametrize(
    "spelled", ["2020-01-01T00:00:00Z", "2020-01-01T00:00Z", "2020-01-01 01:00+01:00"]
)
def test_one_that_has_fired_may_be_spelled_in_another_way(
    provider: ScheduleProvider, spelled: str
) -> None:
    given = {**GOOD, "cron": None, "flavor": "sagemaker", "owner": "acme/shop/prod/training"}
    olds = {**given, "run_once_at": "2020-01-01T00:00:00+00:00"}
    news = {**given, "run_once_at": spelled}
    present = [{k: v for k, v in it.items() if v is not None} for it in (olds, news)]
    assert provider.check(*present).failures == []
    other = {**present[1], "run_once_at": "2020-01-01T00:30:00Z"}
    assert [it.property for it in provider.check(present[0], other).failures] == ["run_once_at"]


def test_what_can_be_right_is_not_refused(provider: ScheduleProvider) -> None:
    for given in (
        {"snapshot": "0f8fad5b-d9cb-469f-a165-708677289501"},
        {"adopt": True},
        {"adopt": "acme/shop/prod/team/training"},
        {"adopt": rpc.UNKNOWN},
        {"triggers": ["abc"]},
        {"cron": "0 3 * * 1", "spread": 172800},
        {"cron": "0 3 1 * *", "spread": 3600},
    ):
        assert check(provider, **{**GOOD, "name": "nightly", **given}).failures == [], given


def test_a_wrong_cadence_does_not_leave_the_name_unknown(provider: ScheduleProvider) -> None:
    # During an update the engine refuses an unknown value before it shows the failures.
    result = check(provider, **{**GOOD, "cron": "61 * * * *"})
    assert [it.property for it in result.failures] == ["cron"]
    assert rpc.UNKNOWN not in result.inputs.values()


def test_two_resources_cannot_have_one_name(provider: ScheduleProvider) -> None:
    one, other = "acme/shop/prod/one", "acme/shop/prod/other"
    given = {**GOOD, "name": "nightly"}
    for _ in range(2):
        assert check(provider, **given, owner=one).failures == []
    (failure,) = check(provider, **given, owner=other).failures
    assert failure.property == "name"
    assert "'one' of this program has the name 'nightly' too" in failure.reason
    assert check(provider, **given, owner=other, project="another").failures == []


def test_a_missing_package_is_an_error_that_says_what_to_install(
    provider: ScheduleProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = replace(REGISTRY["kubernetes"], module="not_installed.sdk")
    monkeypatch.setitem(REGISTRY, "kubernetes", row)
    (failure,) = check(provider, **GOOD).failures
    assert failure.property == "stack"
    assert "pip install 'pulumi-zenml[kubernetes]'" in failure.reason


def test_what_the_name_chooses_is_unknown_while_the_name_is(provider: ScheduleProvider) -> None:
    for moved in ({"cron": "H 3 * * *"}, {"cron": "0 3 * * *", "spread": 3600}):
        assert (
            check(provider, **{**GOOD, **moved, "name": rpc.UNKNOWN}).inputs["cron"] == rpc.UNKNOWN
        )
    fixed = check(provider, **{**GOOD, "cron": "0 3 * * *", "name": rpc.UNKNOWN}).inputs
    assert fixed["cron"] == "0 3 * * *"


def test_hashed_fields_and_spread_are_resolved_once(provider: ScheduleProvider) -> None:
    given = {**GOOD, "cron": "H 3 * * *"}
    first = check(provider, **given).inputs
    assert check(provider, **given).inputs == first
    assert "H" not in first["cron"]
    spread = check(provider, **{**GOOD, "cron": "0 3 * * *", "spread": 3600}).inputs
    assert "spread" not in spread
    assert provider.check(spread, dict(spread)).inputs == spread


def test_what_could_not_be_looked_at_is_said_once(
    provider: ScheduleProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        assert check(provider, **{**GOOD, "flavor": None}).failures == []
    assert capsys.readouterr().out.count("without looking at ZenML") == 1


class _Client:
    """ZenML's client where there are neither stacks nor projects."""

    def list_stacks(self, **_: object) -> SimpleNamespace:
        return SimpleNamespace(items=[], total_pages=1)

    list_projects = list_stacks

    def get_stack(self, name: str, **_: object) -> None:
        raise KeyError(name)

    get_project = get_stack


class _Project(ZenmlProject):
    """One that has a stack `there`."""

    def flavor(self, stack: str) -> str:
        return "kubernetes" if stack == "there" else super().flavor(stack)


@pytest.mark.parametrize(
    ("given", "property"),
    [
        ({"stack": "project-x"}, "stack"),
        ({"stack": "there", "project": "stack-x"}, "project"),
    ],
)
def test_what_is_missing_is_told_on_the_property_that_names_it(
    provider: ScheduleProvider,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, str],
    property: str,
) -> None:
    def session(name: str = "") -> ZenmlProject:
        return _Project(provider.host.connection, name, connect=lambda: cast(Any, _Client()))

    provider.host = Host(Connection(server_url="http://zenml.example"))
    monkeypatch.setattr(provider.host, "session", session)
    failures = check(provider, **{**GOOD, "flavor": None, **given}).failures
    assert [it.property for it in failures] == [property]
    assert f"'{given[property]}'" in failures[0].reason
