"""Arguments that tests of orchestrators pass on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypedDict

from pulumi_zenml.cadence import Cadence
from pulumi_zenml.json_types import Json


class CadenceArguments(TypedDict, total=False):
    """Of ``make_cadence``."""

    cron: str
    interval: timedelta
    run_once_at: datetime
    timezone: str
    start_time: datetime
    end_time: datetime
    catchup: bool


class WantedArguments(TypedDict, total=False):
    """Of ``Wanted``."""

    name: str
    owner: str
    cadence: Cadence
    paused: bool
    settings: Mapping[str, Json]
    pipeline: str
