"""Twenty of the kills; `python -m tests.stress.kills --kills 200` makes the rest."""

from __future__ import annotations

import asyncio

from tests.stress.kills import run_kills


def test_bulk_job_killed_repeatedly_ends_as_if_never_killed() -> None:
    """Invariant 29."""
    toll = asyncio.run(run_kills(20, at_once=2, seed=100))
    assert not toll.failures, dict(toll.failures)
    assert sum(toll.kills.values()) >= 20
    assert toll.resumed > 0
