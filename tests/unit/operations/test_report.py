"""The data of a report, and its page."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pulumi_zenml.errors import InputError
from pulumi_zenml.operations import (
    AuditOptions,
    Connection,
    Report,
    build_report,
    check_report_path,
    render_html,
    write_html,
)
from pulumi_zenml.operations.report import rows_of_findings
from unit.memory.seed import HOUR, NOW, managed, run, unmanaged
from unit.memory.world import World


def report(*, back: timedelta = 24 * HOUR, ahead: timedelta = 24 * HOUR) -> Report:
    return build_report(
        Connection(), options=AuditOptions(crowded=99), back=back, ahead=ahead, now=NOW
    )


def test_time_lines(world: World) -> None:
    world.clock = NOW - 30 * HOUR
    made = unmanaged(world, "hourly-report-prod", cron="0 * * * *")
    for hours in range(1, 30):
        if hours not in (4, 5):
            run(world, made, NOW - hours * HOUR + timedelta(minutes=1))
    old = run(world, made, NOW - 29 * HOUR, "running")
    taken = report(back=12 * HOUR, ahead=3 * HOUR)
    (row,) = taken.rows
    assert (taken.start, taken.end) == (NOW - 12 * HOUR, NOW + 3 * HOUR)
    assert row.gaps == (NOW - 5 * HOUR, NOW - 4 * HOUR)
    assert len(row.runs) == 11 and row.runs[-1] == old
    assert row.fires == (NOW, NOW + HOUR, NOW + 2 * HOUR)
    assert (row.native, row.schedule.name) == ("0 * * * * UTC", made.name)
    assert {it.code for it in taken.audit.findings} == {"missed-runs", "long-running"}
    assert rows_of_findings(taken) == [(0,), (0,)]


def test_the_load_of_a_day(world: World) -> None:
    world.clock = NOW - HOUR
    for name in ("daily-a-prod", "daily-b-prod"):
        unmanaged(world, name, cron="41 8 * * *")
    managed(world, "hourly-c-dev", cron="41 * * * *")
    managed(world, "daily-d-dev", cron="41 8 * * *", paused=True)
    taken = report()
    assert sum(taken.load) == 24 + 2
    (busy,) = taken.busiest
    assert (busy.minute, len(busy.schedules), taken.load[busy.minute]) == (8 * 60 + 41, 3, 3)


def test_a_report_leaves_what_the_next_audit_checks_as_it_was(world: World, tmp_path: Path) -> None:
    unmanaged(world)
    report()
    assert not (tmp_path / "state").exists()


def test_a_name_is_never_markup(world: World, tmp_path: Path) -> None:
    unmanaged(world, "daily-</script><img src=x onerror=alert(1)>-prod")
    page = render_html(report())
    assert "<img src=x" not in page
    path = tmp_path / "r.html"
    write_html(path, page, force=False)
    check_report_path(path, force=False)
    path.write_text("mine")
    with pytest.raises(InputError, match="--force"):
        check_report_path(path, force=False)
