"""One resource's two halves: what is declared of them, and what there is.

Knows no orchestrator and nothing of Pulumi.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.lifecycle.running import DEFAULT_POLICY, Policy
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.zenml.records import Record


@dataclass(frozen=True)
class Declared:
    """What one resource declares, checked and complete.

    Args:
        owner: ``<project>/<stack>/<resource name>``.
        name: the schedule's name in ZenML.
        stack: the ZenML stack, by name or id.
        cadence: when it fires.
        snapshot: ``pipeline:snapshot`` or an id; empty when ``build`` makes one.
        build: makes a snapshot from pipeline source and returns its id; takes ``name`` and
            ``environment``.
        paused: whether it may fire for now.
        settings: ``orchestrator_settings``.
        formerly: owners this resource was before it was renamed.
        adopt: take over a pair of that name: ``True`` where nobody owns it, or its owner.
        policy: what to do where a run in progress would fail.
    """

    owner: str
    name: str
    stack: str
    cadence: Cadence
    snapshot: str = ""
    build: Callable[..., str] | None = None
    paused: bool = False
    settings: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    formerly: tuple[str, ...] = ()
    adopt: bool | str = False
    policy: Policy = DEFAULT_POLICY


@dataclass(frozen=True)
class Pair:
    """A record and its counterpart as they are. One of the two may be missing.

    Args:
        record: the row in ZenML.
        counterpart: the native schedule.
        orchestrator: whose it is; ``None`` when ZenML no longer has the component.
        source_snapshot: id of the snapshot that was asked for; empty when not known.
        pipeline: the pipeline's name; empty when not known.
    """

    record: Record | None
    counterpart: Counterpart | None
    orchestrator: Orchestrator | None
    source_snapshot: str = ""
    pipeline: str = ""

    @property
    def finished(self) -> bool:
        """Whether it has had its last fire, so that a counterpart may rightly be gone."""
        if self.counterpart and self.counterpart.ended:
            return True
        cadence = self.record.cadence if self.record else None
        once = cadence.run_once_at if cadence else None
        return self.counterpart is None and once is not None and once <= datetime.now(UTC)


def ownership_problem(holder: Record, adopt: bool | str) -> str | None:
    """Why the holder of a name may not be taken over, or ``None``.

    Args:
        holder: the record that holds the name; not one of the resource's own.
        adopt: the resource's input of that name.
    """
    owner = holder.marker.owner
    if owner and adopt != owner:
        return (
            f"the name '{holder.name}' belongs to '{owner}' (project/stack/resource). Choose "
            f'another name, or take it over with adopt="{owner}" once that resource no longer '
            "manages it."
        )
    if not owner and not adopt:
        return (
            f"ZenML already has a schedule '{holder.name}' that no Pulumi resource owns. Choose "
            "another name, or take it over with adopt=True."
        )
    return None
