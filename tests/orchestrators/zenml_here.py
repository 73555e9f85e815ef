"""ZenML in this very process, with the server of the test run, for tests of one orchestrator."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from pulumi_zenml.cadence import Cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted


@contextlib.contextmanager
def zenml_here(env: Mapping[str, str]) -> Iterator[None]:
    """Connect this process's ZenML as ``env`` says, and forget it afterwards."""
    from zenml.client import Client
    from zenml.config.global_config import GlobalConfiguration
    from zenml.utils import source_utils

    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("ZENML_")]:
        del os.environ[name]
    os.environ.update(env)
    GlobalConfiguration._reset_instance()
    Client._reset_instance()
    # A process of pytest-xdist has no main module whose folder ZenML could take for the root.
    source_utils.set_custom_source_root(str(Path(__file__).parents[1]))
    try:
        yield
    finally:
        source_utils.set_custom_source_root(None)
        os.environ.clear()
        os.environ.update(before)
        GlobalConfiguration._reset_instance()
        Client._reset_instance()


@dataclass(frozen=True)
class Made:
    """What :func:`create` made."""

    record: UUID
    snapshot: str
    located: Counterpart
    found: Counterpart


def orchestrator_of(
    cls: type[Orchestrator], stack: str, overrides: Mapping[str, Json]
) -> Orchestrator:
    """Our side of a stack's orchestrator."""
    from zenml.client import Client
    from zenml.enums import StackComponentType

    model = Client().get_stack(stack)
    component = model.components[StackComponentType.ORCHESTRATOR][0].get_hydrated_version()
    return cls(Target(component, overrides))


def create(
    orchestrator: Orchestrator,
    stack: str,
    snapshot: str,
    name: str,
    cadence: Cadence,
    *,
    owner: str = "",
    paused: bool = False,
    settings: Mapping[str, Json] | None = None,
) -> Made:
    """Take the steps that create a pair, in their order.

    Args:
        orchestrator: our side of the stack's orchestrator.
        stack: the stack's name.
        snapshot: the id of the snapshot to schedule.
        name: the schedule's.
        cadence, owner, paused, settings: what is wanted.
    """
    from zenml.client import Client
    from zenml.models import ScheduleRequest

    from pulumi_zenml.zenml.submission import schedule_snapshot, submit

    client = Client()
    model = client.get_stack(stack)
    source = client.zen_store.get_snapshot(UUID(snapshot), hydrate=True)
    wanted = Wanted(
        name=name,
        owner=owner or f"tests/dev/{name}",
        cadence=cadence,
        paused=paused,
        settings=settings or {},
    )
    assert not orchestrator.check(wanted)
    orchestrator.verify(wanted)
    wanted = replace(wanted, pipeline=source.pipeline.name)
    submission = orchestrator.submission(wanted)
    record = client.zen_store.create_schedule(
        ScheduleRequest(
            project=client.active_project.id,
            pipeline_id=source.pipeline.id,
            orchestrator_id=orchestrator.target.component.id,
            # The tests of a run share one server, where names are taken for good.
            name=f"{name}-{secrets.token_hex(4)}",
            active=True,
            cron_expression="0 0 1 1 *",
        )
    )
    copied = schedule_snapshot(
        source,
        stack=model,
        schedule_id=record.id,
        flavor=orchestrator.flavor,
        settings=submission.settings,
    )
    submit(copied, stack=model, submission=submission, name=name)
    located = orchestrator.locate(str(copied.id), {"name": name, "pipeline": wanted.pipeline})
    assert located is not None
    found = orchestrator.shape(located, wanted)
    assert orchestrator.read(found.native_id) == found
    spelled = orchestrator.spell(wanted.cadence).fields
    assert found.cadence is not None
    assert dict(orchestrator.spell(found.cadence).fields) == dict(spelled)
    return Made(record.id, str(copied.id), located, found)


def fresh_environment(server_environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Variables of a client of the server with a configuration folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        **server_environment,
        "ZENML_CONFIG_PATH": str(folder),
        "ZENML_LOGGING_VERBOSITY": "ERROR",
    }
