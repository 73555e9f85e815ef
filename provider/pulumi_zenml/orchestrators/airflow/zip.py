"""The DAG zip that ZenML writes for Airflow, and our marker in it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import cast

from pulumi_zenml.cadence.dialects.base import rfc3339
from pulumi_zenml.cadence.model import Cadence

CONFIG = "config.json"
"""What ZenML's generator reads (zenml 0.98 airflow/orchestrators/dag_generator.py)."""
GENERATOR = "dag.py"
MARKER = "pulumi-zenml.json"
"""Ours: beside ZenML's own files, because Airflow and any DAG generator ignore it."""

TIMING = ("schedule", "start_date", "end_date", "catchup")
"""The keys of ``config.json`` that say when the DAG fires."""

_SNAPSHOT_FLAG = "--snapshot_id"
_SHORTEST_SECRET = 8


class BrokenZipError(Exception):
    """A file that is not a DAG zip; the message says why."""


@dataclass(frozen=True)
class ZipMarker:
    """What we store about a DAG zip that its configuration has no field for.

    Args:
        owner: the mark of the resource that owns it, or empty.
        declared: the declared cadence; ``None`` without one.
        written: the :data:`TIMING` values that we wrote for it. A different value in
            ``config.json`` was edited by hand.
        since: when the schedule was created, ISO 8601.
        paused: whether it was written so that it does not fire.
        settings: DAG arguments that we set, with what the pipeline had there (or ``None``).
        tags: the tags that we added.
    """

    owner: str = ""
    declared: Cadence | None = None
    written: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    since: str = ""
    paused: bool = False
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    tags: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The text of the marker file."""
        declared = _cadence_to_json(self.declared) if self.declared else None
        data = {**vars(self), "declared": declared, "tags": list(self.tags)}
        return json.dumps(data, default=dict, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> ZipMarker:
        """Read a marker file; unknown keys are ignored.

        Raises:
            ValueError, TypeError: it is not as we write it.
        """
        data = json.loads(text)
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        declared = known.get("declared")
        known["declared"] = _cadence_from_json(declared) if declared else None
        return cls(**{**known, "tags": tuple(known.get("tags", ()))})


@dataclass(frozen=True)
class DagZip:
    """One DAG zip in memory. It contains a ZenML token, so messages must not quote it.

    Args:
        config: the parsed ``config.json``.
        marker: ours; ``None`` for a zip that only ZenML wrote.
        others: every other file in it, ``dag.py`` first of all.
    """

    config: Mapping[str, object]
    marker: ZipMarker | None
    others: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls, data: bytes) -> DagZip | None:
        """Read a file of the DAG folder; ``None`` for a zip that ZenML did not write.

        Raises:
            BrokenZipError: it cannot be read.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                files = {name: archive.read(name) for name in archive.namelist()}
        except Exception as error:  # zlib, struct and others, depending on where it is damaged
            raise BrokenZipError("it is not a readable zip") from error
        if not {CONFIG, GENERATOR} <= files.keys():
            return None
        try:
            config = json.loads(files.pop(CONFIG))
            mark = files.pop(MARKER, None)
            marker = ZipMarker.from_json(mark) if mark is not None else None
        except (ValueError, TypeError) as error:
            raise BrokenZipError(f"its {CONFIG} or {MARKER} is damaged") from error
        if not isinstance(config, dict):
            raise BrokenZipError(f"its {CONFIG} is not a JSON object")
        return cls(config, marker, files)

    def data(self) -> bytes:
        """The zip's bytes."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.others.items():
                archive.writestr(name, content)
            archive.writestr(CONFIG, json.dumps(self.config))
            if self.marker is not None:
                archive.writestr(MARKER, self.marker.to_json())
        return buffer.getvalue()

    def changed(self, marker: ZipMarker, **config: object) -> DagZip:
        """A copy with another marker and other configuration keys."""
        return replace(self, marker=marker, config={**self.config, **config})

    @property
    def dag_id(self) -> str:
        """The id that Airflow gives the DAG."""
        return str(self.config.get("id", ""))

    @property
    def snapshot_id(self) -> str | None:
        """The ZenML snapshot that its tasks run, or ``None``."""
        for task in self._tasks():
            arguments = task.get("arguments")
            if isinstance(arguments, list) and _SNAPSHOT_FLAG in arguments[:-1]:
                return str(arguments[arguments.index(_SNAPSHOT_FLAG) + 1])
        return None

    @property
    def dag_args(self) -> dict[str, object]:
        """The arguments for Airflow's ``DAG``."""
        given = self.config.get("dag_args")
        return dict(given) if isinstance(given, dict) else {}

    @property
    def tags(self) -> list[str]:
        """The DAG's tags."""
        given = self.config.get("tags")
        return [str(tag) for tag in given] if isinstance(given, list) else []

    def timing(self) -> dict[str, object]:
        """The :data:`TIMING` values in force, with instants in UTC to the second."""
        return normal_timing(self.config)

    def scrub(self, text: str) -> str:
        """``text`` without the values that this zip puts into the tasks' environment."""
        for task in self._tasks():
            environment = task.get("environment")
            values = environment.values() if isinstance(environment, dict) else ()
            for value in map(str, values):
                if len(value) >= _SHORTEST_SECRET:
                    text = text.replace(value, "***")
        return text

    def _tasks(self) -> list[dict[str, object]]:
        tasks = self.config.get("tasks")
        return [task for task in tasks if isinstance(task, dict)] if isinstance(tasks, list) else []


def _cadence_to_json(cadence: Cadence) -> dict[str, object]:
    given = {
        "cron": cadence.cron,
        "interval": cadence.interval and cadence.interval.total_seconds(),
        "run_once_at": cadence.run_once_at and rfc3339(cadence.run_once_at),
        "timezone": cadence.timezone,
        "start_time": cadence.start_time and rfc3339(cadence.start_time),
        "end_time": cadence.end_time and rfc3339(cadence.end_time),
        "catchup": cadence.catchup,
    }
    return {key: value for key, value in given.items() if value is not None}


def _cadence_from_json(declared: Mapping[str, object]) -> Cadence:
    given = dict(declared)
    instants = {
        key: datetime.fromisoformat(str(given.pop(key)))
        for key in ("run_once_at", "start_time", "end_time")
        if key in given
    }
    interval = given.pop("interval", None)
    return Cadence(
        cron=cast("str | None", given.get("cron")),
        interval=timedelta(seconds=cast(float, interval)) if interval else None,
        timezone=str(given.get("timezone", "UTC")),
        catchup=bool(given.get("catchup")),
        **instants,
    )


def to_the_second(cadence: Cadence) -> Cadence:
    """A cadence as it is kept in a zip, where instants have no fractions of a second."""
    return _cadence_from_json(_cadence_to_json(cadence))


def normal_timing(values: Mapping[str, object]) -> dict[str, object]:
    """The :data:`TIMING` values of a mapping, spelled so that equal ones compare equal."""
    return {
        "schedule": values.get("schedule"),
        "start_date": _instant(values.get("start_date")),
        "end_date": _instant(values.get("end_date")),
        "catchup": bool(values.get("catchup")),
    }


def _instant(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    # ZenML keeps naive UTC (zenml 0.98 ScheduleRequest).
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds")
