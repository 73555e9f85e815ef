"""The orchestrators that the matrix knows, and what each needs to run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from faults.sides import Side
from testbed.kubernetes import Kubernetes, kubernetes
from testbed.sshd import SshHost, ssh_host

FLAVORS = (
    "kubernetes",
    "airflow",
    "azureml",
    "databricks",
    "hyperai",
    "kubeflow",
    "sagemaker",
    "vertex",
)
ALONE = ("hyperai", "sagemaker", "azureml")
"""Flavors of which there is one world at a time: a host, or a service whose address is read from
the environment of the whole process."""


class Services:
    """What the worlds of one flavor share. Use it as a context manager.

    Args:
        flavor: one of `FLAVORS`.
        folder: for its files.
    """

    def __init__(self, flavor: str, folder: Path) -> None:
        self.flavor = flavor
        self._folder = folder
        self._open = ExitStack()
        self._cluster: Kubernetes | None = None
        self._host: SshHost | None = None

    def __enter__(self) -> Self:
        if self.flavor == "kubernetes":
            self._cluster = self._open.enter_context(kubernetes(self._folder / "kubernetes"))
        if self.flavor == "hyperai":
            self._host = self._open.enter_context(ssh_host(self._folder / "host"))
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def side(self, name: str) -> Side:
        """A world's part of the orchestrator."""
        if self._cluster:
            from faults.kubernetes_side import KubernetesSide

            return KubernetesSide(self._cluster, name)
        if self.flavor == "airflow":
            from faults.host_sides import AirflowSide

            return AirflowSide(self._folder / f"dags-{name}")
        return self._standin()

    def _standin(self) -> Side:
        from faults import host_sides, standin_side

        bench: Any
        side: Callable[[Any], Side]
        if self._host:
            from orchestrators.hyperai_bench import HyperAIBench

            bench = HyperAIBench(self._host)
            bench.__enter__()
            return host_sides.HyperAISide(bench)
        if self.flavor == "azureml":
            from orchestrators.azureml_bench import AzureMLBench

            bench, side = AzureMLBench(), standin_side.AzureMLSide
        elif self.flavor == "databricks":
            from orchestrators.databricks_bench import DatabricksBench

            bench, side = DatabricksBench(), standin_side.DatabricksSide
        elif self.flavor == "kubeflow":
            from orchestrators.kubeflow_bench import KubeflowBench

            bench, side = KubeflowBench(), standin_side.KubeflowSide
        elif self.flavor == "sagemaker":
            from orchestrators.sagemaker_bench import SagemakerBench

            bench, side = SagemakerBench(), standin_side.SageMakerSide
        else:
            from orchestrators.vertex_bench import VertexBench

            bench, side = VertexBench(), standin_side.VertexSide
        bench.__enter__()
        return side(bench)
