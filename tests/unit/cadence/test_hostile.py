"""Hostile text: a cadence or our own error, never a traceback, never a hang, never a shell."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.properties import examples
from pulumi_zenml.cadence import DIALECTS, check_cadence, get_dialect, make_cadence, next_fires
from pulumi_zenml.cadence.dialects.crontab import Crontab
from pulumi_zenml.errors import InputError

many = examples(2500)
NOW = datetime(2026, 11, 23, tzinfo=UTC)

pieces = st.sampled_from(
    "* */ / - , ? L W # H ( ) @ % ; | & $ ` ' \" \\ < > ~ ! \n \r \t \x00 0 1 5 7 9 59 60 99 "
    "MON sun JAN dec @daily @every 1h TZ=UTC CRON_TZ= $(id) `id` ;rm -rf / && \u0663 \u200b é "
    "1e9 -1 +1 0x10 999999999999999999999 1-5 5-1 */2 2/2 1,2,3".split(" ")
)
near_misses = st.lists(st.one_of(pieces, st.just(" ")), max_size=24).map("".join)
texts = st.one_of(st.text(max_size=60), near_misses, near_misses)


@pytest.mark.properties
@many
@given(text=texts, zone=st.one_of(st.just("UTC"), st.text(max_size=20)))
def test_any_text_is_a_cadence_or_our_error(text: str, zone: str) -> None:
    try:
        cadence = make_cadence(cron=text, timezone=zone, seed="name", now=NOW)
    except InputError as error:
        assert error.property in ("cron", "timezone")
        assert len(error.reason) < 1000
        return
    assert cadence.cron is not None
    assert re.fullmatch(r"[0-9A-Z*/, -]+", cadence.cron)
    fires = next_fires(cadence, NOW, 2)
    assert len(fires) == 2 and fires[0].instant > NOW


@pytest.mark.properties
@many
@given(text=texts)
def test_no_shell_character_reaches_a_crontab(text: str) -> None:
    for dialect in (Crontab(), Crontab(portable=True)):
        try:
            native = dialect.write(make_cadence(cron=text, seed="name"))
        except InputError:
            continue
        assert re.fullmatch(r"[0-9*/,-]+( [0-9*/,-]+){4}", str(native.fields["schedule"]))


@pytest.mark.properties
@many
@given(text=texts, other=texts)
def test_any_native_text_is_read_or_refused(text: str, other: str) -> None:
    fields: dict[str, object] = {
        "schedule": text,
        "cron": text,
        "spec": text,
        "cron_expression": text,
        "quartz_cron_expression": text,
        "ScheduleExpression": f"cron({text})",
        "trigger_type": "cron",
        "expression": text,
        "time": text,
        "start_time": other,
        "timezone_id": other or "UTC",
    }
    for name in DIALECTS:
        for trial in (fields, {**fields, "start_time": None, "timezone_id": "UTC"}):
            try:
                found = get_dialect(name).read(trial)
            except InputError:
                continue
            if found.cron is not None:
                assert next_fires(found, NOW, 1), (name, text)


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    texts,
    st.datetimes().map(datetime.isoformat),
    st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    st.lists(st.integers(), max_size=2),
)
names = (
    "cron",
    "interval",
    "run_once_at",
    "timezone",
    "start_time",
    "end_time",
    "catchup",
    "spread",
)


@pytest.mark.properties
@many
@given(inputs=st.dictionaries(st.sampled_from(names), values))
def test_any_inputs_are_a_cadence_or_mistakes(inputs: dict[str, object]) -> None:
    cadence, mistakes = check_cadence(inputs, now=NOW, seed="name")
    assert (cadence is None) == bool(mistakes)
    assert all(mistake.property in names for mistake in mistakes)
    if cadence is not None:
        next_fires(cadence, NOW, 1)


def test_huge_text_is_refused_at_once() -> None:
    started = time.process_time()
    for text in ("*" * 10**6, "1," * 10**6, "1 " * 10**6, "9" * 10**6, "H(" * 10**5, "@" * 10**6):
        try:
            make_cadence(cron=text, seed="name")
        except InputError as error:
            assert len(error.reason) < 1000
        else:
            raise AssertionError(text[:10])
    # A limit that only a quadratic reading would miss, not a measurement.
    assert time.process_time() - started < 30
