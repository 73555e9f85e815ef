"""Our side: what pulumi-zenml needs to know of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, cast

from pulumi_zenml.cadence.model import Native
from pulumi_zenml.errors import CannotExpressError, InputError, UnreachableError
from pulumi_zenml.orchestrators.base import Orchestrator
from pulumi_zenml.orchestrators.capabilities import Capabilities, Gap, Setting, Yes
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun, RunState, Wanted
from pulumi_zenml.zenml.submission import Submission
from zenml_filecron import files

# Fires on the 29th of February only: nothing comes of it before it is shaped.
INERT = "0 0 29 2 *"


class FileCronOrchestrator(Orchestrator):
    """One JSON file for each schedule."""

    flavor = "filecron"
    capabilities = Capabilities(
        counterpart="file",
        dialect="kubernetes",
        smallest_interval=timedelta(minutes=1),
        cron=Yes(),
        interval=Gap("never", "a file holds a cron expression and nothing else."),
        run_once=Gap("never", "a file holds a cron expression and nothing else."),
        start_time=Gap("never", "a file has no window."),
        end_time=Gap("never", "a file has no window."),
        catchup=Gap("never", "nothing remembers what was missed."),
        timezone=Yes(),
        pause=Yes(),
        change_in_place=Yes(),
        run_history=Yes(),
        trigger=Gap("not-yet", "nobody asked for it."),
        keeps_runs=Yes(),
        fires_on_create=Gap("never", "it waits for the first fire."),
        found_by="the snapshot id in the file",
        left_behind="nothing",
        runs_image=False,
        name_limit=120,
    )
    settings: ClassVar[Mapping[str, Setting]] = {
        "colour": Setting(str, "a colour", choices=("red", "green"))
    }
    overrides: ClassVar[Mapping[str, Setting]] = {
        "password": Setting(str, "shown in an error"),
        "client_args": Setting(dict, "shown in an error"),
    }

    def verify(self, wanted: Wanted) -> None:
        self._folder()

    def submission(self, wanted: Wanted) -> Submission:
        return Submission(cron_expression=INERT)

    def locate(self, snapshot_id: str, hints: Mapping[str, str]) -> Counterpart | None:
        return next((it for it in self.list_all() if it.snapshot_id == snapshot_id), None)

    def shape(self, found: Counterpart, wanted: Wanted) -> Counterpart:
        body = self._body(found.native_id)
        body |= self.dialect().write(wanted.cadence).fields
        body |= {"paused": wanted.paused, "owner": wanted.owner, **wanted.settings}
        self._write(found.native_id, body)
        return self._counterpart(found.native_id, body)

    def read(self, native_id: str) -> Counterpart | None:
        body = files.read(self._path(native_id))
        return None if body is None else self._counterpart(native_id, body)

    def list_all(self) -> Iterator[Counterpart]:
        if (self._folder() / "lost").exists():
            raise UnreachableError("filecron", "the folder cannot be listed.")
        for path in sorted(self._folder().glob("*.json")):
            body = files.read(path)
            if body is not None:
                yield self._counterpart(path.stem, body)

    def set_paused(self, native_id: str, paused: bool) -> None:
        self._write(native_id, {**self._body(native_id), "paused": paused})

    def delete(self, native_id: str) -> None:
        if (self._folder() / "keep").exists():
            raise UnreachableError("filecron", "the folder keeps what it has.")
        self._path(native_id).unlink(missing_ok=True)
        if (self._folder() / "die-on-delete").exists():
            (self._folder() / "die-on-delete").unlink()
            os._exit(9)

    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        # Each word of the file is a run: its state, and after an @ when it started, if known.
        path = self._folder() / f"{native_id}.runs"
        words = path.read_text().split() if path.exists() else []
        runs = []
        for number, word in enumerate(words):
            state, _, text = word.partition("@")
            started = datetime.fromisoformat(text) if text else None
            if since is None or started is None or started >= since:
                known = cast(RunState, state)
                runs.append(NativeRun(f"run-{number}", known, state, started=started))
        return runs[::-1][:limit]

    def _folder(self) -> Path:
        folder = Path(self.target.component.configuration["folder"])
        if not folder.is_dir():
            raise UnreachableError("filecron", f"there is no folder '{folder}'.")
        if (folder / "down").exists():
            raise UnreachableError("filecron", "the folder is down.")
        if (folder / "quote").exists():
            # As a vendor's SDK may.
            raise RuntimeError(f"cannot sign in with {dict(self.target.overrides)}")
        return folder

    def _path(self, native_id: str) -> Path:
        return self._folder() / f"{native_id}.json"

    def _body(self, native_id: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self._path(native_id).read_text())
        return loaded

    def _write(self, native_id: str, body: Mapping[str, Any]) -> None:
        files.write(self._path(native_id), body)

    def _counterpart(self, native_id: str, body: dict[str, Any]) -> Counterpart:
        if "schedule" not in body:
            return Counterpart(
                native_id=native_id,
                native=Native("unreadable"),
                cadence=None,
                paused=False,
                snapshot_id=body.get("snapshot_id"),
                problem="the file says nothing of a schedule.",
            )
        fields = {key: body[key] for key in ("schedule", "timeZone")}
        try:
            cadence = self.dialect().read(fields)
        except (CannotExpressError, InputError):
            cadence = None
        return Counterpart(
            native_id=native_id,
            native=Native(f"{body['schedule']} {body['timeZone']}", fields),
            cadence=cadence,
            paused=body["paused"],
            snapshot_id=body.get("snapshot_id"),
            owner=body.get("owner"),
            settings={key: body[key] for key in self.settings if key in body},
            pipeline=body.get("pipeline", ""),
            ended=body.get("ended", False),
        )
