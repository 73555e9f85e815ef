"""A connection to an SSH host with a known host key."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from pulumi_zenml.errors import (
    PermissionDeniedError,
    ServiceError,
    UnauthenticatedError,
    UnreachableError,
)
from pulumi_zenml.orchestrators._sdk import need
from pulumi_zenml.orchestrators.hyperai.ssh_keys import (
    Login,
    UnknownHost,
    fingerprint,
    load_host_keys,
    private_key,
)

if TYPE_CHECKING:
    import paramiko

_COMMAND_SECONDS = 60.0
_ATTEMPTS = 3

# paramiko logs whole tracebacks of what it also raises.
_PARAMIKO_LOG = "pulumi_zenml.paramiko"
logging.getLogger(_PARAMIKO_LOG).propagate = False
logging.getLogger(_PARAMIKO_LOG).addHandler(logging.NullHandler())


@dataclass(frozen=True)
class CommandResult:
    """The result of a command on the host.

    Args:
        code: its exit code.
        out: what it printed.
        error: what it printed on stderr, decoded.
    """

    code: int
    out: bytes
    error: str


class Ssh:
    """An open connection. Commands are constants; all data goes to their stdin."""

    def __init__(self, client: paramiko.SSHClient, login: Login) -> None:
        self.client = client
        """paramiko's own client."""
        self._login = login

    def run(self, script: str, data: bytes = b"") -> CommandResult:
        """Run a constant POSIX shell script; ``data`` is its stdin.

        Raises:
            UnreachableError: the connection broke, or no answer came in time.
        """
        assert "'" not in script
        with _translated(self._login, "run a command"):
            transport = self.client.get_transport()
            assert transport is not None
            channel = transport.open_session(timeout=self._login.timeout)
            with contextlib.closing(channel):
                channel.settimeout(_COMMAND_SECONDS)
                channel.exec_command(f"sh -c '{script}'")
                # A script that refuses early closes its stdin.
                with contextlib.suppress(OSError):
                    channel.sendall(data)
                channel.shutdown_write()
                out = channel.makefile("rb").read()
                error = channel.makefile_stderr("rb").read()
                if not channel.status_event.wait(_COMMAND_SECONDS):
                    raise TimeoutError("the command did not end")
                code = channel.recv_exit_status()
        return CommandResult(code, out, error.decode("utf-8", "replace").strip())

    @contextlib.contextmanager
    def files(self) -> Iterator[paramiko.SFTPClient]:
        """The host's files, by SFTP."""
        with _translated(self._login, "reach its files"):
            sftp = self.client.open_sftp()
            channel = sftp.get_channel()
            assert channel is not None
            channel.settimeout(_COMMAND_SECONDS)
            with contextlib.closing(sftp):
                yield sftp


@contextlib.contextmanager
def connect(login: Login) -> Iterator[Ssh]:
    """Connect for as long as a block lasts.

    Raises:
        UnreachableError: no answer.
        UnauthenticatedError: the host has another key than the known one, or refuses ours.
    """
    need("paramiko", "hyperai", login.service)
    retrying = Retrying(
        retry=retry_if_exception_type(_BusyError),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_exponential_jitter(initial=0.3, max=3),
        reraise=True,
    )
    try:
        client = retrying(_open, login)
    except _BusyError as error:
        raise UnreachableError(login.service, error.reason) from None
    try:
        yield Ssh(client, login)
    finally:
        client.close()


class _BusyError(UnreachableError):
    """A transient connection failure: a restart, or too many connections (sshd MaxStartups)."""


def _open(login: Login) -> paramiko.SSHClient:
    import paramiko

    key = private_key(login)
    client = paramiko.SSHClient()
    client.set_log_channel(_PARAMIKO_LOG)
    policy: Any = UnknownHost(login)
    client.set_missing_host_key_policy(policy)
    load_host_keys(client, login)
    try:
        with _translated(login, "connect"):
            client.connect(
                login.host,
                port=login.port,
                username=login.user,
                pkey=key,
                timeout=login.timeout,
                banner_timeout=login.timeout,
                auth_timeout=login.timeout,
                allow_agent=False,
                look_for_keys=False,
            )
    except BaseException:
        client.close()
        raise
    return client


@contextlib.contextmanager
def _translated(login: Login, doing: str) -> Iterator[None]:
    """Turn the exceptions of paramiko and the socket into our errors."""
    import paramiko

    where = f"{login.host}:{login.port}"
    try:
        yield
    except ServiceError:
        raise
    except paramiko.BadHostKeyException as error:
        raise UnauthenticatedError(
            login.service,
            f"{where} has another host key ({fingerprint(error.key)}) than the known one "
            f"({fingerprint(error.expected_key)}). Either the host was reinstalled and the known "
            "key must be replaced, or the connection is intercepted.",
        ) from None
    except paramiko.AuthenticationException as error:
        raise UnauthenticatedError(
            login.service,
            f"{where} refuses the connector's key for user '{login.user}' ({error}). Is its "
            "public half in that user's ~/.ssh/authorized_keys?",
        ) from None
    except (ConnectionRefusedError, ConnectionResetError) as error:
        raise _BusyError(login.service, f"{where} refuses the connection ({error}).") from None
    except paramiko.ssh_exception.NoValidConnectionsError as error:
        raise _BusyError(login.service, f"{where} refuses the connection ({error}).") from None
    except socket.gaierror as error:
        raise UnreachableError(
            login.service, f"the name '{login.host}' is not found ({error})."
        ) from None
    except PermissionError as error:
        raise PermissionDeniedError(
            login.service, f"user '{login.user}' may not {doing}: {error}. Who owns the folder?"
        ) from None
    except FileNotFoundError:
        raise
    except (TimeoutError, paramiko.SSHException, EOFError, OSError) as error:
        said = str(error) or type(error).__name__
        raise UnreachableError(
            login.service,
            f"could not {doing} at {where}: {said}. Is its SSH server up and reachable?",
        ) from None
