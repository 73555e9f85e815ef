"""Which pairs a program can take over unchanged, and that program."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.errors import NotFoundError
from pulumi_zenml.operations import AdoptionPlan, plan_adoption, write_program
from pulumi_zenml.operations.adopt_preview import _compare
from pulumi_zenml.operations.engine import OWNER, SCHEDULE, EngineResult, Step
from unit.memory.engine import Stack
from unit.memory.seed import (
    HOUR,
    NOW,
    Made,
    change,
    copied,
    half_made,
    look,
    managed,
    unmanaged,
)
from unit.memory.world import NativeSchedule, World

NASTY = 'daily-"a\' + __import__("os").system("true") + \'{b}\\n[bold]é世-prod'


def plan(*names: str, owned: bool = False) -> AdoptionPlan:
    return plan_adoption(look(), names, owned=owned)


def calls(program: str) -> list[tuple[str, dict[str, Any]]]:
    """The resources that a program declares, read and not run."""
    found = []
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "zenml.Schedule":
            (name,) = map(ast.literal_eval, node.args)
            arguments = {it.arg: ast.literal_eval(it.value) for it in node.keywords if it.arg}
            found.append((name, arguments))
    return found


def test_a_pair_that_zenml_made_is_declared_as_it_is(world: World) -> None:
    made = unmanaged(world)
    world.natives[made.native].colour = "red"
    world.natives[made.native].timezone = "Europe/Berlin"
    found = plan()
    assert found.refused == ()
    ((name, arguments),) = calls(write_program(found))
    assert name == made.name
    assert arguments == {
        "name": made.name,
        "project": "default",
        "stack": "one",
        "snapshot": "training:v1",
        "cron": "0 3 * * *",
        "timezone": "Europe/Berlin",
        "orchestrator_settings": {"colour": "red"},
        "adopt": True,
    }


def test_the_program_takes_over_both_sides_as_they_are(world: World) -> None:
    made, paused = unmanaged(world), unmanaged(world, "daily-paused-prod")
    change(world, paused, active=False)
    world.natives[paused.native].paused = True
    program = dict(calls(write_program(plan())))
    for arguments in program.values():
        del arguments["project"]
    before = world.calls.count("submit")
    stack = Stack(world)
    stack.up(program)
    assert world.calls.count("submit") == before
    assert set(world.records) == {made.record, paused.record}
    assert set(world.natives) == {made.native, paused.native}
    assert stack.up(program, preview=True) == {}
    assert world.natives[paused.native].paused


def test_a_snapshot_that_was_named_anew_is_declared_by_its_id(world: World) -> None:
    made = unmanaged(world)
    world.snapshot("v1").has_build = False
    assert plan().adopted[0].arguments["snapshot"] == made.snapshot


def test_what_the_record_says_otherwise_is_noted(world: World) -> None:
    made = unmanaged(world)
    world.natives[made.native].cron = "0 6 * * *"
    (found,) = plan().adopted
    assert found.arguments["cron"] == "0 6 * * *"
    assert '"0 3 * * *"' in found.note and '"0 6 * * *"' in found.note


def test_what_pulumi_owns_is_left_out(world: World) -> None:
    made = managed(world)
    assert (plan().adopted, plan().refused, plan().managed) == ((), (), 1)
    (refused,) = plan(made.name).refused
    assert "Pulumi manages it already: acme/shop/dev/daily-training-dev" in refused.why
    (found,) = plan(owned=True).adopted
    assert found.arguments["adopt"] == "acme/shop/dev/daily-training-dev"


def gone(world: World, made: Made) -> None:
    del world.natives[made.native]


def disagrees(world: World, made: Made) -> None:
    world.natives[made.native].paused = True


def ended(world: World, made: Made) -> None:
    change(world, made, cadence=make_cadence(cron="0 3 * * *", end_time=NOW - HOUR, now=None))


def ends(world: World, made: Made) -> None:
    change(world, made, cadence=make_cadence(cron="0 3 * * *", end_time=NOW + HOUR, now=None))


def unreadable(world: World, made: Made) -> None:
    world.natives[made.native].cron = "every so often"


def broken(world: World, made: Made) -> None:
    world.natives[made.native].cron = ""


def deleted_snapshot(world: World, made: Made) -> None:
    del world.snapshots[made.snapshot]
    change(world, made, metadata={"schedule_id": made.native})


def by_name(world: World, made: Made) -> None:
    del world.natives[made.native]
    world.natives[made.name] = NativeSchedule(made.name, "one", None, "0 3 * * *", "UTC")


def claimed(world: World, made: Made) -> None:
    thief = unmanaged(world, "daily-thief-prod", submitted=False)
    change(world, thief, metadata={"schedule_id": made.native})


def elsewhere(world: World, made: Made) -> None:
    world.natives[made.native].place = "two"


def stackless(world: World, made: Made) -> None:
    del world.stacks["one"]


def refused_by_check(world: World, made: Made) -> None:
    world.natives[made.native].colour = "blue"


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (gone, "has no counterpart of it"),
        (disagrees, "paused natively and active in ZenML"),
        (ended, "it has ended"),
        (ends, "another cadence than its counterpart"),
        (unreadable, "a program cannot express its cadence"),
        (broken, "its counterpart is broken"),
        (deleted_snapshot, "was deleted from ZenML"),
        (by_name, "only the name links"),
        (claimed, "also claimed by daily-thief-prod"),
        (elsewhere, "is in orchestrator 'two'"),
        (stackless, "its stack was deleted, or no longer has the orchestrator 'one'"),
        (refused_by_check, "must be one of red, green"),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_what_cannot_be_taken_over_says_why(
    world: World, spoil: Callable[[World, Made], None], why: str
) -> None:
    made = unmanaged(world)
    spoil(world, made)
    found = plan(made.name)
    assert found.adopted == ()
    (refused,) = found.refused
    assert why in refused.why
    assert not refused.unreachable


def test_copies_halves_and_leftovers_are_refused(world: World) -> None:
    made = unmanaged(world)
    copied(world, made, "again")
    orphan = unmanaged(world, "daily-orphan-prod")
    del world.records[orphan.record]
    staged = half_made(world)
    whys = {it.entry.name: it.why for it in plan(owned=True).refused}
    assert "it has 2 counterparts" in whys[made.name]
    assert "ZenML has no record of it" in whys[orphan.native]
    assert "an interrupted update left it behind" in whys[staged]


def test_what_cannot_be_read_is_said_to_be_unknown(world: World) -> None:
    unmanaged(world)
    world.down = {"one": "denied"}
    (refused,) = plan().refused
    assert refused.unreachable and "'one' fails: denied" in refused.why


def test_hostile_names_stay_strings_and_resources_have_names_of_their_own(world: World) -> None:
    names = [NASTY, "Daily Training", "daily-training", "$(touch hurt)", "世界", "x" * 118]
    for name in names:
        unmanaged(world, name)
    found = plan()
    assert found.refused == ()
    declared = calls(write_program(found))
    assert {it["name"] for _, it in declared} == set(names)
    assert len({name for name, _ in declared}) == len(names)


def test_a_name_that_is_not_there(world: World) -> None:
    unmanaged(world)
    with pytest.raises(NotFoundError, match="Near it: daily-report-prod"):
        plan("daily-report-prd")


# --- what Pulumi's preview makes of it ----------------------------------------------------------

URN = f"urn:pulumi:prod::infra::{SCHEDULE}::"


def step(resource: str, op: str = "create", /, **inputs: Any) -> Step:
    return Step(op, f"{URN}{resource}", SCHEDULE, inputs, None, None)


def taken_over(world: World) -> tuple[AdoptionPlan, dict[str, Any]]:
    unmanaged(world)
    found = plan()
    return found, dict(found.adopted[0].checked)


def test_a_preview_that_creates_just_what_was_planned_is_unchanged(world: World) -> None:
    found, inputs = taken_over(world)
    owner = Step("create", f"urn:pulumi:prod::infra::{OWNER}::owner", OWNER, {}, None, None)
    result = EngineResult([step("daily-report-prod", **inputs), owner], ["a", "a"])
    seen = _compare(found, result, "prod")
    assert seen.unchanged and seen.messages == ("a",)


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        (lambda inputs: [], "does not declare it yet"),
        (lambda inputs: [step("daily-report-prod", "update", **inputs)], "would update a resource"),
        (
            lambda inputs: [step("daily-report-prod", **{**inputs, "cron": "0 4 * * *"})],
            "other values for cron",
        ),
    ],
)
def test_a_preview_that_does_something_else_says_what(
    world: World, steps: Callable[[dict[str, Any]], list[Step]], why: str
) -> None:
    found, inputs = taken_over(world)
    seen = _compare(found, EngineResult(steps(inputs)), "prod")
    assert not seen.unchanged
    assert why in seen.problems["daily-report-prod"]


def test_what_a_preview_would_do_besides_is_said(world: World) -> None:
    found, inputs = taken_over(world)
    other = replace(step("other", "delete"), type="x", urn="urn:pulumi:prod::infra::x::other")
    seen = _compare(found, EngineResult([step("daily-report-prod", **inputs), other]), "prod")
    assert seen.others == ("delete of urn:pulumi:prod::infra::x::other",)
    assert not seen.unchanged
