"""What an audit finds, as typed values and as JSON."""

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
class Code:
    """One kind of finding: how bad it is, and what it means."""

    severity: Severity
    meaning: str


CODES: Mapping[str, Code] = MappingProxyType(
    {
        "record-without-counterpart": Code("error", "ZenML has it, its orchestrator does not"),
        "counterpart-without-record": Code("error", "it fires and ZenML has no schedule for it"),
        "unknown-counterpart": Code(
            "warning", "ZenML made it, but this ZenML knows neither schedule nor snapshot of it"
        ),
        "duplicate-counterparts": Code("error", "one schedule, several native ones"),
        "shared-counterpart": Code("error", "several schedules, one native one"),
        "linked-by-name": Code("warning", "nothing but its name links both sides"),
        "cadence-differs": Code("error", "the two sides say different times"),
        "paused-on-one-side": Code("warning", "one side is paused, the other is not"),
        "pause-overdue": Code("warning", "it was paused for a while that is over"),
        "broken-record": Code("error", "the row in ZenML makes no sense"),
        "broken-counterpart": Code("error", "the native schedule cannot be read or cannot work"),
        "orchestrator-gone": Code("error", "its orchestrator was deleted from ZenML"),
        "stack-gone": Code("error", "its stack was deleted from ZenML"),
        "half-made": Code("warning", "what a killed 'pulumi up' left"),
        "stale-target": Code("warning", "it runs something that was replaced or is gone"),
        "past-its-end": Code("warning", "it is over, but still active"),
        "never-fired": Code("warning", "it should have fired and never did"),
        "missed-runs": Code("error", "it did not run when it should have"),
        "failing": Code("error", "its last runs all failed"),
        "long-running": Code("warning", "a run goes on for too long"),
        "crowded-minute": Code("info", "too many start in the same minute"),
        "naming": Code("info", "its name is not frequency-purpose-environment-version"),
        "credential-expiring": Code("warning", "credentials that its orchestrator needs run out"),
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
        fix: the command that mends it.
        schedule: the schedule's name; empty where it concerns several, or has no record.
        stack, flavor, native_id, project, owner: where it is and whose, as far as known.
        evidence: the same in parts, for programs; JSON values.
        severity: of the code, unless it is worse here.
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
        """What stays the same from one audit to the next, for alerts on change only."""
        return (self.code, self.project, self.schedule, self.native_id)


@dataclass(frozen=True)
class AuditResult:
    """What one audit found.

    Args:
        taken: when, ISO 8601 in UTC.
        schedules: how many records were looked at.
        counterparts: how many native schedules were found.
        drift_percent: the share of schedules that only one side has.
        findings: the worst first.
        unreachable: what could not be looked at.
    """

    taken: str
    schedules: int
    counterparts: int
    drift_percent: float
    findings: tuple[Finding, ...] = ()
    unreachable: tuple[Unreachable, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 fine, 1 findings, 2 something could not be looked at."""
        if self.unreachable:
            return 2
        return 1 if self.findings else 0

    def summary(self) -> dict[str, Any]:
        """The shape that ``audit --json`` prints."""
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
            InputError: it is no such text, or another version's.
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
