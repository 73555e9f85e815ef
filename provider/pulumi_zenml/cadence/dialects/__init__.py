"""The systems that a cadence can be spelled for, each in its own small module."""

from __future__ import annotations

import difflib
from importlib import import_module

from pulumi_zenml.cadence.dialects.base import Dialect
from pulumi_zenml.errors import InputError

__all__ = ["DIALECTS", "Dialect", "get_dialect"]

DIALECTS = {
    "airflow": "airflow:Airflow",
    "at": "at:At",
    "azureml": "azureml:AzureML",
    "cloudscheduler": "cloudscheduler:CloudScheduler",
    "crontab": "crontab:Crontab",
    "eventbridge": "eventbridge:EventBridge",
    "github": "github:GitHub",
    "gitlab": "gitlab:GitLab",
    "jenkins": "jenkins:Jenkins",
    "kubeflow": "kubeflow:Kubeflow",
    "kubernetes": "kubernetes:Kubernetes",
    "quartz": "quartz:Quartz",
    "vertex": "vertex:Vertex",
}
"""Name and class path, in alphabetical order."""


def get_dialect(name: str, host_timezone: str = "UTC") -> Dialect:
    """The dialect of that name.

    Args:
        name: one of :data:`DIALECTS`.
        host_timezone: the IANA zone of the machine or cluster, for a system that reads its times
            in that zone; ignored by the others.

    Raises:
        InputError: when there is no such system; suggests similar names.
    """
    where = DIALECTS.get(name)
    if where is None:
        near = difflib.get_close_matches(name.lower(), DIALECTS, n=3, cutoff=0.5)
        hint = f"Near it: {', '.join(near)}." if near else f"Known: {', '.join(DIALECTS)}."
        raise InputError("system", f"`{name[:64]}` is not a known system. {hint}")
    module, attribute = where.split(":")
    made = getattr(import_module(f"{__name__}.{module}"), attribute)
    dialect = made(host_timezone) if made.zones == "host" else made()
    assert isinstance(dialect, Dialect)
    return dialect
