"""Read-only looks at an orchestrator, one for each call that a schedule needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

from pulumi_zenml.errors import PermissionDeniedError

if TYPE_CHECKING:
    from pulumi_zenml.orchestrators.base import Counterpart, Orchestrator

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
    """For what no schedule needs: to be denied it says nothing of the rest."""

    def look_if_allowed() -> Seen:
        try:
            return look()
        except PermissionDeniedError as error:
            return Seen(error.reason, "unknown")

    return look_if_allowed


def usual_probes(orchestrator: Orchestrator, *, part: str = "") -> Iterator[Probe]:
    """What every orchestrator can be asked: list, read one, its runs.

    Args:
        orchestrator: which.
        part: see :class:`Probe`.
    """
    what = orchestrator.capabilities.counterpart
    found: list[Counterpart] = []

    def list_some() -> Seen:
        found.extend(islice(orchestrator.list_all(), 1))
        return Seen(f"listed; {'there is at least one' if found else 'there is none'} of ZenML's")

    def read_one() -> Seen:
        if not found:
            return _none()
        there = orchestrator.read(found[0].native_id)
        if there is None:
            return Seen(f"'{found[0].native_id}' was deleted meanwhile", "unknown")
        return Seen(f"read '{there.native_id}'")

    def look_at_runs() -> Seen:
        if not found:
            return _none()
        ability = orchestrator.capabilities.run_history
        if reason := getattr(ability, "reason", ""):
            return Seen(reason, "skipped")
        runs = orchestrator.runs(found[0].native_id, limit=1)
        return Seen(f"listed; {'there is at least one' if runs else 'there is none'}")

    yield Probe(f"list: {what}", list_some, part=part)
    yield Probe(f"read: {what}", read_one, part=part)
    yield Probe(f"runs: {what}", look_at_runs, part=part)


def _none() -> Seen:
    return Seen("there is none of ZenML's to try it on", "skipped")
