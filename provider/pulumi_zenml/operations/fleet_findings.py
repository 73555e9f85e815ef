"""Findings about many schedules at once, their names, and the credentials they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pulumi_zenml.cadence import Cadence, fires_between, schedule_name, spread_cron
from pulumi_zenml.cadence.naming import frequency, slug
from pulumi_zenml.errors import InputError
from pulumi_zenml.operations import remedies
from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.findings import Finding
from pulumi_zenml.operations.inventory import Inventory
from pulumi_zenml.operations.options import AuditOptions
from pulumi_zenml.operations.pair_findings import finding, is_over

_AHEAD = timedelta(hours=24)
_WINDOW = timedelta(hours=1)
_MOST_SHOWN = 5
_MOST_STARTS = 200_000

FREQUENCIES = frozenset(
    "minutely hourly daily workdays weekly monthly quarterly yearly once every several some "
    "half".split()
)
"""The words that a name may begin with."""


def check_fleet(inventory: Inventory, options: AuditOptions) -> Iterator[Finding]:
    """Crowded minutes, names and expiring credentials."""
    yield from _crowded(inventory, options)
    for entry in inventory.entries:
        yield from _naming(entry, inventory.taken)
    yield from _expiring(inventory, options)


def _crowded(inventory: Inventory, options: AuditOptions) -> Iterator[Finding]:
    minutes: dict[datetime, list[int]] = {}
    starts = 0
    for index, entry in enumerate(inventory.entries):
        if not entry.fires or entry.cadence is None:
            continue
        begin = inventory.taken.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for fire in fires_between(entry.cadence, begin, begin + _AHEAD):
            minutes.setdefault(fire.replace(second=0), []).append(index)
            starts += 1
        if starts > _MOST_STARTS:
            break
    crowds: dict[frozenset[int], list[datetime]] = {}
    for minute, members in sorted(minutes.items()):
        if len(set(members)) >= options.crowded:
            crowds.setdefault(frozenset(members), []).append(minute)
    for crowd, times in crowds.items():
        if any(crowd < other for other in crowds):
            continue
        yield _crowd([inventory.entries[index] for index in sorted(crowd)], times)


def _crowd(entries: Sequence[Entry], times: Sequence[datetime]) -> Finding:
    moves = _staggered(entries)
    names = [entry.name for entry in entries]
    others = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    proposals = "; ".join(
        f"'{name}' to '{cron}'" for name, cron in list(moves.items())[:_MOST_SHOWN]
    )
    more = f" and {len(moves) - _MOST_SHOWN} more" if len(moves) > _MOST_SHOWN else ""
    often = "once" if len(times) == 1 else f"{len(times)} times"
    proposal = f" Spread over an hour: {proposals}{more}." if moves else ""
    first = times[0].astimezone(UTC)
    return Finding(
        code="crowded-minute",
        severity="info",
        message=f"{len(entries)} schedules start in the same minute, {often} in the next 24 hours, "
        f"first at {first:%Y-%m-%d %H:%M} UTC.{proposal}",
        fix="pulumi-zenml audit --code crowded-minute --json  # and give each Schedule "
        "spread=timedelta(hours=1)",
        schedule=", ".join(names[:_MOST_SHOWN]) + others,
        evidence={"schedules": names, "minutes": [it.isoformat() for it in times], "move": moves},
    )


def _staggered(entries: Sequence[Entry]) -> Mapping[str, str]:
    """A cron for each schedule that can be moved within the hour."""
    moves = {}
    for entry in entries:
        cron = entry.cadence.cron if entry.cadence else None
        if cron is None:
            continue
        try:
            moved = spread_cron(cron, entry.name, _WINDOW)
        except InputError:
            continue
        if moved != cron:
            moves[entry.name] = moved
    return moves


def _naming(entry: Entry, now: datetime) -> Iterator[Finding]:
    record = entry.record
    if record is None or record.cadence is None or is_over(entry, now) or "~" in record.name:
        return
    if not entry.linked:
        # What is dead is to be removed, under whatever name.
        return
    problem = _naming_problem(record.name, record.cadence)
    if not problem:
        return
    better = _better(entry, record.name, record.cadence)
    yield finding(
        entry,
        "naming",
        f"its name {problem}. By the convention frequency-purpose-environment-version it is "
        f"'{better}'.",
        remedies.rename(entry, better),
        better=better,
    )


def _naming_problem(name: str, cadence: Cadence) -> str:
    parts = name.split("-")
    if slug(name) != name:
        return "has other characters than lower-case letters, digits and single hyphens"
    if parts[0] not in FREQUENCIES:
        return "does not begin with its frequency"
    wanted = frequency(cadence)
    if not name.startswith(f"{wanted}-") and parts[0] != wanted.split("-")[0]:
        return f"says '{parts[0]}', but it fires {wanted.replace('-', ' ')}"
    if len(parts) < 3:
        return "has no environment"
    return ""


def _better(entry: Entry, name: str, cadence: Cadence) -> str:
    owner = entry.owner.split("/")
    environment = owner[2] if len(owner) > 3 else "prod"
    purpose = owner[-1] if len(owner) > 3 else entry.pipeline or slug(name) or "pipeline"
    try:
        return schedule_name(cadence, purpose, environment)
    except InputError:
        return schedule_name(cadence, "pipeline", "prod")


def _expiring(inventory: Inventory, options: AuditOptions) -> Iterator[Finding]:
    for connector in inventory.connectors:
        expires = connector.expires
        if expires is None or expires - inventory.taken > options.expiring:
            continue
        over = expires <= inventory.taken
        used = ", ".join(f"'{name}'" for name in sorted(connector.used_by))
        yield Finding(
            code="credential-expiring",
            severity="error" if over else "warning",
            message=f"the credentials of service connector '{connector.name}' "
            f"{'expired' if over else 'expire'} at {expires.isoformat()}; orchestrator {used} "
            "needs them.",
            fix=f"zenml service-connector update {connector.name} --interactive",
            native_id=connector.name,
            evidence={"expires": expires.isoformat()},
        )
