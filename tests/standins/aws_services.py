"""EventBridge Scheduler and SageMaker pipelines on moto's state, answering as AWS does.

What moto 5.2 leaves out: groups and pipelines that are not there (404 and not 500), names that
are taken (409), pages, the order and window of executions, executions in progress, and that
UpdateSchedule sets every field that is not given to its default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from standins.aws_rules import Body, Refusal, check_model, check_schedule

ACCOUNT = "123456789012"
"""The account that moto plays."""

_RUNNING = ("Executing", "Stopping")


@dataclass
class Call:
    """One request, as AWS's services see it.

    Args:
        service: its name in signatures.
        region: the region it is signed for.
        operation: for example ``GetSchedule``; empty for services known by moto alone.
        body: the members of the operation's input.
    """

    service: str
    region: str
    operation: str
    body: Body


class Services:
    """What the two services answer.

    Args:
        page: the most that a page holds.
    """

    def __init__(self, page: int) -> None:
        self.page = page
        self.unassumable: set[str] = set()

    def answer(self, call: Call) -> Body | None:
        """The answer, or ``None`` where moto's is right. May complete ``call.body``.

        Raises:
            Refusal: where AWS would refuse.
        """
        if call.service == "scheduler":
            return self._schedules(call)
        if call.service == "sagemaker":
            return self._pipelines(call)
        return None

    def scheduler(self, region: str) -> Any:
        """Moto's state of EventBridge Scheduler."""
        from moto.scheduler.models import scheduler_backends

        return scheduler_backends[ACCOUNT][region]

    def sagemaker(self, region: str) -> Any:
        """Moto's state of SageMaker."""
        from moto.sagemaker.models import sagemaker_backends

        return sagemaker_backends[ACCOUNT][region]

    def start(self, region: str, pipeline: str) -> str:
        """Start an execution that goes on until :meth:`execution` is told otherwise."""
        begun = self.sagemaker(region).start_pipeline_execution(pipeline, "", [], "", {}, "")
        arn: str = begun["PipelineExecutionArn"]
        self.execution(arn).pipeline_execution_status = "Executing"
        return arn

    def execution(self, arn: str) -> Any:
        """Moto's state of one execution."""
        region, name = arn.split(":")[3], arn.split("/")[1]
        return self.sagemaker(region).pipelines[name].pipeline_executions[arn]

    def _schedules(self, call: Call) -> Body | None:
        check_model("scheduler", call.operation, call.body)
        groups = self.scheduler(call.region).schedule_groups
        if call.operation == "ListSchedules":
            return self._schedule_page(groups, call.body)
        if call.operation not in ("CreateSchedule", "UpdateSchedule"):
            return None
        group = groups.get(call.body.get("GroupName") or "default")
        if group is None:
            reason = f"Schedule group {call.body['GroupName']} does not exist."
            raise Refusal("ResourceNotFoundException", reason, 404)
        name = call.body["Name"]
        there = group.schedules.get(name)
        if call.operation == "UpdateSchedule" and not there:
            raise Refusal("ResourceNotFoundException", f"Schedule {name} does not exist.", 404)
        check_schedule(call.body, datetime.now(UTC))
        if call.body["Target"]["RoleArn"] in self.unassumable:
            raise Refusal(
                "ValidationException",
                "The execution role you provide must allow AWS EventBridge Scheduler to assume "
                "the role.",
            )
        if call.operation == "CreateSchedule" and there:
            raise Refusal("ConflictException", f"Schedule {name} already exists.", 409)
        call.body.setdefault("State", "ENABLED")
        call.body.setdefault("ActionAfterCompletion", "NONE")
        if there:
            there.action_after_completion = call.body["ActionAfterCompletion"]
        return None

    def _schedule_page(self, groups: Mapping[str, Any], wanted: Body) -> Body:
        found = [
            schedule.to_dict(short=True)
            for group in groups.values()
            for schedule in list(group.schedules.values())
            if wanted.get("GroupName") in (None, group.name)
            and wanted.get("State") in (None, schedule.state)
            and schedule.name.startswith(wanted.get("NamePrefix") or "")
        ]
        return self._page("Schedules", sorted(found, key=lambda it: str(it["Arn"])), wanted)

    def _pipelines(self, call: Call) -> Body | None:
        if call.operation.endswith(("Pipeline", "PipelineExecution", "Pipelines", "Executions")):
            check_model("sagemaker", call.operation, call.body)
        pipelines = self.sagemaker(call.region).pipelines
        if call.operation == "CreatePipeline":
            try:
                json.loads(call.body.get("PipelineDefinition") or "{}")
            except ValueError:
                raise Refusal("ValidationException", "The definition is no JSON.") from None
            return None
        if call.operation == "ListPipelines":
            return self._pipeline_page(pipelines, call.body)
        if call.operation == "StopPipelineExecution":
            arn = call.body["PipelineExecutionArn"]
            self.execution(arn).pipeline_execution_status = "Stopped"
            return {"PipelineExecutionArn": arn}
        if not call.body.get("PipelineName"):
            return None
        name = call.body["PipelineName"] = str(call.body["PipelineName"]).rpartition("/")[2]
        if name not in pipelines:
            raise Refusal("ResourceNotFound", f"Pipeline '{name}' does not exist.")
        if call.operation == "StartPipelineExecution":
            return {"PipelineExecutionArn": self.start(call.region, name)}
        executions = list(pipelines[name].pipeline_executions.values())
        if call.operation == "ListPipelineExecutions":
            return self._execution_page(executions, call.body)
        busy = [it.arn for it in executions if it.pipeline_execution_status in _RUNNING]
        if call.operation == "DeletePipeline" and busy:
            raise Refusal("ConflictException", f"Pipeline '{name}' has running executions: {busy}")
        return None

    def _pipeline_page(self, pipelines: Mapping[str, Any], wanted: Body) -> Body:
        rows = [
            {"PipelineName": name, "PipelineArn": pipelines[name].arn}
            for name in sorted(pipelines)
            if name.startswith(wanted.get("PipelineNamePrefix") or "")
        ]
        return self._page("PipelineSummaries", rows, wanted)

    def _execution_page(self, executions: list[Any], wanted: Body) -> Body:
        rows = [
            {
                "PipelineExecutionArn": it.arn,
                "StartTime": it.start_time.replace(tzinfo=UTC).timestamp(),
                "PipelineExecutionStatus": it.pipeline_execution_status,
            }
            for it in executions
        ]
        rows = [row for row in rows if row["StartTime"] >= wanted.get("CreatedAfter", 0)]
        newest_first = wanted.get("SortOrder", "Descending") == "Descending"
        rows.sort(key=lambda row: float(row["StartTime"]), reverse=newest_first)
        return self._page("PipelineExecutionSummaries", rows, wanted)

    def _page(self, key: str, rows: list[Any], wanted: Mapping[str, Any]) -> Body:
        start = int(wanted.get("NextToken") or 0)
        end = start + min(self.page, int(wanted.get("MaxResults") or self.page))
        page: Body = {key: rows[start:end]}
        if end < len(rows):
            page["NextToken"] = str(end)
        return page
