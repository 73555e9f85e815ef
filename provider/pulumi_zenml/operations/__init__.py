"""Every schedule on both sides: list, audit, repair.

The ``pulumi-zenml`` command is a thin layer over these functions.
"""

from pulumi_zenml.operations.adopt import (
    Adopted,
    AdoptionPlan,
    Refused,
    plan_adoption,
    write_program,
)
from pulumi_zenml.operations.adopt_preview import AdoptionPreview, preview_adoption
from pulumi_zenml.operations.alerts import Told, alert, open_targets
from pulumi_zenml.operations.audit import judge, run_audit
from pulumi_zenml.operations.audit_state import Memory
from pulumi_zenml.operations.backup import Backup, Item, read_backup
from pulumi_zenml.operations.cleanup import Plan, clean_up, observe, plan_cleanup
from pulumi_zenml.operations.control import find_one, pause, resume, resume_due, trigger
from pulumi_zenml.operations.doctor import Check, diagnose
from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.findings import CODES, AuditResult, Code, Finding, Severity
from pulumi_zenml.operations.history import HistoryRow, take_history
from pulumi_zenml.operations.inventory import Inventory, Say, Scope, Unreachable, take_inventory
from pulumi_zenml.operations.options import Options
from pulumi_zenml.operations.reconcile import DriftedProperty, Reconciled, Repair, reconcile
from pulumi_zenml.operations.report import Report, ReportRow, take_report
from pulumi_zenml.operations.report_page import check_target, render_html, write_html
from pulumi_zenml.operations.restore import Restored, restore
from pulumi_zenml.operations.schedule_list import ScheduleRow, list_schedules
from pulumi_zenml.zenml.connection import Connection

__all__ = [
    "CODES",
    "Adopted",
    "AdoptionPlan",
    "AdoptionPreview",
    "AuditResult",
    "Backup",
    "Check",
    "Code",
    "Connection",
    "DriftedProperty",
    "Entry",
    "Finding",
    "HistoryRow",
    "Inventory",
    "Item",
    "Memory",
    "Options",
    "Plan",
    "Reconciled",
    "Refused",
    "Repair",
    "Report",
    "ReportRow",
    "Restored",
    "Say",
    "ScheduleRow",
    "Scope",
    "Severity",
    "Told",
    "Unreachable",
    "alert",
    "check_target",
    "clean_up",
    "diagnose",
    "find_one",
    "judge",
    "list_schedules",
    "observe",
    "open_targets",
    "pause",
    "plan_adoption",
    "plan_cleanup",
    "preview_adoption",
    "read_backup",
    "reconcile",
    "render_html",
    "restore",
    "resume",
    "resume_due",
    "run_audit",
    "take_history",
    "take_inventory",
    "take_report",
    "trigger",
    "write_html",
    "write_program",
]
