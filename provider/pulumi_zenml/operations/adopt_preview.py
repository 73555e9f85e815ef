"""The preview that proves an adoption: Pulumi's own, of the program that was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi_zenml.lifecycle.fields import FIELDS
from pulumi_zenml.operations.adopt import Adoption, AdoptionPlan
from pulumi_zenml.operations.engine import OWNER, SCHEDULE, Engine, EngineResult, Step
from pulumi_zenml.operations.inventory import OnProgress
from pulumi_zenml.zenml.connection import Connection

_COMPARED = ("adopt", *(key for key, it in FIELDS.items() if it.of_pair))
_NOTHING_CHANGES = ("same", "read", "refresh")


@dataclass(frozen=True)
class AdoptionPreview:
    """What `pulumi up` would do.

    Args:
        stack: the Pulumi stack; empty for a temporary one with an empty state.
        problems: why each schedule of the plan would not be taken over unchanged, by resource
            name; empty where it would be.
        others: what it would change besides.
        messages: the messages of Pulumi and the provider.
    """

    stack: str
    problems: Mapping[str, str]
    others: tuple[str, ...]
    messages: tuple[str, ...] = ()

    @property
    def unchanged(self) -> bool:
        """Whether all are taken over unchanged, and nothing else is touched."""
        return not self.others and not any(self.problems.values())


def preview_adoption(
    plan: AdoptionPlan,
    files: Mapping[str, str],
    *,
    connection: Connection,
    folder: Path | None = None,
    stack: str = "",
    on_progress: OnProgress = lambda text: None,
) -> AdoptionPreview:
    """Preview the program, in the user's stack or in a temporary one.

    A creation with ``adopt`` in the preview is an adoption: the plan has compared the pair with
    the inputs, and this compares the inputs with the preview's.

    Args:
        plan: what the program takes over.
        files: a project that does only that, by name.
        connection: where ZenML is, for a temporary stack.
        folder: of the user's project; needed with ``stack``.
        stack: the user's Pulumi stack; a temporary one when empty or missing.
        on_progress: called with each step.

    Raises:
        NotFoundError: there is no Pulumi engine.
        UnauthenticatedError: not logged in, or no passphrase.
        RefusedError: the preview fails.
    """
    on_progress("pulumi preview")
    engine = Engine.find(folder, stack) if folder and stack else None
    if engine:
        return _compare(plan, engine.preview(), stack)
    given = {"ZENML_STORE_URL": connection.server_url, "ZENML_STORE_API_KEY": connection.api_key}
    env = {name: value for name, value in given.items() if value}
    with Engine.of_its_own(files, stack or "adopt", env) as alone:
        return _compare(plan, alone.preview(), "")


def _compare(plan: AdoptionPlan, outcome: EngineResult, stack: str) -> AdoptionPreview:
    steps = {step.urn.rpartition("::")[2]: step for step in outcome.steps if SCHEDULE in step.urn}
    expected = {it.resource: it for it in plan.adopted}
    others = tuple(
        f"{step.op} of {step.urn}"
        for step in outcome.steps
        if step.op not in _NOTHING_CHANGES
        and step.urn.rpartition("::")[2] not in expected
        and OWNER not in step.urn
    )
    verdicts = {name: _problem(it, steps.get(name)) for name, it in expected.items()}
    return AdoptionPreview(stack, verdicts, others, tuple(dict.fromkeys(outcome.messages)))


def _problem(adopted: Adoption, step: Step | None) -> str:
    """Why it would not be taken over unchanged; empty when it would."""
    if step is None:
        return "the stack's program does not declare it yet."
    if step.op != "create":
        return f"Pulumi would {step.op} a resource of that name, which the stack already has."
    wrong = [
        key for key in _COMPARED if _plain(step.inputs.get(key)) != _plain(adopted.checked.get(key))
    ]
    if wrong:
        return f"the program has other values for {', '.join(wrong)}, so it would be replaced."
    return ""


def _plain(value: Any) -> Any:
    # JSON knows one kind of number.
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
