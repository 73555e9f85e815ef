"""How a provider process reports errors of its own, and how often it asks what is down."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulumi_zenml.errors import InternalError, PulumiZenmlError, UnreachableError
from pulumi_zenml.schedule.host import Host
from pulumi_zenml.zenml import connection as connecting
from pulumi_zenml.zenml.connection import Connection
from pulumi_zenml.zenml.trace import VARIABLE, TraceHandler, start_trace

KEY = "ZENKEY_planted_0123456789"


@pytest.fixture(autouse=True)
def _tidy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)
    yield
    for name in ("pulumi_zenml", "zenml", "urllib3"):
        logger = logging.getLogger(name)
        for handler in [it for it in logger.handlers if isinstance(it, TraceHandler)]:
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(logging.NOTSET)
    logging.getLogger("pulumi_zenml").propagate = True


def fail(host: Host) -> str:
    """What the user sees of a fault of our own."""
    with pytest.raises(InternalError) as caught, host.errors():
        raise LookupError(f"no such thing, with {KEY}")
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_a_fault_of_our_own_names_the_switch_that_shows_its_trace() -> None:
    assert f"Set {VARIABLE}=FILE" in fail(Host(Connection()))


def test_the_trace_is_in_the_file_without_the_key_and_for_the_user_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "trace.log"
    monkeypatch.setenv(VARIABLE, str(file))
    start_trace([KEY])
    assert str(file) in fail(Host(Connection(api_key=KEY)))
    text = file.read_text()
    assert "LookupError: no such thing, with [secret]" in text
    assert "test_own_faults.py" in text and KEY not in text
    assert file.stat().st_mode & 0o077 == 0


def test_our_own_errors_stay_as_they_are() -> None:
    with pytest.raises(UnreachableError) as caught, Host(Connection()).errors():
        raise UnreachableError("ZenML", "no answer") from OSError("refused")
    assert caught.value.__cause__ is None


def test_a_hundred_schedules_ask_a_dead_zenml_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def probe(url: str) -> None:
        asked.append(url)
        raise UnreachableError("ZenML", f"no answer from {url}")

    monkeypatch.setattr(connecting, "probe", probe)
    host = Host(Connection(server_url="http://zenml.example"))
    for _ in range(100):
        with pytest.raises(PulumiZenmlError, match="no answer"):
            host.session().flavor("prod")
    with pytest.raises(PulumiZenmlError, match="no answer"):
        host.session("another-project").flavor("prod")
    assert asked == ["http://zenml.example"]
