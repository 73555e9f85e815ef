"""AzureML: job schedules of a workspace, with a cron or recurrence trigger.

ZenML passes its cron on verbatim, in UTC, to a service that ignores the day and month in it
(zenml 0.98 azureml_orchestrator.submit_pipeline). It is given a trigger that starts years from
now; :meth:`AzureMLOrchestrator.shape` then sets the exact one, in one write.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import ClassVar
from urllib.parse import quote

from pulumi_zenml.cadence.model import Native
from pulumi_zenml.errors import InputError, NotFoundError, RefusedError
from pulumi_zenml.orchestrators.azureml.arm import SERVICE, Arm, Body, wait_for
from pulumi_zenml.orchestrators.azureml.schedule import (
    OWNER,
    SNAPSHOT,
    component_of,
    mark,
    marked_snapshot,
    plain_name,
    run_of,
    state_of,
    tags_of,
)
from pulumi_zenml.orchestrators.azureml.trigger import to_body, to_fields
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.capabilities import Capabilities, Gap, Setting, Yes
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun, Wanted
from pulumi_zenml.orchestrators.probe import Probe, ProbeResult
from pulumi_zenml.zenml.submission import Submission

# The version of azure-ai-ml: an older one would drop fields of a job.
_SCHEDULES = "2023-06-01-preview"
_COMPONENTS = _JOBS = _TRIGGER = "2024-01-01-preview"
_WORKSPACES = "2024-04-01"

_MADE_BY_ZENML = re.compile(r".+_[0-9a-f]{32}")
_SNAPSHOT_ID = re.compile(r"--snapshot_id[ =]['\"]?([0-9a-f-]{36})")
# Logic Apps, which fire AzureML's schedules, accept a start up to 49 years ahead.
_YEARS_AHEAD = timedelta(days=5 * 365)
_OVER = {"succeeded", "failed", "canceled"}


class AzureMLOrchestrator(Orchestrator):
    """ZenML's AzureML orchestrator. A native id is a schedule's name."""

    flavor = "azureml"
    capabilities = Capabilities(
        counterpart="JobSchedule",
        dialect="azureml",
        smallest_interval=timedelta(minutes=1),
        cron=Yes("as a recurrence where days of the month are restricted; months cannot be"),
        interval=Yes("of whole minutes, counted from `start_time`"),
        run_once=Gap("upstream", "AzureML has no schedule that fires once", "EventBridge or at"),
        start_time=Yes(),
        end_time=Yes(),
        catchup=Gap("upstream", "AzureML does not catch up on missed fires"),
        timezone=Yes("as the Windows zone with the same clock"),
        pause=Yes(),
        change_in_place=Yes("the ownership marker; the flavor has no settings"),
        run_history=Yes("jobs whose display name is the schedule's with the time it fired"),
        trigger=Yes("not while it is paused"),
        keeps_runs=Yes("jobs are not deleted with their schedule"),
        fires_on_create=Gap("never", "a start is always sent, so the first job waits for it"),
        found_by="the snapshot's id in the command of the components that it runs",
        left_behind="the component versions and the environment that ZenML registered, with a "
        "ZenML token in the commands that ends with the record; AzureML only archives those",
        runs_image=True,
        name_limit=None,
    )
    overrides: ClassVar[Mapping[str, Setting]] = {
        "management_url": Setting(str, "Azure Resource Manager, for example of another cloud"),
        "timeout_seconds": Setting(int, "seconds to wait for a response; default 30"),
        "attempts": Setting(int, "attempts of a call that fails with a transient error; default 4"),
    }

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._lock = threading.Lock()
        self._snapshots: dict[str, str | None] = {}

    def verify(self, wanted: Wanted) -> None:
        """Check online: the workspace exists, its schedules can be read, the trigger is exact."""
        to_body(self.spell(wanted.cadence).fields)
        self._require_workspace()
        path, doing = f"{self._workspace}/schedules", "list the schedules"
        self._arm.call("GET", path, _SCHEDULES, doing, params={"listViewType": "All"})

    def probes(self) -> Iterator[Probe]:
        """Also the workspace, and its jobs."""
        yield Probe("workspace", self._probe_workspace)
        yield Probe("list jobs", self._probe_jobs)
        yield from super().probes()

    def submission(self, wanted: Wanted) -> Submission:
        """A daily cron that starts in five years, under a name that AzureML accepts."""
        start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        plain = plain_name(wanted.pipeline)
        return Submission(
            cron_expression="0 0 * * *",
            start_time=start + _YEARS_AHEAD,
            pipeline_name=plain if plain != wanted.pipeline else None,
        )

    def locate(self, snapshot_id: str, hints: Mapping[str, str]) -> Counterpart | None:
        """The schedule whose components run ``snapshot_id``, or ``None``.

        Those that are marked with it or have the pipeline's name come first; a schedule without
        that mark costs one more call.
        """
        prefix = f"{plain_name(hints.get('pipeline', ''))}_"

        def likely(schedule: Body) -> bool:
            marked = marked_snapshot(schedule) == snapshot_id
            return not (marked or str(schedule["name"]).startswith(prefix))

        for schedule in sorted(self._schedules(), key=likely):
            if self._component_snapshot(schedule) == snapshot_id:
                return self._counterpart(schedule, snapshot_id)
        return None

    def shape(self, found: Counterpart, wanted: Wanted) -> Counterpart:
        """Set trigger, paused and markers in one write. The job is written back unchanged."""
        trigger = to_body(self.spell(wanted.cadence).fields)
        name = found.native_id
        schedule = self._must_get(name)
        snapshot_id = self._component_snapshot(schedule)
        tags = {**tags_of(schedule), SNAPSHOT: mark(snapshot_id, schedule)}
        if wanted.owner:
            tags[OWNER] = wanted.owner
        written = self._put(schedule, trigger=trigger, isEnabled=not wanted.paused, tags=tags)
        return self._counterpart(written, snapshot_id)

    def read(self, native_id: str) -> Counterpart | None:
        """The schedule as it is now, or ``None`` when it was deleted."""
        schedule = self._get(native_id)
        if schedule is None:
            # A missing workspace has the same response.
            self._require_workspace()
            return None
        return self._counterpart(schedule, self._snapshot(schedule))

    def list_all(self) -> Iterator[Counterpart]:
        """Every schedule that ZenML created, paused ones too, page by page.

        The snapshot's id is in a tag that :meth:`shape` sets; a schedule without
        it takes one more call, because the schedule itself only names its components.
        """
        for schedule in self._schedules():
            snapshot_id = self._snapshot(schedule)
            if snapshot_id is not None:
                yield self._counterpart(schedule, snapshot_id)

    def set_paused(self, native_id: str, paused: bool) -> None:
        """Disable or enable it; the rest of the body is written back unchanged."""
        self._put(self._must_get(native_id), isEnabled=not paused)

    def delete(self, native_id: str) -> None:
        """Disable the schedule, then delete it, in the order that Azure documents."""
        schedule = self._get(native_id)
        if schedule is None:
            self._require_workspace()
            return
        if schedule["properties"].get("isEnabled", True):
            self._put(schedule, isEnabled=False)
        doing = f"delete schedule '{native_id}'"
        self._arm.call("DELETE", self._path(native_id), _SCHEDULES, doing)

        def gone() -> tuple[bool, Body | None]:
            left = self._get(native_id)
            return left is None, left

        wait_for(gone, doing)

    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        """The jobs that the schedule started, newest first."""
        # The service's filter is undocumented, the display name is not, so the result is
        # checked against that.
        params = {"scheduleId": native_id, "listViewType": "All"}
        doing = f"list the jobs of schedule '{native_id}'"
        path = f"{self._workspace}/jobs"
        found = []
        for job in self._arm.pages(path, _JOBS, doing, params):
            run = run_of(job, native_id)
            if run and not (since and run.started and run.started < since):
                found.append(run)
        found.sort(key=lambda run: run.started or datetime.max.replace(tzinfo=UTC), reverse=True)
        return found[:limit]

    def trigger(self, native_id: str) -> str:
        """Start one run now; returns the job's name."""
        doing = f"start a run of schedule '{native_id}'"
        body = {"scheduleTime": datetime.now(UTC).isoformat()}
        path = f"{self._path(native_id)}/trigger"
        started = self._arm.call("POST", path, _TRIGGER, doing, body=body)
        return str(started.get("submissionId", ""))

    # --- the workspace -------------------------------------------------------------------------

    @cached_property
    def _arm(self) -> Arm:
        return Arm(self.target)

    @cached_property
    def _workspace(self) -> str:
        given = self.target.component.configuration
        names = [str(given[key]) for key in ("subscription_id", "resource_group", "workspace")]
        subscription, group, workspace = (quote(name, safe="") for name in names)
        return (
            f"/subscriptions/{subscription}/resourceGroups/{group}/providers/"
            f"Microsoft.MachineLearningServices/workspaces/{workspace}"
        )

    def _path(self, name: str) -> str:
        return f"{self._workspace}/schedules/{quote(name, safe='')}"

    def _probe_workspace(self) -> ProbeResult:
        state = str((self._require_workspace().get("properties") or {}).get("provisioningState"))
        if state.lower() not in ("succeeded", "none"):
            text = f"workspace {self._workspace} is in state '{state}'"
            return ProbeResult(text, "failed", "Check the workspace in the Azure portal.")
        return ProbeResult(f"{self._workspace} exists")

    def _probe_jobs(self) -> ProbeResult:
        path, doing = f"{self._workspace}/jobs", "list the jobs"
        found = self._arm.call("GET", path, _JOBS, doing, params={"listViewType": "All"})
        some = "at least one" if found.get("value") else "none"
        return ProbeResult(f"listed; there is {some}")

    def _require_workspace(self) -> Body:
        found = self._arm.get(self._workspace, _WORKSPACES, "read the workspace")
        if found is None:
            raise NotFoundError(
                SERVICE,
                f"there is no workspace {self._workspace}, or you may not see it. Correct "
                f"orchestrator '{self.target.component.name}' in ZenML.",
            )
        return found

    def _schedules(self) -> Iterator[Body]:
        """Those in the form of ZenML's; by default Azure lists enabled ones only."""
        path, params = f"{self._workspace}/schedules", {"listViewType": "All"}
        for schedule in self._arm.pages(path, _SCHEDULES, "list the schedules", params):
            if _MADE_BY_ZENML.fullmatch(str(schedule.get("name", ""))) and component_of(schedule):
                yield schedule

    def _get(self, name: str) -> Body | None:
        return self._arm.get(self._path(name), _SCHEDULES, f"read schedule '{name}'")

    def _must_get(self, name: str) -> Body:
        schedule = self._get(name)
        if schedule is None:
            raise NotFoundError(SERVICE, f"there is no schedule '{name}' in {self._workspace}.")
        return schedule

    def _put(self, schedule: Body, **changes: object) -> Body:
        name = str(schedule["name"])
        properties = {**schedule["properties"], **changes}
        properties.pop("provisioningState", None)
        doing = f"change schedule '{name}'"
        body = {"properties": properties}
        self._arm.call("PUT", self._path(name), _SCHEDULES, doing, body=body)

        def over() -> tuple[bool, Body]:
            now = self._must_get(name)
            return state_of(now) in _OVER, now

        written = wait_for(over, doing)
        assert written is not None
        if state_of(written) != "succeeded":
            raise RefusedError(SERVICE, f"could not {doing}: it ended as {state_of(written)}.")
        return written

    def _snapshot(self, schedule: Body) -> str | None:
        return marked_snapshot(schedule) or self._component_snapshot(schedule)

    def _component_snapshot(self, schedule: Body) -> str | None:
        """The snapshot in the command of a component; versions of components never change."""
        component = component_of(schedule)
        if component is None or not component.startswith("/subscriptions/"):
            return None
        with self._lock:
            if component in self._snapshots:
                return self._snapshots[component]
        body = self._arm.get(component, _COMPONENTS, "read a component") or {}
        spec = (body.get("properties") or {}).get("componentSpec") or {}
        match = _SNAPSHOT_ID.search(str(spec.get("command", "")))
        with self._lock:
            self._snapshots[component] = match[1] if match else None
            return self._snapshots[component]

    def _counterpart(self, schedule: Body, snapshot_id: str | None) -> Counterpart:
        properties, name = schedule["properties"], str(schedule["name"])
        dialect = self.dialect()
        broken = state_of(schedule) in ("failed", "canceled")
        problem = f"its last change {state_of(schedule)}" if broken else ""
        fields: dict[str, object] = {}
        text, cadence = "", None
        try:
            fields = to_fields(properties.get("trigger") or {})
            text = str(fields.get("expression") or fields.get("frequency") or "")
            cadence = dialect.read(fields)
            text = dialect.write(cadence).text
        except InputError as error:
            problem = problem or error.reason
        end = cadence.end_time if cadence else None
        return Counterpart(
            native_id=name,
            native=Native(text, fields),
            cadence=cadence,
            paused=not properties.get("isEnabled", True),
            snapshot_id=snapshot_id,
            owner=tags_of(schedule).get(OWNER),
            url=f"https://ml.azure.com/schedule/{quote(name, safe='')}/details/overview"
            f"?wsid={self._workspace}",
            ended=end is not None and end < datetime.now(UTC),
            problem=problem,
            pipeline=name.rpartition("_")[0],
        )
