"""Install parts of the development machine: `python3 -m scripts.setup PART...`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

OLDEST_PYTHON = (3, 11)


def main(names: list[str]) -> int:
    """Install parts, or groups of parts, by name. Returns the exit code."""
    from .console import SetupError, say
    from .parts import GROUPS, PARTS

    unknown = [name for name in names if name not in PARTS and name not in GROUPS]
    if unknown or not names:
        print(f"unknown part: {' '.join(unknown) or '(none given)'}", file=sys.stderr)
        print(f"groups: {' '.join(GROUPS)}\nparts: {' '.join(PARTS)}", file=sys.stderr)
        return 2
    wanted = [part for name in names for part in GROUPS.get(name, (name,))]
    try:
        for part in dict.fromkeys(wanted):
            PARTS[part]()
    except SetupError as error:
        say(f"cannot go on: {error}")
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130
    return 0


def _use_newer_python() -> None:
    """Start again with a newer Python, should an old one come first on PATH."""
    for minor in (13, 12, 11):
        newer = shutil.which(f"python3.{minor}")
        # Tools that keep several Pythons put names on PATH that do not start.
        if newer and subprocess.call([newer, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(newer, [newer, "-m", "scripts.setup", *sys.argv[1:]])
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(
        f"[setup] cannot go on: Python 3.11 or newer is needed, and {sys.executable} is {found}"
    )


if __name__ == "__main__":
    if sys.version_info < OLDEST_PYTHON:
        _use_newer_python()
    sys.exit(main(sys.argv[1:]))
