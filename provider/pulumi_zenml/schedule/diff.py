"""What a change of a resource's properties means: nothing, in place, or a replace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi_zenml.orchestrators import get_orchestrator
from pulumi_zenml.orchestrators.capabilities import Yes
from pulumi_zenml.schedule.inputs import CADENCE

SOUND = ("active", "paused", "finished")
"""The states of a whole pair; any other but the next is mended by a replace."""

PAUSED_ON_ONE_SIDE = "paused on one side"

_REPLACE = (
    *CADENCE,
    "name",
    "pipeline",
    "project",
    "snapshot",
    "source_digest",
    "stack",
    "triggers",
)
_IN_PLACE = ("owner", "paused", "wait_timeout", "when_running")
NATIVE = ("orchestrator_settings", "owner", "paused")
"""The properties whose change has to reach ZenML and the orchestrator."""


def compare_inputs(olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The properties that changed and the changed ones that need a replace.

    Args:
        olds: the outputs in the state, which a refresh makes say what is really there.
        news: the checked inputs; what Pulumi does not know yet counts as changed.
    """
    changed = [key for key in (*_REPLACE, *_IN_PLACE) if olds.get(key) != news.get(key)]
    replaces = [key for key in changed if key in _REPLACE]
    if (olds.get("orchestrator_settings") or {}) != (news.get("orchestrator_settings") or {}):
        changed.append("orchestrator_settings")
        if not _takes_settings_in_place(olds):
            replaces.append("orchestrator_settings")
    if olds.get("state") == PAUSED_ON_ONE_SIDE:
        changed = list(dict.fromkeys([*changed, "paused"]))
    elif olds.get("state") not in SOUND:
        replaces.append("state")
    return changed, replaces


def _takes_settings_in_place(olds: Mapping[str, Any]) -> bool:
    capabilities = get_orchestrator(olds["flavor"]).capabilities
    return isinstance(capabilities.change_in_place, Yes)
