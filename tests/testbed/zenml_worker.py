"""The other end of `testbed.snapshots`: a process with ZenML in it, told what to do by lines.

ZenML holds its client, its configuration and its active stack once per process, so a test that
wants a client of its own needs a process of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

PIPELINE = """
from zenml import pipeline, step
from zenml.config import DockerSettings


@step
def work() -> int:
    return {value}


# No image is built or pushed, and no Docker engine is asked for: this one is taken as it is.
docker = DockerSettings(skip_build=True, parent_image={image!r})


@pipeline(name={name!r}, enable_cache=False, settings={{"docker": docker}})
def run() -> None:
    work()
"""


def register_stack(name: str, flavor: str, config: dict[str, Any]) -> str:
    """Register a stack around an orchestrator of a flavor. Returns the stack's id."""
    from zenml.client import Client
    from zenml.enums import StackComponentType as Kind

    client = Client()
    client.create_stack_component(name, flavor, Kind.ORCHESTRATOR, config)
    registry = {"uri": "registry.example.invalid"}
    client.create_stack_component(name, "default", Kind.CONTAINER_REGISTRY, registry)
    client.create_stack_component(name, "local", Kind.IMAGE_BUILDER, {})
    components = {
        Kind.ORCHESTRATOR: name,
        Kind.ARTIFACT_STORE: "default",
        Kind.CONTAINER_REGISTRY: name,
        Kind.IMAGE_BUILDER: name,
    }
    return str(client.create_stack(name, components).id)


def create_snapshot(
    stack: str, pipeline: str, name: str | None, image: str, value: int
) -> dict[str, str]:
    """Make a pipeline of one step and a snapshot of it on a stack. Returns their ids."""
    from zenml.client import Client
    from zenml.utils import source_utils

    folder = Path.cwd()
    source_utils.set_custom_source_root(str(folder))
    # A module of its own for each call: Python would not look at a changed file again.
    module_name = f"pipeline_{len(list(folder.glob('pipeline_*.py')))}"
    path = folder / f"{module_name}.py"
    path.write_text(PIPELINE.format(name=pipeline, image=image, value=value), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)

    # Said in the environment and not stored: what is tested reads the same configuration.
    os.environ["ZENML_ACTIVE_STACK_ID"] = str(Client().get_stack(stack).id)
    # A snapshot is made where the orchestrator cannot be reached: in CI, away from the cluster.
    os.environ["ZENML_SKIP_STACK_VALIDATION"] = "true"
    try:
        snapshot = module.run.create_snapshot(name)
    finally:
        del os.environ["ZENML_ACTIVE_STACK_ID"], os.environ["ZENML_SKIP_STACK_VALIDATION"]
    return {"snapshot": str(snapshot.id), "pipeline": str(snapshot.pipeline.id)}


def schedules(archived: bool) -> list[dict[str, Any]]:
    """Return all schedules as plain data, those that were archived too if asked for."""
    from zenml.client import Client

    found = []
    for is_archived in (False, True) if archived else (False,):
        found += Client().list_schedules(size=1000, hydrate=True, is_archived=is_archived).items
    return [{**schedule.model_dump(mode="json"), "name": schedule.name} for schedule in found]


def evaluate(expression: str) -> Any:
    """Return the value of a Python expression, in which `client` is a ZenML client."""
    from zenml.client import Client

    return eval(expression, {"client": Client()})


OPERATIONS = {f.__name__: f for f in (register_stack, create_snapshot, schedules, evaluate)}


def main() -> None:
    """Answer each line of stdin with a line: the result, or the traceback."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What ZenML prints must not get between the answers.
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            result = OPERATIONS[request["operation"]](**request["arguments"])
            answer = {"result": result}
        except Exception:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer, default=str) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
