"""Whether a host can run what is to be scheduled on it, seen before anything is made."""

from __future__ import annotations

from pulumi_zenml.errors import PermissionDeniedError, RefusedError
from pulumi_zenml.orchestrators.hyperai.cron_host import CronHost
from pulumi_zenml.orchestrators.hyperai.crontab import setting

_CRON_PATH = "/usr/bin:/bin"
_COMPOSE = 'read -r path; [ -z "$path" ] || PATH=$path; export PATH; docker compose version'
_WRITABLE = 'read -r home; [ -d "$home" ] && [ -w "$home" ]'
_FOR_CRON = ["bash", "crontab", "flock", "sha256sum"]
_FOR_AT = ["at", "atq", "atrm"]


def check_host(host: CronHost, home: str, *, once: bool) -> None:
    """Look at crontab, programs, folder and Docker Compose.

    Args:
        host: the host.
        home: where ZenML writes to.
        once: for at(1), not for cron.

    Raises:
        ServiceError: with the remedy.
    """
    text = host.crontab()
    missing = host.missing([*_FOR_CRON, *(_FOR_AT if once else [])])
    if missing:
        raise RefusedError(host.service, f"it lacks {', '.join(missing)}. Install them there.")
    if host.ssh.run(_WRITABLE, f"{home}\n".encode()).code != 0:
        raise PermissionDeniedError(
            host.service, f"ZenML writes to {home}, which is no folder of this user."
        )
    if not once and setting(text, "CRON_TZ"):
        raise RefusedError(
            host.service,
            "its crontab sets CRON_TZ, in which some crons read the lines below it. Take it out "
            "of the crontab.",
        )
    path = "" if once else setting(text, "PATH") or _CRON_PATH
    compose = host.ssh.run(_COMPOSE, f"{path}\n".encode())
    if compose.code != 0:
        whose = f"cron's PATH, {path}" if path else "the PATH of an SSH session"
        raise RefusedError(
            host.service,
            f"'docker compose' does not work with {whose} ({compose.error or compose.code}). "
            "Install Docker with its Compose plugin there, or put a PATH= line at the top of the "
            "crontab.",
        )
