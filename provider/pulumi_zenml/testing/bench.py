"""What the conformance suite needs for one orchestrator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, Literal, get_args

from pulumi_zenml.cadence import Cadence
from pulumi_zenml.json_types import Json

Fault = Literal[
    "unauthenticated", "denied", "not-found", "throttled", "server-error", "timeout", "refused"
]
"""A way in which a call to a service fails."""
EVERY_FAULT: tuple[Fault, ...] = get_args(Fault)
"""The :attr:`Bench.faults` of a stand-in, which can make all of them."""


class Bench(ABC):
    """One orchestrator, ready to be tested, with access to its native side.

    The suite calls the product; a bench only prepares the environment and changes it *by hand*, as
    with the vendor's console, through the vendor's own client.
    """

    flavor: ClassVar[str]

    needs_server: ClassVar[bool] = True
    """Whether the stack needs a remote ZenML server (else the local store is used)."""

    faults: ClassVar[tuple[Fault, ...]]
    """The faults that :meth:`fault` can make on this orchestrator."""

    offline: ClassVar[frozenset[str]] = frozenset()
    """The orchestrator's methods that call no service, so that faults do not affect them."""

    settings: ClassVar[Mapping[str, Json]] = {}
    """``orchestrator_settings`` to use throughout; empty for the defaults."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables that a process needs to reach it, if any."""
        return {}

    @property
    def credentials(self) -> Sequence[str]:
        """The credentials of the service, which must never be shown."""
        return ()

    @abstractmethod
    def overrides(self) -> Mapping[str, Json]:
        """The component's value in Pulumi config ``zenml:orchestrators``."""

    @abstractmethod
    def register(self, name: str) -> None:
        """Register a ZenML stack called ``name`` with this orchestrator, through ZenML's client."""

    @abstractmethod
    def cadences(self) -> Sequence[Cadence]:
        """Cadences to try, at least one for each kind that the flavor can express."""

    @abstractmethod
    def native_ids(self) -> set[str]:
        """The ids of all native schedules, from the vendor's own client."""

    @abstractmethod
    def edit_cadence(self, native_id: str) -> None:
        """Change when it fires, by hand. The kind of the cadence may stay the same."""

    @abstractmethod
    def edit_paused(self, native_id: str, paused: bool) -> None:
        """Pause or resume it, by hand."""

    @abstractmethod
    def remove(self, native_id: str) -> None:
        """Delete only it, by hand."""

    @abstractmethod
    def add_run(self, native_id: str) -> str:
        """Run it once, as its schedule would; returns the native run id."""

    @abstractmethod
    def fault(self, kind: Fault) -> AbstractContextManager[None]:
        """Make every call to the orchestrator fail in this way within a block."""
