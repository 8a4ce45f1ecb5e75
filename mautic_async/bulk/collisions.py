"""Rows that met one entity although they have no key in common: the newest must be the last one written.

The lanes keep rows with a common key in the order of the input. Two rows may name one contact by different keys (its
e-mail, its id, a second unique field), and only the answers tell. Such rows may have been under way at once, or the
older one may have been written after the newer one; then the newer one is sent again. From then on the keys of both
share a lane.

Mautic: REST API, Batch create contacts.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from attrs import define

if TYPE_CHECKING:
    from mautic_async.bulk.items import Parcel

R = TypeVar("R")

REMEMBERED: Final = 10_000
"""Entities whose last row is remembered at most, if an older row is under way for so long."""


@define(eq=False)
class _Written(Generic[R]):
    """The newest row of one entity that has its answer.

    Attributes:
        newest: The row; another one may have taken its place in the lanes since.
        began: Loop time at which the newest row was last sent; infinity while it waits to be sent again.
        ended: Loop time at which the last older row of the entity ended.
        until: Rows from this index on were read later, and cannot be overtaken any more.
    """

    newest: Parcel[R]
    began: float
    ended: float
    until: int


class Collisions(Generic[R]):
    """The newest row of each entity, as long as an older row could still overwrite it."""

    def __init__(self) -> None:
        self._written: OrderedDict[int, _Written[R]] = OrderedDict()

    def ended(self, parcel: Parcel[R], now: float, until: int) -> Parcel[R] | None:
        """Note that *parcel*, whose entity is known, has been written.

        Args:
            parcel: The row.
            now: Loop time.
            until: How many rows have been read from the input.

        Returns:
            The row that has to be sent again so that the newest is the last one written (it may be *parcel*), or None.
        """
        there = self._written.get(parcel.id)
        if there is None:
            self._remember(parcel, parcel.began_at, now, until)
            return None
        there.until = until
        self._written.move_to_end(parcel.id)
        overtaken = parcel.began_at < there.ended  # another row of the entity ended after this sending had begun
        there.ended = max(there.ended, now)
        if parcel.index >= there.newest.index:
            there.newest = parcel
        elif parcel.resent is not there.newest:
            overtaken = there.began < now  # an older row ended after the newest one had begun
            if not overtaken:
                return None
        there.began = math.inf if overtaken else parcel.began_at
        return there.newest if overtaken else None

    def restore(self, parcel: Parcel[R], until: int) -> None:
        """Take over a row that an earlier run of the job has finished."""
        there = self._written.get(parcel.id)
        if there is None or there.newest.index < parcel.index:
            self._remember(parcel, -1.0, -1.0, until)

    def forget(self, first_open: int) -> None:
        """Let go of entities that no row can overtake: all below *first_open* have their outcome."""
        written = self._written
        while written:
            id, oldest = next(iter(written.items()))
            if oldest.until > first_open and len(written) <= REMEMBERED:
                return
            del written[id]

    def _remember(self, parcel: Parcel[R], began: float, ended: float, until: int) -> None:
        self._written[parcel.id] = _Written(parcel, began, ended, until)
        self._written.move_to_end(parcel.id)


def have_common_key(one: Parcel[Any], other: Parcel[Any]) -> bool:
    """Return True if the lanes already keep both rows in order."""
    return not set(one.keys).isdisjoint(other.keys)


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
        page = self._pages.setdefault(id >> 15, bytearray(4096))
        place, bit = (id & 0x7FFF) >> 3, 1 << (id & 7)
        if page[place] & bit:
            return False
        page[place] |= bit
        return True
