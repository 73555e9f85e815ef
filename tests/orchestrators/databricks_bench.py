"""Databricks made ready to be tested: its stand-in, reached by the official SDK.

ZenML's own orchestrator and the SDK run unchanged, ZenML's building of the wheel with pip
included: host, client id and client secret are the component's configuration. The orchestrator
refuses a stack with a local artifact store, so the stack has an S3 bucket, in moto, to which
ZenML uploads the code of snapshots.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, ClassVar

from orchestrators.s3_bucket import S3Bucket
from pulumi_zenml.cadence import Cadence, make_cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.testing.bench import EVERY_FAULT, Bench, Fault
from standins.databricks_standin import DatabricksStandIn
from testbed.zenml_store import Components, register_stack


class DatabricksBench(Bench):
    """Use it as a context manager: Databricks is there as long as the block lasts."""

    flavor: ClassVar[str] = "databricks"
    faults: ClassVar[tuple[Fault, ...]] = EVERY_FAULT

    def __init__(self, *, admin: bool = True) -> None:
        self.databricks = DatabricksStandIn(page=2, admin=admin)
        self.folder = Path()
        self._bucket = S3Bucket()
        self._open = ExitStack()
        self._sdk: Any = None

    def __enter__(self) -> DatabricksBench:
        self._open.enter_context(self.databricks)
        self._open.enter_context(self._bucket)
        self.folder = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        (self.folder / "steps.py").write_text("MODEL = 'm'\n", encoding="utf-8")
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    @property
    def credentials(self) -> Sequence[str]:
        return (self.databricks.client_secret,)

    def overrides(self) -> Mapping[str, Json]:
        return {
            "source_root": str(self.folder),
            "http_timeout_seconds": 2,
            "retry_timeout_seconds": 1,
        }

    def register(self, name: str) -> None:
        register_stack(name, self.components())

    def components(self, **config: Json) -> Components:
        """The stack's components by type: flavor and configuration."""
        orchestrator = {
            "host": self.databricks.url,
            "client_id": self.databricks.client_id,
            "client_secret": self.databricks.client_secret,
            **config,
        }
        return {
            "orchestrator": ("databricks", orchestrator),
            "artifact_store": ("s3", self._bucket.config),
        }

    def cadences(self) -> Sequence[Cadence]:
        return [
            make_cadence(cron="0 3 * * 1-5", timezone="Europe/Berlin"),
            make_cadence(cron="*/15 6-18 1 * *", timezone="America/New_York"),
        ]

    def native_ids(self) -> set[str]:
        return {str(job.job_id) for job in self.sdk.jobs.list()}

    def edit_cadence(self, native_id: str) -> None:
        from databricks.sdk.service.jobs import CronSchedule, JobSettings

        schedule = CronSchedule("0 59 23 31 12 ?", "UTC")
        self.sdk.jobs.update(int(native_id), new_settings=JobSettings(schedule=schedule))

    def edit_paused(self, native_id: str, paused: bool) -> None:
        from databricks.sdk.service.jobs import CronSchedule, JobSettings, PauseStatus

        now = self.sdk.jobs.get(int(native_id)).settings.schedule
        schedule = CronSchedule(
            now.quartz_cron_expression,
            now.timezone_id,
            PauseStatus.PAUSED if paused else PauseStatus.UNPAUSED,
        )
        self.sdk.jobs.update(int(native_id), new_settings=JobSettings(schedule=schedule))

    def remove(self, native_id: str) -> None:
        self.sdk.jobs.delete(int(native_id))

    def add_run(self, native_id: str) -> str:
        run = self.databricks.fire(int(native_id))
        self.databricks.workspace.finish(run, "SUCCESS")
        # Runs are told apart by their start, in milliseconds.
        self.databricks.later += 1
        return f"{native_id}/runs/{run}"

    def fault(self, kind: Fault) -> AbstractContextManager[None]:
        return self.databricks.fault(kind)

    @property
    def sdk(self) -> Any:
        """The official client, as a colleague would use it."""
        if self._sdk is None:
            from databricks.sdk import WorkspaceClient

            self._sdk = WorkspaceClient(
                host=self.databricks.url,
                client_id=self.databricks.client_id,
                client_secret=self.databricks.client_secret,
            )
        return self._sdk

    def settings_of(self, native_id: str) -> dict[str, Any]:
        """A job's settings as Databricks holds them."""
        held: dict[str, Any] = self.databricks.workspace.jobs[int(native_id)]["settings"]
        return held
