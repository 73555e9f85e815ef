"""Orchestrators that are files: a folder of Airflow DAGs, and a host's crontab."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faults.sides import Native, Side
from faults.standin_side import StandInSide
from testbed.snapshots import ZenmlClient

_SCRIPT = re.compile(r"/scheduled-pipeline-runs/([0-9a-f-]{36})/run_pipeline\.sh")
_SNAPSHOT = re.compile(r"snapshot[_-]id[^0-9a-f]{1,12}([0-9a-f]{8}-[0-9a-f-]{27})")


class AirflowSide(Side):
    """The folders that Airflows read. What they make of them is tested elsewhere.

    Args:
        folder: for both.
    """

    flavor = "airflow"
    timezone = None

    def __init__(self, folder: Path) -> None:
        self._folders = {it: folder / it for it in ("one", "two")}
        for path in self._folders.values():
            path.mkdir(parents=True)

    @property
    def folders(self) -> list[str]:
        return [str(it) for it in self._folders.values()]

    def register(self, client: ZenmlClient) -> None:
        for stack, folder in self._folders.items():
            client.register_airflow_stack(stack, dags=folder)

    def natives(self) -> list[Native]:
        return [
            _dag(place, path)
            for place, folder in self._folders.items()
            for path in sorted(folder.glob("*.zip"))
        ]

    def remains(self) -> set[str]:
        return {
            f"file {place}/{path.name}"
            for place, folder in self._folders.items()
            for path in folder.iterdir()
            if path.suffix != ".zip"
        }

    def save(self) -> Any:
        return {path: path.read_bytes() for it in self._folders.values() for path in it.iterdir()}

    def restore(self, saved: Any) -> None:
        for folder in self._folders.values():
            for path in folder.iterdir():
                path.unlink()
        for path, data in saved.items():
            path.write_bytes(data)

    def spelled(self, cron: str) -> str:
        return cron

    def learn(self, cron: str) -> None:
        """It is spelled as it is said."""

    def remove(self, id: str) -> None:
        for folder in self._folders.values():
            (folder / f"{id}.zip").unlink(missing_ok=True)

    def close(self) -> None:
        """The folders go with the world's."""


def _dag(place: str, path: Path) -> Native:
    with zipfile.ZipFile(path) as archive:
        texts = {it: archive.read(it).decode("utf-8", "replace") for it in archive.namelist()}
    config = json.loads(texts["config.json"])
    runs = _SNAPSHOT.search(texts["config.json"].replace("\\", ""))
    return Native(
        id=path.stem,
        place=place,
        snapshot=runs[1] if runs else "",
        when=str(config.get("schedule")),
        paused=False,
        raw=json.dumps(texts, sort_keys=True),
    )


class HyperAISide(StandInSide):
    """A host with cron; one world at a time."""

    ssh = True

    def __init__(self, bench: Any) -> None:
        super().__init__(bench)
        self.timezone = bench.timezone()
        self._base = bench.host.home / "scheduled-pipeline-runs"

    def spelled(self, cron: str) -> str:
        return cron

    def save(self) -> Any:
        host = self.bench.host
        files = {
            path.relative_to(host.home): (path.read_bytes(), path.stat().st_mode)
            for path in self._base.rglob("*")
            if path.is_file()
        }
        return host.crontab(), files

    def restore(self, saved: Any) -> None:
        host = self.bench.host
        crontab, files = saved
        host.write_crontab(crontab)
        for path in self._base.iterdir() if self._base.exists() else ():
            shutil.rmtree(path)
        for name, (data, mode) in files.items():
            path = host.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(mode)

    def remains(self) -> set[str]:
        scheduled = set(_SCRIPT.findall(self.bench.host.crontab()))
        there = self._base.iterdir() if self._base.exists() else ()
        return {f"folder {it.name}" for it in there if it.name not in scheduled}

    def _service(self) -> Any:
        raise NotImplementedError

    def _state_names(self) -> tuple[str, ...]:
        raise NotImplementedError

    def _schedules(self) -> Mapping[str, Any]:
        lines = self.bench.host.crontab().splitlines()
        return {found[1]: line for line in lines if (found := _SCRIPT.search(line))}

    def _text(self, found: Any) -> str:
        key = _SCRIPT.search(found)
        assert key
        script = self._base / key[1] / "run_pipeline.sh"
        return f"{found} {script.read_text() if script.exists() else ''}"

    def _state(self, found: Any) -> tuple[str, bool]:
        words = found.removeprefix("#PAUSED ").removeprefix("# ")
        return " ".join(words.split()[:5]), words != found
