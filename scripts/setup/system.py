"""Programs that come from the operating system."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from . import paths
from .console import SetupError, run, step


def find(program: str) -> str | None:
    """Return the path of a program, in the places for administrators too, or None."""
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return shutil.which(program, path=os.pathsep.join([*places, "/usr/sbin", "/sbin"]))


def ensure(
    what: str, *, packages: Sequence[str], instead: str, programs: Sequence[str] = ()
) -> None:
    """Make sure that programs are installed, through apt-get where that is possible.

    Args:
        what: What they are, for messages.
        packages: The Debian packages that hold them.
        instead: What to do by hand where apt-get cannot be used.
        programs: The programs. Without any, the packages are installed in any case.

    Raises:
        SetupError: They are not there and cannot be installed from here.
    """
    missing = [program for program in programs if find(program) is None]
    if programs and not missing:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        why = "this is not Debian" if shutil.which("apt-get") is None else "you are not root"
        names = f" ({', '.join(missing)})" if missing not in ([], [what]) else ""
        raise SetupError(f"{what}{names} is not installed, and {why}: {instead}")
    log = paths.log("apt")
    # Debian starts a service as soon as it is installed; tests start their own, on loopback.
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    with step(f"installing {what} ({' '.join(packages)})"):
        run(["apt-get", "update"], log=log, env=quiet, problem="apt-get update failed")
        run(
            ["apt-get", "install", "-y", "--no-install-recommends", *packages],
            log=log,
            env=quiet,
            problem=f"{what} cannot be installed with apt-get",
        )
