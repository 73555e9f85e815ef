"""Every mistake is found at once, on its property, with what to write instead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pulumi_zenml.cadence import Cadence, check_cadence, equivalent, make_cadence
from pulumi_zenml.errors import InputError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = "2026-12-01T09:00:00+00:00"


@pytest.mark.parametrize(
    ("inputs", "property", "reason"),
    [
        ({}, "cron", "exactly one"),
        ({"cron": "0 3 * * *", "interval": 60}, "interval", "`cron` and `interval`"),
        ({"cron": "0 3 * * *", "run_once_at": LATER}, "run_once_at", "exactly one"),
        ({"interval": 3600}, "start_time", "its first fire"),
        ({"interval": 0, "start_time": LATER}, "interval", "not from 1 s"),
        ({"interval": -5, "start_time": LATER}, "interval", "not from 1 s"),
        ({"interval": 1.5, "start_time": LATER}, "interval", "whole number of seconds"),
        ({"interval": float("nan"), "start_time": LATER}, "interval", "whole number"),
        ({"interval": float("inf"), "start_time": LATER}, "interval", "whole number"),
        ({"interval": 1e300, "start_time": LATER}, "interval", "not from 1 s"),
        ({"interval": True, "start_time": LATER}, "interval", "number of seconds"),
        ({"interval": "2h", "start_time": LATER}, "interval", "number of seconds"),
        ({"cron": 5}, "cron", "not text"),
        ({"cron": "60 1 * * *"}, "cron", "minute `60`"),
        ({"cron": "0 0 30 2 *"}, "cron", "never fire"),
        ({"cron": "0 3 * * *", "timezone": "Europe/Berln"}, "timezone", "Europe/Berlin"),
        ({"cron": "0 3 * * *", "timezone": "berlin"}, "timezone", "Europe/Berlin"),
        ({"cron": "0 3 * * *", "timezone": "new york"}, "timezone", "America/New_York"),
        ({"cron": "0 3 * * *", "timezone": "Local"}, "timezone", "not an IANA"),
        ({"cron": "0 3 * * *", "timezone": "../../etc/passwd"}, "timezone", "not an IANA"),
        ({"cron": "0 3 * * *", "timezone": "/etc/localtime"}, "timezone", "not an IANA"),
        ({"cron": "0 3 * * *", "timezone": ""}, "timezone", "not an IANA"),
        ({"cron": "0 3 * * *", "timezone": "W. Europe Standard Time"}, "timezone", "not an IANA"),
        ({"run_once_at": "2026-12-01T09:00:00"}, "run_once_at", "no time zone"),
        ({"run_once_at": "tomorrow"}, "run_once_at", "ISO 8601"),
        ({"run_once_at": "2026-02-30T09:00:00+00:00"}, "run_once_at", "ISO 8601"),
        ({"run_once_at": "2026-11-23T11:59:59+00:00"}, "run_once_at", "in the past"),
        ({"run_once_at": "9999-12-31T23:59:59+00:00"}, "run_once_at", "not within"),
        ({"run_once_at": "2026-12-01T09:00:00.5+00:00"}, "run_once_at", "fractions of a second"),
        ({"run_once_at": LATER, "catchup": True}, "catchup", "no meaning"),
        ({"run_once_at": LATER, "end_time": LATER}, "end_time", "no meaning"),
        ({"cron": "0 3 * * *", "end_time": "2026-11-22T00:00:00+00:00"}, "end_time", "past"),
        (
            {"cron": "0 3 * * *", "start_time": LATER, "end_time": "2026-11-30T00:00:00Z"},
            "end_time",
            "before start_time",
        ),
        (
            {"cron": "0 3 * * *", "start_time": LATER, "end_time": "2026-12-01T10:00:00Z"},
            "end_time",
            "nothing fires",
        ),
        ({"cron": "0 0 29 2 *", "end_time": "2027-12-31T00:00:00Z"}, "end_time", "nothing fires"),
        ({"cron": "0 3 * * *", "catchup": "yes"}, "catchup", "neither true nor false"),
        ({"cron": "H 3 * * *"}, "cron", "`H` depends on the schedule's name"),
        ({"cron": "0 3 * * *", "spread": 3600}, "spread", "the schedule's name"),
        ({"interval": 60, "start_time": LATER, "spread": 60}, "spread", "`cron` only"),
    ],
)
def test_mistakes(inputs: dict[str, object], property: str, reason: str) -> None:
    cadence, mistakes = check_cadence(inputs, now=NOW)
    assert cadence is None
    found = {mistake.property: mistake.reason for mistake in mistakes}
    assert property in found, found
    assert reason in found[property]


def test_every_mistake_is_told_once() -> None:
    _, mistakes = check_cadence(
        {"cron": "61 3 * * *", "timezone": "Mars/Base", "end_time": "soon", "catchup": 1}, now=NOW
    )
    assert sorted(mistake.property for mistake in mistakes) == [
        "catchup",
        "cron",
        "end_time",
        "timezone",
    ]


def test_an_unreadable_input_is_no_missing_one() -> None:
    _, mistakes = check_cadence({"run_once_at": "soon"}, now=NOW)
    assert [mistake.property for mistake in mistakes] == ["run_once_at"]
    _, mistakes = check_cadence({"interval": 60, "start_time": "soon"}, now=NOW)
    assert [mistake.property for mistake in mistakes] == ["start_time"]


def test_an_existing_schedule_may_be_over() -> None:
    over = {"run_once_at": "2020-01-01T00:00:00Z"}
    assert check_cadence(over)[0] is not None
    ended = {"cron": "0 3 * * *", "end_time": "2020-01-01T00:00:00Z"}
    assert check_cadence(ended)[0] is not None


def test_reads_what_a_program_writes() -> None:
    cadence, mistakes = check_cadence(
        {
            "cron": "@daily",
            "timezone": "Europe/Berlin",
            "end_time": "2027-01-01T00:00:00+01:00",
            "catchup": True,
            "interval": None,
        },
        now=NOW,
    )
    assert not mistakes
    assert cadence == Cadence(
        cron="0 0 * * *",
        timezone="Europe/Berlin",
        end_time=datetime(2026, 12, 31, 23, tzinfo=UTC),
        catchup=True,
    )


def test_interval_seconds_may_be_a_float() -> None:
    cadence, _ = check_cadence({"interval": 86400.0, "start_time": LATER})
    assert cadence is not None and cadence.interval == timedelta(days=1)


def test_make_cadence_raises_the_first_mistake() -> None:
    with pytest.raises(InputError) as caught:
        make_cadence(run_once_at=datetime(2026, 12, 1), now=NOW)
    assert caught.value.property == "run_once_at"


def test_equivalent_ignores_spelling_only() -> None:
    one = make_cadence(cron="0 9 * * MON-FRI")
    assert equivalent(one, make_cadence(cron="0 9 * * 1,2,3,4,5"))
    assert not equivalent(one, make_cadence(cron="0 9 * * 1-6"))
    assert not equivalent(one, make_cadence(cron="0 9 * * 1-5", timezone="Europe/Berlin"))
    assert not equivalent(one, make_cadence(cron="0 9 * * 1-5", catchup=True))
    instant = datetime(2026, 12, 1, 10, tzinfo=timezone(timedelta(hours=1)))
    assert equivalent(
        make_cadence(run_once_at=instant), make_cadence(run_once_at=instant.astimezone(UTC))
    )
