"""Docs made from code are up to date, links lead somewhere, exports are what they say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pulumi_zenml
from pulumi_zenml.orchestrators import REFUSED, REGISTRY, get_orchestrator, table

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / ".github").rglob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def test_the_orchestrators_page_is_what_the_code_says() -> None:
    page = (ROOT / "docs" / "orchestrators.md").read_text(encoding="utf-8")
    assert page == table.markdown(), "run: pulumi-zenml orchestrators --markdown"


def anchors(page: Path) -> set[str]:
    """What links to a page may end in: its headings, as GitHub and the site spell them."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    words = [re.sub(r"[^\w\s-]", "", it.lower()).strip() for it in headings]
    return {re.sub(r"\s+", "-", it) for it in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    missing = []
    for path, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.append(f"{path}#{anchor}")
    assert missing == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_a_page_of_the_site_links_to_nothing_outside_it(page: Path) -> None:
    paths = [path for path, _ in LINK.findall(page.read_text(encoding="utf-8")) if path]
    outside = [it for it in paths if not (page.parent / it).resolve().is_relative_to(ROOT / "docs")]
    assert outside == []


def test_the_type_token_and_the_pickled_path_are_frozen() -> None:
    from pulumi.dynamic.dynamic import serialize_provider

    from pulumi_zenml.schedule.provider import ScheduleProvider

    assert pulumi_zenml.Schedule._resource_type_name == "dynamic/zenml:Schedule"
    assert ScheduleProvider.__module__ == "pulumi_zenml.schedule.provider"
    assert len(serialize_provider(ScheduleProvider())) < 120


def test_importing_what_programs_import_is_light() -> None:
    code = (
        "import sys, pulumi_zenml; pulumi_zenml.Schedule; "
        "print([it for it in ('zenml', 'kubernetes', 'kfp', 'boto3', 'azure', 'httpx', 'rich') "
        "if it in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_capability_table_as_json() -> None:
    command = [sys.executable, "-m", "pulumi_zenml.cli", "orchestrators", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    every = {row["flavor"]: row for row in json.loads(done.stdout)}
    rows = {flavor: row for flavor, row in every.items() if not row["refused"]}
    assert set(rows) == set(REGISTRY)
    assert set(REFUSED) <= set(every)
    for flavor, row in rows.items():
        can = get_orchestrator(flavor).capabilities
        assert (row["counterpart"], row["dialect"]) == (can.counterpart, can.dialect)
        for name in can.abilities():
            assert re.match(r"(yes|not-yet|upstream|never)(: .+)?$", row[name], re.DOTALL), name


def test_the_registry_is_in_order_and_nothing_is_both_known_and_refused() -> None:
    assert list(REGISTRY) == sorted(REGISTRY)
    assert list(REFUSED) == sorted(REFUSED)
    assert not set(REGISTRY) & set(REFUSED)
