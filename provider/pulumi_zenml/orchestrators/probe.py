"""Read-only probes of an orchestrator, one for each call that a schedule needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pulumi_zenml.errors import PermissionDeniedError

Result = Literal["ok", "warning", "failed", "unknown", "skipped"]

PROBE_SECONDS = 60.0


@dataclass(frozen=True)
class ProbeResult:
    """The result of a probe.

    Args:
        detail: what was found, in words.
        result: ``unknown`` if it cannot be determined, ``skipped`` if there is nothing to check.
        remedy: what to do; may be empty.
    """

    detail: str
    result: Result = "ok"
    remedy: str = ""


@dataclass(frozen=True)
class Probe:
    """One read-only check.

    Args:
        name: what is checked, in a few words.
        run: runs it, with a deadline of its own. A failure is returned with its remedy, or raised
            as one of our errors, from which the remedy is derived.
        part: of the orchestrator, if it has several that can be down separately. When a part
            cannot be reached, its other probes are skipped.
        seconds: the deadline after which it counts as no answer.
    """

    name: str
    run: Callable[[], ProbeResult]
    part: str = ""
    seconds: float = PROBE_SECONDS


def if_allowed(run: Callable[[], ProbeResult]) -> Callable[[], ProbeResult]:
    """An optional probe: a missing permission makes it ``unknown``."""

    def run_if_allowed() -> ProbeResult:
        try:
            return run()
        except PermissionDeniedError as error:
            return ProbeResult(error.reason, "unknown")

    return run_if_allowed
