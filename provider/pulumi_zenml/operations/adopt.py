"""Which existing pairs a Pulumi program can take over as they are, and that program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pulumi_zenml.cadence import Cadence
from pulumi_zenml.cadence.naming import slug
from pulumi_zenml.errors import NotFoundError
from pulumi_zenml.operations.control import find_one
from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.inventory import Inventory, Say
from pulumi_zenml.operations.pair_findings import is_over
from pulumi_zenml.operations.python_source import call, quoted
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.compare import differences, same_cadence
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted
from pulumi_zenml.schedule.inputs import check_inputs

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse

    from pulumi_zenml.lifecycle.session import Session
    from pulumi_zenml.zenml.records import Record

# A schedule's name may be anything; a resource's name stands in every URN.
_FALLBACK_NAME = "schedule"
_HEADER = '''"""ZenML schedules that ran before this was written; `pulumi up` takes them over."""

import pulumi_zenml as zenml
'''


@dataclass(frozen=True)
class Adopted:
    """A pair that a program can take over without a new submission.

    Args:
        entry: the pair.
        resource: the resource's name.
        arguments: of ``zenml.Schedule``, in order.
        checked: the resource's inputs as the provider will have them, without its owner.
        note: what taking it over changes; empty for nothing but its mark.
    """

    entry: Entry
    resource: str
    arguments: Mapping[str, Any]
    checked: Mapping[str, Any] = field(repr=False)
    note: str = ""


@dataclass(frozen=True)
class Refused:
    """What cannot be taken over as it is.

    Args:
        entry: what there is of it.
        why: the reason, and what to do first.
        unseen: it could not be looked at, so it may be fit all the same.
    """

    entry: Entry
    why: str
    unseen: bool = False


@dataclass(frozen=True)
class AdoptionPlan:
    """What a program can take over.

    Args:
        adopted: the pairs, in order of project and name.
        refused: what cannot be, and why.
        managed: how many were left out because a Pulumi resource owns them already.
    """

    adopted: tuple[Adopted, ...]
    refused: tuple[Refused, ...]
    managed: int = 0


class _No(Exception):
    """Why not, in words."""

    def __init__(self, why: str, *, unseen: bool = False) -> None:
        super().__init__(why)
        self.unseen = unseen


def plan_adoption(
    inventory: Inventory,
    names: Sequence[str] = (),
    *,
    owned: bool = False,
    say: Say = lambda text: None,
) -> AdoptionPlan:
    """Say which pairs a program can take over as they are, and how.

    Costs one or two look-ups in ZenML for each pair.

    Args:
        inventory: what there is.
        names: of schedules, or native ids; every pair that nobody owns by default.
        owned: also take from the Pulumi resources that own them, which must have given them up.
        say: told what is being done.

    Raises:
        NotFoundError: there is no schedule of a name; says which are near.
        InputError: a name means several.
        ServiceError: ZenML could not be looked at.
    """
    entries = [find_one(inventory, name) for name in dict.fromkeys(names)]
    managed = 0
    if not names:
        entries = [it for it in inventory.entries if owned or not it.owner]
        managed = len(inventory.entries) - len(entries)
    resources = _resource_names(entries)
    adopted: list[Adopted] = []
    refused: list[Refused] = []
    for number, (entry, resource) in enumerate(zip(entries, resources, strict=True), 1):
        say(f"looking at {entry.name} ({number} of {len(entries)})")
        try:
            adopted.append(_adopted(inventory, entry, resource, owned=owned))
        except _No as no:
            refused.append(Refused(entry, str(no), no.unseen))
    return AdoptionPlan(tuple(adopted), tuple(refused), managed)


def write_program(plan: AdoptionPlan) -> str:
    """The Python program: one ``zenml.Schedule`` for each pair.

    Names are written as string literals that hold them and nothing else.
    """
    calls = [call("zenml.Schedule", [it.resource], it.arguments) for it in plan.adopted]
    return "\n".join([_HEADER, *calls])


def _resource_names(entries: Iterable[Entry]) -> list[str]:
    """A name for each; those that would be alike get a part of their record's id, to last."""
    slugs = [(it, slug(it.name)[:100].strip("-") or _FALLBACK_NAME) for it in entries]
    count = Counter(name for _, name in slugs)
    return [
        f"{name}-{it.record.id[:8]}" if count[name] > 1 and it.record else name
        for it, name in slugs
    ]


def _adopted(inventory: Inventory, entry: Entry, resource: str, *, owned: bool) -> Adopted:
    record, counterpart, orchestrator = _sound(inventory, entry, owned=owned)
    cadence = counterpart.cadence
    assert cadence
    session = inventory.zenml.session(entry.project_id)
    try:
        submitted = session.snapshot(counterpart.snapshot_id or "")
        reference = _reference(session, record, submitted)
    except NotFoundError as error:
        raise _No(f"the snapshot that it runs is gone from ZenML: {error.reason}") from error
    settings = {key: it for key, it in counterpart.settings.items() if it is not None}
    arguments = {
        "name": record.name,
        "project": entry.project,
        "stack": entry.stack,
        "snapshot": reference,
        **_times(cadence),
        "paused": counterpart.paused or None,
        "orchestrator_settings": settings or None,
        "adopt": record.marker.owner or True,
    }
    arguments = {key: value for key, value in arguments.items() if value is not None}
    checked = check_inputs({}, {**arguments, "owner": f"adopt/adopt/{resource}"}, inventory.taken)
    problems = [str(it) for it in checked.failures]
    if checked.cadence and not problems:
        wanted = Wanted(
            name=record.name,
            owner="",
            cadence=checked.cadence,
            paused=counterpart.paused,
            settings=settings,
            pipeline=counterpart.pipeline,
        )
        problems = [str(it) for it in type(orchestrator).check(wanted)]
        problems = problems or differences(orchestrator, wanted, counterpart)
    if problems:
        raise _No(f"no program can say exactly what it is: {' '.join(problems)}")
    inputs = {key: value for key, value in checked.inputs.items() if key != "owner"}
    return Adopted(entry, resource, arguments, inputs, _note(record, cadence))


def _sound(
    inventory: Inventory, entry: Entry, *, owned: bool
) -> tuple[Record, Counterpart, Orchestrator]:
    """Both sides of a pair that is whole, at rest and of one mind."""
    if entry.owner and not owned:
        raise _No(
            f"Pulumi manages it already: {entry.owner} (project/stack/resource). If that stack is "
            "lost or no longer has it, give --owned."
        )
    if not entry.looked_at:
        reasons = [it.reason for it in inventory.unreachable if it.name == _name(entry)]
        why = f": {reasons[0]}" if reasons else "."
        raise _No(f"its orchestrator '{_name(entry)}' could not be looked at{why}", unseen=True)
    record, component = entry.record, entry.component
    if record is None:
        raise _No("ZenML has no record of it. 'pulumi-zenml cleanup' removes what is left of it.")
    if component is None or component.orchestrator is None:
        why = component.problem if component else "it was deleted from ZenML."
        raise _No(f"its orchestrator cannot be had: {why}")
    if record.name.partition("~")[2].startswith(("pulumi-", "replaced-")):
        raise _No("it is what a killed run left behind. Run 'pulumi-zenml audit'.")
    if is_over(entry, inventory.taken):
        raise _No("it is over and will never fire again.")
    if not entry.held:
        raise _No(
            f"{component.name} has no counterpart of it, so there is nothing to take over. Declare "
            "it anew, or remove it with 'pulumi-zenml cleanup'."
        )
    if len(entry.held) > 1:
        ids = ", ".join(it.counterpart.native_id for it in entry.held)
        raise _No(f"it has {len(entry.held)} counterparts ({ids}). Remove all but one of them.")
    if entry.shared_with:
        raise _No(f"its counterpart is also claimed by {', '.join(entry.shared_with)}.")
    (held,) = entry.held
    counterpart = held.counterpart
    if held.link == "name":
        raise _No("nothing but its name links the two sides: they may not belong together.")
    if held.component.id != record.orchestrator_id:
        raise _No(
            f"its counterpart is in orchestrator '{held.component.name}', not in the one that "
            "ZenML's record names."
        )
    if counterpart.problem:
        raise _No(f"its counterpart is broken: {counterpart.problem}")
    if counterpart.cadence is None:
        raise _No(
            f"its times cannot be said in a program: it fires '{counterpart.native.text}'. Change "
            "them where they are, or declare it anew."
        )
    if entry.stack_gone or entry.stack not in component.stacks:
        raise _No(
            f"its stack '{entry.stack}' is gone, or has another orchestrator than "
            f"'{component.name}' now."
        )
    if record.active == counterpart.paused:
        side, other = ("natively", "in ZenML") if counterpart.paused else ("in ZenML", "natively")
        raise _No(
            f"it is paused {side} and active {other}. Run 'pulumi-zenml pause' or 'resume' first."
        )
    _agree(record, counterpart, component.orchestrator)
    return record, counterpart, component.orchestrator


def _agree(record: Record, counterpart: Counterpart, orchestrator: Orchestrator) -> None:
    """Only a record's cron can be changed where it is; the rest of its times must be right."""
    real, said = counterpart.cadence, record.cadence
    assert real
    if (record.cron is None) == (real.cron is None) and said and said.kind == real.kind:
        if real.cron is not None:
            said = replace(said, cron=real.cron, timezone=real.timezone)
        if same_cadence(orchestrator, said, counterpart):
            return
    elif said is None and record.cron is not None and real.cron is not None:
        return
    raise _No(
        f"ZenML's record has other times than its counterpart, which fires "
        f"'{counterpart.native.text}': a start, an end, an interval or catch-up that the "
        "orchestrator does not keep. Declare it anew as it should be."
    )


def _name(entry: Entry) -> str:
    return entry.component.name if entry.component else ""


def _reference(session: Session, record: Record, submitted: PipelineSnapshotResponse) -> str:
    """By what to name the snapshot that the counterpart runs, so that it means just that.

    The snapshot it was copied from has the same right, if the copy is exact: that is what the
    resource would copy again.
    """
    marker = record.marker
    origins = (str(submitted.id), str(submitted.source_snapshot_id))
    if marker.source in origins and session.snapshot_id(marker.reference) == marker.source:
        return marker.reference
    candidates = [submitted]
    if submitted.source_snapshot_id:
        try:
            source = session.snapshot(str(submitted.source_snapshot_id))
        except NotFoundError:
            source = None
        if source and _same_work(source, submitted):
            candidates.append(source)
    for it in candidates:
        reference = f"{it.pipeline.name}:{it.name}"
        if it.name and session.snapshot_id(reference) == str(it.id):
            return reference
    return str(submitted.id)


def _same_work(source: PipelineSnapshotResponse, copy: PipelineSnapshotResponse) -> bool:
    return (
        source.pipeline_configuration == copy.pipeline_configuration
        and source.step_configurations == copy.step_configurations
        and source.client_environment == copy.client_environment
        and (source.build and source.build.id) == (copy.build and copy.build.id)
        and source.code_path == copy.code_path
    )


def _times(cadence: Cadence) -> dict[str, Any]:
    return {
        "cron": cadence.cron,
        "interval": int(cadence.interval.total_seconds()) if cadence.interval else None,
        "run_once_at": _iso(cadence.run_once_at),
        "timezone": cadence.timezone if cadence.timezone != "UTC" else None,
        "start_time": _iso(cadence.start_time),
        "end_time": _iso(cadence.end_time),
        "catchup": cadence.catchup or None,
    }


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _note(record: Record, cadence: Cadence) -> str:
    if record.cron == cadence.cron:
        return ""
    return (
        f"ZenML's record says {quoted(record.cron or '')}; it will say {quoted(cadence.cron or '')}"
        ", which is what really fires."
    )
