"""The keys of an SSH login: the user's, and the known host keys."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi_zenml.errors import RefusedError, UnauthenticatedError

if TYPE_CHECKING:
    import paramiko

TIMEOUT_SECONDS = 10
_KNOWN_HOSTS = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
_KEY_CLASSES = {"rsa": "RSAKey", "dsa": "DSSKey", "ecdsa": "ECDSAKey", "ed25519": "Ed25519Key"}
_WRITING = threading.Lock()


@dataclass(frozen=True)
class Login:
    """Where to log in, as whom, and the host's known keys.

    Args:
        service: the host's name in errors.
        host: name or address.
        user: the user's name.
        key: the private key, in OpenSSH's or PEM format.
        kind: ``rsa``, ``dsa``, ``ecdsa`` or ``ed25519``.
        passphrase: of the key; ``None`` when it has none.
        port: TCP port.
        host_key: the host's only acceptable public key, ``ssh-ed25519 AAAA…``; empty to look
            in ``known_hosts``.
        known_hosts: a file in OpenSSH's format; empty for the user's and the machine's own.
        accept_new: accept the key of a host that is not in ``known_hosts`` and add it there.
        timeout: seconds that each step of connecting may take.
    """

    service: str
    host: str
    user: str
    key: str = field(repr=False)
    kind: str
    passphrase: str | None = field(default=None, repr=False)
    port: int = 22
    host_key: str = ""
    known_hosts: str = ""
    accept_new: bool = False
    timeout: float = TIMEOUT_SECONDS


def private_key(login: Login) -> paramiko.PKey:
    """The key to log in with, as paramiko wants it.

    Raises:
        UnauthenticatedError: it cannot be read.
    """
    import paramiko

    name = _KEY_CLASSES.get(login.kind, "")
    cls = getattr(paramiko, name, None)
    if cls is None:
        raise UnauthenticatedError(
            login.service,
            f"its connector has a key of type '{login.kind}', which this paramiko "
            f"({paramiko.__version__}) cannot use. Make an ed25519 key.",
        )
    try:
        key: paramiko.PKey = cls.from_private_key(io.StringIO(login.key), login.passphrase)
    except (paramiko.SSHException, ValueError, IndexError) as error:
        raise UnauthenticatedError(
            login.service,
            f"the private key in its connector cannot be read as {login.kind} "
            f"({type(error).__name__}): is it of that type, Base64 once, and its passphrase right?",
        ) from None
    return key


def load_host_keys(client: paramiko.SSHClient, login: Login) -> None:
    """Load the known host keys into a client.

    Raises:
        RefusedError: an override is wrong.
    """
    import paramiko

    if login.host_key:
        words = login.host_key.split()
        try:
            line = f"{login.host} {' '.join(words[:2])}"
            entry = paramiko.hostkeys.HostKeyEntry.from_line(line)
        except (paramiko.SSHException, paramiko.hostkeys.InvalidHostKey, ValueError):
            entry = None
        if entry is None or entry.key is None:
            raise RefusedError(
                login.service,
                "the override 'host_key' is not a public key: write 'ssh-ed25519 AAAA…', as "
                "ssh-keyscan prints it after the host's name.",
            )
        client.get_host_keys().add(login.host, entry.key.get_name(), entry.key)
        return
    if login.known_hosts and not login.accept_new and not _path(login.known_hosts).is_file():
        raise RefusedError(
            login.service,
            f"the override 'known_hosts' is '{login.known_hosts}', which is not a file.",
        )
    for name in [login.known_hosts] if login.known_hosts else _KNOWN_HOSTS:
        if not _path(name).is_file():
            continue
        try:
            client.load_system_host_keys(str(_path(name)))
        except paramiko.hostkeys.InvalidHostKey as error:
            raise RefusedError(
                login.service, f"{_path(name)} has a line that is not a host key: {error}"
            ) from None


def _path(name: str) -> Path:
    return Path(name).expanduser()


class UnknownHost:
    """paramiko's hook for a host without a known key; changed keys never come here."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def missing_host_key(self, client: object, hostname: str, key: paramiko.PKey) -> None:
        login = self._login
        path = _path(login.known_hosts or _KNOWN_HOSTS[0])
        if not login.accept_new:
            raise UnauthenticatedError(
                login.service,
                f"its host key ({fingerprint(key)}) is not in {path}. If that is the host's key, "
                f"add it: ssh-keyscan {login.host} >> {path}; or pin it with the override "
                f"'host_key' ('{key.get_name()} {key.get_base64()}').",
            )
        with _WRITING:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{hostname} {key.get_name()} {key.get_base64()}\n")


def fingerprint(key: paramiko.PKey) -> str:
    """A public key's type and fingerprint, as OpenSSH prints them."""
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
    return f"{key.get_name()} SHA256:{digest}"
