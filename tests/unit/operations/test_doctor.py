"""The doctor's parts, each by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pulumi_zenml.errors import NotFoundError, PermissionDeniedError, UnreachableError
from pulumi_zenml.operations import Check
from pulumi_zenml.operations.doctor import exit_code, probe_orchestrator
from pulumi_zenml.operations.doctor.packages import supported, wrong_packages
from pulumi_zenml.operations.doctor.zenml import judge_versions
from pulumi_zenml.orchestrators.probe import Probe, ProbeResult, if_allowed


class Sick:
    """An orchestrator with whatever probes."""

    def __init__(self, *probes: Probe) -> None:
        component = SimpleNamespace(name="sick", connector=SimpleNamespace(name="key"))
        self.target = SimpleNamespace(component=component)
        self._probes = probes

    def probes(self) -> Iterator[Probe]:
        yield from self._probes


def raising(error: Exception) -> Callable[[], ProbeResult]:
    def look() -> ProbeResult:
        raise error

    return look


def test_one_probe_never_stops_the_others() -> None:
    well = ProbeResult("it is well")
    stop = threading.Event()
    down = UnreachableError("X", "no answer.")
    found = probe_orchestrator(
        Sick(  # type: ignore[arg-type]
            Probe("bug", raising(KeyError("x"))),
            Probe("denied", raising(PermissionDeniedError("X", "may not."))),
            Probe("broken", lambda: ProbeResult("2 of 3 are down", "failed", "Start them.")),
            Probe("missing", raising(NotFoundError("X", "no such thing."))),
            Probe("down", raising(down), part="a"),
            Probe("after it", lambda: well, part="a"),
            Probe("elsewhere", lambda: well),
            Probe("slow", lambda: ProbeResult(str(stop.wait(60))), part="b", seconds=0.1),
            Probe("after that", lambda: well, part="b"),
            Probe("full", lambda: ProbeResult("9 of 10", "warning", "Make room.")),
            Probe("secondary", if_allowed(raising(PermissionDeniedError("X", "may not.")))),
        )
    )
    stop.set()
    assert {it.name: it.result for it in found} == {
        "bug": "failed",
        "denied": "failed",
        "broken": "failed",
        "missing": "failed",
        "down": "failed",
        "after it": "skipped",
        "elsewhere": "ok",
        "slow": "failed",
        "after that": "skipped",
        "full": "warning",
        "secondary": "unknown",
    }
    remedies = {it.name: it.remedy for it in found}
    assert (remedies["broken"], remedies["full"]) == ("Start them.", "Make room.")
    assert "Grant" in remedies["denied"]
    assert "reach it" in remedies["down"] and "reach it" in remedies["slow"]
    assert "zenml orchestrator describe sick" in remedies["missing"]
    assert "Report this" in remedies["bug"]
    assert {it.remedy for it in found if it.result in ("ok", "skipped")} == {""}


@pytest.mark.parametrize(
    ("client", "server", "result"),
    [
        ("0.98.0", "0.98.0", "ok"),
        ("0.98.1", "0.98.0", "warning"),
        ("0.98.0", "0.97.3", "failed"),
        ("0.98.0", "0.99.0", "failed"),
        ("0.97.0", "0.97.0", "failed"),
    ],
)
def test_versions_of_client_and_server(client: str, server: str, result: str) -> None:
    seen = judge_versions(client, server, "<0.99,>=0.98")
    assert seen.result == result
    assert bool(seen.remedy) == (result != "ok")


def test_packages_by_what_is_declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "zenml_sick-1.0.dist-info"
    folder.mkdir()
    needs = [
        "pytest>=8",
        "click>=99",
        "no-such-package-at-all>=1",
        "rich; python_version < '3'",
        "httpx>=99; extra == 'more'",
    ]
    lines = [*(f"Requires-Dist: {it}" for it in needs), "Provides-Extra: more"]
    head = "Metadata-Version: 2.1\nName: zenml-sick\nVersion: 1.0\n"
    (folder / "METADATA").write_text(head + "\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    good, bad = wrong_packages("zenml-sick")
    assert [it.split()[0] for it in good] == ["pytest"]
    assert [it.split(" (")[0].split()[0] for it in bad] == ["click", "no-such-package-at-all"]
    assert [it.split()[0] for it in wrong_packages("zenml-sick", "more")[1]] == ["httpx"]
    assert "0.98" in supported("zenml")
    for extra in ("airflow", "databricks", "kubernetes", "vertex"):
        good, bad = wrong_packages("pulumi-zenml", extra)
        assert good and not bad, bad


def test_exit_codes() -> None:
    well, bad = (Check("zenml", "x", "", it, "") for it in ("warning", "failed"))
    worse = Check("zenml", "x", "", "failed", "", blocking=True)
    assert [exit_code(it) for it in ([], [well], [well, bad], [bad, worse])] == [0, 0, 1, 2]
