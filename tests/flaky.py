"""A test that fails is run once more with ``--retry``; one that then passes is named as flaky.

Real services on a busy machine can be late, and a run should not be lost to that. But a test that
fails now and then is a mistake, in the test or in what it tests, so each is listed at the end of
the run with its first failure.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

# More failures than this are not bad luck, and running them again only costs time.
_MOST_RETRIES = 8
_FLAKY = "flaky"


class Retry:
    """Runs failed tests once more, in the same process and with the same services."""

    def __init__(self) -> None:
        self._left = _MOST_RETRIES

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a test, and if it fails run it again; the first failure counts only if both do."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if any(it.failed for it in reports) and self._left > 0:
            self._left -= 1
            _start_anew(item)
            again = runtestprotocol(item, nextitem=nextitem, log=False)
            if not any(it.failed for it in again):
                first = next(it for it in reports if it.failed)
                first.outcome = _FLAKY  # type: ignore[assignment]
                reports = [first, *again]
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


def _start_anew(item: pytest.Item) -> None:
    """Forget the test's fixtures that failed, so that they are set up again."""
    test: Any = item
    if isinstance(item, pytest.Function):
        test._initrequest()
        for definitions in test._fixtureinfo.name2fixturedefs.values():
            for it in definitions:
                if it.cached_result is not None and it.cached_result[2] is not None:
                    it.finish(test._request)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--retry``."""
    words = "run a test that fails once more; one that then passes is listed as flaky"
    parser.addoption("--retry", action="store_true", help=words)


def pytest_configure(config: pytest.Config) -> None:
    """Retry where it is asked for and tests are run: with xdist, in the workers."""
    if config.getoption("--retry"):
        config.pluginmanager.register(Retry(), "retry")


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """How a flaky test is shown."""
    return (_FLAKY, "Y", "FLAKY") if report.outcome == _FLAKY else None


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
) -> Generator[None, None, None]:
    """List the flaky tests after everything else."""
    yield
    flaky = terminalreporter.stats.get(_FLAKY, [])
    if not flaky:
        return
    terminalreporter.section(f"{len(flaky)} FLAKY: failed, then passed", yellow=True)
    for report in flaky:
        terminalreporter.write_line(f"{report.nodeid} ({report.when})", bold=True)
        terminalreporter.write_line(report.longreprtext)
    for report in flaky:
        terminalreporter.write_line(f"FLAKY {report.nodeid}", yellow=True)
