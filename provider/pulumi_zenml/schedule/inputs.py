"""From a resource's properties to what it declares, and every mistake on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from pulumi_zenml.cadence import check_cadence, schedule_name
from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.errors import InputError
from pulumi_zenml.lifecycle.pair import Declared
from pulumi_zenml.lifecycle.running import Policy
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.source import build_snapshot, check_source

CADENCE = ("cron", "interval", "run_once_at", "timezone", "start_time", "end_time", "catchup")
"""The inputs that say when; a change of one is a replace."""

WHEN_RUNNING = ("refuse", "wait", "ignore")
_NAME_LIMIT = 255
_TYPES: dict[str, tuple[type, ...]] = {
    "stack": (str,),
    "snapshot": (str,),
    "pipeline": (str,),
    "name": (str,),
    "paused": (bool,),
    "orchestrator_settings": (dict,),
    "adopt": (bool, str),
    "when_running": (str,),
    "wait_timeout": (int, float),
    "flavor": (str,),
    "project": (str,),
}


@dataclass
class Checked:
    """What ``check`` found.

    Args:
        inputs: the properties, canonical and with defaults filled in.
        failures: every mistake, on its property.
        cadence: when it fires; ``None`` when that is wrong or not yet known.
        unknown: whether something that decides the cadence is not known yet.
    """

    inputs: dict[str, Any]
    failures: list[InputError] = field(default_factory=list)
    cadence: Cadence | None = None


def is_unknown(value: object) -> bool:
    """Whether Pulumi will know this value only once something else was created."""
    # The command imports this module, and Pulumi's takes a second to import.
    from pulumi.output import Unknown
    from pulumi.runtime import rpc

    return isinstance(value, Unknown) or value == rpc.UNKNOWN


def check_inputs(olds: Mapping[str, Any], news: Mapping[str, Any], now: datetime) -> Checked:
    """Check and complete a resource's properties, offline.

    Args:
        olds: the inputs in the state; empty for a new resource.
        news: the inputs as the program gives them.
        now: this instant, aware; a run-once before it is a mistake unless it was there before.
    """
    inputs = {key: value for key, value in news.items() if value is not None}
    checked = Checked(inputs)
    checked.failures += _wrong_types(inputs)
    if checked.failures:
        return checked
    checked.failures += _source(inputs)
    if not any(is_unknown(inputs.get(key)) for key in (*CADENCE, "spread")):
        same = inputs.get("run_once_at") == olds.get("run_once_at")
        _complete_cadence(checked, None if same and olds else now)
    _complete_name(checked)
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


def to_declared(inputs: Mapping[str, Any], connection: Connection) -> Declared:
    """What checked inputs declare.

    Args:
        inputs: what :func:`check_inputs` returned, all known.
        connection: for the process that imports a pipeline from source, and for what it
            overrides.
    """
    cadence, problems = check_cadence(inputs, now=None)
    if cadence is None:
        raise problems[0]
    return Declared(
        owner=inputs["owner"],
        name=inputs["name"],
        stack=inputs["stack"],
        cadence=cadence,
        snapshot=inputs.get("snapshot", ""),
        build=_builder(inputs) if "pipeline" in inputs else None,
        paused=inputs.get("paused", False),
        settings=inputs.get("orchestrator_settings", {}),
        formerly=tuple(inputs.get("formerly", ())),
        adopt=inputs.get("adopt", False),
        policy=to_policy(inputs, connection),
    )


def to_policy(inputs: Mapping[str, Any], connection: Connection) -> Policy:
    """What a resource says of runs in progress; Pulumi config has the last word.

    Args:
        inputs: the resource's inputs or, for its deletion, its outputs.
        connection: with what Pulumi config overrides.
    """
    when_running = connection.when_running or inputs.get("when_running", "refuse")
    return Policy(when_running, float(inputs.get("wait_timeout", 3600)))


def _builder(inputs: Mapping[str, Any]) -> Any:
    return partial(
        build_snapshot,
        inputs["pipeline"],
        source_root=inputs["source_root"],
        python=inputs.get("python"),
    )


def _wrong_types(inputs: Mapping[str, Any]) -> list[InputError]:
    wrong = []
    for key, types in _TYPES.items():
        value = inputs.get(key)
        if value is None or is_unknown(value) or isinstance(value, types):
            continue
        names = " or ".join(it.__name__ for it in types)
        wrong.append(InputError(key, f"{value!r} is not a {names}."))
    return wrong


def _source(inputs: Mapping[str, Any]) -> list[InputError]:
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
    elif "pipeline" in inputs:
        problem = check_source(inputs["pipeline"], inputs["source_root"])
        if problem:
            wrong.append(problem)
    return wrong


def _complete_cadence(checked: Checked, now: datetime | None) -> None:
    inputs = checked.inputs
    seed = inputs.get("name") or _resource(inputs)
    cadence, problems = check_cadence(inputs, now=now, seed=seed)
    checked.failures += problems
    checked.cadence = cadence
    if cadence is None:
        return
    if cadence.cron is not None:
        # H and spread are resolved here, once; the result is what is declared.
        inputs["cron"] = cadence.cron
        inputs.pop("spread", None)
    inputs["timezone"] = cadence.timezone
    inputs["catchup"] = cadence.catchup
    for key in ("run_once_at", "start_time", "end_time"):
        instant = getattr(cadence, key)
        if instant is not None:
            inputs[key] = instant.isoformat()


def _complete_name(checked: Checked) -> None:
    inputs = checked.inputs
    name = inputs.get("name")
    if name is None:
        snapshot = inputs.get("snapshot", "")
        if checked.cadence is None or is_unknown(snapshot):
            from pulumi.runtime import rpc

            inputs["name"] = rpc.UNKNOWN
            return
        _, environment, purpose = inputs["owner"].split("/", 2)
        version = snapshot.rpartition(":")[2] if ":" in snapshot else ""
        inputs["name"] = schedule_name(checked.cadence, purpose, environment, version)
    elif not is_unknown(name) and not (0 < len(name) <= _NAME_LIMIT and name.isprintable()):
        checked.failures.append(
            InputError(
                "name",
                f"{name[:60]!r} has {len(name)} characters; ZenML takes 1 to {_NAME_LIMIT}, all "
                "printable. Give another name.",
            )
        )


def _resource(inputs: Mapping[str, Any]) -> str:
    return str(inputs.get("owner", "")).rpartition("/")[2]
