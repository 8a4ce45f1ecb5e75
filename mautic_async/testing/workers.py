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
    """What a request costs.

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


def latency_of(given: Latency | float | tuple[float, float] | None) -> Latency | None:
    """Return the `Latency` that seconds a request, or (seconds a request, seconds a row), stand for."""
    if given is None or isinstance(given, Latency):
        return given
    if isinstance(given, tuple):
        return Latency(request=given[0], row=given[1])
    return Latency(request=given)


class Physics:
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
        self.workers = workers
        self.backlog = backlog
        self.busy = 0
        self.taken = 0
        self.waiting: list[asyncio.Future[None]] = []
        self.sessions: dict[str, asyncio.Lock] = {}

    @property
    def full(self) -> bool:
        """Whether nobody more can wait."""
        return self.taken >= self.workers + self.backlog

    @asynccontextmanager
    async def worker(self, session: str | None = None) -> AsyncIterator[None]:
        """Hold a worker; requests of one session cookie follow one another."""
        if self.latency is None and session is None:
            yield
            return
        await self._enter()
        try:
            if session is None:
                yield
            else:
                async with self.sessions.setdefault(session, asyncio.Lock()):
                    yield
        finally:
            self._leave()

    async def _enter(self) -> None:
        if self.busy < self.workers:
            self.busy += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        await turn

    def _leave(self) -> None:
        while self.waiting:
            turn = self.waiting.pop(0)
            if not turn.done():
                turn.set_result(None)
                return
        self.busy -= 1

    async def request(self, *, basic: bool = False, share: float = 1.0) -> None:
        """Spend the cost of any request, or a share of it."""
        if self.latency is not None:
            await self._pause(share * self.latency.request + (self.latency.basic if basic else 0.0))

    async def row(self) -> None:
        """The cost of a row."""
        if self.latency is not None:
            await self._pause(self.latency.row)

    async def _pause(self, seconds: float) -> None:
        jitter = self.latency.jitter if self.latency is not None else 0.0
        if jitter:
            seconds *= self.clock.uniform(1 - jitter, 1 + jitter)
        await self.clock.sleep(seconds)
