"""Create, change, repair and destroy, through the real engine."""

from __future__ import annotations

import pytest

from pulumi_zenml.json_types import Json
from testbed import zenml_store
from testbed.zenml_store import Edit

from .conftest import EngineWorld

pytestmark = pytest.mark.engine


def test_a_pair_is_made_and_an_idle_stack_shows_no_change(world: EngineWorld) -> None:
    project = world.project("", plain=True)
    project.write(world.training())
    assert project.preview().changes == {"create": 2}
    assert world.nothing_left()
    project.up()
    record, counterpart = world.only()
    assert record.name == "workdays-training-dev-v1"
    assert (record.cron_expression, record.active) == ("0 3 * * 1-5", True)
    assert (counterpart["schedule"], counterpart["timeZone"]) == ("0 3 * * 1-5", "Europe/Berlin")
    assert counterpart["owner"].partition("#")[0] == "organization/testbed/dev/training"
    assert project.preview().changes == {}
    assert project.up().changes == {}
    assert project.refresh().changes == {}
    project.destroy()
    assert world.nothing_left()


def test_two_stacks_in_one_up_each_get_their_own_environment(world: EngineWorld) -> None:
    body = "\n".join(
        f'zenml.Schedule("{stack}-{n}", stack="{stack}", snapshot="training:v1", cron="@daily")'
        for n in range(4)
        for stack in ("one", "two")
    )
    project = world.project(body)
    project.up()
    ids = {it: world.zenml.call(zenml_store.stack_id, it) for it in ("one", "two")}
    found = [
        (it["owner"].partition("#")[0].split("/")[3], it["active_stack"])
        for it in world.counterparts().values()
    ]
    assert sorted(found) == sorted(
        (f"{stack}-{n}", ids[stack]) for n in range(4) for stack in ("one", "two")
    )
    project.destroy()
    assert world.nothing_left()


def test_a_changed_cron_replaces_both_sides(world: EngineWorld) -> None:
    project = world.project("")
    project.write(world.training(name="nightly"))
    project.up()
    before = world.only()
    project.write(world.training(name="nightly", cron="0 5 * * *"))
    preview = project.preview()
    assert preview.changes == {"replace": 1}
    assert "~ cron" in preview.output
    project.up()
    record, counterpart = world.only()
    assert record.name == "nightly"
    assert record.id != before[0].id
    assert (record.cron_expression, counterpart["schedule"]) == ("0 5 * * *", "0 5 * * *")


def test_paused_toggles_in_place_on_both_sides(world: EngineWorld) -> None:
    project = world.project("")
    project.write(world.training(paused=True))
    project.up()
    record, counterpart = world.only()
    assert (record.active, counterpart["paused"]) == (False, True)
    for paused in (False, True):
        project.write(world.training(paused=paused))
        assert project.up().changes == {"update": 1}
        changed, counterpart = world.only()
        assert changed.id == record.id
        assert (changed.active, counterpart["paused"]) == (not paused, paused)


def test_settings_change_in_place(world: EngineWorld) -> None:
    project = world.project("")
    project.write(world.training(orchestrator_settings={"colour": "red"}))
    project.up()
    project.write(world.training(orchestrator_settings={"colour": "green"}))
    assert project.up().changes == {"update": 1}
    assert world.only()[1]["colour"] == "green"
    world.edit(colour="red")
    assert project.refresh().changes == {"update": 1}
    project.up()
    assert world.only()[1]["colour"] == "green"


@pytest.mark.parametrize(
    ("edit", "changes"),
    [({"schedule": "0 6 * * *"}, "replace"), ({"paused": True}, "update")],
    ids=["cadence", "paused"],
)
def test_a_counterpart_edited_by_hand_is_shown_and_repaired(
    world: EngineWorld, edit: dict[str, Json], changes: str
) -> None:
    project = world.project("")
    project.write(world.training())
    project.up()
    world.edit(**edit)
    assert project.refresh().changes == {"update": 1}
    assert project.preview().changes == {changes: 1}
    project.up()
    record, counterpart = world.only()
    assert (counterpart["schedule"], counterpart["paused"]) == ("0 3 * * 1-5", False)
    assert record.active
    assert project.preview().changes == {}


@pytest.mark.parametrize(
    "edit",
    [Edit(active=False), Edit(cron_expression="0 9 * * *"), Edit(name="x")],
    ids=["active", "cron_expression", "name"],
)
def test_a_record_edited_by_hand_is_shown_and_repaired(world: EngineWorld, edit: Edit) -> None:
    project = world.project("")
    project.write(world.training(name="nightly"))
    project.up()
    record, _ = world.only()
    world.zenml.call(zenml_store.edit_record, record.id, edit)
    assert project.refresh().changes == {"update": 1}
    project.up()
    record, counterpart = world.only()
    assert record.name == "nightly"
    assert (record.cron_expression, record.active) == ("0 3 * * 1-5", True)
    assert not counterpart["paused"]
    assert project.refresh().changes == {}


def test_a_lost_counterpart_is_replaced_with_its_record(world: EngineWorld) -> None:
    project = world.project("")
    project.write(world.training())
    project.up()
    before, _ = world.only()
    next(world.files.glob("*.json")).unlink()
    assert project.refresh().changes == {"update": 1}
    assert project.resources()[0]["outputs"]["state"] == "record without counterpart"
    assert project.up().changes == {"replace": 1}
    record, _ = world.only()
    assert record.id != before.id


def test_a_lost_record_is_replaced_with_its_counterpart(world: EngineWorld) -> None:
    project = world.project("")
    project.write(world.training())
    project.up()
    world.zenml.call(zenml_store.delete_records)
    assert project.refresh().changes == {"update": 1}
    assert project.resources()[0]["outputs"]["state"] == "counterpart without record"
    project.up()
    world.only()
    project.destroy()
    assert world.nothing_left()


def test_where_both_sides_are_lost_nothing_is_left_of_them(world: EngineWorld) -> None:
    project = world.project("")
    project.write(world.training())
    project.up()
    next(world.files.glob("*.json")).unlink()
    world.zenml.call(zenml_store.delete_records)
    assert project.refresh().changes == {"update": 1}
    assert project.resources()[0]["outputs"]["state"] == "both sides are gone"
    assert project.up().changes == {"replace": 1}
    world.only()
    project.destroy()
    assert world.nothing_left()


def test_a_moved_snapshot_name_shows_on_refresh(world: EngineWorld) -> None:
    old = world.zenml.create_snapshot("one", pipeline="moving", name="latest", value=1)
    body = 'zenml.Schedule("m", stack="one", snapshot="moving:latest", cron="@daily")'
    project = world.project(body)
    project.up()
    world.zenml.call(zenml_store.rename_snapshot, old.id, "older")
    new = world.zenml.create_snapshot("one", pipeline="moving", name="latest", value=2)
    assert project.preview().changes == {}
    preview = project.preview("--refresh")
    assert preview.changes == {"replace": 1}
    project.up("--refresh")
    assert project.resources()[0]["outputs"]["source_snapshot_id"] == new.id
    world.only()


def test_explicit_replace_target_and_refresh(world: EngineWorld) -> None:
    project = world.project("")
    project.write(world.training(name="nightly"))
    project.up()
    before, _ = world.only()
    urn = project.resources()[0]["urn"]
    project.up("--replace", urn)
    after, _ = world.only()
    assert after.id != before.id
    assert after.name == "nightly"
    project.destroy("--target", urn)
    assert world.nothing_left()


def test_moving_between_stacks_leaves_nothing_behind(world: EngineWorld) -> None:
    body = 'zenml.Schedule("m", stack="{}", snapshot="training:v1", cron="@daily")'
    project = world.project(body.format("one"))
    project.up()
    project.write("import pulumi_zenml as zenml\n" + body.format("two"))
    assert project.up().changes == {"replace": 1}
    _, counterpart = world.only()
    assert counterpart["active_stack"] == world.zenml.call(zenml_store.stack_id, "two")


def test_renaming_a_resource_with_an_alias_keeps_the_pair(world: EngineWorld) -> None:
    body = 'zenml.Schedule("{}", stack="one", snapshot="training:v1", cron="{}", name="n"{})'
    project = world.project(body.format("old", "@daily", ""))
    project.up()
    before, _ = world.only()
    alias = ', opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")])'
    imports = "import pulumi\nimport pulumi_zenml as zenml\n"
    project.write(imports + body.format("new", "@daily", alias))
    assert project.up().changes == {"update": 1}
    record, counterpart = world.only()
    assert record.id == before.id
    assert counterpart["owner"].partition("#")[0] == "organization/testbed/dev/new"
    assert project.preview().changes == {}


def test_renaming_and_changing_at_once_replaces_the_pair(world: EngineWorld) -> None:
    body = 'zenml.Schedule("{}", stack="one", snapshot="training:v1", cron="{}", name="n"{})'
    project = world.project(body.format("old", "@daily", ""))
    project.up()
    alias = ', opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")])'
    imports = "import pulumi\nimport pulumi_zenml as zenml\n"
    project.write(imports + body.format("new", "@hourly", alias))
    project.up()
    record, counterpart = world.only()
    assert (record.name, counterpart["schedule"]) == ("n", "0 * * * *")
    assert counterpart["owner"].partition("#")[0] == "organization/testbed/dev/new"


def test_retain_on_delete_leaves_both_and_a_new_stack_can_adopt_them(world: EngineWorld) -> None:
    body = """zenml.Schedule(
    "kept", stack="one", snapshot="training:v1", cron="@daily",
    adopt="organization/testbed/dev/kept",
    opts=pulumi.ResourceOptions(retain_on_delete=True),
)"""
    project = world.project(body)
    project.up()
    kept = world.only()
    project.destroy()
    assert world.only() == kept
    project.up()
    record, counterpart = world.only()
    assert record.id == kept[0].id
    assert counterpart["owner"] != kept[1]["owner"]


def test_protect_and_ignore_changes_are_honoured(world: EngineWorld) -> None:
    body = """zenml.Schedule(
    "guarded", stack="one", snapshot="training:v1", cron="{}",
    opts=pulumi.ResourceOptions(protect={}, ignore_changes=["cron", "name"]),
)"""
    project = world.project(body.format("@daily", True))
    project.up()
    project.write("import pulumi\nimport pulumi_zenml as zenml\n" + body.format("@hourly", True))
    assert project.preview().changes == {}
    assert "protect" in project.destroy(fails=True).output
    world.only()
    project.write("import pulumi\nimport pulumi_zenml as zenml\n" + body.format("@hourly", False))
    project.up()
    project.destroy()
    assert world.nothing_left()


def test_get_looks_without_managing(world: EngineWorld) -> None:
    project = world.project("")
    project.write(world.training())
    project.up()
    record, _ = world.only()
    looker = world.project(
        f'found = zenml.Schedule.get("found", {record.id!r})\n'
        "shown = [found.name, found.cron, found.timezone, found.flavor, found.state]\n"
        'pulumi.export("found", shown)'
    )
    looker.up()
    assert looker.outputs()["found"] == [
        "workdays-training-dev-v1",
        "0 3 * * 1-5",
        "Europe/Berlin",
        "filecron",
        "active",
    ]
    looker.destroy()
    world.only()
