"""Findings that come from comparing the two sides, without runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.operations import remedies
from pulumi_zenml.operations.entry import Entry, LinkedCounterpart
from pulumi_zenml.operations.findings import CODES, Finding, Severity
from pulumi_zenml.orchestrators.compare import same_cadence
from pulumi_zenml.zenml.records import Record

PAUSED_UNTIL = "pulumi_zenml_paused_until"
"""The key in a record's metadata under which ``pause --until`` writes an ISO instant."""

_BEING_MADE = timedelta(minutes=15)


def finding(
    entry: Entry,
    code: str,
    message: str,
    fix: str,
    *,
    linked: LinkedCounterpart | None = None,
    severity: Severity | None = None,
    **evidence: object,
) -> Finding:
    """A finding about one entry."""
    return Finding(
        code=code,
        message=message,
        fix=fix,
        schedule=entry.record.name if entry.record else "",
        stack=entry.stack,
        flavor=entry.flavor,
        native_id=linked.counterpart.native_id if linked else entry.native_id,
        project=entry.project,
        owner=entry.owner,
        evidence=evidence,
        severity=severity or CODES[code].severity,
    )


def check_sides(entry: Entry, now: datetime) -> Iterator[Finding]:
    """The findings of one entry by itself.

    Args:
        entry: both sides.
        now: the current time, aware.
    """
    if entry.record is None:
        yield _orphan(entry)
        yield from _broken_counterparts(entry)
        return
    if _is_half_made(entry.record, now):
        yield _half_made(entry)
        return
    yield from _broken_record(entry, entry.record)
    if entry.component is None:
        yield _orchestrator_gone(entry)
    elif entry.reachable and not entry.linked:
        yield from _without_counterpart(entry, entry.record, now)
    if entry.linked:
        yield from _both(entry, entry.record, now)


def is_over(entry: Entry, now: datetime) -> bool:
    """Whether it has ended: its last fire is past."""
    if entry.counterpart and entry.counterpart.ended:
        return True
    cadences = [it for it in (entry.record and entry.record.cadence, entry.cadence) if it]
    return any(_is_past(it, now) for it in cadences)


def cadence_differs(entry: Entry) -> bool:
    """Whether record and counterpart have different cadences."""
    record, orchestrator, counterpart = entry.record, entry.orchestrator, entry.counterpart
    if record is None or orchestrator is None or counterpart is None:
        return False
    if record.cadence is None:
        # ZenML passes a cron on verbatim, so an unmanaged row may hold its system's own spelling.
        return record.cron is None or record.cron not in counterpart.native.text
    return not same_cadence(orchestrator, _said(record, counterpart.cadence), counterpart)


def paused_differs(entry: Entry) -> bool:
    """Whether one side is paused and the other is not."""
    if entry.record is None or entry.counterpart is None:
        return False
    return entry.record.active == entry.counterpart.paused


def _said(record: Record, found: Cadence | None) -> Cadence:
    """A record's cadence; one without our marker has no time zone of its own."""
    assert record.cadence is not None
    if record.marker.timezone or found is None:
        return record.cadence
    return replace(record.cadence, timezone=found.timezone)


def _is_past(cadence: Cadence, now: datetime) -> bool:
    last = cadence.run_once_at or cadence.end_time
    return last is not None and last <= now


def _is_half_made(record: Record, now: datetime) -> bool:
    staged = record.unfinished is not None
    return staged and record.created is not None and now - record.created > _BEING_MADE


def _half_made(entry: Entry) -> Finding:
    counterpart = f", with counterpart '{entry.native_id}'" if entry.linked else ""
    return finding(
        entry,
        "half-made",
        f"an interrupted update left '{entry.name}' behind{counterpart}.",
        remedies.up_or_cleanup(entry),
    )


def _orphan(entry: Entry) -> Finding:
    (linked,) = entry.linked
    counterpart = linked.counterpart
    what = f"{_kind(linked)} '{counterpart.native_id}' in '{linked.component.name}'"
    doing = "is paused" if counterpart.paused else f"fires '{counterpart.native.text}'"
    fix = (
        remedies.up(entry.owner) if entry.owner else remedies.cleanup(entry, counterpart.native_id)
    )
    if entry.snapshot is None:
        said = "has neither its schedule nor its snapshot"
        return finding(
            entry,
            "unknown-counterpart",
            f"{what} {doing}, and this ZenML {said}. It may belong to another ZenML server, or to "
            "a project that you cannot see.",
            fix,
            snapshot=counterpart.snapshot_id,
        )
    deleted = "deleted its schedule" if entry.snapshot.schedule_archived else "has no schedule"
    return finding(
        entry,
        "counterpart-without-record",
        f"{what} {doing}, and ZenML {deleted} (snapshot {entry.snapshot.id} of pipeline "
        f"'{entry.pipeline}').",
        fix,
        snapshot=entry.snapshot.id,
    )


def _broken_record(entry: Entry, record: Record) -> Iterator[Finding]:
    known = entry.linked and not cadence_differs(entry)
    if record.cadence is None and not known:
        said = f"cron '{record.cron}' cannot be read" if record.cron else "it has no cadence"
        yield finding(
            entry,
            "broken-record",
            f"the record in ZenML is invalid: {said}.",
            remedies.up_or_cleanup(entry),
        )
    if entry.stack_gone:
        yield finding(
            entry,
            "stack-gone",
            "the stack that it was submitted to was deleted from ZenML, so its runs cannot start.",
            remedies.up_or_cleanup(entry),
        )


def _orchestrator_gone(entry: Entry) -> Finding:
    left = f" Its counterpart '{entry.native_id}' may still fire." if entry.native_id else ""
    return finding(
        entry,
        "orchestrator-gone",
        f"the orchestrator that it was submitted to was deleted from ZenML.{left}",
        remedies.command(
            "cleanup", "--apply", "--record-only", "--", entry.name, project=entry.project
        ),
        orchestrator_id=entry.record.orchestrator_id if entry.record else None,
    )


def _without_counterpart(entry: Entry, record: Record, now: datetime) -> Iterator[Finding]:
    if record.cadence and _is_past(record.cadence, now):
        if _lingers(entry):
            yield _past(entry)
        return
    if entry.shared_with:
        yield finding(
            entry,
            "shared-counterpart",
            f"the counterpart that it claims, '{entry.native_id}', belongs to "
            f"{_quoted(entry.shared_with)}, and it has no other.",
            remedies.up_or_cleanup(entry),
            others=list(entry.shared_with),
        )
        return
    remembered = f" '{entry.native_id}'" if entry.native_id else ""
    yield finding(
        entry,
        "record-without-counterpart",
        f"ZenML has a record, and '{entry.component and entry.component.name}' has no "
        f"counterpart{remembered}: it never runs.",
        remedies.up_or_cleanup(entry),
    )


def _both(entry: Entry, record: Record, now: datetime) -> Iterator[Finding]:
    yield from _links(entry)
    yield from _broken_counterparts(entry)
    yield from _stale(entry)
    if is_over(entry, now):
        if _lingers(entry):
            yield _past(entry)
        return
    counterpart, orchestrator = entry.counterpart, entry.orchestrator
    if counterpart and orchestrator and record.cadence and cadence_differs(entry):
        said = record.cron or record.cadence.run_once_at or record.cadence.interval
        zone = f" {record.marker.timezone}" if record.marker.timezone and record.cron else ""
        yield finding(
            entry,
            "cadence-differs",
            f"ZenML has '{said}{zone}', and its counterpart fires '{counterpart.native.text}'.",
            remedies.rebuild(entry),
            zenml=str(said),
            native=counterpart.native.text,
        )
    if counterpart and paused_differs(entry):
        where, other = ("natively", "in ZenML") if counterpart.paused else ("in ZenML", "natively")
        fix = remedies.command("pause" if counterpart.paused else "resume", "--", entry.name)
        yield finding(
            entry,
            "paused-on-one-side",
            f"it is paused {where}, and active {other}"
            + ("." if counterpart.paused else ", so ZenML refuses each run that it starts."),
            remedies.up(entry.owner) if entry.owner else fix,
        )
    yield from _overdue(entry, record, now)


def _lingers(entry: Entry) -> bool:
    """Whether an ended schedule is still active; its program may still declare the record."""
    return entry.fires or (entry.zenml_state == "active" and not entry.owner)


def _past(entry: Entry) -> Finding:
    cadence = (entry.record and entry.record.cadence) or entry.cadence
    last = cadence and (cadence.run_once_at or cadence.end_time)
    when = f" since {last.isoformat()}" if last else ""
    still = "its counterpart is still active" if entry.fires else "its record is still active"
    return finding(
        entry,
        "past-its-end",
        f"it has ended{when}, and {still}.",
        remedies.up_or_cleanup(entry),
    )


def _overdue(entry: Entry, record: Record, now: datetime) -> Iterator[Finding]:
    until = paused_until(record)
    if until and until < now and entry.counterpart and entry.counterpart.paused:
        yield finding(
            entry,
            "pause-overdue",
            f"it was paused until {until.isoformat()} and was not resumed.",
            remedies.command("resume", "--", entry.name, project=entry.project),
        )


def paused_until(record: Record) -> datetime | None:
    """Until when ``pause --until`` paused it; ``None`` when it did not."""
    text = record.metadata.get(PAUSED_UNTIL, "")
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _links(entry: Entry) -> Iterator[Finding]:
    first, *others = entry.linked
    for extra in others:
        yield finding(
            entry,
            "duplicate-counterparts",
            f"it has {len(entry.linked)} counterparts: besides '{first.counterpart.native_id}', "
            f"{_kind(extra)} '{extra.counterpart.native_id}' in '{extra.component.name}' starts "
            "the same pipeline.",
            remedies.cleanup(entry, extra.counterpart.native_id),
            linked=extra,
        )
    if first.link == "name":
        yield finding(
            entry,
            "linked-by-name",
            f"only its name links it to '{first.counterpart.native_id}', so the two may not "
            "belong together.",
            remedies.up_or_cleanup(entry),
        )


def _broken_counterparts(entry: Entry) -> Iterator[Finding]:
    for linked in entry.linked:
        problem = linked.counterpart.problem
        if problem:
            yield finding(
                entry,
                "broken-counterpart",
                f"{_kind(linked)} '{linked.counterpart.native_id}': {problem}",
                remedies.up_or_cleanup(entry),
                linked=linked,
            )


def _stale(entry: Entry) -> Iterator[Finding]:
    counterpart = entry.counterpart
    if counterpart is None or counterpart.problem:
        return
    if entry.snapshot is None or entry.snapshot.id != counterpart.snapshot_id:
        if counterpart.snapshot_id is None:
            return
        yield finding(
            entry,
            "stale-target",
            f"the snapshot that it runs, {counterpart.snapshot_id}, was deleted from ZenML, so its "
            "runs cannot start.",
            remedies.up_or_cleanup(entry),
            severity="error",
        )
    elif not entry.snapshot.has_build and _runs_image(entry):
        yield finding(
            entry,
            "stale-target",
            f"the build with its image was deleted from ZenML (snapshot {entry.snapshot.id}).",
            remedies.rebuild(entry),
            severity="error",
        )
    elif entry.moved_to:
        assert entry.record is not None
        yield finding(
            entry,
            "stale-target",
            f"'{entry.record.marker.reference}' is now {entry.moved_to}, and it still runs the "
            f"snapshot that it was before ({entry.record.marker.source}).",
            remedies.rebuild(entry),
        )


def _runs_image(entry: Entry) -> bool:
    return entry.orchestrator is not None and entry.orchestrator.capabilities.runs_image


def _kind(linked: LinkedCounterpart) -> str:
    orchestrator = linked.component.orchestrator
    return orchestrator.capabilities.counterpart if orchestrator else "counterpart"


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)
