"""One check of the doctor, and how it is carried out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from pulumi_zenml.errors import (
    InputError,
    NotFoundError,
    PermissionDeniedError,
    PulumiZenmlError,
    RefusedError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from pulumi_zenml.orchestrators.probe import ProbeResult, Result
from pulumi_zenml.zenml.quiet import let_go

AREAS = ("zenml", "machine", "stack", "packages", "orchestrator", "schedule")
"""What is checked, in order."""

SUSPECT: tuple[Result, ...] = ("warning", "failed")
"""The results that come with a remedy."""

_LONGEST = 600

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Args:
        area: one of :data:`AREAS`.
        name: what was checked, in a few words.
        subject: of which stack, orchestrator or schedule; empty for all.
        result: ``ok``; ``warning``; ``failed``; ``unknown`` when it cannot be determined;
            ``skipped`` when there was nothing to check.
        detail: what was found, or why it was not checked.
        remedy: what to do; empty unless it is a warning or failed.
        blocking: whether nothing in ZenML can be read without it.
    """

    area: str
    name: str
    subject: str
    result: Result
    detail: str
    remedy: str = ""
    blocking: bool = False


def exit_code(checks: Sequence[Check]) -> int:
    """0 when nothing failed, 1 when something did, 2 when ZenML could not be read."""
    failed = [it for it in checks if it.result == "failed"]
    if any(it.blocking for it in failed):
        return 2
    return 1 if failed else 0


def run_check(
    area: str,
    name: str,
    subject: str,
    run: Callable[[], ProbeResult],
    *,
    remedy: str = "",
    seconds: float | None = None,
    blocking: bool = False,
) -> tuple[Check, Exception | None]:
    """Run one check, and turn an exception into a failed one.

    Args:
        area, name, subject, blocking: as of :class:`Check`.
        run: returns what it found, or raises.
        remedy: for a failure; derived from the error by default.
        seconds: its deadline, in a thread of its own; ``None`` for none.

    Returns:
        The check, and what ``run`` raised.
    """
    raised: Exception | None = None
    try:
        seen = within(seconds, run, subject or area) if seconds else run()
    except PulumiZenmlError as error:
        raised = error
        seen = ProbeResult(str(error), "failed", remedy or remedy_for(error, subject))
    # An unexpected exception of one SDK must not stop the other checks.
    except Exception as error:
        raised = error
        seen = ProbeResult(
            f"{type(error).__name__}: {error}", "failed", remedy or remedy_for(error, "")
        )
    fix = (seen.remedy or remedy or _ANYTHING) if seen.result in SUSPECT else ""
    if seen.result == "unknown":
        fix = seen.remedy
    detail = " ".join(seen.detail.split())[:_LONGEST]
    return Check(area, name, subject, seen.result, detail, fix, blocking), raised


def within(seconds: float, call: Callable[[], _Found], service: str) -> _Found:
    """The call's result, if it comes in time. Otherwise its thread is abandoned.

    Args:
        seconds: how long to wait.
        call: what to wait for.
        service: the service's name, for the error.

    Raises:
        UnreachableError: it took longer.
    """
    answer: Future[_Found] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:
            answer.set_exception(error)

    thread = threading.Thread(target=run, daemon=True, name="pulumi-zenml-doctor")
    thread.start()
    try:
        return answer.result(timeout=seconds)
    except TimeoutError:
        # The call's own time-out is the same class; or the result has just arrived.
        if answer.done():
            return answer.result()
        let_go(thread.ident or 0)
        raise UnreachableError(service, f"no answer within {seconds:.0f} s.") from None


_ANYTHING = "Fix what the detail says, and run this again."


def remedy_for(error: Exception, component: str, connector: str = "") -> str:
    """What to do about an error.

    Args:
        error: what was raised.
        component: the orchestrator's name; empty where it is not about one.
        connector: the name of its service connector; empty for none.
    """
    describe = f"zenml orchestrator describe {component}" if component else ""
    if isinstance(error, UnreachableError):
        where = (
            f"its address is right ('{describe}' shows it)" if describe else "its address is right"
        )
        return f"Check that it is up, that this machine can reach it, and that {where}."
    if isinstance(error, UnauthenticatedError):
        if connector:
            return f"zenml service-connector update {connector} --interactive"
        return (
            f"Renew its credentials; '{describe}' shows which."
            if describe
            else "Renew the credentials."
        )
    if isinstance(error, PermissionDeniedError):
        return "Grant what the detail says to the account that is signed in."
    if isinstance(error, NotFoundError):
        return f"Create it, or correct its name; '{describe}' shows it." if describe else _ANYTHING
    if isinstance(error, ThrottledError):
        return "Try again later."
    if isinstance(error, RefusedError | InputError | PulumiZenmlError):
        return (
            f"Do what the detail says; '{describe}' shows the configuration."
            if describe
            else _ANYTHING
        )
    return "Report this, with the output of 'pulumi-zenml doctor --format json'."
