"""One look at ZenML and its orchestrators, shared by all that one process does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pulumi_zenml.errors import NotFoundError, RefusedError
from pulumi_zenml.orchestrators import get_orchestrator
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.zenml.connection import ZENML, Connection, zenml_errors
from pulumi_zenml.zenml.records import Records

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import ComponentResponse, PipelineSnapshotResponse, StackResponse

_PAGE = 500


class Session:
    """Looks each thing up once. Thread-safe; cheap until it is first used.

    Args:
        connection: where ZenML is.
        project: a ZenML project by name or id; empty for the connection's, else the active one.
        warn: told what a user must know although nothing failed.
    """

    def __init__(
        self,
        connection: Connection,
        project: str = "",
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.connection = connection
        self.warn = warn
        self._project = project or connection.project
        self._lock = threading.RLock()
        self._stacks: dict[str, StackResponse] = {}
        self._orchestrators: dict[str, Orchestrator] = {}
        self._counterparts: dict[str, dict[str, Counterpart]] = {}
        self._snapshot_ids: dict[tuple[str, str], str] | None = None

    @cached_property
    def client(self) -> Client:
        """ZenML's client, connected."""
        with self._lock:
            return self.connection.client()

    @cached_property
    def project_id(self) -> UUID:
        """The ZenML project.

        Raises:
            NotFoundError: no such project; says which are near.
        """
        with self._lock:
            if not self._project:
                with zenml_errors("find the active project"):
                    try:
                        return self.client.active_project.id
                    except RuntimeError as error:
                        raise RefusedError(
                            ZENML,
                            "no project is active. Set one with 'pulumi config set zenml:project'.",
                        ) from error
            with zenml_errors(f"find project '{self._project}'"):
                try:
                    return self.client.get_project(self._project).id
                except KeyError as error:
                    known = [item.name for item in pages(self.client.list_projects)]
                    raise NotFoundError(
                        ZENML,
                        f"there is no project '{self._project}'.",
                        wanted=self._project,
                        known=known,
                    ) from error

    @cached_property
    def records(self) -> Records:
        """The project's schedules."""
        with self._lock:
            return Records(self.client, self.project_id)

    def stack(self, name: str) -> StackResponse:
        """A ZenML stack by name or id.

        Raises:
            NotFoundError: no such stack; says which are near.
        """
        with self._lock:
            if name not in self._stacks:
                self._stacks[name] = self._find_stack(name)
            return self._stacks[name]

    def flavor(self, stack: str) -> str:
        """The flavor of a stack's orchestrator."""
        return self._component_of(self.stack(stack)).flavor_name

    def orchestrator(self, stack: str) -> Orchestrator:
        """Our side of a stack's orchestrator.

        Raises:
            NotSchedulableError: its flavor has no schedules.
        """
        return self._orchestrator(self._component_of(self.stack(stack)))

    def orchestrator_by_id(self, component_id: str) -> Orchestrator | None:
        """Our side of an orchestrator component; ``None`` when ZenML has it no longer."""
        with self._lock:
            if component_id in self._orchestrators:
                return self._orchestrators[component_id]
            from zenml.enums import StackComponentType

            with zenml_errors(f"read orchestrator {component_id}"):
                try:
                    component = self.client.get_stack_component(
                        StackComponentType.ORCHESTRATOR, component_id, allow_name_prefix_match=False
                    )
                except KeyError:
                    return None
            return self._orchestrator(component)

    def counterparts(self, orchestrator: Orchestrator) -> dict[str, Counterpart]:
        """Every counterpart in one orchestrator by native id; listed once."""
        key = str(orchestrator.target.component.id)
        with self._lock:
            if key not in self._counterparts:
                self._counterparts[key] = {
                    found.native_id: found for found in orchestrator.list_all()
                }
            return self._counterparts[key]

    def snapshot(self, reference: str) -> PipelineSnapshotResponse:
        """A pipeline snapshot, with all that it holds.

        Args:
            reference: ``pipeline:snapshot`` or a snapshot's id.

        Raises:
            NotFoundError: no such pipeline or snapshot; says which are near.
        """
        id = self.snapshot_id(reference, fresh=True)
        if id is None:
            raise self._no_snapshot(reference)
        with zenml_errors(f"read snapshot '{reference}'"):
            try:
                return self.client.zen_store.get_snapshot(UUID(id), hydrate=True)
            except KeyError as error:
                raise NotFoundError(ZENML, f"there is no snapshot {id}.") from error

    def snapshot_id(self, reference: str, *, fresh: bool = False) -> str | None:
        """What a snapshot reference means now; ``None`` when it means nothing.

        Args:
            reference: ``pipeline:snapshot`` or a snapshot's id, which means itself.
            fresh: look again when the one listing does not have it.
        """
        pipeline, _, name = reference.rpartition(":")
        if not pipeline:
            return str(UUID(name)) if _is_uuid(name) else None
        with self._lock:
            known = self._snapshots()
            if fresh and (pipeline, name) not in known:
                self._snapshot_ids = None
                known = self._snapshots()
            return known.get((pipeline, name))

    def _snapshots(self) -> dict[tuple[str, str], str]:
        if self._snapshot_ids is None:
            project = self.project_id
            with zenml_errors("list the pipeline snapshots"):
                names = {
                    item.id: item.name
                    for item in pages(self.client.list_pipelines, project=project)
                }
                self._snapshot_ids = {
                    (names.get(item.get_body().pipeline_id, ""), item.name): str(item.id)
                    for item in pages(self.client.list_snapshots, project=project, named_only=True)
                }
        return self._snapshot_ids

    def _no_snapshot(self, reference: str) -> NotFoundError:
        pipeline, _, name = reference.rpartition(":")
        if not pipeline:
            return NotFoundError(
                ZENML,
                f"'{reference}' is neither 'pipeline:snapshot' nor the id of a snapshot.",
                wanted=reference,
                known=[f"{pipe}:{snap}" for pipe, snap in self._snapshots()],
            )
        known = self._snapshots()
        if any(pipe == pipeline for pipe, _ in known):
            return NotFoundError(
                ZENML,
                f"pipeline '{pipeline}' has no snapshot '{name}'.",
                wanted=name,
                known=[snap for pipe, snap in known if pipe == pipeline],
            )
        return NotFoundError(
            ZENML,
            f"there is no pipeline '{pipeline}' with named snapshots.",
            wanted=pipeline,
            known={pipe for pipe, _ in known},
        )

    def _find_stack(self, name: str) -> StackResponse:
        with zenml_errors(f"find stack '{name}'"):
            try:
                return self.client.get_stack(name, allow_name_prefix_match=False)
            except KeyError as error:
                raise NotFoundError(
                    ZENML,
                    f"there is no stack '{name}'.",
                    wanted=name,
                    known=[item.name for item in pages(self.client.list_stacks)],
                ) from error

    def _component_of(self, stack: StackResponse) -> ComponentResponse:
        from zenml.enums import StackComponentType

        found = stack.components.get(StackComponentType.ORCHESTRATOR)
        if not found:
            raise RefusedError(ZENML, f"stack '{stack.name}' has no orchestrator.")
        return found[0]

    def _orchestrator(self, component: ComponentResponse) -> Orchestrator:
        key = str(component.id)
        with self._lock:
            if key not in self._orchestrators:
                cls = get_orchestrator(component.flavor_name)
                overrides = self.connection.orchestrators.get(component.name, {})
                # The stack's view of a component lacks its configuration.
                hydrated = component.get_hydrated_version()
                self._orchestrators[key] = cls(Target(hydrated, overrides, self.warn))
            return self._orchestrators[key]


def pages(method: Callable[..., Any], **arguments: Any) -> Iterator[Any]:
    """Every item of one of ZenML's list methods, page by page."""
    page = 1
    while True:
        found = method(page=page, size=_PAGE, **arguments)
        yield from found.items
        if page >= found.total_pages:
            return
        page += 1


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
