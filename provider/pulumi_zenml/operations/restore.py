"""Recreating what a backup contains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pulumi_zenml.cadence import next_fires
from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.errors import BackupError, PulumiZenmlError
from pulumi_zenml.identity import NOBODY, mark_name, read_owner
from pulumi_zenml.lifecycle.pair import Pair
from pulumi_zenml.lifecycle.pairs import Pairs
from pulumi_zenml.lifecycle.ports import Zenml
from pulumi_zenml.lifecycle.running import Policy
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.operations.backup import Backup, BackupItem
from pulumi_zenml.operations.inventory import OnProgress
from pulumi_zenml.operations.lock import change_lock
from pulumi_zenml.operations.ports import Reader
from pulumi_zenml.operations.zenml_listing import ZenmlReader
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.records import Marker

RestoreOutcome = Literal["restored", "already there", "failed", "would restore"]


@dataclass(frozen=True)
class RestoreResult:
    """The result of one item of a backup.

    Args:
        item: the item.
        outcome: what was done.
        differs: the differences to the original, in words; for ``failed``, why.
    """

    item: BackupItem
    outcome: RestoreOutcome
    differs: tuple[str, ...] = ()


def restore(
    connection: Connection,
    backup: Backup,
    *,
    dry_run: bool = False,
    on_progress: OnProgress = lambda text: None,
) -> list[RestoreResult]:
    """Recreate what a backup contains: record, counterpart, cadence and paused state.

    A schedule whose name is taken is left unchanged, so a restore can be run again.

    Args:
        connection: where ZenML is.
        backup: what to recreate.
        dry_run: only report what would be done.
        on_progress: called with each step.

    Returns:
        The result of each item; a failed one does not stop the others.

    Raises:
        BusyError: another cleanup or restore is running.
        ServiceError: ZenML could not be read.
    """
    zenml: Reader = ZenmlReader(connection)
    projects = {row.id: row.name for row in zenml.projects()}
    results = []
    with change_lock(connection):
        for item in backup.items:
            on_progress(f"restoring {item.name}")
            try:
                session = zenml.session(_project(item, projects))
                results.append(_one(session, item, dry_run=dry_run))
            except PulumiZenmlError as error:
                results.append(RestoreResult(item, "failed", (str(error),)))
    return results


def _project(item: BackupItem, projects: dict[str, str]) -> str:
    if item.project_id in projects:
        return item.project_id
    same_name = [id for id, name in projects.items() if name == item.project]
    if not same_name:
        raise BackupError(f"there is no ZenML project '{item.project or 'unknown'}'.")
    return same_name[0]


def _one(session: Zenml, item: BackupItem, *, dry_run: bool) -> RestoreResult:
    if session.records.named(item.name):
        return RestoreResult(
            item, "already there", ("a schedule of that name exists; left unchanged",)
        )
    record_only = not item.native_id or _is_over(item.cadence)
    if not record_only and not item.snapshot:
        raise BackupError(
            "the snapshot that it ran was deleted from ZenML, so there is nothing to run."
        )
    if not record_only and not item.stack:
        raise BackupError("its stack was deleted from ZenML, so there is nowhere to run it.")
    if dry_run:
        what = "its record only" if record_only else "both sides"
        return RestoreResult(item, "would restore", (what,))
    if record_only:
        return RestoreResult(item, "restored", tuple(_make_record(session, item)))
    _remove_leftovers(session, item)
    assert item.cadence
    pair = Pairs(session).restore(
        ScheduleSpec(
            owner=read_owner(item.owner) or NOBODY,
            name=item.name,
            stack=item.stack,
            cadence=item.cadence,
            snapshot=item.snapshot,
            paused=item.paused,
            orchestrator_settings=item.settings,
        )
    )
    record = pair.record
    assert record
    record = session.records.mark(record, Marker(reference=item.reference, source=item.source))
    session.records.set_active(record, item.active)
    return RestoreResult(item, "restored", tuple(_differences(item, pair)))


def _make_record(session: Zenml, item: BackupItem) -> Iterator[str]:
    """Recreate a record by itself; yields the differences to the original."""
    if not item.pipeline_id or not item.orchestrator_id:
        raise BackupError(
            "its pipeline or its orchestrator is not known, so its record cannot be created."
        )
    session.require_pipeline(item.pipeline_id, item.pipeline)
    cadence = item.cadence or Cadence(cron=item.cron)
    marker = Marker(
        owner=item.owner,
        timezone=cadence.timezone,
        name=item.name,
        reference=item.reference,
        source=item.source,
        snapshot=item.snapshot,
    )
    record = session.records.create(
        mark_name(item.name, "new", read_owner(item.owner) or NOBODY),
        cadence,
        marker,
        pipeline_id=item.pipeline_id,
        orchestrator_id=item.orchestrator_id,
    )
    record = session.records.rename(record, item.name)
    session.records.set_active(record, item.active)
    yield f"record {record.id} instead of {item.record_id or 'none'}"
    if item.native_id:
        yield f"no counterpart instead of '{item.native_id}', which would never fire again"
    else:
        yield "no counterpart, as before: it does not run"


def _remove_leftovers(session: Zenml, item: BackupItem) -> None:
    """Remove what an interrupted restore left behind, which may fire."""
    if item.owner:
        return
    for record in session.records.all():
        name = record.unfinished
        unowned = name is not None and not name.key.strip("0") and record.owner is None
        if unowned and name and name.base == item.name[: len(name.base)]:
            Pairs(session).delete(
                record.id,
                native_id=record.marker.native_id,
                orchestrator_id=record.orchestrator_id or "",
                policy=Policy("ignore"),
            )


def _differences(item: BackupItem, pair: Pair) -> Iterator[str]:
    record, found, orchestrator = pair.record, pair.counterpart, pair.orchestrator
    assert record and found and orchestrator
    yield f"record {record.id} instead of {item.record_id or 'none'}"
    yield f"counterpart '{found.native_id}' instead of '{item.native_id}'"
    if found.native.text != item.native_cadence:
        yield f"it fires '{found.native.text}' instead of '{item.native_cadence}'"
    if str(orchestrator.target.component.id) != item.orchestrator_id:
        name = orchestrator.target.component.name
        yield f"it is in orchestrator '{name}' instead of '{item.orchestrator}'"
    for key in sorted({*found.settings, *item.settings}):
        now, before = found.settings.get(key), item.settings.get(key)
        if now != before:
            yield f"{key} is {now!r} instead of {before!r}"
    if item.owner:
        yield f"its owner is {item.owner}; run 'pulumi up --refresh' there"


def _is_over(cadence: Cadence | None) -> bool:
    return cadence is None or not next_fires(cadence, datetime.now(UTC), 1)
