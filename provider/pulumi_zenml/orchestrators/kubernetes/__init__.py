"""Kubernetes: a CronJob, made by ZenML's own orchestrator and then shaped to what is asked.

ZenML (0.98 KubernetesOrchestrator) makes the CronJob with a cron expression and nothing else: no
time zone, never suspended. It is therefore created with a date that never comes, and one patch
sets cadence, zone, pause and settings together.

The facts about the CronJob controller are from kubernetes 1.33,
``pkg/controller/cronjob/cronjob_controllerv2.go`` and ``utils.go``:

- It runs the latest missed fire, unless that is longer ago than ``startingDeadlineSeconds``. A
  change of the spec makes it check at once, so lifting ``suspend`` starts the missed run; a change
  of the schedule's text makes it wait for the next fire time instead (``updateCronJob``). So a
  resume rewrites the schedule with other blanks, which mean the same, and there is always a
  deadline for the times when it checks by itself.
- A CronJob that is suspended or being deleted starts nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.errors import (
    CannotExpressError,
    InputError,
    NotFoundError,
    RefusedError,
)
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.capabilities import Capabilities, Gap, Setting, Yes
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun, Wanted
from pulumi_zenml.orchestrators.kubernetes import access as access
from pulumi_zenml.orchestrators.kubernetes import cronjob as cronjob
from pulumi_zenml.orchestrators.kubernetes import deletion as deletion
from pulumi_zenml.orchestrators.kubernetes import jobs as jobs
from pulumi_zenml.orchestrators.kubernetes.api import KubernetesApi, Object
from pulumi_zenml.orchestrators.kubernetes.connection import KUBERNETES
from pulumi_zenml.orchestrators.kubernetes.probes import cluster_probes
from pulumi_zenml.orchestrators.probe import Probe
from pulumi_zenml.zenml.submission import Submission

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse
    from zenml.stack import Stack

_ZENML_LINK = "cron_job_name"
_RANDOM_PREFIX = 9
_SHORTEST_DEADLINE_SECONDS = 10
_CALL_SECONDS = 30.0

# Whether CronJobs may be created is checked by a dry run.
_NEEDED = (("cronjobs", ("get", "list", "patch", "delete")), ("jobs", ("list", "patch")))
_NEEDED_FOR_TOKENS = ("secrets", ("create", "get", "patch", "delete"))


class KubernetesOrchestrator(Orchestrator):
    """CronJobs of one ZenML Kubernetes orchestrator, in its namespace.

    ``native_id`` is ``<namespace>/<name>``. A CronJob is known as ZenML's by the snapshot id in
    its container's arguments, and as this component's by the annotation ``zenml.io/orchestrator``.
    """

    flavor = "kubernetes"
    capabilities = Capabilities(
        counterpart="CronJob",
        dialect="kubernetes",
        smallest_interval=timedelta(minutes=1),
        cron=Yes(),
        interval=Gap(
            "upstream",
            "a CronJob has no intervals, and ZenML's orchestrator takes cron only",
            "the `cron` that fires at the same times, where there is one",
        ),
        run_once=Gap(
            "upstream",
            "a CronJob has no single fire, and ZenML's orchestrator takes cron only",
            "run the pipeline once, or schedule it on a stack with SageMaker or HyperAI",
        ),
        start_time=Gap(
            "upstream", "a CronJob has no start date", "leave it out, with `paused=True` until then"
        ),
        end_time=Gap(
            "upstream", "a CronJob has no end date", "leave it out, and remove the schedule then"
        ),
        catchup=Gap(
            "upstream",
            "a CronJob catches up on the latest missed fire at most",
            "`starting_deadline_seconds` in `orchestrator_settings`, for that one",
        ),
        timezone=Yes("spec.timeZone, with Kubernetes 1.25 or later"),
        pause=Yes("spec.suspend; a resume does not start the run that was missed"),
        change_in_place=Yes(),
        run_history=Yes("as many Jobs as the history limits keep"),
        trigger=Yes("a Job from the CronJob's template, as kubectl makes it"),
        keeps_runs=Yes("unless deletion_propagation is Background or Foreground"),
        fires_on_create=Gap("never", "a CronJob waits for its next fire time"),
        found_by="the snapshot id in the container's arguments",
        left_behind="the service account and role binding that ZenML's CronJobs share; a Job that "
        "was running, for a day after its end",
        runs_image=True,
    )
    settings = MappingProxyType(
        {
            "concurrency_policy": Setting(
                str,
                "what happens when a run is due and the last one is still running",
                ("Allow", "Forbid", "Replace"),
            ),
            "starting_deadline_seconds": Setting(
                int,
                "how late a run may start, in seconds; a fire that is missed by more is skipped "
                f"(default {cronjob.DEADLINE_SECONDS})",
            ),
            "successful_jobs_history_limit": Setting(int, "how many succeeded Jobs to keep"),
            "failed_jobs_history_limit": Setting(int, "how many failed Jobs to keep"),
            "deletion_propagation": Setting(
                str,
                "what deleting the schedule does to its Jobs: KeepRunning deletes the finished "
                "ones, Orphan none, Background and Foreground all of them (default KeepRunning)",
                (cronjob.KEEP_RUNNING, "Orphan", "Background", "Foreground"),
            ),
        }
    )
    overrides = MappingProxyType(
        {
            "console_url": Setting(
                str, "URL of a CronJob's page, with placeholders {namespace} and {name}"
            ),
            "timeout_seconds": Setting(int, f"for one call (default {_CALL_SECONDS:.0f})"),
        }
    )
    page_size: ClassVar[int] = 500

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        seconds = target.overrides.get("timeout_seconds")
        self._api = KubernetesApi(target, float(str(seconds)) if seconds else _CALL_SECONDS)
        self._allowed = False

    @classmethod
    def check(cls, wanted: Wanted) -> list[InputError]:
        """Every mistake that can be found offline; for an interval, suggests the same cron."""
        problems = [_with_cron(it, cls, wanted.cadence) for it in super().check(wanted)]
        return [*problems, *filter(None, map(_too_small, wanted.settings.items()))]

    @property
    def namespace(self) -> str:
        """Where ZenML creates the CronJobs (zenml 0.98 KubernetesOrchestratorConfig)."""
        return str(self.target.component.configuration.get("kubernetes_namespace") or "zenml")

    # --- create ------------------------------------------------------------------------------

    def verify(self, wanted: Wanted) -> None:
        """Create the CronJob in a dry run, and review the permissions needed later."""
        self._name_budget()
        trial = cronjob.trial(self.spell(wanted.cadence).fields, wanted.settings)
        name = self.target.component.name
        access.dry_run(self._api, trial, namespace=self.namespace, component=name)
        if not self._allowed:
            tokens = self.target.component.configuration.get("pass_zenml_token_as_secret")
            needed = [*_NEEDED, _NEEDED_FOR_TOKENS] if tokens else _NEEDED
            access.review(self._api, needed, namespace=self.namespace, component=name)
            self._allowed = True

    def submission(self, wanted: Wanted) -> Submission:
        """A date that never comes, and as much of the pipeline's name as fits."""
        budget = self._name_budget()
        shorter = wanted.pipeline[:budget] if len(wanted.pipeline) > budget else None
        return Submission(
            cron_expression=cronjob.NEVER, pipeline_name=shorter, around=self._with_deadlines
        )

    def locate(self, snapshot_id: str, hints: Mapping[str, str]) -> Counterpart | None:
        """The CronJob that runs ``snapshot_id``; ZenML's own link is tried first."""
        if name := hints.get(_ZENML_LINK):
            linked = self._get(f"{self.namespace}/{name}")
            if linked and cronjob.snapshot_id(linked) == snapshot_id:
                return self._counterpart(linked)
        for cron_job in self._all():
            if cronjob.snapshot_id(cron_job) == snapshot_id:
                return self._counterpart(cron_job)
        return None

    def shape(self, found: Counterpart, wanted: Wanted) -> Counterpart:
        """Set everything in one patch, repeated after a conflict."""
        fields = self.spell(wanted.cadence).fields
        doing = f"set up CronJob '{found.native_id}'"
        shaped = self._api.patch(
            self._path_of(found.native_id),
            doing,
            lambda cron_job: cronjob.shaped(cron_job, fields, wanted),
        )
        if shaped is None:
            raise NotFoundError(KUBERNETES, f"could not {doing}: it was deleted.")
        return self._counterpart(shaped)

    # --- read --------------------------------------------------------------------------------

    def read(self, native_id: str) -> Counterpart | None:
        """The CronJob as it is now."""
        cron_job = self._get(native_id)
        return self._counterpart(cron_job) if cron_job else None

    def list_all(self) -> Iterator[Counterpart]:
        """Every CronJob of this component, page by page."""
        component = str(self.target.component.id)
        for cron_job in self._all():
            if cronjob.is_of(component, cron_job):
                yield self._counterpart(cron_job)

    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        """The CronJob's Jobs, newest first, as far as the history limits keep them."""
        cron_job = self._existing(native_id, "read the runs of")
        found = self._jobs(cron_job)
        if since:
            found = [job for job in found if jobs.made_since(job, since)]
        newest = sorted(found, key=jobs.age, reverse=True)[:limit]
        return [jobs.to_run(job, cron_job) for job in newest]

    def probes(self) -> Iterator[Probe]:
        """Also version, namespace, quotas, and a review of each permission."""
        component = self.target.component
        given = component.configuration
        yield from cluster_probes(self._api, self.namespace, component.name, given)
        yield from super().probes()

    # --- change ------------------------------------------------------------------------------

    def set_paused(self, native_id: str, paused: bool) -> None:
        """Set spec.suspend, without running a missed fire on resume."""
        doing = f"{'pause' if paused else 'resume'} CronJob '{native_id}'"
        path = self._path_of(native_id)
        if self._api.patch(path, doing, lambda it: cronjob.pausing(it, paused)) is None:
            raise NotFoundError(KUBERNETES, f"could not {doing}: it was deleted.")

    def trigger(self, native_id: str) -> str:
        """Create a Job from the template, as ``kubectl create job --from`` does."""
        cron_job = self._existing(native_id, "start a run of")
        job = jobs.manual(cron_job, secrets.token_hex(3))
        namespace = native_id.partition("/")[0]
        answer = self._api.call("POST", jobs.path(namespace), body=job, repeatable=False)
        made = self._api.good(answer, f"start a run of CronJob '{native_id}'")
        return str(made["metadata"]["name"])

    def delete(self, native_id: str) -> None:
        """Delete the CronJob and what ZenML created for it, and wait until it is deleted.

        Raises:
            NotDeletedError: the API server accepted the deletion but still has the object.
        """
        tokens = bool(self.target.component.configuration.get("pass_zenml_token_as_secret"))
        deletion.delete(self._api, self._path_of(native_id), native_id, tokens=tokens)

    # --- helpers -----------------------------------------------------------------------------

    def _path(self, namespace: str = "") -> str:
        return f"/apis/batch/v1/namespaces/{namespace or self.namespace}/cronjobs"

    def _path_of(self, native_id: str) -> str:
        namespace, _, name = native_id.partition("/")
        return f"{self._path(namespace)}/{name}"

    def _get(self, native_id: str) -> Object | None:
        return self._api.get(self._path_of(native_id), f"read CronJob '{native_id}'")

    def _existing(self, native_id: str, doing: str) -> Object:
        cron_job = self._get(native_id)
        if cron_job is None:
            raise NotFoundError(
                KUBERNETES, f"could not {doing} CronJob '{native_id}': it was deleted."
            )
        return cron_job

    def _all(self) -> Iterator[Object]:
        doing = f"list the CronJobs in namespace '{self.namespace}'"
        return self._api.pages(self._path(), doing, size=self.page_size)

    def _jobs(self, cron_job: Object) -> list[Object]:
        return jobs.of(self._api, cron_job)

    def _counterpart(self, cron_job: Object) -> Counterpart:
        found = cronjob.counterpart(cron_job, self.dialect())
        template = str(self.target.overrides.get("console_url") or "")
        namespace, _, name = found.native_id.partition("/")
        url = template.replace("{namespace}", namespace).replace("{name}", name)
        return replace(found, url=url)

    @contextmanager
    def _with_deadlines(self, stack: Stack, snapshot: PipelineSnapshotResponse) -> Iterator[None]:
        """Give ZenML's own calls a deadline, which they lack."""
        orchestrator: Any = stack.orchestrator
        rest = orchestrator.get_kube_client().rest_client
        request, deadline = rest.request, self._api.deadline

        def with_deadline(*args: Any, **kwargs: Any) -> Any:
            return request(*args, **{**kwargs, "_request_timeout": deadline})

        rest.request = with_deadline
        yield

    def _name_budget(self) -> int:
        """The maximum length of the pipeline's part of a CronJob's name.

        The name is ``<job_name_prefix>-<8 random digits>-<pipeline>`` (zenml 0.98
        KubernetesOrchestrator._get_job_name) of 52 characters at most (kubernetes 1.33
        pkg/apis/batch/validation).
        """
        prefix = str(self.target.component.configuration.get("job_name_prefix") or "")
        budget = cronjob.NAME_LIMIT - _RANDOM_PREFIX - (len(prefix) + 1 if prefix else 0)
        if budget < 1:
            raise RefusedError(
                KUBERNETES,
                f"CronJob names have at most {cronjob.NAME_LIMIT} characters, and '{prefix}', the "
                f"job_name_prefix of orchestrator '{self.target.component.name}', leaves none for "
                "the pipeline. Give it a shorter one.",
            )
        return budget


def _with_cron(problem: InputError, cls: type[Orchestrator], cadence: Cadence) -> InputError:
    """The error for an interval, with the exact cron if there is one."""
    if problem.property != "interval" or not isinstance(problem, CannotExpressError):
        return problem
    try:
        cls.dialect().write(cadence)
    except CannotExpressError as refused:
        if refused.property == "interval":
            return CannotExpressError("interval", problem.why, refused.alternatives)
    return problem


def _too_small(setting: tuple[str, object]) -> InputError | None:
    key, value = setting
    if key not in cronjob.SPEC_KEYS or not isinstance(value, int | float):
        return None
    if key == "starting_deadline_seconds" and value < _SHORTEST_DEADLINE_SECONDS:
        reason = (
            f"'{key}' is {value}; with less than {_SHORTEST_DEADLINE_SECONDS} seconds Kubernetes "
            "may never start a run (kubernetes.io, CronJob)."
        )
        return InputError("orchestrator_settings", reason)
    if value < 0:
        return InputError("orchestrator_settings", f"'{key}' is {value}; it cannot be negative.")
    return None
