"""Airflow's own timetables fire exactly when a cadence says."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.cadence.fires import next_fires
from pulumi_zenml.cadence.model import Cadence
from pulumi_zenml.orchestrators.airflow.timing import INERT, timing
from testbed.process import cache_folder

NOW = datetime(2026, 11, 23, 13, 36, 31, tzinfo=UTC)
READ_AFTER = timedelta(seconds=20)
COUNT = 6

DAILY = make_cadence(cron="0 3 * * *")
CADENCES = [
    DAILY,
    make_cadence(cron="* * * * *"),
    make_cadence(cron="*/7 * * * *"),
    make_cadence(cron="0 3 * * 1-5"),
    make_cadence(cron="30 1 13 * 5"),
    make_cadence(cron="0 0 29 2 *"),
    make_cadence(cron="0 3 * * *", timezone="Asia/Kolkata"),
    make_cadence(cron="0 3 * * *", start_time=NOW - timedelta(days=9)),
    make_cadence(cron="0 3 * * *", start_time=NOW + timedelta(days=9)),
    make_cadence(cron="0 * * * *", start_time=datetime(2026, 12, 1, 5, tzinfo=UTC)),
    make_cadence(cron="0 3 * * *", start_time=NOW - timedelta(days=9), catchup=True),
    make_cadence(cron="0 3 * * *", end_time=NOW + timedelta(days=3)),
    make_cadence(cron="0 3 * * *", end_time=datetime(2026, 11, 26, 3, tzinfo=UTC)),
    make_cadence(cron="0 3 * * *", end_time=datetime(2026, 11, 26, 2, 59, 59, tzinfo=UTC)),
    make_cadence(cron="0 3 * * *", end_time=NOW + timedelta(hours=1)),
    make_cadence(interval=timedelta(hours=6), start_time=datetime(2026, 11, 1, 1, 30, tzinfo=UTC)),
    make_cadence(interval=timedelta(days=1), start_time=datetime(2026, 12, 1, 1, 30, tzinfo=UTC)),
    make_cadence(
        interval=timedelta(minutes=90), start_time=NOW + timedelta(seconds=95), catchup=True
    ),
    make_cadence(interval=timedelta(minutes=90), start_time=NOW - timedelta(hours=5), catchup=True),
    make_cadence(
        interval=timedelta(days=3),
        start_time=NOW + timedelta(hours=1),
        end_time=NOW + timedelta(days=6, hours=1),
        catchup=True,
    ),
]


ALL = list(enumerate(CADENCES))
ONCE = make_cadence(run_once_at=NOW + timedelta(minutes=2, seconds=7))
MAJORS = (3, 2)


@pytest.fixture(scope="module")
def fires() -> dict[str, list[datetime]]:
    """When Airflow's timetables fire in every case below, asked once in Airflow's environment."""
    cases = {f"{n} {major}": case(cadence, major) for major in MAJORS for n, cadence in ALL}
    for major in MAJORS:
        cases |= {f"paused {n} {major}": case(it, major, paused=True) for n, it in ALL}
        resumed = case(DAILY, major, now=NOW + timedelta(days=5))
        cases[f"resumed {major}"] = {**resumed, "last": NOW.isoformat()}
        cases[f"once {major}"] = case(ONCE, major)
    python = cache_folder() / "airflow" / "bin" / "python"
    script = Path(__file__).with_name("airflow_fires.py")
    done = subprocess.run(
        [python, script],
        input=json.dumps(list(cases.values())),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout[done.stdout.index("[[") :])
    instants = [[datetime.fromisoformat(text) for text in fires] for fires in found]
    return dict(zip(cases, instants, strict=True))


def case(
    cadence: Cadence, major: int, *, paused: bool = False, now: datetime = NOW
) -> dict[str, Any]:
    values = timing(cadence, paused=paused, since=NOW, now=now, major=major)
    seconds = None
    if cadence.interval and str(values["schedule"]).startswith("P"):
        seconds = cadence.interval.total_seconds()
    read = (now + READ_AFTER).isoformat()
    return {"timing": values, "seconds": seconds, "now": read, "count": COUNT, "major": major}


def expected(cadence: Cadence) -> list[datetime]:
    after = NOW
    if cadence.catchup:
        after = min(NOW, cadence.start_time or NOW)
    return [fire.instant for fire in next_fires(cadence, after - timedelta(seconds=1), COUNT)]


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize(("number", "cadence"), ALL)
def test_airflow_fires_as_the_cadence_does(
    fires: dict[str, list[datetime]], number: int, cadence: Cadence, major: int
) -> None:
    assert fires[f"{number} {major}"] == expected(cadence)


@pytest.mark.parametrize("major", MAJORS)
def test_what_is_paused_does_not_fire_for_decades(
    fires: dict[str, list[datetime]], major: int
) -> None:
    for number, cadence in ALL:
        assert case(cadence, major, paused=True)["timing"]["schedule"] == INERT
        assert fires[f"paused {number} {major}"][0].year >= 2060


@pytest.mark.parametrize("major", MAJORS)
def test_a_resume_makes_up_for_nothing(fires: dict[str, list[datetime]], major: int) -> None:
    """The last run was before the pause; Airflow would otherwise take the latest missed fire."""
    assert fires[f"resumed {major}"][0] == datetime(2026, 11, 29, 3, tzinfo=UTC)


@pytest.mark.parametrize("major", MAJORS)
def test_a_run_once_fires_once_at_its_time(fires: dict[str, list[datetime]], major: int) -> None:
    assert fires[f"once {major}"] == [ONCE.run_once_at]


def test_a_run_once_that_is_over_does_not_fire_when_it_is_resumed() -> None:
    over = Cadence(run_once_at=NOW - timedelta(seconds=1))
    assert case(over, 3)["timing"]["schedule"] == INERT


def test_the_start_date_is_never_in_the_past_without_catch_up() -> None:
    for _, cadence in ALL:
        values = timing(cadence, paused=False, since=NOW - timedelta(days=2), now=NOW, major=3)
        assert cadence.catchup or datetime.fromisoformat(str(values["start_date"])) >= NOW
