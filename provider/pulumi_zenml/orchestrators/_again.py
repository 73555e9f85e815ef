"""Trying again what may be tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pulumi_zenml.errors import ServiceError

ATTEMPTS = 3
_LONGEST_WAIT_SECONDS = 4.0

Found = TypeVar("Found")


def again(call: Callable[[], Found], passing: tuple[type[ServiceError], ...]) -> Found:
    """The call's result, after some attempts if it fails in a way that may be over soon.

    Args:
        call: something that may happen twice.
        passing: the errors that are worth another attempt.

    Raises:
        ServiceError: the last attempt's.
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
        retry=retry_if_exception_type(passing),
        reraise=True,
    )
    return attempts(call)
