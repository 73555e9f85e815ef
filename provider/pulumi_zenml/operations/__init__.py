"""Every schedule on both sides: list, audit, repair.

The ``pulumi-zenml`` command is a thin layer over these functions.
"""

from pulumi_zenml.operations.adopt import (
    Adoption,
    AdoptionPlan,
    AdoptionRefusal,
    plan_adoption,
    write_program,
)
from pulumi_zenml.operations.adopt_preview import AdoptionPreview, preview_adoption
from pulumi_zenml.operations.alerts import AlertState, open_alert_targets, send_alerts
from pulumi_zenml.operations.audit import audit_inventory, run_audit
from pulumi_zenml.operations.audit_state import AuditState
from pulumi_zenml.operations.backup import Backup, BackupItem, read_backup
from pulumi_zenml.operations.cleanup import CleanupPlan, clean_up, plan_cleanup, watch_removed
from pulumi_zenml.operations.control import (
    DueResume,
    find_schedule,
    pause,
    resume,
    resume_due,
    trigger,
)
from pulumi_zenml.operations.doctor import Check, diagnose
from pulumi_zenml.operations.entry import Entry
from pulumi_zenml.operations.findings import CODES, AuditResult, Finding, FindingCode, Severity
from pulumi_zenml.operations.history import HistoryRow, load_history
from pulumi_zenml.operations.inventory import (
    Inventory,
    OnProgress,
    Scope,
    Unreachable,
    take_inventory,
)
from pulumi_zenml.operations.options import AuditOptions
from pulumi_zenml.operations.reconcile import DriftedProperty, ReconcileResult, Repair, reconcile
from pulumi_zenml.operations.report import Report, ReportRow, build_report
from pulumi_zenml.operations.report_page import check_report_path, render_html, write_html
from pulumi_zenml.operations.restore import RestoreResult, restore
from pulumi_zenml.operations.schedule_list import ScheduleRow, list_schedules
from pulumi_zenml.zenml.connection import Connection

__all__ = [
    "CODES",
    "Adoption",
    "AdoptionPlan",
    "AdoptionPreview",
    "AdoptionRefusal",
    "AlertState",
    "AuditOptions",
    "AuditResult",
    "AuditState",
    "Backup",
    "BackupItem",
    "Check",
    "CleanupPlan",
    "Connection",
    "DriftedProperty",
    "DueResume",
    "Entry",
    "Finding",
    "FindingCode",
    "HistoryRow",
    "Inventory",
    "OnProgress",
    "ReconcileResult",
    "Repair",
    "Report",
    "ReportRow",
    "RestoreResult",
    "ScheduleRow",
    "Scope",
    "Severity",
    "Unreachable",
    "audit_inventory",
    "build_report",
    "check_report_path",
    "clean_up",
    "diagnose",
    "find_schedule",
    "list_schedules",
    "load_history",
    "open_alert_targets",
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
    "send_alerts",
    "take_inventory",
    "trigger",
    "watch_removed",
    "write_html",
    "write_program",
]
