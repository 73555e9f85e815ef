"""What Vertex AI's schedule and pipeline services take and refuse.

Source: the service's own descriptions in google-cloud-aiplatform 1.165 (``aiplatform_v1``
``types/schedule.py``, ``types/schedule_service.py``, ``types/pipeline_service.py``). Google does
not say which cron syntax it takes beyond unix cron with a ``TZ=`` or ``CRON_TZ=`` prefix: five
plain fields are taken here.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from standins import robfig
from standins.aip160 import FilterError, Value, parse_filter

DEFAULT_PAGE = 100

_CODES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
}
_TIMES = "= != < > <= >="
SCHEDULE_FILTERS = {
    "display_name": "= != :",
    "state": "= !=",
    "create_pipeline_job_request": ":",
    "create_time": _TIMES,
    "start_time": _TIMES,
    "end_time": f"{_TIMES} :",
    "next_run_time": _TIMES,
}
SCHEDULE_ORDERS = ("create_time", "start_time", "end_time", "next_run_time")
JOB_FILTERS = {
    "pipeline_name": "= !=",
    "display_name": "= != :",
    "schedule_name": "= !=",
    "state": "= !=",
    "create_time": _TIMES,
    "update_time": _TIMES,
    "end_time": _TIMES,
    "labels": "= != :",
}
JOB_ORDERS = ("create_time", "update_time", "end_time", "start_time")

_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_ACCOUNT = re.compile(r"[^@\s]+@[^@\s]+\.iam\.gserviceaccount\.com|\d+-compute@developer\S+")
_NETWORK = re.compile(r"projects/[^/]+/global/networks/[^/]+")
_PREFIX = re.compile(r"(?:CRON_)?TZ=(\S+)\s+(.*)")


class VertexError(Exception):
    """An error as the service answers it.

    Args:
        status: the gRPC status, for example ``NOT_FOUND``.
        message: what the service says.
    """

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def http(self) -> int:
        """The status code of a REST answer."""
        return _CODES[self.status]

    def body(self) -> dict[str, Any]:
        """The JSON of a REST answer."""
        return {"error": {"code": self.http, "message": str(self), "status": self.status}}


def invalid(message: str) -> VertexError:
    """``INVALID_ARGUMENT``."""
    return VertexError("INVALID_ARGUMENT", message)


def schedule(asked: Any, parent: str) -> None:
    """Refuse a schedule that the service would not hold.

    Args:
        asked: an ``aiplatform_v1.Schedule``.
        parent: the location it is in.
    """
    if not asked.display_name or len(asked.display_name) > 128:
        raise invalid("display_name must have 1 to 128 characters.")
    cron(asked.cron)
    if asked.max_concurrent_run_count < 1:
        raise invalid("max_concurrent_run_count is required and must be positive.")
    if asked.start_time and asked.end_time and asked.end_time <= asked.start_time:
        raise invalid("end_time must be after start_time.")
    if "create_pipeline_job_request" not in asked:
        raise invalid("a request is required.")
    request = asked.create_pipeline_job_request
    if request.parent != parent:
        raise invalid(f"create_pipeline_job_request.parent must be {parent}.")
    pipeline_job(request.pipeline_job)


def pipeline_job(job: Any) -> None:
    """Refuse a pipeline job that the service would not run."""
    if not job.pipeline_spec and not job.template_uri:
        raise invalid("pipeline_spec or template_uri is required.")
    root = job.runtime_config.gcs_output_directory
    if not root.startswith("gs://"):
        raise invalid(f"gcs_output_directory '{root}' is not a Cloud Storage URI.")
    if len(job.labels) > 64:
        raise invalid("No more than 64 labels are allowed.")
    for key, value in job.labels.items():
        if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
            raise invalid(f"Label '{key}: {value}' is invalid.")
    if job.service_account and not _ACCOUNT.fullmatch(job.service_account):
        raise invalid(f"Service account '{job.service_account}' is invalid.")
    if job.network and not _NETWORK.fullmatch(job.network):
        raise invalid(f"Network '{job.network}' is invalid.")


def cron(text: str) -> tuple[zoneinfo.ZoneInfo, robfig.RobfigSchedule]:
    """The zone and the times of a cron.

    Raises:
        VertexError: the service would refuse it.
    """
    match = _PREFIX.fullmatch(text)
    zone, fields = match.groups() if match else ("UTC", text)
    try:
        known = zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise invalid(f"Cron '{text}' has an unknown time zone.") from error
    words = fields.split()
    if len(words) != 5:
        raise invalid(f"Cron '{text}' must have 5 fields.")
    words[4] = re.sub(r"(?<![\d/])7(?!\d)", "0", words[4])
    try:
        return known, robfig.parse(" ".join(["0", *words]))
    except robfig.CronError as error:
        raise invalid(f"Cron '{text}' is invalid: {error}") from error


def next_run(asked: Any, after: datetime) -> datetime | None:
    """The next run of a schedule, on its zone's clock."""
    zone, times = cron(asked.cron)
    wall = after.astimezone(zone).replace(tzinfo=UTC)
    found = times.next(wall)
    moment = found.replace(tzinfo=zone).astimezone(UTC) if found else None
    if moment is None or (asked.end_time and moment > asked.end_time):
        return None
    return moment


def changed(now: Any, asked: Any, paths: Sequence[str]) -> None:
    """Put the fields that a mask names from ``asked`` into ``now``, as UpdateSchedule may."""
    allowed = (
        "display_name", "cron", "start_time", "end_time", "max_run_count", "allow_queueing",
        "max_concurrent_run_count", "max_concurrent_active_run_count",
        "create_pipeline_job_request",
    )  # fmt: skip
    if now.state.name not in ("ACTIVE", "PAUSED"):
        message = f"A schedule in state {now.state.name} cannot be updated."
        raise VertexError("FAILED_PRECONDITION", message)
    if not paths:
        raise invalid("update_mask is required.")
    for path in paths:
        if path not in allowed:
            raise invalid(f"'{path}' in update_mask cannot be updated.")
        if path == "create_pipeline_job_request" and path not in asked:
            raise invalid("The request type cannot be changed.")
        value = getattr(asked, path)
        if path in now and not value and path != "allow_queueing":
            raise invalid(f"'{path}' is set and cannot be unset.")
        setattr(now, path, value)


def page(
    items: Sequence[Any],
    describe: Callable[[Any], Mapping[str, Value]],
    request: Any,
    filters: Mapping[str, str],
    orders: Sequence[str],
) -> tuple[list[Any], str]:
    """One page of a listing and the token of the next.

    Args:
        items: everything in the location.
        describe: the fields of one that filters and orders read.
        request: the list request.
        filters: the fields that a filter may name.
        orders: the fields that an order may name.
    """
    if request.page_size < 0:
        raise invalid("page_size must not be negative.")
    try:
        test = parse_filter(request.filter, filters)
        chosen = [item for item in items if test(describe(item))]
    except FilterError as error:
        raise invalid(str(error)) from error
    for part in reversed((request.order_by or "create_time desc").split(",")):
        name, *direction = part.split()
        if name not in orders or direction not in ([], ["asc"], ["desc"]):
            raise invalid(f"order_by '{part.strip()}' is not supported.")
        chosen.sort(
            key=lambda item, name=name: _order(describe(item).get(name)),
            reverse=direction == ["desc"],
        )
    start = 0
    if request.page_token:
        names = [item.name for item in chosen]
        if request.page_token not in names:
            raise invalid("page_token is invalid.")
        start = names.index(request.page_token)
    end = start + (request.page_size or DEFAULT_PAGE)
    return chosen[start:end], chosen[end].name if end < len(chosen) else ""


def _order(value: Value) -> float:
    return value.timestamp() if isinstance(value, datetime) else 0.0
