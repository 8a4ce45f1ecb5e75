"""The state that all calls of a client share: its event loop, the caller's deadline, facts learned from responses."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from attrs import define, field

from mautic_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mautic_async.clock import Clock
    from mautic_async.protocol import Call

_DEADLINE: Final[ContextVar[float | None]] = ContextVar("mautic_async_deadline", default=None)
"""Time of the event loop until which the running task may make calls."""
_LATENCY_WEIGHT: Final = 0.2
"""Weight of the newest value in the moving average of a route's latency."""


@asynccontextmanager
async def deadline_in(clock: Clock, seconds: float) -> AsyncIterator[None]:
    """Set the deadline of all calls inside the block; an earlier deadline of an outer block stays."""
    until = clock.monotonic() + seconds
    # A context variable: tasks started inside the block inherit the deadline, other tasks never see it.
    outer = _DEADLINE.get()
    token = _DEADLINE.set(until if outer is None else min(until, outer))
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def remaining_seconds(clock: Clock) -> float | None:
    """Return the seconds until the caller's deadline, or None if it has none."""
    until = _DEADLINE.get()
    return None if until is None else until - clock.monotonic()


@define
class Observations:
    """Facts about the server and the traffic, learned from responses.

    Attributes:
        version: Mautic's version, from the last response that named it; None before.
        clock_difference: Seconds by which the server's clock is ahead, from the last ``Date`` header; None before.
        requests: Number of requests sent, token requests not included.
        latencies: Moving average of the seconds that a successful call takes, by method and resource.
    """

    version: str | None = None
    clock_difference: float | None = None
    requests: int = 0
    latencies: dict[str, float] = field(factory=dict)

    def record_latency(self, call: Call, seconds: float) -> None:
        """Take the *seconds* of a successful call into the average of its route."""
        route = _route(call)
        # The first value counts as it is: an average that begins at 0 would be too low for many calls.
        known = self.latencies.get(route, seconds)
        self.latencies[route] = (1 - _LATENCY_WEIGHT) * known + _LATENCY_WEIGHT * seconds

    def expected_latency(self, call: Call) -> float:
        """Return the seconds that a call like *call* takes, or 0.0 if none has succeeded yet."""
        return self.latencies.get(_route(call), 0.0)


def _route(call: Call) -> str:
    # Without ids: calls of one method and resource take about the same time.
    return f"{call.method} {call.path.partition('/')[0]}"


@define
class Lifetime:
    """The event loop that the client belongs to, from its first use until it is closed."""

    loop: asyncio.AbstractEventLoop | None = None
    is_closed: bool = False

    def check(self) -> None:
        """Bind the client to the running event loop.

        Raises:
            ConfigurationError: The client is closed, or belongs to another event loop.
        """
        loop = asyncio.get_running_loop()
        if self.is_closed:
            raise ConfigurationError("this Mautic client is closed; make a new one")
        # Locks, futures and connections belong to one event loop, and hang or fail on another one.
        if self.loop is None:
            self.loop = loop
        elif self.loop is not loop:
            raise ConfigurationError(
                f"this Mautic client belongs to the event loop {id(self.loop):#x} and was used on {id(loop):#x};"
                " make one client for each loop"
            )
