"""From a resource's properties to complete ones, and every mistake on the way. Offline."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pulumi_zenml.cadence import check_cadence, schedule_name
from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.errors import InputError
from pulumi_zenml.identity import Owner
from pulumi_zenml.lifecycle.fields import CADENCE, wrong_types
from pulumi_zenml.lifecycle.spec import WHEN_RUNNING, cadence_props
from pulumi_zenml.zenml.source import check_source

NAME_LIMIT = 218
"""Of the 255 characters that ZenML takes, archiving needs 37 (zenml 0.98 schedule_schema)."""

FILLED_BY_CHECK = ("name", "timezone", "catchup", "paused", "when_running", "flavor")
"""The arguments that have a value even where the program gives none."""


@dataclass
class Checked:
    """What ``check`` found.

    Args:
        inputs: the properties, canonical and with defaults filled in.
        failures: every mistake, on its property.
        cadence: when it fires; ``None`` when that is wrong or not yet known.
    """

    inputs: dict[str, object]
    failures: list[InputError] = field(default_factory=list)
    cadence: Cadence | None = None


def is_unknown(value: object) -> bool:
    """Whether Pulumi will know this value only once something else was created."""
    # The command imports this module, and Pulumi's takes a second to import.
    from pulumi.output import Unknown
    from pulumi.runtime import rpc

    return isinstance(value, Unknown) or value == rpc.UNKNOWN


def check_inputs(olds: Mapping[str, object], news: Mapping[str, object], now: datetime) -> Checked:
    """Check and complete a resource's properties, offline.

    Args:
        olds: the inputs in the state; empty for a new resource.
        news: the inputs as the program gives them.
        now: this instant, aware; a run-once before it is a mistake unless it was there before.
    """
    inputs = {key: value for key, value in news.items() if value is not None}
    checked = Checked(inputs)
    known = [key for key, value in inputs.items() if not is_unknown(value)]
    checked.failures += wrong_types(inputs, known)
    if checked.failures:
        return checked
    checked.failures += _source(inputs)
    if not any(is_unknown(inputs.get(key)) for key in (*CADENCE, "spread")):
        _complete_cadence(checked, olds, now)
    _complete_name(checked)
    if "adopt" in inputs and (mistake := _adopt(inputs["adopt"])):
        checked.failures.append(InputError("adopt", mistake))
    inputs.setdefault("paused", False)
    inputs.setdefault("when_running", "refuse")
    if inputs["when_running"] not in WHEN_RUNNING and not is_unknown(inputs["when_running"]):
        checked.failures.append(
            InputError(
                "when_running",
                f"'{inputs['when_running']}' is not one of {', '.join(WHEN_RUNNING)}.",
            )
        )
    return checked


def _source(inputs: Mapping[str, object]) -> list[InputError]:
    wrong = []
    if "stack" not in inputs or inputs["stack"] == "":
        wrong.append(InputError("stack", "name the ZenML stack to run on."))
    if ("snapshot" in inputs) == ("pipeline" in inputs):
        wrong.append(
            InputError(
                "snapshot",
                "say what to run, once: either snapshot='pipeline:snapshot' (or an id), or "
                "pipeline='module:function'.",
            )
        )
    elif "snapshot" in inputs and (mistake := _snapshot(inputs["snapshot"])):
        wrong.append(InputError("snapshot", mistake))
    elif "pipeline" in inputs:
        problem = check_source(_text(inputs, "pipeline"), _text(inputs, "source_root"))
        if problem:
            wrong.append(problem)
    return wrong


def _snapshot(reference: object) -> str:
    """What is wrong with a snapshot's reference, and what to write; empty where nothing is."""
    if is_unknown(reference):
        return ""
    text = str(reference)
    pipeline, _, name = text.rpartition(":")
    if pipeline.strip() and name.strip():
        return ""
    with suppress(ValueError):
        UUID(text)
        return ""
    word = (pipeline or name).strip()
    written = f"for example '{word}:v1'" if word and text.strip() != f":{word}" else "in full"
    return (
        f"'{text}' is neither 'pipeline:snapshot' nor the id of a snapshot. Write both names, "
        f"{written}; 'zenml pipeline snapshot list' shows them."
    )


def _adopt(consent: object) -> str:
    """What is wrong with the value of ``adopt``; empty where nothing is."""
    if isinstance(consent, bool) or is_unknown(consent):
        return ""
    parts = str(consent).split("/", 3)
    if len(parts) == 4 and all(it.strip() for it in parts):
        return ""
    return (
        f"'{consent}' is neither True nor the owner to take the schedule from, as in "
        "'organization/project/stack/resource'."
    )


def _complete_cadence(checked: Checked, olds: Mapping[str, object], now: datetime) -> None:
    inputs = checked.inputs
    seed = _text(inputs, "name") or _seed(inputs)
    # The name chooses what H and spread become.
    moves = is_unknown(inputs.get("name")) and _is_moved(inputs)
    cadence, problems = check_cadence(inputs, now=None, seed=seed)
    if cadence and not _is_there_already(cadence, olds):
        # One that is over is a mistake in a new schedule, not in one that has had its fire.
        cadence, problems = check_cadence(inputs, now=now, seed=seed)
    checked.failures += problems
    checked.cadence = cadence
    if cadence is None:
        return
    # H and spread are resolved here, once; the result is what is declared.
    inputs.pop("spread", None)
    for key, value in cadence_props(cadence).items():
        if value is not None:
            inputs[key] = value
    if moves:
        from pulumi.runtime import rpc

        inputs["cron"] = rpc.UNKNOWN


def _is_moved(inputs: Mapping[str, object]) -> bool:
    return "spread" in inputs or re.search(r"\bH\b", _text(inputs, "cron")) is not None


def _is_there_already(cadence: Cadence, olds: Mapping[str, object]) -> bool:
    """Whether the state has a cadence with the same end, however the program spells it."""
    if not olds:
        return False
    before, _ = check_cadence(olds, now=None)
    return before is not None and before.run_once_at == cadence.run_once_at


def _complete_name(checked: Checked) -> None:
    inputs = checked.inputs
    name = inputs.get("name")
    if name is None:
        snapshot = _text(inputs, "snapshot")
        if checked.cadence is None and checked.failures:
            # During an update the engine would show an unknown name instead of the failures.
            return
        if checked.cadence is None or is_unknown(snapshot):
            from pulumi.runtime import rpc

            inputs["name"] = rpc.UNKNOWN
            return
        owner = Owner("", _text(inputs, "owner"))
        version = snapshot.rpartition(":")[2] if ":" in snapshot else ""
        inputs["name"] = schedule_name(checked.cadence, owner.resource, owner.stack, version)
    elif isinstance(name, str) and not is_unknown(name) and not _is_name(name):
        checked.failures.append(
            InputError(
                "name",
                f"{name[:60]!r} has {len(name)} characters; a schedule's name has 1 to "
                f"{NAME_LIMIT}, all printable and not all blanks. Give another name.",
            )
        )


def _is_name(text: str) -> bool:
    return bool(text.strip()) and len(text) <= NAME_LIMIT and text.isprintable()


def _seed(inputs: Mapping[str, object]) -> str:
    return Owner("", _text(inputs, "owner")).resource


def _text(inputs: Mapping[str, object], key: str) -> str:
    value = inputs.get(key)
    return value if isinstance(value, str) else ""
