"""The neutral cron: what it accepts, what it means, and why it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given

from cadence.properties import examples
from cadence.strategies import crons
from pulumi_zenml.cadence.cron import ALIASES, Cron, parse_cron
from pulumi_zenml.cadence.spelling import unix_text
from pulumi_zenml.errors import InputError

FULL_WEEK = (0, 1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("text", "minute", "hour", "weekday"),
    [
        ("0 3 * * 1-5", (0,), (3,), (1, 2, 3, 4, 5)),
        ("0 3 * * mon-Fri", (0,), (3,), (1, 2, 3, 4, 5)),
        ("0 3 * * 7", (0,), (3,), (0,)),
        ("0 9 * * 5-7", (0,), (9,), (0, 5, 6)),
        ("0 9 * * FRI-SUN", (0,), (9,), (0, 5, 6)),
        ("0 9 * * sat-mon", (0,), (9,), (0, 1, 6)),
        ("0 0 * * */2", (0,), (0,), (0, 2, 4, 6)),
        ("0 0 * * 1-7", (0,), (0,), FULL_WEEK),
        ("0 0 * * 0-7", (0,), (0,), FULL_WEEK),
        ("0 22-3 * * *", (0,), (0, 1, 2, 3, 22, 23), FULL_WEEK),
        ("0 22-3/2 * * *", (0,), (0, 2, 22), FULL_WEEK),
        ("50-10/10 0 * * *", (0, 10, 50), (0,), FULL_WEEK),
        ("5/15 0 * * *", (5, 20, 35, 50), (0,), FULL_WEEK),
        ("*/25 0 * * *", (0, 25, 50), (0,), FULL_WEEK),
        ("*/7 */5 * * *", (0, 7, 14, 21, 28, 35, 42, 49, 56), (0, 5, 10, 15, 20), FULL_WEEK),
        ("05,5,5-5 009 * * *", (5,), (9,), FULL_WEEK),
        ("*,5 0 * * *", tuple(range(60)), (0,), FULL_WEEK),
        ("0 0 * * 5/2", (0,), (0,), (5,)),
        ("0 0 * * 1/2", (0,), (0,), (1, 3, 5)),
    ],
)
def test_means(
    text: str, minute: tuple[int, ...], hour: tuple[int, ...], weekday: tuple[int, ...]
) -> None:
    cron = parse_cron(text)
    assert cron.minute.values == minute
    assert cron.hour.values == hour
    assert cron.weekday.values == weekday


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_are_five_fields(alias: str) -> None:
    assert parse_cron(alias.upper()) == parse_cron(ALIASES[alias])
    assert "@" not in parse_cron(alias).text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("0 3 * * mon-fri", "0 3 * * MON-FRI"),
        ("0 3 * jan-Mar/2 *", "0 3 * JAN-MAR/2 *"),
        ("  0\t3 * *   7 ", "0 3 * * 7"),
        ("00 03 01 jan *", "0 3 1 JAN *"),
        ("0 22-1 * * *", "0 0,1,22,23 * * *"),
        ("5/20 0 * * *", "5-59/20 0 * * *"),
        ("0 0 5-5 * *", "0 0 5 * *"),
        ("*/1 * * * *", "* * * * *"),
        ("@hourly", "0 * * * *"),
    ],
)
def test_keeps_what_was_written_in_portable_spelling(text: str, kept: str) -> None:
    assert parse_cron(text).text == kept


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "0 fields"),
        ("0 3 * *", "4 fields"),
        ("0 0 3 * * *", "Seconds and years"),
        ("0 0 3 * * ? 2026", "Seconds and years"),
        ("60 1 * * *", "minute `60`: 60 is not within 0-59"),
        ("0 24 * * *", "hour `24`"),
        ("0 0 0 * *", "day of month `0`"),
        ("0 0 32 * *", "day of month `32`"),
        ("0 0 * 13 *", "month `13`"),
        ("0 0 * * 8", "day of week `8`"),
        ("0 0 * * MONDAY", "day of week `MONDAY`"),
        ("0 0 * FOO *", "month `FOO`"),
        ("JAN 0 * * *", "minute `JAN`"),
        ("*/0 * * * *", "step of 0"),
        ("*/60 * * * *", "starts again"),
        ("*/90 * * * *", "`interval` where the orchestrator"),
        ("0 */24 * * *", "starts again"),
        ("0 0 ? * 1", "Quartz and EventBridge"),
        ("0 0 L * *", "`L`, `W` and `#`"),
        ("0 0 15W * *", "`L`, `W` and `#`"),
        ("0 0 * * 5#3", "`L`, `W` and `#`"),
        ("0 0 * * 5L", "`L`, `W` and `#`"),
        ("1,,2 * * * *", "extra comma"),
        ("5~20 * * * *", "minute `5~20`"),
        ("-5 * * * *", "minute `-5`"),
        ("1-2-3 * * * *", "minute `1-2-3`"),
        ("1/2/3 * * * *", "minute `1/2/3`"),
        ("*-5 * * * *", "minute `*-5`"),
        ("\u0661 * * * *", "characters that cron"),
        ("\uff15 * * * *", "characters that cron"),
        ("0 3 * * fr\u0131", "characters that cron"),
        ("TZ=Europe/Berlin 0 3 * * *", "set `timezone`"),
        ("CRON_TZ=UTC 0 3 * * *", "set `timezone`"),
        ("@reboot", "not at a time"),
        ("@every 90s", "use `interval`"),
        ("@every", "use `interval`"),
        ("@fortnightly", "is not one of"),
        ("H 3 * * *", "`H`"),
        ("0 0 30 2 *", "can never fire"),
        ("0 0 30,31 FEB *", "can never fire"),
        ("0 0 31 4,6,9,11 *", "can never fire"),
        ("0 0 */2 * 1", "others either"),
        ("0 0 13 * */2", "others either"),
        ("0 0 1-31 * 1", "Write `*`"),
        ("0 0 13 * 0-6", "Write `*`"),
        ("0 0 13 * 1-7", "Write `*`"),
        ("1 " * 200, "too many"),
    ],
)
def test_refuses_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_cron(text)
    assert caught.value.property == "cron"
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    "text", ["0 0 29 2 *", "0 0 31 1,2 *", "0 0 30 2 1", "0 0 */2 * *", "0 0 1-31 * *"]
)
def test_accepts_what_fires_now_and_then(text: str) -> None:
    assert isinstance(parse_cron(text), Cron)


def test_either_day_is_enough() -> None:
    cron = parse_cron("0 0 13 * 5")
    assert cron.either_day
    assert cron.matches_day(2026, 11, 13)  # a Friday
    assert cron.matches_day(2026, 11, 20)  # a Friday, not the 13th
    assert cron.matches_day(2026, 12, 13)  # the 13th, a Sunday
    assert not cron.matches_day(2026, 12, 14)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0 3 * * MON-FRI", "0 3 * * 1-5"),
        ("0 9 * * 5-7", "0 9 * * 0,5,6"),
        ("0,15,30,45 * * * *", "0,15,30,45 * * * *"),
        ("*/15 * * * *", "*/15 * * * *"),
        ("*/15,7 * * * *", "*/15,7 * * * *"),
        ("0-59 3 * * *", "0-59 3 * * *"),
        ("1-59/2 0-23 * * *", "1-59/2 0-23 * * *"),
        ("0 0 1,3,5,7,9,11 * *", "0 0 1-11/2 * *"),
        ("0 0 1-31/2 * 1", "0 0 1-31/2 * 1"),
        ("0 0 1,17 * *", "0 0 1,17 * *"),
        ("0 0 * 1,4,7,10 *", "0 0 * */3 *"),
    ],
)
def test_canonical_spelling(text: str, canonical: str) -> None:
    assert unix_text(parse_cron(text)) == canonical


@pytest.mark.properties
@examples(2000)
@given(text=crons())
def test_canonical_spelling_means_the_same_and_stays(text: str) -> None:
    try:
        cron = parse_cron(text)
    except InputError:
        return
    canonical = unix_text(cron)
    again = parse_cron(canonical)
    assert again == cron
    assert again.running_clock == cron.running_clock
    assert unix_text(again) == canonical
    assert parse_cron(cron.text) == cron
