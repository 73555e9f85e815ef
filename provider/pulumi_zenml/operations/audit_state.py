"""How far the last audit checked, so that each fire is checked once. No secrets."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.zenml.connection import Connection

STATE_VARIABLE = "PULUMI_ZENML_STATE"
_VERSION = 1


@dataclass(frozen=True)
class AuditMark:
    """How far one schedule was checked.

    Args:
        until: its fires before this instant were checked; aware.
        cadence: its cadence at that time, in the native dialect, and whether it was active.
    """

    until: datetime
    cadence: str

    @staticmethod
    def of(entry: Entry, until: datetime) -> AuditMark:
        """The mark of an entry as it is now."""
        native = entry.counterpart.native.text if entry.counterpart else ""
        return AuditMark(until, f"{'active' if entry.fires else 'idle'} {native}")


class AuditState:
    """One file for each ZenML in the user's state folder; an unreadable one counts as none."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @staticmethod
    def of(connection: Connection) -> AuditState:
        """The state of one ZenML."""
        return AuditState(state_folder() / f"audit-{zenml_key(connection)}.json")

    def load(self) -> dict[str, AuditMark]:
        """How far each schedule was checked, by record id."""
        try:
            loaded = json.loads(self.path.read_text())
            if loaded["version"] != _VERSION:
                return {}
            return {
                id: AuditMark(datetime.fromisoformat(it["until"]), it["cadence"])
                for id, it in loaded["seen"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def save(self, seen: Mapping[str, AuditMark]) -> None:
        """Write it, atomically."""
        rows = {id: {**asdict(it), "until": it.until.isoformat()} for id, it in seen.items()}
        write_private(self.path, json.dumps({"version": _VERSION, "seen": rows}))


def state_folder() -> Path:
    """The user's folder for this tool's own state."""
    if given := os.environ.get(STATE_VARIABLE):
        return Path(given)
    import click

    return Path(click.get_app_dir("pulumi-zenml"))


def zenml_key(connection: Connection) -> str:
    """A short key for one ZenML, the same in every process of this machine."""
    where = connection.url()
    if not where:
        from zenml.config.global_config import GlobalConfiguration

        where = GlobalConfiguration().store_configuration.url
    return hashlib.sha256(where.encode()).hexdigest()[:16]


def write_private(path: Path, text: str) -> None:
    """Write a file that only the user can read, atomically.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(path, text, mode=0o600)


def write_whole(path: Path, text: str, *, mode: int) -> None:
    """Write a file atomically.

    Args:
        path: where; its folder is created.
        text: its content.
        mode: its permission bits.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
