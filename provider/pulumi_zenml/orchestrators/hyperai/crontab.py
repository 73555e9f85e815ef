"""Finding, writing and removing schedules in the text of a crontab; all other lines are kept.

A schedule is a block between two markers, which name it and its owner::

    # pulumi-zenml begin 0b8f6f0e-… owner=shop/prod/training
    0 3 * * 1-5 bash /home/ml/scheduled-pipeline-runs/0b8f6f0e-…/run_pipeline.sh
    # pulumi-zenml end 0b8f6f0e-…

Paused, its line starts with ``#PAUSED``. A schedule that fires once is a job of at(1); its block
only records it, with ``#ONCE <instant>`` (``#PAUSED ONCE <instant>``) for the line. ZenML's own
lines have no markers and are found too. Text is whatever ``crontab -l`` prints, decoded so that
every byte survives; lines end with a line feed and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

FOLDER = "scheduled-pipeline-runs"
SCRIPT = "run_pipeline.sh"

_KEY = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_MARKER = re.compile(rf"# pulumi-zenml (begin|end) ({_KEY})(?: owner=(\S*))?\s*", re.ASCII)
_RUNS = re.compile(rf"/{FOLDER}/({_KEY})/{re.escape(SCRIPT)}\b", re.ASCII)
_FIELD = r"[0-9A-Za-z*,/~#?-]+"
_LINE = re.compile(
    rf"(?P<off>#[ \t]*(?:PAUSED[ \t]+)?)?"
    rf"(?:ONCE[ \t]+(?P<once>\S+)|[ \t]*(?P<cron>@[a-z]+|(?:{_FIELD}[ \t]+){{4}}{_FIELD}))"
    rf"[ \t]+(?P<command>.*)",
    re.ASCII,
)
_COMMAND = re.compile(rf"bash /\S+/{FOLDER}/{_KEY}/{re.escape(SCRIPT)}", re.ASCII)
_SETTING = re.compile(r"[ \t]*([\"']?)(\w+)\1[ \t]*=[ \t]*([\"']?)(.*?)\3[ \t]*", re.ASCII)


@dataclass(frozen=True)
class CrontabEntry:
    """One schedule in a crontab.

    Args:
        key: the ZenML snapshot's id, which is in the path of the script.
        command: what the line runs.
        cron: the fields, or ``@`` alias, of the line; empty when the block has none.
        once: when the at job is due, aware; ``None`` for a cron line.
        paused: the line is a comment.
        owner: from the begin marker; ``None`` without one.
        problem: what is wrong with it, in words; empty when nothing is.
    """

    key: str
    command: str
    cron: str = ""
    once: datetime | None = None
    paused: bool = False
    owner: str | None = None
    problem: str = ""


def entries(text: str) -> list[CrontabEntry]:
    """Every schedule in a crontab, in order, with those that have markers but no line."""
    found: dict[str, list[re.Match[str]]] = {}
    owners: dict[str, str | None] = {}
    for line in text.split("\n"):
        key = _key(line)
        if key is None:
            continue
        lines = found.setdefault(key, [])
        marker = _MARKER.fullmatch(line)
        if marker is None:
            match = _LINE.fullmatch(line.rstrip("\r"))
            assert match is not None
            lines.append(match)
        elif marker[3]:
            owners[key] = unquote(marker[3])
    return [_entry(key, lines, owners.get(key)) for key, lines in found.items()]


def put(text: str, entry: CrontabEntry) -> str:
    """``text`` with the block of ``entry`` where its old lines were, or at the end."""
    lines = text.split("\n")
    first = next((at for at, line in enumerate(lines) if _key(line) == entry.key), None)
    if first is None:
        if lines[-1]:
            lines.append("")
        first = len(lines) - 1
    kept = [line for line in lines[first:] if _key(line) != entry.key]
    return "\n".join([*lines[:first], *_block(entry), *kept])


def drop(text: str, key: str) -> str:
    """``text`` without the markers and lines of one schedule."""
    return "\n".join(line for line in text.split("\n") if _key(line) != key)


def setting(text: str, name: str) -> str | None:
    """The value that the crontab's last ``name=value`` line sets; ``None`` without one."""
    value = None
    for line in text.split("\n"):
        match = _SETTING.fullmatch(line)
        if match is not None and match[2] == name:
            value = match[4]
    return value


def _block(entry: CrontabEntry) -> Sequence[str]:
    owner = f" owner={quote(entry.owner, safe='/')}" if entry.owner else ""
    if entry.once is not None:
        pause = "#PAUSED " if entry.paused else "#"
        line = f"{pause}ONCE {entry.once.astimezone(UTC).isoformat()} {entry.command}"
    else:
        pause = "#PAUSED " if entry.paused else ""
        line = f"{pause}{entry.cron} {entry.command}"
    begin, end = (f"# pulumi-zenml {word} {entry.key}" for word in ("begin", "end"))
    return begin + owner, line, end


def _key(line: str) -> str | None:
    """The schedule that a line belongs to; ``None`` for all other lines."""
    marker = _MARKER.fullmatch(line)
    if marker is not None:
        return marker[2]
    match = _LINE.fullmatch(line.rstrip("\r"))
    if match is None:
        return None
    runs = _RUNS.search(match["command"])
    if runs is None:
        return None
    # A comment that only mentions the script is a note.
    note = match["off"] is not None and not _COMMAND.fullmatch(match["command"])
    return None if note else runs[1]


def _entry(key: str, lines: list[re.Match[str]], owner: str | None) -> CrontabEntry:
    if not lines:
        return CrontabEntry(
            key, "", paused=True, owner=owner, problem="there is no line between its markers"
        )
    live = [line for line in lines if line["off"] is None]
    line = (live or lines)[0]
    problem = ""
    if len(live) > 1:
        problem = f"{len(live)} lines of the crontab run it"
    elif not _COMMAND.fullmatch(line["command"]):
        problem = f"its command was changed to `{line['command']}`"
    once = _instant(line["once"])
    if line["once"] is not None and once is None:
        problem = f"`{line['once']}` is not an instant"
    # An ONCE line is always a comment; PAUSED before it is the pause.
    paused = "PAUSED" in (line["off"] or "") if line["once"] is not None else not live
    return CrontabEntry(key, line["command"], line["cron"] or "", once, paused, owner, problem)


def _instant(text: str | None) -> datetime | None:
    try:
        value = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return value if value.tzinfo is not None else None
