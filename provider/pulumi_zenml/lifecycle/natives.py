"""The orchestrator's half of a pair: found for certain, read, deleted."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from pulumi_zenml.errors import NotDeletedError, NotFoundError, SubmissionError
from pulumi_zenml.identity import Owner, read_owner
from pulumi_zenml.lifecycle.ports import Zenml
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.compare import differences
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted
from pulumi_zenml.zenml.records import Record


class Natives:
    """The counterparts of one ZenML project's records."""

    def __init__(self, zenml: Zenml) -> None:
        self._zenml = zenml

    def orchestrator_of(self, record: Record) -> Orchestrator | None:
        """Where a record's counterpart is; ``None`` when ZenML has the component no longer."""
        return self._zenml.orchestrator_by_id(record.orchestrator_id)

    def find(self, record: Record) -> Counterpart | None:
        """A record's counterpart, by its native id if that is still its own, else by snapshot."""
        orchestrator = self.orchestrator_of(record)
        if orchestrator is None:
            return None
        if record.marker.native_id:
            found = self.read(orchestrator, record.marker.native_id, record)
            if found:
                return found
        for snapshot in self._snapshots(record):
            found = self.locate(orchestrator, snapshot, record, "")
            if found:
                return found
        return None

    def locate(
        self, orchestrator: Orchestrator, snapshot: str, record: Record, pipeline: str
    ) -> Counterpart | None:
        """The counterpart that runs a snapshot.

        Args:
            orchestrator: where to look.
            snapshot: id of the submitted snapshot.
            record: what it was submitted for; its metadata says where to look first.
            pipeline: the pipeline's name; empty when not known.
        """
        hints = {
            **record.metadata,
            "name": record.marker.name or record.name,
            "pipeline": pipeline,
        }
        with self._zenml.reaching(orchestrator):
            return orchestrator.locate(snapshot, hints)

    def read(
        self, orchestrator: Orchestrator, native_id: str, record: Record | None
    ) -> Counterpart | None:
        """The counterpart of that id; ``None`` when it is gone or has become another record's.

        Args:
            orchestrator: where to look.
            native_id: as last known. Some systems give an id out again.
            record: whose it is to be; ``None`` when that is gone.
        """
        with self._zenml.reaching(orchestrator):
            found = orchestrator.read(native_id)
        if found and self._is_of_another(found, record):
            return None
        return found

    def all_of(
        self, orchestrator: Orchestrator, owner: Owner, record: Record | None
    ) -> list[Counterpart]:
        """Every counterpart that fires for one record, copies included.

        Args:
            orchestrator: where to look; its one listing is used.
            owner: whose the record is; a counterpart with this mark whose own record is gone counts
                as well.
            record: ``None`` where it is gone.
        """
        snapshots = set(self._snapshots(record)) if record else set()
        found = self._zenml.counterparts(orchestrator).values()
        return [
            it
            for it in found
            if it.snapshot_id in snapshots
            or (owner.is_same(read_owner(it.owner)) and not self._is_of_another(it, record))
        ]

    def set_paused(self, record: Record, paused: bool) -> None:
        """Keep a record's counterpart from firing, or let it, where there is one that can.

        The record stays active, so that runs in progress keep their credentials.
        """
        orchestrator = self.orchestrator_of(record)
        found = self.find(record) if orchestrator else None
        if orchestrator and found and found.paused != paused and orchestrator.can_pause:
            # What is gone in parts does not fire.
            with self._zenml.reaching(orchestrator), contextlib.suppress(NotFoundError):
                orchestrator.set_paused(found.native_id, paused)

    def delete(self, orchestrator: Orchestrator, native_ids: Collection[str]) -> None:
        """Delete counterparts, and read each again.

        Raises:
            NotDeletedError: one is still there.
        """
        for native_id in native_ids:
            with self._zenml.reaching(orchestrator):
                orchestrator.delete(native_id)
                still_there = orchestrator.read(native_id) is not None
            if still_there:
                raise NotDeletedError(
                    f"{orchestrator.flavor} still has {orchestrator.capabilities.counterpart} "
                    f"'{native_id}' after deleting it."
                )

    def delete_submitted(self, orchestrator: Orchestrator, record: Record) -> None:
        """Delete what runs a record's snapshots, looked for now."""
        doomed = {}
        for snapshot in self._snapshots(record):
            while found := self.locate(orchestrator, snapshot, record, ""):
                if found.native_id in doomed:
                    break
                doomed[found.native_id] = found
                self.delete(orchestrator, [found.native_id])

    def as_asked(self, orchestrator: Orchestrator, native_id: str, wanted: Wanted) -> Counterpart:
        """The counterpart, read once more.

        Raises:
            SubmissionError: it is not there, or not as ``wanted``.
        """
        with self._zenml.reaching(orchestrator):
            found = orchestrator.read(native_id)
        where = f"{orchestrator.flavor} {orchestrator.capabilities.counterpart} '{native_id}'"
        if found is None:
            raise SubmissionError(f"{where} was made, but is not there when it is read.")
        wrong = differences(orchestrator, wanted, found)
        if wrong:
            raise SubmissionError(f"{where} is not as asked: {'; '.join(wrong)}.")
        return found

    def _snapshots(self, record: Record) -> list[str]:
        # ZenML itself deletes the row on some failures, and with it the snapshots' link to it.
        linked = self._zenml.records.snapshot_ids(record)
        return list(dict.fromkeys([*filter(None, [record.marker.snapshot]), *linked]))

    def _is_of_another(self, found: Counterpart, record: Record | None) -> bool:
        """Whether what ``found`` runs is a snapshot that another, living record was made with.

        A counterpart whose spec cannot be read, or that runs what ZenML no longer knows, stays
        the record's own: it was found by what the record says.
        """
        if found.snapshot_id is None:
            return False
        if record and found.snapshot_id == record.marker.snapshot:
            return False
        owner_id = self._zenml.snapshot_record(found.snapshot_id)
        if owner_id is None or (record and owner_id == record.id):
            return False
        other = self._zenml.records.get(owner_id)
        return other is not None and found.native_id == (other.marker.native_id or found.native_id)
