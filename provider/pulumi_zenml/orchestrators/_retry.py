"""Retries of calls that may be repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pulumi_zenml.errors import ServiceError

ATTEMPTS = 3
_LONGEST_WAIT_SECONDS = 4.0

Found = TypeVar("Found")


def retry(call: Callable[[], Found], transient: tuple[type[ServiceError], ...]) -> Found:
    """The call's result, with retries after transient errors.

    Args:
        call: a call that may be repeated.
        transient: the transient errors.

    Raises:
        ServiceError: the error of the last attempt.
    """
    from tenacity import (
        Retrying,
        retry_if_exception_type,
        stop_after_attempt,
        wait_exponential_jitter,
    )

    attempts = Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential_jitter(initial=0.2, max=_LONGEST_WAIT_SECONDS, jitter=0.2),
        retry=retry_if_exception_type(transient),
        reraise=True,
    )
    return attempts(call)
