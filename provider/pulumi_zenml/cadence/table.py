"""The table of systems and what each can express, from the dialects' own data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pulumi_zenml.cadence.dialects import DIALECTS, Dialect, get_dialect
from pulumi_zenml.cadence.words import duration

_ZONES = {
    "iana": "IANA",
    "windows": "Windows names",
    "host": "the host's",
    "utc": "UTC",
}
_GAP = {None: "not documented", "skip": "skipped", "after": "right after", "later": "later"}
_FOLD = {None: "not documented", "first": "the first", "last": "the second", "twice": "both"}


def features(name: str) -> Mapping[str, str]:
    """What one system can express, by feature, in words."""
    dialect = get_dialect(name)
    return {
        "system": f"`{name}`",
        "cron": f"{dialect.fields} fields" if "cron" in dialect.kinds else "no",
        "both day fields": _both_days(dialect),
        "zone": _ZONES[dialect.zones],
        "interval": _yes("interval" in dialect.kinds),
        "first fire of an interval": dialect.anchor or "-",
        "once": _yes("once" in dialect.kinds),
        "start": _yes(dialect.start_time),
        "end": _yes(dialect.end_time),
        "catch-up": _yes(dialect.catchup),
        "closest fires": duration(dialect.smallest),
        "longest interval": duration(dialect.largest) if "interval" in dialect.kinds else "-",
        "name": f"{dialect.name_length} characters" if dialect.name_length else "-",
        "time that is skipped": _clock(dialect, _GAP[dialect.dst.gap]),
        "time that comes twice": _clock(dialect, _FOLD[dialect.dst.fold]),
        "from": "; ".join(dialect.sources),
    }


def capability_tables() -> str:
    """The tables in Markdown: what each system can express, its limits and clock changes."""
    rows = [features(name) for name in DIALECTS]
    spoken = ("system", "cron", "both day fields", "zone", "interval", "once", "start", "end")
    limits = ("system", "closest fires", "longest interval", "name", "first fire of an interval")
    clocks = ("system", "time that is skipped", "time that comes twice", "from")
    return "\n".join(
        [
            _table(rows, (*spoken, "catch-up")),
            "Limits:\n",
            _table(rows, limits),
            "When the clock changes, and where these facts are from:\n",
            _table(rows, clocks),
        ]
    )


def _table(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> str:
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    lines += [" | ".join(row[column] for column in columns) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)


def _yes(able: bool) -> str:
    return "yes" if able else "no"


def _both_days(dialect: Dialect) -> str:
    if "cron" not in dialect.kinds:
        return "-"
    return "either one" if dialect.both_days else "refused"


def _clock(dialect: Dialect, rule: str) -> str:
    if dialect.zones == "utc" or "cron" not in dialect.kinds:
        return "-"
    return f"{rule}; `*` jobs follow the clock" if dialect.dst.running_clock else rule
