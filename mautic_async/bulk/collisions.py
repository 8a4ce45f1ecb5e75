"""Rows of one entity that have no key in common: the newest must be the last one written (last write wins).

`KeyedQueue` keeps rows with a common key in the order of the input. Two rows may name one contact by different keys
(its e-mail, its id, a second unique field), and only the answers show that. Such rows may have been in flight together,
or the older one may have been written after the newer one; then the newer one is sent again. From then on the keys of
both share a queue.

Mautic: REST API, Batch create contacts.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from attrs import define

if TYPE_CHECKING:
    from mautic_async.bulk.items import WorkItem

R = TypeVar("R")

MAX_ENTITIES: Final = 10_000
"""The most entities whose last row is remembered while an older row is under way."""


@define(eq=False)
class _LastWrite(Generic[R]):
    """The newest row of one entity that has its answer.

    Attributes:
        newest: The row; another one may have taken its place in the queue since.
        newest_sent_at: Loop time at which the newest row was last sent; infinity while it waits to be sent again.
        last_finished_at: Loop time at which the last older row of the entity ended.
        rows_read: Rows from this index on were read later, so they cannot overwrite it unnoticed.
    """

    newest: WorkItem[R]
    newest_sent_at: float
    last_finished_at: float
    rows_read: int


class Collisions(Generic[R]):
    """The newest row of each entity, as long as an older row can still overwrite it."""

    def __init__(self) -> None:
        self._last_writes: OrderedDict[int, _LastWrite[R]] = OrderedDict()

    def record_write(self, item: WorkItem[R], now: float, rows_read: int) -> WorkItem[R] | None:
        """Record that *item*, whose entity is known, has been written.

        Args:
            item: The row.
            now: Loop time.
            rows_read: The number of rows read from the input.

        Returns:
            The row that has to be sent again so that the newest is the last one written (it may be *item*), or None.
        """
        sent_at = item.sends.first_step_loop_time
        last_write = self._last_writes.get(item.id)
        if last_write is None:
            self._store(item, sent_at, now, rows_read)
            return None
        last_write.rows_read = rows_read
        self._last_writes.move_to_end(item.id)
        # Two requests that overlap in time may have been written in either order.
        overwritten = sent_at < last_write.last_finished_at
        last_write.last_finished_at = max(last_write.last_finished_at, now)
        if item.index >= last_write.newest.index:
            last_write.newest = item
        elif item.resend is None or item.resend.newest is not last_write.newest:
            # An older row: it has overwritten the newest one if it ended after that one had been sent.
            overwritten = last_write.newest_sent_at < now
            if not overwritten:
                return None
        # Infinity until it is sent again: meanwhile no older row can count as written after it.
        last_write.newest_sent_at = math.inf if overwritten else sent_at
        return last_write.newest if overwritten else None

    def restore(self, item: WorkItem[R], rows_read: int) -> None:
        """Take over a row that an earlier run of the job has finished."""
        last_write = self._last_writes.get(item.id)
        if last_write is None or last_write.newest.index < item.index:
            # Times before all others: what an earlier run has sent has surely ended.
            self._store(item, -1.0, -1.0, rows_read)

    def discard_before(self, first_active: int) -> None:
        """Forget entities that no row can overwrite any more: all rows below *first_active* have their outcome."""
        last_writes = self._last_writes
        while last_writes:
            id, oldest = next(iter(last_writes.items()))
            # Entries are in the order of `rows_read`, so the first that is still needed ends the search.
            if oldest.rows_read > first_active and len(last_writes) <= MAX_ENTITIES:
                return
            del last_writes[id]

    def _store(self, item: WorkItem[R], newest_sent_at: float, last_finished_at: float, rows_read: int) -> None:
        self._last_writes[item.id] = _LastWrite(item, newest_sent_at, last_finished_at, rows_read)
        self._last_writes.move_to_end(item.id)


def have_common_key(first: WorkItem[Any], second: WorkItem[Any]) -> bool:
    """Return True if `KeyedQueue` already keeps both rows in order."""
    return not set(first.queue_keys).isdisjoint(second.queue_keys)


class IdSet:
    """A set of ids, which Mautic gives in ascending order: a page of bits for each 32,768 of them."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def __contains__(self, id: object) -> bool:
        if not isinstance(id, int):
            return False
        page = self._pages.get(id >> 15)
        return page is not None and bool(page[(id & 0x7FFF) >> 3] & 1 << (id & 7))

    def add(self, id: int) -> bool:
        """Add *id*; return False if it was there."""
        # Ids of one job lie close together, so a bit for each takes far less memory than a set of integers.
        page = self._pages.setdefault(id >> 15, bytearray(4096))
        offset, bit = (id & 0x7FFF) >> 3, 1 << (id & 7)
        if page[offset] & bit:
            return False
        page[offset] |= bit
        return True
