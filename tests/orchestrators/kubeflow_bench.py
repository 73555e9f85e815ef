"""Kubeflow Pipelines made ready to be tested: its stand-in, and the official client.

ZenML's own orchestrator and kfp's client run unchanged: the host and a bearer token are the
component's configuration. Kubeflow refuses a stack with a local artifact store, so the stack has
an S3 bucket, in moto, to which ZenML uploads the code of snapshots.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from orchestrators.s3_bucket import S3Bucket
from pulumi_zenml.cadence import Cadence, make_cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.testing.bench import EVERY_FAULT, Bench, Fault
from standins.kfp_standin import KfpStandIn
from testbed.zenml_store import WITH_IMAGES, register_stack

TOKEN = "a-token-of-the-bench"


class KubeflowBench(Bench):
    """Use it as a context manager: Kubeflow Pipelines is there as long as the block lasts."""

    flavor: ClassVar[str] = "kubeflow"
    faults: ClassVar[tuple[Fault, ...]] = EVERY_FAULT

    def __init__(self, namespace: str = "") -> None:
        self.namespace = namespace
        self.kfp = KfpStandIn(token=TOKEN, namespaces=(namespace,) if namespace else ())
        self._bucket = S3Bucket()
        self._open = ExitStack()

    def __enter__(self) -> KubeflowBench:
        self._open.enter_context(self.kfp)
        self._open.enter_context(self._bucket)
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    @property
    def credentials(self) -> Sequence[str]:
        return (TOKEN,)

    def overrides(self) -> Mapping[str, Json]:
        return {"timeout_seconds": 1}

    def register(self, name: str) -> None:
        config: dict[str, Any] = {
            "kubeflow_hostname": self.kfp.url,
            "client_args": {"existing_token": TOKEN},
            **({"user_namespace": self.namespace} if self.namespace else {}),
        }
        store = ("s3", self._bucket.config)
        register_stack(
            name, {"orchestrator": ("kubeflow", config), "artifact_store": store, **WITH_IMAGES}
        )

    def cadences(self) -> Sequence[Cadence]:
        soon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
        return [
            make_cadence(cron="0 3 * * 1-5", timezone="UTC"),
            make_cadence(cron="*/15 * 1 * *", start_time=soon, end_time=soon + timedelta(days=90)),
            make_cadence(cron="0 9 * * SUN", catchup=True),
            make_cadence(interval=timedelta(days=1, hours=1), start_time=soon),
            make_cadence(interval=timedelta(minutes=90), start_time=soon - timedelta(days=9)),
        ]

    def native_ids(self) -> set[str]:
        client, found, token = self.client(), set(), ""
        while True:
            page = client.list_recurring_runs(page_token=token, namespace=self.namespace or None)
            found |= {run.recurring_run_id for run in page.recurring_runs or ()}
            token = page.next_page_token
            if not token:
                return found

    def edit_cadence(self, native_id: str) -> None:
        # KFP's client cannot; a colleague with kubectl edits the ScheduledWorkflow.
        self.kfp.edit(native_id, trigger={"cron_schedule": {"cron": "0 59 23 31 12 *"}})

    def edit_paused(self, native_id: str, paused: bool) -> None:
        client = self.client()
        (client.disable_recurring_run if paused else client.enable_recurring_run)(native_id)

    def remove(self, native_id: str) -> None:
        self.client().delete_recurring_run(native_id)

    def add_run(self, native_id: str) -> str:
        return self.kfp.run_once(native_id)

    def fault(self, kind: Fault) -> AbstractContextManager[None]:
        return self.kfp.fault(kind)

    def client(self) -> Any:
        """KFP's own client, as a colleague would use it."""
        from kfp import Client

        warnings.filterwarnings("ignore", module=r"kfp(_server_api)?\.")
        return Client(host=self.kfp.url, existing_token=TOKEN)
