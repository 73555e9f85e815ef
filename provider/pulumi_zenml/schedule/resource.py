"""The Schedule resource as a Pulumi program sees it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import pulumi
from pulumi import Input, Output, Resource, ResourceOptions, create_urn, dynamic

from pulumi_zenml.errors import InputError
from pulumi_zenml.lifecycle.fields import ARGUMENTS, DURATION, FIELDS, INSTANT, OUTPUTS, TEXT, Kind
from pulumi_zenml.schedule.check import FILLED_BY_CHECK
from pulumi_zenml.schedule.owner import owner_label, stack_owner
from pulumi_zenml.schedule.provider import ScheduleProvider
from pulumi_zenml.zenml.source import digest_source

Instant: TypeAlias = datetime | str
"""An aware datetime, or ISO 8601 text with an offset."""

Duration: TypeAlias = timedelta | int
"""A timedelta of whole seconds, or seconds."""

_TYPE = "pulumi-python:dynamic/zenml:Schedule"


@dataclass(kw_only=True, eq=False)
class ScheduleArgs:
    """The arguments of :class:`Schedule` as one object; what each is stands there."""

    stack: Input[str]
    snapshot: Input[str] | None = None
    pipeline: str | None = None
    source_root: str | None = None
    python: str | None = None
    name: Input[str] | None = None
    cron: Input[str] | None = None
    spread: Input[Duration] | None = None
    interval: Input[Duration] | None = None
    run_once_at: Input[Instant] | None = None
    timezone: Input[str] | None = None
    start_time: Input[Instant] | None = None
    end_time: Input[Instant] | None = None
    catchup: Input[bool] | None = None
    paused: Input[bool] | None = None
    orchestrator_settings: Input[Mapping[str, Any]] | None = None
    triggers: Input[Sequence[Any]] | None = None
    adopt: bool | str | None = None
    when_running: Input[str] | None = None
    wait_timeout: Input[Duration] | None = None
    flavor: Input[str] | None = None
    project: Input[str] | None = None


class Schedule(dynamic.Resource, module="zenml", name="Schedule"):
    """A ZenML schedule together with its counterpart in the orchestrator.

    Pulumi creates both, replaces both, deletes both, and a refresh shows where either differs.
    """

    name: Output[str]
    """The schedule's name in ZenML."""
    stack: Output[str]
    """The ZenML stack, as it was given."""
    cron: Output[str | None]
    """Five fields, as they are really in force."""
    timezone: Output[str]
    """IANA name of the zone of ``cron``."""
    interval: Output[int | None]
    """Seconds from one fire to the next."""
    run_once_at: Output[str | None]
    """The one instant it fires at, in ISO 8601."""
    start_time: Output[str | None]
    """Nothing fires before it; ISO 8601."""
    end_time: Output[str | None]
    """Nothing fires after it; ISO 8601."""
    catchup: Output[bool]
    """Whether fires missed while paused or down are made up for."""
    project: Output[str | None]
    """The ZenML project, where the program gives it."""
    snapshot: Output[str | None]
    """What runs, as it was given."""
    paused: Output[bool]
    """Whether it is kept from firing."""
    record_id: Output[str]
    """ZenML's id of the schedule; the same as ``id``."""
    native_id: Output[str]
    """The counterpart's id, in the orchestrator's own terms."""
    native_kind: Output[str]
    """What the orchestrator calls the counterpart, for example ``CronJob``."""
    native_url: Output[str]
    """Where a person can look at the counterpart; empty when there is no such page."""
    native_cadence: Output[str]
    """The cadence as the orchestrator spells it."""
    state: Output[str]
    """``active``, ``paused`` or ``finished``; after a refresh also what is broken."""
    flavor: Output[str]
    """The flavor of the orchestrator."""
    orchestrator: Output[str]
    """The name of the orchestrator component in ZenML."""
    orchestrator_id: Output[str]
    """The id of the orchestrator component."""
    pipeline_name: Output[str]
    """The ZenML pipeline that runs."""
    source_snapshot_id: Output[str]
    """The snapshot that was asked for, by id."""
    submitted_snapshot_id: Output[str]
    """The snapshot that the runs really use: a copy of this schedule's own."""

    def __init__(
        self,
        resource_name: str,
        args: ScheduleArgs | None = None,
        opts: ResourceOptions | None = None,
        *,
        stack: Input[str] | None = None,
        snapshot: Input[str] | None = None,
        pipeline: str | None = None,
        source_root: str | None = None,
        python: str | None = None,
        name: Input[str] | None = None,
        cron: Input[str] | None = None,
        spread: Input[Duration] | None = None,
        interval: Input[Duration] | None = None,
        run_once_at: Input[Instant] | None = None,
        timezone: Input[str] | None = None,
        start_time: Input[Instant] | None = None,
        end_time: Input[Instant] | None = None,
        catchup: Input[bool] | None = None,
        paused: Input[bool] | None = None,
        orchestrator_settings: Input[Mapping[str, Any]] | None = None,
        triggers: Input[Sequence[Any]] | None = None,
        adopt: bool | str | None = None,
        when_running: Input[str] | None = None,
        wait_timeout: Input[Duration] | None = None,
        flavor: Input[str] | None = None,
        project: Input[str] | None = None,
    ) -> None:
        """Declare a schedule.

        Args:
            resource_name: the resource's name in Pulumi; unique among the schedules of a stack.
            args: all of the arguments below as one object, instead of keywords.
            opts: Pulumi's resource options.
            stack: the ZenML stack, by name or id; names the orchestrator and its credentials.
            snapshot: what to run: ``pipeline:snapshot``, or a snapshot's id.
            pipeline: what to run, from source: ``module:function``; instead of ``snapshot``.
            source_root: the folder that ``pipeline`` is imported from; the program's by default.
            python: the interpreter that imports ``pipeline``; the provider's own by default.
            name: the schedule's name in ZenML; made from cadence, resource name, Pulumi stack and
                snapshot by default, as in ``daily-training-prod-v12``.
            cron: five fields in ``timezone``, or an alias such as ``@daily``; ``H`` stands for a
                value that is spread by the schedule's name and then stays.
            spread: moves ``cron`` later by a stable part of this window, chosen by the schedule's
                name, so that a fleet does not start in one minute.
            interval: from one fire to the next, in whole seconds; needs ``start_time``.
            run_once_at: the one instant to fire at.
            timezone: IANA name of the zone of ``cron``; UTC by default.
            start_time: nothing fires before it.
            end_time: nothing fires after it.
            catchup: make up for fires missed while paused or down; no by default.
            paused: keep it from firing for now; no by default.
            orchestrator_settings: switches of the orchestrator's own; see its page in the docs.
            triggers: any values; when one changes, the schedule is replaced.
            adopt: take over an existing schedule of that name: ``True`` for one that no Pulumi
                resource owns, or the owner ``organization/project/stack/resource`` to take it from.
            when_running: what to do when a run is in progress that would lose its credentials
                because its schedule is paused, replaced or deleted: ``refuse`` (the default),
                ``wait`` or ``ignore``.
            wait_timeout: how long ``wait`` waits; an hour by default.
            flavor: the flavor of the stack's orchestrator, so that a preview that cannot reach
                ZenML can check against it; looked up otherwise.
            project: the ZenML project; Pulumi config ``zenml:project`` or the active one by
                default.

        Raises:
            TypeError: both ``args`` and keywords are given.
            InputError: two schedules of the stack have one name, or an option that Pulumi does
                not honour for dynamic resources is given.
        """
        given = {key: it for key, it in locals().items() if key in ARGUMENTS and it is not None}
        if args is not None:
            if given:
                raise TypeError("give either args or keyword arguments, not both")
            given = {key: it for key, it in vars(args).items() if it is not None}
        _refuse(opts)
        inputs = _to_inputs(resource_name, given, opts)
        super().__init__(ScheduleProvider(), resource_name, inputs, opts)
        for key in ARGUMENTS:
            if key not in inputs:
                # To Pulumi, what nobody gave is unknown in each preview.
                setattr(self, key, Output.from_input(None))

    @staticmethod
    def get(resource_name: str, id: Input[str], opts: ResourceOptions | None = None) -> Schedule:
        """Look at an existing schedule without managing it.

        Args:
            resource_name: a name for the look-up.
            id: ZenML's id of the schedule.
            opts: Pulumi's resource options.
        """
        found = Schedule.__new__(Schedule)
        opts = ResourceOptions.merge(opts, ResourceOptions(id=id))
        nothing: dict[str, Any] = dict.fromkeys([*OUTPUTS, *ARGUMENTS])
        dynamic.Resource.__init__(found, ScheduleProvider(), resource_name, nothing, opts)
        return found


def _refuse(opts: ResourceOptions | None) -> None:
    """Refuse the options that Pulumi ignores, or fails on, for dynamic resources (3.219)."""
    if opts and opts.import_:
        raise InputError(
            "import_",
            "Pulumi cannot import dynamic resources. Give adopt=True and the schedule's name; "
            "'pulumi-zenml adopt' writes the program.",
        )
    if opts and opts.replace_on_changes:
        raise InputError(
            "replace_on_changes",
            "Pulumi does not honour it for dynamic resources. Give the values in triggers=[...].",
        )


def _to_inputs(
    resource_name: str, given: Mapping[str, Any], opts: ResourceOptions | None
) -> dict[str, Any]:
    """The provider's properties.

    Args:
        resource_name: the resource's name in Pulumi.
        given: the arguments that the program gives.
        opts: Pulumi's resource options.
    """
    inputs = {key: _plain(FIELDS[key].kind, it) for key, it in given.items()}
    root = inputs.pop("source_root", ".")
    if "pipeline" in inputs:
        inputs["source_root"], inputs["source_digest"] = digest_source(root)
    if os.sep in inputs.get("python", ""):
        inputs["python"] = os.path.abspath(inputs["python"])
    owner = owner_label(resource_name)
    _claim(owner)
    return {
        **dict.fromkeys([*OUTPUTS, *FILLED_BY_CHECK]),
        **inputs,
        "owner": owner,
        "owner_key": stack_owner().key,
        "retain": bool(opts and opts.retain_on_delete) or None,
        "urn": _urn(resource_name, opts.parent if opts else None),
    }


def _urn(resource_name: str, parent: Resource | None) -> Output[str]:
    """Where the engine shows what is said of the resource.

    Without the parent as a dependency: a component depends on its children already.
    """
    if parent is None:
        return create_urn(resource_name, _TYPE)

    async def below_parent() -> str:
        above = await parent.urn.future() or ""
        return f"{above.rpartition('::')[0]}${_TYPE}::{resource_name}"

    return Output.from_input(below_parent())


def _plain(kind: Kind, value: Any) -> Any:
    """A value as the provider gets it; Pulumi's own values are converted once they are known."""
    if isinstance(value, Output):
        return value.apply(lambda it: _plain(kind, it))
    if kind is INSTANT and isinstance(value, date):
        # A datetime is one, too; a plain date is refused by the check, as it has no zone.
        return value.isoformat()
    if kind is TEXT and isinstance(value, ZoneInfo):
        return str(value)
    if kind is DURATION and isinstance(value, timedelta):
        return value.total_seconds()
    return value


def _claim(owner: str) -> None:
    """Refuse two resources with one name, which Pulumi allows under different parents."""
    root: Any = pulumi.runtime.get_root_resource()
    claimed: set[str] = root.__dict__.setdefault("_pulumi_zenml_owners", set()) if root else set()
    if owner in claimed:
        raise InputError(
            "resource_name",
            f"two schedules are called '{owner}' (organization/project/stack/resource). The name "
            "is the key that a schedule is found by, so it must be unique; put the parent's name "
            "into it.",
        )
    claimed.add(owner)
