"""What a call costs more through `RedisRateLimitStore`, over loopback: wall and CPU, one at a time and side by side.

The bound is one command of redis-py (a GET), since a call needs at least one.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from redis.asyncio import Redis

from benchmarks import _measure
from mautic_async.ratelimit.store import AcquireRequest, Observation, Permit
from mautic_async.redis import RedisRateLimitStore
from tests.support.redis_server import RedisServer, find_server

CALLS = 300 if _measure.QUICK else 3000


async def measure(name: str, work: Callable[[], Awaitable[object]]) -> None:
    await work()
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:40} {wall / CALLS * 1e6:8.0f} us wall {cpu / CALLS * 1e6:8.0f} us CPU a call")


async def main(url: str) -> None:
    async with Redis.from_url(url) as redis:
        store = RedisRateLimitStore(redis)

        async def call() -> None:
            permit = await store.acquire(AcquireRequest(now=time.time(), token="token"))
            assert isinstance(permit, Permit)
            await store.observe(Observation(now=time.time(), permit=permit, token="token", status=200))

        async def one_at_a_time() -> None:
            for _ in range(CALLS):
                await call()

        async def side_by_side() -> None:
            for _ in range(CALLS // 50):
                await asyncio.gather(*(call() for _ in range(50)))

        async def bound() -> None:
            for _ in range(CALLS):
                await redis.get("nothing")

        await measure("one GET of redis-py", bound)
        await measure("acquire and observe, one at a time", one_at_a_time)
        await measure("acquire and observe, 50 side by side", side_by_side)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(find_server() or "redis-server", Path(folder))
        server.start()
        try:
            asyncio.run(main(server.url))
        finally:
            server.kill()
