"""Send slots: a semaphore of adaptive size, which can be paused, and which serves recovery before new batches."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mautic_async.bulk.pacing import Pacing


class SendSlots:
    """The right to send one request; as many at once as the pacing allows.

    Attributes:
        in_use: Slots that are taken.
        paused_until: Loop time before which no slot is free.
    """

    def __init__(self, pacing: Pacing, stopping: asyncio.Event) -> None:
        self.in_use: int = 0
        self.paused_until: float = 0.0
        self._pacing = pacing
        self._stopping = stopping
        self._waiters: deque[asyncio.Future[None]] = deque()

    def serve_waiters(self) -> bool:
        """Give free slots to the tasks that wait in `acquire`; return True if one is left for a new batch."""
        while self._is_free():
            if not self._waiters:
                return True
            waiter = self._waiters.popleft()
            # A waiter whose task was cancelled is done; giving it a slot would lose that slot for the rest of the job.
            if not waiter.done():
                self.take()
                waiter.set_result(None)
        return False

    def take(self) -> None:
        """Take a slot, which `serve_waiters` has found free."""
        self.in_use += 1

    async def acquire(self) -> None:
        """Wait for a slot, before any new batch."""
        if self._is_free():
            self.take()
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def release(self) -> None:
        """Give a slot back."""
        self.in_use -= 1

    def pause(self, seconds: float) -> float:
        """Give no slot for *seconds*; return by how many of them the pause has become longer."""
        now = self._pacing.time()
        until = now + seconds
        # Pauses overlap, since requests in flight are refused together; they must not add up.
        if until <= self.paused_until:
            return 0.0
        added = until - max(now, self.paused_until)
        self.paused_until = until
        return added

    def _is_free(self) -> bool:
        is_open = not self._stopping.is_set() and self.in_use < self._pacing.concurrency.size
        return is_open and self._pacing.time() >= self.paused_until
