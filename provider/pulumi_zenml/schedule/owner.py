"""The resource that holds a stack's ownership key; one for each stack, declared by itself."""

from __future__ import annotations

import pulumi
from pulumi import Output, ResourceOptions, dynamic
from pulumi.runtime.config import CONFIG, get_config_env

from pulumi_zenml.schedule.clear_config import warn_of_secrets_in_clear
from pulumi_zenml.schedule.configuration import NAMESPACE, unknown_keys
from pulumi_zenml.schedule.provider import OwnerProvider

RESOURCE_NAME = "zenml-owner"
_ATTRIBUTE = "_pulumi_zenml_owner"


class Owner(dynamic.Resource, module="zenml", name="Owner"):
    """A random key that only this stack's state holds, by which its schedules are told from others.

    It is created before any schedule and deleted after the last, so that whatever an interrupted
    update left is recognised, and removed with the stack.
    """

    key: Output[str]
    """The key."""

    def __init__(self) -> None:
        super().__init__(OwnerProvider(), RESOURCE_NAME, {"key": None}, ResourceOptions())
        # Here, because there is one of it in each run.
        warn_of_secrets_in_clear()
        if pulumi.get_project() != NAMESPACE:
            # Where it is, the project's own keys are in the namespace, too.
            for text in unknown_keys({**get_config_env(), **CONFIG.get()}):
                pulumi.log.warn(text)


def stack_owner() -> Owner:
    """The owner of the stack that the program is running for; declared on first use."""
    root = pulumi.runtime.get_root_resource()
    if root is None:
        return Owner()
    known = root.__dict__.get(_ATTRIBUTE)
    if known is None:
        known = root.__dict__[_ATTRIBUTE] = Owner()
    assert isinstance(known, Owner)
    return known


def owner_label(resource_name: str) -> str:
    """``<organization>/<project>/<stack>/<resource name>``, for people."""
    parts = (pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack())
    return "/".join([*parts, resource_name])
