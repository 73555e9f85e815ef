"""Read-only probes of a HyperAI host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pulumi_zenml.errors import ServiceError
from pulumi_zenml.orchestrators.hyperai.checks import (
    FOR_AT,
    FOR_CRON,
    cron_path,
    require_compose,
    require_folder,
    require_host_zone,
    require_programs,
)
from pulumi_zenml.orchestrators.hyperai.cron_host import CronHost
from pulumi_zenml.orchestrators.hyperai.ssh_keys import Login
from pulumi_zenml.orchestrators.probe import Probe, ProbeResult, Result

_SKEW = timedelta(seconds=60)
_CLOCK = "date -u +%s"
# With hidepid the processes of other users are hidden, process 1 among them (proc(5)).
_PROCESSES = (
    "[ -r /proc/1/comm ] || exit 3; "
    'for file in /proc/[0-9]*/comm; do cat "$file" 2>/dev/null; done; exit 0'
)
_HIDDEN = 3
_CRONS = ("cron", "crond", "fcron")
_ATDS = ("atd",)
_START_CRON = "Start cron on the host: sudo systemctl enable --now cron (or crond)."
_START_ATD = "For run_once_at, start atd on the host: sudo systemctl enable --now atd."


@dataclass(frozen=True)
class HostProbes:
    """The probes of one host, each over a connection of its own.

    Args:
        connect: to the host.
        login: the user and the host.
        home: the folder that ZenML writes to.
    """

    connect: Callable[[], AbstractContextManager[CronHost]]
    login: Callable[[], Login]
    home: Callable[[], str]

    def __iter__(self) -> Iterator[Probe]:
        yield Probe("SSH", self._ssh)
        yield Probe("crontab", self._crontab)
        yield Probe("programs for cron", self._programs)
        yield Probe("programs for at", self._programs_for_at)
        yield Probe("cron daemon", lambda: self._daemon(_CRONS, "failed", _START_CRON))
        yield Probe("at daemon", lambda: self._daemon(_ATDS, "warning", _START_ATD))
        yield Probe("Docker Compose", self._compose)
        yield Probe("folder", self._folder)
        yield Probe("time zone", self._zone)
        yield Probe("clock", self._clock)

    def _ssh(self) -> ProbeResult:
        login = self.login()
        with self.connect():
            return ProbeResult(
                f"logged in as {login.user}@{login.host}:{login.port}, whose key is known"
            )

    def _crontab(self) -> ProbeResult:
        with self.connect() as host:
            text = host.crontab()
            require_host_zone(host, text)
        return ProbeResult(f"read, {len(text.splitlines())} lines")

    def _programs(self) -> ProbeResult:
        with self.connect() as host:
            require_programs(host, FOR_CRON)
        return ProbeResult(", ".join(FOR_CRON))

    def _programs_for_at(self) -> ProbeResult:
        with self.connect() as host:
            missing = host.missing(FOR_AT)
        if missing:
            remedy = "For run_once_at, install at on the host."
            return ProbeResult(f"it lacks {', '.join(missing)}", "warning", remedy)
        return ProbeResult(", ".join(FOR_AT))

    def _daemon(self, names: tuple[str, ...], otherwise: Result, remedy: str) -> ProbeResult:
        with self.connect() as host:
            done = host.ssh.run(_PROCESSES)
        if done.code == _HIDDEN:
            return ProbeResult("the host hides the processes of other users", "unknown")
        running = set(done.out.decode("utf-8", "replace").split("\n")) & set(names)
        if not running:
            return ProbeResult(f"no process named {' or '.join(names)}", otherwise, remedy)
        return ProbeResult(f"{', '.join(sorted(running))} runs")

    def _compose(self) -> ProbeResult:
        with self.connect() as host:
            return ProbeResult(require_compose(host, cron_path(host.crontab())))

    def _folder(self) -> ProbeResult:
        home = self.home()
        with self.connect() as host:
            require_folder(host, home)
        return ProbeResult(f"{home} can be written to")

    def _zone(self) -> ProbeResult:
        with self.connect() as host:
            return ProbeResult(f"its cron reads the crontab in {host.timezone()}")

    def _clock(self) -> ProbeResult:
        with self.connect() as host:
            done = host.ssh.run(_CLOCK)
            now = datetime.now(UTC)
        try:
            there = datetime.fromtimestamp(int(done.out), UTC)
        except ValueError:
            said = done.error or "nothing"
            raise ServiceError(host.service, f"its '{_CLOCK}' printed {said}.") from None
        skew = abs(there - now)
        if skew > _SKEW:
            remedy = "Set the host's clock: sudo timedatectl set-ntp true."
            return ProbeResult(f"it differs from this machine's by {skew}", "warning", remedy)
        return ProbeResult(f"it is within {_SKEW.total_seconds():.0f} s of this machine's")
