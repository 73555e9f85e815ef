"""A component's configuration as ZenML's class, with Pulumi config on top."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse

    from pulumi_zenml.orchestrators.base import Target


class ZenmlConfig:
    """Call it for the configuration. Thread-safe; created once.

    Args:
        target: the component.
        ours: the overrides that are not fields of ZenML's configuration.
        merge: merges the overrides into the component's fields; a plain update by default.
    """

    def __init__(
        self,
        target: Target,
        ours: tuple[str, ...],
        merge: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]] = lambda given, over: {
            **given,
            **over,
        },
    ) -> None:
        self._target = target
        self._ours = ours
        self._merge = merge
        self._lock = threading.Lock()
        self._made: Any = None

    def __call__(self) -> Any:
        with self._lock:
            if self._made is None:
                given: dict[str, Any] = dict(self._target.component.configuration)
                over = {
                    key: value
                    for key, value in self._target.overrides.items()
                    if key not in self._ours
                }
                made = type(self._target.instance().config)
                self._made = made(**self._merge(given, over))
            return self._made


def apply_settings(
    snapshot: PipelineSnapshotResponse, orchestrator: Any, settings: Mapping[str, Any]
) -> None:
    """Make ZenML's code use these settings for an orchestrator, in addition to the snapshot's own.

    In memory only, under the key with precedence (zenml 0.98 ``StackComponent.get_settings``).
    """
    from zenml.config.base_settings import BaseSettings

    own = orchestrator.get_settings(snapshot).model_dump(exclude_unset=True)
    details = snapshot.get_metadata()
    every = dict(details.pipeline_configuration.settings)
    every[f"orchestrator:{orchestrator.name}"] = BaseSettings(**{**own, **settings})
    details.pipeline_configuration = details.pipeline_configuration.model_copy(
        update={"settings": every}
    )
