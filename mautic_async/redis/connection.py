"""A Redis client whose commands wait while Redis is away, and the lease that tells other processes who is at work.

redis-py repeats a command after a lost connection. All commands of this package may be applied twice: they write
absolute values, or, like the acquisition of a slot, err on the safe side.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, Self, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.lock import Lock
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import LockError, RedisError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

LEASE: Final = 10.0
"""Seconds that a lease outlives its holder, unless the user says otherwise. A living holder extends it three times in
that time."""
_SOCKET_TIMEOUT: Final = 5.0
_MAX_CONNECTIONS: Final = 50
"""Connections of one process. A worker with a hundred shards sends more commands at once."""
_FOREVER: Final = -1


class RedisUnreachable(Exception):
    """The failure of a command: Redis refused it, or did not answer within the caller's patience."""


class RedisConnection:
    """A Redis client that waits up to *patience* seconds while Redis is away.

    Args:
        redis: URL (``redis://``, ``rediss://``, ``unix://``), or a client, which the caller closes.
        patience: Seconds that one operation may take, reconnections included.
    """

    def __init__(self, redis: str | Redis, patience: float) -> None:
        self._patience = patience
        self._is_ours = isinstance(redis, str)
        self.client = connect(redis) if isinstance(redis, str) else redis

    def __repr__(self) -> str:
        settings = self.client.connection_pool.connection_kwargs
        place = settings.get("path") or f"{settings.get('host', 'localhost')}:{settings.get('port', 6379)}"
        return f"{place}/{settings.get('db', 0)}"

    async def run(self, operation: Callable[[Redis], Awaitable[T]]) -> T:
        """Return the result of *operation*.

        Raises:
            RedisUnreachable: Redis answered with an error, or not within the patience.
        """
        try:
            # The client itself repeats for ever; this bounds the operation as a whole, reconnections included.
            async with asyncio.timeout(self._patience):
                return await operation(self.client)
        except TimeoutError:
            raise RedisUnreachable(f"Redis at {self} did not answer for {self._patience:g} s") from None
        except RedisError as error:
            raise RedisUnreachable(f"Redis at {self}: {error}") from error

    async def aclose(self) -> None:
        """Close the client if it was made from a URL."""
        if self._is_ours:
            await self.client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def connect(url: str) -> Redis:
    """Return a client that repeats a command until Redis is back; `RedisConnection.run` limits the time."""
    backoff = ExponentialWithJitterBackoff(base=0.05, cap=1.0)
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_MAX_CONNECTIONS,
        timeout=None,  # a command waits for a free connection as long as `RedisConnection.run` lets it
        retry=Retry(backoff, _FOREVER),
        socket_timeout=_SOCKET_TIMEOUT,
        socket_connect_timeout=_SOCKET_TIMEOUT,
        health_check_interval=30,
    )
    return Redis.from_pool(pool)


class Lease:
    """A lock in Redis that ends with its holder: it expires unless a task of the holder extends it.

    A holder that stalls for longer than the lease loses it without notice. So a lease says who should work; it does
    not protect what is written (`RedisJournal` numbers its holders for that).
    """

    def __init__(self, client: Redis, name: str, seconds: float) -> None:
        self._lock = Lock(client, name, timeout=seconds, sleep=0.05, thread_local=False)
        # Three beats in a lease: one of them may be lost without losing the lease.
        self._pause = seconds / 3
        self._released = asyncio.Event()
        self._heartbeat: asyncio.Task[None] | None = None

    async def acquire(self, seconds: float) -> bool:
        """Return True once the lease is held; False if another process still holds it after *seconds*."""
        if not await self._lock.acquire(blocking=True, blocking_timeout=seconds):
            return False
        self._heartbeat = asyncio.get_running_loop().create_task(self._extend())
        return True

    async def release(self) -> None:
        """Let the lease go. One that is lost, or that Redis is not there to take back, expires by itself."""
        heartbeat, self._heartbeat = self._heartbeat, None
        if heartbeat is None:
            return
        self._released.set()
        _, waiting = await asyncio.wait({heartbeat}, timeout=1.0)
        for task in waiting:  # Redis does not answer
            task.cancel()
            await asyncio.wait({task})
        with contextlib.suppress(LockError, RedisError, TimeoutError):
            # At the end nothing waits for Redis for long, because an unreleased lease expires by itself.
            async with asyncio.timeout(1.0):
                await self._lock.release()

    async def _extend(self) -> None:
        # The event ends the loop even if the Redis client swallows a cancellation.
        while not self._released.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause):
                    await self._released.wait()
            if not self._released.is_set():
                await self._extend_once()

    async def _extend_once(self) -> None:
        with contextlib.suppress(RedisError):  # Redis is away: the next beat tries again
            try:
                await self._lock.reacquire()
            except LockError:  # expired while Redis or this process was away: take it again if it is free
                await self._lock.acquire(blocking=False)
