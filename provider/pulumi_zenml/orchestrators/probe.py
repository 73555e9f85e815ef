"""Read-only looks at an orchestrator, one for each call that a schedule needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pulumi_zenml.errors import PermissionDeniedError

Result = Literal["ok", "warning", "failed", "unknown", "skipped"]

PROBE_SECONDS = 60.0


@dataclass(frozen=True)
class Seen:
    """What a look found.

    Args:
        detail: in words, with what was found.
        result: ``unknown`` where it cannot be told, ``skipped`` where there is nothing to look at.
        remedy: what to do; empty where nothing is to be done.
    """

    detail: str
    result: Result = "ok"
    remedy: str = ""


@dataclass(frozen=True)
class Probe:
    """One look that changes nothing.

    Args:
        name: what is looked at, in a few words.
        look: does it, within a deadline of its own. Where it fails it says so with the remedy, or
            raises one of our errors, from which the remedy follows.
        part: of the orchestrator, where it has several that can be down one by one. After a
            part could not be reached its other probes are not tried.
        seconds: how long it may take before it counts as no answer.
    """

    name: str
    look: Callable[[], Seen]
    part: str = ""
    seconds: float = PROBE_SECONDS


def if_allowed(look: Callable[[], Seen]) -> Callable[[], Seen]:
    """A look that no schedule depends on: a missing permission makes it unknown."""

    def look_if_allowed() -> Seen:
        try:
            return look()
        except PermissionDeniedError as error:
            return Seen(error.reason, "unknown")

    return look_if_allowed
