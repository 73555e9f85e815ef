"""From a pair to a resource's properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.identity import read_owner
from pulumi_zenml.lifecycle.fields import OUTPUTS
from pulumi_zenml.lifecycle.pair import Pair
from pulumi_zenml.lifecycle.spec import cadence_props, owner_of, settings_of
from pulumi_zenml.orchestrators.compare import same_cadence
from pulumi_zenml.schedule.diff import (
    BOTH_GONE,
    CADENCE_DIFFERS,
    COUNTERPART_ONLY,
    MORE_THAN_ONE,
    PAUSED_ON_ONE_SIDE,
    RECORD_ONLY,
    SOUND,
)

if TYPE_CHECKING:
    from pulumi_zenml.lifecycle.ports import Zenml

Props = dict[str, object]


def to_outputs(pair: Pair, inputs: Mapping[str, object]) -> Props:
    """The outputs of a pair that is as its inputs say. None of them changes by itself."""
    outputs = {**inputs, **_described(pair)}
    if pair.source_snapshot:
        outputs["source_snapshot_id"] = pair.source_snapshot
    if pair.pipeline:
        outputs["pipeline_name"] = pair.pipeline
    return outputs


def to_found(pair: Pair, props: Mapping[str, object], zenml: Zenml) -> tuple[Props, Props]:
    """Inputs and outputs that say what is really there.

    Args:
        pair: what was found; one side may be missing.
        props: the outputs in the state; empty but for the id when nothing is managed yet.
        zenml: to see what a snapshot's name means now.
    """
    inputs = {key: value for key, value in props.items() if key not in OUTPUTS}
    if "stack" in inputs:
        inputs |= _drift(pair, inputs)
        inputs |= _moved_snapshot(inputs, str(props.get("source_snapshot_id") or ""), zenml)
    else:
        inputs = _unmanaged(pair)
    outputs = {**props, **inputs, **_described(pair)}
    if pair.record and pair.counterpart and pair.others:
        outputs["state"] = MORE_THAN_ONE
    elif outputs["state"] in SOUND and "stack" in props:
        outputs["state"] = _disagreement(pair, props) or outputs["state"]
    return inputs, outputs


def say_where(outputs: Mapping[str, object]) -> str:
    """What the counterpart is and where a person finds it, as the state has it."""
    kind, name, url = (outputs.get(it) for it in ("native_kind", "orchestrator", "native_url"))
    where = f"in orchestrator '{name}'" if name else ""
    described = " ".join(str(it) for it in (kind, where) if it)
    return ", ".join(str(it) for it in (described, url) if it)


def _described(pair: Pair) -> Props:
    outputs: Props = {"state": _state(pair)}
    if pair.record:
        outputs["record_id"] = pair.record.id
        outputs["submitted_snapshot_id"] = pair.record.marker.snapshot
    if pair.orchestrator:
        component = pair.orchestrator.target.component
        outputs |= {
            "flavor": pair.orchestrator.flavor,
            "native_kind": pair.orchestrator.capabilities.counterpart,
            "orchestrator": component.name,
            "orchestrator_id": str(component.id),
        }
    if pair.counterpart:
        outputs |= {
            "native_cadence": pair.counterpart.native.text,
            "native_id": pair.counterpart.native_id,
            "native_url": pair.counterpart.url,
        }
    return outputs


def _state(pair: Pair) -> str:
    if pair.record is None:
        return COUNTERPART_ONLY if pair.counterpart else BOTH_GONE
    if pair.finished:
        return "finished"
    if pair.counterpart is None:
        return RECORD_ONLY
    if pair.counterpart.problem:
        return f"broken: {pair.counterpart.problem}"
    return "paused" if pair.counterpart.paused else "active"


def _disagreement(pair: Pair, props: Mapping[str, object]) -> str:
    """How the two sides differ; empty when they do not.

    The inputs alone cannot say it: once a refresh was saved, they are as one of the two.
    """
    record, counterpart, orchestrator = pair.record, pair.counterpart, pair.orchestrator
    if not (record and counterpart and orchestrator) or pair.finished:
        return ""
    asked = _cadence(props)
    if record.cron and asked and asked.cron:
        said = replace(asked, cron=record.cadence.cron) if record.cadence else None
        if said is None or not same_cadence(orchestrator, said, counterpart):
            return CADENCE_DIFFERS
    return PAUSED_ON_ONE_SIDE if record.active == counterpart.paused else ""


def _drift(pair: Pair, inputs: Mapping[str, object]) -> Props:
    """The inputs that are no longer true, as they really are."""
    found: Props = {}
    record, counterpart, orchestrator = pair.record, pair.counterpart, pair.orchestrator
    if record and record.name != inputs["name"]:
        found["name"] = record.name
    asked = _cadence(inputs)
    if record and record.cron != inputs.get("cron"):
        found |= _as_inputs(record.cadence, record.cron or "")
    if counterpart and orchestrator and not pair.finished:
        if asked is None or not same_cadence(orchestrator, asked, counterpart):
            found |= _as_inputs(counterpart.cadence, counterpart.native.text)
        wanted = settings_of(inputs)
        real = {key: counterpart.settings.get(key) for key in wanted}
        if real != dict(wanted):
            found["orchestrator_settings"] = real
        marked = read_owner(counterpart.owner)
        if marked and marked != owner_of(inputs):
            found |= {"owner": marked.label, "owner_key": marked.key}
    if record and counterpart and not pair.finished:
        paused = inputs["paused"]
        # Where the two sides disagree, the one that is not as declared is the news.
        found["paused"] = counterpart.paused if counterpart.paused != paused else not record.active
    return found


def _moved_snapshot(inputs: Mapping[str, object], source_snapshot: str, zenml: Zenml) -> Props:
    reference = cast(str, inputs.get("snapshot"))
    if not reference or not source_snapshot:
        return {}
    meant = zenml.snapshot_id(reference)
    if meant is None or meant == source_snapshot:
        return {}
    return {"snapshot": source_snapshot}


def _unmanaged(pair: Pair) -> Props:
    inputs: Props = {}
    if pair.counterpart:
        inputs |= _as_inputs(pair.counterpart.cadence, pair.counterpart.native.text)
        inputs["paused"] = pair.counterpart.paused
        inputs["pipeline_name"] = pair.counterpart.pipeline
    if pair.record:
        inputs["name"] = pair.record.name
    return inputs


def _cadence(inputs: Mapping[str, object]) -> Cadence | None:
    """What the inputs say; ``None`` where an earlier refresh found what they cannot say."""
    from pulumi_zenml.cadence import check_cadence

    return check_cadence(inputs, now=None)[0]


def _as_inputs(cadence: Cadence | None, text: str) -> Props:
    """A cadence as inputs; where the neutral one cannot hold it, its native text as the cron."""
    return cadence_props(cadence) if cadence else {"cron": text}
