"""A call crosses to ZenML's process and back whole, whatever becomes of it there."""

from __future__ import annotations

import copy
import importlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest

from pulumi_zenml.cadence import make_cadence
from pulumi_zenml.identity import Owner
from pulumi_zenml.lifecycle.spec import ScheduleSpec
from testbed.snapshots import ZenmlClient, ZenmlError, zenml_client
from testbed.zenml_server import client_environment


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZenmlClient]:
    folder = tmp_path_factory.mktemp("worker")
    with zenml_client(folder, client_environment(folder / "config")) as made:
        yield made


def test_a_call_is_made_in_the_other_process(client: ZenmlClient) -> None:
    assert client.call(os.getpid) != os.getpid()


def test_values_arrive_as_they_were(client: ZenmlClient) -> None:
    proxy: Mapping[str, int] = MappingProxyType({"a": 1})
    once = datetime(2030, 1, 1, tzinfo=UTC)
    cadence = make_cadence(run_once_at=once)
    spec = ScheduleSpec(Owner("k", "o"), "n", "s", cadence, "p:v", orchestrator_settings=proxy)
    for value in (spec, {"a": (1, None)}, "\ud800\n\0", once):
        assert client.call(copy.copy, value) == value


def test_what_is_printed_does_not_get_between_the_answers(client: ZenmlClient) -> None:
    client.call(print, "a\nb", flush=True)
    assert client.call(os.write, 1, b"a\nb") == 3
    assert client.call(abs, -1) == 1


def test_a_failure_carries_its_traceback_and_the_next_call_works(client: ZenmlClient) -> None:
    with pytest.raises(ZenmlError, match=r"(?s)int: Traceback.*ValueError: .*'x'"):
        client.call(int, "x")
    with pytest.raises(ZenmlError, match="cannot pickle"):
        client.call(threading.Event)
    assert client.call(abs, -1) == 1


def test_a_function_that_only_one_side_can_import_is_an_error(
    client: ZenmlClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("def call() -> None: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    only_here = importlib.import_module("only_here")
    with pytest.raises(ZenmlError, match="No module named 'only_here'"):
        client.call(only_here.call)
    assert client.call(abs, -1) == 1
    del sys.modules["only_here"]


def test_a_process_that_ended_is_an_error(tmp_path: Path) -> None:
    with zenml_client(tmp_path, client_environment(tmp_path / "config")) as client:
        for _ in range(2):
            with pytest.raises(ZenmlError, match="the ZenML process has ended"):
                client.call(os._exit, 3)
