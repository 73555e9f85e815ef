"""Steps to take back when a later one fails."""

from __future__ import annotations

from collections.abc import Callable

from pulumi_zenml.errors import PulumiZenmlError, ServiceError


class Undo:
    """Steps to take back, newest first, however many of them fail.

    A step is registered before what it takes back is tried: what was answered with an error may
    have been done all the same. So a step must also work where there is nothing to take back.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[[], object]]] = []

    def before(self, what: str, step: Callable[[], object]) -> None:
        """Remember how to take back ``what``, which is tried next."""
        self._steps.append((what, step))

    def run(self, error: Exception) -> None:
        """Take everything back; what cannot be is said in ``error``."""
        failures = []
        while self._steps:
            what, step = self._steps.pop()
            try:
                step()
            # Whatever goes wrong here must not hide why we are here.
            except Exception as failed:
                failures.append(f"{what} could not be taken back ({failed})")
        if not failures:
            return
        text = f"While undoing, {'; '.join(failures)}. The next 'pulumi up' or 'destroy' will."
        if isinstance(error, PulumiZenmlError):
            error.also(text)
        else:
            error.add_note(text)


def certainly(act: Callable[[], object], is_done: Callable[[], bool]) -> None:
    """Do the last step of several; one that was done but answered with an error is done."""
    try:
        act()
    except ServiceError:
        if not is_done():
            raise
