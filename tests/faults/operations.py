"""What is done to a schedule when something goes wrong, and what is done next."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from faults.world import World

PROGRAM = """
import pulumi
import pulumi_zenml as zenml
{body}
"""
MAKER = "maker"
"""The resource of another project whose pair is adopted."""


@dataclass(frozen=True)
class Wanted:
    """The one pair that a program says; compared with what is there.

    Args:
        resource: its name in the program.
        name, stack, snapshot, cron, paused, settings: as the program gives them.
    """

    resource: str = "training"
    name: str = "nightly"
    stack: str = "one"
    snapshot: str = "v1"
    cron: str = ""
    paused: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """A program's text and what it says: one pair, or nothing."""

    text: str
    wanted: Wanted | None


def program(world: World, wanted: Wanted | None, **more: Any) -> Program:
    """A program with one schedule, or none.

    Args:
        world: whose time zone and cron to use.
        wanted: the schedule.
        more: further arguments; ``opts`` is a text.
    """
    if wanted is None:
        return Program(PROGRAM.format(body=""), None)
    opts = more.pop("opts", "")
    arguments = world.arguments(
        stack=wanted.stack,
        snapshot=f"training:{wanted.snapshot}",
        name=wanted.name,
        cron=wanted.cron,
        paused=wanted.paused or None,
        orchestrator_settings=dict(wanted.settings) or None,
        **more,
    )
    body = f"zenml.Schedule({wanted.resource!r}, {arguments}{f', opts={opts}' if opts else ''})"
    return Program(PROGRAM.format(body=body), wanted)


@dataclass(frozen=True)
class Operation:
    """A change of the program.

    Args:
        old: the program before it, which has been run.
        new: the program that is run when something goes wrong.
        adopts: whether the pair of another project is there before, for the new one to adopt.
    """

    old: Program
    new: Program
    adopts: bool = False


def _sound(world: World, **given: Any) -> Wanted:
    return Wanted(**{"cron": world.side.cron, **given})


def _change(**given: Any) -> Callable[[World], Operation]:
    def make(world: World) -> Operation:
        changed = {key: it(world) if callable(it) else it for key, it in given.items()}
        before, after = _sound(world), _sound(world, **changed)
        return Operation(program(world, before), program(world, after))

    return make


def _create(world: World) -> Operation:
    return Operation(program(world, None), program(world, _sound(world)))


def _delete(world: World) -> Operation:
    return Operation(program(world, _sound(world)), program(world, None))


def _resume(world: World) -> Operation:
    before = program(world, _sound(world, paused=True))
    return Operation(before, program(world, _sound(world)))


def _alias(world: World) -> Operation:
    opts = 'pulumi.ResourceOptions(aliases=[pulumi.Alias(name="training")])'
    after = program(world, _sound(world, resource="trained"), opts=opts)
    return Operation(program(world, _sound(world)), after)


def _adopt(changed: bool) -> Callable[[World], Operation]:
    def make(world: World) -> Operation:
        cron = world.side.other_cron if changed else world.side.cron
        after = program(world, _sound(world, cron=cron), adopt=ask_how_to_adopt(world))
        return Operation(program(world, None), after, adopts=True)

    return make


def ask_how_to_adopt(world: World) -> bool | str:
    """What the product tells a user to write."""
    world.project.write(program(world, _sound(world)).text)
    said = world.command(world.project, "preview").output
    answer = re.search(r"adopt=(?:\\?\"([^\"\\]+)|(True))", said)
    if answer is None:
        raise AssertionError(f"nothing says how to adopt:\n{said}")
    return answer[1] or True


OPERATIONS: dict[str, Callable[[World], Operation]] = {
    "create": _create,
    "replace-cron": _change(cron=lambda world: world.side.other_cron),
    "replace-stack": _change(stack="two"),
    "replace-snapshot": _change(snapshot="v2"),
    "replace-name": _change(name="weekly"),
    "pause": _change(paused=True),
    "resume": _resume,
    "settings": _change(settings=lambda world: world.side.settings),
    "delete": _delete,
    "adopt": _adopt(changed=False),
    "adopt-changed": _adopt(changed=True),
    "alias": _alias,
}
EVERYWHERE = ("create", "replace-cron", "delete")
"""The operations that are tried on every orchestrator."""

THENS = ("same", "old", "dropped", "destroy", "refresh")
"""What is run next: the same program, the old one, the one without the resource, `destroy`, or
`refresh` and then the same program."""
