"""The matrix: every operation, every point at which it can fail, everything that can follow."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TypeVar

from faults import verdict
from faults.calls import STATUSES
from faults.operations import MAKER, OPERATIONS, Operation, Program, Wanted, program
from faults.scenarios import SCENARIOS
from faults.world import Saved, World

T = TypeVar("T")

KILLS = ("kill", "kill-after")
ENGINE = ("engine-killed", "interrupted-twice")
ANSWERS = ("lost", *STATUSES, "acted-500", "garbage", "slow")
MEANWHILE = "meanwhile"
"""The column for what is there before anything else is run."""


@dataclass(frozen=True)
class Case:
    """One operation that fails once.

    Args:
        flavor: the orchestrator.
        operation: what is done.
        kind: what happens to it; empty for nothing.
        point: at which call.
        call: that call, for people.
    """

    flavor: str
    operation: str
    kind: str = ""
    point: int = -1
    call: str = ""


@dataclass(frozen=True)
class Outcome:
    """What was found after one case and one of the things that can follow.

    Args:
        case: the case.
        then: what followed.
        wrong: what is not as it should be; empty where it is whole.
        output: the end of what the engine said.
    """

    case: Case
    then: str
    wrong: tuple[str, ...]
    output: str = field(default="", repr=False)

    @property
    def command(self) -> str:
        """How to see it again."""
        case = self.case
        words = [f"--flavor {case.flavor}", f"--operation {case.operation}"]
        if case.kind:
            words += [f"--kind {case.kind}", f"--point {case.point}"]
        if self.then != MEANWHILE:
            words.append(f"--then {self.then}")
        return f"make faults FAULTS_ARGS='{' '.join(words)}'"


@dataclass(frozen=True)
class Asked:
    """What is to be tried.

    Args:
        operations, thens, kinds: by name.
        points: the numbers of calls; ``None`` for all.
        every: only each so-manieth case, for a part that takes a minute.
    """

    operations: Sequence[str]
    thens: Sequence[str]
    kinds: Sequence[str]
    points: Sequence[int] | None = None
    every: int = 1


class Matrix:
    """Runs cases in worlds.

    Args:
        worlds: make the worlds, one for each job.
        asked: what is to be tried.
        say: told each outcome.
    """

    def __init__(
        self,
        worlds: Sequence[Callable[[], AbstractContextManager[World]]],
        asked: Asked,
        say: Callable[[Outcome], None],
    ) -> None:
        self._worlds = worlds
        self._asked = asked
        self._say = say
        self._saying = threading.Lock()
        self.outcomes: list[Outcome] = []

    def run(self) -> list[Outcome]:
        """Try all of it."""
        operations: SimpleQueue[str] = SimpleQueue()
        for name in self._asked.operations:
            operations.put(name)
        cases: SimpleQueue[Case] = SimpleQueue()
        listed = threading.Barrier(len(self._worlds))

        def work(make: Callable[[], AbstractContextManager[World]]) -> None:
            try:
                with make() as world:
                    for name in _taken(operations):
                        if name in SCENARIOS:
                            self._play(world, name)
                            continue
                        found = self._record(world, name)
                        for case in found:
                            cases.put(case)
                    listed.wait()
                    for case in _taken(cases):
                        self._try(world, case)
            except BaseException:
                listed.abort()
                raise

        with ThreadPoolExecutor(len(self._worlds)) as pool:
            try:
                for done in [pool.submit(work, make) for make in self._worlds]:
                    done.result()
            finally:
                # Nothing is left unless somebody interrupts, or a world is broken.
                list(_taken(operations))
                list(_taken(cases))
        return self.outcomes

    def _play(self, world: World, name: str) -> None:
        world.empty()
        for what, wrong, output in SCENARIOS[name](world):
            case = Case(world.side.flavor, name, call=what)
            self._add(Outcome(case, MEANWHILE, tuple(wrong), output[-3000:]))

    def _record(self, world: World, name: str) -> list[Case]:
        """Do an operation without a fault; the cases are where its calls could have failed."""
        flavor = world.side.flavor
        operation, _ = prepare(world, name)
        ran = world.command(world.project, "up", plan={})
        if operation.new.wanted:
            world.side.learn(operation.new.wanted.cron)
        wrong = [] if ran.code == 0 else ["it failed"]
        wrong += self._whole(world, operation.new)
        self._add(Outcome(Case(flavor, name), "same", tuple(wrong), ran.output[-3000:]))
        changing = [it["number"] for it in ran.calls if it["changes"]]
        points = {
            **dict.fromkeys(ENGINE, changing),
            "kill": changing,
            # Between one change and the next it is all the same to both sides.
            "kill-after": changing[-1:],
            **dict.fromkeys(ANSWERS, range(len(ran.calls))),
        }
        found = [
            Case(flavor, name, kind, point, ran.calls[point]["what"])
            for kind in self._asked.kinds
            for point in points[kind]
            if self._asked.points is None or point in self._asked.points
        ]
        return found[:: self._asked.every]

    def _try(self, world: World, case: Case) -> None:
        operation, _ = prepare(world, case.operation)
        ran = world.command(world.project, "up", plan={"point": case.point, "kind": case.kind})
        if not ran.reached:
            self._add(Outcome(case, MEANWHILE, ("the call was not reached",), ran.output[-3000:]))
            return
        if case.kind in ENGINE:
            world.wait_for_quiet()
            world.unlock()
        self._add(Outcome(case, MEANWHILE, tuple(self._meanwhile(world, operation, ran.code)),
                          ran.output[-3000:]))  # fmt: skip
        thens = self._asked.thens if case.kind in KILLS else self._asked.thens[:1]
        if ran.code == 0 and case.kind not in ENGINE:
            return
        failed = world.save("failed")
        for number, then in enumerate(thens):
            if number:
                world.restore(failed)
            self._add(self._follow(world, case, operation, then))

    def _meanwhile(self, world: World, operation: Operation, code: int) -> list[str]:
        """What must hold before anything else is run."""
        if code == 0:
            return [f"it succeeded, but {it}" for it in self._whole(world, operation.new)]
        look = world.look()
        had, to_have = operation.old.wanted, operation.new.wanted
        must_work = had and to_have and not had.paused and not to_have.paused
        if must_work and not verdict.works(world, look, had, to_have):
            return ["neither the old pair works nor the new one"]
        return []

    def _follow(self, world: World, case: Case, operation: Operation, then: str) -> Outcome:
        """Run what follows, and look."""
        text = {"old": operation.old, "dropped": program(world, None)}.get(then, operation.new)
        world.project.write(text.text)
        said = ""
        wrong: list[str] = []
        verbs = {"destroy": ["destroy"], "refresh": ["refresh", "up"]}.get(then, ["up"])
        for verb in verbs:
            ran = world.command(world.project, verb)
            said += ran.output
            if ran.code:
                wrong.append(f"{verb} failed: {_error(ran.output)}")
        if then == "destroy":
            text = Program(text.text, None)
        spared = operation.adopts and text.wanted is None and self._is_untouched(world)
        if not spared:
            wrong += self._whole(world, text, preview=text.wanted is not None)
        return Outcome(case, then, tuple(wrong), said[-4000:])

    def _is_untouched(self, world: World) -> bool:
        """Whether the pair that was to be adopted is still as its maker left it."""
        return not verdict.problems(world, world.look(), Wanted(cron=world.side.cron))

    def _whole(self, world: World, text: Program, *, preview: bool = True) -> list[str]:
        wrong = verdict.problems(world, world.look(), text.wanted)
        if preview:
            ran = world.command(world.project, "preview")
            if ran.code or ran.changes:
                wrong.append(f"the next preview says {ran.changes or _error(ran.output)}")
        return wrong

    def _add(self, outcome: Outcome) -> None:
        with self._saying:
            self.outcomes.append(outcome)
            self._say(outcome)


def _taken(queue: SimpleQueue[T]) -> Iterator[T]:
    """What is in a queue that others take from as well."""
    while True:
        try:
            yield queue.get_nowait()
        except Empty:
            return


def prepare(world: World, name: str) -> tuple[Operation, Saved]:
    """Put the world to where an operation begins, with the new program in place."""
    kept = world.kept.get(name)
    if kept is None:
        world.empty()
        if name.startswith("adopt"):
            _let_another_project_make_it(world)
        operation = OPERATIONS[name](world)
        world.operations[name] = operation
        world.project.write(operation.old.text)
        world.command(world.project, "up", ok=True)
        if operation.old.wanted:
            world.side.learn(operation.old.wanted.cron)
        world.project.write(operation.new.text)
        kept = world.kept[name] = world.save(name)
    else:
        world.restore(kept)
    return world.operations[name], kept


def _let_another_project_make_it(world: World) -> None:
    maker = world.kept.get("maker")
    if maker is None:
        project = world.make_project("maker", "makers")
        wanted = Wanted(resource=MAKER, cron=world.side.cron)
        project.write(program(world, wanted).text)
        world.command(project, "up", ok=True)
        world.kept["maker"] = world.save("maker")
    else:
        world.restore(maker)


def _error(output: str) -> str:
    lines = [it.strip() for it in output.splitlines() if "error:" in it]
    return lines[0].partition("error:")[2].strip()[:300] if lines else output[-200:]


def cells(outcomes: Iterable[Outcome]) -> dict[tuple[str, str, str, str], tuple[int, int]]:
    """How many points were tried and how many were whole: by flavor, operation, fault and then."""
    tried: Counter[tuple[str, str, str, str]] = Counter()
    whole: Counter[tuple[str, str, str, str]] = Counter()
    for outcome in outcomes:
        case = outcome.case
        fault = "kill" if case.kind in KILLS else case.kind or "none"
        key = (case.flavor, case.operation, fault, outcome.then)
        tried[key] += 1
        whole[key] += not outcome.wrong
    return {key: (count, whole[key]) for key, count in tried.items()}


def table(outcomes: Sequence[Outcome], thens: Sequence[str]) -> Iterator[str]:
    """The matrix as lines of Markdown: whole / tried."""
    found = cells(outcomes)
    columns = [MEANWHILE, *thens]
    yield "| flavor | operation | fault | " + " | ".join(columns) + " |"
    yield "|---" * (3 + len(columns)) + "|"
    for row in dict.fromkeys(key[:3] for key in found):
        numbers = [found.get((*row, column)) for column in columns]
        shown = [f"{it[1]}/{it[0]}" if it else "" for it in numbers]
        yield f"| {' | '.join([*row, *shown])} |"
