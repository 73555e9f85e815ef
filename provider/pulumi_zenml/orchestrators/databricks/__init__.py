"""Databricks: a job with a Quartz schedule."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.metadata import distributions
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID, uuid4

from pulumi_zenml.errors import InputError, NotFoundError, ServiceError
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.capabilities import Capabilities, Gap, Setting, Yes
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun, Wanted
from pulumi_zenml.orchestrators.databricks import job as job_of
from pulumi_zenml.orchestrators.databricks.api import (
    HTTP_SECONDS,
    RETRY_SECONDS,
    SERVICE,
    DatabricksApi,
    Job,
)
from pulumi_zenml.orchestrators.probe import Probe, ProbeResult
from pulumi_zenml.zenml.submission import Submission

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse
    from zenml.stack import Stack

_CANCEL_SECONDS = 120.0
_LOOK_AGAIN_SECONDS = 1.0
_RUNS_AS_ONE = (
    "every run reports to ZenML as the same run, because ZenML gives its steps the job's id "
    "as the run's"
)


class DatabricksOrchestrator(Orchestrator):
    """ZenML's Databricks orchestrator. A native id is a job's id.

    ZenML 0.98 starts the job at once, whatever its schedule: it is submitted with a time-out of one
    second, the run is cancelled, and only then does the job get its own time-out and schedule.
    ZenML also gives all runs one identity, the job's id: the same write gives each run its own.

    Listing costs a page per hundred jobs, and returns everything.
    """

    flavor: ClassVar[str] = "databricks"
    capabilities: ClassVar[Capabilities] = Capabilities(
        counterpart="Job",
        dialect="quartz",
        smallest_interval=timedelta(minutes=1),
        cron=Yes("as Quartz"),
        interval=Gap(
            "upstream",
            "Databricks chooses a periodic trigger's first fire itself",
            '`cron`, for example "0 */6 * * *"',
        ),
        run_once=Gap("upstream", "Databricks schedules have no single fire"),
        start_time=Gap(
            "upstream", "Databricks schedules have no start", "`paused=True` until then"
        ),
        end_time=Gap("upstream", "Databricks schedules have no end"),
        catchup=Gap("upstream", "Databricks does not catch up on fires missed while paused"),
        timezone=Yes(),
        pause=Yes(),
        change_in_place=Yes(),
        run_history=Yes("for 60 days, which is as long as Databricks keeps runs"),
        trigger=Yes(),
        keeps_runs=Gap("never", "Databricks ends the active runs of a job that is deleted"),
        fires_on_create=Yes(
            "ZenML starts a run; it is cancelled, with a time-out of one second, so it does no "
            "work and only shows in the job's history"
        ),
        found_by="the snapshot id in the parameters of the job's tasks",
        left_behind="the folder with the wheel, when the job was deleted by hand before",
        runs_image=False,
    )
    settings: ClassVar[Mapping[str, Setting]] = MappingProxyType(
        {
            "max_concurrent_runs": Setting(
                int, "How many runs may be active at a time, 1 to 1000."
            ),
            "queue": Setting(bool, "Queue a run over that limit instead of skipping it."),
        }
    )
    overrides: ClassVar[Mapping[str, Setting]] = MappingProxyType(
        {
            "source_root": Setting(
                str, "Folder with the pipelines' code, which ZenML packs into a wheel on creation."
            ),
            "http_timeout_seconds": Setting(
                int, f"Seconds to wait for a response; {HTTP_SECONDS} if unset."
            ),
            "retry_timeout_seconds": Setting(
                int, f"Seconds to retry when throttled; {RETRY_SECONDS} if unset."
            ),
        }
    )

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._api = DatabricksApi(target)

    @classmethod
    def check(cls, wanted: Wanted) -> list[InputError]:
        """Also the range of ``max_concurrent_runs``."""
        problems = super().check(wanted)
        runs = wanted.settings.get("max_concurrent_runs")
        if isinstance(runs, int | float) and not 1 <= runs <= 1000:
            reason = f"max_concurrent_runs is {runs}; Databricks takes 1 to 1000."
            problems.append(InputError("orchestrator_settings", reason))
        return problems

    def verify(self, wanted: Wanted) -> None:
        """Check what ZenML needs to build the wheel, and whether Databricks answers."""
        self._require_pip()
        self._require_source_root()
        self._api.ping()

    def probes(self) -> Iterator[Probe]:
        """Also the user, what ZenML lists, and what it needs to build a wheel."""
        yield Probe("credentials", self._probe_user)
        yield Probe("list jobs and cluster policies", self._probe_lists)
        yield Probe("code of the pipelines", self._probe_sources)
        yield from super().probes()

    def _probe_user(self) -> ProbeResult:
        return ProbeResult(f"signed in to {self._api.host} as {self._api.user()}")

    def _probe_lists(self) -> ProbeResult:
        self._api.ping()
        return ProbeResult("listed")

    def _probe_sources(self) -> ProbeResult:
        try:
            self._require_pip()
            self._require_source_root()
        except ServiceError as error:
            return ProbeResult(error.reason, "warning", "Do so where 'pulumi up' runs.")
        return ProbeResult(f"in {self._source_root() or 'the ZenML repository of this folder'}")

    def _require_pip(self) -> None:
        if not any(distributions(name="pip")):
            raise ServiceError(
                SERVICE,
                "ZenML packs the pipeline's code with 'python -m pip wheel', and this Python has "
                "no pip. Run: python -m ensurepip",
            )

    def submission(self, wanted: Wanted) -> Submission:
        """A day of the year that has just passed, and no time for the run that ZenML starts."""
        now = datetime.now() - timedelta(days=2)
        return Submission(
            cron_expression=f"0 0 0 {now.day} {now.month} ?",
            settings={"schedule_timezone": wanted.cadence.timezone},
            source_root=self._source_root(),
            around=_without_time,
        )

    def locate(self, snapshot_id: str, hints: Mapping[str, str]) -> Counterpart | None:
        """The newest are read first. Databricks cannot filter jobs by a part of their name."""
        for job in self._api.jobs():
            if job_of.snapshot_of(job["settings"]) == snapshot_id:
                return self.read(str(job["job_id"]))
        return None

    def shape(self, found: Counterpart, wanted: Wanted) -> Counterpart:
        """Cancel the run that ZenML started, then write everything in one call."""
        settings = self._settings_of(found.native_id)
        timeout = None
        if settings.get("timeout_seconds") == job_of.INERT_TIMEOUT:
            self._cancel_first_run(found.native_id)
            timeout = self._asked_timeout(found.snapshot_id)
        new, gone = job_of.shaped(settings, self.spell(wanted.cadence), wanted, timeout)
        self._api.update(found.native_id, new, gone)
        shaped = self.read(found.native_id)
        if shaped is None:
            raise NotFoundError(SERVICE, f"job {found.native_id} was deleted meanwhile.")
        return shaped

    def read(self, native_id: str) -> Counterpart | None:
        """One job."""
        job = self._api.job(native_id)
        return self._counterpart(job) if job else None

    def list_all(self) -> Iterator[Counterpart]:
        """Every scheduled job with a ZenML snapshot in it."""
        for job in self._api.jobs():
            settings = job["settings"]
            if job_of.snapshot_of(settings) and job_of.is_scheduled(settings):
                yield self._counterpart(job)

    def set_paused(self, native_id: str, paused: bool) -> None:
        """Write the whole schedule with another status: Databricks cannot update a part of it."""
        part = job_of.repaused(self._settings_of(native_id), paused)
        if not part:
            raise NotFoundError(SERVICE, f"job {native_id} no longer has a schedule.")
        self._api.update(native_id, part, [])

    def delete(self, native_id: str) -> None:
        """Delete the job, and the workspace folder that ZenML created for it."""
        job = self._api.job(native_id)
        if job is None:
            return
        self._api.delete(native_id)
        folder = job_of.folder_of(job["settings"])
        if folder:
            self._api.delete_folder(folder)

    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        """Databricks reports whether the schedule started a run, but not its fire time."""
        start = {"start_time_from": int(since.timestamp() * 1000)} if since else {}
        try:
            runs = list(islice(self._api.runs(native_id, **start), limit))
        except NotFoundError:
            return []
        return [job_of.run_of(run) for run in runs]

    def trigger(self, native_id: str) -> str:
        """Start a run now; returns its id as ZenML knows it."""
        return job_of.run_id(native_id, self._api.run_now(native_id, uuid4().hex))

    def _settings_of(self, native_id: str) -> dict[str, Any]:
        job = self._api.job(native_id)
        if job is None:
            raise NotFoundError(SERVICE, f"there is no job {native_id}.")
        settings: dict[str, Any] = job["settings"]
        return settings

    def _counterpart(self, job: Job) -> Counterpart:
        settings = job["settings"]
        native, cadence = job_of.cadence_of(settings, self.dialect())
        problems = [
            text
            for text, wrong in (
                ("it no longer has a schedule", not job_of.fires(settings)),
                (_RUNS_AS_ONE, job_of.runs_as_one(settings)),
            )
            if wrong
        ]
        return Counterpart(
            native_id=str(job["job_id"]),
            native=native,
            cadence=cadence,
            paused=job_of.is_paused(settings),
            snapshot_id=job_of.snapshot_of(settings),
            owner=job_of.owner_of(settings),
            settings=job_of.settings_of(settings),
            url=f"{self._api.host}/jobs/{job['job_id']}",
            problem="; ".join(problems),
            pipeline=job_of.pipeline_of(settings),
        )

    def _cancel_first_run(self, native_id: str) -> None:
        deadline = time.monotonic() + _CANCEL_SECONDS
        while any(True for _ in self._api.runs(native_id, active_only=True)):
            if time.monotonic() > deadline:
                raise ServiceError(
                    SERVICE,
                    f"the run that ZenML started of job {native_id} was cancelled "
                    f"{_CANCEL_SECONDS:.0f} s ago and is still active.",
                )
            self._api.cancel_runs(native_id)
            time.sleep(_LOOK_AGAIN_SECONDS)

    def _asked_timeout(self, snapshot_id: str | None) -> int:
        """The time-out in seconds of the pipeline or the component; 0 for none."""
        from zenml.client import Client

        asked: int | None = None
        if snapshot_id:
            snapshot = Client().zen_store.get_snapshot(UUID(snapshot_id), hydrate=True)
            settings = snapshot.pipeline_configuration.settings.get(
                f"orchestrator:{self.target.component.name}"
            )
            asked = settings.model_dump().get("timeout_seconds") if settings else None
        return asked if asked is not None else int(self._api.config.timeout_seconds or 0)

    def _source_root(self) -> str | None:
        folder = self.target.overrides.get("source_root")
        return str(Path(str(folder)).absolute()) if folder else None

    def _require_source_root(self) -> None:
        """A provider process has no main module whose folder would be the pipelines' code."""
        folder = self._source_root()
        setting = f"orchestrators.{self.target.component.name}.source_root"
        if folder is None:
            from zenml.client import Client
            from zenml.utils import source_utils

            if source_utils._CUSTOM_SOURCE_ROOT or Client.find_repository():
                return
            raise ServiceError(
                SERVICE,
                "ZenML packs the pipeline's code into a wheel, and the folder of that code is not "
                f"known. Set it as 'zenml:{setting}' in the Pulumi configuration, or run "
                "'zenml init' there and 'pulumi up' below it.",
            )
        if not Path(folder).is_dir():
            raise ServiceError(SERVICE, f"'zenml:{setting}' is '{folder}', which is not a folder.")


@contextmanager
def _without_time(stack: Stack, snapshot: PipelineSnapshotResponse) -> Iterator[None]:
    """Give ZenML a time-out in which no run can start; what it stores is unchanged."""
    from zenml.config.base_settings import BaseSettings

    details = snapshot.get_metadata()
    asked = details.pipeline_configuration
    key = f"orchestrator:{stack.orchestrator.name}"
    values = asked.settings[key].model_dump(exclude_unset=True)
    shown = BaseSettings(**{**values, "timeout_seconds": job_of.INERT_TIMEOUT})
    details.pipeline_configuration = asked.model_copy(
        update={"settings": {**asked.settings, key: shown}}
    )
    yield
