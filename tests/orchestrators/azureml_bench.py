"""AzureML made ready to be tested: a stand-in workspace, reached by the official client.

ZenML's orchestrator and azure-ai-ml run unchanged. They are led to the stand-in by environment
variables of their own: `AZUREML_DEV_URL_MFE` (azure-ai-ml), `REQUESTS_CA_BUNDLE` (its TLS), and
`IDENTITY_ENDPOINT` and `IDENTITY_HEADER`, with which Azure's DefaultAzureCredential signs in as
on Azure App Service. Nothing is patched. The artifact store is a bucket in moto, because the
orchestrator accepts no local one and uploads to it what a snapshot holds of the code.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Self
from uuid import UUID

from orchestrators.s3_bucket import S3Bucket
from pulumi_zenml.cadence import Cadence, make_cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.testing.bench import EVERY_FAULT, Bench, Fault
from standins.azureml_standin import AzureMLStandIn
from testbed.zenml_store import WITH_IMAGES, register_stack


class AzureMLBench(Bench):
    """Use it as a context manager: the workspace is there as long as the block lasts.

    Args:
        settle_seconds: how long Azure takes for a change.
    """

    flavor: ClassVar[str] = "azureml"
    faults: ClassVar[tuple[Fault, ...]] = EVERY_FAULT

    def __init__(self, *, settle_seconds: float = 0.0) -> None:
        self._settle_seconds = settle_seconds
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        standin = AzureMLStandIn(folder, settle_seconds=self._settle_seconds)
        self.azure = self._stack.enter_context(standin)
        self.bucket = self._stack.enter_context(S3Bucket())
        self._stack.enter_context(_environment(self.azure.environment))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def environment(self) -> Mapping[str, str]:
        return self.azure.environment

    @property
    def credentials(self) -> Sequence[str]:
        return tuple(self.azure.tokens)

    def overrides(self) -> Mapping[str, Json]:
        return {"timeout_seconds": 2, "attempts": 2}

    def register(self, name: str) -> None:
        self.register_with(name)

    def register_with(self, name: str, connector: UUID | None = None) -> None:
        """Register a stack whose orchestrator signs in with a service connector, if given."""
        workspace = {
            "subscription_id": self.azure.subscription,
            "resource_group": self.azure.group,
            "workspace": self.azure.name,
        }
        store = ("s3", self.bucket.config)
        components = {
            "orchestrator": ("azureml", workspace),
            "artifact_store": store,
            **WITH_IMAGES,
        }
        register_stack(name, components, connector=connector)

    def cadences(self) -> Sequence[Cadence]:
        soon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
        return [
            make_cadence(cron="0 3 * * 1-5", timezone="Europe/Berlin"),
            make_cadence(
                cron="30 4,16 1,15 * *",
                timezone="America/New_York",
                start_time=soon,
                end_time=soon + timedelta(days=90),
            ),
            make_cadence(interval=timedelta(hours=6), start_time=soon),
        ]

    def native_ids(self) -> set[str]:
        return {str(it.name) for it in self.client().schedules.list(list_view_type="All")}

    def edit_cadence(self, native_id: str) -> None:
        from azure.ai.ml.entities import CronTrigger

        schedules = self.client().schedules
        schedule = schedules.get(native_id)
        schedule.trigger = CronTrigger(expression="17 5 * * 2", time_zone="UTC")
        schedules.begin_create_or_update(schedule).result()

    def edit_paused(self, native_id: str, paused: bool) -> None:
        schedules = self.client().schedules
        begin = schedules.begin_disable if paused else schedules.begin_enable
        begin(native_id).result()

    def remove(self, native_id: str) -> None:
        schedules = self.client().schedules
        schedules.begin_disable(native_id).result()
        schedules.begin_delete(native_id).result()

    def add_run(self, native_id: str) -> str:
        return self.azure.workspace.fire(native_id)

    def fault(self, kind: Fault) -> AbstractContextManager[None]:
        return self.azure.fault(kind)

    def client(self) -> Any:
        """Azure's own client, as a colleague would use it."""
        from azure.ai.ml import MLClient
        from azure.identity import DefaultAzureCredential

        return MLClient(
            DefaultAzureCredential(), self.azure.subscription, self.azure.group, self.azure.name
        )


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
