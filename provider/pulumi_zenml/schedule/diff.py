"""What a change of a resource's properties means: nothing, in place, or a replace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pulumi_zenml.identity import MarkedName
from pulumi_zenml.lifecycle.fields import FIELDS
from pulumi_zenml.orchestrators import get_orchestrator
from pulumi_zenml.orchestrators.capabilities import Yes

SOUND = ("active", "paused", "finished")
"""The states of a whole pair; what any other but the next two needs is a replace."""

PAUSED_ON_ONE_SIDE = "paused on one side"
MORE_THAN_ONE = "more than one pair"
BOTH_GONE = "both sides are gone"
RECORD_ONLY = "record without counterpart"
COUNTERPART_ONLY = "counterpart without record"
CADENCE_DIFFERS = "cadence differs"

NATIVE = ("state", *(key for key, it in FIELDS.items() if it.change == "in-place"))
"""The properties whose change has to reach ZenML and the orchestrator."""


@dataclass
class Difference:
    """What differs.

    Args:
        changed: the properties that do.
        replaces: those of them that need another pair.
    """

    changed: list[str] = field(default_factory=list)
    replaces: list[str] = field(default_factory=list)


def compare_props(
    olds: Mapping[str, object],
    news: Mapping[str, object],
    unfinished: Mapping[str, MarkedName] | None = None,
) -> Difference:
    """What changed, and what of it needs a replace.

    Args:
        olds: the outputs in the state, which a refresh makes say what is really there.
        news: the checked inputs; what Pulumi does not know yet counts as changed.
        unfinished: records of this resource that an earlier update, which was interrupted, left
            in the middle of something, by id.
    """
    found = Difference()
    for key, each in FIELDS.items():
        if each.change == "none" or _same(key, olds.get(key), news.get(key)):
            continue
        found.changed.append(key)
        in_place = each.change != "replace"
        if key == "orchestrator_settings":
            in_place = _takes_settings_in_place(olds)
        if not in_place:
            found.replaces.append(key)
    state = olds.get("state")
    if state == PAUSED_ON_ONE_SIDE:
        found.changed.append("paused")
    elif state == MORE_THAN_ONE:
        found.changed.append("state")
    elif state not in SOUND:
        found.replaces.append("state")
    if unfinished:
        own = unfinished.get(str(olds.get("record_id")))
        # Of a pair that was being replaced or deleted, what is left cannot be told from the name.
        again = own is not None and own.mark in ("old", "gone")
        (found.replaces if again else found.changed).append("state")
    found.changed = list(dict.fromkeys(found.changed))
    found.replaces = list(dict.fromkeys(found.replaces))
    return found


def _same(key: str, old: object, new: object) -> bool:
    if key == "orchestrator_settings":
        return (old or {}) == (new or {})
    return (old or False) == (new or False) if key == "retain" else old == new


def _takes_settings_in_place(olds: Mapping[str, object]) -> bool:
    flavor = olds.get("flavor")
    if not isinstance(flavor, str):
        return False
    return isinstance(get_orchestrator(flavor).capabilities.change_in_place, Yes)
