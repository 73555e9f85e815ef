"""Which fires are missing, without any ZenML."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pulumi_zenml.cadence import Cadence, get_dialect, make_cadence
from pulumi_zenml.cadence.model import Native
from pulumi_zenml.operations.audit_state import AuditMark
from pulumi_zenml.operations.entry import Entry, LinkedCounterpart
from pulumi_zenml.operations.expected import Window, missing, run_times, window
from pulumi_zenml.operations.options import AuditOptions
from pulumi_zenml.operations.zenml_rows import Component
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun
from pulumi_zenml.zenml.records import Marker, Record

NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
GRACE = timedelta(minutes=15)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def entry(
    cadence: Cadence,
    *,
    dialect: str = "kubernetes",
    active: bool = True,
    paused: bool = False,
    ended: bool = False,
    updated: datetime = LONG_AGO,
) -> Entry:
    orchestrator = cast(Orchestrator, SimpleNamespace(dialect=lambda: get_dialect(dialect)))
    component = Component("c", "c", "kubernetes", orchestrator=orchestrator)
    counterpart = Counterpart("n", Native("text"), cadence, paused, "s", ended=ended)
    record = Record(
        "r", "name", active, False, cadence, None, None, "c", Marker(), created=LONG_AGO,
        updated=updated,
    )  # fmt: skip
    return Entry(
        record=record, linked=(LinkedCounterpart(counterpart, component),), component=component
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def gaps(of: Entry, start: str, end: str, *times: str, grace: timedelta = GRACE) -> list[str]:
    judged = Window(at(start), at(end), at(end) + grace)
    found = missing(of, judged, [at(it) for it in times], grace)
    return [f"{it:%m-%dT%H:%M}" for it in found]


HOURLY = make_cadence(cron="0 * * * *")


def test_a_run_stands_for_the_fire_before_it() -> None:
    runs = ("2026-06-10T08:00:05", "2026-06-10T09:14:00", "2026-06-10T10:59:40")
    told = gaps(entry(HOURLY), "2026-06-10T08:00", "2026-06-10T11:30", *runs)
    # The last one is a clock that is a little ahead.
    assert told == ["06-10T10:00"]


def test_a_late_run_stands_for_its_fire_until_the_next_comes() -> None:
    daily = entry(make_cadence(cron="0 3 * * *"))
    assert gaps(daily, "2026-06-09T00:00", "2026-06-10T12:00", "2026-06-09T09:00") == [
        "06-10T03:00"
    ]
    assert gaps(entry(HOURLY), "2026-06-10T08:00", "2026-06-10T09:30", "2026-06-10T09:05") == [
        "06-10T08:00"
    ]


def test_with_catchup_a_late_run_stands_for_the_oldest() -> None:
    caught = entry(replace(HOURLY, catchup=True), dialect="airflow")
    runs = ("2026-06-10T10:00", "2026-06-10T10:20", "2026-06-10T10:21")
    assert gaps(caught, "2026-06-10T08:00", "2026-06-10T10:30", *runs) == []
    assert gaps(entry(HOURLY), "2026-06-10T08:00", "2026-06-10T10:30", *runs) == [
        "06-10T08:00",
        "06-10T09:00",
    ]


def test_a_run_for_a_fire_before_the_window_covers_none_in_it() -> None:
    often = entry(make_cadence(cron="*/10 * * * *"))
    told = gaps(often, "2026-06-10T08:05", "2026-06-10T08:15", "2026-06-10T08:02")
    assert told == ["06-10T08:10"]


def test_the_cadences_own_window_counts() -> None:
    bounded = make_cadence(
        cron="0 * * * *", start_time=at("2026-06-10T09:30"), end_time=at("2026-06-10T11:00")
    )
    of = entry(bounded, dialect="airflow")
    assert gaps(of, "2026-06-10T08:00", "2026-06-10T15:00") == ["06-10T10:00", "06-10T11:00"]


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        # Berlin's clock went from 02:00 to 03:00 at 01:00 UTC. CronJobs skip what does not exist,
        ("kubernetes", []),
        # Debian's cron makes up for it.
        ("crontab", ["03-29T01:00"]),
    ],
)
def test_clock_changes_are_the_orchestrators_own(dialect: str, expected: list[str]) -> None:
    of = entry(make_cadence(cron="30 2 * * *", timezone="Europe/Berlin"), dialect=dialect)
    assert gaps(of, "2026-03-28T12:00", "2026-03-29T12:00") == expected


def test_what_may_not_fire_owes_nothing() -> None:
    options = AuditOptions()
    for of in (
        entry(HOURLY, active=False),
        entry(HOURLY, paused=True),
        entry(HOURLY, ended=True),
        replace(entry(HOURLY), reachable=False),
        replace(entry(HOURLY), record=None),
        replace(entry(HOURLY), linked=()),
    ):
        assert window(of, None, options, NOW) is None


def test_the_window_begins_where_the_last_one_ended() -> None:
    of, options = entry(HOURLY), AuditOptions()
    first = window(of, None, options, NOW)
    assert first == Window(NOW - timedelta(hours=24), NOW - GRACE, NOW)
    seen = AuditMark.of(of, NOW - GRACE)
    later = NOW + timedelta(hours=2)
    assert window(of, seen, options, later) == Window(NOW - GRACE, later - GRACE, later)
    assert window(of, seen, options, NOW) is None


def test_a_change_begins_a_new_window() -> None:
    options, later = AuditOptions(), NOW + timedelta(hours=4)
    seen = AuditMark.of(entry(HOURLY), NOW - GRACE)
    resumed = entry(HOURLY, updated=NOW + timedelta(hours=1))
    assert window(resumed, seen, options, later) == Window(
        NOW + timedelta(hours=1), later - GRACE, later
    )
    # Resumed natively, at a moment that nobody wrote down.
    idle = AuditMark.of(entry(HOURLY, paused=True), NOW - GRACE)
    assert window(entry(HOURLY), idle, options, later) is None


def test_runs_by_hand_and_skipped_ones_stand_for_nothing() -> None:
    def run(**changes: Any) -> NativeRun:
        return replace(NativeRun("r", "succeeded", "ok", started=NOW), **changes)

    due = NOW - timedelta(minutes=5)
    runs = [
        run(),
        run(scheduled_for=due),
        run(by_schedule=False),
        run(state="skipped"),
        run(started=None),
    ]
    assert run_times(runs) == [NOW, due]


def test_text_that_would_act_on_a_terminal_is_shown_as_it_is_written() -> None:
    from pulumi_zenml.cli._show import safe

    assert safe("täglich [bold]x[/bold] 日報") == "täglich [bold]x[/bold] 日報"
    assert safe("a\x1b[2J\x9b31m\nb\u202e\u200b\ud800") == r"a\x1b[2J\x9b31m\nb\u202e\u200b\ud800"
