"""The doctor on a healthy world, on each kind of sick one, and on every orchestrator."""

from __future__ import annotations

import csv
import io
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from operations import seed
from operations.conftest import World
from operations.seed import Made
from orchestrators.benches import ONE_FLAVOR, Ready, ready
from pulumi_zenml.identity import Owner
from pulumi_zenml.lifecycle.pairs import Pairs
from pulumi_zenml.lifecycle.session import Session
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.operations import Scope, clean_up, diagnose, plan_cleanup, take_inventory
from pulumi_zenml.operations.doctor import AREAS, exit_code
from pulumi_zenml.operations.doctor.machine import clock, known_zones
from pulumi_zenml.testing.bench import Fault
from testbed.zenml_server import ZenmlServer

NAME = "daily-training-prod"


@pytest.fixture
def made(world: World) -> Made:
    """One healthy schedule."""
    seeded = world.call(seed.unmanaged, NAME, cron="0 3 * * *")
    return seeded


def look(world: World, *words: str, code: int, **env: str) -> dict[tuple[str, str, str], Any]:
    """The checks by area, subject and name."""
    said = world.run("doctor", *words, "--format", "json", **env)
    assert said.code == code, said.out + said.err
    assert "Traceback" not in said.err
    rows = said.json
    assert [AREAS.index(it["area"]) for it in rows] == sorted(
        AREAS.index(it["area"]) for it in rows
    )
    for row in rows:
        assert row["detail"], row
        assert bool(row["remedy"]) or row["result"] not in ("failed", "warning"), row
        assert not row["remedy"] or row["result"] not in ("ok", "skipped"), row
    return {(it["area"], it["subject"], it["name"]): it for it in rows}


def with_result(
    rows: Mapping[tuple[str, str, str], Any], *results: str
) -> set[tuple[str, str, str]]:
    return {key for key, it in rows.items() if it["result"] in results}


def test_a_healthy_world(world: World, made: Made) -> None:
    before = world.body(made.native)
    rows = look(world, code=0)
    assert with_result(rows, "failed", "warning", "unknown") == set()
    assert {it[0] for it in rows} == set(AREAS)
    # Of the two stacks, the one that has a schedule.
    assert {it[1] for it in rows if it[0] == "stack"} == {"one"}
    one = look(world, NAME, code=0)
    assert with_result(one, "failed", "warning", "unknown") == set()
    tomorrow = one["schedule", NAME, "next fire"]["detail"]
    assert "T03:00+00:00 (At 03:00" in tomorrow
    assert world.natives() == {made.native} and world.body(made.native) == before


def test_without_schedules_every_stack_that_can_have_one(world: World) -> None:
    rows = look(world, code=0)
    assert {it[1] for it in rows if it[0] == "stack"} == {"one", "two"}
    only = look(world, "--stack", "two", code=0)
    assert {it[1] for it in only if it[0] == "orchestrator"} == {"two"}
    refused = look(world, "--stack", "default", code=1)
    (flavor,) = [it for key, it in refused.items() if key[0] == "orchestrator"]
    assert flavor["result"] == "failed" and "cannot schedule" in flavor["detail"]
    gone = look(world, "--stack", "tow", code=1)["stack", "tow", "components"]
    assert "there is no stack 'tow'. Near it: two" in gone["detail"]


def test_every_format_says_the_same(world: World, made: Made) -> None:
    parsed = yaml.safe_load(world.run("doctor", NAME, "--format", "yaml").out)
    names = [it["name"] for it in parsed]
    read = csv.DictReader(io.StringIO(world.run("doctor", NAME, "--format", "csv").out))
    assert [it["name"] for it in read] == names
    table = world.run("doctor", NAME).out
    assert all(name in table for name in names)
    # Each area is named once.
    heads = [line.split()[0] for line in table.splitlines() if line[:2].strip()]
    for area in AREAS:
        assert heads.count(area) == 1, table
    assert f"{len(names)} checks: " in table


def test_zenml_that_does_not_answer(world: World) -> None:
    rows = look(world, "--server-url", "http://me:secret@127.0.0.1:9", code=2)
    assert with_result(rows, "failed") == {("zenml", "", "reachable")}
    assert "no answer from http://127.0.0.1:9" in rows["zenml", "", "reachable"]["detail"]
    assert "secret" not in str(rows)
    # What can be said without it is said.
    assert rows["machine", "", "time zone database"]["result"] == "ok"
    assert rows["packages", "pulumi-zenml", "versions"]["result"] == "ok"


@pytest.mark.server
def test_zenml_that_does_not_let_us_in(world: World, zenml: ZenmlServer, tmp_path: Path) -> None:
    env = zenml.client_environment(tmp_path / "config")
    # The server is shared with other tests; of what they made nothing is looked at.
    with_key = look(world, "--flavor", "none", code=0, **env)
    assert with_result(with_key, "failed", "warning") == set()
    assert with_key["machine", "", "clock"]["result"] == "ok"
    assert "API key" in with_key["zenml", "", "sign-in lasts"]["detail"]
    assert "service account 'tests'" in with_key["zenml", "", "signed in"]["detail"]
    wrong = env["ZENML_STORE_API_KEY"][:-4] + "AAAA"
    env = {**env, "ZENML_CONFIG_PATH": str(tmp_path / "other"), "ZENML_STORE_API_KEY": wrong}
    rows = look(world, code=2, **env)
    assert with_result(rows, "failed") == {("zenml", "", "signed in")}
    assert "zenml:apiKey" in rows["zenml", "", "signed in"]["remedy"]
    assert wrong not in str(rows)


def test_an_orchestrator_that_cannot_be_reached(world: World, made: Made) -> None:
    there, away = world.folder(), world.root / "away"
    there.rename(away)
    try:
        rows = look(world, NAME, code=1)
    finally:
        away.rename(there)
    asked = {key: it for key, it in rows.items() if key[0] == "orchestrator"}
    failed = with_result(asked, "failed")
    assert failed == {("orchestrator", "one", "list: file")}
    assert with_result(asked, "skipped") == asked.keys() - failed
    assert rows["schedule", NAME, "both sides"]["result"] == "unknown"
    assert with_result(rows, "failed") == failed


def test_a_stack_that_is_not_whole(world: World) -> None:
    config = {"folder": str(world.folder("two"))}
    world.zenml.register_stack("broken", "filecron", config)
    try:
        world.call(seed.break_stack, "broken")
        rows = look(world, "--stack", "broken", code=1)
        whole = rows["stack", "broken", "components"]
        assert whole["result"] == "failed" and "it has no artifact store" in whole["detail"]
        assert "zenml stack update broken" in whole["remedy"]
        assert rows["orchestrator", "broken", "list: file"]["result"] == "ok"
    finally:
        world.call(seed.delete_whole_stack, "broken")


def test_a_remote_orchestrator_with_a_store_on_this_machine(world: World) -> None:
    config = {"host": "http://127.0.0.1:9", "client_id": "x", "client_secret": "very-secret"}
    world.zenml.register_stack("bricks", "databricks", config)
    try:
        rows = look(world, "--stack", "bricks", code=1)
    finally:
        world.call(seed.delete_whole_stack, "bricks")
    valid = rows["stack", "bricks", "valid"]
    assert valid["result"] == "failed" and "local stack component" in valid["detail"]
    assert rows["stack", "bricks", "artifact store"]["result"] == "warning"
    assert rows["stack", "bricks", "remote server"]["result"] == "failed"
    assert "databricks-sdk" in rows["packages", "databricks", "versions"]["detail"]
    user = rows["orchestrator", "bricks", "credentials"]
    assert user["result"] == "failed" and "Connection refused" in user["detail"]
    assert "very-secret" not in str(rows)


def test_credentials_that_end(world: World, made: Made) -> None:
    for hours, result, code in ((-1, "failed", 1), (30, "warning", 0)):
        world.call(seed.expire_credentials, "one", hours=hours)
        try:
            rows = look(world, NAME, code=code)
        finally:
            world.call(seed.forget_credentials)
        found = rows["stack", "one", "service connectors"]
        assert found["result"] == result, found
        assert "connector-one (of one)" in found["detail"]
        assert "zenml service-connector update connector-one" in found["remedy"]


def test_a_schedule_that_is_not_there(world: World, made: Made) -> None:
    rows = look(world, "daily-trainin-prod", code=1)
    assert with_result(rows, "failed") == {("schedule", "daily-trainin-prod", "exists")}
    exists = rows["schedule", "daily-trainin-prod", "exists"]
    assert f"Near it: {NAME}" in exists["detail"]
    missing = look(world, "--project", "defalt", code=2)["zenml", "", "projects"]
    assert "Near it: default" in missing["detail"]


def test_a_schedule_whose_sides_differ(world: World, made: Made) -> None:
    world.edit(made.native, schedule="5 5 * * *")
    rows = look(world, NAME, code=1)
    assert "pulumi-zenml adopt" in rows["schedule", NAME, "cadence-differs"]["remedy"]
    assert look(world, code=1)["schedule", "", "both sides"]["remedy"] == "pulumi-zenml audit"
    world.edit(made.native, schedule="0 3 * * *", paused=True)
    paused = look(world, NAME, code=0)
    assert paused["schedule", NAME, "paused-on-one-side"]["result"] == "warning"
    assert paused["schedule", NAME, "next fire"]["remedy"] == f"pulumi-zenml resume -- {NAME}"
    (world.folder() / f"{made.native}.json").unlink()
    gone = look(world, NAME, code=1)
    assert gone["schedule", NAME, "record-without-counterpart"]["result"] == "failed"
    assert gone["schedule", NAME, "next fire"]["result"] == "skipped"


def test_a_zone_that_nobody_knows(world: World, made: Made) -> None:
    world.edit(made.native, timeZone="Mars/Olympus")
    rows = look(world, NAME, code=1)
    zone = rows["schedule", NAME, "time zone"]
    assert zone["result"] == "failed" and "Mars/Olympus" in zone["detail"]
    assert known_zones(["", "UTC", "Europe/Berlin"]).result == "ok"


def test_the_last_runs(world: World, made: Made) -> None:
    ended: tuple[tuple[int, seed.Status], ...] = ((90, "completed"), (30, "failed"))
    for minutes, status in ended:
        started = datetime.now(UTC) - timedelta(minutes=minutes)
        world.call(seed.run, made.snapshot, started, status)
    runs = look(world, NAME, code=1)["schedule", NAME, "last runs"]
    assert runs["detail"].startswith("newest first: failed ")
    assert runs["remedy"] == f"pulumi-zenml history -- {NAME}"
    world.call(seed.run, made.snapshot, datetime.now(UTC))
    assert look(world, NAME, code=0)["schedule", NAME, "last runs"]["result"] == "warning"


def test_without_a_pulumi_engine(world: World) -> None:
    engine = look(world, code=0, PATH="/usr/bin:/bin")["machine", "", "Pulumi engine"]
    assert engine["result"] == "warning" and "pulumi.com" in engine["remedy"]


@contextmanager
def server_at(now: datetime | None) -> Iterator[str]:
    """A web server whose clock says ``now``; None for one that has none."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(200)
            if now:
                self.send_header("Date", format_datetime(now, usegmt=True))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_clock_that_is_wrong() -> None:
    now = datetime.now(UTC)
    for offset, result in ((0, "ok"), (30, "ok"), (-300, "warning"), (300, "warning")):
        with server_at(now + timedelta(seconds=offset)) as url:
            seen = clock(url)
        assert seen.result == result, seen
        if result == "warning":
            assert ("behind" if offset > 0 else "ahead of") in seen.detail
    with server_at(None) as url:
        assert clock(url).result == "unknown"
    assert clock(url).result == "unknown"
    assert clock("").result == "skipped"


# --- every orchestrator --------------------------------------------------------------------------


@pytest.fixture(params=ONE_FLAVOR)
def orchestrator_world(request: pytest.FixtureRequest) -> Iterator[Ready]:
    with ready(request.param, "doctor", request) as made:
        yield made


@pytest.mark.server
def test_every_orchestrator_well_and_sick(orchestrator_world: Ready, tmp_path: Path) -> None:
    world, bench = orchestrator_world, orchestrator_world.bench
    cadence = bench.cadences()[0]
    name = f"daily-doctor-{time.time_ns()}"
    owner, settings = "acme/shop/prod/doctor", dict(bench.settings)
    pairs = Pairs(Session(world.connection))
    pairs.create(
        ScheduleSpec(
            Owner("0123456789ab", owner),
            name,
            world.stack,
            cadence,
            world.snapshot,
            orchestrator_settings=settings,
        )
    )
    native = bench.native_ids()
    scope = Scope(stacks=(world.stack,))
    try:
        well = diagnose(world.connection, name, scope)
        assert [it for it in well if it.result == "failed"] == []
        assert exit_code(well) == 0
        assert {it.area for it in well} == set(AREAS)
        assert len([it for it in well if it.area == "orchestrator"]) >= 5

        kind: Fault = "denied" if "denied" in bench.faults else "unauthenticated"
        with bench.fault(kind):
            sick = diagnose(world.connection, name, scope)
        failed = [it for it in sick if it.result == "failed"]
        assert [it for it in failed if it.area == "orchestrator"]
        assert {it.area for it in failed} <= {"orchestrator"}, failed
        assert all(it.remedy for it in failed)
        assert exit_code(sick) == 1
        assert world.connection.api_key not in str(sick)
        assert bench.native_ids() == native
    finally:
        plan = plan_cleanup(take_inventory(world.connection, scope), names=[name])
        clean_up(plan, backup=tmp_path / "last.json", when_running="ignore")
