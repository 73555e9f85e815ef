"""SageMaker made ready to be tested: moto behind a front that refuses what AWS refuses.

ZenML's own orchestrator and the SageMaker SDK run unchanged. Credentials, roles and region are
the component's configuration; only ``AWS_ENDPOINT_URL`` comes from the environment, because
ZenML's component has no setting for it. The stack's artifact store is a bucket of the stand-in,
to which ZenML uploads the code of snapshots.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import TracebackType
from typing import Any, ClassVar

from pulumi_zenml.cadence import Cadence, make_cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.testing.bench import EVERY_FAULT, Bench, Fault
from standins.aws_standin import AwsStandIn
from testbed.zenml_store import WITH_IMAGES, Components, register_stack

ROLE = "arn:aws:iam::123456789012:role/service-role/scheduler"
EXECUTION_ROLE = "arn:aws:iam::123456789012:role/sagemaker"


@lru_cache
def boto_session(key: str, secret: str, region: str | None) -> Any:
    """A session of boto3's; it takes a second to read the services' models once."""
    import boto3

    return boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name=region)


class SagemakerBench(Bench):
    """Use it as a context manager: AWS is there as long as the block lasts."""

    flavor: ClassVar[str] = "sagemaker"
    faults: ClassVar[tuple[Fault, ...]] = EVERY_FAULT

    def __init__(self) -> None:
        self.aws = AwsStandIn(page=2)
        # Moto's state outlives the stand-in.
        self._bucket = f"zenml-{secrets.token_hex(4)}"
        self._clients: dict[str, Any] = {}
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> SagemakerBench:
        self.aws.__enter__()
        variables = self.environment
        self._before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        self.client("s3").create_bucket(
            Bucket=self._bucket, CreateBucketConfiguration={"LocationConstraint": self.aws.region}
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self.aws.__exit__(kind, error, trace)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead to the stand-in, for another process."""
        return {
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            # A developer's own profile must not be what lets a test in.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    @property
    def credentials(self) -> Sequence[str]:
        return (self.aws.secret_access_key,)

    def overrides(self) -> Mapping[str, Json]:
        return {"read_timeout_seconds": 2, "attempts": 1}

    def register(self, name: str) -> None:
        self.register_with(name)

    def register_with(self, name: str, **config: Json) -> None:
        """Register a stack whose orchestrator also has ``config``."""
        register_stack(name, self.components(**config))

    def components(self, **config: Json) -> Components:
        """The stack's components by type: flavor and configuration."""
        keys = {
            "aws_access_key_id": self.aws.access_key_id,
            "aws_secret_access_key": self.aws.secret_access_key,
        }
        orchestrator = {
            "execution_role": EXECUTION_ROLE,
            "scheduler_role": ROLE,
            "region": self.aws.region,
            "bucket": self._bucket,
            **keys,
            **config,
        }
        store: dict[str, Json] = {
            "path": f"s3://{self._bucket}",
            "key": self.aws.access_key_id,
            "secret": self.aws.secret_access_key,
            "client_kwargs": {"endpoint_url": self.aws.url, "region_name": self.aws.region},
        }
        return {
            "orchestrator": ("sagemaker", orchestrator),
            "artifact_store": ("s3", store),
            **WITH_IMAGES,
        }

    def cadences(self) -> Sequence[Cadence]:
        soon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
        return [
            make_cadence(cron="0 3 * * 1-5", timezone="Europe/Berlin"),
            make_cadence(cron="*/15 * 1 * *", start_time=soon, end_time=soon + timedelta(days=90)),
            make_cadence(interval=timedelta(hours=6), start_time=soon),
            make_cadence(run_once_at=soon),
        ]

    def native_ids(self) -> set[str]:
        pages = self.client("scheduler").get_paginator("list_schedules").paginate()
        return {f"{it['GroupName']}/{it['Name']}" for page in pages for it in page["Schedules"]}

    def edit_cadence(self, native_id: str) -> None:
        self._edit(native_id, ScheduleExpression="cron(59 23 31 12 ? *)", StartDate=None)

    def edit_paused(self, native_id: str, paused: bool) -> None:
        self._edit(native_id, State="DISABLED" if paused else "ENABLED")

    def remove(self, native_id: str) -> None:
        group, name = native_id.split("/")
        self.client("scheduler").delete_schedule(GroupName=group, Name=name)

    def add_run(self, native_id: str) -> str:
        group, name = native_id.split("/")
        execution = self.aws.fire(group, name)
        self.aws.set_status(execution, "Succeeded")
        return execution

    def fault(self, kind: Fault) -> AbstractContextManager[None]:
        return self.aws.fault(kind)

    def client(self, service: str) -> Any:
        """boto3's own client, as a colleague would use it."""
        if service not in self._clients:
            session = boto_session(
                self.aws.access_key_id, self.aws.secret_access_key, self.aws.region
            )
            self._clients[service] = session.client(service, endpoint_url=self.aws.url)
        return self._clients[service]

    def schedule(self, native_id: str) -> dict[str, Any]:
        """The schedule as AWS holds it."""
        group, name = native_id.split("/")
        found: dict[str, Any] = self.client("scheduler").get_schedule(GroupName=group, Name=name)
        return found

    def _edit(self, native_id: str, **changes: Json) -> None:
        now = self.schedule(native_id)
        for key in ("Arn", "CreationDate", "LastModificationDate", "ResponseMetadata"):
            now.pop(key, None)
        new = {**now, **changes}
        self.client("scheduler").update_schedule(**{k: v for k, v in new.items() if v is not None})
