"""Taking over with a failure half-way, in a process with ZenML in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest import mock

from pulumi_zenml.errors import UnreachableError
from pulumi_zenml.lifecycle.pairs import Pairs
from pulumi_zenml.lifecycle.session import Session
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.operations import plan_adoption, take_inventory
from pulumi_zenml.zenml.connection import Connection

from .seed import KEY, Made

if TYPE_CHECKING:
    from zenml_filecron.pulumi import FileCronOrchestrator

    from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted


@dataclass(frozen=True)
class Adoption:
    """What taking over twice came to.

    Attributes:
        failed: What the first time said.
        made: The pair after the second time.
        owner: Its owner.
    """

    failed: str
    made: Made
    owner: str


def fail_then_adopt(name: str, owner: str) -> Adoption:
    """Take a pair over twice; the orchestrator goes away in the middle of the first time."""
    from zenml_filecron.pulumi import FileCronOrchestrator

    connection = Connection()
    (adopted,) = plan_adoption(take_inventory(connection), [name]).adopted
    spec = ScheduleSpec.from_props({**adopted.checked, "owner": owner, "owner_key": KEY})
    shape = FileCronOrchestrator.shape

    def fail(self: FileCronOrchestrator, found: Counterpart, wanted: Wanted) -> Counterpart:
        shape(self, found, wanted)
        raise UnreachableError("filecron", "it went away.")

    failed = ""
    with mock.patch.object(FileCronOrchestrator, "shape", fail):
        try:
            Pairs(Session(connection)).create(spec)
        except UnreachableError as error:
            failed = str(error)
    pair = Pairs(Session(connection)).create(spec)
    record, found = pair.record, pair.counterpart
    assert record and found and found.snapshot_id
    made = Made(record.name, record.id, found.native_id, found.snapshot_id)
    return Adoption(failed, made, record.marker.owner)
