"""When a cadence fires: known answers around clock changes, and an independent opinion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, given

from cadence.properties import examples
from cadence.strategies import cadences, years
from pulumi_zenml.cadence import Cadence, DstRule, fires_between, make_cadence, next_fires

QUARTER = timedelta(minutes=15)


def utc(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0
) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def walls(cron: str, zone: str, after: datetime, count: int, **more: DstRule) -> list[str]:
    fires = next_fires(make_cadence(cron=cron, timezone=zone), after, count, **more)
    return [f"{fire.local:%d %H:%M%z} {fire.dst or ''}".strip() for fire in fires]


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # Forward: 02:00 to 03:00 on 28 March 2027 in Berlin.
        (
            "30 2 * * *",
            "Europe/Berlin",
            utc(2027, 3, 26, 12),
            ["27 02:30+0100", "28 03:00+0200 shifted", "29 02:30+0200"],
        ),
        (
            "0 3 * * *",
            "Europe/Berlin",
            utc(2027, 3, 26, 12),
            ["27 03:00+0100", "28 03:00+0200", "29 03:00+0200"],
        ),
        # Two fires of one day meet right after the gap, and are one.
        (
            "30 2,3 * * *",
            "Europe/Berlin",
            utc(2027, 3, 28, 0),
            ["28 03:00+0200 shifted", "28 03:30+0200", "29 02:30+0200"],
        ),
        ("0 2,3 * * *", "Europe/Berlin", utc(2027, 3, 28), ["28 03:00+0200 shifted"]),
        # Back: 03:00 to 02:00 on 31 October 2027 in Berlin.
        (
            "30 2 * * *",
            "Europe/Berlin",
            utc(2027, 10, 30, 12),
            ["31 02:30+0200 doubled", "01 02:30+0100"],
        ),
        # `*` follows the running clock.
        (
            "0 * * * *",
            "Europe/Berlin",
            utc(2027, 10, 30, 23, 30),
            ["31 02:00+0200 doubled", "31 02:00+0100 doubled", "31 03:00+0100"],
        ),
        (
            "*/30 2 * * *",
            "Europe/Berlin",
            utc(2027, 3, 27, 12),
            ["29 02:00+0200 skipped", "29 02:30+0200"],
        ),
        # New York: 14 March and 7 November 2027.
        (
            "30 2 * * *",
            "America/New_York",
            utc(2027, 3, 14),
            ["14 03:00-0400 shifted", "15 02:30-0400"],
        ),
        (
            "30 1 * * *",
            "America/New_York",
            utc(2027, 11, 7),
            ["07 01:30-0400 doubled", "08 01:30-0500"],
        ),
        # Lord Howe: half an hour forward on 3 October, back on 4 April 2027.
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            utc(2027, 10, 2),
            ["03 02:30+1100 shifted", "04 02:15+1100"],
        ),
        (
            "45 2 * * *",
            "Australia/Lord_Howe",
            utc(2027, 10, 2),
            ["03 02:45+1100", "04 02:45+1100"],
        ),
        (
            "45 1 * * *",
            "Australia/Lord_Howe",
            utc(2027, 4, 3, 12),
            ["04 01:45+1100 doubled", "05 01:45+1030"],
        ),
        ("30 5 * * *", "Asia/Kolkata", utc(2027, 1, 1), ["02 05:30+0530", "03 05:30+0530"]),
        # Apia skipped 30 December 2011 whole; a daily job fires once for it.
        (
            "0 9 * * *",
            "Pacific/Apia",
            utc(2011, 12, 29, 12),
            ["29 09:00-1000", "31 00:00+1400 shifted", "31 09:00+1400"],
        ),
        # Midnight does not exist in Beirut on 28 March 2027.
        (
            "0 0 * * *",
            "Asia/Beirut",
            utc(2027, 3, 27, 12),
            ["28 01:00+0300 shifted", "29 00:00+0300"],
        ),
    ],
)
def test_clock_changes(cron: str, zone: str, after: datetime, expected: list[str]) -> None:
    assert walls(cron, zone, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (DstRule("skip", "first"), ["27 02:30+0100", "29 02:30+0200 skipped"]),
        (DstRule("after", "first"), ["27 02:30+0100", "28 03:00+0200 shifted"]),
        (DstRule("later", "first"), ["27 02:30+0100", "28 03:30+0200 shifted"]),
        (DstRule(None, None), ["27 02:30+0100", "28 03:00+0200 shifted"]),
    ],
)
def test_rules_for_a_gap(rule: DstRule, expected: list[str]) -> None:
    after = utc(2027, 3, 26, 12)
    assert walls("30 2 * * *", "Europe/Berlin", after, 2, rule=rule) == expected


@pytest.mark.parametrize(
    ("fold", "expected"),
    [
        ("first", ["31 02:30+0200 doubled", "01 02:30+0100"]),
        ("last", ["31 02:30+0100 doubled", "01 02:30+0100"]),
        ("twice", ["31 02:30+0200 doubled", "31 02:30+0100 doubled"]),
    ],
)
def test_rules_for_a_fold(fold: Literal["first", "last", "twice"], expected: list[str]) -> None:
    rule = DstRule("skip", fold)
    after = utc(2027, 10, 30, 12)
    assert walls("30 2 * * *", "Europe/Berlin", after, 2, rule=rule) == expected


def test_warnings_say_what_happens() -> None:
    cadence = make_cadence(cron="30 2 * * *", timezone="Europe/Berlin")
    gap = next_fires(cadence, utc(2027, 3, 27, 12), 1)[0].warning
    assert "02:30 on 2027-03-28" in gap and "fires at 03:00 instead" in gap
    skip = next_fires(cadence, utc(2027, 3, 27, 12), 1, rule=DstRule("skip", "twice"))[0].warning
    assert "02:30 on 2027-03-28" in skip and "no fire" in skip
    fold = next_fires(cadence, utc(2027, 10, 30, 12), 1)[0].warning
    assert "happens twice" in fold and "first only" in fold
    both = next_fires(cadence, utc(2027, 10, 30, 12), 2, rule=DstRule("skip", "twice"))
    assert ["first of two" in both[0].warning, "second of two" in both[1].warning] == [True, True]
    assert not next_fires(cadence, utc(2027, 6, 1), 1)[0].warning


def test_leap_days() -> None:
    cadence = make_cadence(cron="0 12 29 2 *")
    years_found = [fire.instant.year for fire in next_fires(cadence, utc(2026, 1, 1), 3)]
    assert years_found == [2028, 2032, 2036]
    assert next_fires(cadence, utc(2096, 3, 1), 1)[0].instant == utc(2104, 2, 29, 12)


def test_a_fire_at_the_instant_itself_is_not_after_it() -> None:
    cadence = make_cadence(cron="0 3 * * *")
    assert next_fires(cadence, utc(2027, 1, 1, 3), 1)[0].instant == utc(2027, 1, 2, 3)
    just_before = utc(2027, 1, 1, 2, 59, 59)
    assert next_fires(cadence, just_before, 1)[0].instant == utc(2027, 1, 1, 3)


def test_between_holds_its_start_and_not_its_end() -> None:
    cadence = make_cadence(cron="0 * * * *")
    found = list(fires_between(cadence, utc(2027, 1, 1), utc(2027, 1, 1, 2)))
    assert found == [utc(2027, 1, 1), utc(2027, 1, 1, 1)]
    assert not list(fires_between(cadence, utc(2027, 1, 1, 2), utc(2027, 1, 1)))


def test_window_holds_both_its_ends() -> None:
    cadence = make_cadence(
        cron="0 3 * * *", start_time=utc(2027, 1, 2, 3), end_time=utc(2027, 1, 4, 3)
    )
    found = [fire.instant.day for fire in next_fires(cadence, utc(2026, 1, 1), 10)]
    assert found == [2, 3, 4]


def test_interval_counts_from_its_anchor() -> None:
    cadence = make_cadence(
        interval=timedelta(minutes=7), start_time=utc(2027, 1, 1), end_time=utc(2027, 1, 1, 1)
    )
    found = [fire.instant.minute for fire in next_fires(cadence, utc(2020, 1, 1), 99)]
    assert found == [0, 7, 14, 21, 28, 35, 42, 49, 56]
    late = list(fires_between(cadence, utc(2027, 1, 1, 0, 50), utc(2030, 1, 1)))
    assert late == [utc(2027, 1, 1, 0, 56)]


def test_interval_is_real_time_across_a_clock_change() -> None:
    day = make_cadence(
        interval=timedelta(days=1), start_time=utc(2027, 3, 27, 1), timezone="Europe/Berlin"
    )
    locals_ = [fire.local.hour for fire in next_fires(day, utc(2027, 3, 26), 3)]
    assert locals_ == [2, 3, 3]


def test_once_fires_once() -> None:
    cadence = make_cadence(run_once_at=utc(2027, 1, 1))
    assert [fire.instant for fire in next_fires(cadence, utc(2026, 1, 1), 5)] == [utc(2027, 1, 1)]
    assert not next_fires(cadence, utc(2027, 1, 1), 5)


def test_a_missed_run_search_is_not_slowed_by_a_distant_end() -> None:
    cadence = make_cadence(cron="* * * * *", timezone="Europe/Berlin", end_time=utc(2199, 1, 1))
    first = list(islice(fires_between(cadence, utc(2027, 3, 28), utc(2199, 1, 1)), 3))
    assert first == [utc(2027, 3, 28) + timedelta(minutes=i) for i in range(3)]


@pytest.mark.properties
@examples(800)
@given(cadence=cadences(), year=years)
def test_as_cronsim_says(cadence: Cadence, year: int) -> None:
    """cronsim, a parser and clock by another hand, for the text that is stored."""
    # It steps by whole hours, and loses its way where a clock changes by less.
    assume(cadence.timezone not in ("Australia/Lord_Howe", "Pacific/Chatham"))
    start = utc(year, 3, 1)
    fires = next_fires(cadence, start, 60)
    assert cadence.cron is not None
    expected = []
    for local in CronSim(
        cadence.cron, (start - timedelta(days=1)).astimezone(ZoneInfo(cadence.timezone))
    ):
        instant = local.astimezone(UTC)
        if instant > start:
            expected.append(instant)
        if len(expected) == len(fires):
            break
    assert [fire.instant for fire in fires] == expected


@pytest.mark.properties
@examples(800)
@given(cadence=cadences(), year=years)
def test_next_and_between_agree(cadence: Cadence, year: int) -> None:
    start = utc(year, 9, 20)
    fires = [fire.instant for fire in next_fires(cadence, start, 40)]
    assert fires == sorted(set(fires))
    again = list(fires_between(cadence, start + timedelta(seconds=1), fires[-1] + QUARTER / 900))
    assert again == fires
