"""What an orchestrator holds, looked at, saved and put back by code that is not the product's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Native:
    """A native schedule.

    Args:
        id: its name there.
        place: which of the two stacks it is in.
        snapshot: id of the ZenML snapshot that it runs.
        when: its cadence, in the orchestrator's words.
        paused: whether it may not fire.
        settings: what `orchestrator_settings` can change of it.
        raw: all of it that can be compared.
    """

    id: str
    place: str
    snapshot: str
    when: str
    paused: bool
    settings: Mapping[str, Any] = field(default_factory=dict)
    raw: str = field(default="", repr=False)


class Side(ABC):
    """One world's part of an orchestrator, with two stacks ``one`` and ``two``."""

    flavor: str
    ssh: ClassVar[bool] = False
    """Whether it is spoken to over SSH."""
    cron = "0 3 * * 1-5"
    other_cron = "0 5 * * 1-5"
    timezone: str | None = "Europe/Berlin"
    settings: ClassVar[Mapping[str, Any]] = {}
    """A change of `orchestrator_settings` that is made in place; empty if there is none."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that the engine and what it starts need."""
        return {}

    @property
    def overrides(self) -> Mapping[str, Any]:
        """Pulumi config ``zenml:orchestrators``, by stack."""
        return {}

    @property
    def folders(self) -> list[str]:
        """Folders in which a changed file is a call."""
        return []

    @abstractmethod
    def register(self, client: Any) -> None:
        """Register the stacks."""

    @abstractmethod
    def natives(self) -> list[Native]:
        """Every native schedule of this world."""

    @abstractmethod
    def remains(self) -> set[str]:
        """What else there is: jobs, accounts, bindings, secrets, files."""

    @abstractmethod
    def save(self) -> Any:
        """All there is."""

    @abstractmethod
    def restore(self, saved: Any) -> None:
        """Make it as it was."""

    @abstractmethod
    def spelled(self, cron: str) -> str:
        """A cron of this world's time zone as `Native.when` says it."""

    @abstractmethod
    def learn(self, cron: str) -> None:
        """Take the newest schedule's cadence for what a cron looks like here, if that is asked."""

    @abstractmethod
    def remove(self, id: str) -> None:
        """Delete a native schedule by hand."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""
