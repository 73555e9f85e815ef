"""What there is of a pair."""

from __future__ import annotations

from pulumi_zenml.errors import NotFoundError, OwnershipError
from pulumi_zenml.identity import NOBODY, Owner, read_owner
from pulumi_zenml.lifecycle.natives import Natives
from pulumi_zenml.lifecycle.pair import Pair
from pulumi_zenml.lifecycle.ports import Zenml
from pulumi_zenml.lifecycle.runs import Runs
from pulumi_zenml.zenml.errors import ZENML
from pulumi_zenml.zenml.records import Record, require


class PairReader:
    """Pairs of one ZenML project, as they are."""

    def __init__(self, zenml: Zenml) -> None:
        self._zenml = zenml
        self._natives = Natives(zenml)
        self._runs = Runs(zenml, self._natives)

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
