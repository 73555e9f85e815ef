"""Names: frequency-purpose-environment-version."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from cadence.properties import examples
from cadence.strategies import cadences
from pulumi_zenml.cadence import Cadence, explain, make_cadence, schedule_name
from pulumi_zenml.cadence.naming import frequency
from pulumi_zenml.errors import InputError

START = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "word"),
    [
        ("* * * * *", "minutely"),
        ("*/15 * * * *", "every-15-minutes"),
        ("5-59/15 * * * *", "every-15-minutes"),
        ("0,10 * * * *", "several-times-hourly"),
        ("0 * * * *", "hourly"),
        ("0 */2 * * *", "every-2-hours"),
        ("30 1-23/2 * * *", "every-2-hours"),
        ("0 9,17 * * *", "several-times-daily"),
        ("*/5 9 * * *", "several-times-daily"),
        ("0 3 * * *", "daily"),
        ("0 3 * * 1-5", "workdays"),
        ("0 */2 * * 1-5", "every-2-hours-workdays"),
        ("0 3 * * 1,3", "some-weekdays"),
        ("0 3 * * 0", "weekly"),
        ("0 3 1 * *", "monthly"),
        ("0 3 1,15 * *", "monthly"),
        ("0 3 1 */3 *", "quarterly"),
        ("0 3 1 1,7 *", "half-yearly"),
        ("0 3 1 1 *", "yearly"),
        ("0 3 1 1,2,3 *", "some-months"),
        ("0 3 13 * 5", "some-days"),
    ],
)
def test_frequency_of_cron(cron: str, word: str) -> None:
    assert frequency(make_cadence(cron=cron)) == word


@pytest.mark.parametrize(
    ("interval", "word"),
    [
        (timedelta(seconds=90), "every-90-seconds"),
        (timedelta(minutes=1), "minutely"),
        (timedelta(minutes=90), "every-90-minutes"),
        (timedelta(hours=1), "hourly"),
        (timedelta(hours=2), "every-2-hours"),
        (timedelta(days=1), "daily"),
        (timedelta(days=14), "every-2-weeks"),
    ],
)
def test_frequency_of_intervals(interval: timedelta, word: str) -> None:
    assert frequency(make_cadence(interval=interval, start_time=START)) == word


def test_once() -> None:
    assert frequency(make_cadence(run_once_at=START)) == "once"


@pytest.mark.parametrize(
    ("purpose", "environment", "version", "name"),
    [
        ("training", "prod", "v12", "daily-training-prod-v12"),
        ("training", "prod", "", "daily-training-prod"),
        (
            "ml.pipelines:Training_Pipe",
            "Org/Dev",
            "1.2.3",
            "daily-ml-pipelines-training-pipe-org-dev-1-2-3",
        ),
        ("  Prévision  ", "-staging-", "", "daily-prevision-staging"),
    ],
)
def test_names(purpose: str, environment: str, version: str, name: str) -> None:
    assert schedule_name(make_cadence(cron="0 3 * * *"), purpose, environment, version) == name


@pytest.mark.parametrize(("purpose", "environment"), [("", "prod"), ("训练", "prod"), ("a", "--")])
def test_no_name_can_be_made(purpose: str, environment: str) -> None:
    with pytest.raises(InputError) as caught:
        schedule_name(make_cadence(cron="0 3 * * *"), purpose, environment)
    assert caught.value.property == "name"


@pytest.mark.properties
@examples(500)
@given(cadence=cadences())
def test_every_cadence_has_words_and_a_name(cadence: Cadence) -> None:
    assert explain(cadence).endswith(cadence.timezone)
    name = schedule_name(cadence, "training", "prod")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)


def test_windows_and_intervals_in_words() -> None:
    every = make_cadence(interval=timedelta(hours=2), start_time=START)
    assert explain(every) == "Every 2 hours from 2026-12-01T00:00:00+00:00"
    until = make_cadence(cron="0 3 * * *", start_time=START, end_time=START + timedelta(days=9))
    assert explain(until) == (
        "At 03:00 every day, UTC, from 2026-12-01T00:00:00+00:00, until 2026-12-10T00:00:00+00:00"
    )
    assert explain(make_cadence(run_once_at=START)) == "Once, at 2026-12-01T00:00:00+00:00"
