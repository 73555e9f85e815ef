"""The findings of an audit, as typed values and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from pulumi_zenml.errors import InputError
from pulumi_zenml.operations.inventory import Unreachable

Severity = Literal["error", "warning", "info"]
"""How bad a finding is."""
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class FindingCode:
    """One kind of finding: its severity, and what it means."""

    severity: Severity
    meaning: str


CODES: Mapping[str, FindingCode] = MappingProxyType(
    {
        "record-without-counterpart": FindingCode(
            "error", "ZenML has a record, its orchestrator has no counterpart"
        ),
        "counterpart-without-record": FindingCode(
            "error", "the counterpart fires, and ZenML has no record"
        ),
        "unknown-counterpart": FindingCode(
            "warning", "ZenML created it, but this ZenML has neither its schedule nor its snapshot"
        ),
        "duplicate-counterparts": FindingCode("error", "one record has several counterparts"),
        "shared-counterpart": FindingCode("error", "several records claim one counterpart"),
        "linked-by-name": FindingCode("warning", "only the name links the two sides"),
        "cadence-differs": FindingCode("error", "record and counterpart have different cadences"),
        "paused-on-one-side": FindingCode("warning", "one side is paused, the other is active"),
        "pause-overdue": FindingCode("warning", "its pause has expired, and it is still paused"),
        "broken-record": FindingCode("error", "the record is invalid"),
        "broken-counterpart": FindingCode("error", "the counterpart cannot be read or cannot run"),
        "orchestrator-gone": FindingCode("error", "its orchestrator was deleted from ZenML"),
        "stack-gone": FindingCode("error", "its stack was deleted from ZenML"),
        "half-made": FindingCode("warning", "an interrupted 'pulumi up' left it behind"),
        "stale-target": FindingCode("warning", "it runs a snapshot that was replaced or deleted"),
        "past-its-end": FindingCode("warning", "it has ended, but is still active"),
        "never-fired": FindingCode("warning", "it should have fired and never did"),
        "missed-runs": FindingCode("error", "it did not run when it should have"),
        "failing": FindingCode("error", "its last runs all failed"),
        "long-running": FindingCode("warning", "a run takes too long"),
        "crowded-minute": FindingCode("info", "too many schedules start in the same minute"),
        "naming": FindingCode("info", "its name is not frequency-purpose-environment-version"),
        "credential-expiring": FindingCode(
            "warning", "credentials of its orchestrator expire soon"
        ),
    }
)
"""Every kind of finding. The names are a contract: alerts and scripts use them."""

_SHOWN = ("code", "severity", "schedule", "stack", "flavor", "native_id", "message", "fix")
_VERSION = 1


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Args:
        code: a key of :data:`CODES`.
        message: what is wrong, with the evidence.
        fix: the command that fixes it.
        schedule: the schedule's name; empty where it concerns several, or has no record.
        stack, flavor, native_id, project, owner: of the schedule, as far as known.
        evidence: the same in parts, for programs; JSON values.
        severity: the code's, unless it is higher here.
    """

    code: str
    message: str
    fix: str
    schedule: str = ""
    stack: str = ""
    flavor: str = ""
    native_id: str = ""
    project: str = ""
    owner: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict, compare=False)
    severity: Severity = "warning"

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """The same for the same problem in every audit, to alert on changes only."""
        return (self.code, self.project, self.schedule, self.native_id)


@dataclass(frozen=True)
class AuditResult:
    """What one audit found.

    Args:
        taken: when, ISO 8601 in UTC.
        schedules: how many records were read.
        counterparts: how many native schedules were found.
        drift_percent: the share of schedules that only one side has.
        findings: the worst first.
        unreachable: what could not be read.
    """

    taken: str
    schedules: int
    counterparts: int
    drift_percent: float
    findings: tuple[Finding, ...] = ()
    unreachable: tuple[Unreachable, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 fine, 1 findings, 2 something could not be read."""
        if self.unreachable:
            return 2
        return 1 if self.findings else 0

    def summary(self) -> dict[str, Any]:
        """What ``audit --json`` prints."""
        return {
            "schedules": self.schedules,
            "counterparts": self.counterparts,
            "drift_percent": self.drift_percent,
            "findings": [{key: getattr(it, key) for key in _SHOWN} for it in self.findings],
            "unreachable": [asdict(it) for it in self.unreachable],
        }

    def to_json(self) -> str:
        """Everything, evidence included; :meth:`from_json` reads it."""
        return json.dumps({"version": _VERSION, **asdict(self)}, default=str)

    @staticmethod
    def from_json(text: str) -> AuditResult:
        """What :meth:`to_json` wrote.

        Raises:
            InputError: it is not such a text, or another version's.
        """
        try:
            loaded = json.loads(text)
            if loaded.pop("version") != _VERSION:
                raise ValueError("it was written by another version")
            findings = tuple(Finding(**it) for it in loaded.pop("findings"))
            unreachable = tuple(Unreachable(**it) for it in loaded.pop("unreachable"))
            return AuditResult(**loaded, findings=findings, unreachable=unreachable)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError("audit result", f"it cannot be read: {error}.") from error


def worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """In order of severity, code, project and name."""
    codes = list(CODES)
    return tuple(
        sorted(
            findings,
            key=lambda it: (
                SEVERITIES.index(it.severity),
                codes.index(it.code),
                it.project,
                it.schedule,
                it.native_id,
            ),
        )
    )
