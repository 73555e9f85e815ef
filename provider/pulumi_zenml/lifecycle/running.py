"""Runs in progress: not to lose their token or their counterpart without a word."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi_zenml.errors import RunInProgressError
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.capabilities import Yes
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.zenml.records import Record

if TYPE_CHECKING:
    from pulumi_zenml.lifecycle.session import Session

_LOOK_AGAIN_SECONDS = 10.0


@dataclass(frozen=True)
class Policy:
    """What to do where a run in progress would fail.

    Args:
        when_running: ``refuse``, ``wait`` or ``ignore``.
        wait_timeout: how long ``wait`` waits, in seconds.
    """

    when_running: str = "refuse"
    wait_timeout: float = 3600.0


DEFAULT_POLICY = Policy()


def spare_runs(
    session: Session,
    orchestrator: Orchestrator | None,
    record: Record,
    found: Counterpart | None,
    policy: Policy,
    *,
    native_dies: bool = True,
) -> None:
    """Refuse, wait or go on where a run is in progress.

    ZenML refuses the token of a schedule that is inactive or gone (zenml 0.98
    zen_server.auth), so a run in progress fails at its next call.

    Args:
        session: the project.
        orchestrator: where the counterpart is; ``None`` when ZenML has it no longer.
        record: what is to be paused, replaced or deleted.
        found: its counterpart.
        policy: what to do.
        native_dies: whether the counterpart is to be deleted, too.

    Raises:
        RunInProgressError: a run would lose its token or its counterpart.
    """
    if policy.when_running == "ignore":
        return
    deadline = time.monotonic() + policy.wait_timeout
    while running := _running(session, orchestrator, record, found, native_dies=native_dies):
        if policy.when_running == "refuse" or time.monotonic() > deadline:
            waited = "" if policy.when_running == "refuse" else " still, after waiting"
            raise RunInProgressError(
                f"schedule '{record.name}' has a run in progress{waited}: "
                f"{', '.join(running)}. ZenML would refuse its credentials once the schedule "
                "is paused, replaced or deleted. Try again when it is finished, or set "
                'when_running="wait" or when_running="ignore" (for a destroy: '
                "'pulumi config set zenml:whenRunning ignore')."
            )
        time.sleep(_LOOK_AGAIN_SECONDS)


def _running(
    session: Session,
    orchestrator: Orchestrator | None,
    record: Record,
    found: Counterpart | None,
    *,
    native_dies: bool,
) -> list[str]:
    tokens = bool(session.connection.url())
    names = session.records.running(record) if tokens else []
    if orchestrator and found:
        dies = native_dies and not isinstance(orchestrator.capabilities.keeps_runs, Yes)
        if tokens or dies:
            runs = orchestrator.runs(found.native_id, limit=20)
            names += [run.run_id for run in runs if run.state in ("queued", "running")]
    return names
