"""The wheel installs into an empty environment, whole, and works there with the newest Pulumi."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from testbed.engine import Project
from testbed.process import cache_folder

ROOT = Path(__file__).resolve().parents[2]
UV = cache_folder() / "tools" / "bin" / "uv"


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and what it needs, and no more."""
    folder = tmp_path_factory.mktemp("installed")
    run(UV, "venv", "--quiet", "--seed", "env", cwd=folder)
    interpreter = folder / "env" / "bin" / "python"
    versions = ROOT / "requirements" / "quickstart.txt"
    install: list[str | Path] = [UV, "pip", "install", "--quiet", "--python", interpreter]
    run(*install, "--constraint", versions, wheel, cwd=folder)
    return interpreter


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    package = ROOT / "provider" / "pulumi_zenml"
    files = [path.relative_to(package) for path in package.rglob("*") if path.is_file()]
    wanted = {
        f"pulumi_zenml/{path.as_posix()}"
        for path in files
        if not any(part.startswith((".", "__pycache__")) for part in path.parts)
    }
    assert "pulumi_zenml/schedule/resource.py" in wanted
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert wanted - held == set()
    assert {"pulumi_zenml/pulumi-plugin.json", "pulumi_zenml/py.typed"} <= held
    assert {name for name in held if not name.startswith("pulumi_zenml")} == set()


def test_the_data_files_are_found_where_it_is_installed(python: Path, tmp_path: Path) -> None:
    program = (
        "import importlib.resources, pulumi_zenml; "
        "print(importlib.resources.files(pulumi_zenml).joinpath('pulumi-plugin.json').read_text())"
    )
    assert json.loads(run(python, "-c", program, cwd=tmp_path)) == {"resource": False}


def test_the_command_is_there(python: Path, tmp_path: Path) -> None:
    command = python.parent / "pulumi-zenml"
    printed = run(command, "cron", "explain", "0 3 * * 1-5", "--json", cwd=tmp_path)
    assert json.loads(printed)


def test_a_preview_needs_no_plugin_and_no_network(python: Path, tmp_path: Path) -> None:
    program = """
import pulumi_zenml as zenml

zenml.Schedule("training", stack="prod", snapshot="training:v1", cron="0 3 * * 1-5")
"""
    project = Project(tmp_path, program, python=python, env={"ZENML_CONFIG_PATH": str(tmp_path)})
    assert project.preview().changes == {"create": 2}
