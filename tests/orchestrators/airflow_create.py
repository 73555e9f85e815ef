"""Make Airflow schedules from snapshots; called in a process with ZenML in it."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any


def create(given: str) -> dict[str, Any]:
    """Take the steps of a pair's creation up to ZenML's own submission, and return what is there.

    Args:
        given: JSON of ``stack``, ``snapshot`` (an id), ``name``, ``cadence`` (inputs of
            ``check_cadence``), ``overrides``, ``settings``, ``paused``, ``shape`` (whether to
            take the last step) and ``task`` (keys to change in the staged zip's tasks).
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType
    from zenml.models import ScheduleRequest

    from orchestrators.airflow_world import edit_config, read_config
    from pulumi_zenml.cadence.check import check_cadence
    from pulumi_zenml.orchestrators.airflow import AirflowOrchestrator
    from pulumi_zenml.orchestrators.base import Target
    from pulumi_zenml.orchestrators.counterpart import Wanted
    from pulumi_zenml.zenml.submission import schedule_snapshot, submit

    asked = json.loads(given)
    name = asked["name"]
    client = Client()
    stack = client.get_stack(asked["stack"])
    component = stack.components[StackComponentType.ORCHESTRATOR][0].get_hydrated_version()
    source = client.zen_store.get_snapshot(uuid.UUID(asked["snapshot"]), hydrate=True)
    orchestrator = AirflowOrchestrator(Target(component, asked.get("overrides", {})))
    cadence, mistakes = check_cadence(asked.get("cadence", {"cron": "0 3 * * *"}))
    assert cadence is not None, mistakes
    wanted = Wanted(
        name=name,
        owner=f"tests/dev/{name}",
        cadence=cadence,
        paused=asked.get("paused", False),
        settings=asked.get("settings", {}),
    )
    problems = orchestrator.check(wanted)
    assert not problems, problems
    orchestrator.verify(wanted)
    wanted = replace(wanted, pipeline=source.pipeline.name)
    submission = orchestrator.submission(wanted)
    record = client.zen_store.create_schedule(
        ScheduleRequest(
            project=client.active_project.id,
            pipeline_id=source.pipeline.id,
            orchestrator_id=component.id,
            name=str(uuid.uuid4()),
            active=True,
            cron_expression="0 3 * * *",
        )
    )
    copied = schedule_snapshot(
        source,
        stack=stack,
        schedule_id=record.id,
        flavor="airflow",
        settings=submission.settings,
    )
    submit(copied, stack=stack, submission=submission, name=name)
    found = orchestrator.locate(str(copied.id), {"name": name, "pipeline": wanted.pipeline})
    assert found is not None
    if asked.get("task"):
        staged = Path(str(submission.settings["dag_output_dir"])) / f"{found.native_id}.zip"
        tasks = [{**task, **asked["task"]} for task in read_config(staged)["tasks"]]
        edit_config(staged, tasks=tasks)
    if asked.get("shape", True):
        found = orchestrator.shape(found, wanted)
        assert found == orchestrator.read(found.native_id)
        assert found == orchestrator.locate(str(copied.id), {"name": name})
    return {
        "native_id": found.native_id,
        "snapshot_id": found.snapshot_id,
        "component": str(component.id),
        "staging": str(submission.settings["dag_output_dir"]),
        "paused": found.paused,
        "problem": found.problem,
    }


def register_remote(given: str) -> None:
    """Register a stack whose DAG folder is in its S3 artifact store.

    Args:
        given: JSON of ``stack``, ``store`` (the artifact store's configuration) and ``dags``.
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType

    from testbed.zenml_worker import register_stack

    asked = json.loads(given)
    stack, dags = asked["stack"], asked["dags"]
    register_stack(stack, "airflow", {"local": True, "dag_output_dir": dags})
    client, kind = Client(), StackComponentType.ARTIFACT_STORE
    client.create_stack_component(stack, "s3", kind, asked["store"])
    client.update_stack(stack, component_updates={kind: [stack]})


def call(given: str) -> Any:
    """Call a method of a stack's orchestrator.

    Args:
        given: JSON of ``stack``, ``method`` and ``arguments``.

    Returns:
        What it returned, counterparts as dictionaries; or the error as text.
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType

    from pulumi_zenml.errors import PulumiZenmlError
    from pulumi_zenml.orchestrators.airflow import AirflowOrchestrator
    from pulumi_zenml.orchestrators.base import Target
    from pulumi_zenml.orchestrators.counterpart import Counterpart

    asked = json.loads(given)
    stack = Client().get_stack(asked["stack"])
    component = stack.components[StackComponentType.ORCHESTRATOR][0].get_hydrated_version()
    method = getattr(AirflowOrchestrator(Target(component)), asked["method"])
    try:
        result = method(*asked.get("arguments", []))
        found = list(result) if asked["method"] == "list_all" else [result]
    except PulumiZenmlError as error:
        return f"{type(error).__name__}: {error}"
    plain = [vars(item) if isinstance(item, Counterpart) else item for item in found]
    return plain if asked["method"] == "list_all" else plain[0]
