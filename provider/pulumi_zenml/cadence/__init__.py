"""When a schedule fires: one neutral cadence, and a dialect for each system."""

from pulumi_zenml.cadence.check import check_cadence, equivalent, make_cadence
from pulumi_zenml.cadence.dialects import DIALECTS, Dialect, get_dialect
from pulumi_zenml.cadence.fires import NEUTRAL_DST, DstRule, Fire, fires_between, next_fires
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.cadence.naming import schedule_name
from pulumi_zenml.cadence.stagger import spread, spread_cron
from pulumi_zenml.cadence.words import explain

__all__ = [
    "DIALECTS",
    "NEUTRAL_DST",
    "Cadence",
    "Dialect",
    "DstRule",
    "Fire",
    "Native",
    "check_cadence",
    "equivalent",
    "explain",
    "fires_between",
    "get_dialect",
    "make_cadence",
    "next_fires",
    "schedule_name",
    "spread",
    "spread_cron",
]
