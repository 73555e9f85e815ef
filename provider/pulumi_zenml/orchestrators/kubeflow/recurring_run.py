"""Reading and writing a recurring run of Kubeflow Pipelines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pulumi_zenml.cadence.dialects.base import rfc3339
from pulumi_zenml.cadence.fires import fires_between, next_fires
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.errors import InputError
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted

if TYPE_CHECKING:
    from pulumi_zenml.cadence.dialects.base import Dialect

Object = dict[str, Any]

NEVER = datetime(2199, 1, 1, tzinfo=UTC)
"""The start that ZenML gets: nothing fires before the copy with its actual cadence."""

NEVER_CRON = "0 0 0 1 1 *"

_MARK = "pulumi-zenml "
_LONGEST_DESCRIPTION = 255  # servers before 2.15 keep it in a VARCHAR(255)
_SNAPSHOT_OPTION = "--snapshot_id"
_SECOND = timedelta(seconds=1)


def is_inert(raw: Object) -> bool:
    """Whether it still has the cadence that ZenML got, not yet the declared one."""
    cron = (raw.get("trigger") or {}).get("cron_schedule") or {}
    return cron.get("cron") == NEVER_CRON and _instant(cron.get("start_time")) == NEVER


def snapshot_id(raw: Object) -> str | None:
    """The ZenML snapshot that its containers run, from their arguments."""
    executors = (_spec(raw).get("deploymentSpec") or {}).get("executors") or {}
    found = {value for executor in executors.values() for value in _snapshots(executor)}
    return found.pop() if len(found) == 1 else None


def _snapshots(executor: Mapping[str, Any]) -> Iterator[str]:
    container = executor.get("container") or {}
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    for option, value in pairwise(words):
        if option == _SNAPSHOT_OPTION:
            yield str(value)


def run_name(raw: Object) -> str:
    """ZenML's name of it, which its pipeline keeps when it is copied."""
    info = _spec(raw).get("pipelineInfo") or {}
    return str(info.get("name") or "")


def _spec(raw: Object) -> Object:
    """The pipeline's spec, without a platform's part."""
    spec: Object = raw.get("pipeline_spec") or {}
    inner: Object = spec.get("pipeline_spec", spec)
    return inner


def counterpart(raw: Object, dialect: Dialect, *, pipeline: str, url: str) -> Counterpart:
    """The recurring run as a counterpart.

    Args:
        raw: the API's object.
        dialect: how the cluster reads cron.
        pipeline: the name of its experiment.
        url: its page.
    """
    fields = _fields(raw)
    mark = _mark(raw)
    problems = []
    cadence: Cadence | None = None
    if is_inert(raw):
        problems.append("it was created but never given its cadence, so it never fires")
    try:
        cadence = _as_asked(dialect.read(fields), mark.get("start"), raw)
        text = dialect.write(cadence).text
    except InputError as error:
        text = str(fields.get("cron_expression") or f"every {fields.get('interval_second')} s")
        problems.append(error.reason.rstrip("."))
    snapshot = snapshot_id(raw)
    if snapshot is None:
        problems.append("its pipeline does not run exactly one ZenML snapshot")
    if raw.get("error"):
        problems.append(f"Kubeflow cannot read it: {raw['error'].get('message', '')}")
    return Counterpart(
        native_id=raw["recurring_run_id"],
        native=Native(text, fields),
        cadence=cadence,
        paused=raw.get("status") != "ENABLED",
        snapshot_id=snapshot,
        owner=mark.get("owner"),
        settings={
            "max_concurrency": int(raw.get("max_concurrency") or 1),
            "service_account": raw.get("service_account") or "",
        },
        url=url,
        ended=cadence is not None and not next_fires(cadence, datetime.now(UTC), 1),
        problem="; ".join(problems),
        pipeline=pipeline,
    )


def shaped(raw: Object, wanted: Wanted, dialect: Dialect, now: datetime) -> Object:
    """The recurring run to create: disabled, with the pipeline of ``raw``, as wanted.

    Args:
        raw: the recurring run to copy.
        wanted: everything else.
        dialect: how the cluster reads cron.
        now: aware.
    """
    fields = dict(dialect.write(wanted.cadence).fields)
    start = _native_start(wanted.cadence, fields, now)
    schedule = {"end_time": fields.get("end_time"), "start_time": start}
    if "cron_expression" in fields:
        trigger = {"cron_schedule": {**schedule, "cron": fields["cron_expression"]}}
    else:
        trigger = {"periodic_schedule": {**schedule, "interval_second": fields["interval_second"]}}
    copied = ("pipeline_spec", "pipeline_version_reference", "runtime_config", "plugins_input")
    given = wanted.settings
    body = {
        **{key: raw[key] for key in copied if raw.get(key)},
        "experiment_id": raw["experiment_id"],
        "display_name": wanted.name,
        "description": _description(wanted, moved=start != fields.get("start_time")),
        "trigger": {kind: _without_none(schedule) for kind, schedule in trigger.items()},
        "mode": "DISABLE",
        "no_catchup": fields["no_catchup"],
        "max_concurrency": _whole(given.get("max_concurrency") or raw.get("max_concurrency") or 1),
        "service_account": given.get("service_account") or raw.get("service_account"),
    }
    return _without_none(body)


def _native_start(cadence: Cadence, fields: Mapping[str, object], now: datetime) -> object:
    """The native start with which the first fire is the cadence's first from ``now`` on.

    The controller fires at once for a fire between the start and now (cron_schedule.go,
    periodic_schedule.go), and skips one right at the start.
    """
    start = cadence.start_time
    if start is None:
        return None
    if cadence.interval is not None:
        passed = max(0, (now - start) // cadence.interval + 1)
        return rfc3339(start + (passed - 1) * cadence.interval)
    if start <= now:
        return None
    if any(fires_between(cadence, start, start + _SECOND)):
        return rfc3339(start - _SECOND)
    return fields["start_time"]


def _as_asked(cadence: Cadence, noted: str | None, raw: Object) -> Cadence:
    """The cadence with its declared start, if the native start follows from it."""
    asked = _instant(noted)
    start = cadence.start_time
    if asked is None:
        return cadence
    if cadence.interval is not None:
        follows = start is not None and start >= asked and not (start - asked) % cadence.interval
    elif start is None:
        created = _instant(raw.get("created_at"))
        follows = created is not None and asked <= created
    else:
        follows = start == asked - _SECOND
    return replace(cadence, start_time=asked) if follows else cadence


def _description(wanted: Wanted, *, moved: bool) -> str:
    mark = {"owner": wanted.owner} if wanted.owner else {}
    if moved and wanted.cadence.start_time:
        mark["start"] = rfc3339(wanted.cadence.start_time)
    text = _MARK + json.dumps(mark, ensure_ascii=False)
    if len(text) > _LONGEST_DESCRIPTION:
        mark.pop("owner", None)
        text = _MARK + json.dumps(mark)
    return text


def _mark(raw: Object) -> dict[str, str]:
    head, mark, text = str(raw.get("description") or "").partition(_MARK)
    if head or not mark:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _fields(raw: Object) -> dict[str, object]:
    """The trigger in the dialect's fields."""
    trigger = raw.get("trigger") or {}
    cron, periodic = trigger.get("cron_schedule"), trigger.get("periodic_schedule")
    fields: dict[str, object] = {"no_catchup": bool(raw.get("no_catchup"))}
    if cron:
        fields["cron_expression"] = cron.get("cron") or ""
    if periodic:
        fields["interval_second"] = int(periodic.get("interval_second") or 0)
    for key in ("start_time", "end_time"):
        moment = _instant((cron or periodic or {}).get(key))
        if moment is not None:
            fields[key] = rfc3339(moment)
    return fields


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if isinstance(text, str) and text else None


def instant(text: object) -> datetime | None:
    """An instant of a run; the server writes 1970 where it has none (api_converter.go)."""
    moment = _instant(text)
    return moment if moment is not None and moment.timestamp() > 0 else None


def _without_none(values: Mapping[str, Any]) -> Object:
    return {key: value for key, value in values.items() if value is not None}


def _whole(value: Json) -> int:
    assert isinstance(value, int | float | str)
    return int(value)
