"""One rate limit for the processes of several machines, in one Redis key.

Each operation is an optimistic transaction: the process computes the new state from the one that it saw last, and a
script stores it if that is still the state in Redis. Otherwise the script returns the newer state, and the process
computes again. So an operation is one round trip, and one more for each process that came first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from attrs import define, evolve

from mautic_async.errors import Unavailable
from mautic_async.ratelimit.store import Acquired, AcquireRequest, Observation, RateLimitState
from mautic_async.redis.connection import RedisConnection, RedisUnreachable

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")

EXPIRE_SECONDS: Final = 7200
"""Seconds after the last call at which the key disappears: the window of Mautic's limiter is an hour."""
PATIENCE: Final = 30.0

COMPARE_AND_SET: Final = """
local current, seen, fresh = redis.call('GET', KEYS[1]) or '', ARGV[1], ARGV[2]
local stored = current == seen and fresh ~= ''
if stored then redis.call('SET', KEYS[1], fresh, 'EX', ARGV[3]) end
local now = redis.call('TIME')
return {stored and 1 or 0, stored and '' or current, now[1], now[2]}
"""


@define(eq=False)
class Waiting:
    """An operation that waits for the next transaction of this process. It may be applied more than once until then."""

    operation: Callable[[RateLimitState, float], Any]
    result: Any = None


class RedisRateLimitStore:
    """A rate limit that any number of processes on any number of machines share through one key in Redis.

    Time is the time of the Redis server, so the clocks of the machines need not agree. The key holds counts, and a
    short salted digest instead of a token; it expires two hours after the last call. If Redis loses it, the next
    answers of Mautic tell the state anew. While Redis is away calls wait up to *patience*; then they fail with
    `Unavailable`, and are not sent.

    Args:
        redis: URL, or a client that the caller closes. A store made from a URL is closed by ``async with`` or `aclose`.
        name: Name of the limit. Every Mautic needs a name of its own; its tokens may share one.
        patience: Seconds to wait for Redis before a call fails.

    Mautic: REST API, Rate limiter.
    """

    def __init__(self, redis: str | Redis, *, name: str = "default", patience: float = PATIENCE) -> None:
        self._connection = RedisConnection(redis, patience)
        self._name = name
        self._key = f"mautic:{{{name}}}:rate-limit"
        self._script = self._connection.client.register_script(COMPARE_AND_SET)
        self._order = asyncio.Lock()
        self._waiting: list[Waiting] = []
        self._seen = b""
        self._offset: float | None = None

    def __repr__(self) -> str:
        return f"RedisRateLimitStore({str(self._connection)!r}, name={self._name!r})"

    async def acquire(self, request: AcquireRequest) -> Acquired:
        """Apply `RateLimitState.acquire` to the state in Redis.

        Raises:
            Unavailable: Redis is away, or refuses.
        """
        return await self._change(lambda state, now: state.acquire(evolve(request, now=now)))

    async def observe(self, observation: Observation) -> None:
        """Apply `RateLimitState.observe` to the state in Redis.

        Raises:
            Unavailable: As for `acquire`.
        """
        await self._change(lambda state, now: state.observe(evolve(observation, now=now)))

    async def _change(self, operation: Callable[[RateLimitState, float], T]) -> T:
        """Apply *operation*, together with all that wait by then, to a state that no process changed in between."""
        waiting = Waiting(operation)
        self._waiting.append(waiting)
        try:
            # One transaction at a time in this process: two of them would only make each other repeat.
            async with self._order:
                if waiting in self._waiting:
                    # One exchange applies all operations that wait, as a group commit does.
                    await self._connection.run(lambda _: self._commit(tuple(self._waiting)))
        except RedisUnreachable as error:
            raise Unavailable(f"the rate limit is not known: {error}") from error
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
        result: T = waiting.result
        return result

    async def _commit(self, group: tuple[Waiting, ...]) -> None:
        while self._offset is None:  # the first call only asks for the state and the time
            await self._exchange(b"")
        stored = False
        while not stored:
            # The time of the Redis server, which is the same for all processes.
            now = time.time() + self._offset
            state = RateLimitState.from_text(self._seen.decode() or None, now)
            for waiting in group:
                waiting.result = waiting.operation(state, now)
            # If another process was faster, the state is computed anew from what it has written.
            stored = await self._exchange(state.to_text().encode())
        for waiting in group:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    async def _exchange(self, fresh: bytes) -> bool:
        """Replace the state by *fresh* if it is the one seen last, and learn the server's state and time."""
        stored, current, seconds, microseconds = await self._script(
            keys=[self._key], args=[self._seen, fresh, EXPIRE_SECONDS]
        )
        self._offset = int(seconds) + int(microseconds) / 1e6 - time.time()
        # The state is remembered, so that the next operation needs one round trip and no read before.
        self._seen = fresh if stored else current
        return bool(stored)

    async def aclose(self) -> None:
        """Close the connections, if the store was made from a URL."""
        await self._connection.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
