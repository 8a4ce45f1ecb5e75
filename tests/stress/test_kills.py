"""Twenty of the kills; `python -m tests.stress.kills --kills 200` makes the rest."""

from __future__ import annotations

import asyncio

from tests.stress.kills import run_kills
from tests.support.sizes import sized


def test_bulk_job_killed_repeatedly_ends_as_if_never_killed() -> None:
    """Invariant 29."""
    kills = sized(5, 20)
    toll = asyncio.run(run_kills(kills, at_once=2, seed=100))
    assert not toll.failures, dict(toll.failures)
    assert sum(toll.kills.values()) >= kills
    assert toll.resumed > 0
