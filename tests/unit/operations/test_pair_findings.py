"""Each finding that the two sides of one schedule show, and none where nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from pulumi_zenml.cadence import get_dialect, make_cadence
from pulumi_zenml.operations import CODES, Entry, Finding
from pulumi_zenml.operations.pair_findings import PAUSED_UNTIL, check_sides
from unit.operations.entries import (
    DAILY,
    NOW,
    healthy,
    with_cadence,
    with_counterpart,
    with_record,
)

HOUR = timedelta(hours=1)
OVER = replace(DAILY, end_time=NOW - HOUR)
HOURLY = make_cadence(cron="0 * * * *", timezone="Europe/Berlin")


def findings(entry: Entry) -> list[Finding]:
    return list(check_sides(entry, NOW))


def twice(entry: Entry) -> Entry:
    (linked,) = entry.linked
    other = replace(linked.counterpart, native_id="another")
    return replace(entry, linked=(linked, replace(linked, counterpart=other)))


def by_name(entry: Entry) -> Entry:
    (linked,) = entry.linked
    return replace(entry, linked=(replace(linked, link="name"),))


def test_nothing_is_wrong_with_a_healthy_schedule() -> None:
    assert findings(healthy()) == []


def test_an_orchestrator_that_could_not_be_looked_at_proves_nothing() -> None:
    assert findings(replace(healthy(), linked=(), reachable=False)) == []


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("record-without-counterpart", lambda it: replace(it, linked=())),
        ("counterpart-without-record", lambda it: replace(it, record=None)),
        ("unknown-counterpart", lambda it: replace(it, record=None, snapshot=None)),
        ("shared-counterpart", lambda it: replace(it, linked=(), shared_with=("other",))),
        ("orchestrator-gone", lambda it: replace(it, component=None, linked=())),
        ("stack-gone", lambda it: replace(it, stack="", stack_gone=True)),
        ("duplicate-counterparts", twice),
        ("linked-by-name", by_name),
        (
            "cadence-differs",
            lambda it: with_counterpart(
                it, cadence=HOURLY, native=get_dialect("kubernetes").write(HOURLY)
            ),
        ),
        ("paused-on-one-side", lambda it: with_counterpart(it, paused=True)),
        ("paused-on-one-side", lambda it: with_record(it, active=False)),
        (
            "pause-overdue",
            lambda it: with_counterpart(
                with_record(
                    it, active=False, metadata={PAUSED_UNTIL: (NOW - HOUR).isoformat()}
                ),
                paused=True,
            ),
        ),
        ("broken-counterpart", lambda it: with_counterpart(it, problem="it has no container")),
        ("broken-record", lambda it: with_record(replace(it, linked=(), reachable=False),
                                                 cadence=None, cron="not a cron")),
        ("stale-target", lambda it: with_counterpart(it, snapshot_id="deleted")),
        ("stale-target", lambda it: replace(it, moved_to="newer")),
        ("past-its-end", lambda it: with_record(it, cadence=OVER)),
        ("past-its-end", lambda it: with_cadence(healthy("vertex"), OVER)),
    ],
)  # fmt: skip
def test_finding(code: str, change: Callable[[Entry], Entry]) -> None:
    judged = findings(change(healthy()))
    assert [it.code for it in judged] == [code]
    (found,) = judged
    assert found.severity in (CODES[code].severity, "error")
    assert found.message
    assert found.fix
    assert found.project == "default"
