"""Whether an orchestrator has what was declared."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.errors import CannotExpressError
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted


def same_cadence(orchestrator: Orchestrator, asked: Cadence, found: Counterpart) -> bool:
    """Whether ``found`` fires at the instants that are ``asked`` for from now on."""
    if orchestrator.matches(asked, found.native):
        return True
    if found.cadence is None:
        return False
    try:
        return dict(orchestrator.spell(_from_now(asked)).fields) == dict(
            orchestrator.spell(_from_now(found.cadence)).fields
        )
    except CannotExpressError:
        return False


def _from_now(cadence: Cadence) -> Cadence:
    """A start that has passed changes nothing for a cron; for an interval it is the anchor."""
    passed = cadence.start_time is not None and cadence.start_time <= datetime.now(UTC)
    if cadence.kind == "cron" and passed:
        return replace(cadence, start_time=None)
    return cadence


def differences(orchestrator: Orchestrator, wanted: Wanted, found: Counterpart) -> list[str]:
    """What of ``found`` is not as ``wanted``, in words."""
    wrong = []
    if found.problem:
        wrong.append(found.problem)
    if not same_cadence(orchestrator, wanted.cadence, found):
        asked = orchestrator.spell(wanted.cadence).text
        wrong.append(f"it fires '{found.native.text}' instead of '{asked}'")
    if found.paused != wanted.paused:
        wrong.append("it is paused" if found.paused else "it is not paused")
    for key, value in wanted.settings.items():
        if found.settings.get(key) != value:
            wrong.append(f"{key} is {found.settings.get(key)!r} instead of {value!r}")
    if found.owner is not None and wanted.owner and found.owner != wanted.owner:
        wrong.append(f"its owner mark says '{found.owner}'")
    return wrong
