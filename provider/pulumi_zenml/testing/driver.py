"""The engine's calls to the provider, in this process: the same calls in the same order.

A dynamic provider is called by the Pulumi engine over gRPC from a process of its own. Tests of
an orchestrator need those calls hundreds of times, so this makes them directly. What it leaves
out is the engine itself; examples and lifecycle tests run on the real one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pulumi_zenml.errors import InputError
from pulumi_zenml.identity import new_key
from pulumi_zenml.lifecycle.fields import OUTPUTS
from pulumi_zenml.schedule.host import Host
from pulumi_zenml.schedule.provider import ScheduleProvider
from pulumi_zenml.zenml.connection import Connection

Op = Literal["create", "same", "update", "replace"]
"""What ``pulumi up`` did."""


class Driver:
    """One resource of one Pulumi stack.

    Args:
        connection: where ZenML is, and the orchestrators' overrides.
        owner: ``<organization>/<project>/<stack>/<resource name>``.
        key: the ownership key of the stack; a new one by default.
        host: makes what a provider process shares; another than the default brings a ZenML of its
            own.
    """

    def __init__(
        self,
        connection: Connection,
        owner: str,
        key: str = "",
        *,
        host: Callable[[Connection], Host] = Host,
    ) -> None:
        self._connection = connection
        self._host = host
        self._owner = owner
        self.key = key or new_key()
        self.id: str | None = None
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

    def up(self, **arguments: Any) -> Op:
        """Bring the resource to ``arguments``, as ``pulumi up`` does.

        Raises:
            InputError: ``check`` refused it; nothing was touched.
        """
        provider = self._provider()
        given = {**arguments, "owner": self._owner, "owner_key": self.key}
        news = self._check(provider, self.inputs, given)
        if self.id is None:
            self._create(provider, news)
            return "create"
        found = provider.diff(self.id, self.outputs, news)
        if found.replaces:
            old_id, old_outputs = self.id, self.outputs
            self._create(provider, self._check(provider, {}, given))
            provider.delete(old_id, old_outputs)
            return "replace"
        if found.changes:
            outputs = provider.update(self.id, self.outputs, news).outs
            assert outputs is not None
            self.inputs, self.outputs = news, outputs
            return "update"
        return "same"

    def refresh(self) -> set[str]:
        """Read the resource, as ``pulumi refresh`` does; returns the properties that differ."""
        assert self.id is not None
        before = self.outputs
        result = self._provider().read(self.id, before)
        if not result.id:
            self.id, self.inputs, self.outputs = None, {}, {}
            return {"id"}
        assert result.outs is not None
        assert result.inputs is not None
        self.inputs, self.outputs = result.inputs, result.outs
        keys = before.keys() | self.outputs.keys()
        return {key for key in keys if before.get(key) != self.outputs.get(key)}

    def destroy(self) -> None:
        """Delete the resource, as ``pulumi destroy`` does."""
        if self.id is not None:
            self._provider().delete(self.id, self.outputs)
            self.id, self.inputs, self.outputs = None, {}, {}

    def _provider(self) -> ScheduleProvider:
        # Each command of the engine has a provider process of its own, which starts empty.
        provider = ScheduleProvider()
        provider.host = self._host(self._connection)
        return provider

    def _check(
        self, provider: ScheduleProvider, olds: Mapping[str, Any], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        known = {key: value for key, value in olds.items() if key not in OUTPUTS}
        result = provider.check(known, dict(given))
        if result.failures:
            failure = result.failures[0]
            raise InputError(failure.property, failure.reason)
        return result.inputs

    def _create(self, provider: ScheduleProvider, news: dict[str, Any]) -> None:
        result = provider.create(news)
        assert result.outs is not None
        self.id, self.inputs, self.outputs = result.id, news, result.outs
