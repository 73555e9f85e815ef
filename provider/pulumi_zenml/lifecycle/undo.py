"""Steps to take back when a later one fails."""

from __future__ import annotations

from collections.abc import Callable

from pulumi_zenml.errors import PulumiZenmlError


class Undo:
    """Steps to take back, newest first, however many of them fail."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[[], object]]] = []

    def add(self, what: str, step: Callable[[], object]) -> None:
        """Remember how to take back ``what``."""
        self._steps.append((what, step))

    def run(self, error: Exception) -> None:
        """Take everything back; what cannot be is noted on ``error``."""
        for what, step in reversed(self._steps):
            try:
                step()
            # Whatever goes wrong here must not hide why we are here.
            except Exception as failed:
                text = (
                    f"While undoing, {what} could not be taken back ({failed}); the next "
                    "'pulumi up' will."
                )
                error.also(text) if isinstance(error, PulumiZenmlError) else error.add_note(text)
