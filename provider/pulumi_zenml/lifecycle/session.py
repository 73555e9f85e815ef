"""One ZenML project together with the orchestrators that its schedules are in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pulumi_zenml.errors import UnreachableError
from pulumi_zenml.orchestrators import get_orchestrator
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.zenml.cache import Cache
from pulumi_zenml.zenml.errors import zenml_errors
from pulumi_zenml.zenml.project import ZenmlProject, component_of

if TYPE_CHECKING:
    from zenml.models import ComponentResponse


@dataclass(eq=False)
class Session(ZenmlProject):
    """A ZenML project, and our side of its orchestrators. Thread-safe."""

    _orchestrators: Cache[str, Orchestrator | None] = field(init=False, default_factory=Cache)
    _listings: Cache[str, dict[str, Counterpart]] = field(init=False, default_factory=Cache)
    _down: Cache[str, UnreachableError] = field(init=False, default_factory=Cache)

    def orchestrator(self, stack: str) -> Orchestrator:
        """Our side of a stack's orchestrator.

        Raises:
            NotSchedulableError: its flavor has no schedules.
        """
        component = component_of(self.stack(stack))
        found = self._orchestrators.get(str(component.id), lambda: self._make(component))
        assert found
        return found

    def orchestrator_by_id(self, component_id: str | None) -> Orchestrator | None:
        """Our side of an orchestrator component; ``None`` when ZenML has it no longer."""
        if not component_id:
            return None
        return self._orchestrators.get(component_id, lambda: self._read_component(component_id))

    def counterparts(self, orchestrator: Orchestrator) -> dict[str, Counterpart]:
        """Every counterpart in one orchestrator by native id; listed once."""

        def listed() -> dict[str, Counterpart]:
            with self.reaching(orchestrator):
                return {found.native_id: found for found in orchestrator.list_all()}

        return self._listings.get(str(orchestrator.target.component.id), listed)

    @contextlib.contextmanager
    def reaching(self, orchestrator: Orchestrator) -> Iterator[None]:
        """For calls to an orchestrator: one that gave no answer once is not asked again.

        Raises:
            UnreachableError: it gave no answer, now or before in this process.
        """
        key = str(orchestrator.target.component.id)
        if known := self._down.known(key):
            raise known
        try:
            yield
        except UnreachableError as error:
            self._down.put(key, error)
            raise

    def _read_component(self, component_id: str) -> Orchestrator | None:
        from zenml.enums import StackComponentType

        with zenml_errors(f"read orchestrator {component_id}"):
            try:
                component = self.client.get_stack_component(
                    StackComponentType.ORCHESTRATOR, component_id, allow_name_prefix_match=False
                )
            except KeyError:
                return None
        return self._make(component)

    def _make(self, component: ComponentResponse) -> Orchestrator:
        cls = get_orchestrator(component.flavor_name)
        overrides = self.connection.orchestrators.get(component.name, {})
        # The stack's view of a component lacks its configuration.
        with zenml_errors(f"read orchestrator '{component.name}'"):
            hydrated = component.get_hydrated_version()
        return cls(Target(hydrated, overrides, self.warn))
