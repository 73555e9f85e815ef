"""The counterparts in a DAG folder, with Airflow's own state of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from pulumi_zenml.cadence.model import Native
from pulumi_zenml.orchestrators.airflow.api import AirflowApi, Dag
from pulumi_zenml.orchestrators.airflow.dag import TAG, counterpart
from pulumi_zenml.orchestrators.airflow.folder import Folder
from pulumi_zenml.orchestrators.airflow.zip import BrokenZipError, DagZip
from pulumi_zenml.orchestrators.counterpart import Counterpart


class View:
    """A DAG folder as counterparts.

    Args:
        folder: the folder.
        api: the Airflow that reads it, if configured.
        waits: whether a change that Airflow has not noticed yet is a problem.
    """

    def __init__(self, folder: Folder, api: AirflowApi | None, *, waits: bool = True) -> None:
        self._folder = folder
        self._api = api
        self._waits = waits

    def everything(self) -> Iterator[Counterpart]:
        """Every zip that ZenML wrote, every unreadable one, and every DAG that lost its zip."""
        names = self._folder.names()
        if self._api is None:
            found = (self.find(name) for name in names)
        else:
            known, reasons = self._api.dags(), functools.cache(self._api.import_errors)
            ours = (it for it in known if self._folder.holds(it, known[it].file))
            names += [name for name in ours if name not in names]
            found = (self._join(name, known.get(name), reasons) for name in names)
        yield from (it for it in found if it)

    def find(self, name: str) -> Counterpart | None:
        """One zip, or the DAG that it was; ``None`` without either."""
        if self._api is None:
            return self._read(name)[1]
        return self._join(name, self._api.dag(name), self._api.import_errors)

    def _read(self, name: str) -> tuple[DagZip | None, Counterpart | None]:
        data = self._folder.read(name)
        try:
            dag = DagZip.parse(data) if data is not None else None
        except BrokenZipError as error:
            unreadable = Native("unreadable")
            return None, Counterpart(name, unreadable, None, False, None, problem=str(error))
        return dag, counterpart(name, dag) if dag else None

    def _join(
        self, name: str, there: Dag | None, reasons: Callable[[], Mapping[str, str]]
    ) -> Counterpart | None:
        """A zip together with its DAG in Airflow."""
        assert self._api
        dag, found = self._read(name)
        if found is None:
            return self._ghost(there) if there else None
        if dag is None:
            return found
        problem = found.problem
        if there is None or there.gone or there.broken:
            reason = reasons().get(name)
            if reason:
                problem = f"Airflow cannot import it: {dag.scrub(reason)}"
            elif self._waits and not (there and there.broken):
                problem = problem or "Airflow has not read it yet"
        return replace(
            found,
            paused=found.paused or bool(there and there.paused),
            url=self._api.url(name),
            problem=problem,
        )

    def _ghost(self, there: Dag) -> Counterpart | None:
        """A DAG of this package that Airflow still has although its zip was deleted."""
        if there.gone or TAG not in there.tags or (there.paused and not self._waits):
            return None
        assert self._api
        where = self._folder.where
        return Counterpart(
            there.dag_id,
            Native("unknown"),
            None,
            there.paused,
            None,
            url=self._api.url(there.dag_id),
            problem=f"its zip was deleted from {where}, but Airflow has not noticed yet",
        )
