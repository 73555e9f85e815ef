"""A DAG folder in an object store, through ZenML's S3 artifact store, against moto."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from orchestrators import airflow_create
from orchestrators.s3_bucket import KEYS, REGION, S3Bucket
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.airflow.timing import INERT
from testbed.snapshots import ZenmlClient, ZenmlError


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
def stack(local_client: ZenmlClient, bucket: S3Bucket) -> str:
    """A stack whose DAG folder is in the bucket."""
    store = bucket.config
    local_client.call(airflow_create.register_remote, "airflow-s3", store, f"{store['path']}/dags/")
    return "airflow-s3"


def keys(objects: Any) -> list[str]:
    return [item.key for item in objects.objects.filter(Prefix="dags/")]


def config(objects: Any, name: str) -> dict[str, Any]:
    data = objects.Object(f"dags/{name}.zip").get()["Body"].read()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found: dict[str, Any] = json.loads(archive.read("config.json"))
    return found


def test_a_schedule_lives_in_an_object_store(
    local_client: ZenmlClient, stack: str, objects: Any
) -> None:
    call = local_client.call
    snapshot = local_client.create_snapshot(stack, pipeline="training-s3")
    made = call(airflow_create.create, stack, snapshot.id, "remote", paused=True)
    name = made.native_id
    assert made.paused
    assert keys(objects) == [f"dags/{name}.zip"]
    assert config(objects, name)["schedule"] == INERT

    call(airflow_create.set_paused, stack, name, False)
    assert config(objects, name)["schedule"] == "0 3 * * *"
    read = call(airflow_create.read, stack, name)
    assert read is not None
    assert (read.paused, read.problem, read.owner) == (False, "", "tests/dev/remote")
    assert read.snapshot_id == made.snapshot_id
    assert call(airflow_create.list_all, stack) == [read]

    call(airflow_create.delete, stack, name)
    assert keys(objects) == []
    assert call(airflow_create.read, stack, name) is None
    assert call(airflow_create.list_all, stack) == []
    call(airflow_create.delete, stack, name)


def test_a_folder_that_no_artifact_store_reaches_is_an_error(local_client: ZenmlClient) -> None:
    local_client.register_stack(
        "airflow-gs", "airflow", {"local": True, "dag_output_dir": "gs://bucket/dags"}
    )
    said = r"NotFoundError: Airflow: the DAG folder gs://bucket/dags needs.*'airflow-gs'"
    with pytest.raises(ZenmlError, match=said):
        local_client.call(airflow_create.list_all, "airflow-gs")


def test_an_object_store_that_cannot_be_reached_is_an_error(local_client: ZenmlClient) -> None:
    store: dict[str, Json] = {
        "path": "s3://gone",
        **KEYS,
        "client_kwargs": {"endpoint_url": "http://127.0.0.1:9"},
    }
    local_client.call(airflow_create.register_remote, "airflow-down", store, "s3://gone/dags")
    said = "ServiceError: Airflow: could not list s3://gone/dags: "
    with pytest.raises(ZenmlError, match=said) as caught:
        local_client.call(airflow_create.list_all, "airflow-down")
    assert KEYS["secret"] not in str(caught.value)
