"""Why a resource changes, in one line: what no list of changed properties says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pulumi_zenml.identity import MarkedName
from pulumi_zenml.schedule.check import is_unknown
from pulumi_zenml.schedule.diff import (
    BOTH_GONE,
    CADENCE_DIFFERS,
    COUNTERPART_ONLY,
    MORE_THAN_ONE,
    PAUSED_ON_ONE_SIDE,
    RECORD_ONLY,
    Difference,
)

if TYPE_CHECKING:
    from pulumi_zenml.lifecycle.pair import Pair

Props = Mapping[str, object]

_SHOWN = 60
_STATES = {
    RECORD_ONLY: "{native} is gone, and ZenML's record of it is there",
    COUNTERPART_ONLY: "ZenML's record is gone, and {native} is there",
    BOTH_GONE: "ZenML's record and {native} are gone",
    CADENCE_DIFFERS: "ZenML's record and {native} have different cadences",
    PAUSED_ON_ONE_SIDE: "it is paused on one side only, of ZenML's record and {native}",
    MORE_THAN_ONE: "there is more than one pair of it",
}
_NOT_SHOWN = ("owner_key", "state", "source_digest", "triggers", "orchestrator_settings")
"""The properties of which a change is said without the values."""


def why(olds: Props, news: Props, found: Difference, left: Mapping[str, MarkedName]) -> str:
    """Why a resource is replaced or updated; empty where nothing changes.

    Args:
        olds: the outputs in the state.
        news: the checked inputs.
        found: what differs.
        left: what an interrupted update left of it.
    """
    keys = found.replaces or found.changed
    if not keys:
        return ""
    reasons = [it for key in keys for it in _reasons(key, olds, news, left)]
    return f"{'replace' if found.replaces else 'update'}: {'; '.join(reasons)}."


def drift(pair: Pair, olds: Props, inputs: Props, state: str) -> list[str]:
    """What is no longer as the state has it, and on which side.

    Args:
        pair: what was found.
        olds: the outputs in the state.
        inputs: the inputs as they really are.
        state: the state that was found.
    """
    record, counterpart = pair.record, pair.counterpart
    native = _native(olds)
    said = []
    if state in (RECORD_ONLY, COUNTERPART_ONLY, BOTH_GONE, MORE_THAN_ONE) or "broken" in state:
        said.append(_of_state(state, olds))
    if record and counterpart and not pair.finished:
        asked = olds.get("paused") is True
        for side, paused in (
            ("ZenML's record", not record.active),
            (native, counterpart.paused),
        ):
            if paused != asked:
                said.append(f"{side} is {'paused' if paused else 'not paused'}")
    if record and record.name != olds.get("name"):
        said.append(f"ZenML's record is called {_shown(record.name)}")
    if record and record.cron != olds.get("cron"):
        said.append(f"ZenML's record has the cron {_shown(record.cron)}")
    if counterpart and counterpart.native.text != olds.get("native_cadence"):
        said.append(f"{native} fires at {_shown(counterpart.native.text)}")
    if inputs.get("orchestrator_settings") != olds.get("orchestrator_settings"):
        said.append(f"{native} has other orchestrator_settings")
    if inputs.get("owner_key") != olds.get("owner_key"):
        said.append(f"{native} is marked as another owner's")
    if inputs.get("snapshot") != olds.get("snapshot"):
        said.append(_moved(olds.get("snapshot"), olds))
    return said


def _reasons(key: str, olds: Props, news: Props, left: Mapping[str, MarkedName]) -> Iterator[str]:
    if key == "state":
        if text := _of_state(str(olds.get("state") or ""), olds):
            yield text
        if left:
            yield "an interrupted update left it in the middle of something"
    elif key == "source_digest":
        yield f"the source of {_shown(news.get('pipeline'))} has changed"
    elif key == "paused" and olds.get("state") == PAUSED_ON_ONE_SIDE:
        yield str(_of_state(PAUSED_ON_ONE_SIDE, olds))
    elif key == "snapshot" and olds.get(key) == olds.get("source_snapshot_id") != news.get(key):
        yield _moved(news.get(key), olds)
    elif key in _NOT_SHOWN:
        yield f"{key} has changed"
    else:
        yield f"{key} is {_shown(olds.get(key))}, to be {_shown(news.get(key))}"


def _moved(reference: object, olds: Props) -> str:
    if is_unknown(reference):
        return "the snapshot is known once another resource was made"
    return (
        f"{_shown(reference)} means another snapshot than the one that runs, "
        f"{olds.get('source_snapshot_id')}"
    )


def _of_state(state: str, olds: Props) -> str:
    text = _STATES.get(state)
    if text:
        return text.format(native=_native(olds))
    return f"{_native(olds)} is {state}" if state.startswith("broken") else ""


def _native(olds: Props) -> str:
    kind, name = olds.get("native_kind"), olds.get("orchestrator")
    where = f" in orchestrator '{name}'" if name else ""
    return f"the {kind or 'counterpart'}{where}"


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    if is_unknown(value):
        return "what another resource will say"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
