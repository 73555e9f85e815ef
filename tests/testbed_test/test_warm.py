"""A program that the warm process runs has what a new process would have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testbed import warm_client
from testbed.process import wait_until
from testbed.warm import Warm

PROGRAM = """
import os, sys, time
print(sys.argv[1:], os.getcwd(), os.environ.get("MINE"), "HOME" in os.environ, sys.path[0])
print(input(), file=sys.stderr)
print("zenml" in sys.modules, __name__, __file__)
open("pid", "w").write(str(os.getpid()))
if sys.argv[1] == "wait":
    time.sleep(60)
sys.exit(int(sys.argv[1]))
"""


def start(warm: Warm, folder: Path, *words: str) -> subprocess.Popen[str]:
    (folder / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-I", warm_client.__file__, "program", str(folder / "program.py")]
    process = subprocess.Popen(
        [*command, *words],
        cwd=folder,
        env={**warm.environment(), "MINE": "yes"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write("said\n")
    process.stdin.flush()
    return process


def pid(folder: Path) -> int:
    path = folder / "pid"
    wait_until(lambda: path.exists() and bool(path.read_text()), "the program runs", seconds=60)
    return int(path.read_text())


def is_gone(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_has_its_own_words_variables_folder_and_streams(warm: Warm, tmp_path: Path) -> None:
    process = start(warm, tmp_path, "3", "a b")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3
    folder = str(tmp_path)
    first, second = out.splitlines()
    assert first == f"['3', 'a b'] {folder} yes False {folder}"
    assert second == f"True __main__ {tmp_path / 'program.py'}"
    assert err == "said\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_handed_on(warm: Warm, tmp_path: Path, number: signal.Signals) -> None:
    process = start(warm, tmp_path, "wait")
    program = pid(tmp_path)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert is_gone(program)
    if number == signal.SIGINT:
        assert "KeyboardInterrupt" in err and process.returncode in (1, -signal.SIGINT)
    else:
        assert process.returncode == -number


def test_it_does_not_outlive_who_asked_for_it(warm: Warm, tmp_path: Path) -> None:
    process = start(warm, tmp_path, "wait")
    program = pid(tmp_path)
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: is_gone(program), "the program is gone", seconds=60)


def test_several_run_at_once(warm: Warm, tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(4)]
    for folder in folders:
        folder.mkdir()
    waiting = [start(warm, folder, "wait") for folder in folders]
    assert len({pid(folder) for folder in folders}) == 4
    for process in waiting:
        process.terminate()
        process.communicate(timeout=60)
