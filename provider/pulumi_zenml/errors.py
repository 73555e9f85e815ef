"""The exceptions of this package.

::

    PulumiZenmlError
    ├── InputError                 an invalid input; names its property
    │   ├── CannotExpressError     a cadence or switch that the target system cannot honour exactly
    │   └── NotSchedulableError    a ZenML stack whose orchestrator has no schedules at all
    ├── ServiceError               a request to ZenML or an orchestrator failed
    │   ├── UnreachableError       no response: connection refused, unknown host, time-out
    │   ├── UnauthenticatedError   credentials missing, wrong or expired
    │   ├── PermissionDeniedError  signed in, but not allowed
    │   ├── NotFoundError          no such object; suggests similar names
    │   ├── ThrottledError         too many requests, even after retries
    │   └── RefusedError           understood and refused (a 4xx other than the above)
    ├── OwnershipError             the name or the pair has another owner
    ├── RunInProgressError         a run would lose its credentials or its counterpart
    ├── SubmissionError            ZenML could not submit the pipeline to its orchestrator
    ├── NotDeletedError            something still exists after it was deleted
    ├── BackupError                a backup that cannot be written or read, or is damaged
    ├── BusyError                  another process holds the lock
    └── InternalError              a fault of this package
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = [
    "BackupError",
    "BusyError",
    "CannotExpressError",
    "InputError",
    "InternalError",
    "NotDeletedError",
    "NotFoundError",
    "NotSchedulableError",
    "OwnershipError",
    "PermissionDeniedError",
    "PulumiZenmlError",
    "RefusedError",
    "RunInProgressError",
    "ServiceError",
    "SubmissionError",
    "ThrottledError",
    "UnauthenticatedError",
    "UnreachableError",
]


def near(wanted: str, known: Iterable[str]) -> list[str]:
    """The names that look like the wanted one, nearest first."""
    return difflib.get_close_matches(wanted, list(known), n=3, cutoff=0.5)


class PulumiZenmlError(Exception):
    """The base class of this package's exceptions."""

    def also(self, text: str) -> None:
        """Append to the message: Pulumi does not show an exception's notes."""
        self.args = (f"{self.args[0]}\n{text}",)


class InputError(PulumiZenmlError):
    """An invalid input, found before anything is created.

    Args:
        property: the input's name as a Pulumi program writes it, for example ``cron``.
        reason: what was given, why it cannot work, and what to write instead.
    """

    def __init__(self, property: str, reason: str) -> None:
        super().__init__(f"{property}: {reason}")
        self.property = property
        self.reason = reason


class CannotExpressError(InputError):
    """The target system cannot honour the input exactly.

    Args:
        property: the input's name.
        reason: why the system cannot do it.
        alternatives: the nearest exact things to write instead, best first.
    """

    def __init__(self, property: str, reason: str, alternatives: Sequence[str] = ()) -> None:
        self.why = reason
        self.alternatives = tuple(alternatives)
        if self.alternatives:
            stop = "" if reason.endswith((".", "?", "!")) else "."
            reason = f"{reason}{stop} Instead: {'; or '.join(self.alternatives)}."
        super().__init__(property, reason)


class NotSchedulableError(InputError):
    """The ZenML stack's orchestrator has no schedules at all."""


class ServiceError(PulumiZenmlError):
    """A request to ZenML or an orchestrator failed.

    Args:
        service: which one, for example ``ZenML`` or ``Kubernetes``.
        reason: what was requested, what was returned, and the remedy.
        property: the input or the configuration key that led to it; empty where none did.
    """

    def __init__(self, service: str, reason: str, *, property: str = "") -> None:
        super().__init__(f"{service}: {reason}")
        self.service = service
        self.reason = reason
        self.property = property


class UnreachableError(ServiceError):
    """No response: connection refused, unknown host, or a time-out."""


class UnauthenticatedError(ServiceError):
    """Credentials are missing, wrong or expired."""


class PermissionDeniedError(ServiceError):
    """The caller is signed in, but not allowed to do this."""


class NotFoundError(ServiceError):
    """There is no such object.

    Args:
        service: where it was searched.
        reason: what was searched.
        property: the input that names it; empty where none does.
        wanted: the name, to suggest similar ones.
        known: the names that exist.
    """

    def __init__(
        self,
        service: str,
        reason: str,
        *,
        property: str = "",
        wanted: str = "",
        known: Iterable[str] = (),
    ) -> None:
        self.near = tuple(near(wanted, known))
        if self.near:
            reason = f"{reason} Near it: {', '.join(self.near)}."
        super().__init__(service, reason, property=property)


class ThrottledError(ServiceError):
    """Too many requests, even after retries."""


class RefusedError(ServiceError):
    """The request was understood and refused."""


class OwnershipError(PulumiZenmlError):
    """The name or the pair has another owner."""


class RunInProgressError(PulumiZenmlError):
    """A run of the schedule would lose its credentials or its counterpart."""


class SubmissionError(PulumiZenmlError):
    """ZenML could not submit the pipeline to its orchestrator."""


class NotDeletedError(PulumiZenmlError):
    """Something still exists after it was deleted."""


class BackupError(PulumiZenmlError):
    """A backup that cannot be written or read, or is damaged."""


class BusyError(PulumiZenmlError):
    """Another process holds the lock."""


class InternalError(PulumiZenmlError):
    """A fault of this package: something failed that it does not expect to fail."""
