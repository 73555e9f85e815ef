"""What the conformance suite needs to know of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from pulumi_zenml.cadence import Cadence, make_cadence
from pulumi_zenml.json_types import Json
from pulumi_zenml.testing.bench import Bench, Fault
from zenml_filecron import files


class FileCronBench(Bench):
    """A folder."""

    flavor: ClassVar[str] = "filecron"
    faults: ClassVar[tuple[Fault, ...]] = ("refused",)
    settings: ClassVar[Mapping[str, Json]] = {"colour": "red"}

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def overrides(self) -> Mapping[str, Json]:
        return {}

    def register(self, name: str) -> None:
        from zenml.client import Client
        from zenml.enums import StackComponentType as Kind

        client = Client()
        source = "zenml_filecron.flavor.FileCronFlavor"
        if not client.list_flavors(name="filecron").items:
            client.create_flavor(source=source, component_type=Kind.ORCHESTRATOR)
        config = {"folder": str(self.folder)}
        client.create_stack_component(name, "filecron", Kind.ORCHESTRATOR, config)
        client.create_stack(name, {Kind.ORCHESTRATOR: name, Kind.ARTIFACT_STORE: "default"})

    def cadences(self) -> Sequence[Cadence]:
        return [
            make_cadence(cron="0 3 * * 1-5", timezone="Europe/Berlin"),
            make_cadence(cron="*/15 * 1 * *"),
        ]

    def native_ids(self) -> set[str]:
        return {it.stem for it in self.folder.glob("*.json")}

    def edit_cadence(self, native_id: str) -> None:
        self._edit(native_id, schedule="59 23 31 12 *")

    def edit_paused(self, native_id: str, paused: bool) -> None:
        self._edit(native_id, paused=paused)

    def remove(self, native_id: str) -> None:
        (self.folder / f"{native_id}.json").unlink()

    def add_run(self, native_id: str) -> str:
        path = self.folder / f"{native_id}.runs"
        before = path.read_text().split() if path.exists() else []
        path.write_text(" ".join([*before, "succeeded"]))
        return f"run-{len(before)}"

    @contextmanager
    def fault(self, kind: Fault) -> Iterator[None]:
        (self.folder / "down").touch()
        try:
            yield
        finally:
            (self.folder / "down").unlink()

    def _edit(self, native_id: str, **changes: Json) -> None:
        path = self.folder / f"{native_id}.json"
        files.write(path, {**json.loads(path.read_text()), **changes})
