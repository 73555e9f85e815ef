"""Vertex AI Pipelines: a schedule's counterpart is a Vertex AI schedule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from pulumi_zenml.cadence.dialects.base import rfc3339
from pulumi_zenml.errors import InputError, NotDeletedError, NotFoundError, RefusedError
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators._zenml_config import ZenmlConfig, apply_settings
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.capabilities import Capabilities, Gap, Setting, Yes
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun, RunState, Wanted
from pulumi_zenml.orchestrators.probe import Probe, ProbeResult
from pulumi_zenml.orchestrators.vertex import schedule as schedules
from pulumi_zenml.orchestrators.vertex.api import VERTEX, GoneError, VertexApi
from pulumi_zenml.zenml.submission import Submission

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse
    from zenml.stack import Stack

    from pulumi_zenml.cadence.model import Cadence, Native

_PAGE = 100
_CALL_SECONDS = 30
_LONGEST_PIPELINE = 90  # ZenML adds 33 characters, and a job's id has 128
_OURS = ("api_endpoint", "api_transport", "timeout_seconds")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_RUN_OF = "pulumi_run_of"
_ZENML_MADE = "create_pipeline_job_request:*"
_STATES: Mapping[str, RunState] = {
    "QUEUED": "queued",
    "PENDING": "queued",
    "RUNNING": "running",
    "PAUSED": "running",
    "CANCELLING": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
}


class VertexOrchestrator(Orchestrator):
    """Schedules of the project and region that a ZenML component names."""

    flavor = "vertex"
    capabilities = Capabilities(
        counterpart="schedule",
        dialect="vertex",
        smallest_interval=timedelta(minutes=1),
        name_limit=128,
        cron=Yes("Written with its zone in front: TZ=Europe/Berlin 0 3 * * *"),
        interval=Yes("Written as the cron that fires at the same times, where there is one."),
        run_once=Gap(
            "upstream",
            "a Vertex AI schedule has no single fire",
            "cron for that minute, with start_time and end_time around it",
        ),
        start_time=Yes(),
        end_time=Yes("Vertex AI cannot remove an end: a schedule without one is a replace."),
        catchup=Gap(
            "upstream",
            "Vertex AI catches up on missed runs only with catch_up at a resume",
        ),
        timezone=Yes(),
        pause=Yes("Resumed without the runs that were missed."),
        change_in_place=Yes(),
        run_history=Yes(),
        trigger=Yes("A pipeline job with the label pulumi_run_of."),
        keeps_runs=Yes(),
        fires_on_create=Gap("never", "nothing fires before its time"),
        found_by="the snapshot's id in the arguments of its containers; the owner is stored in "
        "labels of its pipeline job",
        left_behind="its pipeline jobs",
        runs_image=True,
    )
    settings: ClassVar[Mapping[str, Setting]] = MappingProxyType(
        {
            "allow_queueing": Setting(bool, "Whether a run over the limit is queued, not skipped."),
            "labels": Setting(dict, "Labels of its pipeline jobs, instead of ZenML's own."),
            "max_concurrent_run_count": Setting(int, "How many runs may be starting at a time."),
        }
    )
    overrides: ClassVar[Mapping[str, Setting]] = MappingProxyType(
        {
            "api_endpoint": Setting(
                str, "Host of the API, such as a private or restricted endpoint; the region's."
            ),
            "api_transport": Setting(
                str, "The transport, grpc or rest; default grpc.", ("grpc", "rest")
            ),
            "encryption_spec_key_name": Setting(str, "The jobs' customer-managed key."),
            "location": Setting(str, "The region."),
            "network": Setting(str, "projects/NUMBER/global/networks/NAME for the jobs."),
            "pipeline_root": Setting(str, "Cloud Storage URI for the jobs' output."),
            "project": Setting(str, "The project."),
            "service_account_path": Setting(
                str, "Key file of the service account that calls the API."
            ),
            "timeout_seconds": Setting(int, f"Seconds that a call may take; {_CALL_SECONDS}."),
            "workload_service_account": Setting(str, "The service account that the jobs run as."),
        }
    )

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._config = ZenmlConfig(target, _OURS)
        over = target.overrides
        self._api = VertexApi(
            target,
            self._config,
            endpoint=str(over.get("api_endpoint") or ""),
            transport=str(over.get("api_transport") or "grpc"),
            seconds=float(str(over.get("timeout_seconds") or _CALL_SECONDS)),
        )

    @classmethod
    def check(cls, wanted: Wanted) -> list[InputError]:
        """Every mistake that can be found offline."""
        problems = super().check(wanted)
        most = wanted.settings.get("max_concurrent_run_count")
        if isinstance(most, int | float) and most < 1:
            reason = f"'max_concurrent_run_count' is {most:g}; it must be at least 1."
            problems.append(InputError("orchestrator_settings", reason))
        labels = wanted.settings.get("labels")
        for key, value in labels.items() if isinstance(labels, Mapping) else ():
            if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(str(value)):
                reason = (
                    f"label '{key}: {value}' is not one that Google accepts: both have at most 63 "
                    "of a-z, 0-9, _ and -, and a key begins with a letter."
                )
                problems.append(InputError("orchestrator_settings", reason))
        return problems

    def spell(self, cadence: Cadence) -> Native:
        """The cadence in Vertex's fields; a start that has passed is not sent."""
        native = super().spell(cadence)
        if cadence.start_time is None or cadence.start_time > datetime.now(UTC):
            return native
        fields = {key: value for key, value in native.fields.items() if key != "start_time"}
        return replace(native, fields=fields)

    def verify(self, wanted: Wanted) -> None:
        """Check that Vertex AI accepts the login, in that project and region."""
        self._require_schedulable()
        request = {"parent": self._api.parent, "page_size": 1}
        self._api.call("list_schedules", "list the schedules", request)

    def probes(self) -> Iterator[Probe]:
        """Also project and region, and the pipeline service by itself."""
        yield Probe("configuration", self._probe_configuration)
        yield Probe("list pipeline jobs", self._probe_jobs)
        yield from super().probes()

    def _probe_configuration(self) -> ProbeResult:
        self._require_schedulable()
        return ProbeResult(f"{self._api.parent}, at {self._api.host}")

    def _probe_jobs(self) -> ProbeResult:
        request = {"parent": self._api.parent, "page_size": 1, "read_mask": {"paths": ["name"]}}
        page = self._api.call("list_pipeline_jobs", "list the pipeline jobs", request)
        return ProbeResult(f"listed; there is {'at least one' if page.pipeline_jobs else 'none'}")

    def _require_schedulable(self) -> None:
        config = self._config()
        component = self.target.component.name
        if config.private_service_connect:
            raise RefusedError(
                VERTEX,
                f"orchestrator '{component}' has private_service_connect, and with that ZenML 0.98 "
                "cannot make a schedule: it hands a v1beta1 job to the SDK's v1 schedule, which "
                "raises a TypeError. Use an orchestrator without it.",
            )
        self._require_region(config.location)

    def submission(self, wanted: Wanted) -> Submission:
        """A cron that fires on a leap day, and a pipeline name that is valid in a job's id."""
        name = re.sub(r"[^A-Za-z0-9_ -]", "-", wanted.pipeline)[:_LONGEST_PIPELINE]
        if not re.match(r"[A-Za-z]", name):
            name = f"p-{name}"
        return Submission(
            cron_expression=schedules.SELDOM,
            pipeline_name=name if name != wanted.pipeline else None,
            around=lambda stack, snapshot: self._around(wanted, stack, snapshot),
        )

    def locate(self, snapshot_id: str, hints: Mapping[str, str]) -> Counterpart | None:
        """The schedule of a snapshot: by the schedule's name, else among all."""
        name = hints.get("name", "").replace("\\", "\\\\").replace('"', '\\"')
        named = f'display_name="{name}"'
        for test in (f"{_ZENML_MADE} AND {named}", _ZENML_MADE):
            for schedule in self._schedules(test):
                if schedules.snapshot_id(schedule) == snapshot_id:
                    return self._counterpart(schedule)
        return None

    def shape(self, found: Counterpart, wanted: Wanted) -> Counterpart:
        """Change it to what is wanted: one update, with a pause before or a resume after it."""
        schedule = self._get(found.native_id)
        if wanted.paused and schedule.state.name == "ACTIVE":
            self._switch(schedule.name, True)
        changed = schedules.changes(schedule, wanted, self.spell(wanted.cadence).fields)
        if changed:
            update = {
                "schedule": type(schedule)(name=schedule.name, **changed),
                "update_mask": {"paths": sorted(changed)},
            }
            self._api.call("update_schedule", f"change schedule '{wanted.name}'", update)
        if not wanted.paused and schedule.state.name == "PAUSED":
            self._switch(schedule.name, False)
        return self._counterpart(self._get(schedule.name))

    def read(self, native_id: str) -> Counterpart | None:
        """The schedule, or ``None`` when it was deleted."""
        try:
            return self._counterpart(self._get(native_id))
        except GoneError:
            return None

    def list_all(self) -> Iterator[Counterpart]:
        """Every schedule of the region that ZenML created, a page of 100 at a time."""
        for schedule in self._schedules(_ZENML_MADE):
            if schedules.snapshot_id(schedule) is not None:
                yield self._counterpart(schedule)

    def set_paused(self, native_id: str, paused: bool) -> None:
        """Pause it, or resume it without the runs that were missed."""
        try:
            state = self._get(native_id).state.name
        except GoneError as error:
            raise NotFoundError(VERTEX, f"there is no schedule '{native_id}'.") from error
        if state == "COMPLETED":
            raise RefusedError(
                VERTEX,
                f"schedule '{native_id}' is completed: it is past its end or has had all its "
                "runs, and can be neither paused nor resumed.",
            )
        if (state == "PAUSED") != paused:
            self._switch(native_id, paused)

    def delete(self, native_id: str) -> None:
        """Delete it and wait until it is deleted; its runs continue."""
        doing = f"delete schedule '{native_id}'"
        try:
            self._api.call("delete_schedule", doing, {"name": native_id})
        except GoneError:
            return
        self._api.until_gone("get_schedule", doing, {"name": native_id})
        if self.read(native_id) is not None:
            raise NotDeletedError(f"Vertex AI is still deleting schedule '{native_id}'. Try again.")

    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        """The pipeline jobs of a schedule, newest first; they outlive it."""
        id = native_id.rpartition("/")[2]
        test = f'(schedule_name="{native_id}" OR labels.{_RUN_OF}="{id}")'
        if since is not None:
            test += f' AND create_time>="{rfc3339(since)}"'
        request = {
            "parent": self._api.parent,
            "filter": test,
            "order_by": "create_time desc",
            "page_size": min(limit, _PAGE),
            "read_mask": {
                "paths": ["name", "state", "create_time", "start_time", "end_time", "schedule_name"]
            },
        }
        doing = f"list the runs of '{native_id}'"
        found = self._api.pages("list_pipeline_jobs", "pipeline_jobs", doing, request)
        return [self._run(job) for job in islice(found, limit)]

    def trigger(self, native_id: str) -> str:
        """Start one run of the same pipeline now.

        Vertex AI does not link it to the schedule, so a label does.
        """
        schedule = self._get(native_id)
        job = schedule.create_pipeline_job_request.pipeline_job
        job.labels[_RUN_OF] = native_id.rpartition("/")[2]
        request = {"parent": self._api.parent, "pipeline_job": job}
        doing = f"start a run of '{schedule.display_name}'"
        made = self._api.call("create_pipeline_job", doing, request, once=True)
        return str(made.name.rpartition("/")[2])

    def _around(
        self, wanted: Wanted, stack: Stack, snapshot: PipelineSnapshotResponse
    ) -> AbstractContextManager[None]:
        return _zenml_with_overrides(self._config(), self.target.overrides, wanted, stack, snapshot)

    def _require_region(self, location: str) -> None:
        if self.target.overrides.get("api_endpoint"):
            return
        from google.cloud.aiplatform import constants, utils

        try:
            utils.validate_region(location)
        except ValueError as error:
            raise NotFoundError(
                VERTEX,
                f"there is no region '{location}', which orchestrator "
                f"'{self.target.component.name}' names.",
                wanted=location,
                known=constants.base.SUPPORTED_REGIONS,
            ) from error

    def _get(self, native_id: str) -> Any:
        return self._api.call("get_schedule", f"read schedule '{native_id}'", {"name": native_id})

    def _schedules(self, test: str) -> Iterator[Any]:
        request = {"parent": self._api.parent, "filter": test, "page_size": _PAGE}
        return self._api.pages("list_schedules", "schedules", "list the schedules", request)

    def _switch(self, native_id: str, paused: bool) -> None:
        verb = "pause" if paused else "resume"
        request = {"name": native_id, **({} if paused else {"catch_up": False})}
        try:
            self._api.call(f"{verb}_schedule", f"{verb} schedule '{native_id}'", request)
        except RefusedError:
            # A retry after a lost response has the same result.
            if (self._get(native_id).state.name == "PAUSED") != paused:
                raise

    def _counterpart(self, schedule: Any) -> Counterpart:
        return schedules.counterpart(
            schedule, self.dialect(), location=str(self._config().location)
        )

    def _run(self, job: Any) -> NativeRun:
        native = job.state.name.removeprefix("PIPELINE_STATE_")
        place, _, id = job.name.rpartition("/pipelineJobs/")
        return NativeRun(
            run_id=id,
            state=_STATES.get(native, "unknown"),
            native_state=native,
            started=job.start_time or job.create_time,
            ended=job.end_time or None,
            by_schedule=bool(job.schedule_name),
            url="https://console.cloud.google.com/vertex-ai/locations/"
            f"{self._config().location}/pipelines/runs/{id}?project={place.split('/')[1]}",
        )


@contextmanager
def _zenml_with_overrides(
    config: Any,
    overrides: Mapping[str, Json],
    wanted: Wanted,
    stack: Stack,
    snapshot: PipelineSnapshotResponse,
) -> Iterator[None]:
    """Make ZenML's code use the overrides, and set the owner's labels on the job.

    The SDK takes its endpoint from a setting of the process (``aiplatform.init``).
    """
    from google.cloud import aiplatform
    from google.cloud.aiplatform import initializer

    orchestrator: Any = stack.orchestrator
    sdk: Any = initializer.global_config
    before = orchestrator._config, sdk._api_endpoint, sdk._api_transport
    orchestrator._config = config
    # ZenML caches the stack, with the credentials of an earlier configuration.
    orchestrator._gcp_credentials = orchestrator._gcp_project_id = None
    own = orchestrator.get_settings(snapshot).labels
    kept: Any = wanted.settings.get("labels", own)
    apply_settings(
        snapshot, orchestrator, {"labels": {**kept, **schedules.owner_labels(wanted.owner)}}
    )
    try:
        if overrides.get("api_endpoint") or overrides.get("api_transport"):
            aiplatform.init(
                api_endpoint=overrides.get("api_endpoint") or None,
                api_transport=overrides.get("api_transport") or None,
            )
        yield
    finally:
        orchestrator._config, sdk._api_endpoint, sdk._api_transport = before
