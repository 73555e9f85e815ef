"""Fixtures for all tests."""

from __future__ import annotations

import __main__

pytest_plugins = ["testbed.fixtures"]

# A process of pytest-xdist has no main module's file, by which ZenML finds the root of the source.
if not getattr(__main__, "__file__", None):
    __main__.__file__ = __file__
