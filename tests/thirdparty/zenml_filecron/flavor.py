"""The ZenML side: a custom orchestrator flavor."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from zenml.orchestrators import BaseOrchestrator, BaseOrchestratorConfig, BaseOrchestratorFlavor
from zenml.orchestrators.base_orchestrator import SubmissionResult

from zenml_filecron import files

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
    from zenml.stack import Stack


class FileCronConfig(BaseOrchestratorConfig):
    """Where the files go, and how the orchestrator misbehaves for a test."""

    folder: str
    fail: str = ""

    @property
    def is_schedulable(self) -> bool:
        return True


class FileCron(BaseOrchestrator):
    """Writes one file a schedule, as a real one would call its API."""

    @property
    def config(self) -> FileCronConfig:
        return self._config  # type: ignore[return-value]

    def submit_pipeline(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        base_environment: dict[str, str],
        step_environments: dict[str, dict[str, str]],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> SubmissionResult | None:
        schedule = snapshot.schedule
        assert schedule is not None
        folder = Path(self.config.folder)
        if (folder / "refuse").exists():
            raise RuntimeError("the folder says no")
        if (folder / "swallow").exists():
            return None
        body = {
            "schedule": schedule.cron_expression,
            "timeZone": "UTC",
            "paused": False,
            "snapshot_id": str(snapshot.id),
            "pipeline": snapshot.pipeline.name,
            "active_stack": base_environment["ZENML_ACTIVE_STACK_ID"],
            "active_project": base_environment["ZENML_ACTIVE_PROJECT_ID"],
        }
        path = folder / f"{uuid4().hex[:12]}.json"
        files.write(path, body)
        if (folder / "die").exists():
            (folder / "die").unlink()
            os._exit(9)
        return None

    def get_orchestrator_run_id(self) -> str:
        return os.environ["FILECRON_RUN_ID"]


class FileCronFlavor(BaseOrchestratorFlavor):
    """The flavor that ZenML registers."""

    @property
    def name(self) -> str:
        return "filecron"

    @property
    def config_class(self) -> type[FileCronConfig]:
        return FileCronConfig

    @property
    def implementation_class(self) -> type[FileCron]:
        return FileCron
