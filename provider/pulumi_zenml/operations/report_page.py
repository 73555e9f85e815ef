"""A report as one self-contained HTML page: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from pulumi_zenml.errors import InputError
from pulumi_zenml.operations.audit_state import write_whole
from pulumi_zenml.operations.findings import CODES
from pulumi_zenml.operations.report import Report, ReportRow, rows_of_findings
from pulumi_zenml.operations.safe_text import safe
from pulumi_zenml.operations.zenml_rows import Run

GENERATOR = '<meta name="generator" content="pulumi-zenml report">'
"""Marks a file as a report that may be overwritten."""

_SCRIPTS = ("data.js", "draw.js", "page.js")
# The generator is in the first bytes.
_HEAD = 2048
_RECENT_RUNS = 10
_SUCCEEDED = ("completed", "cached")


def render_html(report: Report) -> str:
    """The page. Names and messages are shown as text, whatever they contain.

    Args:
        report: what to show.
    """
    style = _file("page.css")
    script = "\n".join(["'use strict';", *map(_file, _SCRIPTS)])
    title = f"Schedules, {report.taken:%Y-%m-%d %H:%M} UTC"
    parts = {
        "policy": (
            f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        ),
        "generator": GENERATOR,
        "title": html.escape(title),
        "style": style,
        "data": _for_script(_data(report)),
        "script": script,
    }
    # One pass over the template, so that placeholders in the data are not replaced.
    pieces = _file("page.html").split("%%")
    return "".join(parts[it] if index % 2 else it for index, it in enumerate(pieces))


def write_html(path: Path, text: str, *, force: bool = False) -> None:
    """Write a page atomically, with the permissions of the user's umask.

    Args:
        path: where.
        text: the page.
        force: overwrite a file even if it is not a report.

    Raises:
        InputError: the path is another file, or it cannot be written.
    """
    check_report_path(path, force=force)
    try:
        mask = os.umask(0o077)
        os.umask(mask)
        # Follow a symbolic link, which would otherwise be replaced.
        write_whole(path.resolve(), text, mode=0o666 & ~mask)
    except OSError as error:
        raise InputError("--html", f"'{path}' cannot be written: {_reason(error)}.") from error


def check_report_path(path: Path, *, force: bool = False) -> None:
    """Check that a page may be written there; call it before the work.

    Args:
        path, force: as for :func:`write_html`.

    Raises:
        InputError: the path is another file.
    """
    try:
        there = path.stat() if path.exists() else None
        if there and not stat.S_ISREG(there.st_mode):
            raise InputError("--html", f"'{path}' is not a file. Give the name of a file.")
        foreign = there and there.st_size and not force and not _is_report(path)
    except OSError as error:
        raise InputError("--html", f"'{path}' cannot be read: {_reason(error)}.") from error
    if foreign:
        raise InputError(
            "--html",
            f"'{path}' exists and is not a report. Give another name, or --force to overwrite it.",
        )


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _is_report(path: Path) -> bool:
    with path.open("rb") as file:
        return GENERATOR.encode() in file.read(_HEAD)


@cache
def _file(name: str) -> str:
    folder = resources.files("pulumi_zenml.operations").joinpath("page")
    return folder.joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _for_script(value: Any) -> str:
    """JSON in ASCII that cannot end the script element or begin a comment."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def _data(report: Report) -> dict[str, Any]:
    audit = report.audit
    return {
        "version": metadata.version("pulumi-zenml"),
        "taken": _seconds(report.taken),
        "start": _seconds(report.start),
        "end": _seconds(report.end),
        "where": safe(report.where),
        "scope": _scope(report),
        "runPage": report.run_page,
        "schedules": audit.schedules,
        "counterparts": audit.counterparts,
        "drift": audit.drift_percent,
        "unreachable": [
            {
                "kind": it.kind,
                "name": safe(it.name),
                "flavor": it.flavor,
                "reason": _line(it.reason),
            }
            for it in audit.unreachable
        ],
        "findings": [
            {
                "code": it.code,
                "severity": it.severity,
                "meaning": CODES[it.code].meaning,
                "schedule": safe(it.schedule or it.native_id),
                "project": safe(it.project),
                "stack": safe(it.stack),
                "flavor": safe(it.flavor),
                "native": safe(it.native_id),
                "message": _line(it.message),
                "fix": _line(it.fix),
                "rows": about,
            }
            for it, about in zip(audit.findings, rows_of_findings(report), strict=True)
        ],
        "rows": [_row(row) for row in report.rows],
        "load": list(report.load),
        "busiest": [{"minute": it.minute, "rows": it.schedules} for it in report.busiest],
    }


def _row(row: ReportRow) -> dict[str, Any]:
    it = row.schedule
    text = {
        "name": it.name,
        "project": it.project,
        "pipeline": it.pipeline,
        "stack": it.stack,
        "flavor": it.flavor,
        "cadence": it.cadence,
        "native": row.native,
        "nativeId": it.native_id,
        "owner": it.owner,
        "drift": it.drift,
        "link": it.link,
        "zenml": it.zenml,
        "there": it.native,
        "url": it.url,
        "lastResult": it.last_result,
        "projectId": row.project_id,
    }
    return {
        **{key: safe(value) for key, value in text.items()},
        "last": _seconds(it.last_run),
        "next": _seconds(it.next_run),
        "gaps": _train([_seconds(time) for time in row.gaps]),
        "fires": _train([_seconds(time) for time in row.fires]),
        "moreFires": row.fires_left_out,
        "runs": _differences([_seconds(run.started) for run in row.runs]),
        "results": "".join(map(_result, row.runs)),
        "moreRuns": row.runs_left_out,
        "recent": [
            {"name": safe(run.name), "id": run.id, "status": safe(run.status)}
            for run in row.runs[:_RECENT_RUNS]
        ],
    }


def _result(run: Run) -> str:
    """One letter: succeeded, failed, in progress, other."""
    if run.failed:
        return "f"
    if run.in_progress:
        return "p"
    return "s" if run.status in _SUCCEEDED else "o"


def _scope(report: Report) -> list[str]:
    scope = report.scope
    filters = {
        "project": scope.projects,
        "stack": scope.stacks,
        "pipeline": scope.pipelines,
        "flavor": scope.flavors,
        "environment": scope.environments,
        "state": scope.states,
        "schedule": scope.names,
    }
    words = [f"{key} {' or '.join(map(safe, values))}" for key, values in filters.items() if values]
    if scope.managed is not None:
        words.append("managed by Pulumi" if scope.managed else "not managed by Pulumi")
    return words


def _line(text: str) -> str:
    return safe(" ".join(text.split()))


def _seconds(instant: datetime | None) -> int | None:
    return int(instant.astimezone(UTC).timestamp()) if instant else None


def _differences(times: Sequence[int | None]) -> list[int]:
    """The first time, then the seconds from each to the next one."""
    known = [it for it in times if it is not None]
    return [it - before for before, it in zip([0, *known], known, strict=False)]


def _train(times: Sequence[int | None]) -> list[list[int]]:
    """Run-length encoded differences: schedules are regular."""
    train: list[list[int]] = []
    for difference in _differences(times):
        if train and train[-1][0] == difference:
            train[-1][1] += 1
        else:
            train.append([difference, 1])
    return train
