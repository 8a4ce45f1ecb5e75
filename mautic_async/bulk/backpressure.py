"""Backpressure: how many more rows may be read from the caller's source.

A few batches for each connection are in memory, also if the caller does not read the outcomes. Rows that wait for
another row or for reconciliation do not count, within limits, so that they do not stop the others.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mautic_async.bulk.ordering import KeyedQueue
    from mautic_async.bulk.pacing import Pacing


class Backpressure:
    """The number of rows on their way through the job, and its limit.

    Attributes:
        total: Rows in the input, None if it does not tell its length.
        rows_read: Rows read from the input.
        outcomes_consumed: Outcomes that the caller has taken.
        source_done: The input has ended.
        reader_waiting: The reader waits for capacity.
        awaiting_reconcile: Rows of unknown outcome that wait until the server can no longer be at work on them.
    """

    def __init__(self, pacing: Pacing, ordering: KeyedQueue, total: int | None) -> None:
        self.total = total
        self.rows_read: int = 0
        self.outcomes_consumed: int = 0
        self.source_done = False
        self.reader_waiting = False
        self.awaiting_reconcile = 0
        self._pacing = pacing
        self._ordering = ordering
        self._capacity_freed = asyncio.Event()

    def capacity(self) -> int:
        """Return how many more rows may be read now."""
        # Rows that only wait must not starve the connections, unless there are thousands of them.
        stuck = self.awaiting_reconcile + self._ordering.waiting
        size = self._pacing.batch.size
        held = self.rows_read - self.outcomes_consumed - stuck
        # Two batches for each connection: one in flight, and one that is ready when its answer comes.
        return max(0, 2 * self._pacing.concurrency.maximum * size - held) if stuck <= max(10 * size, 1000) else 0

    async def wait_for_capacity(self) -> None:
        """Wait until a row may be read."""
        while not self.capacity():
            self._capacity_freed.clear()
            await self._capacity_freed.wait()

    def wake_reader(self) -> None:
        """Let a waiting reader go on, if there is capacity by now."""
        if self.reader_waiting and self.capacity():
            self._capacity_freed.set()

    def count_finished_before(self, rows: int = 1) -> None:
        """Count rows whose outcome an earlier run of the job has given."""
        self.rows_read += rows
        self.outcomes_consumed += rows

    @property
    def rows_left(self) -> int | None:
        """Number of rows still to be read; None if the input does not tell its length."""
        if self.source_done:
            return 0
        return None if self.total is None else max(0, self.total - self.rows_read)
