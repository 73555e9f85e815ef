"""What a third party needs to test its own orchestrator: the conformance suite and stand-ins."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pulumi_zenml.testing.bench import EVERY_FAULT, Bench, Fault
    from pulumi_zenml.testing.conformance import Conformance
    from pulumi_zenml.testing.driver import Driver, Op
    from pulumi_zenml.testing.faults import Faulty, FaultyServer
    from pulumi_zenml.testing.loopback import LoopbackServer
    from pulumi_zenml.testing.loopback_tls import Loopback
    from pulumi_zenml.zenml.connection import Connection

__all__ = [
    "EVERY_FAULT",
    "Bench",
    "Conformance",
    "Connection",
    "Driver",
    "Fault",
    "Faulty",
    "FaultyServer",
    "Loopback",
    "LoopbackServer",
    "Op",
]

_MODULES = {
    "EVERY_FAULT": "pulumi_zenml.testing.bench",
    "Bench": "pulumi_zenml.testing.bench",
    "Conformance": "pulumi_zenml.testing.conformance",
    "Connection": "pulumi_zenml.zenml.connection",
    "Driver": "pulumi_zenml.testing.driver",
    "Fault": "pulumi_zenml.testing.bench",
    "Faulty": "pulumi_zenml.testing.faults",
    "FaultyServer": "pulumi_zenml.testing.faults",
    "Loopback": "pulumi_zenml.testing.loopback_tls",
    "LoopbackServer": "pulumi_zenml.testing.loopback",
    "Op": "pulumi_zenml.testing.driver",
}


def __getattr__(name: str) -> Any:
    # The suite imports pytest, whose assertions it wants rewritten before it is imported itself.
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(module), name)
