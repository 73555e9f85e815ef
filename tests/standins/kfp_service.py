"""The state of a Kubeflow Pipelines API server and what its calls do to it."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from standins import kfp_rules as rules
from standins.kfp_controller import next_fire
from standins.kfp_rules import KfpError


class KfpService:
    """Experiments, recurring runs and runs, as the API's messages.

    Args:
        namespaces: the profiles that the caller may use; given, the server is multi-user.
        keeps_runs: whether it knows ``propagation_policy`` (since 2.16); older servers ignore it
            and take the runs in progress along.
    """

    def __init__(self, *, namespaces: tuple[str, ...] = (), keeps_runs: bool = True) -> None:
        self.namespaces = namespaces
        self.keeps_runs = keeps_runs
        self.experiments: dict[str, dict[str, Any]] = {}
        self.recurring_runs: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self._last_fire: dict[str, datetime] = {}
        self._lock = threading.RLock()

    def edit(self, recurring_run_id: str, **changes: Any) -> None:
        """Change a recurring run as ``kubectl edit`` of its ScheduledWorkflow would.

        The API has no such call; the server takes the change over from the cluster
        (resource_manager.go ``ReportScheduledWorkflowResource``).

        Args:
            recurring_run_id: which.
            changes: fields of the API's RecurringRun, for example ``trigger``.
        """
        with self._lock:
            found = self.recurring_runs[recurring_run_id]
            found.update(copy.deepcopy(changes), updated_at=rules.stamp(_now()))

    def run_once(self, recurring_run_id: str, *, state: str = "SUCCEEDED") -> str:
        """Fire a recurring run once, now, as its controller would; returns the run's id."""
        with self._lock:
            return self._fire(recurring_run_id, _now(), _now(), state)

    def tick(self, now: datetime) -> list[str]:
        """Do what the controller would do at an instant; returns the ids of the runs it started.

        One fire for each recurring run that is due, or all missed ones where ``no_catchup`` is
        not set (scheduled_workflow.go; runs end at once, so that none waits for another).

        Args:
            now: aware.
        """
        started = []
        with self._lock:
            for id, found in self.recurring_runs.items():
                while found["mode"] == "ENABLE":
                    due = next_fire(found, self._last_fire.get(id), now)
                    if due is None or due > now:
                        break
                    started.append(self._fire(id, due, now, "SUCCEEDED"))
        return started

    def _fire(self, id: str, due: datetime, now: datetime, state: str) -> str:
        found = self.recurring_runs[id]
        run_id = str(uuid.uuid4())
        done = state not in ("PENDING", "RUNNING")
        self._last_fire[id] = due
        self.runs[run_id] = {
            "run_id": run_id,
            "recurring_run_id": id,
            "experiment_id": found["experiment_id"],
            "display_name": f"{found['display_name']}-{len(self.runs) + 1}",
            "storage_state": "AVAILABLE",
            "service_account": found["service_account"],
            "pipeline_spec": found.get("pipeline_spec"),
            "state": state,
            "created_at": rules.stamp(now),
            "scheduled_at": rules.stamp(due),
            "finished_at": rules.stamp(now if done else rules.EPOCH),
        }
        return run_id

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Any:
        """The JSON that one call answers.

        Args:
            method: the HTTP method.
            path: what is behind ``/apis/v2beta1/``.
            query: its parameters.
            body: its JSON; an empty object for none.

        Raises:
            KfpError: as the server refuses it.
        """
        with self._lock:
            head, _, rest = path.partition("/")
            if (method, path) == ("GET", "healthz"):
                return {"multi_user": True} if self.namespaces else {}
            if (method, path) == ("POST", "experiments"):
                return self._create_experiment(body)
            if (method, path) == ("POST", "recurringruns"):
                return self._create_recurring_run(body)
            if (method, path) == ("POST", "runs"):
                return self._create_run(body)
            table = {
                "experiments": (self.experiments, "experiments", rules.EXPERIMENT_KEYS),
                "recurringruns": (self.recurring_runs, "recurringRuns", rules.RECURRING_RUN_KEYS),
                "runs": (self.runs, "runs", rules.RUN_KEYS),
            }.get(head)
            if table is None:
                raise KfpError("NOT_FOUND", "Not Found")
            items, name, keys = table
            if method == "GET" and not rest:
                return self._list(items, name, keys, query)
            id, _, verb = rest.partition(":")
            found = items.get(id)
            if found is None:
                raise KfpError("NOT_FOUND", f"{head} {id} not found.")
            self._allow(self._namespace_of(found))
            if method == "GET" and not verb:
                return found
            if head == "recurringruns" and method == "POST" and verb in ("enable", "disable"):
                self.edit(id, mode=verb.upper(), status=f"{verb.upper()}D")
                return {}
            if head == "recurringruns" and method == "DELETE":
                return self._delete_recurring_run(id, query)
            raise KfpError("UNIMPLEMENTED", "Method Not Allowed")

    def _create_experiment(self, body: Any) -> dict[str, Any]:
        rules.only(body, rules.EXPERIMENT_FIELDS)
        name = body.get("display_name") or ""
        namespace = body.get("namespace", "") if self.namespaces else ""
        self._allow(namespace, "An experiment cannot have an empty namespace in multi-user mode")
        rules.experiment_name(name)
        for found in self.experiments.values():
            if (found["display_name"], found.get("namespace", "")) == (name, namespace):
                raise KfpError("ALREADY_EXISTS", f"The name {name} already exists.")
        made = {
            "experiment_id": str(uuid.uuid4()),
            "display_name": name,
            "created_at": rules.stamp(_now()),
            "storage_state": "AVAILABLE",
            **({"namespace": namespace} if namespace else {}),
        }
        self.experiments[made["experiment_id"]] = made
        return made

    def _create_recurring_run(self, body: Any) -> dict[str, Any]:
        rules.recurring_run(body)
        namespace = self._experiment_namespace(body, "Recurring run")
        made = {
            "recurring_run_id": str(uuid.uuid4()),
            "created_at": rules.stamp(_now()),
            "updated_at": rules.stamp(_now()),
            "status": "ENABLED" if body.get("mode") == "ENABLE" else "DISABLED",
            **{key: value for key, value in copy.deepcopy(body).items() if value},
            "mode": "ENABLE" if body.get("mode") == "ENABLE" else "DISABLE",
            "max_concurrency": str(body["max_concurrency"]),
            "service_account": body.get("service_account") or "pipeline-runner",
            "namespace": namespace or "kubeflow",
            "pipeline_spec": rules.stored_spec(body["pipeline_spec"]),
        }
        if not (made.get("runtime_config") or {}).get("parameters"):
            made.pop("runtime_config", None)
        rules.normalize_trigger(made["trigger"])
        self.recurring_runs[made["recurring_run_id"]] = made
        return made

    def _create_run(self, body: Any) -> dict[str, Any]:
        rules.only(body, rules.RUN_FIELDS)
        if not body.get("display_name"):
            raise KfpError("INVALID_ARGUMENT", "Run name is empty. Please specify a valid name")
        self._experiment_namespace(body, "Run")
        schedule = body.get("recurring_run_id") or ""
        if schedule and schedule not in self.recurring_runs:
            raise KfpError("INTERNAL", f"RecurringRunId doesn't exist: {schedule}")
        for found in self.runs.values():
            of_the_same = schedule and found.get("recurring_run_id") == schedule
            if of_the_same and found["display_name"] == body["display_name"]:
                return found
        made = {
            **copy.deepcopy(body),
            "run_id": str(uuid.uuid4()),
            "storage_state": "AVAILABLE",
            "state": "PENDING",
            "created_at": rules.stamp(_now()),
            "scheduled_at": rules.stamp(_now()),
            "finished_at": rules.stamp(rules.EPOCH),
        }
        self.runs[made["run_id"]] = made
        return made

    def _delete_recurring_run(self, id: str, query: Mapping[str, str]) -> dict[str, Any]:
        policy = query.get("propagation_policy", "") if self.keeps_runs else ""
        if policy not in ("", "FOREGROUND", "BACKGROUND", "ORPHAN"):
            raise KfpError("INVALID_ARGUMENT", f"parsing field propagation_policy: {policy}")
        del self.recurring_runs[id]
        for run in self.runs.values():
            unfinished = run["state"] in ("PENDING", "RUNNING")
            if run.get("recurring_run_id") == id and unfinished and policy != "ORPHAN":
                run.update(state="FAILED", finished_at=rules.stamp(_now()))
        return {}

    def _list(
        self,
        items: Mapping[str, dict[str, Any]],
        name: str,
        keys: Mapping[str, str],
        query: Mapping[str, str],
    ) -> dict[str, Any]:
        experiment = query.get("experiment_id", "")
        namespace = query.get("namespace", "") if self.namespaces else ""
        if experiment:
            if experiment not in self.experiments:
                raise KfpError("NOT_FOUND", f"Experiment {experiment} not found.")
            namespace = self.experiments[experiment].get("namespace", "")
        self._allow(namespace, f"{name} cannot have an empty namespace in multi-user mode")
        chosen = [
            item
            for item in items.values()
            if (not experiment or item["experiment_id"] == experiment)
            and (not self.namespaces or self._namespace_of(item) == namespace)
        ]
        return rules.page(chosen, name, keys, query)

    def _experiment_namespace(self, body: Mapping[str, Any], what: str) -> str:
        experiment = body.get("experiment_id") or ""
        if experiment not in self.experiments:
            if not experiment and self.namespaces:
                message = "Experiment id can not be empty in multi-user mode"
                raise KfpError("INVALID_ARGUMENT", message)
            raise KfpError("NOT_FOUND", f"Experiment {experiment} not found.")
        namespace: str = self.experiments[experiment].get("namespace", "")
        if body.get("namespace") and body["namespace"] != namespace:
            message = f"Experiment {experiment} belongs to namespace '{namespace}'"
            raise KfpError("INVALID_ARGUMENT", message)
        self._allow(namespace, f"{what} cannot have an empty namespace in multi-user mode")
        return namespace

    def _namespace_of(self, item: Mapping[str, Any]) -> str:
        found = self.experiments.get(item["experiment_id"], {})
        return str(found.get("namespace", ""))

    def _allow(self, namespace: str, empty: str = "") -> None:
        if not self.namespaces:
            return
        if not namespace:
            raise KfpError("INVALID_ARGUMENT", empty)
        if namespace not in self.namespaces:
            message = f"User 'caller' is not authorized with reason:  (namespace: {namespace})"
            raise KfpError("PERMISSION_DENIED", message)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
