"""A ZenML stack component without a ZenML store, for tests of our side of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zenml.models import ComponentResponse


def component(
    name: str, flavor: str, source: str, configuration: Mapping[str, Any]
) -> ComponentResponse:
    """An orchestrator component as ZenML's client would return it.

    Args:
        name: its name.
        flavor: its flavor.
        source: the dotted name of ZenML's class for the flavor.
        configuration: ZenML's configuration; keys that are None are left out.
    """
    from zenml.enums import StackComponentType

    kind = StackComponentType.ORCHESTRATOR
    made: Any = SimpleNamespace(
        id=uuid.uuid4(),
        name=name,
        type=kind,
        flavor_name=flavor,
        flavor=SimpleNamespace(name=flavor, type=kind, integration=flavor, source=source),
        configuration={key: value for key, value in configuration.items() if value is not None},
        environment={},
        secrets=[],
        labels={},
        user_id=None,
        created=None,
        updated=None,
        connector=None,
        connector_resource_id=None,
    )
    found: ComponentResponse = made
    return found
