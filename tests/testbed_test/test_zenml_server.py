"""A ZenML server answers, lets a client in by API key, and keeps stacks and snapshots."""

from __future__ import annotations

import httpx
import pytest

from testbed import zenml_store
from testbed.snapshots import ZenmlClient, ZenmlError
from testbed.zenml_server import ZenmlServer

pytestmark = pytest.mark.server


def test_the_server_lets_in_who_has_the_key(zenml: ZenmlServer) -> None:
    with httpx.Client(base_url=f"{zenml.url}/api/v1", timeout=60) as http:
        assert http.get("/stacks").status_code == httpx.codes.UNAUTHORIZED
        login = http.post("/login", data={"password": zenml.api_key})
        token = {"Authorization": f"Bearer {login.json()['access_token']}"}
        stacks = http.get("/stacks", headers=token).json()
    assert "default" in [stack["name"] for stack in stacks["items"]]


@pytest.mark.kubernetes
def test_a_snapshot_is_made_without_docker(server_client: ZenmlClient) -> None:
    server_client.register_kubernetes_stack("smoke", context="testbed", namespace="smoke")
    snapshot = server_client.create_snapshot("smoke", pipeline="smoke", name="v1")

    assert server_client.call(zenml_store.snapshots, "smoke") == [snapshot]
    assert (snapshot.stack, snapshot.reference) == ("smoke", "smoke:v1")
    assert not [it for it in server_client.records(archived=True) if "smoke" in it.name]


def test_a_failure_in_zenml_carries_its_traceback(local_client: ZenmlClient) -> None:
    with pytest.raises(ZenmlError, match="KeyError"):
        local_client.call(zenml_store.stack_id, "no-such-stack")
