"""The state of a Databricks workspace: jobs, runs and files, and what time does to runs."""

from __future__ import annotations

import copy
import itertools
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from standins.databricks_rules import Body, Refusal, check_settings

_ACTIVE = ("QUEUED", "PENDING", "RUNNING", "TERMINATING")


class Workspace:
    """Jobs, runs and files. Thread-safe: each call of the API takes it for itself.

    Args:
        page: the most that a page of a listing holds.
        cluster_seconds: how long a run is pending before its cluster lets it start work.
        admin: whether the caller may know of jobs that were deleted. Others are told that they
            have no permission.
        clock: the time in seconds; moved on by tests.
    """

    def __init__(
        self,
        page: int,
        cluster_seconds: float,
        admin: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.page = page
        self.cluster_seconds = cluster_seconds
        self.admin = admin
        self.clock = clock
        self.lock = threading.RLock()
        self.jobs: dict[int, Body] = {}
        self.runs: dict[int, Body] = {}
        self.files: dict[str, bytes] = {}
        self._deleted: set[int] = set()
        self._ids = itertools.count(1001)
        self._tokens: dict[str, int] = {}

    def call(self, operation: str, given: Body) -> Body:
        """Answer one call of the jobs API.

        Raises:
            Refusal: as the service does.
        """
        with self.lock:
            answer: Body = getattr(self, f"_{operation.replace('/', '_').replace('-', '_')}")(given)
            return copy.deepcopy(answer)

    def start(self, job_id: int, trigger: str) -> int:
        """Start a run, as a schedule (``PERIODIC``) or a caller (``ONE_TIME``) does."""
        job = self.jobs[job_id]
        settings = job["settings"]
        run_id = next(self._ids)
        active = [it for it in self.runs.values() if it["job_id"] == job_id and self._active(it)]
        room = len(active) < settings.get("max_concurrent_runs", 1)
        queued = (settings.get("queue") or {}).get("enabled", False)
        now = self.clock()
        run: Body = {
            "job_id": job_id,
            "run_id": run_id,
            "trigger": trigger,
            "start_time": int(now * 1000),
            "run_page_url": f"https://workspace.example/#job/{job_id}/run/{run_id}",
            "state": {"life_cycle_state": "PENDING"},
            "timeout_seconds": settings.get("timeout_seconds", 0),
            "parameters": _rendered(settings, job_id, run_id),
            "worked": False,
        }
        if not room:
            ending = {"life_cycle_state": "SKIPPED", "result_state": "CANCELED"}
            run["state"] = {"life_cycle_state": "QUEUED"} if queued else ending
        self.runs[run_id] = run
        return run_id

    def finish(self, run_id: int, result: str) -> None:
        """End a run, in Databricks' words."""
        run = self.runs[run_id]
        run["state"] = {"life_cycle_state": "TERMINATED", "result_state": result}
        run["end_time"] = max(int(self.clock() * 1000), run["start_time"] + 1)

    def worked(self, run_id: int) -> bool:
        """Whether a run ever got a cluster to start work on."""
        self._age(self.runs[run_id])
        return bool(self.runs[run_id]["worked"])

    def _active(self, run: Body) -> bool:
        self._age(run)
        return run["state"]["life_cycle_state"] in _ACTIVE

    def _age(self, run: Body) -> None:
        """Let time do to a run what it does: a time-out ends it, a cluster lets it work."""
        if run["state"]["life_cycle_state"] not in ("PENDING", "RUNNING"):
            return
        # A job's new time-out also holds for its active runs.
        job = self.jobs.get(run["job_id"])
        limit = job["settings"].get("timeout_seconds", 0) if job else run["timeout_seconds"]
        age = self.clock() - run["start_time"] / 1000
        ready = age >= self.cluster_seconds and not 0 < limit <= self.cluster_seconds
        if ready:
            run["worked"] = True
            run["state"] = {"life_cycle_state": "RUNNING"}
        if 0 < limit <= age:
            self.finish(run["run_id"], "TIMEDOUT")

    # --- the operations ----------------------------------------------------------------------

    def _job(self, given: Mapping[str, Any]) -> Body:
        job_id = int(given["job_id"])
        if job_id in self.jobs:
            return self.jobs[job_id]
        if job_id in self._deleted and not self.admin:
            raise Refusal(
                403,
                "PERMISSION_DENIED",
                f"User bench does not have View or Admin or Manage Run or Owner or Manage "
                f"permissions on job {job_id}",
            )
        raise Refusal(400, "INVALID_PARAMETER_VALUE", f"Job {job_id} does not exist.")

    def _create(self, given: Body) -> Body:
        settings = {key: value for key, value in given.items() if value is not None}
        check_settings(settings)
        for holder in ("schedule", "trigger"):
            if settings.get(holder):
                settings[holder].setdefault("pause_status", "UNPAUSED")
        settings.setdefault("max_concurrent_runs", 1)
        settings.setdefault("timeout_seconds", 0)
        settings["format"] = "MULTI_TASK"
        job_id = next(self._ids)
        self.jobs[job_id] = {
            "job_id": job_id,
            "creator_user_name": "bench",
            "created_time": int(self.clock() * 1000),
            "settings": settings,
        }
        return {"job_id": job_id}

    def _get(self, given: Body) -> Body:
        return self._elements(self._job(given), int(given.get("page_token") or 0))

    def _elements(self, job: Body, start: int) -> Body:
        """API 2.2 shows a hundred tasks at a time."""
        shown = copy.deepcopy(job)
        tasks = shown["settings"].get("tasks") or []
        shown["settings"]["tasks"] = tasks[start : start + 100]
        if len(tasks) > start + 100:
            shown["next_page_token"] = str(start + 100)
            shown["settings"]["has_more"] = True
        return shown

    def _list(self, given: Body) -> Body:
        limit = min(int(given.get("limit") or 20), self.page)
        if int(given.get("limit") or 20) > 100:
            raise Refusal(400, "INVALID_PARAMETER_VALUE", "limit must be at most 100.")
        wanted = str(given.get("name") or "").lower()
        newest = sorted(self.jobs.values(), key=lambda it: -int(it["job_id"]))
        found = [it for it in newest if wanted in ("", str(it["settings"].get("name")).lower())]
        start = int(given.get("page_token") or 0)
        jobs = [self._elements(it, 0) for it in found[start : start + limit]]
        if given.get("expand_tasks") not in (True, "true"):
            for job in jobs:
                job["settings"].pop("tasks", None)
                job["settings"].pop("job_clusters", None)
        return _page({"jobs": jobs}, start, limit, len(found))

    def _update(self, given: Body) -> Body:
        job = self._job(given)
        settings = copy.deepcopy(job["settings"])
        for field in given.get("fields_to_remove") or []:
            settings.pop(field, None)
        for key, value in (given.get("new_settings") or {}).items():
            if key == "tasks":
                known = {task["task_key"]: task for task in settings.get("tasks") or []}
                value = list({**known, **{task["task_key"]: task for task in value}}.values())
            settings[key] = value
        check_settings(settings)
        for holder in ("schedule", "trigger"):
            if settings.get(holder):
                settings[holder].setdefault("pause_status", "UNPAUSED")
        job["settings"] = settings
        return {}

    def _delete(self, given: Body) -> Body:
        job_id = int(self._job(given)["job_id"])
        for run in self.runs.values():
            if run["job_id"] == job_id and self._active(run):
                self.finish(run["run_id"], "CANCELED")
        del self.jobs[job_id]
        self._deleted.add(job_id)
        return {}

    def _run_now(self, given: Body) -> Body:
        job_id = int(self._job(given)["job_id"])
        token = given.get("idempotency_token")
        run_id = self._tokens.get(token) if token else None
        if run_id is None:
            run_id = self.start(job_id, "ONE_TIME")
            if token:
                self._tokens[token] = run_id
        return {"run_id": run_id, "number_in_job": run_id}

    def _runs_list(self, given: Body) -> Body:
        job_id = int(given["job_id"])
        limit = min(int(given.get("limit") or 20), self.page)
        if int(given.get("limit") or 20) > 25:
            raise Refusal(400, "INVALID_PARAMETER_VALUE", "limit must be less than 26.")
        since = int(given.get("start_time_from") or 0)
        found = [
            it
            for it in sorted(self.runs.values(), key=lambda it: -int(it["run_id"]))
            if it["job_id"] == job_id
            and it["start_time"] >= since
            and (self._active(it) or given.get("active_only") not in (True, "true"))
        ]
        start = int(given.get("page_token") or 0)
        return _page({"runs": found[start : start + limit]}, start, limit, len(found))

    def _runs_get(self, given: Body) -> Body:
        run = self.runs.get(int(given["run_id"]))
        if run is None:
            reason = f"Run {given['run_id']} does not exist."
            raise Refusal(400, "INVALID_PARAMETER_VALUE", reason)
        self._age(run)
        return run

    def _runs_cancel_all(self, given: Body) -> Body:
        job_id = int(self._job(given)["job_id"])
        for run in self.runs.values():
            if run["job_id"] == job_id and self._active(run):
                self.finish(run["run_id"], "CANCELED")
        return {}


def _page(page: Body, start: int, limit: int, total: int) -> Body:
    if start + limit < total:
        page["next_page_token"] = str(start + limit)
    return {**page, "has_more": start + limit < total}


def _rendered(settings: Mapping[str, Any], job_id: int, run_id: int) -> dict[str, list[str]]:
    """The parameters that each task of a run is started with, references filled in."""
    values = {"job.id": str(job_id), "job.run_id": str(run_id)}
    return {
        task["task_key"]: [
            re.sub(r"\{\{([^{}]*)\}\}", lambda it: values.get(it[1], it[0]), parameter)
            for parameter in (task.get("python_wheel_task") or {}).get("parameters") or []
        ]
        for task in settings.get("tasks") or []
    }
