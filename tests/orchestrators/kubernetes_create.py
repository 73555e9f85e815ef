"""Make Kubernetes schedules from snapshots; called in a process with ZenML in it."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any


def create(
    stack: str,
    snapshot: str,
    name: str,
    *,
    cron: str = "0 3 * * *",
    timezone: str = "Europe/Berlin",
    paused: bool = False,
    settings: dict[str, Any] | None = None,
    overrides: dict[str, Any] | None = None,
    shape: bool = True,
) -> dict[str, Any]:
    """Take the steps of a pair's creation, and return what there is then.

    Args:
        stack: a stack's name.
        snapshot: the id of the snapshot to schedule.
        name: the schedule's.
        cron, timezone, paused, settings: what is wanted.
        overrides: Pulumi configuration for the orchestrator.
        shape: whether to take the last step.
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType
    from zenml.models import ScheduleRequest

    from pulumi_zenml.cadence import make_cadence
    from pulumi_zenml.orchestrators.base import Target
    from pulumi_zenml.orchestrators.counterpart import Wanted
    from pulumi_zenml.orchestrators.kubernetes import KubernetesOrchestrator
    from pulumi_zenml.zenml.submission import schedule_snapshot, submit

    client = Client()
    model = client.get_stack(stack)
    component = model.components[StackComponentType.ORCHESTRATOR][0].get_hydrated_version()
    source = client.zen_store.get_snapshot(uuid.UUID(snapshot), hydrate=True)
    orchestrator = KubernetesOrchestrator(Target(component, overrides or {}))
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
    record = client.zen_store.create_schedule(
        ScheduleRequest(
            project=client.active_project.id,
            pipeline_id=source.pipeline.id,
            orchestrator_id=component.id,
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
    metadata = client.get_schedule(record.id).run_metadata
    found = orchestrator.locate(str(copied.id), {"name": name, "pipeline": wanted.pipeline})
    assert found is not None
    linked = orchestrator.locate(str(copied.id), metadata)
    assert linked == found
    submitted = found
    if shape:
        found = orchestrator.shape(found, wanted)
        assert orchestrator.read(found.native_id) == found
    return {
        "native_id": found.native_id,
        "snapshot": str(copied.id),
        "component": str(component.id),
        "stack": str(model.id),
        "metadata": metadata,
        "submitted": vars(submitted) | {"native": dict(submitted.native.fields), "cadence": ""},
    }


def create_at_once(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Call :func:`create` with each of ``calls``, each in a thread of its own."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda arguments: create(**arguments), calls))


def component(name: str) -> dict[str, Any]:
    """An orchestrator's id and configuration."""
    from zenml.client import Client
    from zenml.enums import StackComponentType

    found = Client().get_stack_component(StackComponentType.ORCHESTRATOR, name)
    return {"id": str(found.id), "configuration": found.configuration}


def connect(name: str, *, server: str, token: str, certificate: str = "") -> None:
    """Link an orchestrator to a service connector, in place of its kubeconfig context.

    Args:
        name: the orchestrator's and the connector's.
        server: the API server's URL.
        token: to sign in with.
        certificate: the API server's, as PEM text; none for one that speaks plain HTTP.
    """
    import base64

    from zenml.client import Client
    from zenml.enums import StackComponentType

    client = Client()
    authority = base64.b64encode(certificate.encode()).decode()
    connector, _ = client.create_service_connector(
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
    assert connector is not None
    client.update_stack_component(name, StackComponentType.ORCHESTRATOR, connector_id=connector.id)
