"""Keys to lanes: rows that could meet on the server go one after the other, in the order of the input.

Mautic looks a contact up and then inserts it, without a unique key in its database: two rows with one e-mail under way
at once make two contacts, and each later write to that address is refused. So a key is in one place only. With several
unique fields and Mautic's default operator OR, rows chained by *any* common value belong together; a queue a key gives
that without a union-find: a row leaves when it heads the queue of each of its keys.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from mautic_async.bulk.items import Packed, Parcel

ALL: Final = -1
"""All names of a row: every bit is set."""

NAMES: Final = 20_000
"""Names of tags and companies that are remembered as stored."""


class Lanes:
    """The rows that hold or await a key. Memory is the window of rows under way, never the run."""

    def __init__(self) -> None:
        # One holder is stored bare: nearly every key has just one, and a deque each would be most of the memory.
        self._queues: dict[Hashable, Parcel[Any] | deque[Parcel[Any]]] = {}
        self._stored: set[Hashable] = set()
        self._aliases: dict[Hashable, Hashable] = {}
        self._blocked_by: dict[Parcel[Any], int] = {}  # in how many queues of its keys another row is before it

    def __len__(self) -> int:
        """How many keys are held."""
        return len(self._queues)

    def enter(self, parcel: Parcel[Any]) -> bool:
        """Put *parcel* behind all earlier rows with a common key.

        Returns:
            Whether there is none, so that it may leave now.
        """
        queues = self._queues
        ahead = 0
        for key in parcel.keys:
            there = queues.setdefault(key, parcel)
            if there is parcel:
                continue
            ahead += 1
            if isinstance(there, deque):
                there.append(parcel)
            else:
                queues[key] = deque((there, parcel))
        if ahead:
            self._blocked_by[parcel] = ahead
        return not ahead

    @property
    def waiting(self) -> int:
        """Return how many rows wait for an earlier row with the same key."""
        return len(self._blocked_by)

    def _unblock(self, parcel: Parcel[Any]) -> bool:
        """Count one queue less before *parcel*; return True if no queue is left and it may be sent."""
        blocked_by = self._blocked_by[parcel] - 1
        if blocked_by:
            self._blocked_by[parcel] = blocked_by
            return False
        del self._blocked_by[parcel]
        return True

    def _holds(self, parcel: Parcel[Any], key: Hashable) -> bool:
        """Whether *parcel* is the first of those who want *key*; nobody is once a name has been given up."""
        there = self._queues.get(key)
        return (there[0] if isinstance(there, deque) else there) is parcel

    def alias(self, keys: Iterable[Hashable], others: Iterable[Hashable], id: int) -> None:
        """Let rows with any of *keys* or *others* queue together from now on: they name the entity *id*."""
        if len(self._aliases) >= NAMES:
            self._aliases.clear()  # they are found out again, with a sending more each
        self._aliases |= dict.fromkeys((*keys, *others), ("entity", id))

    def keys_of(self, packed: Packed, brings: int = ALL) -> Sequence[Hashable]:
        """Everything by which a row could meet another now: names that are stored by now are no reason any more.

        Args:
            packed: The row.
            brings: Which of its names count, a bit each.
        """
        keys = packed.keys
        if self._aliases:
            keys = (*keys, *[self._aliases[key] for key in keys if key in self._aliases])
        if packed.firsts:
            keys = (
                *keys,
                *[name for place, name in enumerate(packed.firsts) if brings >> place & 1 and name not in self._stored],
            )
        return keys if len(keys) < 2 else tuple(dict.fromkeys(keys))

    def learn(self, names: Sequence[Hashable]) -> list[Parcel[Any]]:
        """These names are stored now: nobody has to wait for them any more.

        Returns:
            The rows that may leave now.
        """
        freed: list[Parcel[Any]] = []
        for name in names:
            if name in self._stored:
                continue
            if len(self._stored) >= NAMES:
                self._stored.clear()  # they are learned again, with one row each
            self._stored.add(name)
            freed += self._dissolve(name)
        return freed

    def _dissolve(self, key: Hashable) -> list[Parcel[Any]]:
        """Those who hold or await *key* keep it among theirs: there may be thousands, and it means nothing any more."""
        there = self._queues.pop(key, None)
        freed: list[Parcel[Any]] = []
        if not isinstance(there, deque):
            return freed
        there.popleft()
        freed += [parcel for parcel in there if self._unblock(parcel)]
        return freed

    def brings(self, parcel: Parcel[Any]) -> int:
        """Which of its names *parcel* is the one to bring, a bit each."""
        names = parcel.packed.firsts
        return sum(1 << place for place, name in enumerate(names) if self._holds(parcel, name)) if names else 0

    def leave(self, parcel: Parcel[Any]) -> list[Parcel[Any]]:
        """Give up the keys of *parcel*.

        Returns:
            The rows that may leave now.
        """
        queues = self._queues
        freed: list[Parcel[Any]] = []
        for key in parcel.keys:
            queue = queues.get(key)
            if queue is parcel:
                del queues[key]
                continue
            if not isinstance(queue, deque) or queue[0] is not parcel:
                continue  # a name that has been given up meanwhile
            queue.popleft()
            head = queue[0]
            if len(queue) == 1:
                queues[key] = head
            if self._unblock(head):
                freed.append(head)
        return freed
