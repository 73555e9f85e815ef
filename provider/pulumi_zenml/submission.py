"""From a snapshot to a native schedule, through ZenML's own orchestrator code."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pulumi_zenml._quiet import quiet as quiet
from pulumi_zenml.errors import PulumiZenmlError, SubmissionError

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.models import PipelineSnapshotRequest, PipelineSnapshotResponse, StackResponse

    from pulumi_zenml.orchestrators.base import Json, Submission

# ZenML bakes the client's *active* stack, one per process, into the environment of what it
# submits (zenml 0.98 orchestrators.utils.get_config_environment_vars). The provider handles
# several stacks at a time, so a submission takes the process for itself.
_SUBMITTING = threading.Lock()


def schedule_snapshot(
    source: PipelineSnapshotResponse,
    *,
    stack: StackResponse,
    schedule_id: UUID,
    flavor: str,
    settings: Mapping[str, Json],
) -> PipelineSnapshotResponse:
    """Copy ``source`` into a new, unnamed snapshot that belongs to a schedule.

    Args:
        source: the hydrated snapshot to copy, with all that it holds.
        stack: the ZenML stack to run on.
        schedule_id: the record.
        flavor: the orchestrator's flavor, whose settings are extended.
        settings: keys to set in the pipeline's ``orchestrator.<flavor>`` settings.
    """
    from zenml.client import Client

    request = _copy(source, stack=stack, schedule_id=schedule_id)
    if settings:
        _extend_settings(request, stack, flavor, settings)
    return Client().zen_store.create_snapshot(request)


def submit(
    snapshot: PipelineSnapshotResponse,
    *,
    stack: StackResponse,
    submission: Submission,
    name: str,
) -> None:
    """Let ZenML's orchestrator make the counterpart of ``snapshot``'s schedule.

    Args:
        snapshot: a snapshot made by :func:`schedule_snapshot`.
        stack: the ZenML stack to submit to, whose environment the runs get.
        submission: the schedule as the orchestrator's code should read it.
        name: the schedule's name as the orchestrator should read it.

    Raises:
        SubmissionError: whatever ZenML raised, in one line; its own output is quoted.
    """
    from zenml.execution.pipeline.utils import submit_pipeline
    from zenml.stack import Stack

    _show(snapshot, submission, name)
    with (
        _SUBMITTING,
        active_stack(stack),
        source_root(submission.source_root),
        quiet() as heard,
    ):
        try:
            made = Stack.from_model(stack)
            with submission.around(made, snapshot):
                submit_pipeline(snapshot, made, placeholder_run=None)
        except PulumiZenmlError:
            raise
        # ZenML's orchestrators raise whatever their SDK raises.
        except Exception as error:
            said = f" ZenML said: {' '.join(heard[-3:])}" if heard else ""
            raise SubmissionError(
                f"ZenML could not submit to stack '{stack.name}': "
                f"{type(error).__name__}: {error}.{said}"
            ) from error


@contextlib.contextmanager
def active_stack(stack: StackResponse) -> Iterator[None]:
    """Make ``stack`` ZenML's active stack in this process for a while."""
    from zenml.constants import ENV_ZENML_ACTIVE_STACK_ID

    before = os.environ.get(ENV_ZENML_ACTIVE_STACK_ID)
    os.environ[ENV_ZENML_ACTIVE_STACK_ID] = str(stack.id)
    try:
        yield
    finally:
        if before is None:
            del os.environ[ENV_ZENML_ACTIVE_STACK_ID]
        else:
            os.environ[ENV_ZENML_ACTIVE_STACK_ID] = before


@contextlib.contextmanager
def source_root(folder: str | None) -> Iterator[None]:
    """Have ZenML pack the pipeline's code from ``folder`` for a while, if one is given."""
    if folder is None:
        yield
        return
    from zenml.utils import source_utils

    before = source_utils._CUSTOM_SOURCE_ROOT
    source_utils.set_custom_source_root(folder)
    try:
        yield
    finally:
        source_utils.set_custom_source_root(before)


def _copy(
    source: PipelineSnapshotResponse, *, stack: StackResponse, schedule_id: UUID
) -> PipelineSnapshotRequest:
    from zenml.models import CodeReferenceRequest, PipelineSnapshotRequest

    code = source.code_reference
    return PipelineSnapshotRequest(
        project=source.project_id,
        run_name_template=source.run_name_template,
        pipeline_configuration=source.pipeline_configuration,
        step_configurations=source.step_configurations,
        client_environment=source.client_environment,
        client_version=source.client_version,
        server_version=source.server_version,
        pipeline_version_hash=source.pipeline_version_hash,
        pipeline_spec=source.pipeline_spec,
        is_dynamic=source.is_dynamic,
        description=source.description,
        source_code=source.source_code,
        tags=[tag.name for tag in source.tags],
        stack=stack.id,
        pipeline=source.pipeline.id,
        build=source.build.id if source.build else None,
        schedule=schedule_id,
        code_reference=CodeReferenceRequest(
            commit=code.commit,
            subdirectory=code.subdirectory,
            code_repository=code.code_repository.id,
        )
        if code
        else None,
        code_path=source.code_path,
        source_snapshot=source.id,
    )


def _extend_settings(
    request: PipelineSnapshotRequest,
    stack: StackResponse,
    flavor: str,
    settings: Mapping[str, Json],
) -> None:
    from zenml.config.base_settings import BaseSettings
    from zenml.enums import StackComponentType

    # ZenML reads 'orchestrator:<component name>', and only without it 'orchestrator.<flavor>'
    # (zenml 0.98 StackComponent.get_settings).
    configured = request.pipeline_configuration.settings
    key = f"orchestrator:{stack.components[StackComponentType.ORCHESTRATOR][0].name}"
    before = configured.get(key) or configured.get(f"orchestrator.{flavor}")
    values = before.model_dump(exclude_unset=True) if before else {}
    extended = {**configured, key: BaseSettings(**{**values, **settings})}
    request.pipeline_configuration = request.pipeline_configuration.model_copy(
        update={"settings": extended}
    )


def _show(snapshot: PipelineSnapshotResponse, submission: Submission, name: str) -> None:
    schedule = snapshot.schedule
    assert schedule is not None
    schedule.name = name
    body = schedule.get_body()
    body.cron_expression = submission.cron_expression
    body.interval_second = submission.interval
    body.run_once_start_time = _naive_utc(submission.run_once_at)
    body.start_time = _naive_utc(submission.start_time)
    body.end_time = _naive_utc(submission.end_time)
    body.catchup = submission.catchup
    if submission.pipeline_name:
        details = snapshot.get_metadata()
        details.pipeline_configuration = details.pipeline_configuration.model_copy(
            update={"name": submission.pipeline_name}
        )


def _naive_utc(value: datetime | None) -> datetime | None:
    """ZenML keeps naive UTC (zenml 0.98 ScheduleRequest)."""
    return value.astimezone(UTC).replace(tzinfo=None) if value else None
