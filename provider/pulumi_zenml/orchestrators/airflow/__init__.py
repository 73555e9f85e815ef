"""Airflow: a DAG zip in the folder that Airflow reads, and Airflow's API where there is one."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import ClassVar

from pulumi_zenml.errors import (
    CannotExpressError,
    InputError,
    NotFoundError,
    RefusedError,
    ServiceError,
)
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.airflow.api import AirflowApi
from pulumi_zenml.orchestrators.airflow.dag import counterpart, is_paused, shaped, timed
from pulumi_zenml.orchestrators.airflow.folder import (
    Folder,
    default_folder,
    open_folder,
    staging_folder,
)
from pulumi_zenml.orchestrators.airflow.http import SERVICE, AirflowHttp
from pulumi_zenml.orchestrators.airflow.probes import API, api_probes, folder_probes, no_api
from pulumi_zenml.orchestrators.airflow.table import (
    CAPABILITIES,
    OVERRIDES,
    SETTINGS,
    TIMEOUT_SECONDS,
    WAIT_SECONDS,
)
from pulumi_zenml.orchestrators.airflow.timing import INERT
from pulumi_zenml.orchestrators.airflow.view import View
from pulumi_zenml.orchestrators.airflow.wait import (
    delete_for_good,
    missed,
    starts_from_now,
    wait_until_read,
)
from pulumi_zenml.orchestrators.airflow.zip import BrokenZipError, DagZip
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.capabilities import Setting
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun, Wanted
from pulumi_zenml.orchestrators.probe import Probe
from pulumi_zenml.zenml.submission import Submission

_LONGEST_SLUG = 200


class AirflowOrchestrator(Orchestrator):
    """ZenML's ``airflow`` flavor: one DAG zip per schedule, with or without Airflow's API.

    The DAG folder is the component's ``dag_output_dir``; a pipeline's own setting of that name
    is not used. With ``api_url`` in Pulumi config the DAG is also waited for, paused, resumed,
    triggered, listed with its runs and deleted in Airflow itself.

    ``native_id`` is the DAG id: the schedule's name in letters, digits, ``_``, ``.`` and ``-``,
    cut at 200 characters, then ``-`` and eight random hexadecimal digits. So a replacement
    can exist beside what it replaces, and never inherits the runs or the pause switch of a DAG that
    was deleted.

    A zip's ``config.json`` holds a ZenML API token in plain text (zenml 0.98), so the DAG folder
    is as secret as the ZenML project is.
    """

    flavor = "airflow"
    capabilities = CAPABILITIES
    settings: ClassVar[Mapping[str, Setting]] = SETTINGS
    overrides: ClassVar[Mapping[str, Setting]] = OVERRIDES

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._lock = threading.Lock()
        self._opened: Folder | None = None
        given = target.overrides
        self._wait = _seconds(given.get("wait"), WAIT_SECONDS)
        self._api: AirflowApi | None = None
        if given.get("api_url"):
            http = AirflowHttp(
                str(given["api_url"]),
                username=str(given.get("username") or ""),
                password=str(given.get("password") or ""),
                token=str(given.get("token") or ""),
                timeout=_seconds(given.get("timeout"), TIMEOUT_SECONDS),
            )
            self._api = AirflowApi(http)

    @classmethod
    def check(cls, wanted: Wanted) -> list[InputError]:
        """Every mistake of any flavor, and numbers below one."""
        problems = super().check(wanted)
        for key, value in wanted.settings.items():
            if key in SETTINGS and isinstance(value, int | float) and value < 1:
                reason = f"'{key}' is {value!r}; it must be 1 or more."
                problems.append(InputError("orchestrator_settings", reason))
        return problems

    def verify(self, wanted: Wanted) -> None:
        """The folder can be written to; Airflow answers, where it is configured."""
        self._require_folder().verify()
        if self._api:
            self._api.verify()

    def probes(self) -> Iterator[Probe]:
        """Also the folder, and of Airflow its version, health, import errors and free slots."""
        yield from folder_probes(self._require_folder)
        yield from api_probes(self._api, self._require_folder) if self._api else (no_api(),)
        yield from self.default_probes(part=API if self._api else "")

    def submission(self, wanted: Wanted) -> Submission:
        """Have ZenML write a zip that does not fire, into a folder that Airflow does not see."""
        staging = staging_folder(self.target.component)
        staging.sweep()
        self._folder.sweep()
        return Submission(
            cron_expression=INERT,
            start_time=datetime.now(UTC),
            settings={
                "dag_output_dir": staging.where,
                "dag_id": f"{_slug(wanted.name)}-{secrets.token_hex(4)}",
            },
        )

    def locate(self, snapshot_id: str, hints: Mapping[str, str]) -> Counterpart | None:
        """The zip that runs ``snapshot_id``, still staged or in place."""
        slug = _slug(hints.get("name", ""))
        for folder in (staging_folder(self.target.component), self._folder):
            for name in sorted(folder.names(), key=lambda name: not name.startswith(slug)):
                found = View(folder, None).find(name)
                if found and found.snapshot_id == snapshot_id:
                    return self.read(name) if folder is self._folder else found
        return None

    def shape(self, found: Counterpart, wanted: Wanted) -> Counterpart:
        """Write the zip as wanted, put it in place, and wait for Airflow if it has an API.

        A DAG that will be paused in Airflow is put in place unable to fire, and gets its cadence
        when it is paused.

        Raises:
            ServiceError: Airflow cannot import the DAG, or did not read it within ``wait`` seconds.
        """
        name, api = found.native_id, self._api
        staging = staging_folder(self.target.component)
        dag = self._open(staging, name) or self._open(self._folder, name)
        if dag is None:
            raise self._missing(name)
        known = api.dag(name) if api else None
        paused_there = bool(known and known.paused)
        dag = self._put(name, shaped(dag, wanted), paused=wanted.paused and not paused_there)
        staging.remove(name)
        if api and self._wait and (known is None or known.gone):
            known = wait_until_read(api, name, dag, where=self._folder.where, seconds=self._wait)
        if api and known and wanted.paused:
            api.set_paused(name, True)
            self._put(name, dag, paused=False)
        elif known and known.paused:
            self._resume(name, dag)
        read = self.read(name)
        if read is None:
            raise self._missing(name)
        return read

    def read(self, native_id: str) -> Counterpart | None:
        """The zip in place as it is now, with Airflow's own pause switch.

        A DAG that Airflow still fires although its zip was deleted is returned with a problem.
        """
        return self._view.find(native_id)

    def list_all(self) -> Iterator[Counterpart]:
        """Every zip of the folder that ZenML wrote, and every file that is not a readable zip.

        Costs one listing, Airflow's DAG list by the page, and one read of each zip, which alone
        has its snapshot; in an object store that is a download each.
        """
        return self._view.everything()

    def set_paused(self, native_id: str, paused: bool) -> None:
        """Flip Airflow's switch if it knows the DAG; else write the zip so that it cannot fire.

        Without catch-up a resumed schedule gets a new start date, so Airflow does not catch up.
        """
        dag = self._open(self._folder, native_id)
        if dag is None:
            raise self._missing(native_id)
        if not paused:
            self._resume(native_id, dag)
        elif self._api and self._api.dag(native_id):
            self._api.set_paused(native_id, True)
        else:
            self._put(native_id, dag, paused=True)

    def delete(self, native_id: str) -> None:
        """Pause the DAG, remove its zip, delete it in Airflow and check that it does not come back.

        A run in progress is stopped, as it cannot continue without the zip. An Airflow that reads
        another path than the one given here may read a copy of the folder; then this waits until
        Airflow has noticed the deletion. With ``wait`` 0 Airflow keeps the DAG, paused.

        Raises:
            NotDeletedError: Airflow still has the DAG after ``wait`` seconds.
        """
        api = self._api
        known = api.dag(native_id) if api else None
        if api and known:
            api.set_paused(native_id, True)
        there = self._folder.read(native_id) is not None
        self._folder.remove(native_id)
        staging = staging_folder(self.target.component)
        staging.remove(native_id)
        staging.sweep()
        if api and (known or there):
            own = known is None or self._folder.holds(native_id, known.file)
            delete_for_good(api, native_id, at_once=own, seconds=self._wait)

    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        """The DAG's runs, newest first; none without ``api_url``, where only ZenML has them."""
        if self._api is None:
            return []
        found = (
            run
            for run in self._api.runs(native_id)
            if since is None or (run.started is not None and run.started >= since)
        )
        return list(islice(found, limit))

    def trigger(self, native_id: str) -> str:
        """Start one run now; returns Airflow's run id.

        Raises:
            CannotExpressError: there is no ``api_url``.
            RefusedError: the DAG is paused, and Airflow would queue the run.
        """
        if self._api is None:
            raise CannotExpressError(
                "trigger",
                "a DAG folder cannot start a run.",
                ["with `api_url` for the orchestrator in zenml:orchestrators"],
            )
        dag = self._api.dag(native_id)
        if dag is None or dag.gone:
            raise NotFoundError(SERVICE, f"Airflow has no DAG '{native_id}'.")
        if dag.paused:
            raise RefusedError(
                SERVICE,
                f"the DAG '{native_id}' is paused, and Airflow would queue the run until it is "
                "resumed. Resume the schedule first.",
            )
        return self._api.trigger(native_id)

    @property
    def _view(self) -> View:
        return View(self._folder, self._api, waits=bool(self._wait))

    @property
    def _folder(self) -> Folder:
        with self._lock:
            if self._opened is None:
                component = self.target.component
                path = self._given_folder() or default_folder(component)
                self._opened = open_folder(path, component)
            return self._opened

    def _require_folder(self) -> Folder:
        local = self.target.component.configuration.get("local", True)
        if not self._given_folder() and not local:
            raise ServiceError(
                SERVICE,
                f"the orchestrator '{self.target.component.name}' has no `dag_output_dir`, so its "
                "DAGs would never leave this machine. Set it to the folder that Airflow reads.",
            )
        return self._folder

    def _given_folder(self) -> str:
        given = self.target.overrides.get("dag_output_dir")
        return str(given or self.target.component.configuration.get("dag_output_dir") or "")

    @property
    def _major(self) -> int:
        if self._api:
            return self._api.http.major
        return int(str(self.target.overrides.get("airflow_version") or 3))

    def _open(self, folder: Folder, name: str) -> DagZip | None:
        data = folder.read(name)
        try:
            return DagZip.parse(data) if data is not None else None
        except BrokenZipError as error:
            raise ServiceError(SERVICE, f"the zip '{name}' in {folder.where}: {error}.") from error

    def _put(self, name: str, dag: DagZip, *, paused: bool, from_now: bool = False) -> DagZip:
        dag = timed(dag, paused=paused, major=self._major, from_now=from_now)
        self._folder.write(name, dag.data())
        return dag

    def _resume(self, name: str, dag: DagZip) -> None:
        api = self._api
        known = api.dag(name) if api else None
        paused_there = known is not None and known.paused
        late = known is not None and missed(known) is not None
        makes_up = bool(counterpart(name, dag).native.fields.get("catchup"))
        from_now = paused_there and late and not makes_up
        if is_paused(dag) or from_now:
            self._put(name, dag, paused=False, from_now=True)
        if api and paused_there:
            if from_now:
                starts_from_now(api, name, seconds=self._wait)
            api.set_paused(name, False)

    def _missing(self, name: str) -> NotFoundError:
        return NotFoundError(
            SERVICE,
            f"there is no DAG zip '{name}' in {self._folder.where}.",
            wanted=name,
            known=self._folder.names(),
        )


def _seconds(given: Json, default: float) -> float:
    return default if given is None else float(str(given))


def _slug(name: str) -> str:
    """A schedule's name as Airflow takes it in a DAG id (airflow utils/helpers.py, KEY_REGEX)."""
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")
    return slug[:_LONGEST_SLUG] or "schedule"
