"""Make Airflow schedules from snapshots; called in a process with ZenML in it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrators.airflow_zips import edit_config, read_config
from orchestrators.zenml_here import orchestrator_of
from pulumi_zenml.cadence.check import check_cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.airflow import AirflowOrchestrator
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted
from pulumi_zenml.zenml.submission import schedule_snapshot, submit
from testbed.zenml_store import WITH_IMAGES, client, register_stack

DAILY: Mapping[str, object] = {"cron": "0 3 * * *"}


@dataclass(frozen=True)
class Made:
    """A DAG that was made.

    Attributes:
        native_id: Its id.
        snapshot_id: The id of the snapshot that it runs.
        component: The orchestrator's id.
        staging: The folder in which ZenML left it.
        paused: Whether it is kept from firing.
        problem: What is wrong with it.
    """

    native_id: str
    snapshot_id: str
    component: str
    staging: Path
    paused: bool
    problem: str


def create(
    stack: str,
    snapshot: str,
    name: str,
    *,
    cadence: Mapping[str, object] = DAILY,
    paused: bool = False,
    settings: Mapping[str, Json] | None = None,
    overrides: Mapping[str, Json] | None = None,
    task: Mapping[str, Json] | None = None,
    shape: bool = True,
) -> Made:
    """Take the steps of a pair's creation, and return what is there then.

    Args:
        stack: a stack's name.
        snapshot: the id of the snapshot to schedule.
        name: the schedule's.
        cadence: inputs of ``check_cadence``.
        paused, settings: what is wanted.
        overrides: Pulumi configuration for the orchestrator.
        task: keys to change in the staged zip's tasks.
        shape: whether to take the last step.
    """
    from zenml.models import ScheduleRequest

    here = client()
    model = here.get_stack(stack)
    source = here.zen_store.get_snapshot(uuid.UUID(snapshot), hydrate=True)
    orchestrator = orchestrator_of(AirflowOrchestrator, stack, overrides or {})
    checked, mistakes = check_cadence(cadence)
    assert checked is not None, mistakes
    wanted = Wanted(
        name=name,
        owner=f"tests/dev/{name}",
        cadence=checked,
        paused=paused,
        settings=settings or {},
    )
    problems = orchestrator.check(wanted)
    assert not problems, problems
    orchestrator.verify(wanted)
    wanted = replace(wanted, pipeline=source.pipeline.name)
    submission = orchestrator.submission(wanted)
    record = here.zen_store.create_schedule(
        ScheduleRequest(
            project=here.active_project.id,
            pipeline_id=source.pipeline.id,
            orchestrator_id=orchestrator.target.component.id,
            name=str(uuid.uuid4()),
            active=True,
            cron_expression="0 3 * * *",
        )
    )
    copied = schedule_snapshot(
        source,
        stack=model,
        schedule_id=record.id,
        flavor="airflow",
        settings=submission.settings,
    )
    submit(copied, stack=model, submission=submission, name=name)
    found = orchestrator.locate(str(copied.id), {"name": name, "pipeline": wanted.pipeline})
    assert found is not None
    staging = Path(str(submission.settings["dag_output_dir"]))
    if task:
        staged = staging / f"{found.native_id}.zip"
        tasks = [{**it, **task} for it in read_config(staged)["tasks"]]
        edit_config(staged, tasks=tasks)
    if shape:
        found = orchestrator.shape(found, wanted)
        assert found == orchestrator.read(found.native_id)
        assert found == orchestrator.locate(str(copied.id), {"name": name})
    return Made(
        found.native_id,
        str(copied.id),
        str(orchestrator.target.component.id),
        staging,
        found.paused,
        found.problem,
    )


def register_remote(stack: str, store: Mapping[str, Json], dags: str) -> None:
    """Register a stack whose DAG folder is in its S3 artifact store.

    Args:
        stack: the stack's name.
        store: the artifact store's configuration.
        dags: the URI of the DAG folder.
    """
    orchestrator: dict[str, Json] = {"local": True, "dag_output_dir": dags}
    components = {"orchestrator": ("airflow", orchestrator), "artifact_store": ("s3", store)}
    register_stack(stack, {**components, **WITH_IMAGES})


def generator() -> str:
    """The source of ZenML's DAG generator."""
    import inspect

    from zenml.integrations.airflow.orchestrators import dag_generator

    return inspect.getsource(dag_generator)


def list_all(stack: str) -> list[Counterpart]:
    """Every DAG that a stack's orchestrator has."""
    return list(orchestrator_of(AirflowOrchestrator, stack, {}).list_all())


def read(stack: str, native_id: str) -> Counterpart | None:
    """A DAG as it is."""
    return orchestrator_of(AirflowOrchestrator, stack, {}).read(native_id)


def set_paused(stack: str, native_id: str, paused: bool) -> None:
    """Pause or resume a DAG."""
    orchestrator_of(AirflowOrchestrator, stack, {}).set_paused(native_id, paused)


def delete(stack: str, native_id: str) -> None:
    """Delete a DAG."""
    orchestrator_of(AirflowOrchestrator, stack, {}).delete(native_id)
