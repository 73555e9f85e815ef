"""The state of an AzureML workspace, and what its API does to it."""

from __future__ import annotations

import copy
import json
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from standins.azureml_rules import Body, Refusal, check_schedule, refuse

_PROVIDER = "Microsoft.MachineLearningServices"
# Azure's clients look again after so long, instead of five seconds.
_SOON = {"x-ms-retry-after-ms": "50"}


class Workspace:
    """One workspace.

    Args:
        subscription, group, name: of the workspace.
        page: the most that a page of a listing holds.
        settle_seconds: how long a change of a schedule takes.
    """

    def __init__(
        self, subscription: str, group: str, name: str, page: int, settle_seconds: float
    ) -> None:
        self.path = (
            f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{_PROVIDER}"
            f"/workspaces/{name}"
        )
        self.lock = threading.RLock()
        self.schedules: dict[str, Body] = {}
        """By name, as the API answers."""
        self.components: dict[str, Body] = {}
        """By path."""
        self.environments: dict[str, dict[str, Body]] = {}
        """By name and version."""
        self.jobs: dict[str, Body] = {}
        """By name, oldest first."""
        self._page = page
        self._settle = settle_seconds
        self._schedule_of_job: dict[str, str] = {}
        self._settled: dict[str, float] = {}
        self._doomed: dict[str, float] = {}

    def call(
        self, method: str, path: str, query: Mapping[str, str], body: Body
    ) -> tuple[int, Body, dict[str, str]]:
        """Answer one call: status, body, headers.

        Args:
            method: of HTTP.
            path: from the workspace on, in parts: ``schedules/nightly_0f``.
            query: the parameters.
            body: what was sent.

        Raises:
            Refusal: as AzureML would.
        """
        kind, *rest = path.split("/") if path else [""]
        with self.lock:
            match (method, kind, rest):
                case ("GET", "", []):
                    return 200, self._workspace(), {}
                case ("GET", "schedules", []):
                    return 200, self._listing(self._viewed(query), query, "schedules"), {}
                case (_, "schedules", [name]):
                    return self._schedule(method, name, body)
                case ("POST", "schedules", [name, "trigger"]):
                    return 200, self._trigger(name, body), {}
                case ("GET", "jobs", []):
                    mine = self._jobs_of(query.get("scheduleId"))
                    return 200, self._listing(mine, query, "jobs"), {}
                case ("GET", "jobs", [name]):
                    return 200, _found(self.jobs.get(name), f"Job {name}"), {}
                case (_, "components", [_, "versions", _]):
                    return self._component(method, f"{self.path}/{path}", body)
                case (_, "environments", [name, *version]):
                    return self._environment(method, name, version[-1:], body)
        raise Refusal(404, "InvalidResourceType", f"No resource {method} {path}.")

    def fire(self, name: str, status: str = "Completed", when: datetime | None = None) -> str:
        """Do what AzureML does when a schedule is due; returns the job's name.

        Args:
            name: the schedule's.
            status: what became of the job.
            when: the time that it was due, aware; now by default.
        """
        when = (when or datetime.now(UTC)).astimezone(UTC)
        with self.lock:
            schedule = self.schedules[name]["properties"]
            job = f"lime_{secrets.token_hex(5)}"
            definition = copy.deepcopy(schedule["action"]["jobDefinition"])
            studio = f"https://ml.azure.com/runs/{job}?wsid={self.path}"
            self.jobs[job] = {
                "id": f"{self.path}/jobs/{job}",
                "name": job,
                "type": f"{_PROVIDER}/workspaces/jobs",
                "properties": {
                    **definition,
                    "displayName": f"{name}-{when:%Y%m%dT%H%M%SZ}",
                    "status": status,
                    "services": {"Studio": {"endpoint": studio, "jobServiceType": "Studio"}},
                },
                "systemData": {"createdAt": datetime.now(UTC).isoformat()},
            }
            self._schedule_of_job[job] = name
            return job

    # --- schedules -----------------------------------------------------------------------------

    def _schedule(self, method: str, name: str, body: Body) -> tuple[int, Body, dict[str, str]]:
        self._settle_down(name)
        found = self.schedules.get(name)
        if method == "GET":
            return 200, _found(found, f"Schedule {name}"), _SOON
        if method == "DELETE":
            return self._delete(name, found)
        if method != "PUT":
            raise Refusal(405, "MethodNotAllowed", f"{method} is not allowed.")
        if found and found["properties"]["provisioningState"] != "Succeeded":
            raise Refusal(409, "Conflict", f"Schedule {name} is being changed.")
        properties = _without_nulls(body.get("properties") or {})
        check_schedule(name, properties)
        self._require_components(properties)
        state = "Updating" if found else "Creating"
        self._settled[name] = time.monotonic() + self._settle
        self.schedules[name] = {
            "id": f"{self.path}/schedules/{name}",
            "name": name,
            "type": f"{_PROVIDER}/workspaces/schedules",
            "properties": {"isEnabled": True, **properties, "provisioningState": state},
            "systemData": {"createdAt": datetime.now(UTC).isoformat()},
        }
        return 200 if found else 201, copy.deepcopy(self.schedules[name]), _SOON

    def _delete(self, name: str, found: Body | None) -> tuple[int, Body, dict[str, str]]:
        if found is None:
            return 204, {}, {}
        if found["properties"]["isEnabled"]:
            raise refuse(f"Schedule {name} must be disabled before it is deleted.")
        if not self._settle:
            del self.schedules[name]
            return 200, {}, {}
        found["properties"]["provisioningState"] = "Deleting"
        self._doomed[name] = time.monotonic() + self._settle
        return 202, {}, _SOON

    def _settle_down(self, name: str) -> None:
        """Let what was begun be over once its time has come."""
        now = time.monotonic()
        if self._doomed.get(name, now + 1) <= now:
            del self._doomed[name]
            self.schedules.pop(name, None)
        found = self.schedules.get(name)
        busy = found and found["properties"]["provisioningState"] in ("Creating", "Updating")
        if found and busy and self._settled[name] <= now:
            found["properties"]["provisioningState"] = "Succeeded"

    def _require_components(self, properties: Body) -> None:
        for name, job in (properties["action"]["jobDefinition"].get("jobs") or {}).items():
            if job.get("componentId") not in self.components:
                raise refuse(f"The component of job '{name}' was not found.")

    def _viewed(self, query: Mapping[str, str]) -> list[Body]:
        for name in list(self.schedules):
            self._settle_down(name)
        shown = {"All": (True, False), "DisabledOnly": (False,)}
        enabled = shown.get(query.get("listViewType", "EnabledOnly"), (True,))
        return [it for it in self.schedules.values() if it["properties"]["isEnabled"] in enabled]

    def _trigger(self, name: str, body: Body) -> Body:
        found = _found(self.schedules.get(name), f"Schedule {name}")
        if not found["properties"]["isEnabled"]:
            raise refuse(f"Schedule {name} is disabled.")
        when = datetime.fromisoformat(str(body["scheduleTime"]))
        job = self.fire(name, "NotStarted", when)
        return {"submissionId": job, "scheduleActionType": "CreateJob"}

    # --- all else ------------------------------------------------------------------------------

    def _workspace(self) -> Body:
        name = self.path.rpartition("/")[2]
        return {
            "id": self.path,
            "name": name,
            "type": f"{_PROVIDER}/workspaces",
            "location": "westeurope",
            "properties": {"workspaceId": "5f0e2f9c-8d5c-4a1e-9d0b-3f6f7d1c2b3a"},
        }

    def _jobs_of(self, schedule: str | None) -> list[Body]:
        fired = self._schedule_of_job
        return [it for name, it in self.jobs.items() if schedule in (None, fired.get(name))]

    def _component(self, method: str, path: str, body: Body) -> tuple[int, Body, dict[str, str]]:
        if method == "GET":
            return 200, _found(self.components.get(path), "Component"), {}
        specification = (body.get("properties") or {}).get("componentSpec") or {}
        if not specification.get("command"):
            raise refuse("The component has no command.")
        known = path in self.components
        name, version = path.split("/")[-3], path.split("/")[-1]
        self.components[path] = {**body, "id": path, "name": version, "type": name}
        return 200 if known else 201, self.components[path], {}

    def _environment(
        self, method: str, name: str, version: Sequence[str], body: Body
    ) -> tuple[int, Body, dict[str, str]]:
        path = f"{self.path}/environments/{name}"
        versions = self.environments.get(name)
        if not version:
            _found(versions, f"Environment {name}")
            assert versions is not None
            latest = max(versions, key=int)
            properties = {"latestVersion": latest, "nextVersion": str(int(latest) + 1)}
            return 200, {"id": path, "name": name, "properties": properties}, {}
        [number] = version
        if method == "GET":
            return 200, _found((versions or {}).get(number), f"Environment {name}:{number}"), {}
        if not (body.get("properties") or {}).get("image"):
            raise refuse("The environment has no image.")
        made = {**body, "id": f"{path}/versions/{number}", "name": number}
        self.environments.setdefault(name, {})[number] = made
        return 201, made, {}

    def _listing(self, items: list[Body], query: Mapping[str, str], kind: str) -> Body:
        start = int(query.get("$skip", "0"))
        page: Body = {"value": items[start : start + self._page]}
        if start + self._page < len(items):
            kept = {key: value for key, value in query.items() if key != "$skip"}
            pairs = [f"{quote(key)}={quote(value)}" for key, value in kept.items()]
            following = "&".join([*pairs, f"%24skip={start + self._page}"])
            page["nextLink"] = f"{self.path}/{kind}?{following}"
        return page


def _found(resource: Any, what: str) -> Body:
    if resource is None:
        raise Refusal(404, "UserError", f"{what} was not found.")
    found: Body = resource
    return found


def _without_nulls(properties: Body) -> Body:
    cleaned: Body = json.loads(json.dumps(properties))
    return {key: value for key, value in cleaned.items() if value is not None}
