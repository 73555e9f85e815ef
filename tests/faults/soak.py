"""A long walk of edits, hands, kills and faults, in one world that is never put back."""

from __future__ import annotations

import os
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from faults import verdict
from faults.calls import STATUSES
from faults.kubernetes_side import KubernetesSide
from faults.matrix import ENGINE
from faults.operations import Wanted, program
from faults.scenarios import delete_native, delete_record, natives
from faults.world import World

_FAULTS = ("kill", "kill", "kill-after", *ENGINE, "lost", *STATUSES, "acted-500", "garbage")
_LAST_CALL = 45
_GROWTH = 1.2
_WARM_UP = 10


@dataclass
class Walk:
    """What happened.

    Args:
        rounds: what each one did.
        wrong: what was wrong, by round.
        memory: of the ZenML server after each round, in bytes.
        files: how many it had open, connections among them.
    """

    rounds: list[str] = field(default_factory=list)
    wrong: dict[int, list[str]] = field(default_factory=dict)
    memory: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)


def soak(world: World, rounds: int, seed: int, say: Callable[[str], None]) -> Walk:
    """Walk, and look after each round.

    Args:
        world: on Kubernetes.
        rounds: how many.
        seed: with which every round is the same again.
        say: told each round.
    """
    assert isinstance(world.side, KubernetesSide)
    dice, walk = random.Random(seed), Walk()
    old = new = None
    for number in range(rounds):
        if new is None or dice.random() < 0.7:
            old, new = new, _edit(world, dice)
            what = _change(world, dice, old, new)
        else:
            old = new
            what = _drift(world, dice)
        then, new = _recover(world, dice, what, old, new)
        wrong = verdict.problems(world, world.look(), new)
        text = f"{number}: {what}; {then}"
        walk.rounds.append(text)
        if wrong:
            walk.wrong[number] = wrong
            # One wrong round must not make all that follow wrong as well.
            world.empty()
            new = None
        say("\n    ".join([text, *wrong]))
        memory, files = _used(world)
        walk.memory.append(memory)
        walk.files.append(files)
    return walk


def growth(walk: Walk) -> list[str]:
    """Whether the server holds more and more."""
    wrong = []
    for what, used in (("memory", walk.memory), ("open files", walk.files)):
        steady = used[_WARM_UP:]
        quarter = len(steady) // 4
        if quarter < 5:
            continue
        first = statistics.median(steady[:quarter])
        last = statistics.median(steady[-quarter:])
        if last > first * _GROWTH:
            wrong.append(f"{what} of the ZenML server grew from {first:.0f} to {last:.0f}")
    return wrong


def _edit(world: World, dice: random.Random) -> Wanted | None:
    if dice.random() < 0.15:
        return None
    return Wanted(
        name=dice.choice(("nightly", "weekly")),
        stack=dice.choice(("one", "two")),
        snapshot=dice.choice(("v1", "v2")),
        cron=dice.choice((world.side.cron, world.side.other_cron)),
        paused=dice.random() < 0.3,
        settings=dice.choice(({}, dict(world.side.settings))),
    )


def _change(world: World, dice: random.Random, old: Wanted | None, new: Wanted | None) -> str:
    """Run the new program, mostly with a fault on the way."""
    world.project.write(program(world, new).text)
    if dice.random() < 0.3:
        ran = world.command(world.project, "up")
        return f"{_short(old)} -> {_short(new)}: exit {ran.code}"
    kind, point = dice.choice(_FAULTS), dice.randrange(_LAST_CALL)
    ran = world.command(world.project, "up", plan={"kind": kind, "point": point})
    if kind in ENGINE and ran.reached:
        world.wait_for_quiet()
        world.unlock()
    missed = "" if ran.reached else " (not reached)"
    return f"{_short(old)} -> {_short(new)}, {kind}@{point}{missed}: exit {ran.code}"


def _drift(world: World, dice: random.Random) -> str:
    """Change something by hand."""
    side = world.side
    assert isinstance(side, KubernetesSide)
    what = dice.choice(("cron", "paused", "counterpart", "record", "archived", "both", "copy"))
    for native in natives(world):
        if what == "cron":
            side.edit(native.id, {"schedule": "17 5 * * 2"})
        elif what == "paused":
            side.edit(native.id, {"suspend": not native.paused})
        elif what == "copy":
            side.copy(native.id)
    if what in ("counterpart", "both"):
        delete_native(world)
    if what in ("record", "archived", "both"):
        delete_record(world, soft=what == "archived")
    return f"hand: {what}"


def _recover(
    world: World, dice: random.Random, what: str, old: Wanted | None, new: Wanted | None
) -> tuple[str, Wanted | None]:
    """Run what a user runs next; returns it and what is to be there then."""
    if dice.random() < 0.15:
        ran = world.command(world.project, "destroy")
        return f"destroy: exit {ran.code}", None
    back = not what.startswith("hand") and dice.random() < 0.3
    wanted = old if back else new
    world.project.write(program(world, wanted).text)
    # What a hand did is only seen by those who look.
    options = ["--refresh"] if what.startswith("hand") or dice.random() < 0.2 else []
    ran = world.command(world.project, "up", *options)
    words = ["up", *options, *(["of the old program"] if back else [])]
    return f"{' '.join(words)}: exit {ran.code}", wanted


def _short(wanted: Wanted | None) -> str:
    if wanted is None:
        return "nothing"
    plain = replace(wanted, settings={})
    more = [it for it in (plain.paused and "paused", wanted.settings and "settings") if it]
    words = [plain.name, plain.stack, plain.snapshot, f"'{plain.cron}'", *map(str, more)]
    return " ".join(words)


def _used(world: World) -> tuple[int, int]:
    """Memory and open files of the ZenML server."""
    port = world.server.url.rpartition(":")[2]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"uvicorn" in words and port.encode() in words:
                pages = int((process / "statm").read_text().split()[1])
                return pages * os.sysconf("SC_PAGE_SIZE"), len(list((process / "fd").iterdir()))
        except OSError:
            continue
    return 0, 0
