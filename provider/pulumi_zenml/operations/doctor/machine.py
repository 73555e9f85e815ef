"""This machine: its clock, its time zones, and the Pulumi engine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib import metadata

from pulumi_zenml.cadence.zones import zone_names
from pulumi_zenml.operations.doctor.check import Check, run_check
from pulumi_zenml.orchestrators.probe import ProbeResult

_AREA = "machine"
_MOST_SKEW = timedelta(seconds=60)
_CALL_SECONDS = 10.0
_FEWEST_ZONES = 400


def check_machine(url: str) -> Iterator[Check]:
    """Clock, zone database and Pulumi engine.

    Args:
        url: of the ZenML server, to compare the clocks; empty for none.
    """
    yield run_check(_AREA, "clock", "", lambda: clock(url))[0]
    yield run_check(_AREA, "time zone database", "", zone_database)[0]
    yield run_check(_AREA, "Pulumi engine", "", pulumi_engine)[0]


def clock(url: str) -> ProbeResult:
    """How far this machine's clock is from a server's, by the Date header of its response.

    Args:
        url: of the server; empty for none.
    """
    import httpx

    if not url:
        return ProbeResult("there is no ZenML server to compare it with", "skipped")
    before = datetime.now(UTC)
    try:
        answer = httpx.get(f"{url.rstrip('/')}/health", timeout=_CALL_SECONDS)
        there = parsedate_to_datetime(answer.headers["date"])
    except (httpx.HTTPError, KeyError, ValueError) as error:
        return ProbeResult(
            f"the server does not report its time ({type(error).__name__})", "unknown"
        )
    after = datetime.now(UTC)
    skew = (there if there.tzinfo else there.replace(tzinfo=UTC)) - (before + (after - before) / 2)
    if abs(skew) > _MOST_SKEW:
        ahead = "behind" if skew > timedelta(0) else "ahead of"
        seconds = abs(skew).total_seconds()
        remedy = "Set the clock of the machine that is wrong: sudo timedatectl set-ntp true."
        return ProbeResult(
            f"this machine is {seconds:.0f} s {ahead} the ZenML server, so fires seem missed or "
            "early, and signed calls are refused",
            "warning",
            remedy,
        )
    return ProbeResult(f"within {_MOST_SKEW.total_seconds():.0f} s of the ZenML server's")


def zone_database() -> ProbeResult:
    """Whether this machine has the time zone database."""
    count = len(zone_names())
    if count < _FEWEST_ZONES:
        return ProbeResult(
            f"there are only {count} time zones", "failed", "pip install --upgrade tzdata"
        )
    try:
        version = f"; package tzdata {metadata.version('tzdata')}"
    except metadata.PackageNotFoundError:
        version = ""
    return ProbeResult(f"{count} time zones{version}")


def known_zones(zones: Sequence[str]) -> ProbeResult:
    """Whether every one of these IANA names is a time zone."""
    unknown = sorted({it for it in zones if it and it != "UTC" and it not in zone_names()})
    if unknown:
        return ProbeResult(
            f"no such time zone: {', '.join(unknown)}",
            "failed",
            "Give the schedule an IANA name such as Europe/Berlin, or pip install --upgrade tzdata",
        )
    return ProbeResult(", ".join(sorted(set(filter(None, zones)))) or "UTC")


def pulumi_engine() -> ProbeResult:
    """Whether the Pulumi CLI is installed, which adopt, reconcile and programs need."""
    path = shutil.which("pulumi")
    missing = "Install it: https://www.pulumi.com/docs/install/ (adopt and reconcile need it)."
    if path is None:
        return ProbeResult("there is no 'pulumi' on the PATH", "warning", missing)
    try:
        done = subprocess.run(
            [path, "version"], capture_output=True, text=True, timeout=_CALL_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        return ProbeResult(f"'{path} version' failed ({type(error).__name__})", "warning", missing)
    return ProbeResult(f"{done.stdout.strip()} at {path}")
