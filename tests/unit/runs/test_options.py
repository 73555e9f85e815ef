"""What `make test` adds to pytest: flaky tests by name, and a share of the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shares import share_of

TESTS = Path(__file__).resolve().parents[2]
UNSTEADY = """
import pathlib
import pytest

def first_time(name):
    mark = pathlib.Path(__file__).with_name(name)
    known = mark.exists()
    mark.touch()
    return not known

@pytest.fixture(scope="module")
def late():
    if first_time("late"):
        raise RuntimeError("it is late")

def test_is_flaky():
    assert not first_time("flaky"), "only once"

def test_waits(late):
    pass

def test_is_well():
    pass
"""


def run(folder: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_sample.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "flaky", "-p", "shares"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "no:xdist", f"--rootdir={folder}", *words],
        cwd=folder,
        env={"PYTHONPATH": str(TESTS), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_fails_and_then_passes_is_named_and_is_no_failure(tmp_path: Path) -> None:
    done = run(tmp_path, UNSTEADY, "--retry")
    assert done.returncode == 0, done.stdout
    assert "2 FLAKY: failed, then passed" in done.stdout
    assert "AssertionError: only once" in done.stdout
    assert done.stdout.splitlines()[-3:-1] == [
        "FLAKY test_sample.py::test_is_flaky",
        "FLAKY test_sample.py::test_waits",
    ]
    assert "3 passed, 2 flaky" in done.stdout.splitlines()[-1]


def test_what_fails_again_is_a_failure(tmp_path: Path) -> None:
    done = run(tmp_path, "def test_it():\n    assert 1 == 2\n", "--retry")
    assert done.returncode == 1
    assert "1 failed" in done.stdout and "FLAKY" not in done.stdout


def test_nothing_is_run_again_unless_asked(tmp_path: Path) -> None:
    assert run(tmp_path, UNSTEADY).returncode == 1


def test_the_shares_are_all_tests_and_each_one_once(tmp_path: Path) -> None:
    text = "\n".join(f"def test_{number}(): pass" for number in range(5))
    ran = [
        line.partition(" ")[0]
        for share in ("1/3", "2/3", "3/3")
        for line in run(tmp_path, text, "-v", "--share", share).stdout.splitlines()
        if "PASSED" in line
    ]
    assert sorted(ran) == [f"test_sample.py::test_{number}" for number in range(5)]


def test_the_share_of_a_day_is_one_of_them() -> None:
    assert share_of("today/6") in {(number, 6) for number in range(1, 7)}
    assert share_of("2/5") == (2, 5)
    with pytest.raises(ValueError, match="6/5"):
        share_of("6/5")
