"""Checks that a host can run a schedule, before anything is created."""

from __future__ import annotations

from pulumi_zenml.errors import PermissionDeniedError, RefusedError
from pulumi_zenml.orchestrators.hyperai.cron_host import CronHost
from pulumi_zenml.orchestrators.hyperai.crontab import setting

_CRON_PATH = "/usr/bin:/bin"
_COMPOSE = 'read -r path; [ -z "$path" ] || PATH=$path; export PATH; docker compose version'
_WRITABLE = 'read -r home; [ -d "$home" ] && [ -w "$home" ]'

FOR_CRON = ["bash", "crontab", "flock", "sha256sum"]
FOR_AT = ["at", "atq", "atrm"]


def check_host(host: CronHost, home: str, *, once: bool) -> None:
    """Check crontab, programs, folder and Docker Compose.

    Args:
        host: the host.
        home: where ZenML writes to.
        once: for at(1), not for cron.

    Raises:
        ServiceError: with the remedy.
    """
    text = host.crontab()
    require_programs(host, [*FOR_CRON, *(FOR_AT if once else [])])
    require_folder(host, home)
    if not once:
        require_host_zone(host, text)
    require_compose(host, "" if once else cron_path(text))


def require_programs(host: CronHost, names: list[str]) -> None:
    """Require these programs on the host's PATH.

    Raises:
        RefusedError: some are missing.
    """
    missing = host.missing(names)
    if missing:
        raise RefusedError(host.service, f"it lacks {', '.join(missing)}. Install them there.")


def require_folder(host: CronHost, home: str) -> None:
    """Require that ZenML can write to ``home``.

    Raises:
        PermissionDeniedError: it cannot.
    """
    if host.ssh.run(_WRITABLE, f"{home}\n".encode()).code != 0:
        raise PermissionDeniedError(
            host.service,
            f"ZenML writes to {home}, which is not a folder that this user can write to.",
        )


def require_host_zone(host: CronHost, crontab: str) -> None:
    """Require a crontab without a time zone of its own.

    Raises:
        RefusedError: it sets one.
    """
    if setting(crontab, "CRON_TZ"):
        raise RefusedError(
            host.service,
            "its crontab sets CRON_TZ, which some crons apply to the lines below it. Remove it "
            "from the crontab.",
        )


def cron_path(crontab: str) -> str:
    """The PATH that cron starts its jobs with."""
    return setting(crontab, "PATH") or _CRON_PATH


def require_compose(host: CronHost, path: str) -> str:
    """Docker Compose works with that PATH, or with that of an SSH session; its version.

    Raises:
        RefusedError: it does not.
    """
    compose = host.ssh.run(_COMPOSE, f"{path}\n".encode())
    if compose.code != 0:
        whose = f"cron's PATH, {path}" if path else "the PATH of an SSH session"
        raise RefusedError(
            host.service,
            f"'docker compose' does not work with {whose} ({compose.error or compose.code}). "
            "Install Docker with its Compose plugin there, or put a PATH= line at the top of the "
            "crontab.",
        )
    return compose.out.decode("utf-8", "replace").strip()
