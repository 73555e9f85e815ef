"""What a newcomer and CI are told to run is there, and is the same everywhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from doc_blocks import PAGES, ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40}")
FILE = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|md|toml|yml))`")
PACKAGE = ROOT / "provider" / "pulumi_zenml"
INVENTED = {"provider/pulumi_zenml/cadence/dialects/nomad.py"}
WORDS = re.compile(r"`make ([a-z-]+)")


def recipe(target: str) -> list[str]:
    """The commands of a target."""
    _, _, rest = MAKEFILE.partition(f"\n{target}:")
    return [it.strip() for it in rest.partition("\n\n")[0].splitlines()[1:]]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_pre_commit_runs_what_make_check_runs() -> None:
    (local,) = load(ROOT / ".pre-commit-config.yaml")["repos"]
    setup, *checks = recipe("check")
    assert "$(SETUP)" in setup
    assert [hook["entry"] for hook in local["hooks"]] == checks


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_make_target_that_a_page_names_is_there(page: Path) -> None:
    named = set(WORDS.findall(page.read_text(encoding="utf-8")))
    assert named <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md", "docs/extending.md"])
def test_a_file_that_a_page_names_is_there(page: str) -> None:
    named = set(FILE.findall((ROOT / page).read_text(encoding="utf-8"))) - INVENTED
    assert [it for it in named if not any((at / it).exists() for at in (ROOT, PACKAGE))] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_do_little_and_its_actions_are_pinned(workflow: Path) -> None:
    loaded = load(workflow)
    assert loaded["permissions"] == {}
    for job in loaded["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        assert "timeout-minutes" in job
        for step in job["steps"]:
            assert "uses" not in step or PINNED.fullmatch(step["uses"])
            assert "run" not in step or step["run"].startswith("make ")
            assert "${{" not in step.get("run", "")
