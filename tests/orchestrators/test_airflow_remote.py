"""A DAG folder in an object store, through ZenML's S3 artifact store, against moto."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from orchestrators.s3_bucket import KEYS, REGION, S3Bucket
from pulumi_zenml.orchestrators.airflow.timing import INERT
from testbed.snapshots import ZenmlClient

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def bucket() -> Iterator[S3Bucket]:
    with S3Bucket() as ready:
        yield ready


@pytest.fixture(scope="module")
def objects(bucket: S3Bucket) -> Any:
    """The bucket by AWS's own client."""
    service = boto3.resource(
        "s3",
        endpoint_url=bucket.url,
        region_name=REGION,
        aws_access_key_id=KEYS["key"],
        aws_secret_access_key=KEYS["secret"],
    )
    return service.Bucket(bucket.config["path"].removeprefix("s3://"))


@pytest.fixture(scope="module")
def drive(local_client: ZenmlClient, bucket: S3Bucket) -> Call:
    """Calls a function of `airflow_create` in ZenML's process, on a stack of the bucket."""

    def drive(function: str, **given: Any) -> Any:
        asked = json.dumps({"stack": "airflow-s3", **given})
        module = f"__import__('orchestrators.airflow_create', fromlist=[{function!r}])"
        return local_client.evaluate(f"{module}.{function}({asked!r})")

    store = bucket.config
    drive("register_remote", store=store, dags=f"{store['path']}/dags/")
    return drive


def keys(objects: Any) -> list[str]:
    return [item.key for item in objects.objects.filter(Prefix="dags/")]


def config(objects: Any, name: str) -> dict[str, Any]:
    data = objects.Object(f"dags/{name}.zip").get()["Body"].read()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found: dict[str, Any] = json.loads(archive.read("config.json"))
    return found


def test_a_schedule_lives_in_an_object_store(
    local_client: ZenmlClient, drive: Call, objects: Any
) -> None:
    snapshot = local_client.create_snapshot("airflow-s3", pipeline="training-s3")
    made = drive("create", name="remote", snapshot=snapshot.id, paused=True)
    name = made["native_id"]
    assert made["paused"]
    assert keys(objects) == [f"dags/{name}.zip"]
    assert config(objects, name)["schedule"] == INERT

    drive("call", method="set_paused", arguments=[name, False])
    assert config(objects, name)["schedule"] == "0 3 * * *"
    read = drive("call", method="read", arguments=[name])
    assert (read["paused"], read["problem"], read["owner"]) == (False, "", "tests/dev/remote")
    assert read["snapshot_id"] == made["snapshot_id"]
    assert drive("call", method="list_all") == [read]

    drive("call", method="delete", arguments=[name])
    assert keys(objects) == []
    assert drive("call", method="read", arguments=[name]) is None
    assert drive("call", method="list_all") == []
    drive("call", method="delete", arguments=[name])


def test_a_folder_that_no_artifact_store_reaches_is_an_error(
    local_client: ZenmlClient, drive: Call, bucket: S3Bucket
) -> None:
    local_client.register_stack(
        "airflow-gs", "airflow", {"local": True, "dag_output_dir": "gs://bucket/dags"}
    )
    said = drive("call", stack="airflow-gs", method="list_all")
    assert said.startswith("NotFoundError: Airflow: the DAG folder gs://bucket/dags needs")
    assert "'airflow-gs'" in said


def test_an_object_store_that_cannot_be_reached_is_an_error(drive: Call) -> None:
    store = {"path": "s3://gone", **KEYS, "client_kwargs": {"endpoint_url": "http://127.0.0.1:9"}}
    drive("register_remote", stack="airflow-down", store=store, dags="s3://gone/dags")
    said = drive("call", stack="airflow-down", method="list_all")
    assert said.startswith("ServiceError: Airflow: could not list s3://gone/dags: ")
    assert KEYS["secret"] not in said
