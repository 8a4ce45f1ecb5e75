"""One batch: journal that it is about to be sent, send it, measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from mautic_async.bulk.items import journal_record
from mautic_async.errors import MauticError
from mautic_async.journal.records import learn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mautic_async.bulk.adapter import Courier, Delivery, Receipt
    from mautic_async.bulk.items import Parcel
    from mautic_async.bulk.ordering import Lanes
    from mautic_async.bulk.outcomes import Tally
    from mautic_async.bulk.pacing import Helm
    from mautic_async.bulk.slots import SendSlots
    from mautic_async.clock import Clock
    from mautic_async.journal.records import Ledger

R = TypeVar("R")
E = TypeVar("E")


class BatchSender(Generic[R, E]):
    """Hands batches to the adapter; the write-ahead log of the job.

    Attributes:
        under_way: When each request was sent, in loop time, and how many rows it holds.
    """

    def __init__(
        self,
        adapter: Courier[R, E],
        *,
        clock: Clock,
        journal: Ledger | None,
        pacing: Helm,
        slots: SendSlots,
        ordering: Lanes,
        counters: Tally,
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
        self, items: Sequence[Parcel[R]], requests_left: Callable[[], int | None]
    ) -> Delivery[E] | MauticError:
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
            self.under_way[number] = (self._clock.time(), len(items))
            self._adapter.needed = requests_left()
            try:
                delivery = await self._adapter.deliver(items[0].step, items)
            except MauticError as error:
                self._counters.requests += error.attempts or 1
                self._pacing.failed(error, len(items), self.under_way[number][0], self._slots.in_use)
                return error
            self._counters.requests += delivery.requests
            self._pacing.succeeded(delivery, self.under_way[number][0], self._slots.in_use)
            return delivery
        finally:
            self.under_way.pop(number, None)
            self._slots.release()

    async def look_up(self, items: Sequence[Parcel[R]]) -> Sequence[Receipt[E]] | MauticError:
        """Ask once what the server holds of *items*; return the error if the request fails."""
        try:
            delivery = await self._adapter.read_back(items[0].step, items)
        except MauticError as error:
            self._counters.requests += error.attempts or 1
            return error
        self._counters.requests += delivery.requests
        return delivery.receipts

    async def _journal_sending(self, items: Sequence[Parcel[R]]) -> None:
        now, time = self._clock.wall(), self._clock.time()
        for item in items:
            item.since = item.since or now
            item.sent_at = now
            item.carried_at = time
            item.tries += 1
            item.sends += 1
            item.maybe = True
            if not item.step:
                item.began_at = time
        if self._journal is None:
            return
        named = {item.packed.memory: item for item in items if item.packed.memory}
        for name, remembered in (await self._journal.recall(named)).items():
            # What this run has learned is newer than what an earlier one has written down.
            learned, named[name].known = named[name].known, {}
            learn(named[name].known, remembered)
            learn(named[name].known, learned)
        await self._journal.intend(
            [journal_record(item, "sent", creates=self._ordering.brings(item)) for item in items]
        )
