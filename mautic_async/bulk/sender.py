"""One batch: journal that it is about to be sent, send it, measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from mautic_async.bulk.items import journal_record
from mautic_async.errors import MauticError
from mautic_async.journal.records import merge_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mautic_async.bulk.adapter import BatchResult, BulkAdapter, RowResult
    from mautic_async.bulk.items import WorkItem
    from mautic_async.bulk.ordering import KeyedQueue
    from mautic_async.bulk.outcomes import Counters
    from mautic_async.bulk.pacing import Pacing
    from mautic_async.bulk.slots import SendSlots
    from mautic_async.clock import Clock
    from mautic_async.journal.records import JobJournal

R = TypeVar("R")
E = TypeVar("E")


class BatchSender(Generic[R, E]):
    """Hands batches to the adapter; the write-ahead log of the job.

    Attributes:
        under_way: When each request was sent, in loop time, and how many rows it holds.
    """

    def __init__(
        self,
        adapter: BulkAdapter[R, E],
        *,
        clock: Clock,
        journal: JobJournal | None,
        pacing: Pacing,
        slots: SendSlots,
        ordering: KeyedQueue,
        counters: Counters,
    ) -> None:
        self.under_way: dict[int, tuple[float, int]] = {}
        self._adapter = adapter
        self._clock = clock
        self._journal = journal
        self._pacing = pacing
        self._slots = slots
        self._ordering = ordering
        self._counters = counters

    async def send(
        self, items: Sequence[WorkItem[R]], requests_left: Callable[[], int | None]
    ) -> BatchResult[E] | MauticError:
        """Send one batch, and release the slot that the caller has acquired.

        Args:
            items: Rows of one step.
            requests_left: Estimates how many requests the job still needs.

        Returns:
            The answer, or the error in place of one.
        """
        number = id(items)
        try:
            await self._journal_sending(items)
            self.under_way[number] = (self._clock.monotonic(), len(items))
            self._adapter.requests_left = requests_left()
            try:
                delivery = await self._adapter.send(items[0].step, items)
            except MauticError as error:
                self._counters.requests += error.attempts or 1
                self._pacing.on_failure(error, len(items), self.under_way[number][0], self._slots.in_use)
                return error
            self._counters.requests += delivery.requests
            self._pacing.on_success(delivery, self.under_way[number][0], self._slots.in_use)
            return delivery
        finally:
            self.under_way.pop(number, None)
            self._slots.release()

    async def look_up(self, items: Sequence[WorkItem[R]]) -> Sequence[RowResult[E]] | MauticError:
        """Ask once what the server holds of *items*; return the error if the request fails."""
        try:
            delivery = await self._adapter.look_up(items[0].step, items)
        except MauticError as error:
            self._counters.requests += error.attempts or 1
            return error
        self._counters.requests += delivery.requests
        return delivery.results

    async def _journal_sending(self, items: Sequence[WorkItem[R]]) -> None:
        now, time = self._clock.wall_time(), self._clock.monotonic()
        for item in items:
            item.first_sent_at = item.first_sent_at or now
            item.sent_at = now
            item.sent_loop_time = time
            item.attempts += 1
            item.total_attempts += 1
            item.may_be_stored = True
            if not item.step:
                item.first_step_sent_at = time
        if self._journal is None:
            return
        named = {item.encoded.facts_key: item for item in items if item.encoded.facts_key}
        for name, remembered in (await self._journal.load_facts(named)).items():
            # What this run has learned is newer than what an earlier one has written down.
            learned, named[name].facts = named[name].facts, {}
            merge_facts(named[name].facts, remembered)
            merge_facts(named[name].facts, learned)
        await self._journal.record_sending(
            [journal_record(item, "sent", creates=self._ordering.creates_mask(item)) for item in items]
        )
