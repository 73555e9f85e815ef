"""Deleting a pair, and whatever else its owner has.

The counterparts go first and the record last, because the record is the way to the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pulumi_zenml.errors import PulumiZenmlError, RefusedError, RunInProgressError
from pulumi_zenml.identity import NOBODY, Owner, mark_name, read_owner
from pulumi_zenml.lifecycle.pair import Pair
from pulumi_zenml.lifecycle.reading import PairReader
from pulumi_zenml.lifecycle.running import DEFAULT_POLICY, Policy, spare_runs
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.lifecycle.undo import certainly
from pulumi_zenml.orchestrators.capabilities import Yes
from pulumi_zenml.zenml.errors import ZENML
from pulumi_zenml.zenml.records import Record


class PairRemover(PairReader):
    """Removes pairs, or leaves what is not to go."""

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
            self._runs.spare(each, policy)
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
            self._runs.spare(record, policy)
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
        self._runs.spare(record, policy, native_dies=False)
        self._zenml.records.delete(record, keep_snapshots=True)

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
                    self._runs.spare(record, spec.policy)
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
        self._runs.spare(record, policy, native_dies=False)
        certainly(
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
            self._runs.spare(record, policy)
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
            running = partial(self._runs.of, orchestrator, each)
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


def _is_going(record: Record) -> bool:
    return record.unfinished is not None and record.unfinished.mark == "gone"
