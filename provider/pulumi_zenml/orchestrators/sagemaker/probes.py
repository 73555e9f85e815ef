"""Read-only probes of AWS for a SageMaker orchestrator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from pulumi_zenml.orchestrators.probe import Probe, ProbeResult
from pulumi_zenml.orchestrators.sagemaker.aws import Aws, calling

IDENTITY, EVENTBRIDGE, SAGEMAKER = "STS", "EventBridge", "SageMaker"
_DEFAULT_GROUP = "default"


def aws_probes(aws: Aws, require_role: Callable[[str, str], None]) -> Iterator[Probe]:
    """The AWS identity, the roles, and both services.

    Args:
        aws: the clients.
        require_role: raises unless the component has a role under that key.
    """
    yield Probe("credentials", partial(_identity, aws), part=IDENTITY)
    for key, user in (("scheduler_role", "EventBridge"), ("execution_role", "SageMaker")):
        yield Probe(key.replace("_", " "), partial(_role, aws, require_role, key, user))
    yield Probe("schedule group", partial(_group, aws), part=EVENTBRIDGE)
    yield Probe("list pipelines", partial(_pipelines, aws), part=SAGEMAKER)


def _identity(aws: Aws) -> ProbeResult:
    with calling("reading the signed-in user"):
        me = aws.clients().sts.get_caller_identity()
    return ProbeResult(f"signed in as {me['Arn']}")


def _role(aws: Aws, require_role: Callable[[str, str], None], key: str, user: str) -> ProbeResult:
    require_role(key, f"{user} needs it")
    return ProbeResult(f"{getattr(aws.config, key)}; iam:PassRole is only checked on create")


def _group(aws: Aws) -> ProbeResult:
    with calling(f"reading EventBridge schedule group '{_DEFAULT_GROUP}'"):
        group = aws.clients().scheduler.get_schedule_group(Name=_DEFAULT_GROUP)
    state = str(group.get("State", ""))
    if state == "DELETING":
        return ProbeResult(
            f"group '{_DEFAULT_GROUP}' is being deleted", "failed", "Use another group."
        )
    return ProbeResult(f"group '{_DEFAULT_GROUP}' is {state.lower() or 'there'}")


def _pipelines(aws: Aws) -> ProbeResult:
    with calling("listing SageMaker pipelines"):
        found = aws.clients().sagemaker.list_pipelines(MaxResults=1)["PipelineSummaries"]
    return ProbeResult(f"listed; there is {'at least one' if found else 'none'}")
