"""Stacks of a ZenML for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Components = Mapping[str, tuple[str, dict[str, Any]]]
"""A stack's components by type: flavor and configuration."""

WITH_IMAGES: Components = {
    "container_registry": ("default", {"uri": "registry.example.invalid"}),
    "image_builder": ("local", {}),
}
"""What a stack needs beside its orchestrator to run images."""


def register(
    name: str, components: Components, *, connector: Any = None, resource: str | None = None
) -> None:
    """Register a stack of components that all bear its name.

    Args:
        name: the stack's.
        components: the default artifact store is taken where there is none among them.
        connector: the id of a service connector that the orchestrator signs in with.
        resource: the resource of the connector that it uses.
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType as Kind

    client = Client()
    for kind, (flavor, config) in components.items():
        client.create_stack_component(name, flavor, Kind(kind), config)
    if connector is not None:
        client.update_stack_component(
            name, Kind.ORCHESTRATOR, connector_id=connector, connector_resource_id=resource
        )
    own = {Kind(kind): name for kind in components}
    client.create_stack(name, {Kind.ARTIFACT_STORE: "default", **own})
