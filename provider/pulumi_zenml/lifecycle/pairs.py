"""What create, read, update and delete mean for a record and its counterpart together.

Knows no orchestrator and nothing of Pulumi. Two orders of steps are the contract.

Creating: nothing of the old pair is changed before the new one was read back as asked; whatever is
made or renamed says whose it is from its first moment, so that the next attempt finds what a
killed one left; and every step is registered for undo before it is tried.

Deleting: everything of the owner, the counterparts first and the record last, because the record
is the way to the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from pulumi_zenml.errors import (
    CannotExpressError,
    InputError,
    NotFoundError,
    OwnershipError,
    PulumiZenmlError,
    RefusedError,
    RunInProgressError,
    ServiceError,
    SubmissionError,
)
from pulumi_zenml.identity import NOBODY, Owner, mark_name, read_owner
from pulumi_zenml.lifecycle.natives import Natives
from pulumi_zenml.lifecycle.pair import Pair, ownership_problem
from pulumi_zenml.lifecycle.ports import Zenml
from pulumi_zenml.lifecycle.running import DEFAULT_POLICY, Policy, spare_runs
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.lifecycle.undo import Undo
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.capabilities import Yes
from pulumi_zenml.orchestrators.compare import same_cadence
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.zenml.errors import ZENML
from pulumi_zenml.zenml.project import Source, StackRef
from pulumi_zenml.zenml.records import ADOPTED, NO_OWNER, Marker, Record, require


class Pairs:
    """The lifecycle of pairs in one ZenML project."""

    def __init__(self, zenml: Zenml) -> None:
        self._zenml = zenml
        self._natives = Natives(zenml)

    # --- create ------------------------------------------------------------------------------

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
                self._spare(record, spec.policy, stop=not record.unfinished, undo=undo)
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

    # --- read --------------------------------------------------------------------------------

    def read(
        self,
        record_id: str,
        *,
        owner: Owner,
        native_id: str,
        orchestrator_id: str,
        snapshot_id: str = "",
    ) -> Pair | None:
        """Both sides from the process's one listing; ``None`` when nothing is left.

        Args:
            record_id: ZenML's id of the record.
            owner: whose it is; :data:`~pulumi_zenml.identity.NOBODY` to read without managing.
            native_id: the counterpart as last known; empty for what the record says.
            orchestrator_id: the component it was made in; empty likewise.
            snapshot_id: the submitted snapshot, which may have outlived both.
        """
        record = self._zenml.records.listed(record_id)
        if record and not (record.belongs_to(owner) or not owner.key or record.owner is None):
            record = None
        if record:
            native_id = native_id or record.marker.native_id
            orchestrator_id = orchestrator_id or record.orchestrator_id or ""
        orchestrator = self._zenml.orchestrator_by_id(orchestrator_id)
        others = [it.id for it in self._zenml.records.owned_by(owner) if it.id != record_id]
        counterpart = None
        if orchestrator:
            there = self._zenml.counterparts(orchestrator)
            runs = record.marker.snapshot if record else ""
            same = [it for it in there.values() if runs and it.snapshot_id == runs]
            counterpart = there.get(native_id) or next(iter(same), None)
            if counterpart and record is None and owner.key:
                # The id may be another's by now: its mark, where it has one, says so.
                marked = read_owner(counterpart.owner)
                if marked and marked.key and not owner.is_same(marked):
                    counterpart = None
            others += [it.native_id for it in same if it != counterpart]
        if record is None and counterpart is None and not self._is_there(snapshot_id):
            return None
        return Pair(record, counterpart, orchestrator, others=tuple(others))

    def _is_there(self, snapshot_id: str) -> bool:
        """Whether a snapshot that was submitted is still there, and would stay for ever."""
        try:
            if not snapshot_id or not self._zenml.source(snapshot_id).copied_from:
                return False
        except NotFoundError:
            return False
        # The record of another stack, which adopted the pair, may be alive.
        record_id = self._zenml.snapshot_record(snapshot_id)
        return record_id is None or self._zenml.records.listed(record_id) is None

    def at(
        self, record_id: str, *, native_id: str, orchestrator_id: str, owner: Owner = NOBODY
    ) -> Pair:
        """Both sides, read now.

        Raises:
            NotFoundError: one of them is gone.
            OwnershipError: it belongs to somebody else by now.
        """
        record = require(self._zenml.records.get(record_id), record_id)
        if record.owner and owner.key and not record.belongs_to(owner):
            raise OwnershipError(
                f"schedule '{record.name}' belongs to '{record.owner.label}' by now. Run 'pulumi "
                "refresh' to take it out of this stack's state."
            )
        orchestrator = self._zenml.orchestrator_by_id(orchestrator_id)
        found = self._natives.read(orchestrator, native_id, record) if orchestrator else None
        if found is None:
            raise NotFoundError(
                ZENML,
                f"schedule '{record.name}' has lost its counterpart '{native_id}'. Run 'pulumi "
                "refresh'; the next 'pulumi up' then replaces it.",
            )
        others = [it.id for it in self._zenml.records.owned_by(owner) if it.id != record_id]
        if orchestrator:
            others += [
                it.native_id
                for it in self._natives.all_of(orchestrator, owner, record)
                if it.native_id != found.native_id
            ]
        return Pair(record, found, orchestrator, others=tuple(others))

    def find(self, record: Record) -> Pair:
        """A record's pair, read now."""
        return Pair(record, self._natives.find(record), self._natives.orchestrator_of(record))

    # --- update ------------------------------------------------------------------------------

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
            self._spare(record, spec.policy, native_dies=False)
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
            _certainly(
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
            self._spare(record, policy, native_dies=False)
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

    # --- delete ------------------------------------------------------------------------------

    def delete(
        self,
        record_id: str,
        *,
        native_id: str,
        orchestrator_id: str,
        described: str = "",
        owner: Owner = NOBODY,
        snapshot_id: str = "",
        everything: bool = True,
        policy: Policy = DEFAULT_POLICY,
        keep_snapshots: bool = False,
    ) -> None:
        """Delete a pair and whatever else its owner has; then read both sides. Gone is success.

        Args:
            record_id: ZenML's id of the record; empty for a counterpart without one.
            native_id: the counterpart; empty for what the record says.
            orchestrator_id: the component it is in. Where ZenML has that no longer, what an owner
                has is deleted all the same, with a warning that the counterpart may still fire.
            described: what the counterpart is and where, for that warning.
            owner: whose it is. What has come to belong to somebody else is left alone.
            snapshot_id: the submitted snapshot, which may have outlived its record.
            everything: the owner is to have nothing afterwards. Otherwise a finished pair of its
                stays: the one that replaces this one.
            policy: what to do where a run in progress would fail.
            keep_snapshots: leave the submitted snapshots, so that the pair can be made again.

        Raises:
            RunInProgressError: a run would lose its token or its counterpart.
            RefusedError: nobody's counterpart, and ZenML no longer has its orchestrator.
            NotDeletedError: something is still there.
        """
        records = self._zenml.records
        record = records.get(record_id) if record_id else None
        if record and record.owner and owner.key and not record.belongs_to(owner):
            self._zenml.warn(
                f"schedule '{record.name}' belongs to '{record.owner.label}' by now and was left "
                "as it is."
            )
            return
        others = [
            it
            for it in records.owned_by(owner)
            if it.id != record_id and (everything or it.unfinished)
        ]
        adopting = [it for it in others if it.former_owner is not None and not _is_going(it)]
        for each in [it for it in adopting if not self._is_replaced(it)]:
            self._give_back(each)
            others.remove(each)
        doomed = [*([record] if record else []), *others]
        for each in doomed:
            self._spare(each, policy)
        if record is None and native_id:
            self._delete_without_record(native_id, orchestrator_id, owner, policy, described)
        for each in doomed:
            self._delete_one(
                each,
                native_id=native_id if each is record else "",
                orchestrator_id=orchestrator_id if each is record else "",
                described=described if each is record else "",
                owner=owner,
                policy=policy,
                keep_snapshots=keep_snapshots,
            )
        if record is None and record_id:
            records.purge(record_id)
        if record is None and snapshot_id and not keep_snapshots:
            records.delete_stray_snapshot(snapshot_id)

    def delete_stack(self, key: str, *, policy: Policy, unfinished_only: bool = False) -> None:
        """Delete what the resources of one stack left, but what they are to retain.

        Args:
            key: the stack's ownership key.
            policy: what to do where a run in progress would fail.
            unfinished_only: only what was being created or deleted when that was interrupted.
        """
        for record in self._zenml.records.of_stack(key):
            interrupted = record.unfinished and record.unfinished.mark in ("new", "gone")
            adopting = record.former_owner is not None and not _is_going(record)
            if record.marker.retain == "yes" or (unfinished_only and not (interrupted or adopting)):
                continue
            if adopting and not self._is_replaced(record):
                self._give_back(record)
                continue
            self._spare(record, policy)
            owner = record.owner or NOBODY
            self._delete_one(record, native_id="", orchestrator_id="", owner=owner, policy=policy)

    def forget(self, record: Record, *, policy: Policy = DEFAULT_POLICY) -> None:
        """Delete a record and nothing else: its counterpart is gone, or belongs to another.

        Args:
            record: the row in ZenML; its snapshots stay.
            policy: what to do where a run in progress would fail.

        Raises:
            RunInProgressError: a run would lose its token.
            NotDeletedError: it is still there.
        """
        self._spare(record, policy, native_dies=False)
        self._zenml.records.delete(record, keep_snapshots=True)

    # --- the steps of create -----------------------------------------------------------------

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

    def _name(self, record: Record, name: str) -> None:
        """Give a record its final name, the last step of what cannot be undone."""

        def has_it() -> bool:
            # Somebody else may have taken it meanwhile.
            holder = self._zenml.records.find_named(name)
            return holder is not None and holder.id == record.id

        _certainly(partial(self._zenml.records.rename, record, name), has_it)

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
        if source.stack and source.stack.id != stack.id:
            self._zenml.warn(
                f"snapshot '{source.name or source.id}' was built for stack "
                f"'{source.stack.name}' and is scheduled on '{stack.name}': its image must hold "
                "what that stack needs."
            )

    # --- the steps of delete -----------------------------------------------------------------

    def _remove_others(self, spec: ScheduleSpec, replaced: Sequence[Record], in_state: str) -> None:
        """Remove what the new pair replaced; a failure is a warning, as the new pair stands."""
        for old in replaced:
            record = self._zenml.records.listed(old.id)
            if record is None:
                continue
            try:
                if spec.retain and not (record.unfinished and record.unfinished.mark != "old"):
                    self._retain(record)
                elif record.id != in_state:
                    self._spare(record, spec.policy)
                    self._delete_one(
                        record,
                        native_id="",
                        orchestrator_id="",
                        owner=spec.owner,
                        policy=spec.policy,
                    )
            except PulumiZenmlError as error:
                self._zenml.warn(
                    f"schedule '{spec.name}' was replaced, but '{record.name}', which it "
                    f"replaced, could not be removed yet: {error} It no longer fires where it "
                    "could be paused; the next 'pulumi up' or 'destroy' removes it."
                )

    def _retain(self, record: Record) -> None:
        """Leave a replaced pair to the user, paused and without owner."""
        base = record.unfinished.base if record.unfinished else record.name
        name = f"{base[:180]}-retained-{record.id[:8]}"
        self._zenml.records.give_back(self._zenml.records.rename(record, name))
        self._zenml.warn(
            f"retain_on_delete: what was replaced stays, paused, as schedule '{name}' (record "
            f"{record.id}). No Pulumi resource manages it any more."
        )

    def _remove_copies(self, pair: Pair, owner: Owner) -> None:
        """Delete further counterparts that fire for a pair's record."""
        record, found, orchestrator = pair.record, pair.counterpart, pair.orchestrator
        assert record and found and orchestrator
        if not pair.others:
            return
        copies = [
            it.native_id
            for it in self._natives.all_of(orchestrator, owner, record)
            if it.native_id != found.native_id
        ]
        self._natives.delete(orchestrator, copies)

    def _delete_one(
        self,
        record: Record,
        *,
        native_id: str,
        orchestrator_id: str,
        owner: Owner,
        policy: Policy,
        described: str = "",
        keep_snapshots: bool = False,
    ) -> None:
        """Delete a record and all that fires for it, the record last."""
        records = self._zenml.records
        orchestrator = self._zenml.orchestrator_by_id(orchestrator_id or record.orchestrator_id)
        native_id = native_id or record.marker.native_id
        if orchestrator is None and native_id:
            self._leave(
                native_id, orchestrator_id or record.orchestrator_id or "", owner, described
            )
        if owner.key and not _is_going(record):
            # An interrupted delete is found again by this name, whatever the program says then.
            record = records.rename(record, mark_name(record.name, "gone", owner))
        if orchestrator:
            self._stop(record, policy)
            doomed = [it.native_id for it in self._natives.all_of(orchestrator, owner, record)]
            if native_id and self._natives.read(orchestrator, native_id, record):
                doomed.append(native_id)
            self._natives.delete(orchestrator, list(dict.fromkeys(doomed)))
            self._natives.delete_submitted(orchestrator, record)
        self._spare(record, policy, native_dies=False)
        _certainly(
            partial(records.delete, record, keep_snapshots=keep_snapshots),
            lambda: records.get(record.id) is None,
        )

    def _is_replaced(self, record: Record) -> bool:
        """Whether a finished pair of the same owner has the name that a record had."""
        name = record.unfinished.base if record.unfinished else record.name
        holder = self._zenml.records.named(name)
        if holder is None or holder.id == record.id or record.owner is None:
            return False
        return holder.belongs_to(record.owner)

    def _give_back(self, record: Record) -> None:
        """Leave a pair, whose adoption was interrupted, as it was before."""
        records = self._zenml.records
        self._natives.set_paused(record, not record.active)
        if record.unfinished:
            record = records.rename(record, record.unfinished.base)
        records.give_back(record, record.former_owner or "")

    def _stop(self, record: Record, policy: Policy) -> None:
        """Keep it from firing, then ask for its runs once more: one may just have started.

        Raises:
            RunInProgressError: a run would lose its token or its counterpart; it fires again.
        """
        if policy.when_running == "ignore":
            return
        found = self._natives.find(record)
        if found is None or found.paused:
            return
        self._natives.set_paused(record, True)
        try:
            self._spare(record, policy)
        except RunInProgressError:
            self._natives.set_paused(record, False)
            raise

    def _delete_without_record(
        self, native_id: str, orchestrator_id: str, owner: Owner, policy: Policy, described: str
    ) -> None:
        """Delete a counterpart whose record is gone, and its copies."""
        orchestrator = self._zenml.orchestrator_by_id(orchestrator_id)
        if orchestrator is None:
            self._leave(native_id, orchestrator_id, owner, described)
            return
        doomed = self._natives.all_of(orchestrator, owner, None)
        if owner.key:
            found = self._natives.read(orchestrator, native_id, None)
        else:
            # Named by a person, whatever it runs.
            with self._zenml.reaching(orchestrator):
                found = orchestrator.read(native_id)
        marked = read_owner(found.owner) if found else None
        if found and not (marked and marked.key and owner.key and not owner.is_same(marked)):
            doomed.append(found)
        for each in {it.native_id: it for it in doomed}.values():
            running = partial(self._native_runs, orchestrator, each)
            if not isinstance(orchestrator.capabilities.keeps_runs, Yes):
                spare_runs(each.native_id, running, policy)
            self._natives.delete(orchestrator, [each.native_id])

    def _leave(self, native_id: str, orchestrator_id: str, owner: Owner, described: str) -> None:
        """Say that a counterpart cannot be reached, which is no reason to keep a stack for ever.

        Raises:
            RefusedError: it was to be deleted for nobody, so there is nothing else to delete.
        """
        text = (
            f"orchestrator {orchestrator_id} was deleted from ZenML, and with it the way to reach "
            f"'{native_id}'{described and f' ({described})'}, which may still fire: delete it by "
            "hand."
        )
        if not owner.key:
            raise RefusedError(ZENML, text)
        self._zenml.warn(text)

    # --- helpers -----------------------------------------------------------------------------

    def _spare(
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
                    names += self._native_runs(orchestrator, found)
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

    def _native_runs(self, orchestrator: Orchestrator, found: Counterpart) -> list[str]:
        with self._zenml.reaching(orchestrator):
            runs = orchestrator.runs(found.native_id, limit=20)
        return [run.run_id for run in runs if run.state in ("queued", "running")]


def _certainly(act: Callable[[], object], is_done: Callable[[], bool]) -> None:
    """Do the last step of several; one that was done but answered with an error is done."""
    try:
        act()
    except ServiceError:
        if not is_done():
            raise


def _can_be_taken(holder: Record, adopted: Record | None, in_state: str) -> bool:
    """Whether the pair that has the name may become the resource's own as it is.

    Not one of its own where the state may have it: Pulumi deletes what the state has after a
    replace that was asked for (``--replace``), of which no diff tells.
    """
    if holder.unfinished and holder.unfinished.mark != "busy":
        return False
    adopting = holder is adopted or holder.former_owner is not None
    return adopting or (bool(in_state) and holder.id != in_state)


def _is_going(record: Record) -> bool:
    return record.unfinished is not None and record.unfinished.mark == "gone"


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
