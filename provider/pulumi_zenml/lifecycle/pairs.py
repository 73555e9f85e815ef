"""What create, read, update and delete mean for a record and its counterpart together.

Knows no orchestrator and nothing of Pulumi. The order of steps in :meth:`Pairs.create` is the
contract: nothing of the old pair is touched before the new one was seen to be right, and
whatever is made carries its owner's mark from its first moment, so that the next attempt
finds what a killed one left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from pulumi_zenml.errors import (
    CannotExpressError,
    InputError,
    NotFoundError,
    OwnershipError,
    PulumiZenmlError,
    RefusedError,
    SubmissionError,
)
from pulumi_zenml.lifecycle.natives import Natives
from pulumi_zenml.lifecycle.pair import Declared, Pair, ownership_problem
from pulumi_zenml.lifecycle.running import DEFAULT_POLICY, Policy, spare_runs
from pulumi_zenml.lifecycle.undo import Undo
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.capabilities import Yes
from pulumi_zenml.orchestrators.compare import same_cadence
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted
from pulumi_zenml.zenml.records import Marker, Record, aside_name, require
from pulumi_zenml.zenml.submission import schedule_snapshot, submit

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse, StackResponse

    from pulumi_zenml.lifecycle.session import Session


class Pairs:
    """The lifecycle of pairs in one ZenML project."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._natives = Natives(session)

    def create(self, declared: Declared) -> Pair:
        """Make the pair, or take over one that is already as declared.

        Raises:
            InputError: the flavor cannot honour it.
            OwnershipError: the name belongs to somebody else.
            RunInProgressError: replacing would end a run.
            SubmissionError, ServiceError: a step failed; everything it did is undone.
        """
        session = self._session
        stack = session.stack(declared.stack)
        orchestrator = session.orchestrator(declared.stack)
        wanted = Wanted(
            name=declared.name,
            owner=declared.owner,
            cadence=declared.cadence,
            paused=declared.paused,
            settings=declared.settings,
        )
        _raise_all(type(orchestrator).check(wanted))
        mine = self._mine(declared)
        holder = session.records.named(declared.name)
        adopted = holder if holder and holder not in mine else None
        if adopted:
            problem = ownership_problem(adopted, declared.adopt)
            if problem:
                raise OwnershipError(problem)
        orchestrator.verify(wanted)
        source = None
        if not declared.build:
            source = session.snapshot(declared.snapshot)
        if adopted:
            taken = self._take_over(declared, adopted, orchestrator, source)
            if taken:
                return taken
            mine = [*mine, adopted]
        for record in mine:
            self._spare_runs(record, self._natives.find(record), declared.policy)
        if source is None:
            source = session.snapshot(self._build(declared, stack))
        self._warn_of_foreign_build(source, stack)
        pair = self._make(declared, wanted, stack, orchestrator, source, mine)
        for record in mine:
            self._remove_replaced(record)
        return pair

    def read(self, record_id: str, *, native_id: str, orchestrator_id: str) -> Pair | None:
        """Both sides from the process's one listing; ``None`` when both are gone.

        Args:
            record_id: ZenML's id of the record.
            native_id: the counterpart as last known; empty for what the record says.
            orchestrator_id: the component it was made in; empty likewise.
        """
        record = self._session.records.listed(record_id)
        if record:
            native_id = native_id or record.marker.native_id
            orchestrator_id = orchestrator_id or record.orchestrator_id or ""
        orchestrator = self._natives.orchestrator(orchestrator_id)
        counterpart = None
        if orchestrator:
            there = self._session.counterparts(orchestrator)
            runs = record.marker.snapshot if record else ""
            same = (it for it in there.values() if runs and it.snapshot_id == runs)
            counterpart = there.get(native_id) or next(same, None)
        if record is None and counterpart is None:
            return None
        return Pair(record, counterpart, orchestrator)

    def at(self, record_id: str, *, native_id: str, orchestrator_id: str) -> Pair:
        """Both sides, looked at now.

        Raises:
            NotFoundError: one of them is gone.
        """
        record = require(self._session.records.get(record_id), record_id)
        orchestrator = self._natives.orchestrator(orchestrator_id)
        found = self._natives.read(orchestrator, native_id, record) if orchestrator else None
        if found is None:
            raise NotFoundError(
                "ZenML",
                f"schedule '{record.name}' has lost its counterpart '{native_id}'. Run 'pulumi "
                "refresh'; the next 'pulumi up' then replaces it.",
            )
        return Pair(record, found, orchestrator)

    def find(self, record: Record) -> Pair:
        """A record's pair, looked at now."""
        orchestrator = self._natives.orchestrator(record.orchestrator_id)
        return Pair(record, self._natives.find(record), orchestrator)

    def update(self, pair: Pair, declared: Declared, *, pausing_only: bool) -> Pair:
        """Change in place what can be: paused, owner and the orchestrator's settings.

        Args:
            pair: what is there.
            declared: what is to be there.
            pausing_only: nothing but ``paused`` changed, so only that is written natively.
        """
        record, found, orchestrator = pair.record, pair.counterpart, pair.orchestrator
        assert record and found and orchestrator
        wanted = Wanted(
            name=declared.name,
            owner=declared.owner,
            cadence=declared.cadence,
            paused=declared.paused,
            settings=declared.settings,
            pipeline=found.pipeline,
        )
        if declared.paused and record.active:
            self._spare_runs(record, found, declared.policy, native_dies=False)
        if not declared.paused:
            # Runs sign in with a token that ZenML refuses while the record is inactive.
            record = self._session.records.set_active(record, True)
        if pausing_only:
            orchestrator.set_paused(found.native_id, declared.paused)
        else:
            # A system that cannot change an object makes another one.
            found = orchestrator.shape(found, wanted)
        found = self._natives.as_asked(orchestrator, found.native_id, wanted)
        if declared.paused:
            record = self._session.records.set_active(record, False)
        marker = Marker(owner=declared.owner, native_id=found.native_id)
        record = self._session.records.mark(record, marker)
        return replace(pair, record=record, counterpart=found)

    def delete(
        self,
        record_id: str,
        *,
        native_id: str,
        orchestrator_id: str,
        policy: Policy = DEFAULT_POLICY,
        keep_snapshots: bool = False,
    ) -> None:
        """Delete the counterpart, then the record; then look at both. Gone is success.

        Args:
            record_id: ZenML's id of the record; empty for a counterpart without one.
            native_id: the counterpart; empty for what the record says.
            orchestrator_id: the component it is in.
            policy: what to do where a run in progress would fail.
            keep_snapshots: leave the submitted snapshots, so that the pair can be made again.

        Raises:
            RunInProgressError: a run would lose its token or its counterpart.
            NotGoneError: one of the two is still there.
        """
        record = self._session.records.get(record_id) if record_id else None
        orchestrator = self._natives.orchestrator(orchestrator_id)
        if orchestrator is None:
            if native_id:
                raise RefusedError(
                    "ZenML",
                    f"orchestrator {orchestrator_id} is gone, and with it the way to reach "
                    f"'{native_id}', which may still fire. Register it again, or delete "
                    f"'{native_id}' by hand and run 'pulumi state delete'.",
                )
        else:
            found = self._natives.read(orchestrator, native_id, record) if native_id else None
            if record:
                found = found or self._natives.find(record)
                self._spare_runs(record, found, policy)
            self._natives.delete(orchestrator, record, found)
        if record:
            self._session.records.delete(record, keep_snapshots=keep_snapshots)

    def forget(self, record: Record, *, policy: Policy = DEFAULT_POLICY) -> None:
        """Delete a record and nothing else: its counterpart is gone, or belongs to another.

        Args:
            record: the row in ZenML; its snapshots stay.
            policy: what to do where a run in progress would fail.

        Raises:
            RunInProgressError: a run would lose its token.
            NotGoneError: it is still there.
        """
        self._spare_runs(record, None, policy, native_dies=False)
        self._session.records.delete(record, keep_snapshots=True)

    def restore(self, declared: Declared) -> Pair:
        """Make a pair that replaces nothing, whoever its owner is to be.

        Raises:
            OwnershipError: the name is taken.
            InputError, SubmissionError, ServiceError: as for :meth:`create`.
        """
        session = self._session
        stack = session.stack(declared.stack)
        orchestrator = session.orchestrator(declared.stack)
        wanted = Wanted(
            name=declared.name,
            owner=declared.owner,
            cadence=declared.cadence,
            paused=declared.paused,
            settings=declared.settings,
        )
        _raise_all(type(orchestrator).check(wanted))
        if session.records.named(declared.name):
            raise OwnershipError(f"ZenML already has a schedule '{declared.name}'.")
        orchestrator.verify(wanted)
        source = session.snapshot(declared.snapshot)
        return self._make(declared, wanted, stack, orchestrator, source, [])

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
        if record and paused and record.active:
            self._spare_runs(record, found, policy, native_dies=False)
        if record and not paused:
            # Runs sign in with a token that ZenML refuses while the record is inactive.
            record = self._session.records.set_active(record, True)
        if found and orchestrator:
            ability = orchestrator.capabilities.pause
            if not isinstance(ability, Yes):
                raise CannotExpressError("paused", ability.reason, [ability.instead])
            orchestrator.set_paused(found.native_id, paused)
            found = orchestrator.read(found.native_id)
            if found is None or found.paused != paused:
                raise SubmissionError(
                    f"{orchestrator.flavor} {orchestrator.capabilities.counterpart} "
                    f"'{pair.counterpart and pair.counterpart.native_id}' is not "
                    f"{'paused' if paused else 'resumed'} when looked at."
                )
        if record and paused:
            record = self._session.records.set_active(record, False)
        return replace(pair, record=record, counterpart=found)

    # --- the steps of create -----------------------------------------------------------------

    def _mine(self, declared: Declared) -> list[Record]:
        return self._session.records.owned_by(declared.owner, *declared.formerly)

    def _take_over(
        self,
        declared: Declared,
        record: Record,
        orchestrator: Orchestrator,
        source: PipelineSnapshotResponse | None,
    ) -> Pair | None:
        """The adopted pair, if it already runs what is declared when it is declared."""
        found = self._natives.find(record)
        here = str(orchestrator.target.component.id)
        if found is None or source is None or record.orchestrator_id != here:
            return None
        try:
            submitted = self._session.snapshot(found.snapshot_id or "")
        except NotFoundError:
            return None
        if source.id not in (submitted.id, submitted.source_snapshot_id):
            return None
        if not same_cadence(orchestrator, declared.cadence, found):
            return None
        if declared.cadence.cron:
            # The row may hold the orchestrator's spelling; ours holds the neutral one.
            record = self._session.records.set_cron(record, declared.cadence)
        # Without an owner yet: should the rest fail, the next attempt takes it over again.
        marker = Marker(
            timezone=declared.cadence.timezone,
            snapshot=str(submitted.id),
            native_id=found.native_id,
            name=declared.name,
            source=str(source.id),
            reference=declared.snapshot,
        )
        record = self._session.records.mark(record, marker)
        pair = Pair(record, found, orchestrator, str(source.id), submitted.pipeline.name)
        return self.update(pair, declared, pausing_only=False)

    def _make(
        self,
        declared: Declared,
        wanted: Wanted,
        stack: StackResponse,
        orchestrator: Orchestrator,
        source: PipelineSnapshotResponse,
        mine: Sequence[Record],
    ) -> Pair:
        records = self._session.records
        wanted = replace(wanted, pipeline=source.pipeline.name)
        submission = orchestrator.submission(wanted)
        undo = Undo()
        try:
            record = records.create(
                declared.owner,
                declared.cadence,
                pipeline_id=source.pipeline.id,
                orchestrator_id=orchestrator.target.component.id,
                name=declared.name,
            )
            # The record is the way to a counterpart that cannot be deleted now: it goes last.
            undo.add("the new pair", lambda: self._take_back(orchestrator, record))
            snapshot = schedule_snapshot(
                source,
                stack=stack,
                schedule_id=UUID(record.id),
                flavor=orchestrator.flavor,
                settings=submission.settings,
            )
            submitted = Marker(
                snapshot=str(snapshot.id),
                derived=True,
                source=str(source.id),
                reference=declared.snapshot,
            )
            record = records.mark(record, submitted)
            submit(snapshot, stack=stack, submission=submission, name=declared.name)
            # ZenML may have written where the counterpart is.
            told = replace(record, metadata=require(records.get(record.id), record.id).metadata)
            found = orchestrator.locate(
                str(snapshot.id), self._natives.hints(told, wanted.pipeline)
            )
            if found is None:
                raise SubmissionError(
                    f"ZenML reported no error, but {orchestrator.flavor} has no "
                    f"{orchestrator.capabilities.counterpart} for '{declared.name}'. Is the "
                    "orchestrator reachable from here?"
                )
            found = orchestrator.shape(found, wanted)
            found = self._natives.as_asked(orchestrator, found.native_id, wanted)
            record = records.mark(record, Marker(native_id=found.native_id))
            if declared.paused:
                record = records.set_active(record, False)
            for old in mine:
                if old.name == declared.name:
                    aside = records.rename(old, aside_name(old))
                    undo.add("the old name", partial(records.rename, aside, old.name))
            # The last step: until here the name can be given back.
            record = records.rename(record, declared.name)
        except Exception as error:
            undo.run(error)
            raise
        return Pair(record, found, orchestrator, str(source.id), source.pipeline.name)

    def _build(self, declared: Declared, stack: StackResponse) -> str:
        assert declared.build
        connection = self._session.connection
        environment = {
            "ZENML_ACTIVE_PROJECT_ID": str(self._session.project_id),
            "ZENML_ACTIVE_STACK_ID": str(stack.id),
            "ZENML_STORE_API_KEY": connection.api_key,
            "ZENML_STORE_URL": connection.server_url,
        }
        given = {key: value for key, value in environment.items() if value}
        return declared.build(name=f"pulumi-{declared.name}"[:255], environment=given)

    def _take_back(self, orchestrator: Orchestrator, record: Record) -> None:
        self._natives.delete(orchestrator, record, None)
        self._session.records.delete(record)

    def _remove_replaced(self, record: Record) -> None:
        # The new pair stands; losing its state over an old one would leave both.
        try:
            pair = self.find(record)
            if pair.orchestrator:
                self._natives.delete(pair.orchestrator, record, pair.counterpart)
            elif record.marker.native_id:
                self._session.warn(
                    f"the orchestrator of '{record.name}' is gone from ZenML, so its counterpart "
                    f"'{record.marker.native_id}' was left as it is."
                )
            self._session.records.delete(record)
        except PulumiZenmlError as error:
            self._session.warn(
                f"schedule '{record.name}' was replaced, but what it replaced could not be "
                f"removed and may still fire: {error}"
            )

    # --- helpers -----------------------------------------------------------------------------

    def _spare_runs(
        self,
        record: Record,
        found: Counterpart | None,
        policy: Policy,
        *,
        native_dies: bool = True,
    ) -> None:
        orchestrator = self._natives.orchestrator(record.orchestrator_id)
        spare_runs(self._session, orchestrator, record, found, policy, native_dies=native_dies)

    def _warn_of_foreign_build(
        self, source: PipelineSnapshotResponse, stack: StackResponse
    ) -> None:
        if source.stack and source.stack.id != stack.id:
            self._session.warn(
                f"snapshot '{source.name or source.id}' was built for stack "
                f"'{source.stack.name}' and is scheduled on '{stack.name}': its image must hold "
                "what that stack needs."
            )


def _raise_all(problems: Sequence[InputError]) -> None:
    if not problems:
        return
    first, *others = problems
    for other in others:
        first.also(str(other))
    raise first
