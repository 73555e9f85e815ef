"""What is written by hand, for editors and readers, says what the one list of fields says."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from pulumi import ResourceOptions

from pulumi_zenml import Schedule, ScheduleArgs
from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.errors import CannotExpressError, InputError
from pulumi_zenml.identity import Owner
from pulumi_zenml.lifecycle import fields
from pulumi_zenml.lifecycle.fields import ARGUMENTS, FIELDS, OUTPUTS
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.schedule.resource import _plain
from pulumi_zenml.zenml.source import PipelineSource

ROOT = Path(__file__).resolve().parents[3]
OWN = ("self", "resource_name", "args", "opts")
ANNOTATIONS = {
    fields.TEXT: "str",
    fields.SWITCH: "bool",
    fields.INSTANT: "Instant",
    fields.DURATION: "Duration",
    fields.SWITCHES: "Mapping[str, Any]",
    fields.VALUES: "Sequence[Any]",
    fields.CONSENT: "bool | str",
}

if TYPE_CHECKING:
    # An error names the argument; an overloaded function's (`call-overload`) would not.
    Schedule("typed", stack="one", snapshot="a:b", cron=5)  # type: ignore[arg-type]
    Schedule("typed", stack="one", snapshot="a:b", crom="@daily")  # type: ignore[call-arg]
    Schedule("typed", ScheduleArgs(cron="@daily"))  # type: ignore[call-arg]
    Schedule("typed", ScheduleArgs(stack="one", cron=5))  # type: ignore[arg-type]
    Schedule("typed", stack="one", snapshot="a:b", interval=timedelta(hours=1))
    Schedule("typed", ScheduleArgs(stack="one", snapshot="a:b", cron="@daily"))


def parameters() -> dict[str, inspect.Parameter]:
    found = inspect.signature(Schedule.__init__).parameters
    return {key: it for key, it in found.items() if key not in OWN}


def page_rows(page: str, header: str) -> list[list[str]]:
    """The cells of a page's table."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    _, _, after = text.partition(f"| {header}\n")
    assert after, f"{page} has no table '{header}'"
    lines = [it for it in after.split("\n\n")[0].splitlines()[1:] if it]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_signature_has_the_arguments_in_order() -> None:
    assert tuple(parameters()) == ARGUMENTS
    assert all(it.kind is it.KEYWORD_ONLY and it.default is None for it in parameters().values())


def test_the_object_has_the_same_ones_of_the_same_types() -> None:
    of_object = {it.name: str(it.type) for it in dataclasses.fields(ScheduleArgs)}
    of_object["stack"] += " | None"
    assert of_object == {key: it.annotation for key, it in parameters().items()}
    assert list(of_object) == list(ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_argument_is_typed_as_its_kind(name: str) -> None:
    plain = ANNOTATIONS[FIELDS[name].kind]
    assert parameters()[name].annotation in (f"Input[{plain}] | None", f"{plain} | None")


def test_the_docstring_says_what_each_argument_is() -> None:
    text = inspect.getdoc(Schedule.__init__)
    assert text is not None
    section = re.split(r"\n\n(?=\w+:\n)", text.partition("Args:\n")[2])[0]
    found = {}
    for entry in re.split(r"\n(?=    \w)", f"\n{section}".rstrip())[1:]:
        name, _, said = " ".join(entry.split()).partition(": ")
        found[name] = said.replace("``", "`").rstrip(".")
    for own in OWN[1:]:
        del found[own]
    assert found == {key: FIELDS[key].doc for key in ARGUMENTS}


def test_each_output_is_an_attribute_that_says_what_it_is() -> None:
    (tree,) = ast.parse(inspect.getsource(Schedule)).body
    assert isinstance(tree, ast.ClassDef)
    said: dict[str, str] = {}
    for statement, beneath in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(beneath, ast.Expr):
            text = ast.literal_eval(beneath.value).replace("``", "`").rstrip(".")
            said[ast.unparse(statement.target)] = text
    assert set(said) <= {*FIELDS, *OUTPUTS}
    outputs = {key: said[key] for key in said if key in OUTPUTS}
    assert outputs == {key: it[0].upper() + it[1:] for key, it in OUTPUTS.items()}


@pytest.mark.parametrize(
    ("kind", "value", "passed"),
    [
        (fields.INSTANT, date(2030, 1, 1), "2030-01-01"),
        (fields.INSTANT, datetime(2030, 1, 1, tzinfo=UTC), "2030-01-01T00:00:00+00:00"),
        (fields.TEXT, ZoneInfo("Europe/Berlin"), "Europe/Berlin"),
        (fields.DURATION, timedelta(minutes=2), 120),
    ],
)
def test_a_value_of_python_is_passed_as_text_or_number(
    kind: fields.Kind, value: object, passed: object
) -> None:
    assert _plain(kind, value) == passed


@pytest.mark.parametrize(
    ("option", "instead"),
    [({"import_": "id"}, "adopt=True"), ({"replace_on_changes": ["cron"]}, "triggers")],
)
def test_an_option_that_pulumi_does_not_honour_is_refused(
    option: dict[str, Any], instead: str
) -> None:
    with pytest.raises(InputError, match=instead):
        Schedule("s", stack="one", snapshot="a:b", opts=ResourceOptions(**option))


def test_a_reason_ends_before_what_to_do_instead() -> None:
    for reason in ("It cannot", "It cannot."):
        assert CannotExpressError("cron", reason, ["that"]).reason == "It cannot. Instead: that."


def test_the_page_lists_the_inputs() -> None:
    wanted = [[f"`{it}`", FIELDS[it].kind.written, FIELDS[it].doc] for it in ARGUMENTS]
    assert page_rows("schedule.md", "input | type | |") == wanted


def test_the_page_lists_the_outputs() -> None:
    assert page_rows("schedule.md", "output | |") == [
        [f"`{key}`", text] for key, text in OUTPUTS.items()
    ]


def test_the_page_says_what_a_change_of_each_input_means() -> None:
    words = {"replace": ("replace",), "nothing": ("none",)}
    said = {}
    for inputs, what in page_rows("lifecycle.md", "input | what happens |"):
        for name in re.findall(r"`(\w+)`", inputs):
            said[name] = words.get(what, ("in-place", "state"))
    assert set(said) == set(ARGUMENTS)
    assert [it for it in ARGUMENTS if FIELDS[it].change not in said[it]] == []


def test_the_typed_spec_has_no_field_of_its_own() -> None:
    assert {it.name for it in dataclasses.fields(ScheduleSpec)} - {"cadence"} <= set(FIELDS)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"paused": True, "orchestrator_settings": {"colour": "red"}, "project": "b"},
        {"adopt": "acme/shop/prod/old", "retain": True},
        {"when_running": "wait", "wait_timeout": 60.0},
        {"snapshot": "", "pipeline": PipelineSource("ml:training", "/src", "python3")},
        {"cadence": make_cadence(cron="0 3 * * *", timezone="Europe/Berlin")},
        {
            "cadence": make_cadence(
                interval=timedelta(hours=1),
                start_time=datetime(2030, 1, 1, tzinfo=UTC),
                end_time=datetime(2031, 1, 1, tzinfo=UTC),
                catchup=True,
            )
        },
        {"cadence": make_cadence(run_once_at=datetime(2030, 1, 1, tzinfo=UTC))},
    ],
    ids=lambda it: " ".join(it) or "least",
)
def test_a_spec_is_what_its_properties_say(changes: dict[str, Any]) -> None:
    given: dict[str, Any] = {
        "owner": Owner("0123456789ab", "acme/shop/prod/training"),
        "name": "nightly",
        "stack": "one",
        "snapshot": "training:v1",
        "cadence": make_cadence(cron="0 3 * * *"),
        **changes,
    }
    spec = ScheduleSpec(**given)
    props = spec.to_props()
    assert ScheduleSpec.from_props(props) == spec
    assert list(props) == [key for key in FIELDS if key in props]
    assert None not in props.values()


def test_arguments_are_given_once() -> None:
    with pytest.raises(TypeError, match="not both"):
        Schedule("twice", ScheduleArgs(stack="one"), cron="@daily")
