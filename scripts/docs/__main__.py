"""Build the docs site into site/ and check it: `python3 -m scripts.docs`."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from scripts.docs.site import broken_links
from scripts.setup import paths

SITE = paths.ROOT / "site"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def main() -> int:
    """Build strictly; a docstring that cannot be read and a broken link are errors too.

    Returns:
        The exit code.
    """
    built = subprocess.run(
        [paths.cache() / "docs" / "bin" / "zensical", "build", "--clean", "--strict"],
        cwd=paths.ROOT,
        env={**os.environ, "PYTHONPATH": str(paths.ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(_COLOUR.sub("", built.stdout), end="")
    unread = "griffe: " in built.stdout
    broken = list(broken_links(SITE)) if built.returncode == 0 else []
    for problem in broken:
        print(problem)
    return 1 if built.returncode or unread or broken else 0


if __name__ == "__main__":
    sys.exit(main())
