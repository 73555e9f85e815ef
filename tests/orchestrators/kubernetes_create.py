"""Make Kubernetes schedules from snapshots; called in a process with ZenML in it."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from orchestrators.zenml_here import orchestrator_of
from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted
from pulumi_zenml.orchestrators.kubernetes import KubernetesOrchestrator
from pulumi_zenml.zenml.submission import schedule_snapshot, submit
from testbed.zenml_store import client


@dataclass(frozen=True)
class Made:
    """A CronJob that was made.

    Attributes:
        native_id: Its id.
        snapshot: The id of the snapshot that it runs.
        component: The orchestrator's id.
        stack: The stack's id.
        metadata: The record's metadata as ZenML left it.
        submitted: The CronJob as ZenML left it.
    """

    native_id: str
    snapshot: str
    component: str
    stack: str
    metadata: Mapping[str, str]
    submitted: Counterpart


def create(
    stack: str,
    snapshot: str,
    name: str,
    *,
    cron: str = "0 3 * * *",
    timezone: str = "Europe/Berlin",
    paused: bool = False,
    settings: Mapping[str, Json] | None = None,
    overrides: Mapping[str, Json] | None = None,
    shape: bool = True,
) -> Made:
    """Take the steps of a pair's creation, and return what there is then.

    Args:
        stack: a stack's name.
        snapshot: the id of the snapshot to schedule.
        name: the schedule's.
        cron, timezone, paused, settings: what is wanted.
        overrides: Pulumi configuration for the orchestrator.
        shape: whether to take the last step.
    """
    from zenml.models import ScheduleRequest

    here = client()
    model = here.get_stack(stack)
    source = here.zen_store.get_snapshot(uuid.UUID(snapshot), hydrate=True)
    orchestrator = orchestrator_of(KubernetesOrchestrator, stack, overrides or {})
    component = orchestrator.target.component.id
    wanted = Wanted(
        name=name,
        owner=f"tests/dev/{name}",
        cadence=make_cadence(cron=cron, timezone=timezone),
        paused=paused,
        settings=settings or {},
    )
    assert not orchestrator.check(wanted)
    orchestrator.verify(wanted)
    wanted = replace(wanted, pipeline=source.pipeline.name)
    submission = orchestrator.submission(wanted)
    record = here.zen_store.create_schedule(
        ScheduleRequest(
            project=here.active_project.id,
            pipeline_id=source.pipeline.id,
            orchestrator_id=component,
            name=name,
            active=True,
            cron_expression=cron,
        )
    )
    copied = schedule_snapshot(
        source,
        stack=model,
        schedule_id=record.id,
        flavor="kubernetes",
        settings=submission.settings,
    )
    submit(copied, stack=model, submission=submission, name=name)
    noted = here.get_schedule(record.id).run_metadata
    metadata = {key: str(value) for key, value in noted.items()}
    submitted = orchestrator.locate(str(copied.id), {"name": name, "pipeline": wanted.pipeline})
    assert submitted is not None
    assert orchestrator.locate(str(copied.id), metadata) == submitted
    if shape:
        found = orchestrator.shape(submitted, wanted)
        assert found.native_id == submitted.native_id
        assert orchestrator.read(found.native_id) == found
    return Made(
        submitted.native_id, str(copied.id), str(component), str(model.id), metadata, submitted
    )


def create_at_once(names: Sequence[tuple[str, str]], snapshot: str) -> list[Made]:
    """Make schedules, by stack and name, each in a thread of its own."""
    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(lambda it: create(it[0], snapshot, it[1]), names))


def connect(name: str, *, server: str, token: str, certificate: str = "") -> None:
    """Link an orchestrator to a service connector, in place of its kubeconfig context.

    Args:
        name: the orchestrator's and the connector's.
        server: the API server's URL.
        token: to sign in with.
        certificate: the API server's, as PEM text; none for one that speaks plain HTTP.
    """
    from zenml.enums import StackComponentType
    from zenml.models import ServiceConnectorResponse

    here = client()
    authority = base64.b64encode(certificate.encode()).decode()
    connector, _ = here.create_service_connector(
        name,
        connector_type="kubernetes",
        auth_method="token",
        resource_type="kubernetes-cluster",
        configuration={
            "server": server,
            "cluster_name": "testbed",
            "token": token,
            **({"certificate_authority": authority} if certificate else {}),
        },
        verify=False,
    )
    assert isinstance(connector, ServiceConnectorResponse)
    here.update_stack_component(name, StackComponentType.ORCHESTRATOR, connector_id=connector.id)
