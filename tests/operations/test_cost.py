"""A thousand schedules cost pages, not calls."""

from __future__ import annotations

from datetime import UTC, datetime

from operations import seed
from operations.conftest import World


def test_calls_do_not_grow_with_schedules(world: World) -> None:
    made = world.call(seed.unmanaged, "daily-copied-prod", cron="0 3 * * *")
    world.call(seed.run, made.snapshot, datetime(2026, 1, 1, 3, tzinfo=UTC))
    few = {what: world.call(seed.count_calls, what) for what in ("list", "audit", "report")}
    world.call(seed.copies, made.snapshot, world.folder(), 999)
    for what in ("list", "audit", "report"):
        many = world.call(seed.count_calls, what)
        # One listing for each component, whatever it holds.
        assert many["list_all"] == few[what]["list_all"] == 2
        assert {many.get(it, 0) for it in ("read", "locate", "runs")} == {0}
        # Five hundred a page, and the last runs of a hundred schedules a call.
        for name, count in many.items():
            more = {"list_schedules": 1, "list_snapshots": 1, "list_runs": 9}.get(name, 0)
            assert count - few[what].get(name, 0) <= more, (what, name, count, few[what])
    said = world.run("audit", "--json", "--ignore", "crowded-minute")
    assert said.json["schedules"] == 1000
    assert said.findings() == set(), said.out[:2000]
