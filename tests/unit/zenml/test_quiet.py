"""Being quiet, from several threads, whoever waits for whom."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pulumi_zenml.zenml.quiet import let_go, quiet


def test_a_thread_may_be_quiet_while_another_waits_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work(number: int) -> list[str]:
        with quiet() as heard:
            print(f"chatter {number}")
            logging.getLogger("zenml").warning("warning %s", number)
        print("more chatter")
        return heard

    with quiet() as outer, ThreadPoolExecutor(4) as pool:
        heard = [answer.result(timeout=60) for answer in [pool.submit(work, it) for it in (1, 2)]]
    assert heard == [["warning 1"], ["warning 2"]]
    assert outer == []
    print("loud")
    assert capsys.readouterr().out == "loud\n"


def test_one_inside_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("zenml")
    before = list(logger.handlers), logger.propagate
    with quiet(), pytest.raises(KeyError), quiet():
        raise KeyError
    with quiet():
        with quiet():
            print("inner")
        print("outer")
    assert (list(logger.handlers), logger.propagate) == before
    assert capsys.readouterr().out == ""


def test_a_thread_that_hangs_keeps_nobody_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    inside, stop = threading.Event(), threading.Event()

    def hang() -> None:
        with quiet():
            inside.set()
            stop.wait(60)

    stdout = sys.stdout
    thread = threading.Thread(target=hang)
    thread.start()
    assert inside.wait(60)
    assert sys.stdout is not stdout
    assert thread.ident
    let_go(thread.ident)
    print("loud")
    stop.set()
    thread.join()
    assert sys.stdout is stdout
    assert capsys.readouterr().out == "loud\n"


def test_what_zenml_logs_stays_off_stdout_however_early_it_was_imported() -> None:
    program = """
import warnings
import zenml.client
from pulumi_zenml.zenml.quiet import quiet
with quiet():
    warnings.warn("hidden")
warnings.warn("shown")
"""
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "hidden" not in told.stdout
    assert "shown" in told.stdout
