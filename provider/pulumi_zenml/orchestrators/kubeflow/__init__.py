"""Kubeflow Pipelines: a schedule's counterpart is a recurring run.

The API can create, enable, disable and delete a recurring run and change nothing else of it
(kubeflow/pipelines ``recurring_run.proto``). So ZenML creates one that cannot fire yet, and
:meth:`KubeflowOrchestrator.shape` copies it into one with the exact cadence, paused or not from
its first moment, with the schedule's name and its owner's mark, and deletes the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from pulumi_zenml.cadence.dialects.base import rfc3339
from pulumi_zenml.cadence.fires import fires_between
from pulumi_zenml.errors import InputError, NotFoundError, RefusedError, ServiceError
from pulumi_zenml.orchestrators._zenml_config import ZenmlConfig, apply_settings
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.capabilities import Capabilities, Gap, Setting, Yes
from pulumi_zenml.orchestrators.compare import differences
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun, Wanted
from pulumi_zenml.orchestrators.kubeflow import recurring_run as recurring
from pulumi_zenml.orchestrators.kubeflow.api import KFP, GoneError, KfpApi, predicates
from pulumi_zenml.orchestrators.kubeflow.probes import kfp_probes, require_profile
from pulumi_zenml.orchestrators.kubeflow.runs import BY_HAND, page, run
from pulumi_zenml.orchestrators.probe import Probe
from pulumi_zenml.zenml.submission import Submission

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse
    from zenml.stack import Stack

    from pulumi_zenml.cadence.dialects.base import Dialect
    from pulumi_zenml.cadence.model import Cadence, Native

_PAGE = 100
_READ_SECONDS = 30
_LONGEST_EXPERIMENT = 128
_SIGN_IN = ("client_args", "client_username", "client_password", "user_namespace")
_OURS = ("cron_timezone", "timeout_seconds")


class KubeflowOrchestrator(Orchestrator):
    """Recurring runs of the Kubeflow Pipelines that a ZenML component names."""

    flavor = "kubeflow"
    capabilities = Capabilities(
        counterpart="recurring run",
        dialect="kubeflow",
        smallest_interval=timedelta(seconds=1),
        cron=Yes("Written with a leading seconds field: KFP reads five fields as an hourly job."),
        interval=Yes("The controller checks every 30 seconds, and counts from a late fire."),
        run_once=Gap(
            "upstream",
            "a recurring run has no single fire",
            "cron for that minute, with start_time and end_time around it",
        ),
        start_time=Yes(),
        end_time=Yes("It stays enabled after its end, and never fires again."),
        catchup=Yes("Fires missed since it was created; never earlier ones."),
        timezone=Gap(
            "upstream",
            "KFP reads every cron in the one zone of its controller (CRON_SCHEDULE_TIMEZONE); "
            "zones a fixed distance away from it are converted",
            "cron_timezone in the component's Pulumi config, if that zone is not UTC",
        ),
        pause=Yes("After a resume KFP runs the latest missed fire at once."),
        change_in_place=Gap("upstream", "KFP has no call that changes a recurring run"),
        run_history=Yes("History stays with the recurring run that is replaced."),
        trigger=Yes(),
        keeps_runs=Yes("Servers before 2.16 stop the runs in progress with their recurring run."),
        fires_on_create=Gap("never", "nothing fires before its time"),
        found_by="the snapshot's id in the arguments of its containers; the owner is stored in "
        "its description",
        left_behind="the pipeline's experiment and the runs",
        runs_image=True,
    )
    settings: ClassVar[Mapping[str, Setting]] = MappingProxyType(
        {
            "max_concurrency": Setting(int, "How many of its runs may overlap, 1 to 10."),
            "service_account": Setting(str, "The Kubernetes service account its runs use."),
        }
    )
    overrides: ClassVar[Mapping[str, Setting]] = MappingProxyType(
        {
            "kubeflow_hostname": Setting(str, "URL of Kubeflow Pipelines."),
            "kubernetes_context": Setting(str, "Context of this machine's kubeconfig."),
            "user_namespace": Setting(str, "The profile of the runs (multi-user)."),
            "client_args": Setting(dict, "More arguments of kfp.Client, such as existing_token."),
            "client_username": Setting(str, "The user for Dex or another login page."),
            "client_password": Setting(str, "That user's password; a secret."),
            "cron_timezone": Setting(str, "The controller's CRON_SCHEDULE_TIMEZONE; UTC."),
            "timeout_seconds": Setting(int, f"Seconds to wait for a response; {_READ_SECONDS}."),
        }
    )

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._config = ZenmlConfig(target, _OURS, _merged)
        self._experiments: dict[str, str] = {}
        seconds = target.overrides.get("timeout_seconds", _READ_SECONDS)
        assert isinstance(seconds, int | float)
        self._api = KfpApi(
            target, self._config, seconds=float(seconds), overrides=bool(target.overrides)
        )

    @classmethod
    def check(cls, wanted: Wanted) -> list[InputError]:
        """Every mistake that can be found offline.

        Its controller's zone is not known offline: :meth:`verify` compares it with the cadence's.
        """
        problems = [error for error in super().check(wanted) if error.property != "timezone"]
        most = wanted.settings.get("max_concurrency")
        if isinstance(most, int | float) and not 1 <= most <= 10:
            reason = f"'max_concurrency' is {most:g}, and KFP takes 1 to 10 (api_converter.go)."
            problems.append(InputError("orchestrator_settings", reason))
        return problems

    def spell(self, cadence: Cadence) -> Native:
        """The cadence in the zone of this cluster's controller."""
        return self._dialect().write(cadence)

    def verify(self, wanted: Wanted) -> None:
        """Check that KFP answers, accepts the login and has the namespace."""
        self.spell(wanted.cadence)
        require_profile(self._api, self.target.component.name)
        for path in ("experiments", "recurringruns"):
            self._api.get(path, f"list {path}", namespace=self._api.namespace, page_size=1)

    def probes(self) -> Iterator[Probe]:
        """Also its health, and the experiments of ZenML's runs."""
        yield from kfp_probes(self._api, self.target.component.name)
        yield from super().probes()

    def submission(self, wanted: Wanted) -> Submission:
        """A cron that fires in 2199; ZenML would also drop the days of an interval.

        ZenML makes a file name and an experiment from the pipeline's name.
        """
        name = re.sub(r"[/\\\0]", "-", wanted.pipeline)
        while len(name.encode()) > _LONGEST_EXPERIMENT:
            name = name[:-1]
        return Submission(
            cron_expression=recurring.NEVER_CRON,
            start_time=recurring.NEVER,
            pipeline_name=name if name != wanted.pipeline else None,
            around=self._around,
        )

    def locate(self, snapshot_id: str, hints: Mapping[str, str]) -> Counterpart | None:
        """The recurring run of a snapshot: by the schedule's name, else among all, newest first.

        A shaped copy comes before its original.
        """
        named = predicates(("display_name", "EQUALS", hints.get("name", "")))
        for query in ({"filter": named}, {}):
            for raw in self._recurring_runs(sort_by="created_at desc", **query):
                if recurring.snapshot_id(raw) == snapshot_id:
                    return self._counterpart(raw)
        return None

    def shape(self, found: Counterpart, wanted: Wanted) -> Counterpart:
        """Create a copy as wanted and delete the original, unless it is as wanted already.

        The copy has an id of its own. It is enabled after the original was deleted: the two never
        fire both, a copy whose creation got no response never fires, and a fire that is due in
        between runs late (cron_schedule.go).
        """
        raw = self._get(found.native_id)
        if not recurring.is_inert(raw):
            there = self._counterpart(raw)
            if not differences(self, replace(wanted, paused=there.paused), there):
                if there.paused != wanted.paused:
                    self.set_paused(there.native_id, wanted.paused)
                return self._counterpart(self._get(there.native_id))
        body = recurring.shaped(raw, wanted, self._dialect(), datetime.now(UTC))
        made = self._create(body, instead_of=raw)["recurring_run_id"]
        try:
            self._delete(raw["recurring_run_id"])
        except ServiceError:
            self._delete(made)
            raise
        if not wanted.paused:
            self._switch(made, "enable", f"'{wanted.name}'")
        return self._counterpart(self._get(made))

    def read(self, native_id: str) -> Counterpart | None:
        """The recurring run, or ``None`` when KFP itself reports that it does not exist."""
        try:
            return self._counterpart(self._get(native_id))
        except GoneError:
            return None

    def list_all(self) -> Iterator[Counterpart]:
        """Every recurring run of the namespace that ZenML created, a page of 100 at a time."""
        for raw in self._api.pages(
            "experiments",
            "experiments",
            "list the experiments",
            namespace=self._api.namespace,
            page_size=_PAGE,
        ):
            self._experiments[raw["experiment_id"]] = raw.get("display_name", "")
        for raw in self._recurring_runs():
            if recurring.snapshot_id(raw) is not None:
                yield self._counterpart(raw)

    def set_paused(self, native_id: str, paused: bool) -> None:
        """Disable or enable it; warns when enabling runs a missed fire.

        KFP has no way around that (cron_schedule.go, the loop without catch-up).
        """
        name = native_id if paused else self._missed(native_id)
        self._switch(native_id, "disable" if paused else "enable", f"'{native_id}'")
        if name and not paused:
            self.target.warn(
                f"Kubeflow fires '{name}' once right away: the latest fire that it missed "
                "while it was paused."
            )

    def delete(self, native_id: str) -> None:
        """Delete it, and what an interrupted :meth:`shape` left behind; its runs continue."""
        try:
            name = recurring.run_name(self._get(native_id))
        except GoneError:
            return
        self._delete(native_id)
        if not name:
            return
        first = predicates(("display_name", "EQUALS", name))
        for raw in list(self._recurring_runs(filter=first)):
            if recurring.is_inert(raw):
                self._delete(raw["recurring_run_id"])

    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        """The runs of a recurring run, newest first; they outlive it."""
        conditions = [("recurring_run_id", "EQUALS", native_id)]
        if since is not None:
            conditions.append(("created_at", "GREATER_THAN_EQUALS", rfc3339(since)))
        found = self._api.pages(
            "runs",
            "runs",
            f"list the runs of '{native_id}'",
            namespace=self._api.namespace,
            sort_by="created_at desc",
            page_size=min(limit, _PAGE),
            filter=predicates(*conditions),
        )
        return [run(raw, self._config()) for raw in islice(found, limit)]

    def trigger(self, native_id: str) -> str:
        """Start one run now, as a run of the recurring run.

        It has a unique name: KFP takes a second run of the same name for the first
        (resource_manager.go ``CreateRun``).
        """
        raw = self._get(native_id)
        name = raw.get("display_name", "")
        copied = ("experiment_id", "pipeline_spec", "runtime_config", "service_account")
        body = {key: raw[key] for key in copied if raw.get(key)}
        body["recurring_run_id"] = native_id
        body["display_name"] = f"{name}{BY_HAND}{datetime.now(UTC).isoformat()}"
        made = self._api.post("runs", f"start a run of '{name}'", body)
        return str(made["run_id"])

    @contextmanager
    def _around(self, stack: Stack, snapshot: PipelineSnapshotResponse) -> Iterator[None]:
        """Make ZenML's code sign in with our credentials.

        ZenML writes the component's settings into a snapshot when it is created (zenml 0.98
        compiler ``_apply_stack_default_settings``): old tokens would override those of the
        component and Pulumi config.
        """
        orchestrator: Any = stack.orchestrator
        before = orchestrator._config
        orchestrator._config = self._config()
        sign_in = self._config().model_dump(include=set(_SIGN_IN), exclude_none=True)
        apply_settings(snapshot, orchestrator, sign_in)
        try:
            yield
        finally:
            orchestrator._config = before

    def _dialect(self) -> Dialect:
        from pulumi_zenml.cadence.dialects.kubeflow import Kubeflow

        return Kubeflow(str(self.target.overrides.get("cron_timezone") or "UTC"))

    def _get(self, native_id: str) -> dict[str, Any]:
        return self._api.get(f"recurringruns/{native_id}", f"read recurring run '{native_id}'")

    def _recurring_runs(self, **query: str) -> Iterator[dict[str, Any]]:
        return self._api.pages(
            "recurringruns",
            "recurringRuns",
            "list the recurring runs",
            namespace=self._api.namespace,
            page_size=_PAGE,
            **query,
        )

    def _create(self, body: dict[str, Any], *, instead_of: dict[str, Any]) -> dict[str, Any]:
        name = body["display_name"]
        try:
            return self._api.post("recurringruns", f"create recurring run '{name}'", body)
        except RefusedError:
            raise
        except ServiceError:
            # It may have been created all the same.
            named = predicates(("display_name", "EQUALS", name))
            for raw in self._recurring_runs(sort_by="created_at desc", filter=named):
                same = recurring.snapshot_id(raw) == recurring.snapshot_id(instead_of)
                if same and raw["recurring_run_id"] != instead_of["recurring_run_id"]:
                    return raw
            raise

    def _missed(self, native_id: str) -> str:
        """The name of a paused recurring run that would run a missed fire when resumed."""
        try:
            raw = self._get(native_id)
        except GoneError:
            return ""
        found = self._counterpart(raw)
        if not found.paused or found.cadence is None or found.cadence.catchup:
            return ""
        latest = self.runs(native_id, limit=1)
        fired = latest[0].scheduled_for if latest else None
        since = fired or recurring.instant(raw.get("created_at"))
        now = datetime.now(UTC)
        missed = since and any(fires_between(found.cadence, since + timedelta(seconds=1), now))
        return str(raw.get("display_name") or native_id) if missed else ""

    def _switch(self, native_id: str, verb: str, name: str) -> None:
        try:
            self._api.post(f"recurringruns/{native_id}:{verb}", f"{verb} recurring run {name}")
        except GoneError as error:
            raise NotFoundError(KFP, f"there is no recurring run {name} to {verb}.") from error

    def _delete(self, native_id: str) -> None:
        try:
            self._api.delete(
                f"recurringruns/{native_id}",
                f"delete recurring run '{native_id}'",
                propagation_policy="ORPHAN",
            )
        except GoneError:
            return

    def _counterpart(self, raw: dict[str, Any]) -> Counterpart:
        return recurring.counterpart(
            raw,
            self._dialect(),
            pipeline=self._experiment(raw.get("experiment_id", "")),
            url=page(self._config(), "recurringrun", raw["recurring_run_id"]),
        )

    def _experiment(self, id: str) -> str:
        if id not in self._experiments:
            try:
                found = self._api.get(f"experiments/{id}", f"read experiment '{id}'")
            except GoneError:
                return ""
            self._experiments[id] = found.get("display_name", "")
        return self._experiments[id]


def _merged(given: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = {**given, **over}
    arguments = (settings.get("client_args") or {} for settings in (given, over))
    merged["client_args"] = {key: value for each in arguments for key, value in each.items()}
    if over.get("kubeflow_hostname"):
        merged.pop("kubernetes_context", None)
    return merged
