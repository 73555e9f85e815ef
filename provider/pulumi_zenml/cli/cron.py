"""``pulumi-zenml cron``: what a cadence means, how a system spells it, when it fires next."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from pulumi_zenml.cadence import (
    DIALECTS,
    NEUTRAL_DST,
    Cadence,
    DstRule,
    Fire,
    check_cadence,
    explain,
    get_dialect,
    next_fires,
)
from pulumi_zenml.cadence.table import capability_tables, features
from pulumi_zenml.errors import CannotExpressError, InputError

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_EVERY = re.compile(r"every\s+(\d{1,9})\s*([a-z]+)\s+from\s+(\S+)", re.IGNORECASE | re.ASCII)
_ONCE = re.compile(r"once\s+at\s+(\S+)", re.IGNORECASE | re.ASCII)
_MOST = 10_000

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def cron() -> None:
    """Explain, translate and look ahead in cron.

    EXPR is five fields ("0 3 * * 1-5"), an alias (@daily), "every 2h from INSTANT" or
    "once at INSTANT"; an INSTANT is ISO 8601 with an offset.
    """


def _cadence_options(command: _Command) -> _Command:
    """The options for the rest of a cadence."""
    for option in (
        click.option("--name", help="The schedule's name: it chooses the values of H fields."),
        click.option("--catchup", is_flag=True, help="Make up for missed fires."),
        click.option("--end-time", metavar="INSTANT", help="Nothing fires after it."),
        click.option("--start-time", metavar="INSTANT", help="Nothing fires before it."),
        click.option(
            "--timezone",
            default="UTC",
            show_default=True,
            metavar="ZONE",
            help="IANA name of the zone that cron is read in.",
        ),
        click.argument("expr"),
    ):
        command = option(command)
    return command


_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_from_option = click.option(
    "--from", "start", metavar="INSTANT", help="Fires after this instant; now when left out."
)
_system_option = click.option(
    "--system",
    type=click.Choice(list(DIALECTS)),
    help="Show the fires of this system, which may handle clock changes differently.",
)


@cron.command("explain")
@_cadence_options
@click.option(
    "--next",
    "count",
    type=click.IntRange(0, _MOST),
    default=5,
    show_default=True,
    help="How many fires to show.",
)
@_from_option
@_system_option
@_json_option
def explain_command(
    count: int, start: str | None, system: str | None, as_json: bool, **parts: Any
) -> None:
    """Describe EXPR in words, with its next fires in its zone and in UTC."""
    cadence = _cadence(**parts)
    fires = next_fires(cadence, _instant(start), count, rule=_rule(system))
    words = explain(cadence)
    if as_json:
        listed = [_fire_json(fire) for fire in fires]
        head = {"cron": cadence.cron, "timezone": cadence.timezone, "words": words}
        _print_json({**head, "next": listed})
        return
    click.echo(words)
    for fire in fires:
        line = f"  {fire.local:%a %Y-%m-%d %H:%M:%S %Z}  {fire.instant:%Y-%m-%d %H:%M:%S} UTC"
        click.echo(line + (f"  ! {fire.warning}" if fire.warning else ""))


@cron.command("next")
@_cadence_options
@click.option(
    "--count",
    type=click.IntRange(1, _MOST),
    default=5,
    show_default=True,
    help="How many fires.",
)
@_from_option
@_system_option
@_json_option
def next_command(
    count: int, start: str | None, system: str | None, as_json: bool, **parts: Any
) -> None:
    """Print the next instants, in UTC, at which EXPR fires."""
    fires = next_fires(_cadence(**parts), _instant(start), count, rule=_rule(system))
    instants = [fire.instant.isoformat() for fire in fires]
    if as_json:
        _print_json({"next": instants})
    else:
        click.echo("\n".join(instants))


@cron.command("translate")
@_cadence_options
@click.option(
    "--to",
    "system",
    required=True,
    type=click.Choice([*DIALECTS, "all"]),
    help="The system to spell it for, or all for a table.",
)
@click.option(
    "--host-timezone",
    default="UTC",
    show_default=True,
    metavar="ZONE",
    help="The zone of the machine or cluster, for crontab, at and kubeflow.",
)
@_json_option
def translate_command(system: str, host_timezone: str, as_json: bool, **parts: Any) -> None:
    """Print how a system spells EXPR, or why it cannot (exit 2)."""
    try:
        cadence = _cadence(**parts)
        if system == "all":
            _translate_all(cadence, host_timezone, as_json)
            return
        native = get_dialect(system, host_timezone).write(cadence)
    except InputError as error:
        if not as_json:
            raise
        _print_json({"system": system, **_error_json(error)})
        sys.exit(2)
    if as_json:
        _print_json(_native_json(system, native.text, native.fields, native.notes))
        return
    click.echo(native.text)
    for note in native.notes:
        click.echo(f"note: {note}", err=True)


@cron.command("systems")
@_json_option
def systems_command(as_json: bool) -> None:
    """Print what each system can express, and its limits."""
    if as_json:
        _print_json({name: dict(features(name)) for name in DIALECTS})
    else:
        click.echo(capability_tables(), nl=False)


def _translate_all(cadence: Cadence, host_timezone: str, as_json: bool) -> None:
    rows: list[dict[str, object]] = []
    for name in DIALECTS:
        try:
            native = get_dialect(name, host_timezone).write(cadence)
        except CannotExpressError as error:
            rows.append({"system": name, **_error_json(error)})
        else:
            rows.append(_native_json(name, native.text, native.fields, native.notes))
    if as_json:
        _print_json({"systems": rows})
        return
    width = max(len(name) for name in DIALECTS)
    for row in rows:
        mark = str(row["system"])
        for line in _lines(row):
            click.echo(f"{mark:<{width}}  {line}")
            mark = ""


def _lines(row: Mapping[str, Any]) -> list[str]:
    """The lines of a row of the table: the spelling and its notes, or the refusal."""
    if "native" in row:
        return [row["native"], *(f"note: {note}" for note in row["notes"])]
    return [f"refused: {row['reason']}", *(f"instead: {way}" for way in row["alternatives"])]


def _cadence(
    expr: str,
    timezone: str,
    start_time: str | None,
    end_time: str | None,
    catchup: bool,
    name: str | None,
) -> Cadence:
    """The cadence of EXPR and the options; the first mistake is raised."""
    inputs: dict[str, object] = {
        "timezone": timezone,
        "start_time": start_time,
        "end_time": end_time,
        "catchup": catchup,
    }
    every, once = _EVERY.fullmatch(expr.strip()), _ONCE.fullmatch(expr.strip())
    if every:
        inputs["interval"] = int(every[1]) * _unit(every[2])
        inputs["start_time"] = start_time or every[3]
    elif once:
        inputs["run_once_at"] = once[1]
    else:
        inputs["cron"] = expr
    cadence, mistakes = check_cadence(inputs, seed=name)
    if cadence is None:
        raise mistakes[0]
    return cadence


def _unit(word: str) -> int:
    for unit, seconds in _UNITS.items():
        if word.lower() in (unit, f"{unit}s", unit[0], unit[:3], f"{unit[:3]}s"):
            return seconds
    raise InputError("interval", f"`{word}` is none of {', '.join(_UNITS)}.")


def _instant(text: str | None) -> datetime:
    """An aware instant; now, to the second, when there is no text."""
    if text is None:
        return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
    cadence, mistakes = check_cadence({"run_once_at": text})
    if cadence is None or cadence.run_once_at is None:
        raise InputError("--from", mistakes[0].reason)
    return cadence.run_once_at


def _rule(system: str | None) -> DstRule:
    return NEUTRAL_DST if system is None else get_dialect(system).dst


def _fire_json(fire: Fire) -> dict[str, object]:
    return {
        "local": fire.local.isoformat(),
        "utc": fire.instant.isoformat(),
        "dst": fire.dst,
        "warning": fire.warning,
    }


def _native_json(
    system: str, text: str, fields: Mapping[str, object], notes: tuple[str, ...]
) -> dict[str, object]:
    return {"system": system, "native": text, "fields": dict(fields), "notes": list(notes)}


def _error_json(error: InputError) -> dict[str, object]:
    details: dict[str, object] = {"property": error.property, "reason": error.reason}
    if isinstance(error, CannotExpressError):
        details = {"property": error.property, "reason": error.why}
        details["alternatives"] = list(error.alternatives)
    return details


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
