"""Talk to the stand-in over gRPC; a program of its own, because gRPC reads what it trusts once."""

from __future__ import annotations

import json
import sys
from typing import Any

from orchestrators.component import component
from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.errors import ServiceError
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.base import Target
from pulumi_zenml.orchestrators.counterpart import Wanted
from pulumi_zenml.orchestrators.vertex import VertexOrchestrator


def main(source: str, configuration: str, endpoint: str) -> None:
    """Do everything once, and print what came of it."""
    given: dict[str, Any] = json.loads(configuration)
    over: dict[str, Json] = {"api_endpoint": endpoint, "timeout_seconds": 5}
    target = Target(component("vertex", "vertex", source, given), over)
    wanted = Wanted("nightly", "", make_cadence(cron="0 3 * * *"))
    ours = VertexOrchestrator(target)
    ours.verify(wanted)
    (found,) = ours.list_all()
    ours.set_paused(found.native_id, True)
    paused = ours.read(found.native_id)
    ours.set_paused(found.native_id, False)
    shaped = ours.shape(found, wanted)
    runs = [run.state for run in ours.runs(found.native_id)]
    ours.delete(found.native_id)
    gone = ours.read(found.native_id)
    elsewhere = Target(target.component, {**over, "project": "elsewhere"})
    told = ""
    try:
        VertexOrchestrator(elsewhere).verify(wanted)
    except ServiceError as error:
        told = type(error).__name__
    print(
        json.dumps(
            {
                "id": found.native_id,
                "paused": paused and paused.paused,
                "shaped": shaped.native.text,
                "runs": runs,
                "gone": gone is None,
                "told": told,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
