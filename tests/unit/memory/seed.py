"""What tests make in the world: pairs, halves of pairs, and runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.identity import Owner
from pulumi_zenml.json_types import Json
from pulumi_zenml.lifecycle.pairs import Pairs
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.operations import Connection, Inventory, Scope, take_inventory
from pulumi_zenml.operations.zenml_rows import Run
from pulumi_zenml.zenml.records import Marker, Record
from unit.memory.orchestrator import component_id
from unit.memory.world import Killed, NativeSchedule, Snapshot, World
from unit.memory.zenml import PIPELINE, MemoryZenml

NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
"""When operations look, where they do not look at the machine's clock."""
HOUR = timedelta(hours=1)
STACK = "acme/shop/dev"
KEY = "0123456789ab"


@dataclass(frozen=True)
class Made:
    """A pair that was made; ``native`` is empty where only the record was."""

    name: str
    record: str
    native: str = ""
    snapshot: str = ""


def managed(
    world: World,
    name: str = "daily-training-dev",
    *,
    cron: str = "1 3 * * *",
    stack: str = "one",
    snapshot: str = "training:v1",
    paused: bool = False,
    **settings: Json,
) -> Made:
    """A pair as the Pulumi resource of that name makes it."""
    spec = ScheduleSpec(
        Owner(KEY, f"{STACK}/{name}"),
        name,
        stack,
        make_cadence(cron=cron, timezone="Europe/Berlin"),
        snapshot,
        paused=paused,
        orchestrator_settings=settings,
    )
    pair = Pairs(MemoryZenml(world)).create(spec)
    assert pair.record and pair.counterpart
    return Made(name, pair.record.id, pair.counterpart.native_id, pair.record.marker.snapshot)


def unmanaged(
    world: World,
    name: str = "daily-report-prod",
    *,
    cron: str = "0 3 * * *",
    stack: str = "one",
    submitted: bool = True,
) -> Made:
    """A pair as ZenML itself makes it, without any mark of ours; or only its record."""
    cadence = make_cadence(cron=cron)
    record = Record(
        id=world.new_id("record"),
        name=name,
        active=True,
        archived=False,
        cadence=cadence,
        cron=cron,
        pipeline_id=PIPELINE,
        orchestrator_id=component_id(world.stacks[stack]),
        marker=Marker(),
        created=world.now(),
        updated=world.now(),
        created_by="mia",
    )
    world.records[record.id] = record
    if not submitted:
        return Made(name, record.id)
    source = world.snapshot("v1")
    copy = Snapshot(world.new_id("copy"), "", "training", source.id, record.id, stack)
    world.snapshots[copy.id] = copy
    place = world.places.get(world.stacks[stack], world.stacks[stack])
    native = NativeSchedule(world.new_id("native"), place, copy.id, cron, "UTC")
    world.natives[native.id] = native
    return Made(name, record.id, native.id, copy.id)


def half_made(world: World) -> str:
    """What a killed `pulumi up` leaves; the name it has in ZenML."""
    known = set(world.records)
    # The record, its mark, the snapshot, its mark; then the submission.
    world.fault = (len(world.calls) + 5, "kill-after")
    try:
        managed(world, "daily-half-dev")
    except Killed:
        world.fault = None
    (left,) = world.records.keys() - known
    return world.records[left].name


def copied(world: World, made: Made, id: str) -> None:
    """Another native schedule that starts the same."""
    world.natives[id] = replace(world.natives[made.native], id=id)


def change(world: World, made: Made, **columns: object) -> None:
    """Change a record by hand."""
    world.records[made.record] = replace(world.records[made.record], **columns)  # type: ignore[arg-type]


def run(world: World, made: Made, started: datetime, status: str = "completed") -> Run:
    """A run as ZenML has it."""
    id = world.new_id("run")
    ended = None if status == "running" else started + timedelta(minutes=5)
    row = Run(id, f"run-{len(world.runs)}", status, ended is None, started, made.record, ended)
    world.runs.append(row)
    return row


def look(scope: Scope | None = None, *, now: datetime = NOW) -> Inventory:
    """Both sides of the world, which a fixture has put behind any connection."""
    return take_inventory(Connection(), scope, now=now)
