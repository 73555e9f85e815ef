"""From a snapshot to a native schedule, through ZenML's own orchestrator code."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from pulumi_zenml.errors import PulumiZenmlError, SubmissionError
from pulumi_zenml.zenml.quiet import quiet

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.client import Client
    from zenml.models import PipelineSnapshotRequest, PipelineSnapshotResponse, StackResponse
    from zenml.stack import Stack

    from pulumi_zenml.json_types import Json

Around = Callable[["Stack", "PipelineSnapshotResponse"], AbstractContextManager[None]]


def _nothing_around(
    stack: Stack, snapshot: PipelineSnapshotResponse
) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class Submission:
    """What ZenML's own orchestrator is shown when it makes the counterpart.

    ZenML passes the schedule on verbatim, so this is where a dialect's spelling goes in. The
    record itself keeps the neutral spelling. Where the counterpart can be changed afterwards,
    show a cadence that cannot fire soon and let the orchestrator's ``shape`` set the real one:
    then nothing fires between the two.

    Args:
        cron_expression, interval, run_once_at, start_time, end_time, catchup: the schedule as
            ZenML's orchestrator code will read it.
        settings: keys of the flavor's ZenML settings class to set on the submitted snapshot.
        pipeline_name: what ZenML's code makes native names from, where the pipeline's own name
            is too long for that or has characters that the system refuses.
        source_root: the folder with the pipeline's code, where ZenML packs it on submission.
        around: entered while ZenML's code runs, which nothing else does meanwhile; it may change
            ZenML's stack object and the snapshot in memory, to put overrides into effect.
    """

    cron_expression: str | None = None
    interval: timedelta | None = None
    run_once_at: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    catchup: bool = False
    settings: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    pipeline_name: str | None = None
    source_root: str | None = None
    around: Around = field(default=_nothing_around, repr=False)


# ZenML bakes the client's *active* stack and project, one of each per process, into the environment
# of what it submits (zenml 0.98 orchestrators.utils.get_config_environment_vars). The provider
# handles several at a time, so a submission takes the process for itself.
_SUBMITTING = threading.Lock()
_ENVIRONMENT = threading.Lock()


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
        active(stack, str(snapshot.project_id)),
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
def active(stack: StackResponse, project_id: str) -> Iterator[None]:
    """Make a stack and a project ZenML's active ones in this process for a while."""
    from zenml.constants import ENV_ZENML_ACTIVE_PROJECT_ID, ENV_ZENML_ACTIVE_STACK_ID

    wanted = {ENV_ZENML_ACTIVE_STACK_ID: str(stack.id), ENV_ZENML_ACTIVE_PROJECT_ID: project_id}
    with _ENVIRONMENT:
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
    try:
        yield
    finally:
        with _ENVIRONMENT:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def active_project_id(client: Client) -> UUID:
    """The project that is active for the user, not for a submission that is under way.

    Raises:
        RuntimeError: none is.
    """
    with _SUBMITTING:
        return client.active_project.id


def copy_environment() -> dict[str, str]:
    """This process's environment variables, while no submission changes them."""
    with _ENVIRONMENT:
        return dict(os.environ)


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
