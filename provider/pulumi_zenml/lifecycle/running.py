"""Runs in progress: what to do before something that would make them fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pulumi_zenml.errors import RunInProgressError

WhenRunning = Literal["refuse", "wait", "ignore"]

_POLL_SECONDS = 10.0


@dataclass(frozen=True)
class Policy:
    """What to do where a run in progress would fail.

    Args:
        when_running: ``refuse``, ``wait`` or ``ignore``.
        wait_timeout: how long ``wait`` waits, in seconds.
    """

    when_running: WhenRunning = "refuse"
    wait_timeout: float = 3600.0


DEFAULT_POLICY = Policy()


def spare_runs(
    name: str,
    running: Callable[[], list[str]],
    policy: Policy,
    *,
    stop_firing: Callable[[], object] = lambda: None,
) -> None:
    """Refuse, wait or go on where a run is in progress.

    ZenML refuses the token of a schedule that is inactive or gone (zenml 0.98
    zen_server.auth), so a run in progress fails at its next call.

    Args:
        name: the schedule, for the error.
        running: names of the runs in progress that would fail.
        policy: what to do.
        stop_firing: keeps the schedule from starting further runs; called before waiting.

    Raises:
        RunInProgressError: a run would lose its token or its counterpart.
    """
    if policy.when_running == "ignore":
        return
    names = running()
    if not names:
        return
    if policy.when_running == "wait":
        stop_firing()
    deadline = time.monotonic() + policy.wait_timeout
    while names:
        if policy.when_running == "refuse" or time.monotonic() > deadline:
            waited = "" if policy.when_running == "refuse" else " still, after waiting"
            raise RunInProgressError(
                f"schedule '{name}' has a run in progress{waited}: {', '.join(names)}. "
                "ZenML would refuse its credentials once the schedule is paused, replaced or "
                'deleted. Try again when it is finished, or set when_running="wait" or '
                'when_running="ignore". What is being removed takes it from \'pulumi config set '
                "zenml:whenRunning ignore'; then give 'pulumi destroy' --run-program, without "
                "which Pulumi uses the configuration of the last 'pulumi up'."
            )
        time.sleep(_POLL_SECONDS)
        names = running()
