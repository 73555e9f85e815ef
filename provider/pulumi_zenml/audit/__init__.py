"""Every schedule on both sides: what there is, what is wrong, and putting it right.

The ``pulumi-zenml`` command is a thin layer over these functions.
"""

from pulumi_zenml.audit.adopt import Adopted, AdoptionPlan, Refused, plan_adoption, write_program
from pulumi_zenml.audit.adopt_preview import AdoptionPreview, preview_adoption
from pulumi_zenml.audit.alerts import Told, alert, open_targets
from pulumi_zenml.audit.backup import Backup, Item, read_backup
from pulumi_zenml.audit.cleanup import Plan, clean_up, observe, plan_cleanup
from pulumi_zenml.audit.doctor import Check, diagnose
from pulumi_zenml.audit.findings import CODES, AuditResult, Finding
from pulumi_zenml.audit.hand import find_one, pause, resume, resume_due, trigger
from pulumi_zenml.audit.history import HistoryRow, take_history
from pulumi_zenml.audit.inventory import Entry, Inventory, Scope, take_inventory
from pulumi_zenml.audit.options import Options
from pulumi_zenml.audit.reconcile import Change, Reconciled, Repair, reconcile
from pulumi_zenml.audit.registry import Row, list_schedules
from pulumi_zenml.audit.report import Report, ReportRow, take_report
from pulumi_zenml.audit.report_page import check_target, render_html, write_html
from pulumi_zenml.audit.restore import Restored, restore
from pulumi_zenml.audit.run import judge, run_audit

__all__ = [
    "CODES",
    "Adopted",
    "AdoptionPlan",
    "AdoptionPreview",
    "AuditResult",
    "Backup",
    "Change",
    "Check",
    "Entry",
    "Finding",
    "HistoryRow",
    "Inventory",
    "Item",
    "Options",
    "Plan",
    "Reconciled",
    "Refused",
    "Repair",
    "Report",
    "ReportRow",
    "Restored",
    "Row",
    "Scope",
    "Told",
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
