"""A ZenML store with Airflow stacks, and schedules that ZenML made in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from orchestrators import airflow_create
from orchestrators.airflow_create import Made
from orchestrators.airflow_zips import edit_config, read_config
from pulumi_zenml.cadence.check import check_cadence
from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.airflow import AirflowOrchestrator
from pulumi_zenml.orchestrators.base import Target
from pulumi_zenml.orchestrators.counterpart import Wanted
from testbed.snapshots import ZenmlClient


@dataclass
class AirflowWorld:
    """One stack of flavor ``airflow``.

    Attributes:
        client: the ZenML store.
        stack: the stack's name, and its orchestrator's.
        dags: the DAG folder.
        snapshot: id of a snapshot to schedule.
        component: the orchestrator's id; known when something was made.
    """

    client: ZenmlClient
    stack: str
    dags: Path
    snapshot: str
    component: str = ""

    @classmethod
    def register(cls, client: ZenmlClient, stack: str, dags: Path) -> AirflowWorld:
        client.register_airflow_stack(stack, dags=dags)
        snapshot = client.create_snapshot(stack, pipeline=f"training-{stack}")
        return cls(client, stack, dags, snapshot.id)

    def create(
        self,
        name: str = "nightly",
        *,
        cadence: Mapping[str, object] = airflow_create.DAILY,
        paused: bool = False,
        settings: Mapping[str, Json] | None = None,
        overrides: Mapping[str, Json] | None = None,
        task: Mapping[str, Json] | None = None,
        shape: bool = True,
    ) -> Made:
        """Make a schedule as `airflow_create.create` does, in ZenML's process."""
        made = self.client.call(
            airflow_create.create,
            self.stack,
            self.snapshot,
            name,
            cadence=cadence,
            paused=paused,
            settings=settings,
            overrides=overrides,
            task=task,
            shape=shape,
        )
        self.component = made.component
        return made

    def orchestrator(self, **overrides: Json) -> AirflowOrchestrator:
        """The orchestrator in this process, for a test that sets ``ZENML_CONFIG_PATH``."""
        configuration = {"local": True, "dag_output_dir": str(self.dags)}
        component = SimpleNamespace(id=self.component, name=self.stack, configuration=configuration)
        return AirflowOrchestrator(Target(cast(Any, component), overrides))

    def zip(self, name: str) -> Path:
        return self.dags / f"{name}.zip"

    def config(self, name: str) -> dict[str, Any]:
        """A DAG's ``config.json``."""
        return read_config(self.zip(name))

    def edit(self, name: str, **keys: Json) -> None:
        """Change keys of a DAG's ``config.json`` by hand."""
        edit_config(self.zip(name), **keys)


def wanted(
    name: str = "nightly",
    *,
    owner: str = "",
    paused: bool = False,
    settings: Mapping[str, Json] | None = None,
    **given: object,
) -> Wanted:
    return Wanted(
        name=name,
        owner=owner or f"tests/dev/{name}",
        cadence=cadence(**given),
        paused=paused,
        settings=settings or {},
    )


def cadence(**given: object) -> Cadence:
    """A cadence from a resource's inputs; daily at three without any."""
    found, mistakes = check_cadence(given or {"cron": "0 3 * * *"})
    assert found is not None, mistakes
    return found
