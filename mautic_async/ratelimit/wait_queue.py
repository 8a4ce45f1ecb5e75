"""First-in, first-out queues of the calls that wait for a slot: one for interactive calls, one for background work."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field

from mautic_async.ratelimit.decision import TooLong

if TYPE_CHECKING:
    import asyncio

S = TypeVar("S")


@define(eq=False)
class Waiter(Generic[S]):
    """One who waits.

    Attributes:
        future: Of the slot.
        deadline: On the loop's clock.
        job_requests_left: Requests that the job behind it still needs at most, or None.
    """

    future: asyncio.Future[S]
    deadline: float
    job_requests_left: int | None = None

    def fail(self, reason: Exception) -> None:
        """End the wait."""
        if not self.future.done():
            self.future.set_exception(reason)


@define(eq=False)
class WaitQueue(Generic[S]):
    """Those who wait, first come first served; whoever leaves is gone at once."""

    waiters: OrderedDict[Waiter[S], None] = field(factory=OrderedDict)
    earliest_deadline: float = math.inf
    """When the first of them, or somebody who has left, runs out of patience."""

    def push(self, waiter: Waiter[S]) -> None:
        """Become the last."""
        self.waiters[waiter] = None
        self.earliest_deadline = min(self.earliest_deadline, waiter.deadline)

    def fail_expired(self, before: float, seconds: float) -> None:
        """Tell those who will not wait until *before*."""
        if before <= self.earliest_deadline:
            return
        for waiter in [waiter for waiter in self.waiters if waiter.deadline < before]:
            del self.waiters[waiter]
            waiter.fail(TooLong(seconds))
        self.earliest_deadline = min((waiter.deadline for waiter in self.waiters), default=math.inf)

    def fail_all(self, reason: Exception) -> None:
        """End the wait of all."""
        for waiter in self.waiters:
            waiter.fail(reason)
        self.waiters.clear()
