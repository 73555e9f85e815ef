"""A ZenML stack: whether it is complete, loadable, valid, and has lasting credentials."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pulumi_zenml.errors import RefusedError
from pulumi_zenml.lifecycle.session import Session
from pulumi_zenml.operations.doctor.check import Check, run_check
from pulumi_zenml.orchestrators.probe import ProbeResult
from pulumi_zenml.zenml.errors import ZENML, zenml_errors
from pulumi_zenml.zenml.project import pages

if TYPE_CHECKING:
    from zenml.models import StackResponse
    from zenml.stack import Stack

_AREA = "stack"
_SOON = timedelta(days=7)
_SECONDS = 60.0


def check_stack(session: Session, name: str, now: datetime) -> Iterator[Check]:
    """The checks of one stack; those that depend on a failed one are left out.

    Args:
        session: of ZenML.
        name: the stack's.
        now: the current time, aware.
    """
    models: list[StackResponse] = []

    def components() -> ProbeResult:
        models.append(session.stack(name))
        return _components(models[0])

    check, raised = run_check(_AREA, "components", name, components, remedy=_list(name))
    yield check
    if raised or check.result == "failed":
        return
    (model,) = models
    yield run_check(_AREA, "service connectors", name, lambda: _connectors(session, model, now))[0]
    stacks: list[Stack] = []

    def load() -> ProbeResult:
        stacks.append(_load(model))
        return ProbeResult("ZenML can load every component")

    install = f"zenml stack export-requirements {name} --output-file r.txt; pip install -r r.txt"
    check, raised = run_check(_AREA, "integrations", name, load, remedy=install, seconds=_SECONDS)
    yield check
    if raised:
        return
    (stack,) = stacks
    yield run_check(
        _AREA, "valid", name, lambda: _valid(stack), remedy=_update(name), seconds=_SECONDS
    )[0]
    yield run_check(_AREA, "artifact store", name, lambda: _artifact_store(stack, name))[0]
    yield run_check(_AREA, "remote server", name, lambda: _server(session, stack))[0]


def _components(model: StackResponse) -> ProbeResult:
    from zenml.enums import StackComponentType as Kind

    lacking = [
        kind.value.replace("_", " ")
        for kind in (Kind.ORCHESTRATOR, Kind.ARTIFACT_STORE)
        if not model.components.get(kind)
    ]
    if lacking:
        return ProbeResult(f"it has no {' and no '.join(lacking)}", "failed", _update(model.name))
    parts = [
        f"{kind.value.replace('_', ' ')} {part.name} ({part.flavor_name})"
        for kind, parts in model.components.items()
        for part in parts
    ]
    return ProbeResult(", ".join(sorted(parts)))


def _connectors(session: Session, model: StackResponse, now: datetime) -> ProbeResult:
    """Those of all components: expired credentials of a store or registry fail runs too."""
    linked: dict[str, list[str]] = {}
    for parts in model.components.values():
        for part in parts:
            connector = part.get_hydrated_version().connector
            if connector:
                linked.setdefault(str(connector.id), []).append(part.name)
    if not linked:
        return ProbeResult("no component uses one", "skipped")
    with zenml_errors("list the service connectors"):
        listed: list[Any] = list(pages(session.client.list_service_connectors, hydrate=False))
    known = {str(it.id): it for it in listed}
    lines, over, soon = [], [], []
    for id, used_by in linked.items():
        found = known.get(id)
        whose = f"of {', '.join(sorted(set(used_by)))}"
        if found is None:
            lines.append(f"one {whose} that you cannot read")
            continue
        expires = found.expires_at
        if expires is None:
            lines.append(f"{found.name} ({whose})")
            continue
        expires = expires.replace(tzinfo=UTC) if expires.tzinfo is None else expires
        ends = "expired" if expires <= now else "expires"
        lines.append(f"{found.name} ({whose}) {ends} at {expires.isoformat(timespec='minutes')}")
        if expires <= now:
            over.append(found.name)
        elif expires - now < _SOON:
            soon.append(found.name)
    bad = over or soon
    fix = "; ".join(f"zenml service-connector update {it} --interactive" for it in bad)
    return ProbeResult("; ".join(lines), "failed" if over else "warning" if soon else "ok", fix)


def _load(model: StackResponse) -> Stack:
    from zenml.stack import Stack

    from pulumi_zenml.zenml.quiet import quiet

    with quiet():
        try:
            return Stack.from_model(model)
        except Exception as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise RefusedError(
                ZENML, f"stack '{model.name}' cannot be loaded: {lines[0]}"
            ) from error


def _valid(stack: Stack) -> ProbeResult:
    """Whether every component accepts the others: ZenML's own check before each submission."""
    from zenml.exceptions import StackValidationError

    from pulumi_zenml.zenml.quiet import quiet

    with quiet():
        try:
            stack.validate(fail_if_secrets_missing=True)
        except (StackValidationError, KeyError, ValueError, RuntimeError) as error:
            text = " ".join(str(error.args[0] if error.args else error).split())
            raise RefusedError(ZENML, text) from error
    return ProbeResult("its components accept one another")


def _artifact_store(stack: Stack, name: str) -> ProbeResult:
    store = stack.artifact_store
    what = f"{store.name} ({store.flavor}) at {_place(store)}"
    remote = stack.orchestrator.config.is_remote
    if not (remote and store.config.is_local):
        return ProbeResult(what)
    return ProbeResult(
        f"{what} is a folder of this machine, and the orchestrator runs pipelines elsewhere: "
        "other steps cannot read what a step writes, unless that folder is mounted there",
        "warning",
        f"zenml stack update {name} --artifact_store=NAME, with one in an object store",
    )


def _place(store: Any) -> str:
    return str(getattr(store, "path", "") or "no path")


def _server(session: Session, stack: Stack) -> ProbeResult:
    if not stack.requires_remote_server:
        return ProbeResult("its steps run where ZenML's store can be reached", "ok")
    if session.client.zen_store.is_local_store():
        return ProbeResult(
            "its steps run elsewhere and cannot reach ZenML's store on this machine",
            "failed",
            "zenml login URL, to a ZenML server that the orchestrator can reach",
        )
    return ProbeResult("its steps reach the ZenML server")


def _list(name: str) -> str:
    return f"zenml stack describe {name}"


def _update(name: str) -> str:
    return f"Fix what the detail says: zenml stack update {name} --help"
