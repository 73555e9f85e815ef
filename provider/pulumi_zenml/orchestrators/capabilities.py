"""What a flavor can do with a schedule, and the reason where it cannot."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True)
class Yes:
    """The flavor honours it; ``note`` says how if that is not obvious."""

    note: str = ""


@dataclass(frozen=True)
class Gap:
    """The flavor does not honour it.

    Args:
        word: ``not-yet`` (this package could), ``upstream`` (ZenML or the vendor must), ``never``.
        reason: why, for the refusal and the table.
        instead: what to write instead; may be empty.
    """

    word: Literal["not-yet", "upstream", "never"]
    reason: str
    instead: str = ""


Ability = Yes | Gap
"""Whether a flavor honours one thing."""


@dataclass(frozen=True)
class Capabilities:
    """What one flavor can do. Refusals, diff, tests and the docs table all read this.

    Args:
        counterpart: the native object's name, for example ``CronJob``.
        dialect: the name of its cadence dialect.
        smallest_interval: the shortest time between two fires that it honours.
        name_limit: longest schedule name it takes, in characters; ``None`` for ZenML's 255.
        cron, interval, run_once: the kinds of cadence.
        start_time, end_time, catchup, timezone: the window, missed fires, the zone.
        pause: pause and resume in place.
        change_in_place: orchestrator settings change without a replace.
        run_history: it can list the runs of a schedule.
        trigger: it can start a run now.
        keeps_runs: a run in progress continues when the counterpart is deleted.
        fires_on_create: it runs once when it is created; the note says how that is prevented.
        found_by: how the counterpart of a record is found for certain.
        left_behind: what deleting the counterpart leaves in the orchestrator.
        runs_image: its runs need the image of the snapshot's build.
    """

    counterpart: str
    dialect: str
    smallest_interval: timedelta
    cron: Ability
    interval: Ability
    run_once: Ability
    start_time: Ability
    end_time: Ability
    catchup: Ability
    timezone: Ability
    pause: Ability
    change_in_place: Ability
    run_history: Ability
    trigger: Ability
    keeps_runs: Ability
    fires_on_create: Ability
    found_by: str
    left_behind: str
    runs_image: bool
    name_limit: int | None = None

    def abilities(self) -> dict[str, Ability]:
        """The yes-or-reason columns, in the order of the table."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Yes | Gap)}


@dataclass(frozen=True)
class Setting:
    """One key of a flavor's ``orchestrator_settings``.

    Args:
        type: ``str``, ``int``, ``bool`` or ``dict``.
        doc: one line for the docs and for errors.
        choices: the only values taken; empty for any.
    """

    type: type
    doc: str
    choices: tuple[str, ...] = ()
