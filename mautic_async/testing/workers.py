"""Time the server takes: a pool of workers, a backlog, ``a`` seconds a request and ``c`` seconds a row."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mautic_async.clock import Clock


@frozen(kw_only=True)
class Latency:
    """The cost of a request and of its rows.

    Attributes:
        request: Seconds for each request.
        row: Seconds more for each row it writes.
        jitter: Both vary by this share, at random.
        basic: Seconds more for checking a password (bcrypt).
    """

    request: float = 0.02
    row: float = 0.0085
    jitter: float = 0.0
    basic: float = 0.0


def to_latency(latency: Latency | float | tuple[float, float] | None) -> Latency | None:
    """Return the `Latency` that seconds a request, or (seconds a request, seconds a row), stand for."""
    if latency is None or isinstance(latency, Latency):
        return latency
    if isinstance(latency, tuple):
        return Latency(request=latency[0], row=latency[1])
    return Latency(request=latency)


class WorkerPool:
    """Workers and their speed.

    Args:
        clock: Time and chance.
        latency: Costs; None for no time at all.
        workers: How many requests are worked on at once.
        backlog: How many wait for a worker before the front refuses with 502.
    """

    def __init__(self, clock: Clock, latency: Latency | None, workers: int, backlog: int) -> None:
        self.clock = clock
        self.latency = latency
        self.size = workers
        self.backlog = backlog
        self.busy: int = 0
        self.accepted = 0
        self.waiters: list[asyncio.Future[None]] = []
        self.sessions: dict[str, asyncio.Lock] = {}

    @property
    def is_full(self) -> bool:
        """True if no more requests can wait."""
        return self.accepted >= self.size + self.backlog

    @asynccontextmanager
    async def acquire(self, session: str | None = None) -> AsyncIterator[None]:
        """Hold a worker; requests of one session cookie follow one another."""
        if self.latency is None and session is None:
            yield
            return
        await self._wait_for_worker()
        try:
            if session is None:
                yield
            else:
                async with self.sessions.setdefault(session, asyncio.Lock()):
                    yield
        finally:
            self._release()

    async def _wait_for_worker(self) -> None:
        if self.busy < self.size:
            self.busy += 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        await waiter

    def _release(self) -> None:
        while self.waiters:
            waiter = self.waiters.pop(0)
            # The worker goes straight to the next waiter, so `busy` stays as it is; cancelled waiters are skipped.
            if not waiter.done():
                waiter.set_result(None)
                return
        self.busy -= 1

    async def charge_request(self, *, basic: bool = False, fraction: float = 1.0) -> None:
        """Spend the cost of any request, or a share of it."""
        if self.latency is not None:
            await self._sleep(fraction * self.latency.request + (self.latency.basic if basic else 0.0))

    async def charge_row(self) -> None:
        """Spend the cost of a row."""
        if self.latency is not None:
            await self._sleep(self.latency.row)

    async def _sleep(self, seconds: float) -> None:
        jitter = self.latency.jitter if self.latency is not None else 0.0
        if jitter:
            seconds *= self.clock.uniform(1 - jitter, 1 + jitter)
        await self.clock.sleep(seconds)
