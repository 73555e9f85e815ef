"""The state of Vertex AI's schedule and pipeline services and what their calls do to it."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from google.cloud import aiplatform_v1 as api
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, empty_pb2

from standins import vertex_rules as rules
from standins.aip160 import Value
from standins.vertex_rules import VertexError

# Proto-plus's enums and fields are not what their annotations say.
STATES: Any = api.Schedule.State
JOB_STATES: Any = api.PipelineState


class VertexService:
    """Schedules and pipeline jobs of one project in one region.

    Args:
        project: the project's id.
        project_number: the number that the service names it by in what it answers.
        location: the region.
        lingers: how many times a schedule is still read after it was deleted.
    """

    def __init__(self, project: str, project_number: str, location: str, lingers: int) -> None:
        self.project = project
        self.project_number = project_number
        self.location = location
        self.lingers = lingers
        self.schedules: dict[str, Any] = {}
        self.jobs: dict[str, Any] = {}
        self.catch_ups: list[bool] = []
        """What each ResumeSchedule asked for."""
        self._dying: dict[str, int] = {}
        self._numbers = itertools.count(4_000_000_001)
        self._lock = threading.RLock()

    @property
    def parent(self) -> str:
        """The location, as the service names it."""
        return f"projects/{self.project_number}/locations/{self.location}"

    def call(self, method: str, request: Any) -> Any:
        """Carry out one call.

        Args:
            method: its name in the service, for example ``GetSchedule``.
            request: its message.

        Raises:
            VertexError: as the service refuses it.
        """
        calls: dict[str, Callable[[Any], Any]] = {
            "CreateSchedule": self._create_schedule,
            "GetSchedule": lambda request: self._schedule(request.name),
            "ListSchedules": self._list_schedules,
            "UpdateSchedule": self._update_schedule,
            "PauseSchedule": self._pause_schedule,
            "ResumeSchedule": self._resume_schedule,
            "DeleteSchedule": self._delete_schedule,
            "CreatePipelineJob": self._create_job,
            "GetPipelineJob": self._get_job,
            "ListPipelineJobs": self._list_jobs,
            "GetOperation": self._get_operation,
        }
        with self._lock:
            for found in self.schedules.values():
                self._complete(found)
            return calls[method](request)

    def run_once(self, name: str, *, state: str = "SUCCEEDED") -> str:
        """Run a schedule once, now, as the service would; returns the pipeline job's id.

        Args:
            name: the schedule's full name.
            state: how the run is doing, without ``PIPELINE_STATE_``.
        """
        with self._lock:
            schedule = self.schedules[name]
            job = self._start(schedule.create_pipeline_job_request.pipeline_job, "")
            job.schedule_name = name
            job.state = JOB_STATES[f"PIPELINE_STATE_{state}"]
            if state in ("SUCCEEDED", "FAILED", "CANCELLED"):
                job.end_time = _now()
            schedule.started_run_count += 1
            return str(job.name.rpartition("/")[2])

    def _create_schedule(self, request: Any) -> Any:
        self._place(request.parent)
        made: Any = api.Schedule(request.schedule)
        target = made.create_pipeline_job_request
        if "create_pipeline_job_request" in made:
            self._place(target.parent)
            target.parent = self.parent
        rules.schedule(made, self.parent)
        made.name = f"{self.parent}/schedules/{next(self._numbers)}"
        made.create_time = made.update_time = _now()
        if not made.start_time:
            made.start_time = made.create_time
        made.state = STATES.ACTIVE
        self._plan(made)
        self.schedules[made.name] = made
        return made

    def _list_schedules(self, request: Any) -> Any:
        self._place(request.parent)
        found, token = rules.page(
            list(self.schedules.values()),
            _schedule_fields,
            request,
            rules.SCHEDULE_FILTERS,
            rules.SCHEDULE_ORDERS,
        )
        return api.ListSchedulesResponse(schedules=found, next_page_token=token)

    def _update_schedule(self, request: Any) -> Any:
        found = self._schedule(request.schedule.name)
        changed = api.Schedule(found)
        asked = api.Schedule(request.schedule)
        if "create_pipeline_job_request" in asked:
            self._place(asked.create_pipeline_job_request.parent)
            asked.create_pipeline_job_request.parent = self.parent
        paths = [
            re.sub(r"(?<!^)(?=[A-Z])", "_", path).lower() for path in request.update_mask.paths
        ]
        rules.changed(changed, asked, paths)
        rules.schedule(changed, self.parent)
        changed.update_time = _now()
        self._plan(changed)
        self.schedules[changed.name] = changed
        return changed

    def _pause_schedule(self, request: Any) -> Any:
        found = self._schedule(request.name)
        if found.state != STATES.ACTIVE:
            raise VertexError("FAILED_PRECONDITION", f"The schedule is {found.state.name}.")
        found.state = STATES.PAUSED
        found.last_pause_time = _now()
        return empty_pb2.Empty()

    def _resume_schedule(self, request: Any) -> Any:
        found = self._schedule(request.name)
        if found.state != STATES.PAUSED:
            raise VertexError("FAILED_PRECONDITION", f"The schedule is {found.state.name}.")
        found.state = STATES.ACTIVE
        found.catch_up = request.catch_up
        found.last_resume_time = _now()
        self.catch_ups.append(request.catch_up)
        self._plan(found)
        return empty_pb2.Empty()

    def _delete_schedule(self, request: Any) -> Any:
        found = self._schedule(request.name)
        if self.lingers:
            self._dying.setdefault(found.name, self.lingers)
        else:
            del self.schedules[found.name]
        return self._operation(f"{found.name}/operations/1", done=False)

    def _get_operation(self, request: Any) -> Any:
        return self._operation(request.name, done=True)

    def _operation(self, name: str, *, done: bool) -> Any:
        packed = any_pb2.Any()
        packed.Pack(empty_pb2.Empty())
        if not done:
            return operations_pb2.Operation(name=name, done=False)
        return operations_pb2.Operation(name=name, done=True, response=packed)

    def _create_job(self, request: Any) -> Any:
        self._place(request.parent)
        return self._start(request.pipeline_job, request.pipeline_job_id)

    def _get_job(self, request: Any) -> Any:
        found = self.jobs.get(self._named(request.name))
        if found is None:
            raise VertexError("NOT_FOUND", f"The PipelineJob {request.name} does not exist.")
        return found

    def _list_jobs(self, request: Any) -> Any:
        self._place(request.parent)
        found, token = rules.page(
            list(self.jobs.values()), _job_fields, request, rules.JOB_FILTERS, rules.JOB_ORDERS
        )
        return api.ListPipelineJobsResponse(pipeline_jobs=found, next_page_token=token)

    def _start(self, asked: Any, id: str) -> Any:
        rules.pipeline_job(asked)
        job: Any = api.PipelineJob(asked)
        # Proto-plus reads a Struct as a mapping.
        pipeline = (job.pipeline_spec or {}).get("pipelineInfo", {}).get("name", "pipeline")
        id = id or f"{pipeline}-{next(self._numbers)}"
        job.name = f"{self.parent}/pipelineJobs/{id}"
        job.display_name = job.display_name or id
        job.create_time = job.start_time = job.update_time = _now()
        job.state = JOB_STATES.PIPELINE_STATE_PENDING
        self.jobs[job.name] = job
        return job

    def _schedule(self, name: str) -> Any:
        found = self.schedules.get(self._named(name))
        if found is not None and found.name in self._dying:
            self._dying[found.name] -= 1
            if self._dying[found.name] < 0:
                del self.schedules[found.name]
                found = None
        if found is None:
            raise VertexError("NOT_FOUND", f"The Schedule does not exist: {name}")
        return found

    def _named(self, name: str) -> str:
        """The name as the service writes it, with the project's number."""
        match = re.fullmatch(r"(projects/[^/]+/locations/[^/]+)/(.*)", name)
        if match is None:
            raise rules.invalid(f"Invalid resource name: {name}")
        self._place(match[1])
        return f"{self.parent}/{match[2]}"

    def _place(self, parent: str) -> None:
        match = re.fullmatch(r"projects/([^/]+)/locations/([^/]+)", parent)
        if match is None:
            raise rules.invalid(f"Invalid parent: {parent}")
        if match[1] not in (self.project, self.project_number):
            raise VertexError(
                "PERMISSION_DENIED",
                f"Permission 'aiplatform.schedules.list' denied on resource '//{parent}' (or it "
                "may not exist).",
            )
        if match[2] != self.location:
            raise rules.invalid(f"Location {match[2]} does not match the endpoint's.")

    def _plan(self, schedule: Any) -> None:
        after = max(_now(), schedule.start_time)
        schedule.next_run_time = rules.next_run(schedule, after)

    def _complete(self, schedule: Any) -> None:
        used_up = schedule.max_run_count and schedule.started_run_count >= schedule.max_run_count
        over = schedule.end_time and schedule.end_time <= _now()
        if used_up or over:
            schedule.state = STATES.COMPLETED


def _schedule_fields(schedule: Any) -> dict[str, Value]:
    has = "create_pipeline_job_request" in schedule
    return {
        "display_name": schedule.display_name,
        "state": schedule.state.name,
        "create_pipeline_job_request": "set" if has else None,
        "create_time": schedule.create_time,
        "start_time": schedule.start_time,
        "end_time": schedule.end_time,
        "next_run_time": schedule.next_run_time,
    }


def _job_fields(job: Any) -> dict[str, Value]:
    return {
        "display_name": job.display_name,
        "pipeline_name": job.display_name,
        "schedule_name": job.schedule_name,
        "state": job.state.name,
        "create_time": job.create_time,
        "update_time": job.update_time,
        "start_time": job.start_time,
        "end_time": job.end_time,
        **{f"labels.{key}": value for key, value in job.labels.items()},
    }


def _now() -> datetime:
    return datetime.now(UTC)
