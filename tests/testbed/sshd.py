"""A real SSH host with cron and at, on loopback port 22, in name spaces of its own.

It has its own `/etc`, `/home`, crontabs and processes, so the machine's users, crontabs and time
zone stay as they are, and nothing of it outlives the block. ZenML's HyperAI connector knows no
other port than 22 (zenml 0.98 `HyperAIServiceConnector`), so the host gets a loopback address of
its own. Needs root, and a kernel that lets root make mount and process name spaces.

Docker is the one thing that is not real: `docker` is a script that answers `compose version` and
copies the `.env` of each `compose up` to the end of `~/docker.log`.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .process import ServiceError, finish, program, running, wait_until

PORT = 22
ADDRESSES = [f"127.0.0.{last}" for last in range(77, 250)]
USERNAME = "testbed"

_SSHD_CONFIG = """\
ListenAddress {address}:{port}
HostKey {folder}/host_key
AuthorizedKeysFile .ssh/authorized_keys
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 200
PrintMotd no
SetEnv PATH=/home/{user}/bin:/usr/bin:/bin
Subsystem sftp internal-sftp
"""

# Runs as process 1 of the name space: when it ends, all of them do.
_BOOT = """\
set -e
cd {folder}
mount --make-rprivate /
mkdir -p etc spool home mail
cp -a /etc/. etc/
cp -a /var/spool/cron/. spool/
rm -rf etc/cron.d/* etc/cron.*ly/* etc/crontab spool/crontabs/* spool/atjobs/[a-z=]*
ln -sfn /usr/share/zoneinfo/{zone} etc/localtime
echo {zone} > etc/timezone
mount --bind etc /etc
mount --bind spool /var/spool/cron
mount --bind home /home
mount --bind mail /var/mail
mount -t tmpfs tmpfs /run
[ ! -e /usr/sbin/sendmail ] || mount --bind /bin/true /usr/sbin/sendmail
mkdir -p /run/sshd
useradd --create-home --shell /bin/bash --password '*' {user}
mkdir -p /home/{user}/.ssh /home/{user}/bin
cp user_key.pub /home/{user}/.ssh/authorized_keys
cp docker /home/{user}/bin/docker
chmod 755 /home/{user}/bin/docker
chown -R {user}: /home/{user}
{cron} -f &
{atd} -f &
while sleep 0.1; do
    [ -e closed ] || {sshd} -D -e -f {folder}/sshd_config || true
done
"""

_DOCKER = """\
#!/bin/sh
case "$1 $2" in
"compose version") echo "Docker Compose version v2.29.7" ;;
"compose up") cat .env >> "$HOME/docker.log" ;;
*) echo "docker: '$1 $2' is not a docker command." >&2; exit 1 ;;
esac
"""


@dataclass(frozen=True)
class SshHost:
    """A host that runs.

    Attributes:
        address: The loopback address where sshd listens, on port 22.
        username: The one user that may log in, and has a crontab and an `at` queue.
        private_key: The path of the user's private key, of type ed25519, in OpenSSH's format.
        known_hosts: The path of a known_hosts file that names the host's key.
        home: The user's home, as seen from outside.
        folder: Holds all of the host's files, and the logs.
    """

    address: str
    username: str
    private_key: Path
    known_hosts: Path
    home: Path
    folder: Path

    @property
    def host_key(self) -> str:
        """The host's public key: its type and what it is in Base64."""
        return self.known_hosts.read_text(encoding="ascii").split(maxsplit=1)[1].strip()

    def run(self, command: str, *, data: str = "", check: bool = True) -> str:
        """Run a command on the host as the user, over SSH, and return what it prints.

        Args:
            command: What the user's shell is to run.
            data: Its stdin. Here and in the answer, a byte that is not UTF-8 is a surrogate.
            check: Whether a failure is an error.

        Raises:
            ServiceError: It failed, and `check` is set.
        """
        login = [program("ssh"), "-F", "none", "-o", "BatchMode=yes", "-i", str(self.private_key)]
        login += ["-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "StrictHostKeyChecking=yes"]
        done = subprocess.run(
            [*login, f"{self.username}@{self.address}", command],
            input=data.encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
            timeout=60,
        )
        out = done.stdout.decode("utf-8", "surrogateescape")
        if check and done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace")
            raise ServiceError(f"{command}: exit code {done.returncode}\n{out}\n{said}")
        return out

    def crontab(self) -> str:
        """Return the user's crontab, every byte of it; empty if there is none."""
        # What `crontab -l` prints instead of a carriage return is two characters.
        raw = "crontab -l >/dev/null && VISUAL=cat EDITOR=cat crontab -e"
        return self.run(raw, check=False)

    def write_crontab(self, text: str) -> None:
        """Replace the user's crontab."""
        self.run("crontab -", data=text)

    def at_queue(self) -> list[str]:
        """Return the user's `at` jobs, a line each, with times in UTC."""
        return self.run("LC_ALL=C TZ=UTC atq").splitlines()

    @contextmanager
    def without_login(self) -> Iterator[None]:
        """Refuse the user's key for a while."""
        keys = self.home / ".ssh" / "authorized_keys"
        kept = keys.read_bytes()
        keys.write_bytes(b"")
        try:
            yield
        finally:
            keys.write_bytes(kept)

    @contextmanager
    def without_crontab(self) -> Iterator[None]:
        """Forbid the user to use crontab and at for a while."""
        files = [self.folder / "etc" / name for name in ("cron.deny", "at.deny")]
        kept = [path.read_text() if path.exists() else None for path in files]
        for path in files:
            path.write_text(f"{self.username}\n", encoding="ascii")
            path.chmod(0o644)
        try:
            yield
        finally:
            for path, content in zip(files, kept, strict=True):
                if content is None:
                    path.unlink()
                else:
                    path.write_text(content)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Accept connections and say nothing for a while."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Refuse connections for a while."""
        mark = self.folder / "closed"
        mark.touch()
        self._signal(signal.SIGTERM)
        wait_until(lambda: not _answers(self.address), "sshd has ended", seconds=10)
        try:
            yield
        finally:
            mark.unlink()
            wait_until(lambda: _answers(self.address), "sshd answers again", seconds=10)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the sshd that listens: it was started with our configuration."""
        config = str(self.folder / "sshd_config").encode()
        found = 0
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "comm").read_text().strip() != "sshd":
                    continue
                if config in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), number)
                    found += 1
        if not found:
            raise ServiceError(f"no sshd of {self.folder} runs")


@contextmanager
def ssh_host(
    folder: Path, *, zone: str = "Etc/UTC", address: str | None = None
) -> Iterator[SshHost]:
    """Run a host for as long as a block lasts.

    Args:
        folder: Where its files go.
        zone: The host's time zone.
        address: The loopback address to listen on; a free one if not given.

    Raises:
        ServiceError: We are not root, a program is missing, or a service did not start.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        raise ServiceError("the SSH host needs Linux and root: it uses name spaces and port 22")
    folder.mkdir(parents=True, exist_ok=True)
    address = address or _free_address()
    keygen = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "testbed", "-f"]
    for name in ("host_key", "user_key"):
        (folder / name).unlink(missing_ok=True)
        finish([*keygen, folder / name], log=folder / "ssh-keygen.log")
    kind, key, *_ = (folder / "host_key.pub").read_text().split()
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(f"{address} {kind} {key}\n", encoding="ascii")
    words = {"address": address, "port": PORT, "folder": folder, "user": USERNAME}
    (folder / "sshd_config").write_text(_SSHD_CONFIG.format(**words), encoding="ascii")
    (folder / "docker").write_text(_DOCKER, encoding="ascii")
    daemons = {name: shlex.quote(program(name)) for name in ("cron", "atd", "sshd")}
    boot = _BOOT.format(folder=shlex.quote(str(folder)), user=USERNAME, zone=zone, **daemons)
    unshare = [program("unshare"), "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with running(
        [*unshare, "sh", "-c", boot],
        log=folder / "host.log",
        ready=lambda: _answers(address),
    ) as leader:
        yield SshHost(
            address=address,
            username=USERNAME,
            private_key=folder / "user_key",
            known_hosts=known_hosts,
            home=folder / "home" / USERNAME,
            folder=folder,
        )
        # unshare itself does not listen to SIGTERM; process 1 takes all others with it.
        for child in Path(f"/proc/{leader.pid}/task/{leader.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)


def _answers(address: str) -> bool:
    try:
        with socket.create_connection((address, PORT), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _free_address() -> str:
    for address in ADDRESSES:
        with socket.socket() as probe, suppress(OSError):
            probe.bind((address, PORT))
            return address
    raise ServiceError(f"port {PORT} is taken on all of {ADDRESSES[0]} to {ADDRESSES[-1]}")
