"""What tests do to a ZenML store by hand, for `testbed.snapshots.ZenmlClient.call`."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast
from uuid import UUID, uuid4

from pulumi_zenml.json_types import Json

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import ScheduleResponse

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

Components = Mapping[str, tuple[str, Mapping[str, Json]]]
"""A stack's components by type: flavor and configuration."""

WITH_IMAGES: Components = {
    "container_registry": ("default", {"uri": "registry.example.invalid"}),
    "image_builder": ("local", {}),
}
"""What a stack needs beside its orchestrator to run images."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of a pipeline.

    Attributes:
        id: Its id.
        name: Its name, unique among the pipeline's snapshots; None if it has none.
        pipeline: The pipeline's name.
        pipeline_id: The pipeline's id.
        stack: The name of the stack that it was made for.
    """

    id: str
    name: str | None
    pipeline: str
    pipeline_id: str
    stack: str

    @property
    def reference(self) -> str:
        """The snapshot as a program names it: `pipeline:snapshot`."""
        return f"{self.pipeline}:{self.name}"


@dataclass(frozen=True)
class Record:
    """A schedule in ZenML.

    Attributes:
        id: Its id.
        name: Its name.
        active: Whether ZenML holds it for active.
        cron_expression: Its cron expression; None if it has none.
        archived: Whether it was deleted softly.
        metadata: Its run metadata.
    """

    id: str
    name: str
    active: bool
    cron_expression: str | None
    archived: bool
    metadata: Mapping[str, object]


# --- flavors, components and stacks --------------------------------------------------------------


def register_flavor(source: str) -> None:
    """Register an orchestrator's flavor by the dotted name of its class, unless it is there."""
    from zenml.enums import StackComponentType
    from zenml.exceptions import EntityExistsError

    with suppress(EntityExistsError):
        client().create_flavor(source=source, component_type=StackComponentType.ORCHESTRATOR)


def register_stack(
    name: str,
    components: Components,
    *,
    connector: UUID | None = None,
    resource: str | None = None,
) -> str:
    """Register a stack of components that all bear its name. Returns the stack's id.

    Args:
        name: The stack's name.
        components: Flavor and configuration by type; the default artifact store is taken where
            there is none among them.
        connector: The service connector that the orchestrator signs in with.
        resource: The resource of the connector that it uses.
    """
    from zenml.enums import StackComponentType as Kind

    here = client()
    for kind, (flavor, config) in components.items():
        # ZenML says `dict[str, str]` and takes what the flavor's configuration has.
        here.create_stack_component(name, flavor, Kind(kind), cast(dict[str, str], dict(config)))
    if connector is not None:
        here.update_stack_component(
            name, Kind.ORCHESTRATOR, connector_id=connector, connector_resource_id=resource
        )
    own: dict[Kind, str | UUID] = {Kind(kind): name for kind in components}
    return str(here.create_stack(name, {Kind.ARTIFACT_STORE: "default", **own}).id)


def compose_stack(name: str, *, like: str, orchestrator: str | None = None) -> None:
    """Make a stack of the components of another one, or of all of them but the orchestrator."""
    from zenml.enums import StackComponentType as Kind

    here = client()
    parts: dict[Kind, str | UUID] = {
        kind: found[0].id for kind, found in here.get_stack(like).components.items()
    }
    if orchestrator is not None:
        parts[Kind.ORCHESTRATOR] = orchestrator
    here.create_stack(name, parts)


def copy_orchestrator(name: str, *, of: str) -> None:
    """Register an orchestrator with the flavor and the configuration of another one."""
    from zenml.enums import StackComponentType

    kind = StackComponentType.ORCHESTRATOR
    here = client()
    found = here.get_stack_component(kind, of)
    here.create_stack_component(name, found.flavor_name, kind, dict(found.configuration))


def orchestrator_configuration(name: str) -> dict[str, Json]:
    """Return the configuration of an orchestrator."""
    from zenml.enums import StackComponentType

    found = client().get_stack_component(StackComponentType.ORCHESTRATOR, name)
    return dict(found.configuration)


def stack_id(name: str) -> str:
    """Return the id of a stack."""
    return str(client().get_stack(name).id)


def delete_stack(name: str) -> None:
    """Delete a stack and leave its components."""
    client().delete_stack(name)


def delete_orchestrator(name: str) -> None:
    """Delete an orchestrator."""
    from zenml.enums import StackComponentType

    client().delete_stack_component(name, StackComponentType.ORCHESTRATOR)


# --- snapshots -----------------------------------------------------------------------------------


def create_snapshot(
    stack: str, *, pipeline: str, name: str | None, image: str, value: int
) -> Snapshot:
    """Make a pipeline of one step and a snapshot of it on a stack.

    Args:
        stack: The name of the stack that it is made for.
        pipeline: The pipeline's name; made if it is not there.
        name: The snapshot's name.
        image: The image that it says to run.
        value: What the step returns; another value makes another version of the code.
    """
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
    os.environ["ZENML_ACTIVE_STACK_ID"] = stack_id(stack)
    # A snapshot is made where the orchestrator cannot be reached: in CI, away from the cluster.
    os.environ["ZENML_SKIP_STACK_VALIDATION"] = "true"
    try:
        made = module.run.create_snapshot(name)
    finally:
        del os.environ["ZENML_ACTIVE_STACK_ID"], os.environ["ZENML_SKIP_STACK_VALIDATION"]
    return Snapshot(str(made.id), name, pipeline, str(made.pipeline.id), stack)


def snapshots(pipeline: str) -> list[Snapshot]:
    """Return the snapshots of a pipeline."""
    found = []
    for it in client().list_snapshots(pipeline=pipeline, named_only=False, hydrate=True).items:
        assert it.stack is not None
        found.append(
            Snapshot(str(it.id), it.name, it.pipeline.name, str(it.pipeline.id), it.stack.name)
        )
    return found


def rename_snapshot(snapshot_id: str, name: str) -> None:
    """Give a snapshot a name, and take it from the one that has it."""
    client().update_snapshot(UUID(snapshot_id), name=name, replace=True)


def delete_snapshot(snapshot_id: str) -> None:
    """Delete a snapshot."""
    client().zen_store.delete_snapshot(UUID(snapshot_id))


# --- records -------------------------------------------------------------------------------------


def records(*, archived: bool = False) -> list[Record]:
    """Return the schedules, with those that were archived if asked."""
    return [_record(it) for it in _schedules(archived=archived)]


def create_record(name: str, *, orchestrator: str, pipeline: str, cron: str) -> None:
    """Make a record by itself, as ZenML does before it submits."""
    from zenml.enums import StackComponentType
    from zenml.models import ScheduleRequest

    here = client()
    component = here.get_stack_component(StackComponentType.ORCHESTRATOR, orchestrator)
    request = ScheduleRequest(
        project=here.active_project.id,
        name=name,
        active=True,
        cron_expression=cron,
        orchestrator_id=component.id,
        pipeline_id=here.get_pipeline(pipeline).id,
    )
    here.zen_store.create_schedule(request)


@dataclass(frozen=True)
class Edit:
    """What to change in a record; None leaves it as it is."""

    name: str | None = None
    active: bool | None = None
    cron_expression: str | None = None


def edit_record(record_id: str, edit: Edit) -> None:
    """Change a record and nothing else."""
    from zenml.models import ScheduleUpdate

    changes = {key: value for key, value in vars(edit).items() if value is not None}
    client().zen_store.update_schedule(UUID(record_id), ScheduleUpdate(**changes))


def delete_record(record_id: str, *, soft: bool) -> None:
    """Delete a record and nothing else, as ZenML does where it cannot reach the orchestrator.

    Args:
        record_id: The record's id.
        soft: Whether it stays, archived.
    """
    client().zen_store.delete_schedule(UUID(record_id), soft=soft)


def delete_records() -> None:
    """Delete every record for good, those that were archived too."""
    for it in _schedules(archived=True):
        client().zen_store.delete_schedule(it.id, soft=False)


# --- runs ----------------------------------------------------------------------------------------


def begin_run(snapshot_id: str) -> str:
    """Begin a run of a scheduled snapshot, as its orchestrator would. Returns the run's id."""
    from zenml.enums import ExecutionStatus
    from zenml.models import PipelineRunRequest

    here = client()
    name = f"run-{uuid4().hex[:8]}"
    request = PipelineRunRequest(
        project=here.active_project.id,
        name=name,
        snapshot=UUID(snapshot_id),
        orchestrator_run_id=name,
        status=ExecutionStatus.RUNNING,
        start_time=datetime.now(UTC),
    )
    run, _ = here.zen_store.get_or_create_run(request)
    return str(run.id)


# --- projects ------------------------------------------------------------------------------------


def create_project(name: str) -> str:
    """Make a project and return its id."""
    return str(client().create_project(name=name, description="").id)


def activate_project(name: str) -> None:
    """Make a project the active one of this client's configuration, by name or id."""
    client().set_active_project(name)


def delete_project(name: str) -> None:
    """Delete a project."""
    client().delete_project(name)


def client() -> Client:
    """Return the process's ZenML client."""
    from zenml.client import Client

    return Client()


def _schedules(*, archived: bool) -> list[ScheduleResponse]:
    found: list[ScheduleResponse] = []
    for is_archived in (False, True) if archived else (False,):
        found += client().list_schedules(size=1000, hydrate=True, is_archived=is_archived).items
    return found


def _record(found: ScheduleResponse) -> Record:
    return Record(
        id=str(found.id),
        name=found.name,
        active=found.active,
        cron_expression=found.cron_expression,
        archived=found.is_archived,
        metadata=dict(found.run_metadata),
    )
