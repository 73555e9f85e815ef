"""Reading and writing a schedule of Vertex AI.

A schedule has no labels, so the owner is stored in those of its pipeline job. A label's value
has at most 63 of ``a-z0-9_-``, so that the owner is written with escapes and over several labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pulumi_zenml.cadence.dialects.base import rfc3339
from pulumi_zenml.cadence.fires import next_fires
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.errors import InputError, RefusedError
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted
from pulumi_zenml.orchestrators.vertex.api import VERTEX

if TYPE_CHECKING:
    from pulumi_zenml.cadence.dialects.base import Dialect

SELDOM = "TZ=Etc/GMT 29 3 29 2 *"
"""The cron that ZenML gets: it fires on a leap day, long after the actual cadence is set."""

DEFAULTS: Mapping[str, Any] = {"max_concurrent_run_count": 1, "allow_queueing": False}
"""The field that ZenML's call leaves out (zenml 0.98 ``_upload_and_run_pipeline``)."""

_OWNER = "pulumi-owner"
_LABEL = 63
_MOST_LABELS = 8
_SNAPSHOT = re.compile(r'--snapshot_id\\*",\s*\\*"([0-9a-f-]{36})')
_RUN = re.compile(r"[_-][0-9a-f]{32}$")


def owner_labels(owner: str) -> dict[str, str]:
    """The labels for ``owner``; none when it is too long for them."""
    text = "".join(
        chr(byte) if chr(byte) in "abcdefghijklmnopqrstuvwxyz0123456789-" else f"_{byte:02x}"
        for byte in owner.encode()
    )
    parts = [text[at : at + _LABEL] for at in range(0, len(text), _LABEL)]
    if len(parts) > _MOST_LABELS:
        return {}
    return {f"{_OWNER}-{number}" if number else _OWNER: part for number, part in enumerate(parts)}


def _owner(labels: Mapping[str, str]) -> str | None:
    keys = [_OWNER, *(f"{_OWNER}-{number}" for number in range(1, _MOST_LABELS))]
    text = "".join(labels.get(key, "") for key in keys)
    found = re.sub(r"_([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), text)
    return found.encode("latin-1", "replace").decode(errors="replace") or None


def without_owner(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that are not ours."""
    return {key: value for key, value in labels.items() if not key.startswith(_OWNER)}


def snapshot_id(schedule: Any) -> str | None:
    """The ZenML snapshot that its containers run, from their arguments.

    Those of a step with custom job parameters are inside the job's own specification.
    """
    from google.protobuf import json_format

    job = type(schedule).pb(schedule).create_pipeline_job_request.pipeline_job
    found = set(_SNAPSHOT.findall(json_format.MessageToJson(job.pipeline_spec)))
    return found.pop() if len(found) == 1 else None


def counterpart(schedule: Any, dialect: Dialect, *, location: str) -> Counterpart:
    """The schedule as a counterpart.

    Args:
        schedule: an ``aiplatform_v1.Schedule``.
        dialect: Vertex's.
        location: its region.
    """
    fields = _fields(schedule)
    job = schedule.create_pipeline_job_request.pipeline_job
    labels = dict(job.labels)
    snapshot = snapshot_id(schedule)
    problems = []
    cadence: Cadence | None = None
    if schedule.cron == SELDOM:
        problems.append("it was created but never given its cadence")
    try:
        cadence = dialect.read(fields)
        text = dialect.write(cadence).text
    except InputError as error:
        text = str(schedule.cron)
        problems.append(error.reason.rstrip("."))
    if snapshot is None:
        problems.append("its pipeline does not run exactly one ZenML snapshot")
    if schedule.state.name == "STATE_UNSPECIFIED":
        problems.append("its state in Vertex AI is unknown")
    completed = schedule.state.name == "COMPLETED"
    last = cadence is not None and not next_fires(cadence, datetime.now(UTC), 1)
    place, _, id = schedule.name.rpartition("/schedules/")
    return Counterpart(
        native_id=schedule.name,
        native=Native(text, fields),
        cadence=cadence,
        paused=schedule.state.name == "PAUSED",
        snapshot_id=snapshot,
        owner=_owner(labels),
        settings={
            "allow_queueing": schedule.allow_queueing,
            "labels": without_owner(labels),
            "max_concurrent_run_count": schedule.max_concurrent_run_count,
        },
        url=f"https://console.cloud.google.com/vertex-ai/locations/{location}/pipelines/schedules/"
        f"{id}?project={place.split('/')[1]}",
        ended=completed or last,
        problem="; ".join(problems),
        pipeline=_pipeline(job),
    )


def changes(schedule: Any, wanted: Wanted, fields: Mapping[str, object]) -> dict[str, Any]:
    """The fields to set so that the schedule is as wanted.

    Args:
        schedule: as it is.
        wanted: everything but the cadence.
        fields: the wanted cadence in Vertex's fields.

    Raises:
        RefusedError: it has an end, which cannot be removed.
    """
    found = _fields(schedule)
    asked: dict[str, Any] = {
        "display_name": wanted.name,
        **{key: type(value)(wanted.settings.get(key, value)) for key, value in DEFAULTS.items()},
    }
    changed = {key: value for key, value in asked.items() if getattr(schedule, key) != value}
    if fields["cron"] != found["cron"]:
        changed["cron"] = fields["cron"]
    for key in ("start_time", "end_time"):
        if fields.get(key) != found.get(key):
            changed[key] = _instant(fields.get(key))
    if "end_time" in changed and changed["end_time"] is None:
        raise RefusedError(
            VERTEX,
            f"schedule '{wanted.name}' has an end, and Vertex AI cannot remove it. Delete "
            "it first, or give an end_time far in the future.",
        )
    if "start_time" in changed and changed["start_time"] is None:
        # It cannot be removed either; one in the past has the same effect.
        changed["start_time"] = datetime.now(UTC)
        if schedule.start_time <= changed["start_time"]:
            del changed["start_time"]
    labels = dict(schedule.create_pipeline_job_request.pipeline_job.labels)
    kept = wanted.settings.get("labels", without_owner(labels))
    assert isinstance(kept, Mapping)
    labels_wanted = {**kept, **owner_labels(wanted.owner)}
    if labels_wanted != labels:
        request = type(schedule.create_pipeline_job_request)(schedule.create_pipeline_job_request)
        request.pipeline_job.labels = labels_wanted
        changed["create_pipeline_job_request"] = request
    return changed


def _fields(schedule: Any) -> dict[str, object]:
    """The cadence in the dialect's fields; a start at its creation is Vertex's own default."""
    fields: dict[str, object] = {"cron": schedule.cron}
    if schedule.start_time and schedule.start_time > schedule.create_time:
        fields["start_time"] = rfc3339(schedule.start_time)
    if schedule.end_time:
        fields["end_time"] = rfc3339(schedule.end_time)
    return fields


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _pipeline(job: Any) -> str:
    """The ZenML pipeline's name, which the compiled pipeline has with a run's suffix."""
    info = (job.pipeline_spec or {}).get("pipelineInfo") or {}
    for root in (job.pipeline_spec or {}, info):
        if root.get("displayName"):
            return _RUN.sub("", str(root["displayName"]))
    return _RUN.sub("", str(info.get("name") or ""))
