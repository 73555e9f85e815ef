"""Schedules as an inventory has them, without any ZenML and without an orchestrator."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from pulumi_zenml.cadence import Cadence, get_dialect, make_cadence
from pulumi_zenml.operations.entry import Entry, LinkedCounterpart
from pulumi_zenml.operations.zenml_rows import Component, Snapshot
from pulumi_zenml.orchestrators import Counterpart, Orchestrator, get_orchestrator
from pulumi_zenml.zenml.records import Marker, Record

NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
DAILY = make_cadence(cron="0 3 * * *", timezone="Europe/Berlin")


def healthy(flavor: str = "kubernetes") -> Entry:
    """A schedule that no program declares, and nothing is wrong with it."""
    capabilities = get_orchestrator(flavor).capabilities
    dialect = get_dialect(capabilities.dialect)
    orchestrator = SimpleNamespace(
        capabilities=capabilities,
        dialect=lambda: dialect,
        spell=dialect.write,
        matches=lambda cadence, native: dialect.matches(cadence, native.fields),
    )
    component = Component(
        "component", flavor, flavor, orchestrator=cast(Orchestrator, orchestrator)
    )
    snapshot = Snapshot("snapshot", "project", "", "training", "pipeline", has_build=True)
    record = Record(
        id="record",
        name="daily-training-prod",
        active=True,
        archived=False,
        cadence=DAILY,
        cron=DAILY.cron,
        pipeline_id="pipeline",
        orchestrator_id="component",
        marker=Marker(timezone=DAILY.timezone),
        created=LONG_AGO,
        updated=LONG_AGO,
    )
    counterpart = Counterpart("native", dialect.write(DAILY), DAILY, False, snapshot.id)
    return Entry(
        project="default",
        project_id="project",
        record=record,
        linked=(LinkedCounterpart(counterpart, component, "snapshot"),),
        component=component,
        stack="prod",
        pipeline="training",
        snapshot=snapshot,
    )


def with_record(entry: Entry, **changes: Any) -> Entry:
    """An entry whose record is otherwise."""
    assert entry.record is not None
    return replace(entry, record=replace(entry.record, **changes))


def with_counterpart(entry: Entry, **changes: Any) -> Entry:
    """An entry whose counterpart is otherwise."""
    (linked,) = entry.linked
    counterpart = replace(linked.counterpart, **changes)
    return replace(entry, linked=(replace(linked, counterpart=counterpart),))


def with_cadence(entry: Entry, cadence: Cadence) -> Entry:
    """An entry that fires at other times, on both sides."""
    assert entry.orchestrator is not None
    native = entry.orchestrator.spell(cadence)
    changed = with_record(entry, cadence=cadence, cron=cadence.cron)
    return with_counterpart(changed, cadence=cadence, native=native)
