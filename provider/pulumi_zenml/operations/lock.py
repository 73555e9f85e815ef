"""One cleanup or restore at a time, for each ZenML and user of this machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from pulumi_zenml.errors import BusyError
from pulumi_zenml.operations.audit_state import state_folder, zenml_key
from pulumi_zenml.zenml.connection import Connection


@contextlib.contextmanager
def change_lock(connection: Connection) -> Iterator[None]:
    """Hold the lock while changing things; the system releases it if the process dies.

    Raises:
        BusyError: another process holds it.
    """
    folder = state_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"change-{zenml_key(connection)}.lock"
    with open(path, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise BusyError(
                f"another cleanup or restore (process {holder}) is changing this ZenML. Wait for "
                "it, then try again."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
