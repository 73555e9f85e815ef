"""What tests of operations do to ZenML by hand, in a process of its own.

Called through `testbed.snapshots.ZenmlClient.call`; everything returned is plain data.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from unittest import mock
from uuid import UUID, uuid4

from pulumi_zenml.cadence import fires_between, make_cadence
from pulumi_zenml.identity import Owner, mark_name
from pulumi_zenml.json_types import Json
from pulumi_zenml.lifecycle.pairs import Pairs
from pulumi_zenml.lifecycle.session import Session
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.orchestrators.counterpart import Wanted
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.records import Marker
from pulumi_zenml.zenml.submission import Submission, schedule_snapshot, submit
from testbed.zenml_store import client

if TYPE_CHECKING:
    from sqlalchemy import Connection as Database
    from sqlalchemy import Engine

ORCHESTRATORS_VARIABLE = "PULUMI_ZENML_ORCHESTRATORS"
KEY = "0123456789ab"
"""The ownership key of the stack that owns what tests make as managed."""
DATABASE_VARIABLE = "OPERATIONS_DATABASE"

Status = Literal["completed", "failed", "running"]
"""How a run ended, or that it goes on."""

Value = str | bool | None
"""What a column takes."""


@dataclass(frozen=True)
class Made:
    """A pair that was made.

    Attributes:
        name: The record's name.
        record: The record's id.
        native: The counterpart's native id; empty if only the record was made.
        snapshot: The id of the scheduled snapshot; empty if only the record was made.
    """

    name: str
    record: str
    native: str = ""
    snapshot: str = ""


def managed(
    name: str,
    owner: str,
    *,
    cron: str,
    stack: str = "one",
    snapshot: str = "training:v1",
    timezone: str = "Europe/Berlin",
    paused: bool = False,
    **settings: Json,
) -> Made:
    """A pair as a Pulumi resource makes it."""
    cadence = make_cadence(cron=cron, timezone=timezone)
    spec = ScheduleSpec(
        Owner(KEY, owner),
        name,
        stack,
        cadence,
        snapshot,
        paused=paused,
        orchestrator_settings=settings,
    )
    pair = Pairs(Session(_connection())).create(spec)
    assert pair.record and pair.counterpart
    return Made(name, pair.record.id, pair.counterpart.native_id, pair.record.marker.snapshot)


def unmanaged(
    name: str,
    *,
    cron: str,
    stack: str = "one",
    snapshot: str = "training:v1",
    end_time: datetime | None = None,
    submitted: bool = True,
) -> Made:
    """A pair as ZenML itself makes it, without any mark of ours; or only its record."""
    from zenml.models import ScheduleRequest

    session = Session(_connection())
    source = session.snapshot(snapshot)
    orchestrator = session.orchestrator(stack)
    schedule = session.client.zen_store.create_schedule(
        ScheduleRequest(
            project=session.project_id,
            name=name,
            active=True,
            cron_expression=cron,
            end_time=end_time,
            orchestrator_id=orchestrator.target.component.id,
            pipeline_id=source.pipeline.id,
        )
    )
    if not submitted:
        return Made(name, str(schedule.id))
    of_stack = session.stack(stack)
    made = schedule_snapshot(
        source, stack=of_stack, schedule_id=schedule.id, flavor=orchestrator.flavor, settings={}
    )
    # ZenML's own code shown the cron as it is, signed in as our side signs it in.
    ours = orchestrator.submission(Wanted(name, "", make_cadence(cron=cron)))
    submission = Submission(cron_expression=cron, around=ours.around, source_root=ours.source_root)
    submit(made, stack=of_stack, submission=submission, name=name)
    found = orchestrator.locate(str(made.id), {})
    assert found
    return Made(name, str(schedule.id), found.native_id, str(made.id))


def claim(record_id: str, native_id: str) -> None:
    """Write on a record that it has this counterpart."""
    records = Session(_connection()).records
    record = records.get(record_id)
    assert record
    records.mark(record, Marker(native_id=native_id))


def delete_pair(record_id: str, native_id: str) -> None:
    """Delete a pair as a resource with that state does."""
    session = Session(_connection())
    component = str(session.orchestrator("one").target.component.id)
    Pairs(session).delete(record_id, native_id=native_id, orchestrator_id=component)


def note(record_id: str, key: str, value: str) -> None:
    """Write into a record's metadata."""
    records = Session(_connection()).records
    record = records.get(record_id)
    assert record
    records.note(record, key, value)


def half_made(owner: str, *, stack: str = "one", snapshot: str = "training:v1") -> str:
    """What a killed `pulumi up` leaves: a record under its staged name."""
    session = Session(_connection())
    whose = Owner(KEY, owner)
    record = session.records.create(
        mark_name("daily-half-prod", "new", whose),
        make_cadence(cron="0 3 * * *"),
        Marker(owner=whose.text, name="daily-half-prod"),
        pipeline_id=str(session.snapshot(snapshot).pipeline.id),
        orchestrator_id=str(session.orchestrator(stack).target.component.id),
    )
    age(record.id, hours=2)
    return record.name


def age(record_id: str, *, hours: float) -> None:
    """Have a record made, and last changed, so long ago."""
    when = _sql(datetime.now(UTC) - timedelta(hours=hours))
    _execute(
        "update schedule set created = :when, updated = :when where id = :id",
        when=when,
        id=UUID(record_id).hex,
    )


def set_column(record_id: str, column: str, value: Value) -> None:
    """Change a record behind ZenML's back."""
    _execute(
        f"update schedule set {column} = :value where id = :id", value=value, id=_hex(record_id)
    )


def move(made: Made, project: str) -> None:
    """Have a schedule belong to another project."""
    id = client().get_project(project).id.hex
    _execute("update schedule set project_id = :p where id = :id", p=id, id=_hex(made.record))
    snapshot = _hex(made.snapshot)
    _execute("update pipeline_snapshot set project_id = :p where id = :id", p=id, id=snapshot)


def rename(record_id: str, name: str) -> None:
    """Give a record a name that ZenML itself would take."""
    set_column(record_id, "name", name)


def run(
    snapshot_id: str,
    started: datetime,
    status: Status = "completed",
    *,
    minutes: int = 5,
    native: str = "",
) -> str:
    """A run of a scheduled snapshot, as if it had been started then."""
    from zenml.enums import ExecutionStatus
    from zenml.models import PipelineRunRequest

    here = client()
    request = PipelineRunRequest(
        name=f"run-{uuid4().hex[:8]}",
        project=here.active_project.id,
        snapshot=UUID(snapshot_id),
        status=ExecutionStatus.RUNNING,
        orchestrator_run_id=native or None,
    )
    made, _ = here.zen_store.get_or_create_run(request)
    # ZenML would ask the run's steps; there are none.
    end = _sql(started + timedelta(minutes=minutes)) if status != "running" else None
    _execute(
        "update pipeline_run set created = :begin, start_time = :begin, end_time = :end, "
        "status = :status, in_progress = :open where id = :id",
        begin=_sql(started),
        end=end,
        status=status,
        open=end is None,
        id=made.id.hex,
    )
    return made.name


def due(cron: str, hours: float, *, timezone: str = "UTC") -> list[datetime]:
    """When a cron fired during the last hours."""
    now = datetime.now(UTC)
    cadence = make_cadence(cron=cron, timezone=timezone)
    return list(fires_between(cadence, now - timedelta(hours=hours), now))


def expire_credentials(component: str, *, hours: float) -> None:
    """A service connector for a component, whose credentials run out in so many hours."""
    from zenml.models import ServiceConnectorResponse

    here = client()
    connector, _ = here.create_service_connector(
        name=f"connector-{component}",
        connector_type="docker",
        auth_method="password",
        configuration={"username": "someone", "password": "not-a-real-one"},
        verify=False,
        list_resources=False,
        expires_at=datetime.now(UTC) + timedelta(hours=hours),
    )
    assert isinstance(connector, ServiceConnectorResponse)
    _execute(
        "update stack_component set connector_id = :id "
        "where name = :name and type = 'orchestrator'",
        id=connector.id.hex,
        name=component,
    )


def forget_credentials() -> None:
    """Remove every service connector."""
    _execute("update stack_component set connector_id = null")
    here = client()
    for connector in here.list_service_connectors().items:
        here.delete_service_connector(connector.id)


def stack_with_alerter(name: str, *, like: str, file: str) -> None:
    """A stack as another one, with an alerter that writes into a file."""
    from zenml.enums import StackComponentType

    here = client()
    source = "zenml_filecron.alerter.FileAlerterFlavor"
    here.create_flavor(source=source, component_type=StackComponentType.ALERTER)
    here.create_stack_component(
        name=name,
        flavor="file",
        component_type=StackComponentType.ALERTER,
        configuration={"file": file},
    )
    parts = {kind: found[0].id for kind, found in here.get_stack(like).components.items()}
    here.create_stack(name, {**parts, StackComponentType.ALERTER: name})


def delete_stack_with_alerter(name: str) -> None:
    """Remove what :func:`stack_with_alerter` made."""
    from zenml.enums import StackComponentType

    here = client()
    here.delete_stack(name)
    here.delete_stack_component(name, StackComponentType.ALERTER)
    here.delete_flavor("file")


def break_stack(name: str) -> None:
    """Take a stack's artifact store away behind ZenML's back."""
    store = "select id from stack_component where type = 'artifact_store'"
    _execute(
        f"delete from stack_composition where component_id in ({store}) "
        "and stack_id in (select id from stack where name = :name)",
        name=name,
    )


def delete_whole_stack(name: str) -> None:
    """Remove a stack and the components that bear its name."""
    from zenml.enums import StackComponentType

    here = client()
    here.delete_stack(name)
    for kind in ("orchestrator", "container_registry", "image_builder"):
        here.delete_stack_component(name, StackComponentType(kind))


def delete_all() -> None:
    """Remove every record, run and unnamed snapshot."""
    _execute("delete from pipeline_run")
    _execute("delete from schedule")
    _execute("delete from pipeline_snapshot where name is null")


def copies(snapshot_id: str, folder: Path, count: int) -> None:
    """So many more schedules like the one of this snapshot, on both sides."""
    schedule = _one(
        "select schedule_id from pipeline_snapshot where id = :id", id=_hex(snapshot_id)
    )
    with _engine().begin() as database:
        for number in range(count):
            new_schedule, new_snapshot = uuid4().hex, uuid4().hex
            changed = {"name": f"daily-copy{number}-prod"}
            _copy(database, "schedule", schedule, new_schedule, changed)
            changed = {"schedule_id": new_schedule}
            _copy(database, "pipeline_snapshot", _hex(snapshot_id), new_snapshot, changed)
            minute, hour = number % 60, number // 60 % 24
            cron = f"{minute} {hour} * * *"
            _execute_in(
                database,
                "update schedule set cron_expression = :cron where id = :id",
                cron=cron,
                id=new_schedule,
            )
            body = {
                "schedule": cron,
                "timeZone": "UTC",
                "paused": False,
                "snapshot_id": str(UUID(new_snapshot)),
                "pipeline": "training",
            }
            (folder / f"copy-{number}.json").write_text(json.dumps(body))


def count_calls(what: Literal["list", "audit", "report"]) -> dict[str, int]:
    """How often ZenML and the orchestrators are called by a listing, an audit or a report."""
    from zenml_filecron.pulumi import FileCronOrchestrator

    from pulumi_zenml.operations import build_report, list_schedules, run_audit, take_inventory

    calls: Counter[str] = Counter()
    store = type(client().zen_store)
    patched: list[tuple[type, str]] = [
        (store, it)
        for it in dir(store)
        # Each of these is a request to a server; the two are helpers of the local store.
        if it.startswith(("list_", "get_")) and it not in ("get_store_info", "get_type")
    ]
    patched += [(FileCronOrchestrator, it) for it in ("list_all", "read", "locate", "runs")]

    def counted(name: str, method: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            calls[name] += 1
            return method(*args, **kwargs)

        return call

    with ExitStack() as stack:
        for owner, name in patched:
            method = counted(name, getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, method))
        if what == "list":
            list_schedules(take_inventory(Connection()))
        elif what == "report":
            build_report(Connection())
        else:
            run_audit(Connection())
    return dict(calls)


def audit_as_json() -> str:
    """What an audit finds, as its result is written."""
    from pulumi_zenml.operations import run_audit

    return run_audit(Connection()).to_json()


def _connection() -> Connection:
    return Connection(orchestrators=json.loads(os.environ.get(ORCHESTRATORS_VARIABLE, "{}")))


def _engine() -> Engine:
    """ZenML's database: the local store's, or that of a server on this machine."""
    from sqlalchemy import create_engine
    from zenml.zen_stores.sql_zen_store import SqlZenStore

    if path := os.environ.get(DATABASE_VARIABLE):
        return create_engine(f"sqlite:///{path}")
    store = client().zen_store
    assert isinstance(store, SqlZenStore)
    return store.engine


def _copy(database: Database, table: str, old: str, new: str, changed: Mapping[str, str]) -> None:
    from sqlalchemy import text

    found = database.execute(text(f"pragma table_info({table})"))
    columns = [str(row[1]) for row in found if row[1] != "id"]
    quoted = ", ".join(f'"{it}"' for it in columns)
    values = ", ".join(f":{it}" if it in changed else f'"{it}"' for it in columns)
    _execute_in(
        database,
        f"insert into {table} (id, {quoted}) select :new, {values} from {table} where id = :old",
        new=new,
        old=old,
        **changed,
    )


def _one(statement: str, **values: Value) -> str:
    from sqlalchemy import text

    with _engine().connect() as database:
        return str(database.execute(text(statement), values).scalar_one())


def _execute(statement: str, **values: Value) -> None:
    with _engine().begin() as database:
        _execute_in(database, statement, **values)


def _execute_in(database: Database, statement: str, **values: Value) -> None:
    from sqlalchemy import text

    database.execute(text(statement), values)


def _hex(id: str) -> str:
    return UUID(id).hex


def _sql(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
