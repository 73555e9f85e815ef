"""Findings about runs: missed, failing and long-running."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from pulumi_zenml.cadence import fires_between, next_fires
from pulumi_zenml.errors import PulumiZenmlError
from pulumi_zenml.operations import remedies
from pulumi_zenml.operations.audit_state import AuditMark
from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.expected import Window, counts, missing, run_times, window
from pulumi_zenml.operations.findings import Finding
from pulumi_zenml.operations.inventory import Inventory, Unreachable
from pulumi_zenml.operations.options import AuditOptions
from pulumi_zenml.operations.pair_findings import finding
from pulumi_zenml.operations.zenml_rows import Run
from pulumi_zenml.orchestrators.capabilities import Yes
from pulumi_zenml.orchestrators.counterpart import NativeRun

_NATIVE_RUNS = 1000
_MOST_SHOWN = 5


@dataclass
class Runs:
    """The runs that ZenML has of each schedule, newest first, by record id.

    Args:
        last: at least the last few of each, and all since the earliest window began.
        in_progress: those that are not finished, however old.
    """

    last: dict[str, list[Run]] = field(default_factory=dict)
    in_progress: dict[str, list[Run]] = field(default_factory=dict)


def load_runs(
    inventory: Inventory,
    windows: Mapping[str, Window],
    options: AuditOptions,
    since: datetime | None = None,
) -> Runs:
    """The runs of all records of an inventory, in pages.

    Args:
        inventory: both sides.
        windows: the fires to check, by record id.
        options: the thresholds.
        since: also all runs since this instant; aware.
    """
    runs = Runs()
    by_project: dict[str, list[str]] = {}
    for entry in inventory.entries:
        if entry.record:
            by_project.setdefault(entry.project_id, []).append(entry.record.id)
    for project_id, ids in by_project.items():
        last: dict[str, list[Run]] = {id: [] for id in ids}
        starts = [windows[id].start - options.grace for id in ids if id in windows]
        if since:
            starts.append(since)
        if starts:
            for run in inventory.zenml.runs_since(project_id, min(starts)):
                if run.schedule_id in last:
                    last[run.schedule_id].append(run)
        few = [id for id in ids if len(last[id]) < options.failing]
        older = inventory.zenml.last_runs(project_id, few, options.failing)
        for id, found in older.items():
            known = {run.id for run in last[id]}
            last[id] += [run for run in found if run.id not in known]
        runs.last |= last
        for run in inventory.zenml.runs_in_progress(project_id):
            runs.in_progress.setdefault(run.schedule_id, []).append(run)
    return runs


class Timing:
    """Checks the runs of an inventory.

    Args:
        inventory: both sides.
        seen: how far the last audit checked, by record id.
        options: the thresholds.
        since: load all runs since this instant, whatever is checked; aware.
    """

    def __init__(
        self,
        inventory: Inventory,
        seen: Mapping[str, AuditMark],
        options: AuditOptions,
        *,
        since: datetime | None = None,
    ) -> None:
        self._inventory = inventory
        self._options = options
        self._now = inventory.taken
        self.windows: dict[str, Window] = {}
        for entry in inventory.entries:
            if entry.record:
                judged = window(entry, seen.get(entry.record.id), options, self._now)
                if judged:
                    self.windows[entry.record.id] = judged
        self.runs = load_runs(inventory, self.windows, options, since)
        self.unreachable: list[Unreachable] = []
        self.marks: dict[str, AuditMark] = {}
        """What to record, by record id; without what could not be read."""
        self.gaps: dict[str, list[datetime]] = {}
        """The fires without a run on either side, by record id."""

    def check(self) -> Iterator[Finding]:
        """The findings of all entries."""
        for entry in self._inventory.entries:
            if entry.record and entry.reachable:
                yield from self._check(entry, entry.record.id)

    def _check(self, entry: Entry, id: str) -> Iterator[Finding]:
        runs = self.runs.last.get(id, [])
        yield from self._long_running(entry, self.runs.in_progress.get(id, []))
        failing = list(self._failing(entry, runs))
        yield from failing
        try:
            yield from self._missed(entry, id, runs, failing=bool(failing))
        except PulumiZenmlError as error:
            self.unreachable.append(
                Unreachable("orchestrator", entry.name, entry.flavor, f"its runs: {error}")
            )
            return
        self.marks[id] = AuditMark.of(entry, self._now - self._options.grace)

    def _missed(
        self, entry: Entry, id: str, runs: Sequence[Run], *, failing: bool
    ) -> Iterator[Finding]:
        judged = self.windows.get(id)
        grace = self._options.grace
        times = [run.started for run in runs]
        gaps = missing(entry, judged, times, grace) if judged else []
        silent = not runs and self._should_have_fired(entry)
        if not gaps and not silent:
            return
        native = self._native_runs(entry)
        if judged:
            gaps = self.gaps[id] = missing(entry, judged, [*times, *run_times(native)], grace)
        if not failing:
            failed = list(self._failing_natively(entry, native))
            yield from failed
            if failed:
                return
        if silent and not native:
            yield self._never_fired(entry)
        elif gaps:
            yield self._missed_runs(entry, gaps)

    def _native_runs(self, entry: Entry) -> list[NativeRun]:
        orchestrator = entry.orchestrator
        if orchestrator is None or not isinstance(orchestrator.capabilities.run_history, Yes):
            return []
        return list(orchestrator.runs(entry.native_id, limit=_NATIVE_RUNS))

    def _should_have_fired(self, entry: Entry) -> bool:
        """Whether a fire was due since it was created or last changed."""
        record = entry.record
        if record is None or not record.active or not entry.fires or entry.cadence is None:
            return False
        start = max(filter(None, (record.created, record.updated)), default=self._now)
        due = fires_between(entry.cadence, start, self._now - self._options.grace)
        return any(True for _ in islice(due, 1))

    def _never_fired(self, entry: Entry) -> Finding:
        record = entry.record
        made = (
            record.created.isoformat(timespec="seconds")
            if record and record.created
            else "an unknown time"
        )
        return finding(
            entry,
            "never-fired",
            f"it was created at {made}, should have fired since, and has no run in ZenML or in "
            f"{entry.flavor}.",
            remedies.command("doctor", "--", entry.name, project=entry.project),
        )

    def _missed_runs(self, entry: Entry, gaps: Sequence[datetime]) -> Finding:
        times_missed = ", ".join(_shown(it) for it in gaps[:_MOST_SHOWN])
        more = f" and {len(gaps) - _MOST_SHOWN} more" if len(gaps) > _MOST_SHOWN else ""
        times = "once" if len(gaps) == 1 else f"{len(gaps)} times"
        return finding(
            entry,
            "missed-runs",
            f"it did not run {times} when it should have: {times_missed}{more}.",
            remedies.history(entry),
            missed=[it.isoformat() for it in gaps],
        )

    def _failing(self, entry: Entry, runs: Sequence[Run]) -> Iterator[Finding]:
        finished = [it for it in runs if not it.in_progress][: self._options.failing]
        if len(finished) == self._options.failing and all(it.failed for it in finished):
            yield finding(
                entry,
                "failing",
                f"its last {len(finished)} runs failed, the last one ('{finished[0].name}') at "
                f"{_shown(finished[0].started)}.",
                remedies.history(entry),
                runs=[it.id for it in finished],
            )

    def _failing_natively(self, entry: Entry, runs: Sequence[NativeRun]) -> Iterator[Finding]:
        ended = [it for it in runs if counts(it) and it.state not in ("queued", "running")]
        last = ended[: self._options.failing]
        if len(last) == self._options.failing and all(it.state == "failed" for it in last):
            yield finding(
                entry,
                "failing",
                f"its last {len(last)} runs failed in {entry.flavor} before they reached ZenML, "
                f"the last one '{last[0].run_id}' ({last[0].native_state}).",
                remedies.history(entry),
                runs=[it.run_id for it in last],
            )

    def _long_running(self, entry: Entry, runs: Sequence[Run]) -> Iterator[Finding]:
        for run in runs:
            age = self._now - run.started
            if age > self._options.long_running:
                why = f"more than {self._options.long_running}"
            elif self._overlaps(entry, run):
                why = "longer than the time between two fires"
            else:
                continue
            yield finding(
                entry,
                "long-running",
                f"run '{run.name}' has been in progress since {_shown(run.started)}, {why}.",
                remedies.history(entry),
                run=run.id,
            )

    def _overlaps(self, entry: Entry, run: Run) -> bool:
        """Whether its schedule has fired again, and not only because it was started by hand."""
        age = self._now - run.started
        if entry.cadence is None or not entry.fires or age < self._options.grace:
            return False
        following = next_fires(entry.cadence, run.started, 2)
        return len(following) == 2 and age > following[1].instant - following[0].instant


def _shown(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
