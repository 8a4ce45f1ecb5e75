"""Keyed queues: rows that could meet on the server are sent one after the other, in the order of the input.

Mautic looks a contact up and then inserts it, without a unique key in its database: two rows with the same e-mail in
flight together make two contacts, and each later write to that address is refused. So only one row with a key is in
flight. With several unique fields, which Mautic compares with OR, rows chained by *any* common value belong together. A
queue for each key gives that without a union-find: a row is sent when it heads the queue of each of its keys.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from mautic_async.bulk.items import EncodedRow, WorkItem

ALL_NAMES: Final = -1
"""The mask for all names of a row: every bit is set."""

MAX_REMEMBERED_NAMES: Final = 20_000
"""The most names of tags and companies that are remembered as stored."""


class KeyedQueue:
    """The rows that hold or await a key. It holds rows under way only, so its memory does not grow with the input."""

    def __init__(self) -> None:
        # A key with one row has no deque: nearly every key has just one row, and deques would be most of the memory.
        self._queues: dict[Hashable, WorkItem[Any] | deque[WorkItem[Any]]] = {}
        self._created_names: set[Hashable] = set()
        self._aliases: dict[Hashable, Hashable] = {}
        self._blocked_by: dict[WorkItem[Any], int] = {}  # queues in which another row is before it

    def __len__(self) -> int:
        """Return the number of keys that are held."""
        return len(self._queues)

    def push(self, item: WorkItem[Any]) -> bool:
        """Put *item* behind all earlier rows with a common key.

        Returns:
            True if there is none, so that it may be sent now.
        """
        queues = self._queues
        blocked_by = 0
        for key in item.queue_keys:
            holder = queues.setdefault(key, item)
            if holder is item:
                continue
            # Count the queues instead of listing them: the row may go once it heads every one of them.
            blocked_by += 1
            if isinstance(holder, deque):
                holder.append(item)
            else:
                queues[key] = deque((holder, item))
        if blocked_by:
            self._blocked_by[item] = blocked_by
        return not blocked_by

    @property
    def waiting(self) -> int:
        """The number of rows that wait for an earlier row with the same key."""
        return len(self._blocked_by)

    def _unblock(self, item: WorkItem[Any]) -> bool:
        """Count one queue less that blocks *item*; return True if none is left and it may be sent."""
        blocked_by = self._blocked_by[item] - 1
        if blocked_by:
            self._blocked_by[item] = blocked_by
            return False
        del self._blocked_by[item]
        return True

    def _is_head(self, item: WorkItem[Any], key: Hashable) -> bool:
        """Return True if *item* heads the queue of *key*; no row does once the queue has been dropped."""
        holder = self._queues.get(key)
        return (holder[0] if isinstance(holder, deque) else holder) is item

    def alias(self, keys: Iterable[Hashable], other_keys: Iterable[Hashable], entity_id: int) -> None:
        """Let rows with any of *keys* or *other_keys* share a queue from now on: they name the entity *entity_id*."""
        if len(self._aliases) >= MAX_REMEMBERED_NAMES:
            self._aliases.clear()  # collisions find them again, at the cost of a resend each
        self._aliases |= dict.fromkeys((*keys, *other_keys), ("entity", entity_id))

    def effective_keys(self, encoded: EncodedRow, creates_mask: int = ALL_NAMES) -> Sequence[Hashable]:
        """Return everything by which a row could meet another one now; names that are stored by now do not count.

        Args:
            encoded: The row.
            creates_mask: The names that count, a bit each.
        """
        keys = encoded.ordering_keys
        if self._aliases:
            keys = (*keys, *[self._aliases[key] for key in keys if key in self._aliases])
        if encoded.creates:
            # A row that was restored from the journal counts only the names that it was to create.
            wanted = (name for place, name in enumerate(encoded.creates) if creates_mask >> place & 1)
            keys = (*keys, *[name for name in wanted if name not in self._created_names])
        return keys if len(keys) < 2 else tuple(dict.fromkeys(keys))

    def mark_created(self, names: Sequence[Hashable]) -> list[WorkItem[Any]]:
        """Record that *names* are stored now, so that no row has to wait for another one because of them.

        Returns:
            The rows that may be sent now.
        """
        released: list[WorkItem[Any]] = []
        for name in names:
            if name in self._created_names:
                continue
            if len(self._created_names) >= MAX_REMEMBERED_NAMES:
                self._created_names.clear()  # each is learned again from the next row with it
            self._created_names.add(name)
            released += self._drop_key(name)
        return released

    def _drop_key(self, key: Hashable) -> list[WorkItem[Any]]:
        # Thousands of rows may have the key among their `queue_keys`; it stays there, and `release` passes over it.
        holder = self._queues.pop(key, None)
        released: list[WorkItem[Any]] = []
        if not isinstance(holder, deque):
            return released
        holder.popleft()
        released += [item for item in holder if self._unblock(item)]
        return released

    def creates_mask(self, item: WorkItem[Any]) -> int:
        """Return the names that *item* is the one row to bring, a bit each."""
        names = item.encoded.creates
        return sum(1 << place for place, name in enumerate(names) if self._is_head(item, name)) if names else 0

    def release(self, item: WorkItem[Any]) -> list[WorkItem[Any]]:
        """Release the keys of *item*.

        Returns:
            The rows that may be sent now.
        """
        queues = self._queues
        released: list[WorkItem[Any]] = []
        for key in item.queue_keys:
            queue = queues.get(key)
            if queue is item:
                del queues[key]
                continue
            if not isinstance(queue, deque) or queue[0] is not item:
                continue  # a name whose queue has been dropped meanwhile
            queue.popleft()
            head = queue[0]
            # Back to the row itself, since most keys soon have one row only.
            if len(queue) == 1:
                queues[key] = head
            if self._unblock(head):
                released.append(head)
        return released
