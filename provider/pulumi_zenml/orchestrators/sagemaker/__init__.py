"""SageMaker: an EventBridge schedule that starts a SageMaker pipeline."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, ClassVar

from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.errors import (
    InputError,
    NotFoundError,
    RunInProgressError,
    ServiceError,
)
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.capabilities import Capabilities, Gap, Setting, Yes
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun, Wanted
from pulumi_zenml.orchestrators.probe import Probe
from pulumi_zenml.orchestrators.sagemaker import eventbridge as eb
from pulumi_zenml.orchestrators.sagemaker.aws import (
    ATTEMPTS,
    READ_SECONDS,
    Aws,
    calling,
    is_missing,
)
from pulumi_zenml.orchestrators.sagemaker.probes import EVENTBRIDGE, aws_probes
from pulumi_zenml.zenml.submission import Submission

_SNAPSHOT = re.compile(r'"--snapshot_id",\s*"([0-9a-f-]{36})"')
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_STOP_SECONDS = 90.0
_LOOK_AGAIN_SECONDS = 2.0


class SagemakerOrchestrator(Orchestrator):
    """ZenML's SageMaker orchestrator, with EventBridge Scheduler.

    A native id is ``<schedule group>/<schedule name>``; ZenML gives the SageMaker pipeline the
    schedule's name. ZenML 0.98 writes no end, no zone and no group, so the counterpart is
    submitted with an expression that cannot fire, and all its fields are written afterwards.

    Listing costs a page per hundred schedules and two calls for each that ZenML created, eight at a
    time: EventBridge's listings have neither expression nor snapshot. A pipeline's snapshot is
    read once in a process.
    """

    flavor: ClassVar[str] = "sagemaker"
    capabilities: ClassVar[Capabilities] = Capabilities(
        counterpart="EventBridge schedule",
        dialect="eventbridge",
        smallest_interval=timedelta(minutes=1),
        cron=Yes("as cron() with six fields"),
        interval=Yes("as rate(), counted from start_time"),
        run_once=Yes("as at()"),
        start_time=Yes(),
        end_time=Yes("ZenML drops it; it is set afterwards"),
        catchup=Gap("never", "EventBridge does not catch up on fires missed while disabled"),
        timezone=Yes(),
        pause=Yes(),
        change_in_place=Yes("another group is a move: a fire that is due at that moment is missed"),
        run_history=Yes("SageMaker does not record which executions the schedule started"),
        trigger=Yes(),
        keeps_runs=Gap(
            "never", "SageMaker cannot delete a running pipeline, so its executions are stopped"
        ),
        fires_on_create=Gap("never", "nothing runs before the first fire time"),
        found_by="the snapshot id in the SageMaker pipeline that the schedule starts",
        left_behind="pipeline definitions over 100 kB in the SageMaker bucket",
        runs_image=True,
    )
    settings: ClassVar[Mapping[str, Setting]] = MappingProxyType(
        {
            "group": Setting(str, "EventBridge schedule group; it must exist."),
            "flexible_window_minutes": Setting(
                int,
                "Flexible time window: start within this many minutes of the fire time, 1 to 1440.",
            ),
            "retry_attempts": Setting(
                int, "How often EventBridge retries to start the pipeline, 0 to 185."
            ),
        }
    )
    overrides: ClassVar[Mapping[str, Setting]] = MappingProxyType(
        {
            "region": Setting(
                str, "AWS region instead of the component's; a service connector has its own."
            ),
            "scheduler_role": Setting(
                str, "ARN of the role with which EventBridge starts the pipeline."
            ),
            "read_timeout_seconds": Setting(
                int, f"Seconds to wait for a response; {READ_SECONDS} if unset."
            ),
            "attempts": Setting(int, f"Attempts of one call; {ATTEMPTS} if unset."),
        }
    )

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._aws = Aws(target)
        # A pipeline's name ends in random digits, and its definition never changes.
        self._snapshots: dict[str, str] = {}

    def spell(self, cadence: Cadence) -> Native:
        """As EventBridge accepts it now: it refuses a start more than five minutes ago.

        An interval starts at its next fire instead, which changes no coming fire.
        """
        return super().spell(eb.from_now(cadence))

    @classmethod
    def check(cls, wanted: Wanted) -> list[InputError]:
        """Also the ranges of the settings."""
        problems = super().check(wanted)
        group = wanted.settings.get("group")
        if isinstance(group, str) and not re.fullmatch(r"[\w.-]{1,64}", group, re.ASCII):
            reason = f"group is '{group}'; it must be 1 to 64 letters, digits, '-', '_' and '.'."
            problems.append(InputError("orchestrator_settings", reason))
        for key, low, high in (("flexible_window_minutes", 1, 1440), ("retry_attempts", 0, 185)):
            value = wanted.settings.get(key)
            if isinstance(value, int | float) and not low <= value <= high:
                reason = f"{key} is {value}; EventBridge takes {low} to {high}."
                problems.append(InputError("orchestrator_settings", reason))
        return problems

    def verify(self, wanted: Wanted) -> None:
        """Check the roles, the schedule group, and whether both services answer."""
        self._require_role("scheduler_role", "EventBridge starts the pipeline with it")
        self._require_role("execution_role", "the pipeline runs with it")
        aws = self._aws.clients()
        with calling("listing EventBridge schedules"):
            aws.scheduler.list_schedules(MaxResults=1)
        with calling("listing SageMaker pipelines"):
            aws.sagemaker.list_pipelines(MaxResults=1)
        group = eb.group_of(wanted)
        if group != "default":
            with calling(f"reading EventBridge schedule group '{group}'"):
                aws.scheduler.get_schedule_group(Name=group)

    def submission(self, wanted: Wanted) -> Submission:
        """An expression that cannot fire, and a name that EventBridge accepts."""
        name = eb.stem(wanted.pipeline) if wanted.pipeline else None
        return Submission(
            cron_expression=eb.INERT,
            pipeline_name=name,
            around=lambda stack, _: self._aws.in_effect(stack),
        )

    def locate(self, snapshot_id: str, hints: Mapping[str, str]) -> Counterpart | None:
        """Also a pipeline without its schedule, with ``problem`` set, so that it is deleted."""
        prefixes = list(eb.prefixes(hints))
        for prefix in prefixes:
            for group, name in self._schedule_names(prefix):
                if self._snapshot(name) == snapshot_id:
                    found = self.read(f"{group}/{name}")
                    if found:
                        return found
        for prefix in prefixes:
            for name in self._pipeline_names(prefix):
                if self._snapshot(name) == snapshot_id:
                    return Counterpart(
                        native_id=f"default/{name}",
                        native=Native(""),
                        cadence=None,
                        paused=False,
                        snapshot_id=snapshot_id,
                        problem=f"SageMaker pipeline '{name}' has no EventBridge schedule",
                        pipeline=eb.pipeline_of(name),
                    )
        return None

    def shape(self, found: Counterpart, wanted: Wanted) -> Counterpart:
        """Write every field in one call; for another group, copy it there first."""
        schedule = self._get(found.native_id)
        if schedule is None:
            raise NotFoundError("AWS", f"EventBridge has no schedule '{found.native_id}'.")
        request = eb.shaped(schedule, self.spell(wanted.cadence), wanted)
        native_id = f"{eb.group_of(wanted)}/{schedule['Name']}"
        if native_id == found.native_id:
            self._update(request)
        else:
            self._move(found.native_id, {**request, "GroupName": eb.group_of(wanted)})
        shaped = self.read(native_id)
        if shaped is None:
            raise NotFoundError("AWS", f"EventBridge schedule '{native_id}' was deleted meanwhile.")
        return shaped

    def read(self, native_id: str) -> Counterpart | None:
        """One schedule, and its pipeline unless known."""
        schedule = self._get(native_id)
        return self._counterpart(schedule) if schedule else None

    def list_all(self) -> Iterator[Counterpart]:
        """Every schedule that starts a pipeline of the same name, as ZenML's do."""
        with ThreadPoolExecutor(8) as pool:
            names = list(self._schedule_names(""))
            yield from (found for found in pool.map(self._listed, names) if found)

    def set_paused(self, native_id: str, paused: bool) -> None:
        """Read the schedule and write all of it back: AWS resets what is left out."""
        schedule = self._get(native_id)
        if schedule is None:
            raise NotFoundError("AWS", f"EventBridge has no schedule '{native_id}'.")
        _, cadence = eb.cadence_of(schedule, self.dialect())
        self._update(eb.rewritten(schedule, self.spell(cadence) if cadence else None, paused))

    def delete(self, native_id: str) -> None:
        """Delete the schedule, copies of it in other groups, and its SageMaker pipeline.

        Raises:
            RunInProgressError: an execution is still active after it was stopped.
        """
        _, _, name = native_id.partition("/")
        aws = self._aws.clients()
        schedule = self._get(native_id)
        ours = schedule is None or eb.starts(schedule, name)
        same = [it for it in self._schedule_names(name) if it[1] == name] if ours else []
        for group, _ in {(native_id.partition("/")[0], name), *same}:
            with calling(f"deleting EventBridge schedule '{group}/{name}'"):
                _unless_missing(aws.scheduler.delete_schedule, GroupName=group, Name=name)
        if ours and eb.ZENML_MADE.fullmatch(name):
            self._delete_pipeline(name)

    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        """The executions of its pipeline; SageMaker's list has no end times."""
        _, _, name = native_id.partition("/")
        after = {"CreatedAfter": since} if since else {}
        pages = self._aws.clients().sagemaker.get_paginator("list_pipeline_executions")
        runs: list[NativeRun] = []
        try:
            with calling(f"listing executions of SageMaker pipeline '{name}'"):
                for page in pages.paginate(
                    PipelineName=name,
                    SortBy="CreationTime",
                    SortOrder="Descending",
                    PaginationConfig={"PageSize": min(limit, 100), "MaxItems": limit},
                    **after,
                ):
                    runs += [eb.run_of(it) for it in page["PipelineExecutionSummaries"]]
        except NotFoundError:
            return []
        return runs

    def trigger(self, native_id: str) -> str:
        """Start its pipeline now; returns the execution's ARN."""
        _, _, name = native_id.partition("/")
        with calling(f"starting SageMaker pipeline '{name}'"):
            started = self._aws.clients().sagemaker.start_pipeline_execution(PipelineName=name)
        return str(started["PipelineExecutionArn"])

    def probes(self) -> Iterator[Probe]:
        """Also the AWS identity, the roles, the schedule group, and SageMaker by itself."""
        yield from aws_probes(self._aws, self._require_role)
        yield from self.default_probes(part=EVENTBRIDGE)

    def _require_role(self, key: str, why: str) -> None:
        role = getattr(self._aws.config, key)
        if role is None or not _ROLE.fullmatch(role):
            component = self.target.component.name
            raise ServiceError(
                "AWS",
                f"orchestrator '{component}' has {key} {role!r}, and {why}. Set the ARN of an "
                f"IAM role: zenml orchestrator update {component} "
                f"--{key}=arn:aws:iam::<account>:role/<name>",
            )

    def _listed(self, place: tuple[str, str]) -> Counterpart | None:
        group, name = place
        return None if self._snapshot(name) == "" else self.read(f"{group}/{name}")

    def _get(self, native_id: str) -> dict[str, Any] | None:
        group, _, name = native_id.partition("/")
        with calling(f"reading EventBridge schedule '{native_id}'"):
            answer: dict[str, Any] | None = _unless_missing(
                self._aws.clients().scheduler.get_schedule, GroupName=group, Name=name
            )
        return answer

    def _update(self, request: Mapping[str, Any]) -> None:
        with calling(f"writing EventBridge schedule '{request['GroupName']}/{request['Name']}'"):
            self._aws.clients().scheduler.update_schedule(**request)

    def _move(self, native_id: str, request: Mapping[str, Any]) -> None:
        """Never two that fire: the copy is created disabled, and enabled after the deletion."""
        aws = self._aws.clients()
        group, _, name = native_id.partition("/")
        moved = f"{request['GroupName']}/{name}"
        there = self._get(moved)
        if there is None:
            with calling(f"creating EventBridge schedule '{moved}'"):
                aws.scheduler.create_schedule(**{**request, "State": "DISABLED"})
        elif not eb.starts(there, name):
            raise ServiceError(
                "AWS", f"EventBridge schedule '{moved}' exists and has another owner."
            )
        with calling(f"deleting EventBridge schedule '{native_id}'"):
            _unless_missing(aws.scheduler.delete_schedule, GroupName=group, Name=name)
        if there or request["State"] == "ENABLED":
            self._update(request)

    def _schedule_names(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Group and name of the schedules that start a pipeline of the same name."""
        only = {"NamePrefix": prefix} if prefix else {}
        pages = self._aws.clients().scheduler.get_paginator("list_schedules")
        with calling("listing EventBridge schedules"):
            for page in pages.paginate(PaginationConfig={"PageSize": 100}, **only):
                for it in page["Schedules"]:
                    if eb.ZENML_MADE.fullmatch(it["Name"]) and eb.starts(it, it["Name"]):
                        yield it["GroupName"], it["Name"]

    def _pipeline_names(self, prefix: str) -> Iterator[str]:
        only = {"PipelineNamePrefix": prefix} if prefix else {}
        pages = self._aws.clients().sagemaker.get_paginator("list_pipelines")
        with calling("listing SageMaker pipelines"):
            for page in pages.paginate(PaginationConfig={"PageSize": 100}, **only):
                for it in page["PipelineSummaries"]:
                    if eb.ZENML_MADE.fullmatch(it["PipelineName"]):
                        yield it["PipelineName"]

    def _snapshot(self, pipeline: str) -> str | None:
        """The ZenML snapshot that a pipeline runs: empty for another pipeline than ZenML's,
        ``None`` when there is no such pipeline."""
        if pipeline not in self._snapshots:
            with calling(f"reading SageMaker pipeline '{pipeline}'"):
                described = _unless_missing(
                    self._aws.clients().sagemaker.describe_pipeline, PipelineName=pipeline
                )
            if described is None:
                return None
            found = _SNAPSHOT.search(described["PipelineDefinition"])
            self._snapshots[pipeline] = found[1] if found else ""
        return self._snapshots[pipeline]

    def _delete_pipeline(self, name: str) -> None:
        aws = self._aws.clients()
        deadline = time.monotonic() + _STOP_SECONDS
        while running := [it for it in self.runs(f"/{name}") if it.state == "running"]:
            if time.monotonic() > deadline:
                raise RunInProgressError(
                    f"the schedule of SageMaker pipeline '{name}' is deleted, but "
                    f"{running[0].run_id} was stopped {_STOP_SECONDS:.0f} s ago and is still "
                    "active. Try again when it has ended."
                )
            for run in running:
                if run.native_state == "Executing":
                    with calling(f"stopping {run.run_id}"):
                        aws.sagemaker.stop_pipeline_execution(PipelineExecutionArn=run.run_id)
            time.sleep(_LOOK_AGAIN_SECONDS)
        with calling(f"deleting SageMaker pipeline '{name}'"):
            _unless_missing(aws.sagemaker.delete_pipeline, PipelineName=name)
        self._snapshots.pop(name, None)

    def _counterpart(self, schedule: Mapping[str, Any]) -> Counterpart:
        name = schedule["Name"]
        native, cadence = eb.cadence_of(schedule, self.dialect())
        snapshot = self._snapshot(name)
        return Counterpart(
            native_id=f"{schedule['GroupName']}/{name}",
            native=native,
            cadence=cadence,
            paused=schedule["State"] == "DISABLED",
            snapshot_id=snapshot or None,
            owner=eb.owner_of(schedule),
            settings=eb.settings_of(schedule),
            url=eb.console_url(schedule["Arn"]),
            ended=eb.has_ended(schedule, cadence),
            problem=_problem(name, snapshot),
            pipeline=eb.pipeline_of(name),
        )


def _problem(pipeline: str, snapshot: str | None) -> str:
    if snapshot is None:
        return f"SageMaker pipeline '{pipeline}' was deleted"
    return "" if snapshot else f"SageMaker pipeline '{pipeline}' runs no ZenML snapshot"


def _unless_missing(call: Any, **arguments: Any) -> Any:
    """The call's result; ``None`` when AWS has no such resource."""
    from botocore.exceptions import ClientError

    try:
        return call(**arguments)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
