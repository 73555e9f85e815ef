"""How many examples a property is tried with: a share of them in a quick run, else all."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

ALL_EXAMPLES = os.environ.get("PROPERTY_EXAMPLES") == "all"
"""Whether this is a long run; `make test-slow` says so."""
_SHARE = 10


def examples(many: int, **more: Any) -> settings:
    """The settings of a property. Mark its test with `properties`, so that a long run has it.

    Args:
        many: how many examples a long run tries; the same ones each time.
        more: further settings of hypothesis.
    """
    count = many if ALL_EXAMPLES else max(1, many // _SHARE)
    return settings(max_examples=count, deadline=None, derandomize=True, database=None, **more)
