"""The supported orchestrators, loaded on first use.

A third party adds one from its own package with an entry point in the group
``pulumi_zenml.orchestrators``: the name is the ZenML flavor, the value the class.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

from pulumi_zenml.errors import NotSchedulableError
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.capabilities import Ability, Capabilities, Gap, Setting, Yes
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun, RunState, Wanted
from pulumi_zenml.orchestrators.probe import Probe, ProbeResult
from pulumi_zenml.zenml.submission import Submission

__all__ = [
    "ENTRY_POINT_GROUP",
    "REFUSED",
    "REGISTRY",
    "Ability",
    "Capabilities",
    "Counterpart",
    "Gap",
    "NativeRun",
    "Orchestrator",
    "Probe",
    "ProbeResult",
    "Registration",
    "RunState",
    "Setting",
    "Submission",
    "Target",
    "Wanted",
    "Yes",
    "get_orchestrator",
    "known_flavors",
    "refusal",
]

ENTRY_POINT_GROUP = "pulumi_zenml.orchestrators"
"""The entry points by which another package adds an orchestrator: its flavor, and its class."""


@dataclass(frozen=True)
class Registration:
    """Where a flavor's class is, and what it needs.

    Args:
        path: the class, as ``module:name``.
        extra: the extra of this package that brings what it needs.
        module: a module that only the extra brings; empty where nothing is needed.
    """

    path: str
    extra: str
    module: str = ""


REGISTRY: dict[str, Registration] = {
    "airflow": Registration("pulumi_zenml.orchestrators.airflow:AirflowOrchestrator", "airflow"),
    "azureml": Registration(
        "pulumi_zenml.orchestrators.azureml:AzureMLOrchestrator", "azureml", "azure.ai.ml"
    ),
    "databricks": Registration(
        "pulumi_zenml.orchestrators.databricks:DatabricksOrchestrator",
        "databricks",
        "databricks.sdk",
    ),
    "hyperai": Registration(
        "pulumi_zenml.orchestrators.hyperai:HyperAIOrchestrator", "hyperai", "paramiko"
    ),
    "kubeflow": Registration(
        "pulumi_zenml.orchestrators.kubeflow:KubeflowOrchestrator", "kubeflow", "kfp"
    ),
    "kubernetes": Registration(
        "pulumi_zenml.orchestrators.kubernetes:KubernetesOrchestrator", "kubernetes", "kubernetes"
    ),
    "sagemaker": Registration(
        "pulumi_zenml.orchestrators.sagemaker:SagemakerOrchestrator", "sagemaker", "sagemaker"
    ),
    "vertex": Registration(
        "pulumi_zenml.orchestrators.vertex:VertexOrchestrator", "vertex", "google.cloud.aiplatform"
    ),
}
"""The flavors that this package brings, in alphabetical order."""

_ELSEWHERE = (
    "Use a stack with one of {known}, or start the pipeline from a scheduler outside ZenML."
)

REFUSED: dict[str, str] = {
    "lightning": "Lightning AI jobs have no schedules that ZenML can make.",
    "local": "the local orchestrator runs a pipeline in the calling process, so nothing is left "
    "to fire later.",
    "local_docker": "the local Docker orchestrator runs containers on the calling machine, so "
    "nothing is left to fire later.",
    "modal": "ZenML's Modal orchestrator declares that it cannot schedule.",
    "ssh": "ZenML's SSH orchestrator declares that it cannot schedule.",
    "tekton": "ZenML's Tekton orchestrator declares that it cannot schedule.",
}
"""The flavors of ZenML that cannot schedule, and why."""


def get_orchestrator(flavor: str) -> type[Orchestrator]:
    """The class for a ZenML orchestrator flavor.

    Args:
        flavor: ZenML's flavor name, for example ``vertex``.

    Raises:
        NotSchedulableError: when the flavor cannot schedule or is not registered; says why
            and what to use instead.
    """
    row = REGISTRY.get(flavor)
    if row is not None:
        return _load(row.path)
    for entry in entry_points(group=ENTRY_POINT_GROUP, name=flavor):
        loaded: type[Orchestrator] = entry.load()
        return loaded
    raise NotSchedulableError("stack", refusal(flavor))


def missing_extra(flavor: str) -> str:
    """What to install for a flavor whose SDK is not here; empty where nothing is missing.

    Nothing is imported but the packages that the SDK's own is in.
    """
    row = REGISTRY.get(flavor)
    if row is None or not row.module or _is_installed(row.module):
        return ""
    return (
        f"its orchestrator has the flavor '{flavor}', and the Python package '{row.module}' for it "
        f"is not installed. Run: pip install 'pulumi-zenml[{row.extra}]'"
    )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        # A package that it is in is missing.
        return False


def refusal(flavor: str) -> str:
    """Why a flavor that is not registered cannot schedule, and what to use instead."""
    if flavor.startswith("skypilot"):
        why = "ZenML's SkyPilot orchestrators start virtual machines and have no schedules."
    else:
        why = REFUSED.get(flavor, "no package registered an orchestrator for this flavor.")
    return f"its orchestrator has the flavor '{flavor}', which cannot schedule: {why} {elsewhere()}"


def elsewhere() -> str:
    """What to use instead of a flavor that cannot schedule."""
    return _ELSEWHERE.format(known=", ".join(known_flavors()))


def known_flavors() -> list[str]:
    """Every flavor that can schedule here, built in or registered, in order."""
    return sorted({*REGISTRY, *(entry.name for entry in entry_points(group=ENTRY_POINT_GROUP))})


def _load(path: str) -> type[Orchestrator]:
    module, _, name = path.partition(":")
    loaded: type[Orchestrator] = getattr(import_module(module), name)
    return loaded
