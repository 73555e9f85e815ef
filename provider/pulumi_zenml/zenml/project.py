"""One ZenML project: its records, stacks and snapshots, each looked up once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pulumi_zenml.errors import NotFoundError, RefusedError
from pulumi_zenml.json_types import Json
from pulumi_zenml.zenml.cache import Cache
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.errors import ZENML, zenml_errors
from pulumi_zenml.zenml.records import Records
from pulumi_zenml.zenml.source import PipelineSource, build_snapshot
from pulumi_zenml.zenml.submission import (
    Submission,
    active_project_id,
    schedule_snapshot,
    submit,
)

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import ComponentResponse, PipelineSnapshotResponse, StackResponse

_PAGE = 500


@dataclass(frozen=True)
class StackRef:
    """A ZenML stack.

    Args:
        id: its UUID.
        name: its name.
    """

    id: str
    name: str


@dataclass(frozen=True)
class Source:
    """A snapshot that a schedule is to run.

    Args:
        id: its UUID.
        name: empty for an unnamed one.
        pipeline_id, pipeline: the pipeline's UUID and name.
        stack: what it was built for; ``None`` when that is gone.
        copied_from: id of the snapshot that it is a copy of; empty for an original.
    """

    id: str
    name: str
    pipeline_id: str
    pipeline: str
    stack: StackRef | None = None
    copied_from: str = ""


@dataclass(eq=False)
class ZenmlProject:
    """Looks each thing up once. Thread-safe; no lock is held during a call.

    Args:
        connection: where ZenML is.
        project: a ZenML project by name or id; empty for the connection's, else the active one.
        warn: gets what a user must know although nothing failed.
        connect: makes ZenML's client; the connection does by default.
    """

    connection: Connection
    project: str = ""
    warn: Callable[[str], None] = lambda text: None
    connect: Callable[[], Client] | None = None
    _single: Cache[str, Any] = field(init=False, default_factory=Cache)
    _stacks: Cache[str, StackResponse] = field(init=False, default_factory=Cache)
    _snapshots: Cache[str, PipelineSnapshotResponse] = field(init=False, default_factory=Cache)
    _flavors: Cache[str, dict[str, str]] = field(init=False, default_factory=Cache)
    _meanings: Cache[str, dict[tuple[str, str], str]] = field(init=False, default_factory=Cache)

    @property
    def client(self) -> Client:
        """ZenML's client, connected."""
        found: Client = self._single.get("client", self.connect or self.connection.client)
        return found

    @property
    def project_id(self) -> UUID:
        """The ZenML project.

        Raises:
            NotFoundError: no such project; says which are near.
        """
        found: UUID = self._single.get("project", self._find_project)
        return found

    @property
    def records(self) -> Records:
        """The project's schedules."""
        found: Records = self._single.get("records", lambda: Records(self.client, self.project_id))
        return found

    @cached_property
    def has_tokens(self) -> bool:
        """Whether runs sign in with a token, which ZenML may refuse; not at a local store."""
        return bool(self.connection.url())

    def other_projects(self) -> list[str]:
        """The ids of the projects that the user can see, but for this one."""
        with zenml_errors("list the projects"):
            visible = [str(it.id) for it in pages(self.client.list_projects)]
        return [it for it in visible if it != str(self.project_id)]

    def require_pipeline(self, id: str, name: str) -> None:
        """Check that a pipeline is there.

        Args:
            id: its UUID.
            name: for the error.

        Raises:
            NotFoundError: it was deleted.
        """
        with zenml_errors(f"find pipeline '{name}'"):
            self.client.get_pipeline(id, project=self.project_id, hydrate=False)

    def stack(self, name: str) -> StackResponse:
        """A ZenML stack by name or id.

        Raises:
            NotFoundError: no such stack; says which are near.
        """
        return self._stacks.get(name, lambda: self._find_stack(name))

    def stack_ref(self, name: str) -> StackRef:
        """The id and name of a ZenML stack by name or id."""
        found = self.stack(name)
        return StackRef(str(found.id), found.name)

    def flavor(self, stack: str) -> str:
        """The flavor of a stack's orchestrator."""
        return component_of(self.stack(stack)).flavor_name

    def components(self) -> Mapping[str, str]:
        """The flavor of each orchestrator component, by its name; listed once."""
        return self._flavors.get("", self._list_components)

    def snapshot(self, reference: str) -> PipelineSnapshotResponse:
        """A pipeline snapshot, with all that it holds.

        Args:
            reference: ``pipeline:snapshot`` or a snapshot's id. A name is looked up again each
                time, as another resource of the same ``pulumi up`` may just have moved it.

        Raises:
            NotFoundError: no such pipeline or snapshot; says which are near.
        """
        pipeline, _, name = reference.rpartition(":")
        id = self._current_id(pipeline, name) if pipeline else _uuid(name)
        if id is None:
            raise self._no_snapshot(reference)
        return self._snapshots.get(id, lambda: self._read_snapshot(id))

    def source(self, reference: str) -> Source:
        """The snapshot that a schedule is to run.

        Args:
            reference: as for :meth:`snapshot`.

        Raises:
            NotFoundError: no such pipeline or snapshot; says which are near.
        """
        return to_source(self.snapshot(reference))

    def snapshot_id(self, reference: str) -> str | None:
        """What a snapshot reference meant at the one listing; ``None`` when it means nothing.

        Args:
            reference: ``pipeline:snapshot`` or a snapshot's id, which means itself.
        """
        pipeline, _, name = reference.rpartition(":")
        if not pipeline:
            return _uuid(name)
        return self._named_snapshots().get((pipeline, name))

    def snapshot_record(self, snapshot_id: str) -> str | None:
        """The id of the record that a snapshot was submitted for; ``None`` without either."""
        try:
            schedule = self.snapshot(snapshot_id).schedule
        except NotFoundError:
            return None
        return str(schedule.id) if schedule else None

    def is_same_work(self, one: Source, other: Source) -> bool:
        """Whether two snapshots run the same steps, with the same settings, image and code.

        Raises:
            NotFoundError: one of them was deleted.
        """
        first, second = self.snapshot(one.id), self.snapshot(other.id)
        return (
            first.pipeline_configuration == second.pipeline_configuration
            and first.step_configurations == second.step_configurations
            and first.client_environment == second.client_environment
            and (first.build and first.build.id) == (second.build and second.build.id)
            and first.code_path == second.code_path
        )

    def build(self, pipeline: PipelineSource, stack: StackRef, name: str) -> Source:
        """Make a snapshot from a pipeline's source, in a process of its own.

        Args:
            pipeline: the pipeline.
            stack: the ZenML stack to build for.
            name: the snapshot's name.

        Raises:
            InputError: there is no such interpreter.
            SubmissionError: the process failed.
        """
        environment = {
            "ZENML_ACTIVE_PROJECT_ID": str(self.project_id),
            "ZENML_ACTIVE_STACK_ID": stack.id,
            "ZENML_STORE_API_KEY": self.connection.api_key,
            "ZENML_STORE_URL": self.connection.server_url,
        }
        given = {key: value for key, value in environment.items() if value}
        return self.source(build_snapshot(pipeline, name=name, environment=given))

    def copy_snapshot(
        self,
        source: Source,
        stack: StackRef,
        record_id: str,
        *,
        flavor: str,
        settings: Mapping[str, Json],
    ) -> str:
        """Copy a snapshot into a new, unnamed one that belongs to a record.

        Args:
            source: the snapshot to copy, with all that it holds.
            stack: the ZenML stack to run on.
            record_id: the record.
            flavor: the orchestrator's flavor, whose settings are extended.
            settings: keys to set in the pipeline's settings of that orchestrator.

        Returns:
            The new snapshot's id.
        """
        with zenml_errors(f"copy snapshot '{source.name or source.id}'"):
            made = schedule_snapshot(
                self.snapshot(source.id),
                stack=self.stack(stack.id),
                schedule_id=UUID(record_id),
                flavor=flavor,
                settings=settings,
            )
        self._snapshots.put(str(made.id), made)
        return str(made.id)

    def submit(self, snapshot_id: str, stack: StackRef, submission: Submission, name: str) -> None:
        """Let ZenML's orchestrator make the counterpart of a snapshot's schedule.

        Args:
            snapshot_id: what :meth:`copy_snapshot` returned.
            stack: the ZenML stack to submit to, whose environment the runs get.
            submission: the schedule as the orchestrator's code should read it.
            name: the schedule's name as the orchestrator should read it.

        Raises:
            SubmissionError: whatever ZenML raised, in one line.
        """
        submit(
            self.snapshot(snapshot_id),
            stack=self.stack(stack.id),
            submission=submission,
            name=name,
        )
        # It was changed in memory.
        self._snapshots.forget(snapshot_id)

    def _find_project(self) -> UUID:
        name = self.project or self.connection.project
        if not name:
            with zenml_errors("find the active project"):
                try:
                    return active_project_id(self.client)
                except RuntimeError as error:
                    raise RefusedError(
                        ZENML,
                        "no project is active. Set one with 'pulumi config set zenml:project'.",
                        property="project",
                    ) from error
        with zenml_errors(f"find project '{name}'"):
            try:
                return self.client.get_project(name).id
            except KeyError as error:
                raise NotFoundError(
                    ZENML,
                    f"there is no project '{name}'.",
                    property="project",
                    wanted=name,
                    known=[item.name for item in pages(self.client.list_projects)],
                ) from error

    def _find_stack(self, name: str) -> StackResponse:
        with zenml_errors(f"find stack '{name}'"):
            try:
                return self.client.get_stack(name, allow_name_prefix_match=False)
            except KeyError as error:
                raise NotFoundError(
                    ZENML,
                    f"there is no stack '{name}'.",
                    property="stack",
                    wanted=name,
                    known=[item.name for item in pages(self.client.list_stacks)],
                ) from error

    def _list_components(self) -> dict[str, str]:
        from zenml.enums import StackComponentType

        with zenml_errors("list the orchestrators"):
            return {
                item.name: item.flavor_name
                for item in pages(
                    self.client.list_stack_components, type=StackComponentType.ORCHESTRATOR
                )
            }

    def _current_id(self, pipeline: str, name: str) -> str | None:
        with zenml_errors(f"find snapshot '{pipeline}:{name}'"):
            found = pages(
                self.client.list_snapshots,
                project=self.project_id,
                pipeline=pipeline,
                name=f"equals:{name}",
                named_only=True,
            )
            return next(
                (
                    str(item.id)
                    for item in found
                    if (_pipeline(item), item.name) == (pipeline, name)
                ),
                None,
            )

    def _read_snapshot(self, id: str) -> PipelineSnapshotResponse:
        with zenml_errors(f"read snapshot {id}"):
            try:
                return self.client.zen_store.get_snapshot(UUID(id), hydrate=True)
            except KeyError as error:
                raise NotFoundError(
                    ZENML, f"there is no snapshot {id}.", property="snapshot"
                ) from error

    def _named_snapshots(self) -> dict[tuple[str, str], str]:
        return self._meanings.get("", self._list_named_snapshots)

    def _list_named_snapshots(self) -> dict[tuple[str, str], str]:
        with zenml_errors("list the pipeline snapshots"):
            return {
                (_pipeline(item), item.name): str(item.id)
                for item in pages(
                    self.client.list_snapshots, project=self.project_id, named_only=True
                )
            }

    def _no_snapshot(self, reference: str) -> NotFoundError:
        pipeline, _, name = reference.rpartition(":")
        known = self._list_named_snapshots()
        if not pipeline:
            return NotFoundError(
                ZENML,
                f"'{reference}' is neither 'pipeline:snapshot' nor the id of a snapshot.",
                property="snapshot",
                wanted=reference,
                known=[f"{pipe}:{snap}" for pipe, snap in known],
            )
        if any(pipe == pipeline for pipe, _ in known):
            return NotFoundError(
                ZENML,
                f"pipeline '{pipeline}' has no snapshot '{name}'.",
                property="snapshot",
                wanted=name,
                known=[snap for pipe, snap in known if pipe == pipeline],
            )
        return NotFoundError(
            ZENML,
            f"there is no pipeline '{pipeline}' with named snapshots.",
            property="snapshot",
            wanted=pipeline,
            known={pipe for pipe, _ in known},
        )


def component_of(stack: StackResponse) -> ComponentResponse:
    """A stack's orchestrator.

    Raises:
        RefusedError: it has none.
    """
    from zenml.enums import StackComponentType

    found = stack.components.get(StackComponentType.ORCHESTRATOR)
    if not found:
        raise RefusedError(ZENML, f"stack '{stack.name}' has no orchestrator.", property="stack")
    return found[0]


def to_source(snapshot: PipelineSnapshotResponse) -> Source:
    """What a schedule needs to know of the snapshot that it is to run."""
    stack = snapshot.stack
    return Source(
        id=str(snapshot.id),
        name=snapshot.name or "",
        pipeline_id=str(snapshot.pipeline.id),
        pipeline=snapshot.pipeline.name,
        stack=StackRef(str(stack.id), stack.name) if stack else None,
        copied_from=str(snapshot.source_snapshot_id or ""),
    )


def pages(method: Callable[..., Any], **arguments: Any) -> Iterator[Any]:
    """Every item of one of ZenML's list methods, page by page."""
    page = 1
    while True:
        found = method(page=page, size=_PAGE, **arguments)
        yield from found.items
        if page >= found.total_pages:
            return
        page += 1


def _pipeline(snapshot: PipelineSnapshotResponse) -> str:
    # Listings hold it in every version; its id in the body came with zenml 0.96.
    return snapshot.pipeline.name


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None
