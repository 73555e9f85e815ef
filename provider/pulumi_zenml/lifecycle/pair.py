"""One resource's two halves, as they are.

Knows no orchestrator and nothing of Pulumi.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pulumi_zenml.identity import NOBODY
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.zenml.project import Source, StackRef
from pulumi_zenml.zenml.records import Record


@dataclass(frozen=True)
class Pair:
    """A record and its counterpart as they are. One of the two may be missing.

    Args:
        record: the row in ZenML.
        counterpart: the native schedule.
        orchestrator: whose it is; ``None`` when ZenML no longer has the component.
        source_snapshot: id of the snapshot that was asked for; empty when not known.
        pipeline: the pipeline's name; empty when not known.
        others: ids of further records and counterparts of the same owner, which should not be.
    """

    record: Record | None
    counterpart: Counterpart | None
    orchestrator: Orchestrator | None
    source_snapshot: str = ""
    pipeline: str = ""
    others: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether it has had its last fire, so that a counterpart may rightly be gone."""
        if self.counterpart and self.counterpart.ended:
            return True
        cadence = self.record.cadence if self.record else None
        once = cadence.run_once_at if cadence else None
        return self.counterpart is None and once is not None and once <= datetime.now(UTC)


def foreign_build(source: Source, stack: StackRef) -> str:
    """What to know of a snapshot that was built for another stack; empty when it was not."""
    if not source.stack or source.stack.id == stack.id:
        return ""
    return (
        f"snapshot '{source.name or source.id}' was built for stack '{source.stack.name}' and is "
        f"scheduled on '{stack.name}': its image must hold what that stack needs."
    )


def ownership_problem(holder: Record, adopt: bool | str) -> str | None:
    """Why the holder of a name may not be taken over, or ``None``.

    Args:
        holder: the record that holds the name; not one of the resource's own.
        adopt: the resource's input of that name.
    """
    owner = holder.owner or NOBODY
    made = f"made{f' by {holder.created_by}' if holder.created_by else ''}"
    if holder.created:
        made = f"{made} at {holder.created:%Y-%m-%d %H:%M} UTC"
    if owner.label and adopt != owner.label:
        busy = " It is being created, replaced or deleted right now." if holder.unfinished else ""
        return (
            f"the name '{holder.name}' belongs to '{owner.label}' "
            f"(organization/project/stack/resource), {made}.{busy} That may be a stack of the same "
            "name in another Pulumi backend. Choose another name, or take the schedule over with "
            f'adopt="{owner.label}" once that stack no longer manages it.'
        )
    if not owner.label and not adopt:
        return (
            f"ZenML already has a schedule '{holder.name}', {made}, that no Pulumi resource owns. "
            "Choose another name, or take it over with adopt=True."
        )
    return None
