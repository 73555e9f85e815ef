"""What Pulumi's steps mean for the drift of a stack, and what Pulumi's errors mean."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pulumi_zenml.errors import RefusedError, UnauthenticatedError
from pulumi_zenml.operations import ReconcileResult, reconcile
from pulumi_zenml.operations.engine import (
    OWNER,
    SCHEDULE,
    SCHEDULES,
    EngineResult,
    Step,
    _collect,
    _locked,
    _refused,
    _shown,
)
from pulumi_zenml.operations.reconcile import _repairs
from pulumi_zenml.schedule.diff import BOTH_GONE

URN = f"urn:pulumi:prod::shop::{SCHEDULE}::"
STATE: dict[str, Any] = {
    "name": "daily-nightly-prod",
    "cron": "0 3 * * *",
    "paused": False,
    "state": "active",
    "native_url": "https://vendor.invalid/7",
    "__provider": "pickle",
}


def step(op: str, name: str = "nightly", **new: Any) -> Step:
    """A step of a schedule whose state is ``STATE``."""
    return Step(op, f"{URN}{name}", SCHEDULE, {}, STATE, {**STATE, **new})


def gone() -> Step:
    return Step("refresh", f"{URN}nightly", SCHEDULE, {}, STATE, None)


def read(*steps: Step) -> list[tuple[str, str, list[tuple[str, Any, Any]], bool]]:
    """What each repair says: its schedule, action, drift, and whether all is gone."""
    return [
        (it.schedule, it.action, [(d.property, d.old, d.new) for d in it.drift], it.gone)
        for it in _repairs(EngineResult(list(steps)))
    ]


def test_what_is_as_it_was_is_no_repair() -> None:
    assert read(step("refresh"), step("same")) == []
    assert read(step("refresh", __provider="pickled anew"), step("same")) == []


def test_a_drift_with_its_repair() -> None:
    found = read(step("refresh", cron="0 6 * * *"), step("replace"), step("same", "weekly"))
    assert found == [("daily-nightly-prod", "replace", [("cron", "0 3 * * *", "0 6 * * *")], False)]
    assert read(step("refresh", paused=True, state="paused"), step("update")) == [
        (
            "daily-nightly-prod",
            "update",
            [("paused", False, True), ("state", "active", "paused")],
            False,
        )
    ]


def test_a_replace_in_its_three_steps_is_one_replace() -> None:
    steps = [step("create-replacement"), step("replace"), step("delete-replaced"), step("update")]
    assert [action for _, action, _, _ in read(*steps)] == ["replace"]


def test_a_changed_program_without_drift_is_a_repair() -> None:
    assert read(step("refresh"), step("update")) == [("daily-nightly-prod", "update", [], False)]


def test_a_schedule_that_has_run_its_course_has_not_drifted() -> None:
    assert read(step("refresh", state="finished"), step("same")) == []


@pytest.mark.parametrize("state", ["cadence differs", "record without counterpart"])
def test_a_state_that_is_not_sound_is_drift(state: str) -> None:
    (found,) = read(step("refresh", state=state))
    assert found[1:] == ("", [("state", "active", state)], False)


def test_what_is_gone_on_both_sides() -> None:
    created = step("create")
    assert read(gone(), created) == [("daily-nightly-prod", "create", [], True)]
    assert read(step("refresh", state=BOTH_GONE), step("replace")) == [
        ("daily-nightly-prod", "replace", [], True)
    ]


def test_another_resource_is_called_by_its_own_name() -> None:
    urn = "urn:pulumi:prod::shop::other:Thing::thing"
    old, new = {"name": "n", "native_url": "u"}, {"name": "m", "native_url": "u"}
    (found,) = _repairs(EngineResult([Step("refresh", urn, "other:Thing", {}, old, new)]))
    assert (found.schedule, found.name, found.url) == ("thing", "thing", "")


class FakeEngine:
    """An engine that answers what it was told to."""

    planned = EngineResult()
    outcome = EngineResult()
    commands: list[tuple[str, tuple[str, ...]]]

    def __init__(self, folder: Path, stack: str) -> None:
        type(self).commands = []

    def preview(self, *, refresh: bool, targets: Sequence[str]) -> EngineResult:
        assert refresh
        self.commands.append(("preview", tuple(targets)))
        return self.planned

    def up(self, *, targets: Sequence[str]) -> EngineResult:
        self.commands.append(("up", tuple(targets)))
        return self.outcome


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> type[FakeEngine]:
    class Engine(FakeEngine): ...

    monkeypatch.setattr(import_module("pulumi_zenml.operations.reconcile"), "Engine", Engine)
    return Engine


def reconciled(*, apply: bool = True, everything: bool = False) -> ReconcileResult:
    return reconcile(Path(), "prod", apply=apply, everything=everything)


def test_without_drift_nothing_is_run(engine: type[FakeEngine]) -> None:
    engine.planned = EngineResult([step("refresh"), step("same")])
    found = reconciled()
    assert (found.repairs, found.applied, found.exit_code) == ((), False, 0)
    assert engine.commands == [("preview", (SCHEDULES,))]


def test_a_report_changes_nothing(engine: type[FakeEngine]) -> None:
    engine.planned = EngineResult([step("refresh", cron="0 6 * * *"), step("replace")])
    found = reconciled(apply=False, everything=True)
    assert (len(found.repairs), found.applied, found.exit_code) == (1, False, 1)
    assert engine.commands == [("preview", ())]


def test_drift_is_repaired_and_said(engine: type[FakeEngine]) -> None:
    engine.planned = EngineResult([step("refresh", cron="0 6 * * *"), step("replace")], ["seen"])
    new = "https://vendor.invalid/8"
    engine.outcome = EngineResult([step("refresh"), step("replace", native_url=new)], ["seen", "x"])
    said: list[str] = []
    found = reconcile(Path(), "prod", on_message=said.append)
    (repair,) = found.repairs
    assert [it.property for it in repair.drift] == ["cron"]
    assert (repair.action, repair.done, repair.url) == ("replace", True, new)
    assert (found.applied, found.exit_code) == (True, 0)
    assert said == ["seen", "x"]


def test_what_failed_is_not_said_to_be_done(engine: type[FakeEngine]) -> None:
    engine.planned = EngineResult([step("refresh", cron="0 6 * * *"), step("replace")])
    engine.outcome = EngineResult([step("refresh", cron="0 6 * * *")], errors=["no.", "no."])
    found = reconciled()
    (repair,) = found.repairs
    assert (repair.action, repair.done) == ("replace", False)
    assert (found.problem, found.exit_code) == ("no.", 1)


# --- the engine's own words ---------------------------------------------------------------------

PASSPHRASE = """ code: 255
 stdout:
 stderr: error: could not create stack: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or \
PULUMI_CONFIG_PASSPHRASE_FILE environment variables
warning: A new version of Pulumi is available. To upgrade from version '3.219.0' to '3.220.0'
"""


def test_a_missing_passphrase_is_said_whatever_follows_it() -> None:
    error = _refused("prod", PASSPHRASE, [])
    assert isinstance(error, UnauthenticatedError)
    assert "passphrase must be set" in error.reason
    assert "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE" in error.reason
    assert "'prod'" in error.reason
    assert "A new version" not in error.reason


def test_a_missing_login_is_said() -> None:
    for text in (
        "error: PULUMI_ACCESS_TOKEN must be set",
        "error: not logged in; try pulumi login",
    ):
        error = _refused("prod", text, [])
        assert isinstance(error, UnauthenticatedError)
        assert "Run 'pulumi login'" in error.reason


def test_an_error_of_the_program_is_said_in_its_own_words() -> None:
    text = " code: 255\n stderr: \nerror: preview failed\nerror: preview failed\nlast line"
    assert _refused("prod", text, []).args == ("Pulumi: preview failed",)
    seen = _refused("prod", text, ["name: it is taken", "name: it is taken"])
    assert isinstance(seen, RefusedError) and seen.reason == "name: it is taken"
    assert _refused("prod", "nothing\nbut this", []).args == ("Pulumi: but this",)


def test_no_secret_of_the_environment_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "pul-0123456789")
    monkeypatch.setenv("ZENML_STORE_API_KEY", "quite-short")
    assert _shown("of pul-0123456789 and quite-short") == "of [secret] and [secret]"
    assert "pul-0123456789" not in str(_refused("prod", "error: bad pul-0123456789", []))


def test_who_holds_a_lock() -> None:
    text = "the stack is locked; created by mia@host (pid 7) at 2026-06-10T12:00:00Z"
    assert "of mia@host (process 7) since 2026-06-10T12:00:00Z" in _locked("prod", text)
    assert "locked by another update. Wait" in _locked("prod", "locked")


def event(**parts: Any) -> Any:
    kinds = ("diagnostic_event", "res_op_failed_event", "res_outputs_event")
    return cast(Any, SimpleNamespace(**{**dict.fromkeys(kinds), **parts}))


def said(severity: str, message: str, *, ephemeral: bool = False) -> Any:
    told = SimpleNamespace(severity=severity, message=message, ephemeral=ephemeral)
    return event(diagnostic_event=told)


def stepped(op: str, type: str) -> Any:
    new = SimpleNamespace(inputs={"a": 1}, outputs={"b": 2})
    meta = SimpleNamespace(op=SimpleNamespace(value=op), urn="urn", type=type, old=None, new=new)
    return event(res_outputs_event=SimpleNamespace(metadata=meta))


def test_events_of_the_engine() -> None:
    outcome = EngineResult()
    failed = SimpleNamespace(op=SimpleNamespace(value="update"), urn="urn:x")
    for it in (
        said("warning", "<{%reset%}>careful<{%reset%}>\n"),
        said("debug", "noise"),
        said("info", "gone in a moment", ephemeral=True),
        said("error", "it broke"),
        event(res_op_failed_event=SimpleNamespace(metadata=failed)),
        stepped("create", SCHEDULE),
        stepped("create", OWNER),
        stepped("create", "pulumi:pulumi:Stack"),
        stepped("same", "pulumi:providers:pulumi-python"),
    ):
        _collect(outcome, it)
    assert outcome.messages == ["careful"]
    assert outcome.errors == ["it broke", "update of urn:x failed."]
    assert [(it.op, it.type, it.inputs, it.old, it.new) for it in outcome.steps] == [
        ("create", SCHEDULE, {"a": 1}, None, {"b": 2}),
        ("create", OWNER, {"a": 1}, None, {"b": 2}),
    ]
