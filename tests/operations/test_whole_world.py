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
from typing import Any
from uuid import uuid4

import pytest

from operations.conftest import TESTS, Said, World
from operations.seed import DATABASE_VARIABLE, ORCHESTRATORS_VARIABLE
from orchestrators.benches import make_bench
from orchestrators.zenml_here import zenml_here
from pulumi_zenml.operations import CODES
from pulumi_zenml.orchestrators import REGISTRY
from pulumi_zenml.testing.bench import Bench
from testbed.forked import CommandServer
from testbed.kubernetes import Kubernetes
from testbed.snapshots import zenml_client
from testbed.zenml_server import zenml_server

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.kubernetes,
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.ssh,
]

Found = set[tuple[str, str]]
Made = dict[str, str]


@dataclass(frozen=True)
class Whole:
    """The world, the hand on each orchestrator's native side, and a snapshot on each stack."""

    world: World
    benches: dict[str, Bench]
    cluster: Kubernetes

    def make(self, kind: str, flavor: str, name: str, *more: str, cron: str, **given: Any) -> Made:
        """A pair on the stack of that flavor, as a function of ``seed`` makes it."""
        given = {"stack": flavor, "snapshot": f"{flavor}:v1", **given}
        if kind == "managed":
            given.setdefault("timezone", "UTC")
        made: Made = self.world.seed(kind, name, *more, cron=cron, **given)
        return made

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
def whole(
    request: pytest.FixtureRequest, commands: CommandServer, tmp_path: Path
) -> Iterator[Whole]:
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
        yield Whole(World(client, tmp_path, tmp_path, commands, env), benches, cluster)


def ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def daily_at(instant: datetime) -> str:
    return f"{instant.minute} {instant.hour} * * *"


def healthy(whole: Whole) -> None:
    for number, flavor in enumerate(REGISTRY):
        owner = f"shop/dev/{flavor}"
        whole.make("managed", flavor, f"daily-{flavor}-dev", owner, cron=f"{number} 2 * * *")


def one_sided(whole: Whole) -> Found:
    lost = whole.make("unmanaged", "hyperai", "daily-lost-prod", cron="2 3 * * *")
    whole.benches["hyperai"].remove(lost["native"])
    orphan = whole.make("unmanaged", "kubernetes", "daily-orphan-prod", cron="3 3 * * *")
    whole.world.seed("delete_row", orphan["record"])
    whole.copy_cron_job(orphan["native"], "elsewhere", {orphan["snapshot"]: str(uuid4())})
    namespace = orphan["native"].partition("/")[0]
    return {
        ("record-without-counterpart", "daily-lost-prod"),
        ("counterpart-without-record", orphan["native"]),
        ("unknown-counterpart", f"{namespace}/elsewhere"),
    }


def crossed(whole: Whole) -> Found:
    twin = whole.make("unmanaged", "kubernetes", "daily-twin-prod", cron="5 3 * * *")
    whole.copy_cron_job(twin["native"], "twin-again", {})
    thief = whole.make(
        "unmanaged", "kubernetes", "daily-thief-prod", cron="5 3 * * *", submitted=False
    )
    whole.world.seed("claim", thief["record"], twin["native"])
    whole.make("unmanaged", "kubernetes", "daily-namesake-prod", cron="5 3 * * *", submitted=False)
    whole.copy_cron_job(twin["native"], "daily-namesake-prod", {"--snapshot_id": "--something"})
    return {
        ("duplicate-counterparts", "daily-twin-prod"),
        ("shared-counterpart", "daily-thief-prod"),
        ("linked-by-name", "daily-namesake-prod"),
        ("broken-counterpart", "daily-namesake-prod"),
    }


def different(whole: Whole) -> Found:
    edited = whole.make(
        "managed", "airflow", "daily-edited-dev", "shop/dev/edited", cron="7 3 * * *"
    )
    whole.benches["airflow"].edit_cadence(edited["native"])
    held = whole.make("unmanaged", "hyperai", "daily-held-prod", cron="8 3 * * *")
    whole.benches["hyperai"].edit_paused(held["native"], True)
    snoozed = whole.make(
        "managed", "vertex", "daily-snoozed-dev", "shop/dev/snoozed", cron="9 3 * * *", paused=True
    )
    note = (snoozed["record"], "pulumi_zenml_paused_until", ago(1).isoformat())
    whole.world.seed("note", *note)
    return {
        ("cadence-differs", "daily-edited-dev"),
        ("paused-on-one-side", "daily-held-prod"),
        ("pause-overdue", "daily-snoozed-dev"),
    }


def broken(whole: Whole) -> Found:
    senseless = whole.make(
        "managed", "sagemaker", "daily-senseless-dev", "shop/dev/senseless", cron="10 3 * * *"
    )
    whole.world.seed("set_column", senseless["record"], "cron_expression", "not a cron")
    whole.benches["sagemaker"].edit_cadence(senseless["native"])
    evaluate = whole.world.zenml.evaluate
    parts = "dict((k, v[0].id) for k, v in client.get_stack('kubernetes').components.items())"
    evaluate(f"client.create_stack('gone', {parts}).name")
    whole.make("unmanaged", "kubernetes", "daily-homeless-prod", cron="13 3 * * *", stack="gone")
    evaluate("client.delete_stack('gone')")
    configuration = (
        "client.get_stack('kubernetes').components['orchestrator'][0]"
        ".get_hydrated_version().configuration"
    )
    evaluate(
        "client.create_stack_component(name='doomed', flavor='kubernetes', "
        f"component_type='orchestrator', configuration={configuration}).name"
    )
    evaluate(f"client.create_stack('doomed', {{**{parts}, 'orchestrator': 'doomed'}}).name")
    whole.make("unmanaged", "kubernetes", "daily-doomed-prod", cron="12 3 * * *", stack="doomed",
               submitted=False)  # fmt: skip
    evaluate(
        "[client.delete_stack('doomed'), "
        "client.delete_stack_component('doomed', 'orchestrator')] and None"
    )
    staged = whole.world.seed(
        "half_made", "shop/dev/half", stack="databricks", snapshot="databricks:v1"
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
    whole.make(
        "managed",
        "kubernetes",
        "daily-moved-dev",
        "shop/dev/moved",
        cron="14 3 * * *",
        snapshot="scoring:live",
    )
    whole.world.seed("rename_snapshot", newer.id, "live")
    over = ago(2).isoformat()
    # ZenML's Kubernetes orchestrator drops the end, so that it goes on and on.
    whole.make("unmanaged", "kubernetes", "daily-over-prod", cron="16 3 * * *", end_time=over)
    return {("stale-target", "daily-moved-dev"), ("past-its-end", "daily-over-prod")}


def runs(whole: Whole) -> Found:
    seed = whole.world.seed
    silent = whole.make("unmanaged", "hyperai", "hourly-silent-prod", cron="17 * * * *")
    seed("age", silent["record"], hours=30)
    gappy = whole.make("unmanaged", "kubernetes", "hourly-gappy-prod", cron="18 * * * *")
    seed("age", gappy["record"], hours=30)
    for index, fire in enumerate(seed("due", "18 * * * *", 25)):
        if index not in (3, 4):
            seed("run", gappy["snapshot"], fire)
    start = ago(5)
    sick = whole.make("unmanaged", "kubernetes", "daily-sick-prod", cron=daily_at(start))
    seed("age", sick["record"], hours=24 * 4)
    for days in (0, 1, 2):
        seed("run", sick["snapshot"], (start - timedelta(days=days)).isoformat(), "failed")
    start = ago(8)
    stuck = whole.make("unmanaged", "hyperai", "daily-stuck-prod", cron=daily_at(start))
    seed("age", stuck["record"], hours=10)
    seed("run", stuck["snapshot"], start.isoformat(), "running")
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
        whole.make("unmanaged", flavor, name, cron=tomorrow)
    whole.make("unmanaged", "kubernetes", "Nightly Report", cron="31 3 * * *")
    whole.world.seed("expire_credentials", "airflow", hours=30)
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
