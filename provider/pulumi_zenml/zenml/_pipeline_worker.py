"""Run by the interpreter that the user names: imports a pipeline, makes a snapshot of it.

Stands alone, because that interpreter need not have this package. Reads one JSON object from
stdin (``pipeline``, ``root``, ``name``, ``answer``) and writes ``{"id": ...}`` to ``answer``.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path


def main() -> None:
    """Make the snapshot."""
    asked = json.load(sys.stdin)
    # Not this file's own folder, whose modules must not hide the user's.
    here = str(Path(__file__).parent)
    sys.path[:] = [asked["root"], *(it for it in sys.path if it != here)]
    from zenml.client import ClientConfiguration
    from zenml.utils import source_utils

    # ZenML would write this server's project and stack into the user's repository (.zen).
    ClientConfiguration.write_config = lambda self: None  # type: ignore[method-assign]
    source_utils.set_custom_source_root(asked["root"])
    module, _, name = asked["pipeline"].partition(":")
    pipeline = getattr(importlib.import_module(module), name, None)
    if pipeline is None or not hasattr(pipeline, "create_snapshot"):
        raise SystemExit(f"'{name}' in module '{module}' is not a ZenML pipeline.")
    snapshot = pipeline.create_snapshot(name=asked["name"], replace=True)
    Path(asked["answer"]).write_text(json.dumps({"id": str(snapshot.id)}))


main()
