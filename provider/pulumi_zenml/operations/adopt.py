"""Which existing pairs a Pulumi program can take over unchanged, and that program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pulumi_zenml.cadence import Cadence
from pulumi_zenml.cadence.naming import slug
from pulumi_zenml.errors import NotFoundError
from pulumi_zenml.identity import NOBODY
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from pulumi_zenml.operations.control import find_schedule
from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.inventory import Inventory, OnProgress
from pulumi_zenml.operations.pair_findings import is_over
from pulumi_zenml.operations.python_source import call, quoted
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.compare import differences, same_cadence
from pulumi_zenml.orchestrators.counterpart import Counterpart
from pulumi_zenml.schedule.check import check_inputs

if TYPE_CHECKING:
    from pulumi_zenml.lifecycle.ports import Zenml
    from pulumi_zenml.zenml.project import Source
    from pulumi_zenml.zenml.records import Record

# A schedule's name may be anything; a resource's name is part of its URN.
_FALLBACK_NAME = "schedule"
_HEADER = '''"""ZenML schedules that ran before this was written; `pulumi up` takes them over."""

import pulumi_zenml as zenml
'''


@dataclass(frozen=True)
class Adoption:
    """A pair that a program can take over without a new submission.

    Args:
        entry: the pair.
        resource: the resource's name.
        arguments: of ``zenml.Schedule``, in order.
        checked: the resource's inputs as the provider will see them, without its owner.
        note: what taking it over changes; empty when only the ownership marker is written.
    """

    entry: Entry
    resource: str
    arguments: Mapping[str, Any]
    checked: Mapping[str, Any] = field(repr=False)
    note: str = ""


@dataclass(frozen=True)
class AdoptionRefusal:
    """A pair that cannot be taken over unchanged.

    Args:
        entry: the pair, or the side of it that exists.
        why: the reason, and what to do first.
        unreachable: it could not be read, so it is not known whether it can be taken over.
    """

    entry: Entry
    why: str
    unreachable: bool = False


@dataclass(frozen=True)
class AdoptionPlan:
    """What a program can take over.

    Args:
        adopted: the pairs, in order of project and name.
        refused: what cannot be, and why.
        managed: how many were left out because a Pulumi resource owns them already.
    """

    adopted: tuple[Adoption, ...]
    refused: tuple[AdoptionRefusal, ...]
    managed: int = 0


class _NotAdoptable(Exception):
    """Why a pair cannot be taken over, in words."""

    def __init__(self, why: str, *, unreachable: bool = False) -> None:
        super().__init__(why)
        self.unreachable = unreachable


def plan_adoption(
    inventory: Inventory,
    names: Sequence[str] = (),
    *,
    owned: bool = False,
    on_progress: OnProgress = lambda text: None,
) -> AdoptionPlan:
    """Find the pairs that a program can take over unchanged, and their arguments.

    Costs one or two look-ups in ZenML for each pair.

    Args:
        inventory: both sides.
        names: of schedules, or native ids; by default every pair without an owner.
        owned: also pairs that Pulumi resources own; no program may still declare those.
        on_progress: called with each step.

    Raises:
        NotFoundError: there is no schedule of a name; suggests similar names.
        InputError: several schedules have the name.
        ServiceError: ZenML could not be read.
    """
    entries = [find_schedule(inventory, name) for name in dict.fromkeys(names)]
    managed = 0
    if not names:
        entries = [it for it in inventory.entries if owned or not it.owner]
        managed = len(inventory.entries) - len(entries)
    resources = _resource_names(entries)
    adopted: list[Adoption] = []
    refused: list[AdoptionRefusal] = []
    for number, (entry, resource) in enumerate(zip(entries, resources, strict=True), 1):
        on_progress(f"checking {entry.name} ({number} of {len(entries)})")
        try:
            adopted.append(_adopted(inventory, entry, resource, owned=owned))
        except _NotAdoptable as no:
            refused.append(AdoptionRefusal(entry, str(no), no.unreachable))
    return AdoptionPlan(tuple(adopted), tuple(refused), managed)


def write_program(plan: AdoptionPlan) -> str:
    """The Python program: one ``zenml.Schedule`` for each pair.

    Names are escaped, so that a hostile name stays a string literal.
    """
    calls = [call("zenml.Schedule", [it.resource], it.arguments) for it in plan.adopted]
    return "\n".join([_HEADER, *calls])


def _resource_names(entries: Iterable[Entry]) -> list[str]:
    """A unique, stable name for each; duplicates get a part of their record's id."""
    slugs = [(it, slug(it.name)[:100].strip("-") or _FALLBACK_NAME) for it in entries]
    count = Counter(name for _, name in slugs)
    return [
        f"{name}-{it.record.id[:8]}" if count[name] > 1 and it.record else name
        for it, name in slugs
    ]


def _adopted(inventory: Inventory, entry: Entry, resource: str, *, owned: bool) -> Adoption:
    record, counterpart, orchestrator = _sound(inventory, entry, owned=owned)
    cadence = counterpart.cadence
    assert cadence
    zenml = inventory.zenml.session(entry.project_id)
    try:
        submitted = zenml.source(counterpart.snapshot_id or "")
        reference = _reference(zenml, record, submitted)
    except NotFoundError as error:
        raise _NotAdoptable(
            f"the snapshot that it runs was deleted from ZenML: {error.reason}"
        ) from error
    settings = {key: it for key, it in counterpart.settings.items() if it is not None}
    spec = ScheduleSpec(
        owner=NOBODY,
        name=record.name,
        stack=entry.stack,
        cadence=cadence,
        snapshot=reference,
        paused=counterpart.paused,
        orchestrator_settings=settings,
        adopt=entry.owner or True,
        project=entry.project,
    )
    arguments = spec.to_props()
    checked = check_inputs(
        {}, {**arguments, "owner": f"adopt/adopt/adopt/{resource}"}, inventory.taken
    )
    problems = [str(it) for it in checked.failures]
    if checked.cadence and not problems:
        wanted = replace(spec, cadence=checked.cadence).wanted(counterpart.pipeline)
        problems = [str(it) for it in type(orchestrator).check(wanted)]
        problems = problems or differences(orchestrator, wanted, counterpart)
    if problems:
        raise _NotAdoptable(f"a program cannot express it exactly: {' '.join(problems)}")
    inputs = {key: value for key, value in checked.inputs.items() if key != "owner"}
    return Adoption(entry, resource, arguments, inputs, _note(record, cadence))


def _sound(
    inventory: Inventory, entry: Entry, *, owned: bool
) -> tuple[Record, Counterpart, Orchestrator]:
    """Both sides of a complete pair that agree, with nothing in progress."""
    if entry.owner and not owned:
        raise _NotAdoptable(
            f"Pulumi manages it already: {entry.owner} (organization/project/stack/resource). If "
            "that stack is lost or no longer declares it, give --owned."
        )
    if not entry.reachable:
        reasons = [it.reason for it in inventory.unreachable if it.name == _name(entry)]
        why = f": {reasons[0]}" if reasons else "."
        raise _NotAdoptable(
            f"its orchestrator '{_name(entry)}' could not be read{why}", unreachable=True
        )
    record, component = entry.record, entry.component
    if record is None:
        raise _NotAdoptable(
            "ZenML has no record of it. 'pulumi-zenml cleanup' removes the counterpart."
        )
    if component is None or component.orchestrator is None:
        why = component.problem if component else "it was deleted from ZenML."
        raise _NotAdoptable(f"its orchestrator cannot be used: {why}")
    if record.unfinished:
        raise _NotAdoptable("an interrupted update left it behind. Run 'pulumi-zenml audit'.")
    if is_over(entry, inventory.taken):
        raise _NotAdoptable("it has ended and will never fire again.")
    if not entry.linked:
        raise _NotAdoptable(
            f"'{component.name}' has no counterpart of it, so there is nothing to take over. "
            "Declare a new one, or remove it with 'pulumi-zenml cleanup'."
        )
    if len(entry.linked) > 1:
        ids = ", ".join(it.counterpart.native_id for it in entry.linked)
        raise _NotAdoptable(
            f"it has {len(entry.linked)} counterparts ({ids}). Remove all but one of them."
        )
    if entry.shared_with:
        raise _NotAdoptable(f"its counterpart is also claimed by {', '.join(entry.shared_with)}.")
    (linked,) = entry.linked
    counterpart = linked.counterpart
    if linked.link == "name":
        raise _NotAdoptable("only the name links the two sides: they may not belong together.")
    if linked.component.id != record.orchestrator_id:
        raise _NotAdoptable(
            f"its counterpart is in orchestrator '{linked.component.name}', not in the one that "
            "ZenML's record names."
        )
    if counterpart.problem:
        raise _NotAdoptable(f"its counterpart is broken: {counterpart.problem}")
    if counterpart.cadence is None:
        raise _NotAdoptable(
            f"a program cannot express its cadence: it fires '{counterpart.native.text}'. Change "
            "it in the orchestrator, or declare a new schedule."
        )
    if entry.stack_gone or entry.stack not in component.stacks:
        stack = f"its stack '{entry.stack}'" if entry.stack else "its stack"
        raise _NotAdoptable(
            f"{stack} was deleted, or no longer has the orchestrator '{component.name}'."
        )
    if record.active == counterpart.paused:
        side, other = ("natively", "in ZenML") if counterpart.paused else ("in ZenML", "natively")
        raise _NotAdoptable(
            f"it is paused {side} and active {other}. Run 'pulumi-zenml pause' or 'resume' first."
        )
    _agree(record, counterpart, component.orchestrator)
    return record, counterpart, component.orchestrator


def _agree(record: Record, counterpart: Counterpart, orchestrator: Orchestrator) -> None:
    """Only a record's cron can be updated in place; the rest of its cadence must agree."""
    real, said = counterpart.cadence, record.cadence
    assert real
    if (record.cron is None) == (real.cron is None) and said and said.kind == real.kind:
        if real.cron is not None:
            said = replace(said, cron=real.cron, timezone=real.timezone)
        if same_cadence(orchestrator, said, counterpart):
            return
    elif said is None and record.cron is not None and real.cron is not None:
        return
    raise _NotAdoptable(
        f"ZenML's record has another cadence than its counterpart, which fires "
        f"'{counterpart.native.text}': a start, an end, an interval or catch-up that the "
        "orchestrator does not have. Declare a new schedule instead."
    )


def _name(entry: Entry) -> str:
    return entry.component.name if entry.component else ""


def _reference(zenml: Zenml, record: Record, submitted: Source) -> str:
    """A reference that resolves to the snapshot that the counterpart runs.

    The snapshot it was copied from will do, if the copy is exact: that is what the resource
    would copy again.
    """
    marker = record.marker
    origins = (submitted.id, submitted.copied_from)
    if marker.source in origins and zenml.snapshot_id(marker.reference) == marker.source:
        return marker.reference
    candidates = [submitted]
    if submitted.copied_from:
        try:
            source = zenml.source(submitted.copied_from)
        except NotFoundError:
            source = None
        if source and zenml.is_same_work(source, submitted):
            candidates.append(source)
    for it in candidates:
        reference = f"{it.pipeline}:{it.name}"
        if it.name and zenml.snapshot_id(reference) == it.id:
            return reference
    return submitted.id


def _note(record: Record, cadence: Cadence) -> str:
    if record.cron == cadence.cron:
        return ""
    return (
        f"ZenML's record has {quoted(record.cron or '')}; it will become "
        f"{quoted(cadence.cron or '')}, which is the actual cadence."
    )
