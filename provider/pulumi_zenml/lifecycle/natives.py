"""The orchestrator's half of a pair: found for certain, looked at, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_zenml.errors import NotFoundError, NotGoneError, SubmissionError
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.compare import differences
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted
from pulumi_zenml.zenml.records import Record

if TYPE_CHECKING:
    from pulumi_zenml.lifecycle.session import Session


class Natives:
    """The counterparts of one ZenML project's records."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def orchestrator(self, component_id: str | None) -> Orchestrator | None:
        """Our side of a component; ``None`` when ZenML has it no longer."""
        return self._session.orchestrator_by_id(component_id) if component_id else None

    def find(self, record: Record) -> Counterpart | None:
        """A record's counterpart, by its native id if that is still its own, else by snapshot."""
        orchestrator = self.orchestrator(record.orchestrator_id)
        if orchestrator is None:
            return None
        if record.marker.native_id:
            found = self.read(orchestrator, record.marker.native_id, record)
            if found:
                return found
        hints = self.hints(record, "")
        for snapshot in self._snapshots(record):
            found = orchestrator.locate(snapshot, hints)
            if found:
                return found
        return None

    def read(
        self, orchestrator: Orchestrator, native_id: str, record: Record | None
    ) -> Counterpart | None:
        """The counterpart of that id; ``None`` when it is gone or has become another record's.

        Args:
            orchestrator: where to look.
            native_id: as last known. Some systems give an id out again.
            record: whose it is to be; ``None`` when that is gone.
        """
        found = orchestrator.read(native_id)
        if found and record and self._of_another(found, record):
            return None
        return found

    def delete(
        self, orchestrator: Orchestrator, record: Record | None, found: Counterpart | None
    ) -> None:
        """Delete ``found`` and whatever else runs the record's snapshots, and look again.

        Raises:
            NotGoneError: something is still there.
        """
        doomed = {found.native_id} if found else set()
        if record:
            hints = self.hints(record, "")
            for snapshot in self._snapshots(record):
                other = orchestrator.locate(snapshot, hints)
                if other:
                    doomed.add(other.native_id)
        for native_id in doomed:
            orchestrator.delete(native_id)
            if orchestrator.read(native_id) is not None:
                raise NotGoneError(
                    f"{orchestrator.flavor} still has {orchestrator.capabilities.counterpart} "
                    f"'{native_id}' after deleting it."
                )

    def as_asked(self, orchestrator: Orchestrator, native_id: str, wanted: Wanted) -> Counterpart:
        """The counterpart, looked at once more.

        Raises:
            SubmissionError: it is not there, or not as ``wanted``.
        """
        found = orchestrator.read(native_id)
        where = f"{orchestrator.flavor} {orchestrator.capabilities.counterpart} '{native_id}'"
        if found is None:
            raise SubmissionError(f"{where} was made, but is not there when looked at.")
        wrong = differences(orchestrator, wanted, found)
        if wrong:
            raise SubmissionError(f"{where} is not as asked: {'; '.join(wrong)}.")
        return found

    def hints(self, record: Record, pipeline: str) -> dict[str, str]:
        """What helps :meth:`Orchestrator.locate` to look in the right place first."""
        return {**record.metadata, "name": record.marker.name or record.name, "pipeline": pipeline}

    def _snapshots(self, record: Record) -> list[str]:
        # ZenML itself deletes the row on some failures, and with it the snapshots' link to it.
        linked = self._session.records.snapshot_ids(record)
        return list(dict.fromkeys([*filter(None, [record.marker.snapshot]), *linked]))

    def _of_another(self, found: Counterpart, record: Record) -> bool:
        """Whether what ``found`` runs is a snapshot that another record was made with.

        A counterpart whose spec cannot be read, or that runs what ZenML no longer knows, stays
        the record's own: it was found by what the record says.
        """
        if found.snapshot_id is None or found.snapshot_id == record.marker.snapshot:
            return False
        try:
            snapshot = self._session.snapshot(found.snapshot_id)
        except NotFoundError:
            return False
        if snapshot.schedule is None or str(snapshot.schedule.id) == record.id:
            return False
        other = self._session.records.get(str(snapshot.schedule.id))
        return other is not None and found.native_id == (other.marker.native_id or found.native_id)
