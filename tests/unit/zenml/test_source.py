"""What a digest of a pipeline's source covers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pulumi_zenml.zenml.source import digest_source


@pytest.mark.parametrize("name", ["flows.py", "pycaret_model.py", "data.pyc.json", "sub/steps.py"])
def test_each_file_counts(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("1")
    before = digest_source(str(tmp_path))
    file.write_text("2")
    assert digest_source(str(tmp_path)) != before


@pytest.mark.parametrize("name", [".env", "flows.pyc", "__pycache__/x", "venv/lib/x", ".git/HEAD"])
def test_what_is_made_and_what_is_hidden_does_not_count(tmp_path: Path, name: str) -> None:
    (tmp_path / "flows.py").write_text("1")
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "venv").mkdir(exist_ok=True)
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    before = digest_source(str(tmp_path))
    file.write_text("2")
    assert digest_source(str(tmp_path)) == before


def test_a_link_that_leads_nowhere_counts_by_where_it_leads(tmp_path: Path) -> None:
    link = tmp_path / "data"
    link.symlink_to("nowhere")
    before = digest_source(str(tmp_path))
    link.unlink()
    link.symlink_to("elsewhere")
    assert digest_source(str(tmp_path)) != before


def test_what_cannot_be_read_as_a_file_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text("1")
    before = digest_source(str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    assert digest_source(str(tmp_path)) == before


def test_only_the_digest_is_compared_not_the_place(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "flows.py").write_text("1")
    one, two = (digest_source(str(tmp_path / name)) for name in ("one", "two"))
    assert one[1] == two[1] and one[0] != two[0]
