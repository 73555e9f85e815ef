"""Runs in progress of a pair, on both sides, before something that would make them fail."""

from __future__ import annotations

from functools import partial

from pulumi_zenml.errors import RunInProgressError
from pulumi_zenml.lifecycle.natives import Natives
from pulumi_zenml.lifecycle.ports import Zenml
from pulumi_zenml.lifecycle.running import Policy, spare_runs
from pulumi_zenml.lifecycle.undo import Undo
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.capabilities import Yes
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.zenml.records import Record


class Runs:
    """The runs of one ZenML project's pairs."""

    def __init__(self, zenml: Zenml, natives: Natives) -> None:
        self._zenml = zenml
        self._natives = natives

    def spare(
        self,
        record: Record,
        policy: Policy,
        *,
        native_dies: bool = True,
        stop: bool = True,
        undo: Undo | None = None,
    ) -> None:
        """Ask :func:`~.running.spare_runs` for a record, with its runs on both sides.

        What is paused so that its runs can end fires again where they do not, and where a later
        step of ``undo`` fails.
        """
        undo = undo or Undo()
        if policy.when_running == "ignore":
            return
        found = self._natives.find(record)
        orchestrator = self._natives.orchestrator_of(record)

        def running() -> list[str]:
            names = self._zenml.records.running(record) if self._zenml.has_tokens else []
            if orchestrator and found:
                dies = native_dies and not isinstance(orchestrator.capabilities.keeps_runs, Yes)
                if self._zenml.has_tokens or dies:
                    names += self.of(orchestrator, found)
            return names

        def stop_firing() -> None:
            if stop and found and not found.paused:
                undo.before(f"'{record.name}'", partial(self._natives.set_paused, record, False))
                self._natives.set_paused(record, True)

        try:
            spare_runs(record.name, running, policy, stop_firing=stop_firing)
        except RunInProgressError as error:
            undo.run(error)
            raise

    def of(self, orchestrator: Orchestrator, found: Counterpart) -> list[str]:
        """The ids of a counterpart's runs in progress, as the orchestrator has them."""
        with self._zenml.reaching(orchestrator):
            runs = orchestrator.runs(found.native_id, limit=20)
        return [run.run_id for run in runs if run.state in ("queued", "running")]
