"""The crontab, the at jobs and the clock of a host over SSH.

Every command is a constant; names, times and texts go to its stdin, so that no shell reads them as
code.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pulumi_zenml.cadence.zones import offset_at, zone_names
from pulumi_zenml.errors import PermissionDeniedError, RefusedError, ServiceError
from pulumi_zenml.orchestrators.hyperai.crontab import FOLDER, SCRIPT
from pulumi_zenml.orchestrators.hyperai.ssh import CommandResult, Ssh

_LIST = "LC_ALL=C; export LC_ALL; crontab -l"
# Debian's `crontab -l` prints a carriage return as the two characters \r; its editor sees the file.
_RAW = "VISUAL=cat; EDITOR=cat; export VISUAL EDITOR; crontab -e 2>/dev/null"
# The lock is against our own processes, the digest against all others.
_WRITE = (
    "LC_ALL=C; export LC_ALL; read -r before; "
    'exec 9<"$HOME" || exit 70; flock -w 30 9 || exit 75; '
    'now=$(crontab -l 2>/dev/null | sha256sum); [ "${now%% *}" = "$before" ] || exit 76; '
    "exec crontab -"
)
_BUSY, _CHANGED = 75, 76
_ATTEMPTS = 8

_JOBS = (
    "LC_ALL=C; TZ=UTC; export LC_ALL TZ; command -v atq >/dev/null || exit 0; "
    'atq | while read -r number rest; do echo "job $number $rest"; '
    f'at -c "$number" | grep -F "/{FOLDER}/"; done; exit 0'
)
_ADD_JOB = 'LC_ALL=C; TZ=UTC; export LC_ALL TZ; read -r when; at -t "$when"'
_REMOVE_JOBS = 'LC_ALL=C; export LC_ALL; while read -r number; do atrm "$number"; done'
_JOB = re.compile(r"job (\d+) (\w{3} \w{3} +\d+ [\d:]{8} \d{4}) (\S) .*", re.ASCII)
_JOB_LINE = re.compile(rf"bash /\S+/{FOLDER}/([0-9a-f-]{{36}})/{re.escape(SCRIPT)}", re.ASCII)

_CLOCK = (
    'printf "%s\\n" "$(readlink -f /etc/localtime)" "$(cat /etc/timezone 2>/dev/null)"; '
    'while read -r at; do TZ=:/etc/localtime date -d "@$at" +%z; done'
)
_TOOLS = 'while read -r name; do command -v "$name" >/dev/null || printf "%s\\n" "$name"; done'


@dataclass(frozen=True)
class Job:
    """One job of at(1) that runs a schedule's script.

    Args:
        number: at's own; it changes with each update.
        due: when, aware, to the minute.
        key: the ZenML snapshot's id.
    """

    number: str
    due: datetime
    key: str


class CronHost:
    """One user's crontab and at jobs on one host.

    Args:
        ssh: the connection.
        service: the host's name in errors.
    """

    def __init__(self, ssh: Ssh, service: str) -> None:
        self.ssh = ssh
        self.service = service

    def crontab(self) -> str:
        """The crontab's text, every byte of it; empty when there is none.

        Raises:
            PermissionDeniedError: the user may not have one.
        """
        return _decode(self._raw(self._listing()))

    def change(self, edit: Callable[[str], str]) -> str:
        """Change the crontab; if it was changed meanwhile, read it and try again.

        Args:
            edit: from the text as it is to the text as it is to be; may be called again.

        Returns:
            The text as read back.

        Raises:
            RefusedError: cron does not accept the text, or it kept changing.
        """
        for attempt in range(_ATTEMPTS):
            listing = self._listing()
            before = _decode(self._raw(listing))
            after = edit(before)
            if after == before:
                return after
            digest = hashlib.sha256(listing).hexdigest().encode()
            done = self.ssh.run(_WRITE, digest + b"\n" + _encode(after))
            if done.code == 0:
                there = self.crontab()
                if there == after or edit(there) == there:
                    return there
            elif done.code not in (_BUSY, _CHANGED):
                raise self._refused(done, "change the crontab")
            time.sleep(0.05 * 2**attempt)
        raise RefusedError(
            self.service,
            f"another program changed the crontab {_ATTEMPTS} times in a row, so the schedule was "
            "not written. Try again.",
        )

    def jobs(self) -> list[Job]:
        """The at jobs that run a ZenML schedule; none where at is missing or forbidden."""
        done = self.ssh.run(_JOBS)
        found, head = [], None
        for line in done.out.decode("utf-8", "replace").split("\n"):
            match = _JOB.fullmatch(line)
            run = _JOB_LINE.fullmatch(line)
            if match is not None:
                head = match
            elif run is not None and head is not None:
                due = datetime.strptime(head[2], "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
                found.append(Job(head[1], due, run[1]))
        return found

    def add_job(self, due: datetime, command: str) -> None:
        """Have ``command`` run once.

        Args:
            due: aware; at(1) takes whole minutes. It is passed in UTC, whatever the host's zone.
            command: one line for sh.

        Raises:
            RefusedError: at refused it, or its daemon is not running.
        """
        when = due.astimezone(UTC).strftime("%Y%m%d%H%M.%S")
        done = self.ssh.run(_ADD_JOB, f"{when}\n{command}\n".encode())
        if done.code != 0:
            raise self._refused(done, "queue an at job")
        if "atd" in done.error:
            raise RefusedError(
                self.service, f"at warns: {done.error.splitlines()[-1]} Start atd on the host."
            )

    def remove_jobs(self, jobs: list[Job]) -> None:
        """Remove jobs from at's queue; already removed is success."""
        if jobs:
            self.ssh.run(_REMOVE_JOBS, "".join(f"{job.number}\n" for job in jobs).encode())

    def missing(self, names: list[str]) -> list[str]:
        """Those of the programs that a shell on the host does not find."""
        done = self.ssh.run(_TOOLS, "".join(f"{name}\n" for name in names).encode())
        return done.out.decode().split()

    def timezone(self) -> str:
        """The IANA name of the host's own zone, in which its cron reads the crontab.

        Raises:
            ServiceError: the host has no zone name that fits its clock.
        """
        year = datetime.now(UTC).year
        samples = [datetime(year + y, month, 15, tzinfo=UTC) for y in (0, 1) for month in (1, 7)]
        asked = "".join(f"{int(sample.timestamp())}\n" for sample in samples)
        lines = self.ssh.run(_CLOCK, asked.encode()).out.decode("utf-8", "replace").split("\n")
        link, name, offsets = lines[0], lines[1], lines[2 : 2 + len(samples)]
        _, _, linked = link.partition("/zoneinfo/")
        for candidate in (linked, name.strip(), "UTC"):
            known = candidate == "UTC" or candidate in zone_names()
            if known and offsets == [_offset(candidate, sample) for sample in samples]:
                return candidate
        raise ServiceError(
            self.service,
            f"its time zone is unclear: /etc/localtime is '{link}', /etc/timezone says "
            f"'{name.strip()}', and its clock's offsets are {', '.join(offsets)}. Set it with "
            "'timedatectl set-timezone' on the host.",
        )

    def _listing(self) -> bytes:
        done = self.ssh.run(_LIST)
        if done.code == 0:
            return done.out
        if "no crontab for" in done.error:
            return b""
        raise self._refused(done, "read the crontab")

    def _raw(self, listing: bytes) -> bytes:
        if b"\\r" not in listing:
            return listing
        done = self.ssh.run(_RAW)
        if done.code != 0 or done.out.replace(b"\r", b"\\r") != listing.replace(b"\r", b"\\r"):
            raise RefusedError(
                self.service,
                "the crontab contains carriage returns, and cannot be read exactly. Remove them.",
            )
        return done.out

    def _refused(self, done: CommandResult, doing: str) -> ServiceError:
        said = " ".join(done.error.split()) or f"exit code {done.code}"
        if "not allowed" in done.error or "permission" in done.error.lower():
            return PermissionDeniedError(
                self.service,
                f"could not {doing}: {said}. Add the user to cron.allow and at.allow (or remove "
                "it from cron.deny and at.deny).",
            )
        return RefusedError(self.service, f"could not {doing}: {said}")


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _offset(timezone: str, instant: datetime) -> str:
    minutes = offset_at(timezone, instant) // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}{rest:02}"
