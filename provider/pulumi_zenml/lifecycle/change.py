"""Changing a pair in place."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pulumi_zenml.errors import CannotExpressError, SubmissionError
from pulumi_zenml.identity import mark_name
from pulumi_zenml.lifecycle.pair import Pair
from pulumi_zenml.lifecycle.removal import PairRemover
from pulumi_zenml.lifecycle.running import DEFAULT_POLICY, Policy
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.lifecycle.undo import certainly
from pulumi_zenml.orchestrators.capabilities import Yes
from pulumi_zenml.zenml.records import ADOPTED, Marker, Record, require


class PairChanger(PairRemover):
    """Brings a pair that stays to what is asked."""

    def update(self, pair: Pair, spec: ScheduleSpec, *, pausing_only: bool = False) -> Pair:
        """Change in place what can be: paused, owner and the orchestrator's settings.

        Whatever else the owner has is removed: it is what an interrupted update left.

        Args:
            pair: what is there.
            spec: what is to be there.
            pausing_only: nothing but ``paused`` changed, so only that is written natively.
        """
        record, found, orchestrator = pair.record, pair.counterpart, pair.orchestrator
        assert record and found and orchestrator
        records = self._zenml.records
        wanted = spec.wanted(found.pipeline)
        if spec.paused and record.active:
            self._runs.spare(record, spec.policy, native_dies=False)
        if not (record.unfinished and record.unfinished.mark == "busy"):
            # An interrupted change is found again by this name, whatever the program says then.
            record = records.rename(record, mark_name(record.name, "busy", spec.owner))
        if not spec.paused:
            # Runs sign in with a token that ZenML refuses while the record is inactive.
            record = records.set_active(record, True)
        with self._zenml.reaching(orchestrator):
            if pausing_only:
                orchestrator.set_paused(found.native_id, spec.paused)
            else:
                # A system that cannot change an object makes another one.
                found = orchestrator.shape(found, wanted)
        found = self._natives.as_asked(orchestrator, found.native_id, wanted)
        if spec.paused:
            record = records.set_active(record, False)
        marker = Marker(
            owner=spec.owner.text,
            native_id=found.native_id,
            name=spec.name,
            retain="yes" if spec.retain else "no",
        )
        record = records.mark(record, marker)
        pair = replace(pair, record=record, counterpart=found)
        others = [it for it in records.owned_by(spec.owner) if it.id != record.id]
        self._remove_others(spec, others, record.id)
        self._remove_copies(pair, spec.owner)
        self._name(record, spec.name)
        record = replace(record, name=spec.name)
        if record.former_owner is not None:
            certainly(
                partial(records.mark, record, Marker(adopted_from=ADOPTED)),
                lambda: require(records.get(record.id), record.id).former_owner is None,
            )
        return replace(pair, record=record)

    def set_paused(self, pair: Pair, paused: bool, *, policy: Policy = DEFAULT_POLICY) -> Pair:
        """Pause or resume what there is of a pair, on both sides, and nothing else.

        Args:
            pair: what is there; one side may be missing.
            paused: whether it may not fire.
            policy: what to do where a run in progress would fail.

        Raises:
            CannotExpressError: the flavor cannot pause.
            RunInProgressError: a run would lose its token.
            SubmissionError: the counterpart is not as asked afterwards.
        """
        record, found, orchestrator = pair.record, pair.counterpart, pair.orchestrator
        records = self._zenml.records
        if record and paused and record.active:
            self._runs.spare(record, policy, native_dies=False)
        if record and not paused:
            # Runs sign in with a token that ZenML refuses while the record is inactive.
            record = records.set_active(record, True)
        if found and orchestrator:
            ability = orchestrator.capabilities.pause
            if not isinstance(ability, Yes):
                raise CannotExpressError("paused", ability.reason, [ability.instead])
            with self._zenml.reaching(orchestrator):
                orchestrator.set_paused(found.native_id, paused)
                found = orchestrator.read(found.native_id)
            if found is None or found.paused != paused:
                raise SubmissionError(
                    f"{orchestrator.flavor} {orchestrator.capabilities.counterpart} "
                    f"'{pair.counterpart and pair.counterpart.native_id}' is not "
                    f"{'paused' if paused else 'resumed'} when it is read."
                )
        if record and paused:
            record = records.set_active(record, False)
        return replace(pair, record=record, counterpart=found)

    def _name(self, record: Record, name: str) -> None:
        """Give a record its final name, the last step of what cannot be undone."""

        def has_it() -> bool:
            # Somebody else may have taken it meanwhile.
            holder = self._zenml.records.find_named(name)
            return holder is not None and holder.id == record.id

        certainly(partial(self._zenml.records.rename, record, name), has_it)
