"""Vendors' packages, imported on first use."""

from __future__ import annotations

from importlib import import_module
from threading import RLock
from types import ModuleType

from pulumi_zenml.errors import ServiceError

IMPORTING = RLock()
"""Held while vendors' packages are imported. Python gives up with a deadlock where two threads
import packages that import each other's parts, as kfp and kubernetes do."""


def need(module: str, extra: str, service: str) -> ModuleType:
    """Import a vendor's module.

    Args:
        module: its dotted name.
        extra: the extra of this package that brings it.
        service: the service's name, for the error.

    Raises:
        ServiceError: it is not installed; says what to install.
    """
    try:
        with IMPORTING:
            return import_module(module)
    except ImportError as error:
        raise ServiceError(
            service,
            f"the Python package for it is missing or broken ({error}). Run: "
            f"pip install 'pulumi-zenml[{extra}]'",
        ) from error
