"""HyperAI: lines in a user's crontab, and jobs of at(1), on a host behind SSH.

ZenML writes a folder with a Docker Compose file and a script to the host, and appends a bare line
to the crontab without checking the result (zenml 0.98 hyperai_orchestrator.submit_pipeline). It
is given a cron that its own pattern accepts and every crontab(1) that checks its input refuses, so
that it writes only the files; :meth:`shape` then writes the line that fires.

A host must have a known key. ZenML's connector accepts any host key (paramiko.AutoAddPolicy), so
ZenML's orchestrator uses our connection while it submits. Only the ZenML server's own verification
of a connector still accepts any key.
"""

from __future__ import annotations

import contextlib
import posixpath
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from pulumi_zenml.cadence.dialects.at import At
from pulumi_zenml.cadence.dialects.base import Dialect
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.errors import (
    InputError,
    NotFoundError,
    RefusedError,
    ServiceError,
)
from pulumi_zenml.orchestrators.base import Orchestrator, Target
from pulumi_zenml.orchestrators.capabilities import Capabilities, Gap, Setting, Yes
from pulumi_zenml.orchestrators.counterpart import Counterpart, NativeRun, Wanted
from pulumi_zenml.orchestrators.hyperai.checks import check_host
from pulumi_zenml.orchestrators.hyperai.component_host import ComponentHost
from pulumi_zenml.orchestrators.hyperai.cron_host import CronHost, Job
from pulumi_zenml.orchestrators.hyperai.crontab import SCRIPT, CrontabEntry, drop, entries, put
from pulumi_zenml.orchestrators.hyperai.host_dialect import HostDialect
from pulumi_zenml.orchestrators.hyperai.probes import HostProbes
from pulumi_zenml.orchestrators.hyperai.runs import last_start, runs_in_zenml
from pulumi_zenml.orchestrators.hyperai.ssh import connect
from pulumi_zenml.orchestrators.probe import Probe
from pulumi_zenml.zenml.submission import Submission

if TYPE_CHECKING:
    import paramiko
    from zenml.models import PipelineSnapshotResponse
    from zenml.stack import Stack

# ZenML's pattern accepts minute 60; crontab(1) says "bad minute" and keeps the old table.
_REFUSED_CRON = "60 0 30 2 *"
_TRIGGER = 'read -r script; exec bash "$script"'


class HyperAIOrchestrator(Orchestrator):
    """ZenML's HyperAI orchestrator."""

    flavor = "hyperai"
    capabilities = Capabilities(
        counterpart="crontab line or at job",
        dialect="crontab",
        smallest_interval=timedelta(minutes=1),
        cron=Yes(),
        interval=Gap("never", "cron has no intervals", "a cron such as `*/15 * * * *`"),
        run_once=Yes("with at(1), on a whole minute"),
        start_time=Gap("never", "cron has no start date", "`paused=True` until then"),
        end_time=Gap("never", "cron has no end date"),
        catchup=Gap("never", "cron does not catch up on fires missed while the host was down"),
        timezone=Yes("the host's own zone, or one that never differs from it"),
        pause=Yes("as a comment in the crontab; an at job leaves the queue meanwhile"),
        change_in_place=Yes("the ownership marker; the flavor has no settings"),
        run_history=Yes("the runs that reported to ZenML, and the last start on the host"),
        trigger=Yes(),
        keeps_runs=Yes("containers are not stopped"),
        fires_on_create=Gap("never", "cron waits for the next fire time"),
        found_by="the snapshot's id in the path of the script that the line runs",
        left_behind="stopped containers and pulled images on the host",
        runs_image=True,
    )
    overrides: ClassVar[Mapping[str, Setting]] = {
        "host_key": Setting(str, "the host's only acceptable public key, `ssh-ed25519 AAAA…`"),
        "known_hosts": Setting(str, "file with known host keys; default ~/.ssh/known_hosts"),
        "accept_new_host_keys": Setting(bool, "accept and keep the key of a host not yet known"),
        "timeout_seconds": Setting(int, "how long each step of connecting may take; default 10"),
    }

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._place = ComponentHost(target)
        self._lock = threading.Lock()
        self._timezone = ""

    @classmethod
    def dialect(cls) -> Dialect:
        """Crontab and at, for a host in UTC; :meth:`spell` uses the host's actual zone."""
        return HostDialect()

    def spell(self, cadence: Cadence) -> Native:
        """``cadence`` in the host's own zone, which is read from the host once."""
        return HostDialect(self._host_timezone()).write(cadence)

    @classmethod
    def check(cls, wanted: Wanted) -> list[InputError]:
        """Every mistake that can be found offline.

        The host's zone is not known offline: :meth:`verify` compares it with the cadence's.
        """
        return [error for error in super().check(wanted) if error.property != "timezone"]

    def verify(self, wanted: Wanted) -> None:
        """Check the host: known key, crontab and at allowed, programs, zone, Docker Compose.

        Raises:
            ServiceError: with the remedy.
            CannotExpressError: the cadence's zone is not the host's.
        """
        with self._host() as host:
            check_host(host, self._place.home(), once=wanted.cadence.kind == "once")
        self.spell(wanted.cadence)

    def probes(self) -> Iterator[Probe]:
        """Also the host: login, crontab, programs, daemons, Docker, folder, zone and clock."""
        yield from HostProbes(self._host, self._place.login, self._place.home)
        yield from super().probes()

    def submission(self, wanted: Wanted) -> Submission:
        """A cron that crontab(1) refuses: ZenML makes the files, and :meth:`shape` the line."""
        return Submission(cron_expression=_REFUSED_CRON, around=self._around)

    def locate(self, snapshot_id: str, hints: Mapping[str, str]) -> Counterpart | None:
        """The counterpart that runs ``snapshot_id``, or ``None``.

        A folder without a line is found too: ZenML creates one for :meth:`shape`, and a line that
        was removed by hand leaves one behind, with ZenML's token in it.
        """
        with self._host() as host:
            found = self._all(host).get(snapshot_id)
            if found is None:
                with host.ssh.files() as files, contextlib.suppress(FileNotFoundError):
                    files.stat(posixpath.join(self._place.folder(snapshot_id), SCRIPT))
                    problem = "neither the crontab nor at has a line for it"
                    return self._unlined(snapshot_id, problem)
            return found

    def shape(self, found: Counterpart, wanted: Wanted) -> Counterpart:
        """Write the exact line or job and its markers; close the folder to other users."""
        key = self._place.key(found.native_id)
        native = self.spell(wanted.cadence)
        entry = CrontabEntry(
            key,
            self._place.command(key),
            cron=str(native.fields.get("schedule", "")),
            once=wanted.cadence.run_once_at,
            paused=wanted.paused,
            owner=wanted.owner or None,
        )
        with self._host() as host:
            with host.ssh.files() as files:
                files.chmod(self._place.folder(key), stat.S_IRWXU)
            self._write(host, entry)
            made = self._all(host).get(key)
        if made is None:
            raise RefusedError(
                self._place.service,
                f"{found.native_id} was written, but is missing when read back.",
            )
        return made

    def read(self, native_id: str) -> Counterpart | None:
        """The line or job as it is now, or ``None`` when it was deleted."""
        with self._host() as host:
            return self._all(host).get(self._place.key(native_id))

    def list_all(self) -> Iterator[Counterpart]:
        """Every line and job that runs a ZenML schedule's script, with one read of the host."""
        with self._host() as host:
            yield from self._all(host).values()

    def set_paused(self, native_id: str, paused: bool) -> None:
        """Comment the line out or in. A job leaves the queue, and returns if its time is ahead."""
        key = self._place.key(native_id)
        with self._host() as host:
            found = {entry.key: entry for entry in entries(host.crontab())}.get(key)
            due = next((job.due for job in host.jobs() if job.key == key), None)
            if due is None and not (found and (found.cron or found.once)):
                raise NotFoundError(
                    self._place.service, f"there is no line or job for {native_id}."
                )
            once = due or (found.once if found else None)
            owner = found.owner if found else None
            cron = found.cron if found else ""
            command = self._place.command(key)
            self._write(host, CrontabEntry(key, command, cron, once, paused, owner))

    def delete(self, native_id: str) -> None:
        """Remove the job, the block, then the folder with ZenML's token in it."""
        key = self._place.key(native_id)
        with self._host() as host:
            host.remove_jobs([job for job in host.jobs() if job.key == key])
            host.change(lambda text: drop(text, key))
            with host.ssh.files() as files:
                _remove_tree(files, self._place.folder(key))

    def runs(
        self, native_id: str, *, since: datetime | None = None, limit: int = 100
    ) -> Sequence[NativeRun]:
        """The runs that reported to ZenML, and the last start on the host.

        Cron keeps no history; the script writes the id of its last start to a file. If that one
        is not in ZenML, its containers did not start: its state is ``unknown``.
        """
        key = self._place.key(native_id)
        found = runs_in_zenml(key, since, limit)
        with self._host() as host, host.ssh.files() as files:
            last = last_start(files, self._place.folder(key))
        if last and all(run.run_id != last.run_id for run in found):
            found.append(last)
        found.sort(key=lambda run: run.started or datetime.max.replace(tzinfo=UTC), reverse=True)
        recent = [run for run in found if not (since and run.started and run.started < since)]
        return recent[:limit]

    def trigger(self, native_id: str) -> str:
        """Run the schedule's script once, now; returns the id that ZenML's run will have."""
        key = self._place.key(native_id)
        script = posixpath.join(self._place.folder(key), SCRIPT)
        with self._host() as host:
            with host.ssh.files() as files:
                try:
                    files.open(script).close()
                except FileNotFoundError:
                    raise NotFoundError(
                        self._place.service, f"there is no {script} on the host."
                    ) from None
            done = host.ssh.run(_TRIGGER, f"{script}\n".encode())
            if done.code != 0:
                said = done.error or f"exit code {done.code}"
                raise RefusedError(self._place.service, f"{script} failed: {said}")
            with host.ssh.files() as files:
                last = last_start(files, self._place.folder(key))
        return last.run_id if last else ""

    @contextlib.contextmanager
    def _around(self, stack: Stack, snapshot: PipelineSnapshotResponse) -> Iterator[None]:
        """Have ZenML use our connection, and a folder that only the user can read.

        ZenML's code creates the folder too, but starts to write before it exists.
        """
        folder = self._place.folder(str(snapshot.id))
        with self._host() as host:
            with host.ssh.files() as files:
                for path in (posixpath.dirname(folder), folder):
                    with contextlib.suppress(OSError):
                        files.mkdir(path, stat.S_IRWXU)
            stack.orchestrator._connector_instance = self._place.zenml_connector(host.ssh.client)
            try:
                yield
            except BaseException:
                with contextlib.suppress(ServiceError), host.ssh.files() as files:
                    _remove_tree(files, folder)
                raise

    # --- what is on the host -----------------------------------------------------------------

    def _all(self, host: CronHost) -> dict[str, Counterpart]:
        jobs: dict[str, list[Job]] = {}
        for job in host.jobs():
            jobs.setdefault(job.key, []).append(job)
        found = {entry.key: entry for entry in entries(host.crontab())}
        dialect = HostDialect(self._host_timezone(host))
        made = {
            key: self._counterpart(key, found.get(key), jobs.get(key, []), dialect)
            for key in {**found, **jobs}
        }
        return {key: item for key, item in made.items() if item is not None}

    def _counterpart(
        self, key: str, entry: CrontabEntry | None, jobs: Sequence[Job], dialect: HostDialect
    ) -> Counterpart | None:
        problem = entry.problem if entry else ""
        paused, ended = entry.paused if entry else False, False
        once = jobs[0].due if jobs else entry.once if entry else None
        if entry and entry.cron:
            native = Native(entry.cron, {"schedule": entry.cron})
            if jobs:
                problem = "an at job runs it as well"
        elif once is not None:
            native = At().write(Cadence(run_once_at=once))
            ended = not jobs and once <= datetime.now(UTC)
            if not jobs and not paused and not ended:
                return None
            paused = paused and not jobs
            if len(jobs) > 1:
                problem = f"{len(jobs)} at jobs run it"
        else:
            return None
        try:
            cadence = dialect.read(native.fields)
            native = dialect.write(cadence) if entry and entry.cron else native
        except InputError as error:
            cadence, problem = None, problem or error.reason
        return Counterpart(
            native_id=self._place.native_id(key),
            native=native,
            cadence=cadence,
            paused=paused,
            snapshot_id=key,
            owner=entry.owner if entry else None,
            ended=ended,
            problem=problem,
        )

    def _write(self, host: CronHost, entry: CrontabEntry) -> None:
        """Write ``entry`` to crontab and queue; what must not fire is removed first."""
        due = entry.once if not entry.paused else None
        queued = [job for job in host.jobs() if job.key == entry.key]
        stale = [job for job in queued if job.due != due]
        kept = [job for job in queued if job.due == due]
        host.remove_jobs([*stale, *kept[1:]])
        host.change(lambda text: put(text, entry))
        if due is not None and not kept and due > datetime.now(UTC):
            host.add_job(due, entry.command)

    def _unlined(self, key: str, problem: str) -> Counterpart:
        return Counterpart(self._place.native_id(key), Native(""), None, True, key, problem=problem)

    @contextlib.contextmanager
    def _host(self) -> Iterator[CronHost]:
        with connect(self._place.login()) as ssh:
            yield CronHost(ssh, self._place.service)

    def _host_timezone(self, host: CronHost | None = None) -> str:
        with self._lock:
            if not self._timezone:
                with contextlib.nullcontext(host) if host else self._host() as there:
                    self._timezone = there.timezone()
            return self._timezone


def _remove_tree(files: paramiko.SFTPClient, path: str) -> None:
    """Remove a folder and all in it, never going through a symbolic link."""
    try:
        inside = files.listdir_attr(path)
    except FileNotFoundError:
        return
    for item in inside:
        child = posixpath.join(path, item.filename)
        if stat.S_ISDIR(item.st_mode or 0):
            _remove_tree(files, child)
        else:
            files.remove(child)
    files.rmdir(path)
