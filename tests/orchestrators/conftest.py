"""Which tests of the conformance suite `make test` leaves to the slow tests."""

from __future__ import annotations

import pytest

from orchestrators.benches import STAND_INS

LONG = ("test_hostile_names_are_refused_or_harmless",)
# What the lifecycle does with a flavor's answers, which the other tests of the suite prove. The
# orchestrator in memory and the real ones pass these in each run.
SAME = (
    "test_counterpart_deleted_by_hand",
    "test_delete_of_what_is_gone",
    "test_listing_shows_each_with_its_snapshot",
    "test_paused_by_hand",
    "test_record_deleted_by_hand",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to the slow tests what takes long, and what is mostly the same on each flavor."""
    for item in items:
        if isinstance(item, pytest.Function) and _is_slow(item):
            item.add_marker(pytest.mark.slow)


def _is_slow(item: pytest.Function) -> bool:
    given = item.callspec.params if hasattr(item, "callspec") else {}
    flavor = given.get("made")
    if item.path.name != "test_conformance.py" or flavor == "kubernetes":
        return False
    if item.originalname == "test_a_failed_replace_leaves_the_old_pair":
        # By then its counterpart is there, which the flavor has to remove again.
        return given["step"] != "shape"
    return item.originalname in LONG or (flavor in STAND_INS and item.originalname in SAME)
