"""`python -m faults`: the matrix as a command."""

from __future__ import annotations

import logging
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import click

from faults import soak as soaking
from faults.benches import FLAVORS, Services
from faults.matrix import ANSWERS, ENGINE, KILLS, Asked, Matrix, Outcome, table
from faults.operations import EVERYWHERE, OPERATIONS, THENS
from faults.scenarios import SCENARIOS
from faults.warm import watched_programs
from faults.world import World, make_world

EVERYTHING = [*OPERATIONS, *SCENARIOS]


@click.command()
@click.option("--flavor", "flavors", multiple=True, type=click.Choice(FLAVORS), help="On which.")
@click.option("--operation", "operations", multiple=True, type=click.Choice(EVERYTHING))
@click.option("--then", "thens", multiple=True, type=click.Choice(THENS), help="What follows.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice([*KILLS, *ENGINE, *ANSWERS]))
@click.option("--point", "points", multiple=True, type=int, help="At which calls.")
@click.option("--every", default=1, show_default=True, help="Only each so-manieth case.")
@click.option("--jobs", default=2, show_default=True, help="How many worlds at a time.")
@click.option("--soak", default=0, help="Walk at random for so many rounds instead.")
@click.option("--seed", default=None, type=int, help="Of the walk; printed.")
@click.option("--verbose", is_flag=True, help="Show what the engine said where it is not whole.")
def main(
    flavors: tuple[str, ...],
    operations: tuple[str, ...],
    thens: tuple[str, ...],
    kinds: tuple[str, ...],
    points: tuple[int, ...],
    every: int,
    jobs: int,
    soak: int,
    seed: int | None,
    verbose: bool,
) -> None:
    """Break every operation at every call, and look at what the next run makes of it."""
    began = time.monotonic()
    if soak:
        sys.exit(walk(soak, seed if seed is not None else secrets.randbelow(10**6)))
    outcomes: list[Outcome] = []

    def say(outcome: Outcome) -> None:
        case = outcome.case
        mark = "whole" if not outcome.wrong else "NOT WHOLE"
        at = f"{case.kind}@{case.point}" if case.kind else case.call or "no fault"
        click.echo(f"{case.flavor} {case.operation} {at} {outcome.then}: {mark}")
        for wrong in outcome.wrong:
            click.echo(f"    {wrong}")
        if outcome.wrong and verbose:
            click.echo(outcome.output)

    for flavor in flavors or FLAVORS:
        everything = EVERYTHING if flavor == "kubernetes" else list(EVERYWHERE)
        asked = Asked(
            operations=operations or everything,
            thens=thens or THENS,
            kinds=kinds or [*KILLS, *ENGINE, *ANSWERS],
            points=points or None,
            every=every,
        )
        with worlds(flavor, jobs) as made:
            outcomes += Matrix(made, asked, say).run()
    wrong = [it for it in outcomes if it.wrong]
    click.echo("\n".join(["", *table(outcomes, thens or THENS), ""]))
    for outcome in wrong:
        click.echo(f"{outcome.command}  # {outcome.case.call}")
        for text in outcome.wrong:
            click.echo(f"    {text}")
    minutes = (time.monotonic() - began) / 60
    click.echo(f"{len(outcomes)} tried, {len(wrong)} not whole, {minutes:.1f} min")
    sys.exit(1 if wrong else 0)


def walk(rounds: int, seed: int) -> int:
    """Walk, and print what was wrong; returns the exit code."""
    with worlds("kubernetes", 1) as (make,), make() as world:
        click.echo(f"seed {seed}")
        walked = soaking.soak(world, rounds, seed, click.echo)
    grown = soaking.growth(walked)
    click.echo(f"seed {seed}: {rounds} rounds, {len(walked.wrong)} wrong")
    for number in walked.wrong:
        click.echo(f"{walked.rounds[number]}\n    " + "\n    ".join(walked.wrong[number]))
    for text in grown:
        click.echo(text)
    return 1 if walked.wrong or grown else 0


@contextmanager
def worlds(flavor: str, jobs: int) -> Iterator[list[Callable[[], AbstractContextManager[World]]]]:
    """Ways to make as many worlds of a flavor, with the services that they share running."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        services = stack.enter_context(Services(flavor, folder))
        programs = stack.enter_context(watched_programs(folder / "warm"))

        def make(number: int) -> AbstractContextManager[World]:
            name = f"w{number}-{secrets.token_hex(2)}"
            return make_world(services.side(name), programs, folder / name)

        yield [partial(make, number) for number in range(jobs)]


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    # The vendors' stand-ins log each request.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    main()
