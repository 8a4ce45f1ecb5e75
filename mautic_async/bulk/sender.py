"""Sends one batch: records it in the journal, hands it to the adapter, and measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from mautic_async.bulk.items import journal_record
from mautic_async.errors import MauticError
from mautic_async.journal.records import RecordState, merge_facts

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
    """The sender of batches, which are in the write-ahead log of the job before the adapter gets them.

    Attributes:
        in_flight: Loop time at which each request was sent, and the number of its rows.
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
        self.in_flight: dict[int, tuple[float, int]] = {}
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
            The answer, or the error if there is none.
        """
        # The batch is alive until the request has ended, so its identity is unique among requests in flight.
        number = id(items)
        try:
            # Before the request and before its time begins: a slow disk must not look like a slow server.
            await self._journal_sending(items)
            self.in_flight[number] = (self._clock.monotonic(), len(items))
            self._adapter.requests_left = requests_left()
            try:
                result = await self._adapter.send(items[0].step, items)
            except MauticError as error:
                self._counters.requests += error.attempts or 1
                self._pacing.on_failure(error, len(items), self.in_flight[number][0], self._slots.in_use)
                return error
            self._counters.requests += result.requests
            self._pacing.on_success(result, self.in_flight[number][0], self._slots.in_use)
            return result
        finally:
            self.in_flight.pop(number, None)
            self._slots.release()

    async def look_up(self, items: Sequence[WorkItem[R]]) -> Sequence[RowResult[E]] | MauticError:
        """Look up once what the server holds of *items*; return the error if the request fails."""
        try:
            result = await self._adapter.look_up(items[0].step, items)
        except MauticError as error:
            self._counters.requests += error.attempts or 1
            return error
        self._counters.requests += result.requests
        return result.results

    async def _journal_sending(self, items: Sequence[WorkItem[R]]) -> None:
        now, time = self._clock.wall_time(), self._clock.monotonic()
        for item in items:
            sends = item.sends
            sends.first_at = sends.first_at or now
            sends.last_at = now
            sends.last_loop_time = time
            sends.attempts += 1
            sends.total += 1
            # From here on a crash or a cancellation may leave the row stored; a refusal takes this back.
            sends.may_be_stored = True
            if not item.step:
                sends.first_step_loop_time = time
        if self._journal is None:
            return
        # Rows with the same name for their facts share an entity, so they are never in one batch.
        named = {item.encoded.facts_key: item for item in items if item.encoded.facts_key}
        for name, remembered in (await self._journal.load_facts(named)).items():
            # Facts of this run are newer than those that an earlier run has recorded.
            learned, named[name].facts = named[name].facts, {}
            merge_facts(named[name].facts, remembered)
            merge_facts(named[name].facts, learned)
        # On disk before the first byte leaves: after a crash, every row that the server may hold is known as sent.
        await self._journal.record_sending(
            [journal_record(item, RecordState.SENT, creates=self._ordering.creates_mask(item)) for item in items]
        )
