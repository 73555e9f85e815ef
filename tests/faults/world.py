"""A world that can be saved and put back: a ZenML server, an orchestrator, and Pulumi's state."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from faults.calls import PLAN, read_log
from faults.sides import Native, Side
from faults.warm import Programs
from testbed.engine import Project, Result
from testbed.process import wait_until
from testbed.snapshots import zenml_client
from testbed.zenml_server import ZenmlServer, zenml_server

BYSTANDER = """
import pulumi_zenml as zenml
zenml.Schedule("bystander", stack="one", snapshot="training:v1", name="bystander", {cadence})
"""


@dataclass(frozen=True)
class Look:
    """Both sides, seen past the product.

    Args:
        records: the rows of ZenML's table of schedules, archived ones too, by id.
        snapshots: the snapshots without a name, by id.
        natives: the native schedules.
        remains: what else the orchestrator holds.
    """

    records: dict[str, dict[str, Any]]
    snapshots: dict[str, dict[str, Any]]
    natives: list[Native]
    remains: set[str]


@dataclass(frozen=True)
class Saved:
    """A world as it was."""

    folder: Path
    side: Any
    program: str


@dataclass
class Ran:
    """One command of the engine.

    Args:
        code: its exit code.
        output: what it said.
        changes: how many resources by operation.
        calls: what the provider called, if that was watched.
        reached: whether what was planned happened.
        steps: what was done, for a table.
    """

    code: int
    output: str
    changes: dict[str, int] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    reached: bool = False


class World:
    """One ZenML server, one part of an orchestrator, one Pulumi project, a colleague's pair.

    Args:
        folder: where all of it goes.
        server: ZenML.
        side: the orchestrator.
        programs: what the engine finds first.
    """

    def __init__(self, folder: Path, server: ZenmlServer, side: Side, programs: Programs) -> None:
        self.folder = folder
        self.server = server
        self.side = side
        self._programs = programs
        self.env = {**server.client_environment(folder / "client"), **side.environment}
        self.sources: dict[str, str] = {}
        with zenml_client(folder, self.env) as client:
            side.register(client)
            for name in ("v1", "v2"):
                made = client.create_snapshot("one", name=name, value=int(name[1]))
                self.sources[name] = made.id
        other = self.make_project("colleague", "other")
        cadence = self.arguments(cron=side.cron)
        other.write(BYSTANDER.format(cadence=cadence))
        self.command(other, "up", ok=True)
        self.bystander = self.look()
        self.project = self.make_project("project", "testbed")
        self._empty = self.save("empty")
        self.kept: dict[str, Saved] = {}
        self.operations: dict[str, Any] = {}
        self.others = 0
        # ZenML's CronJobs share an account and its binding; they are allowed to stay.
        self.allowed = {
            it.replace(" one/", f" {place}/")
            for it in self.bystander.remains
            for place in ("one", "two")
        }

    def arguments(self, **given: Any) -> str:
        """Arguments of a Schedule, as a program has them."""
        zone = {"timezone": self.side.timezone} if self.side.timezone else {}
        given = {**zone, **given}
        return ", ".join(f"{key}={value!r}" for key, value in given.items() if value is not None)

    def make_project(self, folder: str, name: str, *, stack: str = "dev") -> Project:
        """A Pulumi project with a backend of its own."""
        place = self.folder / folder
        place.mkdir()
        project = Project(place, "import pulumi\n", name=name, stack=stack, env=self.env)
        project.env.update(self._programs.environment)
        project.env["PATH"] = f"{self._programs.folder}:{project.env['PATH']}"
        project.env["PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS"] = "true"
        if self.side.overrides:
            project.set_config("zenml:orchestrators", json.dumps(self.side.overrides))
        return project

    def empty(self) -> None:
        """Put the world back to where only the colleague's pair is."""
        self.restore(self._empty)

    def save(self, name: str) -> Saved:
        """Keep the world as it is."""
        folder = self.folder / "saved" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with (
            closing(sqlite3.connect(self.server.database, timeout=60)) as live,
            closing(sqlite3.connect(folder / "zenml.db")) as copy,
        ):
            live.backup(copy)
        state = self.project.folder / ".engine" / "state"
        shutil.copytree(state, folder / "state", ignore=shutil.ignore_patterns("history"))
        program = (self.project.folder / "__main__.py").read_text()
        return Saved(folder, self.side.save(), program)

    def restore(self, saved: Saved) -> None:
        """Put the world back to how it was."""
        with (
            closing(sqlite3.connect(saved.folder / "zenml.db")) as copy,
            closing(sqlite3.connect(self.server.database, timeout=60)) as live,
        ):
            copy.backup(live)
        state = self.project.folder / ".engine" / "state"
        shutil.rmtree(state)
        shutil.copytree(saved.folder / "state", state)
        self.project.write(saved.program)
        self.side.restore(saved.side)

    def look(self) -> Look:
        """Look at both sides."""
        with closing(sqlite3.connect(self.server.database, timeout=60)) as live:
            live.row_factory = sqlite3.Row
            records = [dict(it) for it in live.execute("SELECT * FROM schedule")]
            snapshots = [
                dict(it)
                for it in live.execute(
                    "SELECT id, schedule_id, source_snapshot_id FROM pipeline_snapshot "
                    "WHERE name IS NULL"
                )
            ]
        unnamed = {_id(it["id"]): it for it in snapshots}
        natives = [it if it.snapshot else _link(it, unnamed) for it in self.side.natives()]
        rows = {_id(it["id"]): it for it in records}
        return Look(rows, unnamed, natives, self.side.remains())

    def command(
        self,
        project: Project,
        verb: str,
        *options: str,
        plan: Mapping[str, Any] | None = None,
        ok: bool | None = None,
    ) -> Ran:
        """Run one command of the engine.

        Args:
            project: whose.
            verb: ``up``, ``destroy``, ``refresh`` or ``preview``.
            options: more options.
            plan: what goes wrong, beside the log; see `faults.calls.Plan`.
            ok: whether it has to succeed; ``None`` for either.
        """
        events = project.folder / ".engine" / "events.jsonl"
        events.unlink(missing_ok=True)
        log = project.folder / ".engine" / "calls.jsonl"
        log.unlink(missing_ok=True)
        always = ("--diff",) if verb == "preview" else ("--yes", "--skip-preview")
        if plan is not None:
            file = project.folder / ".engine" / "plan.json"
            side = {"folders": self.side.folders, "ssh": self.side.ssh}
            full = {"log": str(log), **side, **plan}
            file.write_text(json.dumps(full))
            project.env[PLAN] = str(file)
        try:
            done = project.run(verb, *always, *options, "--event-log", str(events), fails=None)
        finally:
            project.env.pop(PLAN, None)
        lines = events.read_text().splitlines() if events.exists() else []
        parsed = []
        for line in lines:
            try:
                parsed.append(json.loads(line))
            except json.JSONDecodeError:  # the engine was killed
                break
        result = Result(done.exit_code, done.output, parsed)
        if ok and done.exit_code:
            raise AssertionError(f"pulumi {verb} failed:\n{done.output}")
        calls, reached = read_log(log)
        return Ran(done.exit_code, done.output, result.changes, calls, reached)

    def unlock(self) -> None:
        """What a user does after the engine was killed."""
        self.project.run("cancel", "--yes", fails=None)

    def wait_for_quiet(self) -> None:
        """Wait until a provider that outlived its engine has ended what it was doing."""
        log = self.project.folder / ".engine" / "calls.jsonl"
        size, since = -1, time.monotonic()

        def is_quiet() -> bool:
            nonlocal size, since
            now = log.stat().st_size
            if now != size:
                size, since = now, time.monotonic()
            return time.monotonic() - since > 1.5

        wait_until(is_quiet, "the provider is quiet", seconds=60)


@contextmanager
def make_world(side: Side, programs: Programs, folder: Path | None = None) -> Iterator[World]:
    """A world with a ZenML server of its own, for as long as a block lasts."""
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        (folder / "zenml").mkdir(parents=True)
        server = stack.enter_context(zenml_server(folder / "zenml"))
        stack.callback(side.close)
        yield World(folder, server, side, programs)


def _link(native: Native, snapshots: Mapping[str, Any]) -> Native:
    """A native schedule whose text names the snapshot somewhere."""
    return replace(native, snapshot=next((it for it in snapshots if it in native.raw), ""))


def _id(text: str) -> str:
    """A UUID as people write it; SQLite holds it without hyphens."""
    bare = text.replace("-", "")
    return "-".join((bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:]))
