"""Kubeflow's cron parser against what robfig/cron v1.2.0 itself answered (run in Go)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from standins.robfig import CronError, parse

# The two fires after Friday 2026-02-27 23:59:58 UTC.
FIRES = {
    "0 9 * * *": ["2026-02-28T00:09:00Z", "2026-02-28T01:09:00Z"],
    "*/5 * * * *": ["2026-02-28T00:00:00Z", "2026-02-28T00:00:05Z"],
    "15 14 1 * *": ["2026-02-28T01:14:15Z", "2026-03-01T01:14:15Z"],
    "30 2 * * 1-5": ["2026-02-28T00:02:30Z", "2026-02-28T01:02:30Z"],
    "0 0 9 * * *": ["2026-02-28T09:00:00Z", "2026-03-01T09:00:00Z"],
    "0 0 9 ? * MON-FRI": ["2026-03-02T09:00:00Z", "2026-03-03T09:00:00Z"],
    "0 30 4 1,15 * *": ["2026-03-01T04:30:00Z", "2026-03-15T04:30:00Z"],
    "0 0 0 13 * 5": ["2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z"],
    "0 0 0 */10 * FRI": ["2026-05-01T00:00:00Z", "2026-07-31T00:00:00Z"],
    "0 0 12 29 2 *": ["2028-02-29T12:00:00Z", "2032-02-29T12:00:00Z"],
    "0 0 12 31 4 *": [None, None],
    "10-20/5 * 1 * mar sun,Wed": ["2026-03-01T01:00:10Z", "2026-03-01T01:00:15Z"],
    "0 5/20 * * * *": ["2026-02-28T00:05:00Z", "2026-02-28T00:25:00Z"],
    "@daily": ["2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"],
    "@weekly": ["2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z"],
    "@every 10m": ["2026-02-28T00:09:58Z", "2026-02-28T00:19:58Z"],
    "@every 1h30m": ["2026-02-28T01:29:58Z", "2026-02-28T02:59:58Z"],
    "@every 500ms": ["2026-02-27T23:59:59Z", "2026-02-28T00:00:00Z"],
}

REFUSED = {
    "": "Empty spec string",
    "@foo": "Unrecognized descriptor: @foo",
    "@every x": 'Failed to parse duration @every x: time: invalid duration "x"',
    "0 9 31 12 *": "End of range (31) above maximum (23): 31",
    "0 9 * JAN *": 'Failed to parse int from JAN: strconv.Atoi: parsing "JAN": invalid syntax',
    "0 0 12 * * 7": "End of range (7) above maximum (6): 7",
    "0 0 12 L * *": 'Failed to parse int from L: strconv.Atoi: parsing "L": invalid syntax',
    "1-2-3 * * * * *": "Too many hyphens: 1-2-3",
    "1/2/3 * * * * *": "Too many slashes: 1/2/3",
    "-1 * * * * *": 'Failed to parse int from : strconv.Atoi: parsing "": invalid syntax',
    "0 60 * * * *": "End of range (60) above maximum (59): 60",
    "0 30-20 * * * *": "Beginning of range (30) beyond end of range (20): 30-20",
    "*/0 * * * * *": "Step of range should be a positive number: */0",
}


@pytest.mark.parametrize("text", FIRES)
def test_fires(text: str) -> None:
    schedule = parse(text)
    first = schedule.next(datetime(2026, 2, 27, 23, 59, 58, tzinfo=UTC))
    second = schedule.next(first) if first else None
    assert [at and at.strftime("%Y-%m-%dT%H:%M:%SZ") for at in (first, second)] == FIRES[text]


@pytest.mark.parametrize("text", REFUSED)
def test_refuses(text: str) -> None:
    with pytest.raises(CronError) as refused:
        parse(text)
    assert str(refused.value) == REFUSED[text]
