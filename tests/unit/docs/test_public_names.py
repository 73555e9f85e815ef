"""The public surface: what these packages export. Everything else is internal."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

PUBLIC = {
    "pulumi_zenml": "Schedule ScheduleArgs",
    "pulumi_zenml.cadence": """
        Cadence DIALECTS Dialect DstRule Fire NEUTRAL_DST Native check_cadence equivalent explain
        fires_between get_dialect make_cadence next_fires schedule_name spread spread_cron
    """,
    "pulumi_zenml.errors": """
        BackupError BusyError CannotExpressError InputError InternalError NotDeletedError
        NotFoundError NotSchedulableError OwnershipError PermissionDeniedError PulumiZenmlError
        RefusedError RunInProgressError ServiceError SubmissionError ThrottledError
        UnauthenticatedError UnreachableError
    """,
    "pulumi_zenml.operations": """
        Adoption AdoptionPlan AdoptionPreview AdoptionRefusal AlertState AuditOptions AuditResult
        AuditState Backup BackupItem CODES Check CleanupPlan Connection DriftedProperty DueResume
        Entry Finding FindingCode HistoryRow Inventory OnProgress ReconcileResult Repair Report
        ReportRow RestoreResult ScheduleRow Scope Severity Unreachable audit_inventory build_report
        check_report_path clean_up diagnose find_schedule list_schedules load_history
        open_alert_targets pause plan_adoption plan_cleanup preview_adoption read_backup reconcile
        render_html restore resume resume_due run_audit send_alerts take_inventory trigger
        watch_removed write_html write_program
    """,
    "pulumi_zenml.orchestrators": """
        Ability Capabilities Counterpart ENTRY_POINT_GROUP Gap NativeRun Orchestrator Probe
        ProbeResult REFUSED REGISTRY Registration RunState Setting Submission Target Wanted Yes
        get_orchestrator known_flavors refusal
    """,
    "pulumi_zenml.testing": """
        Bench Conformance Connection Driver EVERY_FAULT Fault Faulty FaultyServer Loopback
        LoopbackServer Op
    """,
}
"""A name leaves this list only with a line in the changelog that says what to use instead."""

NAMES = [(package, name) for package, names in PUBLIC.items() for name in names.split()]


def source(module: str) -> ast.Module:
    found = find_spec(module)
    assert found is not None
    assert found.origin is not None
    return ast.parse(Path(found.origin).read_text(encoding="utf-8"))


def definition(module: str, name: str) -> tuple[list[ast.stmt], int]:
    """The statements among which a name is defined, and which of them does it."""
    body = source(module).body
    for statement in [*body, *(inner for it in body for inner in getattr(it, "body", []))]:
        if isinstance(statement, ast.ImportFrom) and any(it.name == name for it in statement.names):
            assert statement.module is not None
            return definition(statement.module, name)
    for index, statement in enumerate(body):
        match statement:
            case ast.ClassDef(name=found) | ast.FunctionDef(name=found) if found == name:
                return body, index
            case ast.Assign(targets=[ast.Name(id=found)]) if found == name:
                return body, index
            case ast.AnnAssign(target=ast.Name(id=found)) if found == name:
                return body, index
    raise AssertionError(f"{module} does not define {name}")


@pytest.mark.parametrize("package", PUBLIC)
def test_a_package_exports_these_names_and_no_others(package: str) -> None:
    assert sorted(import_module(package).__all__) == PUBLIC[package].split()


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_a_public_name_is_there_and_says_what_it_is(package: str, name: str) -> None:
    assert hasattr(import_module(package), name)
    body, index = definition(package, name)
    defined = body[index]
    if isinstance(defined, ast.ClassDef | ast.FunctionDef):
        assert ast.get_docstring(defined)
    else:
        beneath = body[index + 1]
        assert isinstance(beneath, ast.Expr), f"no string beneath {name}"
        assert isinstance(beneath.value, ast.Constant)
        assert isinstance(beneath.value.value, str)


@pytest.mark.parametrize("package", PUBLIC)
def test_a_name_that_is_not_there_is_an_error_that_names_it(package: str) -> None:
    with pytest.raises(AttributeError, match="Schedul_"):
        _ = import_module(package).Schedul_


@pytest.mark.parametrize("package", PUBLIC)
def test_importing_a_public_package_is_light(package: str) -> None:
    heavy = (
        "azure boto3 google.api_core kfp kubernetes paramiko pulumi pytest sagemaker zenml".split()
    )
    code = f"import sys, {package}; print([it for it in {heavy} if it in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_provider_has_no_public_package_that_is_not_in_the_list() -> None:
    internal = {"cli", "lifecycle", "schedule", "zenml"}
    root = find_spec("pulumi_zenml")
    assert root is not None
    assert root.origin is not None
    found = {it.parent.name for it in Path(root.origin).parent.glob("*/__init__.py")}
    assert found == {it.partition(".")[2] for it in PUBLIC if "." in it} - {"errors"} | internal
