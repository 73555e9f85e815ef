"""State that an earlier version of the code wrote is read by this one, through the real engine.

The file is not made anew when the code changes: that would prove nothing. When the code writes
state of another shape, put a second file beside it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from testbed.engine import Project

STATE = Path(__file__).parent / "state"
# What the export was encrypted with, although nothing in it is secret; Project has the same.
PASSPHRASE = "testbed"

pytestmark = pytest.mark.engine


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The program with its state, and no ZenML anywhere."""
    folder = tmp_path / "state"
    shutil.copytree(STATE, folder)
    made = Project(folder, "", env={"ZENML_CONFIG_PATH": str(tmp_path)})
    assert made.env["PULUMI_CONFIG_PASSPHRASE"] == PASSPHRASE
    made.run("stack", "import", "--file", str(folder / "deployment.json"))
    deployment = json.loads((folder / "deployment.json").read_text())["deployment"]
    outputs = [it["outputs"] for it in deployment["resources"] if "record_id" in str(it)]
    for key in ("stack", "snapshot"):
        made.set_config(key, outputs[0][key])
    return made


def test_the_same_program_shows_no_change(project: Project) -> None:
    assert project.preview().changes == {}


def test_a_changed_program_shows_what_it_would_do(project: Project) -> None:
    program = project.folder / "__main__.py"
    text = program.read_text()
    program.write_text(text.replace('"@daily"', '"@hourly"').replace("paused=True", "paused=False"))
    assert project.preview().changes == {"replace": 1, "update": 1}
