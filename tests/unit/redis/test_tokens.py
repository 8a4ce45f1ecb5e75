from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from mautic_async.auth.token_store import Token
from mautic_async.errors import ConfigurationError, Secret, Unavailable
from mautic_async.redis import RedisTokens
from mautic_async.redis.connection import Lease
from tests.support.redis_server import RedisServer

TOKEN = Token(access=Secret("a-secret"), refresh=Secret("r-secret"), expires_at=2_000_000_000, client_id="me")


async def test_redis_tokens_load_returns_the_saved_token(redis_server: RedisServer) -> None:
    async with (
        RedisTokens(redis_server.url, name="saved") as tokens,
        RedisTokens(redis_server.url, name="other") as other,
    ):
        assert await tokens.load() is None
        await tokens.save(TOKEN)
        assert await tokens.load() == TOKEN
        assert await other.load() is None


async def test_redis_tokens_load_refuses_foreign_content(redis_server: RedisServer) -> None:
    async with Redis.from_url(redis_server.url) as redis, RedisTokens(redis, name="foreign") as tokens:
        await redis.set("mautic:{foreign}:token", "a-secret")
        with pytest.raises(ConfigurationError, match="not readable") as caught:
            await tokens.load()
        assert "a-secret" not in str(caught.value)


def test_redis_tokens_repr_shows_the_server_and_no_password() -> None:
    assert (
        repr(RedisTokens("redis://:pw@crm-cache:6380/2", name="crm")) == "RedisTokens('crm-cache:6380/2', name='crm')"
    )


async def test_redis_tokens_lock_lets_one_client_in_at_a_time(redis_server: RedisServer) -> None:
    inside, most = 0, 0

    async def renew() -> None:
        nonlocal inside, most
        async with RedisTokens(redis_server.url, name="crowd") as tokens, tokens.lock():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            await tokens.load()
            inside -= 1

    await asyncio.gather(*(renew() for _ in range(8)))
    assert most == 1


async def test_redis_tokens_lock_is_free_after_the_lease_of_a_dead_holder(redis_server: RedisServer) -> None:
    async with Redis.from_url(redis_server.url) as redis:
        dead = Lease(redis, "mautic:{dead}:token:lock", 0.2)
        assert await dead.acquire(1.0)
        assert dead._heartbeat is not None
        dead._heartbeat.cancel()  # a process that dies extends nothing and releases nothing
        async with RedisTokens(redis, name="dead", lease=0.2) as tokens, tokens.lock():
            assert 0 < await redis.pttl("mautic:{dead}:token:lock") <= 200


async def test_redis_tokens_lock_outlives_its_lease_while_the_holder_lives(redis_server: RedisServer) -> None:
    async with Redis.from_url(redis_server.url) as redis, RedisTokens(redis, name="long", lease=0.1) as tokens:
        async with tokens.lock():
            assert not await Lease(redis, "mautic:{long}:token:lock", 0.1).acquire(0.35)
        assert await redis.exists("mautic:{long}:token:lock") == 0


async def test_redis_tokens_wait_for_redis_and_then_name_it(own_redis: RedisServer) -> None:
    async with RedisTokens(own_redis.url, patience=0.2) as tokens:
        await tokens.save(TOKEN)
        own_redis.kill()
        with pytest.raises(Unavailable, match=rf"no token: Redis at 127.0.0.1:{own_redis.port}/0 did not answer"):
            await tokens.load()
        own_redis.start()
        assert await tokens.load() == TOKEN
