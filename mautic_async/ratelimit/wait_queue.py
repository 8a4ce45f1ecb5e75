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
    """A call that waits.

    Attributes:
        future: Future of its slot.
        deadline: Time of the event loop at which its patience ends.
        job_requests_left: Upper bound of the requests that its bulk job still sends, or None.
    """

    future: asyncio.Future[S]
    deadline: float
    job_requests_left: int | None = None

    def fail(self, reason: Exception) -> None:
        """End the wait with an error."""
        if not self.future.done():
            self.future.set_exception(reason)


@define(eq=False)
class WaitQueue(Generic[S]):
    """The calls that wait, first in, first out; a cancelled one is removed at once."""

    waiters: OrderedDict[Waiter[S], None] = field(factory=OrderedDict)
    earliest_deadline: float = math.inf
    """Earliest deadline of the calls that wait or waited since it was computed."""

    def push(self, waiter: Waiter[S]) -> None:
        """Add *waiter* at the end."""
        # A dict as an ordered set: a cancelled call is removed in constant time.
        self.waiters[waiter] = None
        self.earliest_deadline = min(self.earliest_deadline, waiter.deadline)

    def fail_expired(self, before: float, seconds: float) -> None:
        """End the waits whose deadline comes before the time *before*, which is *seconds* away."""
        # The common case, without a loop over thousands of waiting calls.
        if before <= self.earliest_deadline:
            return
        for waiter in [waiter for waiter in self.waiters if waiter.deadline < before]:
            del self.waiters[waiter]
            waiter.fail(TooLong(seconds))
        self.earliest_deadline = min((waiter.deadline for waiter in self.waiters), default=math.inf)

    def fail_all(self, reason: Exception) -> None:
        """End all waits with *reason*."""
        for waiter in self.waiters:
            waiter.fail(reason)
        self.waiters.clear()
