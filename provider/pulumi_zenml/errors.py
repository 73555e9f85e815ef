"""Every error this package raises on purpose.

::

    PulumiZenmlError
    ├── InputError                 an input that cannot be right; names its property
    │   ├── CannotExpressError     a cadence or switch that the target system cannot honour exactly
    │   └── NotSchedulableError    a ZenML stack whose orchestrator has no schedules at all
    ├── ServiceError               ZenML or an orchestrator did not do what was asked of it
    │   ├── UnreachableError       no answer: connection refused, name not found, time-out
    │   ├── UnauthenticatedError   credentials missing, wrong or expired
    │   ├── PermissionDeniedError  known, but not allowed
    │   ├── NotFoundError          no such thing; says which names are near
    │   ├── ThrottledError         too many requests, after our own retries
    │   └── RefusedError           understood and refused (a 4xx other than the above)
    ├── OwnershipError             the name or the pair belongs to somebody else
    ├── RunInProgressError         a run would lose its credentials or its counterpart
    ├── SubmissionError            ZenML could not hand the pipeline to its orchestrator
    ├── NotGoneError               something is still there after it was deleted
    ├── BackupError                a backup that cannot be written, read or trusted
    └── BusyError                  somebody else holds the lock
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = [
    "BackupError",
    "BusyError",
    "CannotExpressError",
    "InputError",
    "NotFoundError",
    "NotGoneError",
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


class PulumiZenmlError(Exception):
    """The root of every error this package raises on purpose."""

    def also(self, text: str) -> None:
        """Say more, in the message itself: Pulumi does not show an exception's notes."""
        self.args = (f"{self.args[0]}\n{text}",)


class InputError(PulumiZenmlError):
    """An input that cannot be right, known before anything is created.

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
            reason = f"{reason} Instead: {'; or '.join(self.alternatives)}."
        super().__init__(property, reason)


class NotSchedulableError(InputError):
    """The ZenML stack's orchestrator has no schedules at all."""


class ServiceError(PulumiZenmlError):
    """ZenML or an orchestrator did not do what was asked of it.

    Args:
        service: who failed, for example ``ZenML`` or ``Kubernetes``.
        reason: what was asked, what came back, and the remedy.
    """

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(f"{service}: {reason}")
        self.service = service
        self.reason = reason


class UnreachableError(ServiceError):
    """No answer: connection refused, unknown host, or a time-out."""


class UnauthenticatedError(ServiceError):
    """Credentials are missing, wrong or expired."""


class PermissionDeniedError(ServiceError):
    """The caller is known, but not allowed to do this."""


class NotFoundError(ServiceError):
    """There is no such thing.

    Args:
        service: where it was looked for.
        reason: what was looked for.
        wanted: the name that was looked for, to find the ones near it.
        known: the names that do exist.
    """

    def __init__(
        self, service: str, reason: str, *, wanted: str = "", known: Iterable[str] = ()
    ) -> None:
        self.near = tuple(difflib.get_close_matches(wanted, list(known), n=3, cutoff=0.5))
        if self.near:
            reason = f"{reason} Near it: {', '.join(self.near)}."
        super().__init__(service, reason)


class ThrottledError(ServiceError):
    """Too many requests, even after our own retries."""


class RefusedError(ServiceError):
    """The request was understood and refused."""


class OwnershipError(PulumiZenmlError):
    """The name or the pair belongs to somebody else."""


class RunInProgressError(PulumiZenmlError):
    """A run of the schedule would lose its credentials or its counterpart."""


class SubmissionError(PulumiZenmlError):
    """ZenML could not hand the pipeline to its orchestrator."""


class NotGoneError(PulumiZenmlError):
    """Something is still there after it was deleted."""


class BackupError(PulumiZenmlError):
    """A backup that cannot be written, read or trusted."""


class BusyError(PulumiZenmlError):
    """Somebody else holds the lock."""
