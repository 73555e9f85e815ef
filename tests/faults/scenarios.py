"""Mistakes that are not a crash: equal names, races, hands and copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx

from faults import verdict
from faults.kubernetes_side import KubernetesSide
from faults.operations import Wanted, program
from faults.sides import Native
from faults.world import Ran, World
from testbed.engine import Project

Found = Iterator[tuple[str, list[str], str]]
"""What was looked at, what is wrong with it, and what the engine said."""

_NAMES = ("nightly", "weekly")
_THENS = ("up --refresh", "destroy", "dropped")


def two_backends(world: World) -> Found:
    """Two teams with the same project, stack and resource names, each with a backend."""
    wanted = _up(world)
    before = world.look()
    other = _other(world, "testbed")
    other.write(program(world, wanted).text)
    ran = world.command(other, "up")
    wrong = [] if ran.code else ["the second backend took the pair over without a word"]
    yield "same name", wrong + _unchanged(world, wanted), ran.output
    other.write(program(world, Wanted(name="weekly", cron=world.side.cron)).text)
    ran = world.command(other, "up")
    wrong = ["the second backend could not make a pair of its own"] if ran.code else []
    records = sorted(str(it["name"]) for it in world.look().records.values())
    if records != ["bystander", *_NAMES]:
        wrong.append(f"the records are {records}")
    yield "other name", wrong, ran.output
    ran = world.command(other, "destroy")
    wrong = [] if ran.code == 0 else ["destroy failed"]
    yield "destroy", wrong + _unchanged(world, wanted), ran.output
    # The pair is the very one that was there before.
    same = set(world.look().records) == set(before.records)
    yield "same pair", [] if same else ["it was made anew"], ""


def race(world: World) -> Found:
    """Two stacks that want one name at the same moment."""
    wanted = Wanted(cron=world.side.cron)
    text = program(world, wanted).text
    other = _other(world, "rivals")
    projects = [world.project, other]
    for project in projects:
        project.write(text)
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda it: world.command(it, "up"), projects))
    said = "\n".join(it.output for it in runs)
    wrong = [] if sorted(bool(it.code) for it in runs) == [False, True] else ["not one winner"]
    yield "race", wrong + verdict.problems(world, world.look(), wanted), said
    loser = projects[0 if runs[0].code else 1]
    ran = world.command(loser, "destroy")
    yield "loser's destroy", verdict.problems(world, world.look(), wanted), ran.output
    winner = projects[1 if runs[0].code else 0]
    ran = world.command(winner, "destroy")
    yield "winner's destroy", verdict.problems(world, world.look(), None), ran.output


def by_hand(world: World) -> Found:
    """An operator deletes one side, or both, or archives the record."""
    for what in ("counterpart", "record", "archived", "both"):
        for then in _THENS:
            world.empty()
            wanted = _up(world)
            if what in ("counterpart", "both"):
                delete_native(world)
            if what != "counterpart":
                delete_record(world, soft=what == "archived")
            yield from _then(world, f"{what} gone", then, wanted)


def copied(world: World) -> Found:
    """A backup was restored, or a manifest applied twice: a second counterpart fires."""
    assert isinstance(world.side, KubernetesSide)
    for then in _THENS:
        world.empty()
        wanted = _up(world)
        (native,) = natives(world)
        world.side.copy(native.id)
        yield from _then(world, "copied", then, wanted)


def retained(world: World) -> Found:
    """`retain_on_delete` keeps what a replace would delete."""
    _up(world)
    before = {it.id for it in world.look().natives}
    wanted = Wanted(cron=world.side.other_cron, name="weekly")
    opts = "pulumi.ResourceOptions(retain_on_delete=True)"
    world.project.write(program(world, Wanted(cron=world.side.cron), opts=opts).text)
    world.command(world.project, "up", ok=True)
    world.project.write(program(world, wanted, opts=opts).text)
    ran = world.command(world.project, "up")
    kept = before <= {it.id for it in world.look().natives}
    yield "replace", [] if kept else ["what was to be retained is gone"], ran.output


SCENARIOS: dict[str, Callable[[World], Found]] = {
    "two-backends": two_backends,
    "race": race,
    "by-hand": by_hand,
    "copied": copied,
    "retained": retained,
}


def _up(world: World) -> Wanted:
    wanted = Wanted(cron=world.side.cron)
    world.project.write(program(world, wanted).text)
    world.command(world.project, "up", ok=True)
    return wanted


def _then(world: World, what: str, then: str, wanted: Wanted) -> Found:
    if then == "dropped":
        world.project.write(program(world, None).text)
    verb, *options = ("up" if then == "dropped" else then).split()
    ran = world.command(world.project, verb, *options)
    if then == "up --refresh":
        wrong = _unchanged(world, wanted)
    else:
        wrong = verdict.problems(world, world.look(), None)
    yield f"{what}, {then}", [*wrong, *([f"{then} failed"] if ran.code else [])], ran.output


def _unchanged(world: World, wanted: Wanted) -> list[str]:
    """What is wrong with the one pair, and with what the next preview says of it."""
    ran: Ran = world.command(world.project, "preview")
    says = [f"the next preview says {ran.changes}"] if ran.changes or ran.code else []
    return verdict.problems(world, world.look(), wanted) + says


def _other(world: World, name: str) -> Project:
    """Another project, with a backend of its own."""
    world.others += 1
    return world.make_project(f"other-{world.others}", name)


def natives(world: World) -> list[Native]:
    """The native schedules that are not the colleague's."""
    known = {it.id for it in world.bystander.natives}
    return [it for it in world.look().natives if it.id not in known]


def delete_native(world: World) -> None:
    """Delete the counterpart by hand."""
    for native in natives(world):
        world.side.remove(native.id)


def delete_record(world: World, *, soft: bool) -> None:
    """Delete the record by hand, or archive it."""
    with httpx.Client(base_url=f"{world.server.url}/api/v1", timeout=60) as http:
        login = http.post("/login", data={"username": "default", "password": ""})
        http.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        for id in world.look().records.keys() - world.bystander.records.keys():
            http.delete(f"/schedules/{id}", params={"soft": soft}).raise_for_status()
