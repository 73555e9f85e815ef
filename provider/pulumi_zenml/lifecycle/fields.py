"""A schedule's properties: the one list that arguments, checks, diffs, outputs and docs share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pulumi_zenml.errors import InputError

Change = Literal["replace", "in-place", "state", "none"]
"""What a change of a field means: another pair, the same pair, Pulumi's state only, or nothing."""


@dataclass(frozen=True)
class Kind:
    """What a value may be.

    Args:
        types: the plain types that Pulumi may pass for it.
        written: what a program may write.
    """

    types: tuple[type, ...]
    written: str


TEXT = Kind((str,), "str")
SWITCH = Kind((bool,), "bool")
INSTANT = Kind((str,), "aware datetime, or ISO 8601")
DURATION = Kind((int, float), "timedelta or seconds")
SWITCHES = Kind((dict,), "dict")
VALUES = Kind((list,), "list")
CONSENT = Kind((bool, str), "bool or str")


@dataclass(frozen=True)
class Field:
    """One property of the resource.

    Args:
        kind: what its value may be.
        change: what a change of it means.
        doc: one line for the docs and for editors.
        filled_in: a program does not give it; we do.
        of_pair: it says what the pair is, so a program that adopts the pair must say the same.
    """

    kind: Kind
    change: Change
    doc: str
    filled_in: bool = False
    of_pair: bool = False


FIELDS: dict[str, Field] = {
    "stack": Field(
        TEXT,
        "replace",
        "the ZenML stack, by name or id; names the orchestrator and its credentials",
        of_pair=True,
    ),
    "snapshot": Field(
        TEXT, "replace", "what to run: `pipeline:snapshot`, or a snapshot's id", of_pair=True
    ),
    "pipeline": Field(
        TEXT,
        "replace",
        "what to run, from source: `module:function`; instead of `snapshot`",
        of_pair=True,
    ),
    "source_root": Field(
        TEXT, "none", "the folder that `pipeline` is imported from; the program's by default"
    ),
    "source_digest": Field(TEXT, "replace", "what the source is now", filled_in=True),
    "python": Field(
        TEXT, "none", "the interpreter that imports `pipeline`; the provider's own by default"
    ),
    "name": Field(
        TEXT,
        "replace",
        "the schedule's name in ZenML; made from cadence, resource name, Pulumi stack and snapshot "
        "by default, as in `daily-training-prod-v12`",
        of_pair=True,
    ),
    "cron": Field(
        TEXT,
        "replace",
        "five fields in `timezone`, or an alias such as `@daily`; `H` stands for a value that is "
        "spread by the schedule's name and then stays",
        of_pair=True,
    ),
    "spread": Field(
        DURATION,
        "none",
        "moves `cron` later by a stable part of this window, chosen by the schedule's name, so "
        "that a fleet does not start in one minute",
    ),
    "interval": Field(
        DURATION,
        "replace",
        "from one fire to the next, in whole seconds; needs `start_time`",
        of_pair=True,
    ),
    "run_once_at": Field(INSTANT, "replace", "the one instant to fire at", of_pair=True),
    "timezone": Field(
        TEXT, "replace", "IANA name of the zone of `cron`; UTC by default", of_pair=True
    ),
    "start_time": Field(INSTANT, "replace", "nothing fires before it", of_pair=True),
    "end_time": Field(INSTANT, "replace", "nothing fires after it", of_pair=True),
    "catchup": Field(
        SWITCH,
        "replace",
        "make up for fires missed while paused or down; no by default",
        of_pair=True,
    ),
    "paused": Field(SWITCH, "in-place", "keep it from firing for now; no by default", of_pair=True),
    "orchestrator_settings": Field(
        SWITCHES,
        "in-place",
        "switches of the orchestrator's own; see its page in the docs",
        of_pair=True,
    ),
    "triggers": Field(VALUES, "replace", "any values; when one changes, the schedule is replaced"),
    "adopt": Field(
        CONSENT,
        "none",
        "take over an existing schedule of that name: `True` for one that no Pulumi resource owns, "
        "or the owner `organization/project/stack/resource` to take it from",
    ),
    "when_running": Field(
        TEXT,
        "state",
        "what to do when a run is in progress that would lose its credentials because its schedule "
        "is paused, replaced or deleted: `refuse` (the default), `wait` or `ignore`",
    ),
    "wait_timeout": Field(DURATION, "state", "how long `wait` waits; an hour by default"),
    "flavor": Field(
        TEXT,
        "none",
        "the flavor of the stack's orchestrator, so that a preview that cannot reach ZenML can "
        "check against it; looked up otherwise",
    ),
    "project": Field(
        TEXT,
        "replace",
        "the ZenML project; Pulumi config `zenml:project` or the active one by default",
        of_pair=True,
    ),
    "owner": Field(TEXT, "in-place", "organization/project/stack/resource", filled_in=True),
    "owner_key": Field(TEXT, "in-place", "the stack's ownership key", filled_in=True),
    "urn": Field(TEXT, "none", "where the engine shows what is said of it", filled_in=True),
    "retain": Field(SWITCH, "in-place", "whether `retain_on_delete` is set", filled_in=True),
}
"""Every input of the resource, in the order of the docs."""

ARGUMENTS = tuple(key for key, it in FIELDS.items() if not it.filled_in)
"""What a program may give."""

OUTPUTS: dict[str, str] = {
    "record_id": "ZenML's id of the schedule; the same as `id`",
    "native_id": "the counterpart's id, in the orchestrator's own terms",
    "native_kind": "what the orchestrator calls the counterpart, for example `CronJob`",
    "native_url": "where a person can look at the counterpart; empty when there is no such page",
    "native_cadence": "the cadence as the orchestrator spells it",
    "state": "`active`, `paused` or `finished`; after a refresh also what is broken",
    "flavor": "the flavor of the orchestrator",
    "orchestrator": "the name of the orchestrator component in ZenML",
    "orchestrator_id": "the id of the orchestrator component",
    "pipeline_name": "the ZenML pipeline that runs",
    "source_snapshot_id": "the snapshot that was asked for, by id",
    "submitted_snapshot_id": "the snapshot that the runs really use: a copy of this schedule's own",
}
"""The properties that only ZenML and the orchestrator know, in the order of the docs."""

CADENCE = ("cron", "interval", "run_once_at", "timezone", "start_time", "end_time", "catchup")
"""The fields that say when."""


def wrong_types(props: Mapping[str, object], known: Sequence[str]) -> list[InputError]:
    """The properties whose value is of no type that they can have.

    Args:
        props: the properties.
        known: the names of those whose value is known.
    """
    wrong = []
    for key in known:
        field = FIELDS.get(key)
        value = props.get(key)
        if field is None or value is None or isinstance(value, field.kind.types):
            continue
        names = " or ".join(it.__name__ for it in field.kind.types)
        # Pulumi has one kind of number.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        wrong.append(InputError(key, f"{value!r} is not a {names}."))
    return wrong
