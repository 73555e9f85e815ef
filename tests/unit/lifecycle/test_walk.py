"""The way of `cron` from the engine to the native call is as docs/architecture.md draws it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, cast

import pytest

import pulumi_zenml
from pulumi_zenml.cadence.model import Native
from pulumi_zenml.errors import InternalError
from pulumi_zenml.orchestrators.base import Target
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.orchestrators.kubernetes import KubernetesOrchestrator
from pulumi_zenml.orchestrators.kubernetes.api import KubernetesApi
from pulumi_zenml.schedule.provider import ScheduleProvider
from unit.memory.world import World
from unit.memory.zenml import MemoryHost, MemoryZenml

PACKAGE = Path(pulumi_zenml.__file__).parent
PAGE = PACKAGE.parents[1] / "docs" / "architecture.md"
FLOORS = ("schedule", "lifecycle", "orchestrators", "cadence")
CRON = "7 3 * * *"


def drawn() -> list[str]:
    """The modules of the drawing, in order."""
    _, _, section = PAGE.read_text(encoding="utf-8").partition("## The way of one argument\n")
    return re.findall(r"^\d\. `([\w/.]+)`", section.partition("\n## ")[0], re.MULTILINE)


def calling() -> list[str]:
    """Our modules on the stack, from the engine's call on, each once."""
    found: list[str] = []
    frame: FrameType | None = sys._getframe(1)
    while frame:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE):
            found.append(str(path.relative_to(PACKAGE)))
        frame = frame.f_back
    return list(dict.fromkeys(reversed(found)))


class _Reached(Exception):
    """The native call."""


def test_the_drawing_has_eight_modules_and_leads_down() -> None:
    modules = drawn()
    assert 1 < len(modules) <= 8
    assert [it for it in modules if not (PACKAGE / it).exists()] == []
    # A dialect is asked, and answers.
    floors = [FLOORS.index(it.split("/")[0]) for it in modules if not it.startswith("cadence")]
    assert floors == sorted(floors)


def test_the_native_call_is_reached_by_that_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    sent: dict[str, Any] = {}

    def patch(self: KubernetesApi, path: str, doing: str, change: Callable[[Any], Any]) -> None:
        # What is undone calls it again.
        if not seen:
            seen.extend(calling())
            sent.update(change({"metadata": {}, "spec": {"schedule": "0 0 31 2 *"}}))
        raise _Reached

    component = SimpleNamespace(id="kube", name="kube", configuration={})
    orchestrator = KubernetesOrchestrator(Target(cast(Any, component)))
    found = Counterpart("default/made", Native(""), None, False, "snapshot", None)
    monkeypatch.setattr(KubernetesApi, "patch", patch)
    monkeypatch.setattr(orchestrator, "verify", lambda wanted: None)
    monkeypatch.setattr(orchestrator, "locate", lambda snapshot, hints: found)
    monkeypatch.setattr(MemoryZenml, "orchestrator", lambda self, stack: orchestrator)
    provider = ScheduleProvider()
    provider.host = MemoryHost(world)
    inputs = {
        "stack": "one",
        "snapshot": "training:v1",
        "name": "nightly",
        "cron": CRON,
        "owner": "org/shop/dev/nightly",
        "owner_key": "0123456789ab",
    }
    with pytest.raises(InternalError, match="_Reached"):
        provider.create(provider.check({}, inputs).inputs)
    assert sent["spec"]["schedule"] == CRON
    assert seen == [it for it in drawn() if it in seen]
    assert seen[0] == "schedule/provider.py"
    assert seen[-1] == "orchestrators/kubernetes/__init__.py"
