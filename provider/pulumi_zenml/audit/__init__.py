"""Every schedule on both sides: what there is, what is wrong, and putting it right.

The ``pulumi-zenml`` command is a thin layer over these functions.
"""

from pulumi_zenml.audit.backup import Backup, Item, read_backup
from pulumi_zenml.audit.cleanup import Plan, clean_up, observe, plan_cleanup
from pulumi_zenml.audit.findings import CODES, AuditResult, Finding
from pulumi_zenml.audit.hand import find_one, pause, resume, resume_due, trigger
from pulumi_zenml.audit.history import HistoryRow, take_history
from pulumi_zenml.audit.inventory import Entry, Inventory, Scope, take_inventory
from pulumi_zenml.audit.options import Options
from pulumi_zenml.audit.registry import Row, list_schedules
from pulumi_zenml.audit.restore import Restored, restore
from pulumi_zenml.audit.run import judge, run_audit

__all__ = [
    "CODES",
    "AuditResult",
    "Backup",
    "Entry",
    "Finding",
    "HistoryRow",
    "Inventory",
    "Item",
    "Options",
    "Plan",
    "Restored",
    "Row",
    "Scope",
    "clean_up",
    "find_one",
    "judge",
    "list_schedules",
    "observe",
    "pause",
    "plan_cleanup",
    "read_backup",
    "restore",
    "resume",
    "resume_due",
    "run_audit",
    "take_history",
    "take_inventory",
    "trigger",
]
