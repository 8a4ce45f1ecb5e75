"""A small part of `tests.stress.sync_kills`, for every run of the suite."""

from __future__ import annotations

from tests.stress.sync_kills import run_sync_kills


async def test_a_killed_sync_misses_no_row_and_marks_none_as_stored_that_is_not() -> None:
    """Invariant 65."""
    statistics = await run_sync_kills(8, at_once=2)
    assert statistics.kills >= 8
    assert statistics.checked > 500
    assert statistics.unchanged > 0
    assert not statistics.failures
