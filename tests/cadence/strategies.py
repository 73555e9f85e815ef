"""Random cadences: the kinds of cron people write, and zones that change their clocks."""

from __future__ import annotations

import calendar
from collections.abc import Sequence

from hypothesis import assume
from hypothesis import strategies as st

from pulumi_zenml.cadence import Cadence, make_cadence
from pulumi_zenml.cadence.fields import (
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    MONTH_NAMES,
    WEEKDAY,
    WEEKDAY_NAMES,
    FieldSpec,
)
from pulumi_zenml.errors import InputError

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Apia",
)
"""Both hemispheres, half an hour of change, half an hour of offset, and none at all."""

HARD_ZONES = (
    "Africa/Cairo",
    "America/Havana",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Atlantic/Azores",
    "Europe/Dublin",
    "Pacific/Chatham",
)
"""Changes at midnight, before midnight, at a part of an hour, and an inverted winter time."""

FIXED_ZONES = (
    "UTC",
    "Asia/Kolkata",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/Phoenix",
    "Etc/GMT+12",
    "Pacific/Kiritimati",
)

zones = st.one_of(
    st.sampled_from(ZONES), st.sampled_from(ZONES), st.just("UTC"), st.sampled_from(HARD_ZONES)
)
fixed_zones = st.one_of(st.just("UTC"), st.sampled_from(FIXED_ZONES))


@st.composite
def _part(draw: st.DrawFn, spec: FieldSpec, names: Sequence[str]) -> str:
    """One value, range or step of a field, by number or by name."""

    def spell(value: int) -> str:
        if names and value <= spec.high and draw(st.booleans()):
            name = names[value - spec.low]
            return draw(st.sampled_from((name, name.lower(), name.title())))
        return str(value)

    high = 7 if spec is WEEKDAY else spec.high
    value = draw(st.integers(spec.low, high))
    form = draw(st.sampled_from(("one", "one", "one", "range", "stepped", "open")))
    if form == "one":
        return spell(value)
    if form == "open":
        return f"{value}/{draw(st.integers(1, spec.high - spec.low))}"
    end = draw(st.integers(value, high))
    text = f"{spell(value)}-{spell(end)}"
    return text if form == "range" else f"{text}/{draw(st.integers(1, max(1, end - value)))}"


@st.composite
def _field(draw: st.DrawFn, spec: FieldSpec, names: Sequence[str] = (), star: int = 3) -> str:
    """A field; the more ``star``, the more often it is unrestricted."""
    form = draw(st.integers(0, 5 + star))
    if form > 5:
        return "*"
    if form == 5:
        return f"*/{draw(st.integers(1, spec.high - spec.low))}"
    count = draw(st.sampled_from((1, 1, 1, 2, 3)))
    return ",".join(draw(_part(spec, names)) for _ in range(count))


@st.composite
def crons(draw: st.DrawFn) -> str:
    """Five fields of every form; most fire a few times a day at most."""
    fields = [
        draw(_field(MINUTE, star=0)),
        draw(_field(HOUR, star=1)),
        draw(_field(DAY, star=9)),
        draw(_field(MONTH, MONTH_NAMES, star=14)),
        draw(_field(WEEKDAY, WEEKDAY_NAMES, star=7)),
    ]
    return draw(st.sampled_from((" ", "  ", "\t"))).join(fields)


@st.composite
def cadences(draw: st.DrawFn, zone: st.SearchStrategy[str] = zones) -> Cadence:
    """A valid cron cadence."""
    try:
        return make_cadence(cron=draw(crons()), timezone=draw(zone))
    except InputError:
        assume(False)
        raise


years = st.integers(2026, 2030)


def leap(year: int) -> bool:
    return calendar.isleap(year)
