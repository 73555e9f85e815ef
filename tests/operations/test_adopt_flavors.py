"""Taking over on every orchestrator, and on a real cluster through the real engine."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from operations import seed
from operations.test_flavors import Fleet, fleet
from pulumi_zenml.lifecycle.pairs import Pairs
from pulumi_zenml.lifecycle.session import Session
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.operations import find_schedule, plan_adoption
from testbed.engine import Project
from testbed.kubernetes import Kubernetes
from testbed.snapshots import ZenmlClient
from testbed.warm import Warm

__all__ = ["fleet"]


@pytest.mark.server
def test_a_pair_that_nobody_owns_is_taken_over_as_it_is(fleet: Fleet) -> None:
    free = fleet.make("free")
    before = find_schedule(fleet.look(), fleet.name(free))
    assert before.record and before.counterpart and not before.owner
    plan = plan_adoption(fleet.look(), [fleet.name(free)])
    assert plan.refused == ()
    (adopted,) = plan.adopted
    owner = f"acme/shop/prod/{adopted.resource}"
    inputs = {**adopted.checked, "owner": owner, "owner_key": "0123456789ab"}
    pair = Pairs(Session(fleet.connection)).create(ScheduleSpec.from_props(inputs))
    assert pair.record and pair.counterpart
    assert pair.record.id == before.record.id
    assert pair.counterpart.native_id == before.native_id
    assert pair.counterpart.snapshot_id == before.counterpart.snapshot_id
    after = find_schedule(fleet.look(), fleet.name(free))
    assert after.owner == owner
    assert len(fleet.look().entries) == 1
    assert fleet.found() == set()


@pytest.mark.engine
@pytest.mark.kubernetes
@pytest.mark.server
def test_a_cron_job_that_zenml_made_is_taken_over_through_the_engine(
    server_client: ZenmlClient, warm: Warm, cluster: Kubernetes, namespace: str, tmp_path: Path
) -> None:
    stack = f"adopt-{secrets.token_hex(3)}"
    server_client.register_kubernetes_stack(stack, context=cluster.context, namespace=namespace)
    snapshot = server_client.create_snapshot(stack, pipeline=stack)
    name = f"workdays-{stack}-prod"
    made = server_client.call(
        seed.unmanaged, name, cron="0 3 * * 1-5", stack=stack, snapshot=snapshot.reference
    )
    folder = tmp_path / "infra"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (folder / "__main__.py").write_text("import schedules\n")
    pulumi = Project(folder, "", stack="prod", env=server_client.env)

    def run(*words: str) -> Any:
        env = {**pulumi.env, "PULUMI_ZENML_STATE": str(tmp_path / "state")}
        told = [*words, "--stack", stack, "--format", "json"]
        code, out, err = warm.command(told, cwd=tmp_path, env=env)
        assert code == 0, out + err
        return json.loads(out)

    said = run("adopt", "--out", "infra/schedules.py", "--pulumi-stack", "prod")
    assert said["preview"]["unchanged"] is True
    assert said["preview"]["stack"] == "prod"
    pulumi.up()
    (resource,) = [it for it in pulumi.resources() if it["type"].endswith("zenml:Schedule")]
    outputs = resource["outputs"]
    assert outputs["record_id"] == made.record
    assert outputs["native_id"] == made.native
    assert outputs["submitted_snapshot_id"] == made.snapshot
    assert pulumi.preview("--refresh").changes == {}
    assert run("audit")["findings"] == []
    (row,) = run("list")
    assert row["owner"] == f"organization/shop/prod/{outputs['owner'].rpartition('/')[2]}"
    pulumi.destroy()
    assert run("list") == []
    assert name not in {it.name for it in server_client.records()}
