"""Spreading: stable, even, and never outside its window."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from pulumi_zenml.cadence import make_cadence, next_fires, spread, spread_cron
from pulumi_zenml.cadence.cron import parse_cron
from pulumi_zenml.cadence.stagger import resolve_hashes
from pulumi_zenml.errors import InputError

FLEET = [f"daily-model-{i}-prod" for i in range(600)]


def test_the_chosen_minute_never_changes_by_itself() -> None:
    """Known answers: a change here would move every schedule of every user."""
    assert resolve_hashes("H 3 * * *", "daily-training-prod") == "1 3 * * *"
    assert resolve_hashes("H H(0-5) * * H", "daily-training-prod") == "1 5 * * 3"
    assert spread("daily-training-prod", timedelta(hours=2)) == timedelta(minutes=22)


def test_a_hundred_schedules_do_not_start_in_one_minute() -> None:
    minutes = Counter(
        parse_cron(resolve_hashes("H 3 * * *", name)).minute.values[0] for name in FLEET
    )
    assert len(minutes) == 60
    assert max(minutes.values()) <= 30


@pytest.mark.parametrize(
    ("text", "low", "high", "count"),
    [
        ("H(10-19) 3 * * *", 10, 19, 1),
        ("H/15 3 * * *", 0, 59, 4),
        ("H(0-29)/10 3 * * *", 0, 29, 3),
    ],
)
def test_forms(text: str, low: int, high: int, count: int) -> None:
    for name in FLEET[:50]:
        values = parse_cron(resolve_hashes(text, name)).minute.values
        assert len(values) == count
        assert low <= values[0] and values[-1] <= high


def test_days_exist_in_every_month() -> None:
    days = {parse_cron(resolve_hashes("0 3 H * *", name)).day.values[0] for name in FLEET}
    assert days == set(range(1, 29))


@pytest.mark.parametrize(
    "minute", ["H(5)", "H(9-2)", "H(0-99)", "H(0-100)", "H/0", "H/99", "H-5", "HH", "H()", "5,HX"]
)
def test_malformed(minute: str) -> None:
    with pytest.raises(InputError, match="write `H`"):
        resolve_hashes(f"{minute} * * * *", "name")


@pytest.mark.parametrize("text", ["0 3 * * THU", "0 3 * MAR *", "@monthly", "0 3 * * thu-sat"])
def test_words_with_an_h_are_no_hashes(text: str) -> None:
    assert resolve_hashes(text, None) == text


def test_a_cadence_holds_the_chosen_values() -> None:
    cadence = make_cadence(cron="h 3 * * thu", seed="daily-training-prod")
    assert cadence.cron == "1 3 * * THU"


def test_spread_moves_a_whole_fleet() -> None:
    window = timedelta(hours=2)
    crons = {spread_cron("0 23 * * 1-5", name, window) for name in FLEET}
    assert len(crons) > 110
    for name in FLEET[:40]:
        fires = next_fires(
            make_cadence(cron="0 23 * * 1-5", seed=name, spread=window),
            datetime(2026, 11, 23, tzinfo=UTC),
            5,
        )
        for fire, day in zip(fires, range(23, 28), strict=True):
            start = datetime(2026, 11, day, 23, tzinfo=UTC)
            assert fire.instant - start == spread(name, window)


def test_spread_refuses_what_is_no_single_cron() -> None:
    with pytest.raises(InputError) as caught:
        for name in FLEET:
            spread_cron("0 23 31 * *", name, timedelta(hours=2))
    assert caught.value.property == "spread"


@pytest.mark.parametrize("window", [timedelta(0), timedelta(seconds=90), timedelta(hours=-1)])
def test_spread_takes_whole_minutes(window: timedelta) -> None:
    with pytest.raises(InputError, match="whole number of minutes"):
        spread("name", window)
