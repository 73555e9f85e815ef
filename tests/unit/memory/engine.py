"""What Pulumi's engine does with our providers, in memory: the same calls in the same order.

Each command has a provider process of its own. The state is saved after each call that returned, as
the engine saves it; a call that is killed leaves the state as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi_zenml.errors import InputError, PulumiZenmlError
from pulumi_zenml.lifecycle.fields import OUTPUTS
from pulumi_zenml.schedule.provider import OwnerProvider, ScheduleProvider
from unit.memory.world import Killed, World
from unit.memory.zenml import MemoryHost

Props = dict[str, Any]
Program = Mapping[str, Props]


@dataclass
class Resource:
    """A resource in the state."""

    id: str
    inputs: Props
    outputs: Props


@dataclass
class Stack:
    """One Pulumi stack with its state."""

    world: World
    name: str = "org/shop/dev"
    key: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    replaced: list[Resource] = field(default_factory=list)
    planned: dict[str, str] = field(default_factory=dict)

    def up(self, program: Program, *, preview: bool = False) -> dict[str, str]:
        """Run `pulumi up`, or its preview; what was planned for each resource that changes.

        Raises:
            PulumiZenmlError: a call failed; the rest of the program was not run.
        """
        host = MemoryHost(self.world)
        schedules, owners = ScheduleProvider(), OwnerProvider()
        schedules.host = owners.host = host
        self.planned = {}
        if program and not self.key:
            self.planned["owner"] = "create"
            if not preview:
                self.key = owners.create({}).id
        elif program and owners.diff(self.key, {}, {}).changes:
            self.planned["owner"] = "update"
            if not preview:
                owners.update(self.key, {}, {})
        for name, arguments in program.items():
            self._bring(schedules, name, self._given(name, arguments), preview=preview)
        for name in [it for it in self.resources if it not in program]:
            self.planned[name] = "delete"
            if not preview:
                gone = self.resources[name]
                schedules.delete(gone.id, gone.outputs)
                del self.resources[name]
        while self.replaced and not preview:
            schedules.delete(self.replaced[0].id, self.replaced[0].outputs)
            self.replaced.pop(0)
        if not program and self.key and not preview:
            owners.delete(self.key, {})
            self.key = ""
        return self.planned

    def refresh(self) -> None:
        """Run `pulumi refresh`."""
        schedules = ScheduleProvider()
        schedules.host = MemoryHost(self.world)
        for name, known in list(self.resources.items()):
            found = schedules.read(known.id, known.outputs)
            if not found.id:
                del self.resources[name]
            else:
                assert found.outs is not None and found.inputs is not None
                known.inputs, known.outputs = found.inputs, found.outs

    def destroy(self) -> None:
        """Run `pulumi destroy`, which does not run the program."""
        self.up({})

    def interrupted(self, step: str, program: Program) -> bool:
        """Run a command that may be killed or fail; whether it was."""
        try:
            self.destroy() if step == "destroy" else self.up(program)
        except (Killed, PulumiZenmlError):
            return True
        return False

    def _given(self, name: str, arguments: Props) -> Props:
        label = f"{self.name}/{name}"
        given = {"stack": "one", "snapshot": "training:v1", "owner": label, "owner_key": self.key}
        return {**given, **arguments}

    def _bring(self, provider: ScheduleProvider, name: str, given: Props, *, preview: bool) -> None:
        known = self.resources.get(name)
        if known is None:
            news = self._check(provider, {}, given)
            self.planned[name] = "create"
            if not preview:
                self._create(provider, name, news)
            return
        news = self._check(provider, known.inputs, given)
        found = provider.diff(known.id, known.outputs, news)
        if found.replaces:
            self.planned[name] = "replace"
            if not preview:
                news = self._check(provider, {}, given)
                self._create(provider, name, news)
                if not given.get("retain"):
                    self.replaced.append(known)
        elif found.changes:
            self.planned[name] = "update"
            if not preview:
                outs = provider.update(known.id, known.outputs, news).outs
                assert outs is not None
                self.resources[name] = Resource(known.id, news, outs)

    def _create(self, provider: ScheduleProvider, name: str, news: Props) -> None:
        made = provider.create(news)
        assert made.outs is not None and made.id
        self.resources[name] = Resource(made.id, news, made.outs)

    def _check(self, provider: ScheduleProvider, olds: Props, given: Props) -> Props:
        known = {key: it for key, it in olds.items() if key not in OUTPUTS}
        result = provider.check(known, dict(given))
        if result.failures:
            raise InputError(result.failures[0].property, result.failures[0].reason)
        return result.inputs
