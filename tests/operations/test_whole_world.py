"""One ZenML with all eight orchestrators: every kind of finding, and what mends them."""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from operations import seed
from operations.conftest import TESTS, Said, World
from operations.seed import DATABASE_VARIABLE, ORCHESTRATORS_VARIABLE, Made
from orchestrators.benches import make_bench
from orchestrators.zenml_here import zenml_here
from pulumi_zenml.operations import CODES
from pulumi_zenml.orchestrators import REGISTRY
from pulumi_zenml.testing.bench import Bench
from testbed import zenml_store
from testbed.kubernetes import Kubernetes
from testbed.snapshots import zenml_client
from testbed.warm import Warm
from testbed.zenml_server import zenml_server

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.kubernetes,
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.ssh,
]

Found = set[tuple[str, str]]


@dataclass(frozen=True)
class Whole:
    """The world, the hand on each orchestrator's native side, and a snapshot on each stack."""

    world: World
    benches: dict[str, Bench]
    cluster: Kubernetes

    def managed(
        self,
        flavor: str,
        name: str,
        owner: str,
        *,
        cron: str,
        snapshot: str = "",
        paused: bool = False,
    ) -> Made:
        """A pair on the stack of that flavor, as a Pulumi resource makes it."""
        return self.world.call(
            seed.managed,
            name,
            owner,
            cron=cron,
            stack=flavor,
            snapshot=snapshot or f"{flavor}:v1",
            timezone="UTC",
            paused=paused,
        )

    def unmanaged(
        self,
        flavor: str,
        name: str,
        *,
        cron: str,
        stack: str = "",
        end_time: datetime | None = None,
        submitted: bool = True,
    ) -> Made:
        """A pair on the stack of that flavor, or on another one, as ZenML itself makes it."""
        return self.world.call(
            seed.unmanaged,
            name,
            cron=cron,
            stack=stack or flavor,
            snapshot=f"{flavor}:v1",
            end_time=end_time,
            submitted=submitted,
        )

    def copy_cron_job(self, native_id: str, name: str, words: dict[str, str]) -> None:
        """A CronJob like another one, with some words of its command replaced."""
        namespace, _, source = native_id.partition("/")
        cron_jobs = f"/apis/batch/v1/namespaces/{namespace}/cronjobs"
        made = self.cluster.api("GET", f"{cron_jobs}/{source}")
        text = json.dumps({key: made[key] for key in ("apiVersion", "kind", "spec")})
        for old, new in words.items():
            text = text.replace(old, new)
        body = json.loads(text)
        kept = {key: made["metadata"].get(key) or {} for key in ("labels", "annotations")}
        body["metadata"] = {"name": name, **copy.deepcopy(kept)}
        self.cluster.api("POST", cron_jobs, body)


@pytest.fixture
def whole(request: pytest.FixtureRequest, warm: Warm, tmp_path: Path) -> Iterator[Whole]:
    cluster: Kubernetes = request.getfixturevalue("cluster")
    with ExitStack() as stack:
        (tmp_path / "server").mkdir()
        server = stack.enter_context(zenml_server(tmp_path / "server"))
        here = server.client_environment(tmp_path / "config")
        stack.enter_context(zenml_here(here))
        benches: dict[str, Bench] = {}
        for flavor in REGISTRY:
            (tmp_path / flavor).mkdir()
            bench = make_bench(flavor, tmp_path / flavor, request)
            benches[flavor] = stack.enter_context(bench)
            bench_of = benches[flavor]
            bench_of.register(flavor)
        overrides = {flavor: dict(bench.overrides()) for flavor, bench in benches.items()}
        env = {**here, ORCHESTRATORS_VARIABLE: json.dumps(overrides)}
        for bench_of in benches.values():
            env |= bench_of.environment
        seeding = {"PYTHONPATH": str(TESTS), DATABASE_VARIABLE: str(server.database)}
        client = stack.enter_context(zenml_client(tmp_path / "client", {**env, **seeding}))
        for flavor in REGISTRY:
            client.create_snapshot(flavor, pipeline=flavor, name="v1")
        yield Whole(World(client, tmp_path, tmp_path, warm, env), benches, cluster)


def ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def daily_at(instant: datetime) -> str:
    return f"{instant.minute} {instant.hour} * * *"


def healthy(whole: Whole) -> None:
    for number, flavor in enumerate(REGISTRY):
        owner = f"acme/shop/dev/{flavor}"
        whole.managed(flavor, f"daily-{flavor}-dev", owner, cron=f"{number} 2 * * *")


def one_sided(whole: Whole) -> Found:
    lost = whole.unmanaged("hyperai", "daily-lost-prod", cron="2 3 * * *")
    whole.benches["hyperai"].remove(lost.native)
    orphan = whole.unmanaged("kubernetes", "daily-orphan-prod", cron="3 3 * * *")
    whole.world.call(zenml_store.delete_record, orphan.record, soft=True)
    whole.copy_cron_job(orphan.native, "elsewhere", {orphan.snapshot: str(uuid4())})
    namespace = orphan.native.partition("/")[0]
    return {
        ("record-without-counterpart", "daily-lost-prod"),
        ("counterpart-without-record", orphan.native),
        ("unknown-counterpart", f"{namespace}/elsewhere"),
    }


def crossed(whole: Whole) -> Found:
    twin = whole.unmanaged("kubernetes", "daily-twin-prod", cron="5 3 * * *")
    whole.copy_cron_job(twin.native, "twin-again", {})
    thief = whole.unmanaged("kubernetes", "daily-thief-prod", cron="5 3 * * *", submitted=False)
    whole.world.call(seed.claim, thief.record, twin.native)
    whole.unmanaged("kubernetes", "daily-namesake-prod", cron="5 3 * * *", submitted=False)
    whole.copy_cron_job(twin.native, "daily-namesake-prod", {"--snapshot_id": "--something"})
    return {
        ("duplicate-counterparts", "daily-twin-prod"),
        ("shared-counterpart", "daily-thief-prod"),
        ("linked-by-name", "daily-namesake-prod"),
        ("broken-counterpart", "daily-namesake-prod"),
    }


def different(whole: Whole) -> Found:
    edited = whole.managed("airflow", "daily-edited-dev", "acme/shop/dev/edited", cron="7 3 * * *")
    whole.benches["airflow"].edit_cadence(edited.native)
    linked = whole.unmanaged("hyperai", "daily-held-prod", cron="8 3 * * *")
    whole.benches["hyperai"].edit_paused(linked.native, True)
    snoozed = whole.managed(
        "vertex", "daily-snoozed-dev", "acme/shop/dev/snoozed", cron="9 3 * * *", paused=True
    )
    note = (snoozed.record, "pulumi_zenml_paused_until", ago(1).isoformat())
    whole.world.call(seed.note, *note)
    return {
        ("cadence-differs", "daily-edited-dev"),
        ("paused-on-one-side", "daily-held-prod"),
        ("pause-overdue", "daily-snoozed-dev"),
    }


def broken(whole: Whole) -> Found:
    senseless = whole.managed(
        "sagemaker", "daily-senseless-dev", "acme/shop/dev/senseless", cron="10 3 * * *"
    )
    whole.world.call(seed.set_column, senseless.record, "cron_expression", "not a cron")
    whole.benches["sagemaker"].edit_cadence(senseless.native)
    call = whole.world.call
    call(zenml_store.compose_stack, "gone", like="kubernetes")
    whole.unmanaged("kubernetes", "daily-homeless-prod", cron="13 3 * * *", stack="gone")
    call(zenml_store.delete_stack, "gone")
    call(zenml_store.copy_orchestrator, "doomed", of="kubernetes")
    call(zenml_store.compose_stack, "doomed", like="kubernetes", orchestrator="doomed")
    whole.unmanaged("kubernetes", "daily-doomed-prod", cron="12 3 * * *", stack="doomed",
               submitted=False)  # fmt: skip
    call(zenml_store.delete_stack, "doomed")
    call(zenml_store.delete_orchestrator, "doomed")
    staged = whole.world.call(
        seed.half_made, "acme/shop/dev/half", stack="databricks", snapshot="databricks:v1"
    )
    return {
        ("broken-record", "daily-senseless-dev"),
        ("stack-gone", "daily-homeless-prod"),
        ("orchestrator-gone", "daily-doomed-prod"),
        ("half-made", staged),
    }


def stale(whole: Whole) -> Found:
    client = whole.world.zenml
    client.create_snapshot("kubernetes", pipeline="scoring", name="live")
    newer = client.create_snapshot("kubernetes", pipeline="scoring", name="next", value=2)
    whole.managed(
        "kubernetes",
        "daily-moved-dev",
        "acme/shop/dev/moved",
        cron="14 3 * * *",
        snapshot="scoring:live",
    )
    whole.world.call(zenml_store.rename_snapshot, newer.id, "live")
    over = ago(2)
    # ZenML's Kubernetes orchestrator drops the end, so that it goes on and on.
    whole.unmanaged("kubernetes", "daily-over-prod", cron="16 3 * * *", end_time=over)
    return {("stale-target", "daily-moved-dev"), ("past-its-end", "daily-over-prod")}


def runs(whole: Whole) -> Found:
    call = whole.world.call
    silent = whole.unmanaged("hyperai", "hourly-silent-prod", cron="17 * * * *")
    call(seed.age, silent.record, hours=30)
    gappy = whole.unmanaged("kubernetes", "hourly-gappy-prod", cron="18 * * * *")
    call(seed.age, gappy.record, hours=30)
    for index, fire in enumerate(call(seed.due, "18 * * * *", 25)):
        if index not in (3, 4):
            call(seed.run, gappy.snapshot, fire)
    start = ago(5)
    sick = whole.unmanaged("kubernetes", "daily-sick-prod", cron=daily_at(start))
    call(seed.age, sick.record, hours=24 * 4)
    for days in (0, 1, 2):
        call(seed.run, sick.snapshot, start - timedelta(days=days), "failed")
    start = ago(8)
    stuck = whole.unmanaged("hyperai", "daily-stuck-prod", cron=daily_at(start))
    call(seed.age, stuck.record, hours=10)
    call(seed.run, stuck.snapshot, start, "running")
    return {
        ("never-fired", "hourly-silent-prod"),
        ("missed-runs", "hourly-gappy-prod"),
        ("failing", "daily-sick-prod"),
        ("long-running", "daily-stuck-prod"),
    }


def fleet(whole: Whole) -> Found:
    tomorrow = daily_at(datetime.now(UTC) + timedelta(hours=20))
    for flavor in ("hyperai", "kubernetes", "hyperai", "kubernetes"):
        name = f"daily-{flavor}{secrets.token_hex(2)}-crowd"
        whole.unmanaged(flavor, name, cron=tomorrow)
    whole.unmanaged("kubernetes", "Nightly Report", cron="31 3 * * *")
    whole.world.call(seed.expire_credentials, "airflow", hours=30)
    return {("naming", "Nightly Report"), ("credential-expiring", "connector-airflow")}


def audit(whole: Whole, *words: str) -> Said:
    return whole.world.run("audit", "--json", "--crowded", "4", "--since", "25h", *words)


def test_each_finding_on_real_orchestrators_and_what_mends_it(whole: Whole) -> None:
    healthy(whole)
    quiet = whole.world.run("audit", "--json")
    assert quiet.findings() == set(), quiet.out + quiet.err
    assert (quiet.code, quiet.json["schedules"], quiet.json["counterparts"]) == (0, 8, 8), quiet.out

    expected: Found = set()
    for seeding in (one_sided, crossed, different, broken, stale, runs, fleet):
        expected |= seeding(whole)
    said = audit(whole)
    found = {it for it in said.findings() if it[0] != "crowded-minute"}
    assert found == expected, said.out
    assert {code for code, _ in said.findings()} == set(CODES)
    assert said.code == 1

    dead = ("record-without-counterpart", "counterpart-without-record", "past-its-end")
    natives = whole.benches["kubernetes"].native_ids()
    planned = whole.world.run("cleanup", "--format", "json")
    assert planned.code == 1
    assert whole.benches["kubernetes"].native_ids() == natives
    done = whole.world.run("cleanup", "--apply", "--yes", "--backup", "taken.json", "--format",
                           "json")  # fmt: skip
    assert done.code == 0, done.out + done.err
    left = audit(whole)
    assert {it for it in left.findings() if it[0] in dead} == set()
    assert {it for it in left.findings() if it[0] != "crowded-minute"} == {
        it for it in expected if it[0] not in dead
    }

    restored = whole.world.run("restore", "taken.json", "--yes", "--format", "json")
    assert restored.code == 0, restored.out + restored.err
    back = {it["name"]: it for it in restored.json}
    assert {it["outcome"] for it in back.values()} == {"restored"}
    listed = {it["name"]: it for it in whole.world.run("list", "--format", "json").json}
    assert len(back) == 3 and set(back) <= set(listed)
    # Two ran before and do again; of the third nothing but the record was left.
    assert sorted(bool(listed[name]["native_id"]) for name in back) == [False, True, True]
