"""Vendors' services on this machine: their state is read, kept and put back as it is in memory."""

from __future__ import annotations

import copy
import re
import threading
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from faults.sides import Native, Side
from orchestrators.zenml_here import zenml_here
from pulumi_zenml.testing.bench import Bench
from testbed.snapshots import ZenmlClient

_SNAPSHOT = re.compile(r"snapshot[_-]id[^0-9a-f]{1,12}([0-9a-f]{8}-[0-9a-f-]{27})")
_REGISTERING = threading.Lock()


class StandInSide(Side):
    """A stand-in of its own for each world.

    Args:
        bench: of the flavor, entered.
    """

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.flavor = bench.flavor
        self._spelled: dict[str, str] = {}

    @property
    def environment(self) -> Mapping[str, str]:
        bench: Bench = self.bench
        return bench.environment

    @property
    def overrides(self) -> Mapping[str, Any]:
        return {stack: dict(self.bench.overrides()) for stack in ("one", "two")}

    def register(self, client: ZenmlClient) -> None:
        # The vendor's bench speaks to ZenML in this process, where it holds one client.
        with _REGISTERING, zenml_here(client.env):
            for stack in ("one", "two"):
                self.bench.register(stack)

    def natives(self) -> list[Native]:
        return [self._native(id, found) for id, found in self._schedules().items()]

    def remains(self) -> set[str]:
        return set()

    def save(self) -> Any:
        return {name: copy.deepcopy(getattr(self._service(), name)) for name in self._state_names()}

    def restore(self, saved: Any) -> None:
        service = self._service()
        for name, value in saved.items():
            held = getattr(service, name)
            held.clear()
            held.update(copy.deepcopy(value))

    def spelled(self, cron: str) -> str:
        return self._spelled.get(cron, f"{cron} in a dialect not seen yet")

    def learn(self, cron: str) -> None:
        natives = self.natives()
        if natives and cron not in self._spelled:
            self._spelled[cron] = natives[-1].when

    def remove(self, id: str) -> None:
        self.bench.remove(id)

    def close(self) -> None:
        self.bench.__exit__(None, None, None)

    def _native(self, id: str, found: Any) -> Native:
        text = self._text(found)
        runs = _SNAPSHOT.search(text.replace("\\", ""))
        when, paused = self._state(found)
        return Native(
            id=id,
            place="",
            snapshot=runs[1] if runs else "",
            when=when,
            paused=paused,
            raw=text,
        )

    def _text(self, found: Any) -> str:
        return str(found)

    @abstractmethod
    def _service(self) -> Any:
        """Whose attributes the state is."""

    @abstractmethod
    def _state_names(self) -> tuple[str, ...]:
        """The names of those, all of them dictionaries or sets."""

    @abstractmethod
    def _schedules(self) -> Mapping[str, Any]:
        """The native schedules by id."""

    @abstractmethod
    def _state(self, found: Any) -> tuple[str, bool]:
        """When it fires, and whether it is paused."""


class VertexSide(StandInSide):
    """Vertex AI."""

    def _service(self) -> Any:
        return self.bench.vertex

    def _state_names(self) -> tuple[str, ...]:
        return ("schedules", "jobs", "_dying")

    def _schedules(self) -> Mapping[str, Any]:
        dying = self._service()._dying
        return {id: it for id, it in self._service().schedules.items() if id not in dying}

    def _state(self, found: Any) -> tuple[str, bool]:
        return found.cron, found.state.name == "PAUSED"


class KubeflowSide(StandInSide):
    """Kubeflow Pipelines, which reads cron in UTC only."""

    timezone = None

    def _service(self) -> Any:
        return self.bench.kfp

    def _state_names(self) -> tuple[str, ...]:
        return ("experiments", "recurring_runs", "runs", "_last_fire")

    def _schedules(self) -> Mapping[str, Any]:
        found: dict[str, Any] = self._service().recurring_runs
        return found

    def _state(self, found: Any) -> tuple[str, bool]:
        return str(found.get("trigger")), found.get("status") == "DISABLED"


class DatabricksSide(StandInSide):
    """Databricks."""

    def _service(self) -> Any:
        return self.bench.databricks.workspace

    def _state_names(self) -> tuple[str, ...]:
        return ("jobs", "runs", "files", "_deleted", "_tokens")

    def remains(self) -> set[str]:
        # A job's wheel is in a folder of its own.
        used = str(self._service().jobs)
        return {f"file {it}" for it in self._service().files if it.rstrip("/") not in used}

    def _schedules(self) -> Mapping[str, Any]:
        return {str(id): it for id, it in self._service().jobs.items()}

    def _state(self, found: Any) -> tuple[str, bool]:
        schedule = found["settings"].get("schedule") or {}
        when = f"{schedule.get('quartz_cron_expression')} {schedule.get('timezone_id')}"
        return when, schedule.get("pause_status") == "PAUSED"


class AzureMLSide(StandInSide):
    """Azure Machine Learning."""

    def _service(self) -> Any:
        return self.bench.azure.workspace

    def _state_names(self) -> tuple[str, ...]:
        return (
            "schedules",
            "components",
            "environments",
            "jobs",
            "_schedule_of_job",
            "_settled",
            "_doomed",
        )

    def _schedules(self) -> Mapping[str, Any]:
        doomed = self._service()._doomed
        return {id: it for id, it in self._service().schedules.items() if id not in doomed}

    def _text(self, found: Any) -> str:
        # The snapshot is named in the commands of the components that the schedule runs.
        return (
            f"{found}{self._service().components}" if "snapshot" not in str(found) else str(found)
        )

    def _state(self, found: Any) -> tuple[str, bool]:
        properties = found["properties"]
        return str(properties["trigger"]), not properties["isEnabled"]


class SageMakerSide(StandInSide):
    """EventBridge schedules of SageMaker pipelines, in moto."""

    def _service(self) -> Any:
        return self.bench.aws._services

    def _state_names(self) -> tuple[str, ...]:
        return ()

    def remains(self) -> set[str]:
        used = [str(it.target) for it in self._group().schedules.values()]
        return {
            f"pipeline {name}" for name in self._pipelines() if not any(name in it for it in used)
        }

    def save(self) -> Any:
        return copy.deepcopy((self._group().schedules, self._pipelines()))

    def restore(self, saved: Any) -> None:
        schedules, pipelines = copy.deepcopy(saved)
        for held, kept in ((self._group().schedules, schedules), (self._pipelines(), pipelines)):
            held.clear()
            held.update(kept)

    def _group(self) -> Any:
        region = self.bench.aws.region
        return self._service().scheduler(region).schedule_groups["default"]

    def _pipelines(self) -> Any:
        return self._service().sagemaker(self.bench.aws.region).pipelines

    def _schedules(self) -> Mapping[str, Any]:
        return {f"default/{name}": it for name, it in self._group().schedules.items()}

    def _text(self, found: Any) -> str:
        # The pipeline's definition names the snapshot; the schedule names the pipeline.
        pipelines = {name: str(vars(it)) for name, it in self._pipelines().items()}
        target = str(found.target)
        return target + "".join(it for name, it in pipelines.items() if name in target)

    def _state(self, found: Any) -> tuple[str, bool]:
        zone = found.schedule_expression_timezone
        return f"{found.schedule_expression} {zone}", found.state == "DISABLED"
