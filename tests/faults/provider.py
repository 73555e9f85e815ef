"""Pulumi's dynamic provider with its calls watched: what the engine starts in place of it."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

from faults import calls

if __name__ == "__main__":
    if calls.PLAN in os.environ:
        calls.install(Path(os.environ[calls.PLAN]))
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)
