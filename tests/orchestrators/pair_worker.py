"""Pairs made and looked at in a process with ZenML in it; see `testbed.snapshots.ZenmlClient`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrators.stacks import Components
    from pulumi_zenml.lifecycle.pair import Pair
    from pulumi_zenml.lifecycle.pairs import Pairs
    from testbed.snapshots import ZenmlClient


class Worker:
    """The core at work in a ZenML client's process.

    Args:
        client: whose process.
        overrides: Pulumi configuration for the orchestrator of each stack.
    """

    def __init__(self, client: ZenmlClient, overrides: Mapping[str, Any]) -> None:
        self.client = client
        self.overrides = dict(overrides)

    def register(self, name: str, components: Components) -> None:
        """See :func:`orchestrators.stacks.register`."""
        self.do("register", "stacks", name=name, components=dict(components))

    def create(self, **declared: Any) -> dict[str, Any]:
        """Make a pair; returns the counterpart and the record as plain data."""
        pair: dict[str, Any] = self.do("create", overrides=self.overrides, **declared)
        return pair

    def read(self, pair: Mapping[str, Any]) -> dict[str, Any] | None:
        """The pair as a refresh sees it."""
        found: dict[str, Any] | None = self.do("read", overrides=self.overrides, pair=dict(pair))
        return found

    def delete(self, pair: Mapping[str, Any]) -> None:
        """Delete the pair, whether or not it runs."""
        self.do("delete", overrides=self.overrides, pair=dict(pair))

    def do(self, operation: str, module: str = "pair_worker", **arguments: Any) -> Any:
        """Call a function of one of these modules in the client's process."""
        module = f"__import__('orchestrators.{module}', fromlist=['_'])"
        return self.client.evaluate(f"{module}.{operation}(**{arguments!r})")


def written(cadence: Mapping[str, object]) -> dict[str, object]:
    """Arguments of ``make_cadence`` as plain data."""
    plain: dict[str, object] = {}
    for key, value in cadence.items():
        plain[key] = value
        if isinstance(value, datetime):
            plain[key] = value.isoformat()
        if isinstance(value, timedelta):
            plain[key] = value.total_seconds()
    return plain


def _meant(plain: Mapping[str, Any]) -> dict[str, Any]:
    moments = ("start_time", "end_time", "run_once_at")
    cadence: dict[str, Any] = {
        key: datetime.fromisoformat(value) if key in moments else value
        for key, value in plain.items()
    }
    if "interval" in cadence:
        cadence["interval"] = timedelta(seconds=cadence["interval"])
    return cadence


def create(stack: str, overrides: Mapping[str, Any], **declared: Any) -> dict[str, Any]:
    """Make a pair. ``cadence`` holds what :func:`written` made of ``make_cadence``'s arguments."""
    from pulumi_zenml.cadence import make_cadence
    from pulumi_zenml.lifecycle.pair import Declared

    cadence = make_cadence(**_meant(declared.pop("cadence")))
    owner = f"tests/dev/{declared['name']}"
    said: list[str] = []
    pair = _pairs(stack, overrides, said).create(
        Declared(owner=owner, stack=stack, cadence=cadence, **declared)
    )
    return _plain(pair, stack) | {"said": said}


def read(overrides: Mapping[str, Any], pair: dict[str, Any]) -> dict[str, Any] | None:
    """The pair as a refresh sees it."""
    found = _pairs(pair["stack"], overrides, []).read(
        pair["record"], native_id=pair["native_id"], orchestrator_id=pair["orchestrator"]
    )
    return _plain(found, pair["stack"]) if found else None


def delete(overrides: Mapping[str, Any], pair: dict[str, Any]) -> None:
    """Delete the pair."""
    from pulumi_zenml.lifecycle.running import Policy

    _pairs(pair["stack"], overrides, []).delete(
        pair["record"],
        native_id=pair["native_id"],
        orchestrator_id=pair["orchestrator"],
        policy=Policy("ignore"),
    )


def _pairs(stack: str, overrides: Mapping[str, Any], said: list[str]) -> Pairs:
    from pulumi_zenml.lifecycle.pairs import Pairs
    from pulumi_zenml.lifecycle.session import Session
    from pulumi_zenml.zenml.connection import Connection

    return Pairs(Session(Connection(orchestrators={stack: overrides}), warn=said.append))


def _plain(pair: Pair, stack: str) -> dict[str, Any]:
    found = pair.counterpart
    plain = {
        "stack": stack,
        "record": pair.record.id if pair.record else "",
        "orchestrator": str(pair.orchestrator.target.component.id) if pair.orchestrator else "",
        "native_id": found.native_id if found else "",
        "counterpart": {
            **vars(found),
            "native": {"text": found.native.text, "fields": dict(found.native.fields)},
            "cadence": vars(found.cadence) if found.cadence else None,
        }
        if found
        else None,
    }
    kept: dict[str, Any] = json.loads(json.dumps(plain, default=str))
    return kept
