"""Airflow by its DAG folder alone, with the zips that ZenML itself writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrators import airflow_create
from orchestrators.airflow_world import AirflowWorld, cadence, wanted
from orchestrators.airflow_zips import write_zip
from pulumi_zenml.errors import (
    CannotExpressError,
    NotFoundError,
    ServiceError,
)
from pulumi_zenml.orchestrators.airflow import AirflowOrchestrator
from pulumi_zenml.orchestrators.airflow.timing import INERT
from pulumi_zenml.orchestrators.airflow.zip import DagZip
from pulumi_zenml.orchestrators.compare import differences, same_cadence
from testbed.snapshots import ZenmlClient

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
PAST = SOON - timedelta(days=20)


@pytest.fixture(scope="module")
def world(local_client: ZenmlClient, tmp_path_factory: pytest.TempPathFactory) -> AirflowWorld:
    return AirflowWorld.register(
        local_client, "airflow-folder", tmp_path_factory.mktemp("dags") / "dags"
    )


@pytest.fixture(autouse=True)
def _tidy(world: AirflowWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ZENML_CONFIG_PATH", world.client.env["ZENML_CONFIG_PATH"])
    yield
    for path in world.dags.glob("*"):
        path.unlink()


@pytest.fixture
def made(world: AirflowWorld) -> Iterator[tuple[AirflowOrchestrator, str]]:
    """A schedule at three every day, and the orchestrator that has it."""
    name = world.create().native_id
    orchestrator = world.orchestrator()
    yield orchestrator, name
    orchestrator.delete(name)


def start_date(world: AirflowWorld, name: str) -> datetime:
    return datetime.fromisoformat(world.config(name)["start_date"])


# --- create ------------------------------------------------------------------------------------


def test_a_zip_is_staged_where_airflow_does_not_look_and_then_put_in_place(
    world: AirflowWorld,
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    staged = world.create("weekly report", shape=False)
    orchestrator = world.orchestrator()
    name = staged.native_id
    assert not world.zip(name).exists()
    assert orchestrator.read(name) is None
    found = orchestrator.locate(staged.snapshot_id, {"name": "weekly report"})
    assert found is not None
    assert found.paused
    shaped = orchestrator.shape(found, wanted("weekly report"))
    assert not list(staged.staging.iterdir())
    assert differences(orchestrator, wanted("weekly report"), shaped) == []
    assert shaped.snapshot_id == staged.snapshot_id
    assert shaped.owner == "tests/dev/weekly report"
    assert name.startswith("weekly-report-")
    config = world.config(name)
    assert (config["id"], config["schedule"], config["catchup"]) == (name, "0 3 * * *", False)
    assert start_date(world, name) >= before
    assert config["tags"] == ["pulumi-zenml", "owner:tests/dev/weekly report"]
    assert [path.name for path in world.dags.iterdir()] == [f"{name}.zip"]
    orchestrator.delete(name)


def test_the_generator_in_the_zip_is_the_one_of_zenml(
    world: AirflowWorld, made: tuple[AirflowOrchestrator, str]
) -> None:
    with zipfile.ZipFile(world.zip(made[1])) as archive:
        assert archive.read("dag.py").decode() == world.client.call(airflow_create.generator)


def test_two_schedules_of_one_name_do_not_meet(world: AirflowWorld) -> None:
    names = [world.create("twice").native_id for _ in range(2)]
    orchestrator = world.orchestrator()
    assert len(set(names)) == 2
    assert {found.native_id for found in orchestrator.list_all()} == set(names)
    for name in names:
        orchestrator.delete(name)


@pytest.mark.parametrize(
    "name", ["ünïcode / näme; rm -rf *", "../../etc/passwd", ".hidden", "-", "x" * 255, "a\nb"]
)
def test_any_name_becomes_a_dag_id_and_a_file_in_the_folder(world: AirflowWorld, name: str) -> None:
    native_id = world.create(name).native_id
    assert world.zip(native_id).resolve().parent == world.dags.resolve()
    assert len(native_id) <= 250
    assert native_id.replace("-", "").replace(".", "").replace("_", "").isalnum()
    assert native_id.isascii()
    world.orchestrator().delete(native_id)


@pytest.mark.parametrize(
    "given",
    [
        {"cron": "*/15 8-17 * * MON-FRI"},
        {"cron": "0 3 * * *", "timezone": "Asia/Kolkata"},
        {"cron": "0 3 * * *", "start_time": SOON.isoformat(), "end_time": "2100-01-01T00:00:00Z"},
        {"cron": "0 3 * * *", "start_time": PAST.isoformat(), "catchup": True},
        {"interval": 6 * 3600, "start_time": PAST.replace(second=0).isoformat()},
        {"interval": 5400, "start_time": PAST.isoformat(), "catchup": True},
        {"run_once_at": SOON.isoformat()},
    ],
    ids=lambda given: "-".join(given),
)
@pytest.mark.parametrize("paused", [False, True])
def test_what_is_read_is_what_was_asked(
    world: AirflowWorld, given: dict[str, Any], paused: bool
) -> None:
    asked = wanted(paused=paused, **given)
    assert AirflowOrchestrator.check(asked) == []
    name = world.create(cadence=given, paused=paused).native_id
    orchestrator = world.orchestrator()
    for _ in range(2):
        found = orchestrator.read(name)
        assert found is not None
        assert differences(orchestrator, asked, found) == []
        assert not found.ended
        assert [found] == list(orchestrator.list_all())
        before = world.zip(name).read_bytes()
        orchestrator.set_paused(name, not paused)
        turned = orchestrator.read(name)
        assert turned is not None
        assert turned.paused is not paused
        assert same_cadence(orchestrator, asked.cadence, turned)
        assert world.zip(name).read_bytes() != before
        orchestrator.set_paused(name, paused)
    orchestrator.delete(name)


# --- refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "property"),
    [
        ({"cron": "0 3 * * *", "timezone": "Europe/Berlin"}, "timezone"),
        ({"interval": 5400, "start_time": PAST.isoformat()}, "interval"),
    ],
)
def test_what_airflow_cannot_do_exactly_is_refused(given: dict[str, Any], property: str) -> None:
    problems = AirflowOrchestrator.check(wanted(**given))
    assert [problem.property for problem in problems] == [property]
    assert isinstance(problems[0], CannotExpressError)
    assert problems[0].alternatives


@pytest.mark.parametrize(
    "settings", [{"max_active_runs": 0}, {"retries": 3}, {"max_active_runs": "1"}]
)
def test_settings_that_airflow_would_choke_on_are_refused(settings: dict[str, Any]) -> None:
    problems = AirflowOrchestrator.check(wanted(settings=settings))
    assert [problem.property for problem in problems] == ["orchestrator_settings"]


def test_verify_looks_at_the_folder_and_changes_nothing(
    world: AirflowWorld, tmp_path: Path
) -> None:
    world.orchestrator(dag_output_dir=str(tmp_path / "a" / "b")).verify(wanted())
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(ServiceError, match="is not a folder"):
        world.orchestrator(dag_output_dir=str(tmp_path / "file")).verify(wanted())
    with pytest.raises(ServiceError, match="write to the DAG folder /proc/dags"):
        world.orchestrator(dag_output_dir="/proc/dags").verify(wanted())


def test_a_component_that_is_not_local_needs_a_folder(world: AirflowWorld) -> None:
    orchestrator = world.orchestrator()
    orchestrator.target.component.configuration.update(local=False, dag_output_dir=None)
    with pytest.raises(ServiceError, match="has no `dag_output_dir`"):
        orchestrator.verify(wanted())


def test_without_an_api_there_is_no_trigger_and_no_history(
    made: tuple[AirflowOrchestrator, str],
) -> None:
    orchestrator, name = made
    with pytest.raises(CannotExpressError, match="api_url"):
        orchestrator.trigger(name)
    assert orchestrator.runs(name) == []


# --- pause, resume, change ---------------------------------------------------------------------


def test_a_paused_zip_cannot_fire_and_a_resumed_one_begins_anew(
    world: AirflowWorld, made: tuple[AirflowOrchestrator, str]
) -> None:
    orchestrator, name = made
    orchestrator.set_paused(name, True)
    assert world.config(name)["schedule"] == INERT
    world.edit(name, start_date="2026-01-01T00:00:00+00:00")
    resumed_at = datetime.now(UTC)
    orchestrator.set_paused(name, False)
    assert world.config(name)["schedule"] == "0 3 * * *"
    assert start_date(world, name) >= resumed_at


def test_a_resume_with_catch_up_goes_on_from_where_it_was(world: AirflowWorld) -> None:
    given = {"cron": "0 3 * * *", "start_time": PAST.isoformat(), "catchup": True}
    name = world.create(cadence=given).native_id
    orchestrator = world.orchestrator()
    for paused in (True, False):
        orchestrator.set_paused(name, paused)
    assert start_date(world, name) == PAST
    assert world.config(name)["catchup"] is True
    orchestrator.delete(name)


def test_a_run_once_that_passed_while_paused_is_over(world: AirflowWorld) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    name = world.create(cadence={"run_once_at": at.isoformat()}, paused=True).native_id
    orchestrator = world.orchestrator()
    while datetime.now(UTC) <= at:
        time.sleep(0.2)
    orchestrator.set_paused(name, False)
    found = orchestrator.read(name)
    assert found is not None
    assert (found.paused, found.ended) == (False, True)
    assert found.cadence == cadence(run_once_at=at.isoformat())
    assert world.config(name)["schedule"] == INERT
    orchestrator.delete(name)


def test_a_second_shape_moves_nothing(
    world: AirflowWorld, made: tuple[AirflowOrchestrator, str]
) -> None:
    orchestrator, name = made
    before = world.config(name)
    found = orchestrator.read(name)
    assert found is not None
    time.sleep(1.1)
    assert orchestrator.shape(found, wanted()) == found
    assert world.config(name) == before


def test_settings_come_and_go_and_leave_what_the_pipeline_had(
    world: AirflowWorld, made: tuple[AirflowOrchestrator, str]
) -> None:
    orchestrator, name = made
    world.edit(name, dag_args={"max_active_runs": 16, "description": "theirs"}, tags=["theirs"])
    found = orchestrator.read(name)
    assert found is not None
    before = start_date(world, name)
    settings = {"max_active_runs": 2.0, "max_active_tasks": 1}
    changed = orchestrator.shape(found, wanted(settings=settings, owner="other/prod/x"))
    assert changed.settings == settings
    assert changed.owner == "other/prod/x"
    config = world.config(name)
    assert config["dag_args"] == {
        "max_active_runs": 2,
        "max_active_tasks": 1,
        "description": "theirs",
    }
    assert config["tags"] == ["theirs", "pulumi-zenml", "owner:other/prod/x"]
    world.edit(name, dag_args={**config["dag_args"], "max_active_runs": 7})
    edited = orchestrator.read(name)
    assert edited is not None
    assert edited.settings["max_active_runs"] == 7
    assert orchestrator.shape(edited, wanted()).settings == {}
    config = world.config(name)
    assert config["dag_args"] == {"max_active_runs": 16, "description": "theirs"}
    assert start_date(world, name) == before


def test_a_long_owner_is_kept_but_is_no_tag(
    world: AirflowWorld, made: tuple[AirflowOrchestrator, str]
) -> None:
    """Airflow refuses tags of more than 100 characters."""
    orchestrator, name = made
    found = orchestrator.read(name)
    assert found is not None
    owner = f"project/stack/{'x' * 100}"
    assert orchestrator.shape(found, wanted(owner=owner)).owner == owner
    assert world.config(name)["tags"] == ["pulumi-zenml"]


# --- what others did ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ({"schedule": "5 4 * * *"}, "it fires '5 4 * * *'"),
        ({"schedule": "5 4 * * 1#2"}, "it fires '5 4 * * 1#2'"),
        ({"catchup": True}, "it fires"),
        ({"end_date": "2100-01-01T00:00:00+00:00"}, "until 2100"),
        ({"start_date": "2099-01-01T00:00:00+00:00"}, "from 2099"),
        ({"id": "another"}, "contains the DAG 'another'"),
    ],
)
def test_an_edit_by_hand_is_seen(
    world: AirflowWorld,
    made: tuple[AirflowOrchestrator, str],
    edit: dict[str, Any],
    expected: str,
) -> None:
    orchestrator, name = made
    world.edit(name, **edit)
    found = orchestrator.read(name)
    assert found is not None
    assert expected in "; ".join(differences(orchestrator, wanted(), found))
    assert not found.paused


def test_a_paused_zip_that_was_made_to_fire_by_hand_is_not_paused(
    world: AirflowWorld, made: tuple[AirflowOrchestrator, str]
) -> None:
    orchestrator, name = made
    orchestrator.set_paused(name, True)
    world.edit(name, schedule="5 4 * * *")
    found = orchestrator.read(name)
    assert found is not None
    assert not found.paused
    assert found.cadence is not None
    assert found.cadence.cron == "5 4 * * *"


def test_a_dag_that_zenml_wrote_alone_is_listed_and_taken_over(
    world: AirflowWorld, made: tuple[AirflowOrchestrator, str]
) -> None:
    orchestrator, name = made
    with zipfile.ZipFile(world.zip(name)) as archive:
        files = {file: archive.read(file) for file in ("dag.py", "config.json")}
    config = json.loads(files["config.json"])
    config.update(id="theirs_1", start_date="2026-01-01T00:00:00.123456", tags=["theirs"])
    write_zip(world.zip("theirs_1"), {**files, "config.json": json.dumps(config).encode()})
    (found,) = (it for it in orchestrator.list_all() if it.native_id == "theirs_1")
    assert found.owner is None
    assert found.snapshot_id is not None
    assert same_cadence(orchestrator, cadence(), found)
    orchestrator.set_paused("theirs_1", True)
    orchestrator.set_paused("theirs_1", False)
    again = orchestrator.read("theirs_1")
    assert again is not None
    assert (again.owner, again.paused) == (None, False)
    taken = orchestrator.shape(again, wanted())
    assert differences(orchestrator, wanted(), taken) == []
    assert taken.owner == "tests/dev/nightly"
    assert world.config("theirs_1")["tags"][0] == "theirs"
    orchestrator.delete("theirs_1")


def test_foreign_files_are_left_out_and_broken_ones_are_named(
    world: AirflowWorld, made: tuple[AirflowOrchestrator, str]
) -> None:
    orchestrator, name = made
    foreign = {
        "packaged.zip": b"",
        "broken.zip": b"PK\x03\x04 no zip",
        "halved.zip": world.zip(name).read_bytes()[:-40],
        "plain.py": b"import airflow",
    }
    for file, content in foreign.items():
        (world.dags / file).write_bytes(content)
    write_zip(world.dags / "packaged.zip", {"their_dag.py": b"import airflow"})
    write_zip(world.dags / "odd.zip", {"dag.py": b"", "config.json": b"[]"})
    found = {it.native_id: it for it in orchestrator.list_all()}
    assert set(found) == {name, "broken", "halved", "odd"}
    for broken in ("broken", "halved", "odd"):
        assert found[broken].problem
        assert found[broken].snapshot_id is None
        assert found[broken] == orchestrator.read(broken)
    assert orchestrator.read("packaged") is None
    for file in [*foreign, "odd.zip"]:
        (world.dags / file).unlink()


def test_a_zip_that_is_gone_is_gone(
    world: AirflowWorld, made: tuple[AirflowOrchestrator, str]
) -> None:
    orchestrator, name = made
    found = orchestrator.read(name)
    assert found is not None
    assert found.snapshot_id is not None
    world.zip(name).unlink()
    assert orchestrator.read(name) is None
    assert list(orchestrator.list_all()) == []
    assert orchestrator.locate(found.snapshot_id, {}) is None
    with pytest.raises(NotFoundError, match=name):
        orchestrator.set_paused(name, True)
    with pytest.raises(NotFoundError, match=name):
        orchestrator.shape(found, wanted())
    orchestrator.delete(name)


def test_no_secret_of_a_zip_is_shown(
    world: AirflowWorld, made: tuple[AirflowOrchestrator, str]
) -> None:
    orchestrator, name = made
    tasks = world.config(name)["tasks"]
    tasks[0]["environment"]["ZENML_STORE_API_TOKEN"] = "eyJ-very-secret"
    world.edit(name, tasks=tasks)
    dag = DagZip.parse(world.zip(name).read_bytes())
    assert dag is not None
    assert dag.scrub("KeyError: 'eyJ-very-secret'") == "KeyError: '***'"
    assert "eyJ-very-secret" not in repr(orchestrator.read(name))


# --- leftovers and atomicity -------------------------------------------------------------------


def test_what_a_killed_process_left_is_swept(world: AirflowWorld) -> None:
    staged = world.create("left", shape=False)
    orchestrator = world.orchestrator()
    left = staged.staging / f"{staged.native_id}.zip"
    part = world.dags / "old.zip.pulumi-zenml.part"
    part.touch()
    orchestrator.submission(wanted())
    assert left.exists()
    assert part.exists()
    hours_ago = time.time() - 2 * 3600
    for path in (left, part):
        os.utime(path, (hours_ago, hours_ago))
    orchestrator.submission(wanted())
    assert not left.exists()
    assert not part.exists()


def test_deleting_what_is_only_staged_removes_it(world: AirflowWorld) -> None:
    staged = world.create("left", shape=False)
    world.orchestrator().delete(staged.native_id)
    assert list(staged.staging.iterdir()) == []


def test_a_reader_never_sees_half_a_zip(
    world: AirflowWorld, made: tuple[AirflowOrchestrator, str]
) -> None:
    """Airflow takes any whole zip for a DAG file, also one that is just being written."""
    orchestrator, name = made
    stop = threading.Event()
    seen: list[str] = []
    whole = threading.Event()

    def read() -> None:
        while not stop.is_set():
            for path in world.dags.iterdir():
                try:
                    data = path.read_bytes()
                except FileNotFoundError:
                    continue
                if path.suffix == ".zip" and not DagZip.parse(data):
                    seen.append(f"{path.name} without its files")
                elif path.suffix == ".zip":
                    whole.set()

    reader = threading.Thread(target=read)
    reader.start()
    for paused in (True, False) * 15:
        orchestrator.set_paused(name, paused)
    stop.set()
    reader.join()
    assert whole.is_set()
    assert seen == []
    assert [path.name for path in world.dags.iterdir()] == [f"{name}.zip"]


def test_a_part_is_no_zip_until_it_is_whole(
    world: AirflowWorld, made: tuple[AirflowOrchestrator, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    orchestrator, name = made
    before = world.zip(name).read_bytes()
    parts: list[bool] = []

    def fails(_: int) -> None:
        (part,) = world.dags.glob("*.part")
        parts.append(part.stat().st_size > 0 and zipfile.is_zipfile(part))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(ServiceError, match="No space left"):
        orchestrator.set_paused(name, True)
    assert parts == [False]
    assert world.zip(name).read_bytes() == before
    assert list(world.dags.glob("*.part")) == []


def test_the_mode_of_a_zip_is_kept(
    world: AirflowWorld, made: tuple[AirflowOrchestrator, str]
) -> None:
    orchestrator, name = made
    world.zip(name).chmod(0o640)
    orchestrator.set_paused(name, True)
    assert world.zip(name).stat().st_mode & 0o777 == 0o640


def test_nothing_heavy_is_imported_with_the_module() -> None:
    code = (
        "import sys, pulumi_zenml.orchestrators.airflow\n"
        "print([name for name in ('zenml', 'httpx', 'tenacity', 'pulumi') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
