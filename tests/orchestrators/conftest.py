"""Which tests of the conformance suite `make test` runs on Kubernetes only."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to the slow tests what takes long, and what is mostly the same on each flavor."""
    for item in items:
        if isinstance(item, pytest.Function) and _is_slow(item):
            item.add_marker(pytest.mark.slow)


def _is_slow(item: pytest.Function) -> bool:
    given = item.callspec.params if hasattr(item, "callspec") else {}
    if item.path.name != "test_conformance.py" or given.get("made") == "kubernetes":
        return False
    if item.originalname == "test_a_failed_replace_leaves_the_old_pair":
        # By then its counterpart is there, which the flavor has to remove again.
        return given["step"] != "shape"
    return item.originalname == "test_hostile_names_are_refused_or_harmless"
