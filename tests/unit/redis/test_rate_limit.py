from __future__ import annotations

import asyncio
import json
import time

import pytest
from redis.asyncio import Redis

from mautic_async.errors import Unavailable
from mautic_async.protocol.headers import RateLimitHeaders
from mautic_async.ratelimit.store import AcquireRequest, Observation, Permit
from mautic_async.redis import RedisRateLimitStore
from tests.support.redis_server import RedisServer

REQUEST = AcquireRequest(now=0.0, token="token")  # a clock that is half a century behind


def answer(permit: Permit, remaining: int) -> Observation:
    now = time.time()
    headers = RateLimitHeaders(100, remaining, int(now) + 3600, now)
    return Observation(now=0.0, permit=permit, token="token", headers=headers, status=200)


async def acquired(store: RedisRateLimitStore) -> Permit:
    permit = await store.acquire(REQUEST)
    assert isinstance(permit, Permit)
    return permit


async def test_redis_rate_limit_store_counts_the_calls_of_two_machines_together(redis_server: RedisServer) -> None:
    async with (
        RedisRateLimitStore(redis_server.url, name="two") as one,
        RedisRateLimitStore(redis_server.url, name="two") as other,
    ):
        await one.observe(answer(await acquired(one), remaining=2))
        first, second = await acquired(one), await acquired(other)
        assert first != second
        assert not isinstance(await other.acquire(REQUEST), Permit)  # two in flight, two left: a third would be refused


async def test_redis_rate_limit_store_gives_no_more_permits_than_are_left(redis_server: RedisServer) -> None:
    stores = [RedisRateLimitStore(redis_server.url, name="rush") for _ in range(8)]
    await stores[0].observe(answer(await acquired(stores[0]), remaining=10))
    answers = await asyncio.gather(*(store.acquire(REQUEST) for store in stores for _ in range(5)))
    assert sum(isinstance(it, Permit) for it in answers) == 10
    for store in stores:
        await store.aclose()


async def test_redis_rate_limit_store_uses_the_clock_of_redis(redis_server: RedisServer) -> None:
    async with Redis.from_url(redis_server.url) as redis, RedisRateLimitStore(redis, name="clock") as store:
        permit = await acquired(store)
        state = json.loads(await redis.get("mautic:{clock}:rate-limit") or "")
        seconds, _ = await redis.time()
        assert state["in_flight"][permit.id] == pytest.approx(seconds, abs=5)
        assert 7190 < await redis.ttl("mautic:{clock}:rate-limit") <= 7200


async def test_redis_rate_limit_store_replaces_foreign_content(
    redis_server: RedisServer,
) -> None:
    async with Redis.from_url(redis_server.url) as redis, RedisRateLimitStore(redis, name="foreign") as store:
        await redis.set("mautic:{foreign}:rate-limit", "[1")
        await acquired(store)


async def test_redis_rate_limit_store_fails_while_redis_is_away(
    own_redis: RedisServer,
) -> None:
    async with RedisRateLimitStore(own_redis.url, patience=0.2) as store:
        await store.observe(answer(await acquired(store), remaining=3))
        own_redis.kill()
        with pytest.raises(Unavailable, match=r"rate limit is not known: Redis at .* did not answer for 0.2 s"):
            await store.acquire(REQUEST)
        own_redis.start()
        answers = [await store.acquire(REQUEST) for _ in range(4)]
        assert [isinstance(it, Permit) for it in answers] == [True, True, True, False]
