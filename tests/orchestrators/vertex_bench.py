"""Vertex AI made ready to be tested: its stand-in over REST, and Google's own client.

ZenML's own orchestrator and Google's SDK run unchanged. Project, region, pipeline root and a
service account's key file are the component's configuration; that the API is here and not at
Google's is the component's Pulumi config (``api_endpoint``, ``api_transport``), which sets the
SDK's own endpoint while ZenML submits. Vertex refuses a stack with a local artifact store, so the
stack has an S3 bucket, in moto, to which ZenML uploads the code of snapshots.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from orchestrators.s3_bucket import S3Bucket
from pulumi_zenml.cadence import Cadence, make_cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.testing.bench import EVERY_FAULT, Bench, Fault
from testbed.zenml_store import WITH_IMAGES, register_stack

with warnings.catch_warnings():
    # Google's packages warn of Python versions that they will drop in a year.
    warnings.simplefilter("ignore", FutureWarning)
    from standins.vertex_standin import VertexStandIn


class VertexBench(Bench):
    """Use it as a context manager: Vertex AI is there as long as the block lasts."""

    flavor: ClassVar[str] = "vertex"
    faults: ClassVar[tuple[Fault, ...]] = EVERY_FAULT

    def __init__(self) -> None:
        self._open = ExitStack()
        folder = self._open.enter_context(tempfile.TemporaryDirectory(prefix="vertex-"))
        self.vertex = VertexStandIn(Path(folder))
        self._bucket = S3Bucket()

    def __enter__(self) -> VertexBench:
        self._open.enter_context(self.vertex)
        self._open.enter_context(self._bucket)
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    @property
    def credentials(self) -> Sequence[str]:
        return (self.vertex.keys.private.decode().splitlines()[1],)

    def overrides(self) -> Mapping[str, Json]:
        return {
            "api_endpoint": self.vertex.rest_endpoint,
            "api_transport": "rest",
            "timeout_seconds": 1,
        }

    def register(self, name: str) -> None:
        self.register_with(name)

    def register_with(self, name: str, **config: Json) -> None:
        """Register a stack whose orchestrator also has ``config``."""
        given = {
            "location": self.vertex.location,
            "project": self.vertex.project,
            "pipeline_root": "gs://ml-prod-pipelines/root",
            "service_account_path": str(self.vertex.service_account_path),
            "workload_service_account": "runs@ml-prod.iam.gserviceaccount.com",
            **config,
        }
        store = ("s3", self._bucket.config)
        register_stack(
            name, {"orchestrator": ("vertex", given), "artifact_store": store, **WITH_IMAGES}
        )

    def cadences(self) -> Sequence[Cadence]:
        soon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
        return [
            make_cadence(cron="0 3 * * 1-5", timezone="Europe/Berlin"),
            make_cadence(cron="*/15 * 1 * *", start_time=soon, end_time=soon + timedelta(days=90)),
            make_cadence(cron="0 9 * * SUN", start_time=soon - timedelta(days=30)),
            make_cadence(interval=timedelta(hours=6), start_time=soon),
            make_cadence(interval=timedelta(minutes=30), start_time=soon - timedelta(days=9)),
        ]

    def native_ids(self) -> set[str]:
        found = self.client().list_schedules(parent=self.vertex.parent)
        return {schedule.name for schedule in found}

    def edit_cadence(self, native_id: str) -> None:
        update = {
            "schedule": {"name": native_id, "cron": "TZ=UTC 59 23 31 12 *"},
            "update_mask": {"paths": ["cron"]},
        }
        self.client().update_schedule(request=update)

    def edit_paused(self, native_id: str, paused: bool) -> None:
        client = self.client()
        (client.pause_schedule if paused else client.resume_schedule)(name=native_id)

    def remove(self, native_id: str) -> None:
        self.client().delete_schedule(name=native_id)

    def add_run(self, native_id: str) -> str:
        return self.vertex.run_once(native_id)

    def fault(self, kind: Fault) -> AbstractContextManager[None]:
        return self.vertex.fault(kind)

    def client(self) -> Any:
        """Google's own client, as a colleague would use it."""
        from google.cloud.aiplatform_v1 import ScheduleServiceClient
        from google.oauth2 import service_account

        key: Any = service_account.Credentials
        return ScheduleServiceClient(
            credentials=key.from_service_account_file(str(self.vertex.service_account_path)),
            transport="rest",
            client_options={"api_endpoint": self.vertex.rest_endpoint},
        )
