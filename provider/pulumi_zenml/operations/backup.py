"""A backup: everything that is needed to recreate schedules. No secrets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.errors import BackupError
from pulumi_zenml.json_types import Json
from pulumi_zenml.operations.audit_state import write_private
from pulumi_zenml.operations.entry import Entry, LinkedCounterpart

FORMAT = "pulumi-zenml-backup"
VERSION = 1


@dataclass(frozen=True)
class BackupItem:
    """One schedule as it was.

    Args:
        name: the record's name; for a counterpart without record, its pipeline and native id.
        project, stack, orchestrator, flavor, pipeline: names; ``project_id`` and
            ``orchestrator_id`` are ZenML's ids.
        pipeline_id: ZenML's id; empty when not known.
        snapshot: id of the snapshot that was submitted; empty when it was deleted.
        reference, source: the snapshot as the resource named it, and the id it resolved to.
        cadence: when it fired; ``None`` when it could not be read.
        native_cadence: the same as its orchestrator spelled it.
        cron: the record's cron, verbatim.
        settings: ``orchestrator_settings``.
        paused: whether the counterpart was paused.
        active: whether the record was active.
        owner: the mark of the Pulumi resource that owned it; empty for none.
        native_id, record_id: of each side; empty for a side that was missing.
    """

    name: str
    project: str
    project_id: str
    stack: str
    orchestrator: str
    orchestrator_id: str
    flavor: str
    pipeline: str
    pipeline_id: str
    snapshot: str
    reference: str
    source: str
    cadence: Cadence | None
    native_cadence: str
    cron: str
    settings: Mapping[str, Json] = field(default_factory=dict)
    paused: bool = False
    active: bool = False
    owner: str = ""
    native_id: str = ""
    record_id: str = ""


@dataclass(frozen=True)
class Backup:
    """What one cleanup removed.

    Args:
        created: when, ISO 8601 in UTC.
        items: one for each schedule.
    """

    created: str
    items: tuple[BackupItem, ...]


def to_item(entry: Entry, linked: LinkedCounterpart | None, *, with_record: bool) -> BackupItem:
    """One schedule as it is.

    Args:
        entry: both sides.
        linked: the counterpart that will be deleted, if any.
        with_record: whether the record will be deleted too.
    """
    record = entry.record if with_record else None
    counterpart = linked.counterpart if linked else None
    component = linked.component if linked else entry.component
    snapshot = entry.snapshot
    runs = counterpart.snapshot_id if counterpart else snapshot.id if snapshot else ""
    known = snapshot is not None and snapshot.id == runs
    settings = counterpart.settings if counterpart else {}
    return BackupItem(
        name=record.name if record else _name_of(entry, linked),
        project=entry.project,
        project_id=entry.project_id,
        stack=entry.stack,
        orchestrator=component.name if component else "",
        orchestrator_id=component.id if component else "",
        flavor=component.flavor if component else "",
        pipeline=entry.pipeline,
        pipeline_id=(record and record.pipeline_id) or (snapshot.pipeline_id if snapshot else ""),
        snapshot=(runs or "") if known else "",
        reference=record.marker.reference if record else "",
        source=record.marker.source if record else "",
        cadence=_cadence(entry, linked),
        native_cadence=counterpart.native.text if counterpart else "",
        cron=(record and record.cron) or "",
        settings={key: value for key, value in settings.items() if value is not None},
        paused=counterpart.paused if counterpart else not (record and record.active),
        active=record.active if record else not (counterpart and counterpart.paused),
        owner=entry.owner_mark,
        native_id=counterpart.native_id if counterpart else "",
        record_id=record.id if record else "",
    )


def write_backup(path: Path, items: Sequence[BackupItem], now: datetime) -> Backup:
    """Write a backup that only the user can read, atomically.

    Raises:
        BackupError: it cannot be written, or the file exists.
    """
    if path.exists():
        raise BackupError(f"'{path}' exists already. Name another file with --backup.")
    rows = [_plain(item) for item in items]
    created = now.astimezone(UTC).isoformat(timespec="seconds")
    body = {
        "format": FORMAT,
        "version": VERSION,
        "created": created,
        "digest": _digest(rows),
        "items": rows,
    }
    try:
        write_private(path, json.dumps(body, indent=2) + "\n")
    except OSError as error:
        raise BackupError(f"'{path}' cannot be written ({error}); nothing was changed.") from error
    return Backup(created, tuple(items))


def read_backup(path: Path) -> Backup:
    """Read a backup.

    Raises:
        BackupError: it cannot be read, is not a backup, is of another version, or is incomplete.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"'{path}' cannot be read: {error}.") from error
    try:
        loaded = json.loads(text)
    except json.JSONDecodeError as error:
        raise BackupError(
            f"'{path}' is truncated or not a backup: it is not JSON from line {error.lineno} on. "
            "Nothing was restored."
        ) from error
    if not isinstance(loaded, dict) or loaded.get("format") != FORMAT:
        raise BackupError(f"'{path}' is not a backup of pulumi-zenml.")
    if loaded.get("version") != VERSION:
        raise BackupError(
            f"'{path}' is a backup of version {loaded.get('version')!r}, and this pulumi-zenml "
            f"reads version {VERSION}. Restore it with the release that wrote it."
        )
    rows = loaded.get("items")
    if not isinstance(rows, list) or loaded.get("digest") != _digest(rows):
        raise BackupError(
            f"'{path}' is damaged: its items do not match its digest. It was truncated or "
            "edited; nothing was restored."
        )
    try:
        return Backup(loaded["created"], tuple(_to_item(row) for row in rows))
    except (KeyError, TypeError, ValueError) as error:
        raise BackupError(f"'{path}' has invalid items: {error}.") from error


def _name_of(entry: Entry, linked: LinkedCounterpart | None) -> str:
    native_id = linked.counterpart.native_id if linked else entry.native_id
    tail = native_id.rpartition("/")[2]
    return f"{entry.pipeline}-{tail}" if entry.pipeline and entry.pipeline not in tail else tail


def _cadence(entry: Entry, linked: LinkedCounterpart | None) -> Cadence | None:
    real = linked.counterpart.cadence if linked else None
    return real or (entry.record.cadence if entry.record else None)


def _plain(item: BackupItem) -> dict[str, Any]:
    cadence = item.cadence
    times = None
    if cadence:
        times = {
            **asdict(cadence),
            "interval": cadence.interval.total_seconds() if cadence.interval else None,
            **{
                key: value.isoformat() if value else None
                for key, value in _instants(cadence).items()
            },
        }
    return {**vars(item), "settings": dict(item.settings), "cadence": times}


def _instants(cadence: Cadence) -> dict[str, datetime | None]:
    keys = ("run_once_at", "start_time", "end_time")
    return {key: getattr(cadence, key) for key in keys}


def _to_item(row: Mapping[str, Any]) -> BackupItem:
    times = row["cadence"]
    if times is None:
        return BackupItem(**{**row, "cadence": None})
    interval = times["interval"]
    instants = {
        key: datetime.fromisoformat(times[key]) if times[key] else None
        for key in ("run_once_at", "start_time", "end_time")
    }
    seconds = timedelta(seconds=interval) if interval is not None else None
    cadence = Cadence(**{**times, **instants, "interval": seconds})
    return BackupItem(**{**row, "cadence": cadence})


def _digest(rows: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
