"""Running the probes of orchestrators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from pulumi_zenml.errors import UnreachableError
from pulumi_zenml.operations.doctor.check import Check, remedy_for, run_check
from pulumi_zenml.orchestrators.base import Orchestrator

if TYPE_CHECKING:
    from pulumi_zenml.operations.zenml_rows import Component

_AREA = "orchestrator"
_AT_ONCE = 8


def probe_orchestrator(orchestrator: Orchestrator) -> list[Check]:
    """Run every probe of an orchestrator, each with its own deadline.

    A failed probe does not stop the others; a part that cannot be reached is one failure, and
    its other probes are skipped.

    Args:
        orchestrator: the orchestrator.
    """
    component = orchestrator.target.component
    connector = component.connector.name if component.connector else ""
    checks: list[Check] = []
    down: dict[str, str] = {}
    for probe in orchestrator.probes():
        if probe.part in down:
            why = f"{probe.part or 'the orchestrator'} cannot be reached; see '{down[probe.part]}'"
            checks.append(Check(_AREA, probe.name, component.name, "skipped", why))
            continue
        check, raised = run_check(
            _AREA,
            probe.name,
            component.name,
            probe.run,
            seconds=probe.seconds,
        )
        if raised:
            check = replace(check, remedy=remedy_for(raised, component.name, connector))
        if isinstance(raised, UnreachableError):
            down[probe.part] = probe.name
        checks.append(check)
    return checks


def probe_orchestrators(
    components: Sequence[Component], on_progress: Callable[[str], None]
) -> list[Check]:
    """The checks of several orchestrators, run in parallel, in their order.

    Args:
        components: which; one that cannot be loaded is a failed check.
        on_progress: called with each step.
    """
    if not components:
        return []
    on_progress(f"probing {len(components)} orchestrators")
    checks: list[Check] = []
    with ThreadPoolExecutor(min(_AT_ONCE, len(components))) as pool:
        for done, (component, found) in enumerate(
            zip(components, pool.map(_probe_one, components), strict=True), 1
        ):
            on_progress(
                f"orchestrators: {done} of {len(components)} probed, last '{component.name}'"
            )
            checks += found
    return checks


def _probe_one(component: Component) -> list[Check]:
    orchestrator = component.orchestrator
    if orchestrator is not None:
        try:
            return probe_orchestrator(orchestrator)
        # A third party's `probes` may raise anything.
        except Exception as error:
            text, fix = f"{type(error).__name__}: {error}", remedy_for(error, "")
            return [Check(_AREA, "probes", component.name, "failed", text, fix)]
    fix = "Use another stack." if component.refused else "Install what the detail says is missing."
    name = f"flavor '{component.flavor}'"
    return [Check(_AREA, name, component.name, "failed", component.problem, fix)]
