"""The same operations on every orchestrator: real ones where there are, stand-ins else."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from orchestrators.benches import ONE_FLAVOR, Ready, ready
from pulumi_zenml.cadence import schedule_name
from pulumi_zenml.identity import NOBODY, Owner, new_key
from pulumi_zenml.lifecycle.pair import Pair
from pulumi_zenml.lifecycle.pairs import Pairs
from pulumi_zenml.lifecycle.session import Session
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.operations import (
    AuditOptions,
    AuditResult,
    Inventory,
    Scope,
    clean_up,
    find_schedule,
    list_schedules,
    load_history,
    pause,
    plan_cleanup,
    read_backup,
    restore,
    resume,
    run_audit,
    take_inventory,
)


class Fleet:
    """Schedules of one orchestrator, and what one can see of them."""

    def __init__(self, ready: Ready) -> None:
        self.bench = ready.bench
        self.connection = ready.connection
        self.scope = Scope(stacks=(ready.stack,))
        self._ready = ready
        # The flavors share a ZenML server, where one owner would have another flavor's pairs.
        self._key = new_key()
        self.cadence = self.bench.cadences()[0]

    def make(self, purpose: str, owner: str = "") -> Pair:
        """One that Pulumi owns, or one that nobody does."""
        pairs = Pairs(Session(self.connection))
        name = schedule_name(self.cadence, f"{purpose}-{secrets.token_hex(2)}", "prod")
        spec = ScheduleSpec(
            owner=Owner(self._key, owner) if owner else NOBODY,
            name=name,
            stack=self._ready.stack,
            cadence=self.cadence,
            snapshot=self._ready.snapshot,
            orchestrator_settings=dict(self.bench.settings),
        )
        return pairs.create(spec) if owner else pairs.restore(spec)

    def look(self) -> Inventory:
        return take_inventory(self.connection, self.scope)

    def audit(self) -> AuditResult:
        return run_audit(self.connection, self.scope, AuditOptions())

    def found(self) -> set[tuple[str, str]]:
        result = self.audit()
        assert not result.unreachable, result.unreachable
        return {(it.code, it.schedule or it.native_id) for it in result.findings}

    def native(self, pair: Pair) -> str:
        assert pair.counterpart
        return pair.counterpart.native_id

    def name(self, pair: Pair) -> str:
        assert pair.record
        return pair.record.name


@pytest.fixture(params=ONE_FLAVOR)
def fleet(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fleet]:
    with ready(request.param, "operations", request) as made:
        monkeypatch.setenv("PULUMI_ZENML_STATE", str(tmp_path / "state"))
        fleet = Fleet(made)
        yield fleet
        plan = plan_cleanup(fleet.look(), names=[it.name for it in fleet.look().entries])
        clean_up(plan, backup=tmp_path / "last.json", when_running="ignore")


@pytest.mark.server
def test_from_audit_to_restore(fleet: Fleet, tmp_path: Path) -> None:
    bench = fleet.bench
    well = fleet.make("well", "acme/shop/prod/well")
    assert fleet.found() == set()

    lost, orphan, edited, linked = (fleet.make(it) for it in ("lost", "orphan", "edited", "held"))
    bench.remove(fleet.native(lost))
    assert orphan.record
    client = fleet.look().zenml.connection.client()
    client.zen_store.delete_schedule(UUID(orphan.record.id), soft=True)
    bench.edit_cadence(fleet.native(edited))
    bench.edit_paused(fleet.native(linked), True)
    dead = {
        ("record-without-counterpart", fleet.name(lost)),
        ("counterpart-without-record", fleet.native(orphan)),
    }
    drifted = {
        ("cadence-differs", fleet.name(edited)),
        ("paused-on-one-side", fleet.name(linked)),
    }
    assert fleet.found() == dead | drifted
    rows = {row.name: row for row in list_schedules(fleet.look())}
    assert rows[fleet.name(well)].owner == "acme/shop/prod/well"
    assert rows[fleet.name(well)].next_run is not None
    assert {name: row.drift for name, row in rows.items()} == {
        fleet.name(well): "",
        fleet.name(lost): "no counterpart",
        fleet.native(orphan): "no record",
        fleet.name(edited): "cadence",
        fleet.name(linked): "paused",
    }

    kind = "refused" if "refused" in bench.faults else bench.faults[0]
    with bench.fault(kind):
        down = fleet.audit()
    assert down.exit_code == 2
    assert [it.flavor for it in down.unreachable] == [bench.flavor]
    assert {it.code for it in down.findings} <= {"credential-expiring"}

    backup = tmp_path / "backup.json"
    done = clean_up(plan_cleanup(fleet.look()), backup=backup)
    assert [it.problem for it in done] == ["", ""]
    assert fleet.found() == drifted
    assert fleet.native(orphan) not in bench.native_ids()

    restored = restore(fleet.connection, read_backup(backup))
    assert [it.outcome for it in restored] == ["restored", "restored"], restored
    (again,) = [it.item.name for it in restored if it.item.native_id]
    assert fleet.found() == drifted | {("record-without-counterpart", fleet.name(lost))} | {
        ("naming", again)
    }
    remade = find_schedule(fleet.look(), again)
    assert remade.counterpart and remade.orchestrator
    assert remade.native_id in bench.native_ids()
    assert remade.orchestrator.matches(fleet.cadence, remade.counterpart.native)


@pytest.mark.server
def test_the_on_call_hand(fleet: Fleet) -> None:
    made = fleet.make("hand")
    run = fleet.bench.add_run(fleet.native(made))
    inventory = fleet.look()
    entry = find_schedule(inventory, fleet.name(made))
    since = inventory.taken.replace(year=inventory.taken.year - 1)
    rows = load_history(replace(inventory), entry, since=since)
    assert run in {row.native_run_id for row in rows}, rows

    pause(inventory, entry, when_running="ignore")
    paused = find_schedule(fleet.look(), fleet.name(made))
    assert (paused.zenml_state, paused.native_state) == ("paused", "paused")
    assert fleet.found() == set()
    resume(inventory, paused)
    back = find_schedule(fleet.look(), fleet.name(made))
    assert (back.zenml_state, back.native_state) == ("active", "active")
