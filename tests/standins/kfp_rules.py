"""What the Kubeflow Pipelines API server takes and refuses, and how it filters and pages.

Source: kubeflow/pipelines 2.17, ``backend/src/apiserver`` (server/api_converter.go
``toModelJob``, list/list.go, filter/filter.go, validation/length.go, server/api_util.go).
"""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from standins import robfig

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DEFAULT_PAGE = 20
LARGEST_PAGE = 200

_CODES = {
    "INVALID_ARGUMENT": (3, 400),
    "NOT_FOUND": (5, 404),
    "ALREADY_EXISTS": (6, 409),
    "PERMISSION_DENIED": (7, 403),
    "UNIMPLEMENTED": (12, 501),
    "INTERNAL": (13, 500),
    "UNAUTHENTICATED": (16, 401),
}

EXPERIMENT_FIELDS = frozenset({"display_name", "description", "namespace"})
RUN_FIELDS = frozenset(
    {"display_name", "experiment_id", "pipeline_spec", "runtime_config", "service_account"}
    | {"description", "recurring_run_id"}
)
_RECURRING_RUN_FIELDS = frozenset(
    {"display_name", "description", "pipeline_spec", "runtime_config", "service_account"}
    | {"max_concurrency", "trigger", "mode", "no_catchup", "namespace", "experiment_id"}
    | {"pipeline_version_reference", "plugins_input", "recurring_run_id"}
)
_TRIGGERS = {
    "cron_schedule": frozenset({"cron", "start_time", "end_time"}),
    "periodic_schedule": frozenset({"interval_second", "start_time", "end_time"}),
}

RECURRING_RUN_KEYS = {
    "recurring_run_id": "recurring_run_id",
    "id": "recurring_run_id",
    "display_name": "display_name",
    "name": "display_name",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "description": "description",
}
EXPERIMENT_KEYS = {
    "experiment_id": "experiment_id",
    "id": "experiment_id",
    "display_name": "display_name",
    "name": "display_name",
    "created_at": "created_at",
    "namespace": "namespace",
    "storage_state": "storage_state",
}
RUN_KEYS = {
    "run_id": "run_id",
    "id": "run_id",
    "display_name": "display_name",
    "name": "display_name",
    "created_at": "created_at",
    "finished_at": "finished_at",
    "scheduled_at": "scheduled_at",
    "storage_state": "storage_state",
    "state": "state",
    "experiment_id": "experiment_id",
    "recurring_run_id": "recurring_run_id",
}


class KfpError(Exception):
    """An error as the server answers it (grpc-gateway's JSON of a gRPC status).

    Args:
        status: the gRPC status, for example ``NOT_FOUND``.
        message: what the server says.
    """

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.code, self.http = _CODES[status]

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        detail = {"@type": "type.googleapis.com/google.rpc.Status"}
        said = {"code": self.code, "message": str(self)}
        return {"error": str(self), **said, "details": [{**detail, **said}]}


def only(body: Any, fields: Iterable[str]) -> None:
    """Refuse fields that the message does not have, as the server's JSON reader does."""
    if not isinstance(body, dict):
        raise KfpError("INVALID_ARGUMENT", "proto: syntax error: unexpected token")
    for key in body:
        if key not in fields:
            raise KfpError("INVALID_ARGUMENT", f'proto: (line 1:2): unknown field "{key}"')


def experiment_name(name: str) -> None:
    """Refuse a name that no experiment may have."""
    if not name:
        raise KfpError("INVALID_ARGUMENT", "Experiment has an empty name")
    if len(name.encode()) > 128:
        raise KfpError("INVALID_ARGUMENT", "Experiment.Name length cannot exceed 128")


def recurring_run(body: Any) -> None:
    """Refuse a recurring run that the server would not create."""
    only(body, _RECURRING_RUN_FIELDS)
    if not body.get("display_name"):
        raise KfpError("INTERNAL", "Recurring run's name cannot be empty")
    if not 1 <= int(body.get("max_concurrency") or 0) <= 10:
        raise KfpError(
            "INVALID_ARGUMENT",
            "Max concurrency of a recurring run must be at least 1 and at most 10. "
            f"Received {body.get('max_concurrency') or 0}",
        )
    if body.get("mode") not in (None, "MODE_UNSPECIFIED", "ENABLE", "DISABLE"):
        raise KfpError("INVALID_ARGUMENT", f"invalid value for enum type: {body['mode']}")
    _trigger(body.get("trigger"))
    spec = body.get("pipeline_spec")
    if not spec:
        raise KfpError("INTERNAL", "Cannot create a job with an empty pipeline ID")
    inner = spec.get("pipeline_spec", spec)
    if not all(inner.get(key) for key in ("pipelineInfo", "root", "deploymentSpec")):
        message = "Failed to create a recurring run with an invalid pipeline spec manifest"
        raise KfpError("INTERNAL", message)


def _trigger(trigger: Any) -> None:
    trigger = trigger or {}
    only(trigger, _TRIGGERS)
    if len(trigger) > 1:
        raise KfpError("INVALID_ARGUMENT", "proto: oneof trigger is already set")
    for kind, schedule in trigger.items():
        only(schedule, _TRIGGERS[kind])
        for key in ("start_time", "end_time"):
            if schedule.get(key) is not None:
                instant(schedule[key])
    cron = trigger.get("cron_schedule", {}).get("cron")
    if "cron_schedule" in trigger:
        try:
            robfig.parse(cron or "")
        except robfig.CronError as error:
            raise KfpError(
                "INVALID_ARGUMENT",
                "Schedule cron is not a supported format"
                f"(https://godoc.org/github.com/robfig/cron). Error: {error}",
            ) from error
    if "periodic_schedule" in trigger:
        interval = int(trigger["periodic_schedule"].get("interval_second") or 0)
        if interval < 1:
            raise KfpError(
                "INVALID_ARGUMENT",
                f"Found invalid period schedule interval {interval}. Set at interval to least "
                "1 second",
            )


def normalize_trigger(trigger: dict[str, Any]) -> None:
    """Store instants to the second and numbers as the JSON of an int64: text."""
    for schedule in trigger.values():
        for key in ("start_time", "end_time"):
            if schedule.get(key) is not None:
                schedule[key] = stamp(instant(schedule[key]))
            else:
                schedule.pop(key, None)
        if "interval_second" in schedule:
            schedule["interval_second"] = str(schedule["interval_second"])


def stored_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The pipeline spec as the server gives it back: bare unless it has a platform part."""
    platforms = (spec.get("platform_spec") or {}).get("platforms") or {}
    if "pipeline_spec" in spec and "kubernetes" not in platforms:
        spec = spec["pipeline_spec"]
    return copy.deepcopy(dict(spec))


def instant(text: Any) -> datetime:
    """A protobuf Timestamp in JSON: RFC 3339 with an offset, from the year 1 to 9999."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = datetime(1, 1, 1)
    if moment.tzinfo is None:
        message = f"proto: invalid google.protobuf.Timestamp value {json.dumps(text)}"
        raise KfpError("INVALID_ARGUMENT", message)
    return moment.astimezone(UTC)


def stamp(moment: datetime) -> str:
    """An instant as the server writes it, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def page(
    items: Sequence[dict[str, Any]], name: str, keys: Mapping[str, str], query: Mapping[str, str]
) -> dict[str, Any]:
    """One page of a listing.

    Args:
        items: what the caller may see.
        name: the key of the list in the answer.
        keys: what may be filtered and sorted by, and the field that holds it.
        query: the caller's parameters.
    """
    size = int(query.get("page_size") or 0)
    if size < 0:
        raise KfpError("INVALID_ARGUMENT", f"The page size should be greater than 0. Got {size}")
    size = min(size or DEFAULT_PAGE, LARGEST_PAGE)
    words = (query.get("sort_by") or "created_at").lower().split()
    if len(words) > 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
        raise KfpError("INVALID_ARGUMENT", f"Received invalid sort by format {query['sort_by']!r}.")
    if words[0] not in keys:
        raise KfpError("INVALID_ARGUMENT", f"Invalid sorting field: {words[0]!r}")
    field, id_field = keys[words[0]], keys["id"]
    chosen = [item for item in items if _passes(item, keys, query.get("filter", ""))]
    chosen.sort(key=lambda item: (item.get(field, ""), item[id_field]), reverse="desc" in words)
    start = 0
    if query.get("page_token"):
        start = _start(query, [item[id_field] for item in chosen])
    shown = chosen[start : start + size]
    answer: dict[str, Any] = {name: shown} if shown else {}
    if chosen:
        answer["total_size"] = len(chosen)
    if start + size < len(chosen):
        token = {"next": chosen[start + size][id_field], "like": _like(query)}
        answer["next_page_token"] = base64.b64encode(json.dumps(token).encode()).decode()
    return answer


def _like(query: Mapping[str, str]) -> list[str]:
    return [query.get("sort_by", ""), query.get("filter", "")]


def _start(query: Mapping[str, str], ids: Sequence[str]) -> int:
    try:
        token = json.loads(base64.b64decode(query["page_token"]))
        following, like = token["next"], token["like"]
    except (ValueError, KeyError, TypeError) as error:
        raise KfpError("INVALID_ARGUMENT", "Invalid page token") from error
    if like != _like(query):
        message = "page token does not match the supplied sort by and/or filtering criteria"
        raise KfpError("INVALID_ARGUMENT", message)
    # The server goes on from the row's place, whether or not the row is still there.
    return ids.index(following) if following in ids else len(ids)


_OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "EQUALS": lambda found, value: bool(found == value),
    "NOT_EQUALS": lambda found, value: bool(found != value),
    "GREATER_THAN": lambda found, value: bool(found > value),
    "GREATER_THAN_EQUALS": lambda found, value: bool(found >= value),
    "LESS_THAN": lambda found, value: bool(found < value),
    "LESS_THAN_EQUALS": lambda found, value: bool(found <= value),
    "IN": lambda found, value: bool(found in value),
    "IS_SUBSTRING": lambda found, value: str(value).lower() in str(found).lower(),
}


_NUMBERS = {
    1: "EQUALS",
    2: "NOT_EQUALS",
    3: "GREATER_THAN",
    5: "GREATER_THAN_EQUALS",
    6: "LESS_THAN",
    7: "LESS_THAN_EQUALS",
    8: "IN",
    9: "IS_SUBSTRING",
}


def _passes(item: Mapping[str, Any], keys: Mapping[str, str], text: str) -> bool:
    if not text:
        return True
    try:
        # The server unescapes it once more (list_request_util.go parseAPIFilter).
        if re.search(r"%(?![0-9A-Fa-f]{2})", text):
            raise ValueError("invalid URL escape")
        predicates = json.loads(unquote_plus(text)).get("predicates", [])
    except (ValueError, AttributeError) as error:
        message = f"failed to parse valid filter from {text!r}: {error}"
        raise KfpError("INVALID_ARGUMENT", message) from error
    for predicate in predicates:
        key = predicate.get("key", "")
        if key not in keys:
            message = f'no support for filtering on unrecognized field "{key}"'
            raise KfpError("INVALID_ARGUMENT", message)
        named = predicate.get("operation", "")
        operation = _OPERATIONS.get(_NUMBERS.get(named, named))
        if operation is None:
            raise KfpError("INVALID_ARGUMENT", "invalid predicate operation")
        if not operation(item.get(keys[key], ""), _value(predicate)):
            return False
    return True


def _value(predicate: Mapping[str, Any]) -> Any:
    for name in ("stringValue", "string_value"):
        if name in predicate:
            return predicate[name]
    for name in ("timestampValue", "timestamp_value"):
        if name in predicate:
            return stamp(instant(predicate[name]))
    for name in ("stringValues", "string_values"):
        if name in predicate:
            return predicate[name].get("values", [])
    raise KfpError("INVALID_ARGUMENT", "a predicate needs a value")
