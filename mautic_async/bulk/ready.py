"""The queue of rows that could be sent now, from which batches are taken."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mautic_async.bulk.items import WorkItem

R = TypeVar("R")

MIN_ROWS_TO_SPLIT: Final = 25
"""The last batches are divided among idle connections, but not below this: their fixed cost would weigh more."""


class ReadyQueue(Generic[R]):
    """A queue, first in, first out, for each step: a batch holds rows of one step only."""

    def __init__(self) -> None:
        self._by_step: dict[str, deque[WorkItem[R]]] = {}

    def push(self, items: Iterable[WorkItem[R]]) -> None:
        """Add rows that nothing blocks."""
        for item in items:
            self._queue(item).append(item)

    def push_first(self, items: Iterable[WorkItem[R]]) -> None:
        """Add rows, in their order, before all others: they have waited already."""
        # Reversed, since `appendleft` turns the order round: rows of one key must keep theirs.
        for item in reversed(list(items)):
            self._queue(item).appendleft(item)

    def _queue(self, item: WorkItem[R]) -> deque[WorkItem[R]]:
        queue = self._by_step.get(item.step)
        if queue is None:
            queue = self._by_step[item.step] = deque()
        return queue

    def next_batch(
        self, rows: int, max_bytes: int, *, partial: bool, divide: Callable[[int], int] | None = None
    ) -> list[WorkItem[R]]:
        """Take the next batch; none if too few rows are ready.

        Args:
            rows: The most rows that it holds.
            max_bytes: The most bytes of its body. A single row may have more.
            partial: It may hold fewer rows.
            divide: Given the number of the last rows of the input, returns how many of them the batch should hold.
        """
        # Later steps first: rows that have begun are finished first. A full batch goes before an incomplete one.
        queues = list(reversed(self._by_step.values()))
        queues = [queue for queue in queues if len(queue) >= rows] or [queue for queue in queues if queue and partial]
        if not queues:
            return []
        queue = queues[0]
        if divide is not None:
            rows = min(rows, max(MIN_ROWS_TO_SPLIT, divide(len(queue))))
        batch: list[WorkItem[R]] = []
        size = 2  # the brackets of the list; each row adds a comma
        while queue and len(batch) < rows:
            size += len(queue[0].encoded.body) + 1
            # A single row above the limit goes alone: the reader has rejected rows that no request may hold.
            if size > max_bytes and batch:
                break
            batch.append(queue.popleft())
        return batch
