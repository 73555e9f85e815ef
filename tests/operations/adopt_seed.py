"""Taking over with a failure half-way, in a process with ZenML in it."""

from __future__ import annotations

from typing import Any

from zenml_filecron.pulumi import FileCronOrchestrator

from pulumi_zenml.errors import UnreachableError
from pulumi_zenml.lifecycle.pairs import Pairs
from pulumi_zenml.lifecycle.session import Session
from pulumi_zenml.operations import plan_adoption, take_inventory
from pulumi_zenml.schedule.inputs import to_declared
from pulumi_zenml.zenml.connection import Connection


def fail_then_adopt(name: str, owner: str) -> dict[str, Any]:
    """Take a pair over twice; the orchestrator goes away in the middle of the first time."""
    connection = Connection()
    (adopted,) = plan_adoption(take_inventory(connection), [name]).adopted
    declared = to_declared({**adopted.checked, "owner": owner}, connection)
    shape = FileCronOrchestrator.shape

    def fail(self: Any, found: Any, wanted: Any) -> Any:
        shape(self, found, wanted)
        raise UnreachableError("filecron", "it went away.")

    FileCronOrchestrator.shape = fail  # type: ignore[method-assign]
    try:
        Pairs(Session(connection)).create(declared)
    except UnreachableError as error:
        failed = str(error)
    finally:
        FileCronOrchestrator.shape = shape  # type: ignore[method-assign]
    pair = Pairs(Session(connection)).create(declared)
    assert pair.record and pair.counterpart
    return {
        "failed": failed,
        "record": pair.record.id,
        "native": pair.counterpart.native_id,
        "snapshot": pair.counterpart.snapshot_id,
        "owner": pair.record.marker.owner,
    }
