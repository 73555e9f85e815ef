"""``pulumi-zenml audit``: what is wrong with the schedules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import click

from pulumi_zenml.cli._options import (
    Selection,
    ago,
    duration,
    format_option,
    ignore_option,
    scope_options,
    selection_options,
)
from pulumi_zenml.cli._show import Columns, emit, for_people, print_message
from pulumi_zenml.operations import (
    CODES,
    AlertState,
    AuditOptions,
    AuditResult,
    open_alert_targets,
    run_audit,
    send_alerts,
)
from pulumi_zenml.operations.findings import SEVERITIES

ALERT_VARIABLE = "PULUMI_ZENML_ALERT"
_DEFAULTS = AuditOptions()
_COLUMNS = Columns(
    main={
        "severity": "severity",
        "code": "code",
        "schedule": "schedule",
        "stack": "stack",
    },
    more={"flavor": "flavor", "native_id": "native id"},
    below={"message": "finding", "fix": "fix"},
)
_STYLES = {"error": "red", "warning": "yellow", "info": ""}


@click.command()
@selection_options
@scope_options
@format_option
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--code", "only", multiple=True, type=click.Choice(list(CODES)), help="Only these codes."
)
@ignore_option
@click.option(
    "--severity",
    type=click.Choice(SEVERITIES),
    default="info",
    show_default=True,
    help="The lowest severity to report.",
)
@click.option(
    "--since",
    type=ago,
    metavar="INSTANT|DURATION",
    help="Check the fires since then, and record nothing; by default, those since the last audit.",
)
@click.option(
    "--grace",
    type=duration,
    default=_DEFAULTS.grace,
    show_default="15m",
    help="How late a run may be.",
)
@click.option(
    "--failing",
    type=click.IntRange(1, 100),
    default=_DEFAULTS.failing,
    show_default=True,
    help="Report this many failed runs in a row.",
)
@click.option(
    "--long-running",
    type=duration,
    default=_DEFAULTS.long_running,
    show_default="6h",
    help="Report a run in progress for longer.",
)
@click.option(
    "--crowded",
    type=click.IntRange(2),
    default=_DEFAULTS.crowded,
    show_default=True,
    help="Report this many starts in one minute.",
)
@click.option(
    "--alert",
    "urls",
    multiple=True,
    envvar=ALERT_VARIABLE,
    metavar="URL",
    help="Send what changed since the last audit to an apprise URL (Slack, Discord, mail, "
    "PagerDuty, webhooks ...), or zenml:STACK for that stack's alerter. Other users can see the "
    f"arguments of a process, so {ALERT_VARIABLE} takes URLs too, separated by spaces.",
)
@click.option("--alert-always", is_flag=True, help="Send all findings, changed or not.")
def audit(
    format: str,
    as_json: bool,
    only: tuple[str, ...],
    ignore: frozenset[str],
    severity: str,
    since: datetime | None,
    grace: timedelta,
    failing: int,
    long_running: timedelta,
    crowded: int,
    urls: tuple[str, ...],
    alert_always: bool,
    **options: Any,
) -> None:
    """Find drift, orphans, missed and failing runs, and more.

    Both sides are joined by the snapshot that a schedule runs and by the stored link; by name only
    where there is nothing else, which is a finding itself.

    Exit status: 0 fine, 1 findings, 2 something could not be read, or an alert was not delivered.

    \b
    Example:
      pulumi-zenml audit
      pulumi-zenml audit --json --ignore naming
    """
    selection = Selection.of(options)
    least = SEVERITIES[: SEVERITIES.index(severity) + 1]
    codes = frozenset(only or CODES)
    measures = AuditOptions(
        since=since,
        grace=grace,
        failing=failing,
        long_running=long_running,
        crowded=crowded,
        only=frozenset(code for code in codes if CODES[code].severity in least),
        ignore=ignore,
    )
    with selection.working() as on_progress:
        # A mistake in a URL is reported before the audit records anything.
        targets = open_alert_targets(selection.connection, urls)
        result = run_audit(selection.connection, selection.scope, measures, on_progress=on_progress)
    show(result, "json" if as_json else format)
    problems: list[str] = []
    if targets:
        state = AlertState.of(selection.connection, selection.scope, measures)
        problems = send_alerts(result, state, targets, always=alert_always)
    for problem in problems:
        print_message(problem)
    click.get_current_context().exit(2 if problems else result.exit_code)


def show(result: AuditResult, format: str) -> None:
    """Print what an audit found."""
    whole = result.summary()
    rows = whole["findings"]
    if not for_people(format) or rows:
        emit(format, rows, _COLUMNS, whole=whole, style=_style)
    if not for_people(format):
        return
    counts = f"{result.schedules} schedules, {result.counterparts} counterparts"
    click.echo(f"{counts}, {len(rows)} findings. Schedule drift: {result.drift_percent}%")
    for it in result.unreachable:
        print_message(f"unknown: {it.kind} '{it.name}' could not be read: {it.reason}")


def _style(row: Mapping[str, Any]) -> str:
    return _STYLES[row["severity"]]
