"""ZenML's side of the inventory, in pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from pulumi_zenml.errors import (
    NotSchedulableError,
    PermissionDeniedError,
    PulumiZenmlError,
)
from pulumi_zenml.lifecycle.ports import Zenml
from pulumi_zenml.lifecycle.session import Session
from pulumi_zenml.operations.zenml_rows import (
    Component,
    Connector,
    Project,
    Run,
    Snapshot,
    aware,
    to_run,
    to_snapshot,
)
from pulumi_zenml.orchestrators import get_orchestrator
from pulumi_zenml.orchestrators.base import Target
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.errors import zenml_errors
from pulumi_zenml.zenml.masking import without_login
from pulumi_zenml.zenml.project import pages
from pulumi_zenml.zenml.records import Records

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import (
        ComponentResponse,
    )

# A filter with a condition on a nullable column leaves out the rows where it is null.
HAS_SCHEDULE = f"notequals:{UUID(int=0)}"
_PAGE = 500
# As many ids as fit into the query of a URL with room to spare.
_CHUNK = 100

_Item = TypeVar("_Item")


class ZenmlReader:
    """Reads ZenML over all projects, and caches what it reads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.warnings: list[str] = []
        """Warnings for the user."""
        self._session = Session(connection)
        self._sessions: dict[str, Session] = {}
        self._components: dict[str, Component] | None = None
        self._named: dict[str, dict[tuple[str, str], str]] = {}
        self._pipelines: dict[str, dict[str, str]] = {}

    @property
    def client(self) -> Client:
        """ZenML's client, connected."""
        return self._session.client

    def session(self, project_id: str) -> Zenml:
        """The session of one project, for changes in it.

        Args:
            project_id: ZenML's id; empty for none.
        """
        if project_id not in self._sessions:
            self._sessions[project_id] = Session(self.connection, project_id, self.warnings.append)
        return self._sessions[project_id]

    def projects(self) -> list[Project]:
        """The projects that the user can see, without their schedules."""
        with zenml_errors("list the projects"):
            return [Project(str(it.id), it.name) for it in pages(self.client.list_projects)]

    def project(self, row: Project) -> Project:
        """A project with its records and scheduled snapshots."""
        records = tuple(Records(self.client, UUID(row.id)).all())
        with zenml_errors(f"list the scheduled snapshots of project '{row.name}'"):
            found = pages(
                self.client.list_snapshots,
                project=row.id,
                named_only=False,
                schedule_id=HAS_SCHEDULE,
                sort_by="desc:created",
                hydrate=False,
            )
            snapshots = [to_snapshot(item) for item in found]
        return Project(row.id, row.name, records, {it.id: it for it in snapshots})

    def components(self) -> dict[str, Component]:
        """Every orchestrator component by id."""
        if self._components is None:
            from zenml.enums import StackComponentType

            kind = StackComponentType.ORCHESTRATOR
            with zenml_errors("list the stacks and orchestrators"):
                stacks: dict[str, list[str]] = {}
                for stack in pages(self.client.list_stacks, hydrate=True):
                    for component in stack.components.get(kind, ()):
                        stacks.setdefault(str(component.id), []).append(stack.name)
                listed = list(pages(self.client.list_stack_components, type=kind, hydrate=True))
            self._components = {
                str(it.id): self._to_component(it, tuple(sorted(stacks.get(str(it.id), ()))))
                for it in listed
            }
        return self._components

    def connectors(self, components: Sequence[Component]) -> list[Connector]:
        """The service connectors that these orchestrators use; none if not permitted."""
        used_by: dict[str, list[str]] = {}
        for component in components:
            if component.connector_id:
                used_by.setdefault(component.connector_id, []).append(component.name)
        if not used_by:
            return []
        try:
            with zenml_errors("list the service connectors"):
                listed = list(pages(self.client.list_service_connectors, hydrate=False))
        except PermissionDeniedError:
            return []
        return [
            Connector(it.name, aware(it.expires_at), tuple(used_by[str(it.id)]))
            for it in listed
            if str(it.id) in used_by
        ]

    def snapshots(self, project_id: str, ids: Iterable[str]) -> dict[str, Snapshot]:
        """The snapshots of these ids that a project has, by id."""
        found: dict[str, Snapshot] = {}
        for chunk in _chunks(sorted(set(ids))):
            with zenml_errors("look up snapshots"):
                listed = pages(
                    self.client.list_snapshots,
                    project=project_id,
                    named_only=False,
                    id=_one_of(chunk),
                    hydrate=False,
                )
                found |= {str(item.id): to_snapshot(item) for item in listed}
        return found

    def snapshot_named(self, project_id: str, reference: str) -> str:
        """The id that ``pipeline:snapshot`` resolves to now; empty when there is none."""
        if project_id not in self._named:
            with zenml_errors("list the named snapshots"):
                self._named[project_id] = {
                    (it.pipeline, it.name): it.id
                    for it in map(
                        to_snapshot,
                        pages(self.client.list_snapshots, project=project_id, named_only=True),
                    )
                }
        pipeline, _, name = reference.rpartition(":")
        return self._named[project_id].get((pipeline, name), "")

    def pipeline(self, project_id: str, pipeline_id: str) -> str:
        """A pipeline's name; empty when it was deleted."""
        if project_id not in self._pipelines:
            with zenml_errors("list the pipelines"):
                listed = pages(self.client.list_pipelines, project=project_id)
                self._pipelines[project_id] = {str(item.id): item.name for item in listed}
        return self._pipelines[project_id].get(pipeline_id, "")

    def runs_since(self, project_id: str, since: datetime) -> Iterator[Run]:
        """Every scheduled run that reached ZenML at or after ``since``, newest first."""
        with zenml_errors("list the scheduled runs"):
            yield from map(
                to_run,
                pages(
                    self.client.list_pipeline_runs,
                    project=project_id,
                    schedule_id=HAS_SCHEDULE,
                    created=f"gte:{_sql_time(since)}",
                    hydrate=False,
                ),
            )

    def runs_in_progress(self, project_id: str) -> list[Run]:
        """Every scheduled run that is not finished."""
        from zenml.enums import ExecutionStatus

        unfinished = [state.value for state in ExecutionStatus if not state.is_finished]
        with zenml_errors("list the runs in progress"):
            listed = pages(
                self.client.list_pipeline_runs,
                project=project_id,
                schedule_id=HAS_SCHEDULE,
                status=_one_of(unfinished),
                hydrate=False,
            )
            return [to_run(item) for item in listed]

    def last_runs(
        self, project_id: str, schedule_ids: Iterable[str], count: int
    ) -> dict[str, list[Run]]:
        """The last ``count`` runs of each schedule, newest first, a hundred schedules a call.

        A page is larger than ``count`` runs of each of its schedules, so each call completes at
        least one of them.
        """
        found: dict[str, list[Run]] = {id: [] for id in schedule_ids}
        for chunk in _chunks(sorted(found)):
            open_ids = set(chunk)
            while open_ids:
                page = self._runs_page(project_id, sorted(open_ids), _CHUNK * (count + 1))
                for id in open_ids:
                    found[id] = [run for run in page[0] if run.schedule_id == id][:count]
                if not page[1]:
                    break
                open_ids = {id for id in open_ids if len(found[id]) < count}
        return found

    def runs_of(self, project_id: str, schedule_id: str, limit: int) -> list[Run]:
        """The last runs of one schedule in full detail, newest first."""
        with zenml_errors("list the runs of a schedule"):
            found = self.client.list_pipeline_runs(
                project=project_id, schedule_id=schedule_id, size=limit, hydrate=True
            )
            page = self.runs_url()
            return [to_run(item, whole=True, page=page) for item in found.items]

    def runs_of_snapshots(
        self, project_id: str, snapshot_ids: Sequence[str], since: datetime
    ) -> list[Run]:
        """The runs of some snapshots that reached ZenML at or after ``since``."""
        found: list[Run] = []
        for chunk in _chunks(snapshot_ids):
            with zenml_errors("list the runs of snapshots"):
                listed = pages(
                    self.client.list_pipeline_runs,
                    project=project_id,
                    snapshot_id=_one_of(chunk),
                    created=f"gte:{_sql_time(since)}",
                    hydrate=False,
                )
                found += map(to_run, listed)
        return found

    def runs_url(self) -> str:
        """The URL of a run in ZenML's dashboard, with placeholders ``{project}`` and ``{run}``.

        Empty for a store without a dashboard.
        """
        from zenml.utils.dashboard_utils import get_cloud_dashboard_url, get_server_dashboard_url

        if not self.connection.url():
            return ""
        base = without_login(get_cloud_dashboard_url() or get_server_dashboard_url() or "")
        return f"{base}/projects/{{project}}/runs/{{run}}" if base else ""

    def _runs_page(self, project_id: str, ids: Sequence[str], size: int) -> tuple[list[Run], bool]:
        """The newest runs of some schedules, and whether there are more."""
        with zenml_errors("list the last runs"):
            found = self.client.list_pipeline_runs(
                project=project_id, schedule_id=_one_of(ids), size=size, hydrate=False
            )
            return [to_run(item) for item in found.items], found.total_pages > 1

    def _to_component(self, response: ComponentResponse, stacks: tuple[str, ...]) -> Component:
        made = Component(
            id=str(response.id),
            name=response.name,
            flavor=response.flavor_name,
            stacks=stacks,
            connector_id=str(response.connector.id) if response.connector else "",
        )
        try:
            cls = get_orchestrator(response.flavor_name)
            overrides = self.connection.orchestrators.get(response.name, {})
            return replace(
                made, orchestrator=cls(Target(response, overrides, self.warnings.append))
            )
        except NotSchedulableError as error:
            return replace(made, problem=str(error), refused=True)
        except (PulumiZenmlError, ImportError) as error:
            return replace(made, problem=str(error))


def _chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _one_of(ids: Sequence[str]) -> str:
    return f"oneof:{json.dumps(list(ids))}"


def _sql_time(instant: datetime) -> str:
    # ZenML's filters take naive UTC in whole seconds (zenml 0.98 models.v2.base.filter).
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
