"""What create, read, update and delete mean for a record and its counterpart together.

Knows no orchestrator and nothing of Pulumi. Two orders of steps are the contract.

Creating: nothing of the old pair is changed before the new one was read back as asked; whatever is
made or renamed says whose it is from its first moment, so that the next attempt finds what a
killed one left; and every step is registered for undo before it is tried.

Deleting: everything of the owner, the counterparts first and the record last, because the record
is the way to the rest.

The steps are in the order of what needs what: :mod:`.reading`, :mod:`.removal`, :mod:`.change`, and
here the making.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from pulumi_zenml.errors import InputError, NotFoundError, OwnershipError, SubmissionError
from pulumi_zenml.identity import Owner, mark_name
from pulumi_zenml.lifecycle.change import PairChanger
from pulumi_zenml.lifecycle.pair import Pair, foreign_build, ownership_problem
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.lifecycle.undo import Undo
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.compare import same_cadence
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.zenml.project import Source, StackRef
from pulumi_zenml.zenml.records import NO_OWNER, Marker, Record, require


class Pairs(PairChanger):
    """The lifecycle of pairs in one ZenML project: :meth:`create`, and all that it is built on."""

    def create(self, spec: ScheduleSpec, *, in_state: str = "") -> Pair:
        """Make the pair, or take over one that is already as declared.

        Args:
            spec: what is to be there.
            in_state: id of the record that Pulumi's state names and that Pulumi will have deleted
                itself afterwards, as far as that is known. Anything else of the owner goes here.

        Raises:
            InputError: the flavor cannot honour it.
            OwnershipError: the name belongs to somebody else.
            RunInProgressError: replacing would end a run.
            SubmissionError, ServiceError: a step failed; everything it did is undone.
        """
        stack = self._zenml.stack_ref(spec.stack)
        orchestrator = self._zenml.orchestrator(spec.stack)
        _raise_all(type(orchestrator).check(spec.wanted()))
        mine = self._mine(spec.owner, in_state)
        holder = self._zenml.records.named(spec.name)
        if holder is None:
            # One whose adoption was interrupted has the name only once that is finished.
            holder = next((it for it in mine if it.former_owner is not None), None)
        adopted = holder if holder and holder not in mine else None
        if adopted:
            problem = ownership_problem(adopted, spec.adopt)
            if problem:
                raise OwnershipError(problem)
        with self._zenml.reaching(orchestrator):
            orchestrator.verify(spec.wanted())
        source = None if spec.pipeline else self._zenml.source(spec.snapshot)
        if source and holder and _can_be_taken(holder, adopted, in_state):
            taken = self._take_over(spec, holder, orchestrator, source)
            if taken:
                self._remove_others(spec, [it for it in mine if it != holder], in_state)
                return taken
        replaced = [*mine, *([adopted] if adopted else [])]
        undo = Undo()
        try:
            for record in replaced:
                self._runs.spare(record, spec.policy, stop=not record.unfinished, undo=undo)
            if source is None:
                assert spec.pipeline
                source = self._zenml.build(spec.pipeline, stack, f"pulumi-{spec.name}"[:255])
        except Exception as error:
            undo.run(error)
            raise
        self._warn_of_foreign_build(source, stack)
        return self._make(spec, stack, orchestrator, source, replaced, in_state, undo)

    def restore(self, spec: ScheduleSpec) -> Pair:
        """Make a pair that replaces nothing, whoever its owner is to be.

        Raises:
            OwnershipError: the name is taken.
            InputError, SubmissionError, ServiceError: as for :meth:`create`.
        """
        stack = self._zenml.stack_ref(spec.stack)
        orchestrator = self._zenml.orchestrator(spec.stack)
        _raise_all(type(orchestrator).check(spec.wanted()))
        if self._zenml.records.named(spec.name):
            raise OwnershipError(f"ZenML already has a schedule '{spec.name}'.")
        with self._zenml.reaching(orchestrator):
            orchestrator.verify(spec.wanted())
        source = self._zenml.source(spec.snapshot)
        return self._make(spec, stack, orchestrator, source, [], "", Undo())

    def _mine(self, owner: Owner, in_state: str) -> list[Record]:
        """What the owner has, and what the state has for it under a name it had before."""
        mine = self._zenml.records.owned_by(owner)
        before = self._zenml.records.listed(in_state) if in_state else None
        if before and before not in mine and before.belongs_to_stack(owner.key):
            mine.append(before)
        return mine

    def _take_over(
        self, spec: ScheduleSpec, record: Record, orchestrator: Orchestrator, source: Source
    ) -> Pair | None:
        """The pair that holds the name, if it already runs what is declared when it is declared."""
        found = self._natives.find(record)
        here = str(orchestrator.target.component.id)
        if found is None or record.orchestrator_id != here:
            return None
        try:
            submitted = self._zenml.source(found.snapshot_id or "")
        except NotFoundError:
            return None
        if source.id not in (submitted.id, submitted.copied_from):
            return None
        if not same_cadence(orchestrator, spec.cadence, found):
            return None
        records = self._zenml.records
        # The owner first: should the rest fail, the next attempt takes it over again.
        record = records.mark(
            record,
            Marker(
                owner=spec.owner.text,
                timezone=spec.cadence.timezone,
                snapshot=submitted.id,
                native_id=found.native_id,
                name=spec.name,
                source=source.id,
                reference=spec.snapshot,
                adopted_from=_adopting(spec, record).adopted_from,
            ),
        )
        if spec.cadence.cron:
            # The row may hold the orchestrator's spelling; ours holds the neutral one.
            record = records.set_cron(record, spec.cadence)
        pair = Pair(record, found, orchestrator, source.id, submitted.pipeline)
        return self.update(pair, spec)

    def _make(
        self,
        spec: ScheduleSpec,
        stack: StackRef,
        orchestrator: Orchestrator,
        source: Source,
        replaced: Sequence[Record],
        in_state: str,
        undo: Undo,
    ) -> Pair:
        goes = [it for it in replaced if spec.retain or it.id != in_state]
        try:
            record, found = self._submit(spec, stack, orchestrator, source, undo)
            self._stop_replaced(spec, replaced, undo)
            if not goes:
                # Newest first: the name is free again before the old record takes it back.
                undo.before("the new name", partial(self._unname, record))
                self._zenml.records.rename(record, spec.name)
        except Exception as error:
            undo.run(error)
            raise
        if goes:
            # The name comes last: until then an interrupted create is seen by it.
            self._remove_others(spec, replaced, in_state)
            self._name(record, spec.name)
        record = replace(record, name=spec.name)
        return Pair(record, found, orchestrator, source.id, source.pipeline)

    def _submit(
        self,
        spec: ScheduleSpec,
        stack: StackRef,
        orchestrator: Orchestrator,
        source: Source,
        undo: Undo,
    ) -> tuple[Record, Counterpart]:
        """A new pair under a name that says whose it is, read back as asked."""
        records = self._zenml.records
        wanted = spec.wanted(source.pipeline)
        submission = orchestrator.submission(wanted)
        staged = mark_name(spec.name, "new", spec.owner)
        # The record is the way to a counterpart that cannot be deleted now: it goes last.
        undo.before("the new pair", lambda: self._take_back(orchestrator, staged))
        record = records.create(
            staged,
            spec.cadence,
            Marker(
                owner=spec.owner.text,
                timezone=spec.cadence.timezone,
                name=spec.name,
                reference=spec.snapshot,
                source=source.id,
                retain="yes" if spec.retain else "no",
            ),
            pipeline_id=source.pipeline_id,
            orchestrator_id=str(orchestrator.target.component.id),
        )
        snapshot = self._zenml.copy_snapshot(
            source, stack, record.id, flavor=orchestrator.flavor, settings=submission.settings
        )
        record = records.mark(record, Marker(snapshot=snapshot))
        with self._zenml.reaching(orchestrator):
            self._zenml.submit(snapshot, stack, submission, spec.name)
        # ZenML may have written where the counterpart is.
        hinted = replace(record, metadata=require(records.get(record.id), record.id).metadata)
        found = self._natives.locate(orchestrator, snapshot, hinted, wanted.pipeline)
        if found is None:
            raise SubmissionError(
                f"ZenML reported no error, but {orchestrator.flavor} has no "
                f"{orchestrator.capabilities.counterpart} for '{spec.name}'. Is the "
                "orchestrator reachable from here?"
            )
        with self._zenml.reaching(orchestrator):
            found = orchestrator.shape(found, wanted)
        found = self._natives.as_asked(orchestrator, found.native_id, wanted)
        record = records.mark(record, Marker(native_id=found.native_id))
        if spec.paused:
            record = records.set_active(record, False)
        return record, found

    def _stop_replaced(self, spec: ScheduleSpec, replaced: Sequence[Record], undo: Undo) -> None:
        """Keep the old pairs from firing and free their names, now that the new one fires.

        Between the two both may fire; the other order could leave nothing that fires.
        """
        records = self._zenml.records
        for before in replaced:
            old = before
            if not old.belongs_to_stack(spec.owner.key):
                # Marked before anything of it is changed: an interrupted adoption is found again.
                undo.before(f"the owner of '{old.name}'", partial(self._give_back_owner, before))
                old = records.mark(old, _adopting(spec, old))
            found = self._natives.find(old)
            if found and not found.paused:
                undo.before(f"'{old.name}'", partial(self._natives.set_paused, old, False))
                self._natives.set_paused(old, True)
            if not (old.unfinished and old.unfinished.mark == "old"):
                # Even where the names differ: it is not to be taken for one that stays.
                undo.before("the old name", partial(records.rename, old, before.name))
                records.rename(old, mark_name(old.name, "old", spec.owner))

    def _take_back(self, orchestrator: Orchestrator, staged: str) -> None:
        record = self._zenml.records.find_named(staged)
        if record is None:
            return
        self._natives.delete_submitted(orchestrator, record)
        self._zenml.records.delete(record)

    def _unname(self, record: Record) -> None:
        if self._zenml.records.get(record.id) is not None:
            self._zenml.records.rename(record, record.name)

    def _give_back_owner(self, old: Record) -> None:
        now = self._zenml.records.get(old.id)
        if now:
            self._zenml.records.give_back(now, old.marker.owner)

    def _warn_of_foreign_build(self, source: Source, stack: StackRef) -> None:
        if warning := foreign_build(source, stack):
            self._zenml.warn(warning)


def _can_be_taken(holder: Record, adopted: Record | None, in_state: str) -> bool:
    """Whether the pair that has the name may become the resource's own as it is.

    Not one of its own where the state may have it: Pulumi deletes what the state has after a
    replace that was asked for (``--replace``), of which no diff tells.
    """
    if holder.unfinished and holder.unfinished.mark != "busy":
        return False
    adopting = holder is adopted or holder.former_owner is not None
    return adopting or (bool(in_state) and holder.id != in_state)


def _adopting(spec: ScheduleSpec, record: Record) -> Marker:
    """The owner's mark of an adoption that has begun; nothing more for what is the owner's own."""
    if record.belongs_to(spec.owner):
        return Marker(owner=spec.owner.text)
    return Marker(owner=spec.owner.text, adopted_from=record.marker.owner or NO_OWNER)


def _raise_all(problems: Sequence[InputError]) -> None:
    if not problems:
        return
    first, *others = problems
    for other in others:
        first.also(str(other))
    raise first
