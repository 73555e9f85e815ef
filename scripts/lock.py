"""Write the lock files in requirements/ anew: `python3 -m scripts.lock`."""

from __future__ import annotations

import sys

from .setup import paths, python_env
from .setup.console import SetupError, run, say, step

# What of pyproject.toml each lock file holds: the project with extras, and groups.
LOCKS: dict[str, list[str]] = {
    "dev.txt": ["pyproject.toml", "--extra", "all", "--group", "dev"],
    "quickstart.txt": ["pyproject.toml", "--extra", "airflow", "--group", "quickstart"],
    "airflow.txt": ["--group", "airflow"],
    "docs.txt": ["--group", "docs"],
    "tools.txt": ["--group", "tools"],
}
OPTIONS = [
    "--universal",
    "--python-version=3.11",
    "--upgrade",
    "--no-annotate",
    "--no-header",
    "--quiet",
]
HEADER = "# Written by `make lock` from pyproject.toml.\n"


def main() -> int:
    """Resolve every lock file for all Pythons from 3.11 on. Returns the exit code."""
    try:
        uv = python_env.install_uv()
        for name, source in LOCKS.items():
            lock = paths.REQUIREMENTS / name
            with step(f"resolving {name}"):
                run(
                    [uv, "pip", "compile", *OPTIONS, f"--output-file={lock}", *source],
                    cwd=paths.ROOT,
                    log=paths.log("lock"),
                    problem=f"{name} cannot be resolved",
                )
            lock.write_text(HEADER + lock.read_text(encoding="utf-8"), encoding="utf-8")
    except SetupError as error:
        say(f"cannot go on: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
