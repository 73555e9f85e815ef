"""HyperAI on a real SSH host with cron and at, whose clock is not UTC."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from orchestrators.arguments import CadenceArguments
from orchestrators.hyperai_bench import HyperAIBench
from orchestrators.zenml_here import create, fresh_environment, orchestrator_of, zenml_here
from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.errors import (
    CannotExpressError,
    InputError,
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    SubmissionError,
    UnauthenticatedError,
)
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.counterpart import Wanted
from pulumi_zenml.orchestrators.hyperai import HyperAIOrchestrator
from pulumi_zenml.orchestrators.hyperai.cron_host import CronHost
from pulumi_zenml.orchestrators.hyperai.crontab import CrontabEntry, put
from pulumi_zenml.orchestrators.hyperai.ssh import connect
from pulumi_zenml.orchestrators.hyperai.ssh_keys import Login
from testbed.process import wait_until
from testbed.snapshots import zenml_client
from testbed.sshd import SshHost, ssh_host
from testbed.zenml_server import ZenmlServer

pytestmark = [pytest.mark.ssh, pytest.mark.server]

ZONE = "America/New_York"
STACK = "hyperai"
FOREIGN = 'MAILTO=""\n# a colleague\'s\t\udcff line\r\n\n  0 4 * * *   backup %d # ü\n'


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    with ssh_host(tmp_path_factory.mktemp("hyperai-host"), zone=ZONE) as running:
        yield running


@pytest.fixture(scope="module")
def snapshot(
    host: SshHost, zenml: ZenmlServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A snapshot on a stack with the host, and this process's ZenML connected to the server."""
    folder = tmp_path_factory.mktemp("hyperai-client")
    env = zenml.client_environment(folder / "worker")
    with (
        zenml_here(fresh_environment(env, folder / "here")),
        zenml_client(folder, env) as worker,
    ):
        HyperAIBench(host).register(STACK)
        yield worker.create_snapshot(STACK, pipeline="hyperai-training").id


@pytest.fixture
def bench(host: SshHost, snapshot: str) -> Iterator[HyperAIBench]:
    with HyperAIBench(host) as bench:
        host.write_crontab(host.crontab() + FOREIGN)
        raw = spooled(host)
        yield bench
        # Whatever a test did, and however it ended: others' lines are as they were.
        assert spooled(host) == raw
        assert host.at_queue() == []


@pytest.fixture
def orchestrator(bench: HyperAIBench) -> Orchestrator:
    return orchestrator_of(HyperAIOrchestrator, STACK, bench.overrides())


def spooled(host: SshHost) -> bytes:
    """The crontab as it is on disk, without cron's own header of three lines."""
    path = host.folder / "spool" / "crontabs" / host.username
    return path.read_bytes().split(b"\n", 3)[3]


def folders(host: SshHost) -> set[str]:
    return {path.name for path in (host.home / "scheduled-pipeline-runs").iterdir()}


def login(bench: HyperAIBench) -> Login:
    host = bench.host
    return Login(
        service="the host",
        host=host.address,
        user=host.username,
        key=host.private_key.read_text(encoding="ascii"),
        kind="ed25519",
        known_hosts=str(host.known_hosts),
    )


def test_a_cron_schedule_from_submit_to_delete(
    bench: HyperAIBench, orchestrator: Orchestrator, snapshot: str
) -> None:
    host = bench.host
    made = create(
        orchestrator,
        STACK,
        snapshot,
        "nightly",
        make_cadence(cron="0 3 * * 1-5", timezone=ZONE),
        owner="a/b/c d",
    )
    key = made.snapshot
    script = f"/home/{host.username}/scheduled-pipeline-runs/{key}/run_pipeline.sh"
    block = (
        f"# pulumi-zenml begin {key} owner=a/b/c%20d\n"
        f"0 3 * * 1-5 bash {script}\n"
        f"# pulumi-zenml end {key}\n"
    )
    # ZenML itself added no line: the exact one is all there is.
    assert spooled(host).decode("utf-8", "surrogateescape").endswith(FOREIGN + block)
    assert made.located.paused
    assert made.found.owner == "a/b/c d"
    assert made.found.snapshot_id == key
    assert not made.found.paused
    assert list(orchestrator.list_all()) == [made.found]
    assert orchestrator.locate(key, {}) == made.found
    # The Compose file has ZenML's token in it.
    assert (host.home / "scheduled-pipeline-runs" / key).stat().st_mode & 0o777 == 0o700

    orchestrator.set_paused(made.found.native_id, True)
    assert f"\n#PAUSED 0 3 * * 1-5 bash {script}\n" in host.crontab()
    assert orchestrator.read(made.found.native_id) == replace(made.found, paused=True)
    orchestrator.set_paused(made.found.native_id, False)
    assert orchestrator.read(made.found.native_id) == made.found

    orchestrator.delete(made.found.native_id)
    assert orchestrator.read(made.found.native_id) is None
    assert orchestrator.locate(key, {}) is None
    assert key not in folders(host)
    orchestrator.delete(made.found.native_id)


def test_a_single_run_is_due_at_that_instant_in_any_zone(
    bench: HyperAIBench, orchestrator: Orchestrator, snapshot: str
) -> None:
    # An hour that happens twice in New York.
    due = datetime(2027, 11, 7, 5, 30, tzinfo=UTC)
    made = create(orchestrator, STACK, snapshot, "once", make_cadence(run_once_at=due))
    [job] = bench.host.at_queue()
    assert "Sun Nov  7 05:30:00 2027" in job
    assert made.found.cadence == make_cadence(run_once_at=due)
    assert made.found.owner == "tests/dev/once"

    orchestrator.set_paused(made.found.native_id, True)
    assert bench.host.at_queue() == []
    assert orchestrator.read(made.found.native_id) == replace(made.found, paused=True)
    orchestrator.set_paused(made.found.native_id, False)
    assert orchestrator.read(made.found.native_id) == made.found

    bench.remove(made.found.native_id)
    assert orchestrator.read(made.found.native_id) is None
    # The folder with the token is still there, and still found for its deletion.
    left = orchestrator.locate(made.snapshot, {})
    assert left is not None
    assert left.problem
    orchestrator.delete(left.native_id)
    assert made.snapshot not in folders(bench.host)


def test_a_single_run_that_is_over_has_ended_and_is_not_gone(
    bench: HyperAIBench, orchestrator: Orchestrator, snapshot: str
) -> None:
    due = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=1)
    made = create(orchestrator, STACK, snapshot, "over", make_cadence(run_once_at=due))
    bench.host.run("atrm $(atq | cut -f1)")
    past = due - timedelta(days=2)
    bench.host.write_crontab(bench.host.crontab().replace(due.isoformat(), past.isoformat()))
    found = orchestrator.read(made.found.native_id)
    assert found is not None
    assert found.ended
    orchestrator.delete(made.found.native_id)


@pytest.mark.slow
def test_cron_and_at_really_fire(
    bench: HyperAIBench, orchestrator: Orchestrator, snapshot: str
) -> None:
    soon = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=2)
    once = create(orchestrator, STACK, snapshot, "soon", make_cadence(run_once_at=soon))
    paused = create(
        orchestrator,
        STACK,
        snapshot,
        "not",
        make_cadence(cron="* * * * *", timezone=ZONE),
        paused=True,
    )
    often = create(
        orchestrator, STACK, snapshot, "often", make_cadence(cron="* * * * *", timezone=ZONE)
    )
    log = bench.host.home / "docker.log"

    def started(key: str) -> bool:
        return log.exists() and f"{key}_" in log.read_text()

    def both() -> bool:
        return started(often.snapshot) and started(once.snapshot)

    wait_until(both, "cron and at fire", seconds=200)
    assert not started(paused.snapshot)
    ended = orchestrator.read(once.found.native_id)
    assert ended is not None
    assert ended.ended
    [run] = orchestrator.runs(once.found.native_id)
    assert run.run_id.startswith(f"{once.snapshot}_")
    assert run.started is not None
    assert abs(run.started - soon) < timedelta(minutes=1)
    for made in (once, paused, often):
        orchestrator.delete(made.found.native_id)


def test_a_run_is_started_and_remembered(
    bench: HyperAIBench, orchestrator: Orchestrator, snapshot: str
) -> None:
    made = create(
        orchestrator, STACK, snapshot, "runs", make_cadence(cron="0 3 1 1 *", timezone=ZONE)
    )
    assert orchestrator.runs(made.found.native_id) == []
    started = orchestrator.trigger(made.found.native_id)
    assert started in (bench.host.home / "docker.log").read_text()
    [run] = orchestrator.runs(made.found.native_id)
    assert (run.run_id, run.state, run.native_state) == (started, "unknown", "started")
    later = datetime.now(UTC) + timedelta(hours=1)
    assert orchestrator.runs(made.found.native_id, since=later) == []

    script = bench.host.home / "scheduled-pipeline-runs" / made.snapshot / "run_pipeline.sh"
    script.write_text("echo no space left >&2; exit 3\n")
    with pytest.raises(RefusedError, match=r"run_pipeline\.sh failed: no space left"):
        orchestrator.trigger(made.found.native_id)
    script.unlink()
    with pytest.raises(NotFoundError, match=r"no .*/run_pipeline\.sh on the host"):
        orchestrator.trigger(made.found.native_id)
    orchestrator.delete(made.found.native_id)


def test_what_was_changed_by_hand_is_seen(
    bench: HyperAIBench, orchestrator: Orchestrator, snapshot: str
) -> None:
    made = create(
        orchestrator, STACK, snapshot, "hand", make_cadence(cron="0 3 * * *", timezone=ZONE)
    )
    native_id = made.found.native_id
    wanted = Wanted("hand", "tests/dev/hand", make_cadence(cron="0 3 * * *", timezone=ZONE))

    bench.edit_cadence(native_id)
    found = orchestrator.read(native_id)
    assert found is not None and found.cadence is not None
    assert (found.cadence.cron, found.cadence.timezone) == ("17 5 * * 2", ZONE)
    assert orchestrator.shape(found, wanted) == made.found

    bench.edit_paused(native_id, True)
    assert orchestrator.read(native_id) == replace(made.found, paused=True)
    bench.edit_paused(native_id, False)

    bench.remove(native_id)
    assert orchestrator.read(native_id) is None
    orchestrator.delete(native_id)


def test_a_bare_line_of_zenml_is_listed_and_taken_over(
    bench: HyperAIBench, orchestrator: Orchestrator, snapshot: str
) -> None:
    made = create(
        orchestrator, STACK, snapshot, "bare", make_cadence(cron="0 3 * * *", timezone=ZONE)
    )
    bare = "\n".join(
        line for line in bench.host.crontab().split("\n") if "# pulumi-zenml" not in line
    )
    bench.host.write_crontab(bare)
    assert list(orchestrator.list_all()) == [replace(made.found, owner=None)]
    wanted = Wanted("bare", "new/owner/x", make_cadence(cron="0 3 * * *", timezone=ZONE))
    assert orchestrator.shape(made.found, wanted) == replace(made.found, owner="new/owner/x")
    orchestrator.delete(made.found.native_id)


def test_only_a_cadence_in_the_hosts_own_time_is_taken(
    orchestrator: Orchestrator,
) -> None:
    def wanted(timezone: str) -> Wanted:
        return Wanted("zones", "", make_cadence(cron="0 3 * * *", timezone=timezone))

    # Not known offline, so not refused there.
    assert orchestrator.check(wanted("Europe/Berlin")) == []
    with pytest.raises(CannotExpressError, match=ZONE) as raised:
        orchestrator.verify(wanted("Europe/Berlin"))
    assert raised.value.property == "timezone"
    orchestrator.verify(wanted("US/Eastern"))


LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("property", "cadence"),
    [
        ("interval", {"interval": timedelta(hours=1), "start_time": LATER}),
        ("start_time", {"cron": "0 3 * * *", "start_time": LATER}),
        ("end_time", {"cron": "0 3 * * *", "end_time": LATER}),
        ("catchup", {"cron": "0 3 * * *", "catchup": True}),
        ("run_once_at", {"run_once_at": LATER + timedelta(seconds=30)}),
    ],
)
def test_what_cron_and_at_lack_is_refused_offline(property: str, cadence: CadenceArguments) -> None:
    [problem] = HyperAIOrchestrator.check(Wanted("x", "", make_cadence(**cadence)))
    assert problem.property == property
    assert isinstance(problem, InputError)


def test_zenml_too_accepts_only_a_known_host_key(
    orchestrator: Orchestrator, snapshot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import paramiko

    accepted: list[str] = []

    def accept(self: object, client: object, hostname: str, key: object) -> None:
        accepted.append(hostname)

    monkeypatch.setattr(paramiko.AutoAddPolicy, "missing_host_key", accept)
    made = create(
        orchestrator, STACK, snapshot, "known", make_cadence(cron="0 3 1 1 *", timezone=ZONE)
    )
    orchestrator.delete(made.found.native_id)
    assert accepted == []


def test_a_failed_submit_leaves_nothing_on_the_host(
    bench: HyperAIBench, orchestrator: Orchestrator, snapshot: str
) -> None:
    before = folders(bench.host)
    (bench.host.home / "scheduled-pipeline-runs").chmod(0o500)
    try:
        with pytest.raises(SubmissionError):
            create(
                orchestrator,
                STACK,
                snapshot,
                "fails",
                make_cadence(cron="0 3 1 1 *", timezone=ZONE),
            )
    finally:
        (bench.host.home / "scheduled-pipeline-runs").chmod(0o700)
    assert folders(bench.host) == before


def test_a_host_must_prove_who_it_is(bench: HyperAIBench, tmp_path: Path) -> None:
    def enter(overrides: dict[str, Json]) -> None:
        list(orchestrator_of(HyperAIOrchestrator, STACK, overrides).list_all())

    host = bench.host
    stranger = "AAAAC3NzaC1lZDI1NTE5AAAAIDVF4yaXr2BrjYvEHrUqyXvhu1V0RpcDIdrlF6M6ZnQz"
    empty, wrong = tmp_path / "empty", tmp_path / "wrong"
    empty.touch()
    wrong.write_text(f"{host.address} ssh-ed25519 {stranger}\n")
    with pytest.raises(UnauthenticatedError, match="ssh-keyscan"):
        enter({"known_hosts": str(empty)})
    with pytest.raises(UnauthenticatedError, match="another host key"):
        enter({"known_hosts": str(wrong)})
    with pytest.raises(UnauthenticatedError, match="another host key"):
        enter({"known_hosts": str(wrong), "accept_new_host_keys": True})
    with pytest.raises(UnauthenticatedError, match="another host key"):
        enter({"host_key": f"ssh-ed25519 {stranger}"})
    with pytest.raises(RefusedError, match="not a public key"):
        enter({"host_key": "ssh-ed25519 zzz"})
    with pytest.raises(RefusedError, match="is not a file"):
        enter({"known_hosts": str(tmp_path / "none")})
    enter({"host_key": host.host_key})
    new = tmp_path / "new" / "known_hosts"
    enter({"known_hosts": str(new), "accept_new_host_keys": True})
    assert new.read_text() == f"{host.address} {host.host_key}\n"
    enter({"known_hosts": str(new)})


def test_a_host_that_cannot_run_it_is_refused_before_anything_is_made(
    bench: HyperAIBench, orchestrator: Orchestrator
) -> None:
    host = bench.host
    wanted = Wanted("v", "", make_cadence(cron="0 3 * * *", timezone=ZONE))
    before = spooled(host).decode("utf-8", "surrogateescape")
    orchestrator.verify(wanted)
    host.write_crontab("".join(line for line in before.splitlines(True) if "PATH=" not in line))
    with pytest.raises(RefusedError, match="docker compose"):
        orchestrator.verify(wanted)
    host.write_crontab(f"{before}CRON_TZ=Asia/Tokyo\n")
    with pytest.raises(RefusedError, match="CRON_TZ"):
        orchestrator.verify(wanted)
    host.write_crontab(before)
    with host.without_crontab(), pytest.raises(PermissionDeniedError, match=r"cron\.allow"):
        orchestrator.verify(wanted)
    assert spooled(host).decode("utf-8", "surrogateescape") == before


def test_a_table_that_cron_refuses_stays_as_it_was(bench: HyperAIBench) -> None:
    with connect(login(bench)) as ssh:
        there = CronHost(ssh, "the host")
        with pytest.raises(RefusedError, match="bad minute"):
            there.change(lambda text: f"{text}61 * * * * true\n")


def test_many_writers_lose_nothing(bench: HyperAIBench) -> None:
    before = bench.host.crontab()
    keys = [str(uuid4()) for _ in range(6)]

    def add(key: str) -> None:
        command = f"bash /home/x/scheduled-pipeline-runs/{key}/run_pipeline.sh"
        entry = CrontabEntry(key, command, cron="0 0 1 1 *")
        with connect(login(bench)) as ssh:
            CronHost(ssh, "the host").change(lambda text: put(text, entry))

    with ThreadPoolExecutor(len(keys)) as pool:
        list(pool.map(add, keys))
    text = bench.host.crontab()
    bench.host.write_crontab(before)
    assert text.startswith(before)
    assert all(text.count(f"{key}/run_pipeline.sh") == 1 for key in keys)


def test_a_change_by_somebody_else_in_between_is_kept(bench: HyperAIBench) -> None:
    before = bench.host.crontab()
    seen: list[str] = []

    def edit(text: str) -> str:
        if not seen:
            bench.host.write_crontab(f"{before}# just now\n")
        seen.append(text)
        return f"{text}# ours\n" if "# ours" not in text else text

    with connect(login(bench)) as ssh:
        written = CronHost(ssh, "the host").change(edit)
    assert written == bench.host.crontab() == f"{before}# just now\n# ours\n"
    assert seen[:2] == [before, f"{before}# just now\n"]
    bench.host.write_crontab(before)


def test_a_hostile_name_never_reaches_a_shell(
    bench: HyperAIBench, orchestrator: Orchestrator, snapshot: str, tmp_path: Path
) -> None:
    from zenml.client import Client

    owner = "p/s/$(touch ~/owned) `touch ~/owned`; touch ~/owned #\n* * * * * touch ~/owned"
    made = create(
        orchestrator,
        STACK,
        snapshot,
        "quoted",
        make_cadence(cron="0 3 1 1 *", timezone=ZONE),
        owner=owner,
    )
    assert made.found.owner == owner
    assert len([it for it in bench.host.crontab().splitlines() if made.snapshot in it]) == 3
    orchestrator.delete(made.found.native_id)

    component = orchestrator.target.component
    assert component.connector is not None
    client = Client()
    kept = client.get_service_connector(
        component.connector.id, expand_secrets=True
    ).configuration.plain
    hostile_user = {**kept, "username": "x'; touch /tmp/owned; '"}
    client.update_service_connector(
        component.connector.id, configuration=hostile_user, verify=False
    )
    try:
        hostile = orchestrator_of(HyperAIOrchestrator, STACK, bench.overrides())
        with pytest.raises(RefusedError, match="names the user"):
            list(hostile.list_all())
    finally:
        client.update_service_connector(component.connector.id, configuration=kept, verify=False)
    assert not (bench.host.home / "owned").exists()


def test_an_id_of_another_host_is_not_taken_for_gone(orchestrator: Orchestrator) -> None:
    with pytest.raises(RefusedError, match="was created on ml@elsewhere"):
        orchestrator.read(f"ml@elsewhere/{uuid4()}")
