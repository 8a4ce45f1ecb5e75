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
        patient_until: On the loop's clock.
        rest: Requests that the job behind it still needs at most, or None.
    """

    future: asyncio.Future[S]
    patient_until: float
    rest: int | None = None

    def refuse(self, reason: Exception) -> None:
        """End the wait."""
        if not self.future.done():
            self.future.set_exception(reason)


@define(eq=False)
class Line(Generic[S]):
    """Those who wait, first come first served; whoever leaves is gone at once."""

    background: bool
    waiters: OrderedDict[Waiter[S], None] = field(factory=OrderedDict)
    patient_until: float = math.inf
    """When the first of them, or somebody who has left, runs out of patience."""

    def join(self, waiter: Waiter[S]) -> None:
        """Become the last."""
        self.waiters[waiter] = None
        self.patient_until = min(self.patient_until, waiter.patient_until)

    def expel(self, at: float, seconds: float) -> None:
        """Tell those who will not wait until *at*."""
        if at <= self.patient_until:
            return
        for waiter in [waiter for waiter in self.waiters if waiter.patient_until < at]:
            del self.waiters[waiter]
            waiter.refuse(TooLong(seconds))
        self.patient_until = min((waiter.patient_until for waiter in self.waiters), default=math.inf)

    def dismiss(self, reason: Exception) -> None:
        """End the wait of all."""
        for waiter in self.waiters:
            waiter.refuse(reason)
        self.waiters.clear()
