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

    from mautic_async.bulk.items import EncodedRow, WorkItem

ALL_NAMES: Final = -1
"""All names of a row: every bit is set."""

MAX_REMEMBERED_NAMES: Final = 20_000
"""Names of tags and companies that are remembered as stored."""


class KeyedQueue:
    """The rows that hold or await a key. Memory is the window of rows under way, never the run."""

    def __init__(self) -> None:
        # One holder is stored bare: nearly every key has just one, and a deque each would be most of the memory.
        self._queues: dict[Hashable, WorkItem[Any] | deque[WorkItem[Any]]] = {}
        self._created_names: set[Hashable] = set()
        self._aliases: dict[Hashable, Hashable] = {}
        self._blocked_by: dict[WorkItem[Any], int] = {}  # in how many queues of its keys another row is before it

    def __len__(self) -> int:
        """How many keys are held."""
        return len(self._queues)

    def push(self, item: WorkItem[Any]) -> bool:
        """Put *item* behind all earlier rows with a common key.

        Returns:
            Whether there is none, so that it may leave now.
        """
        queues = self._queues
        blocked_by = 0
        for key in item.queue_keys:
            holder = queues.setdefault(key, item)
            if holder is item:
                continue
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
        """Return how many rows wait for an earlier row with the same key."""
        return len(self._blocked_by)

    def _unblock(self, parcel: WorkItem[Any]) -> bool:
        """Count one queue less before *parcel*; return True if no queue is left and it may be sent."""
        blocked_by = self._blocked_by[parcel] - 1
        if blocked_by:
            self._blocked_by[parcel] = blocked_by
            return False
        del self._blocked_by[parcel]
        return True

    def _is_head(self, item: WorkItem[Any], key: Hashable) -> bool:
        """Whether *item* is the first of those who want *key*; nobody is once a name has been given up."""
        holder = self._queues.get(key)
        return (holder[0] if isinstance(holder, deque) else holder) is item

    def alias(self, keys: Iterable[Hashable], other_keys: Iterable[Hashable], entity_id: int) -> None:
        """Let rows with any of *keys* or *other_keys* queue together from now on: they name the entity *entity_id*."""
        if len(self._aliases) >= MAX_REMEMBERED_NAMES:
            self._aliases.clear()  # they are found out again, with a sending more each
        self._aliases |= dict.fromkeys((*keys, *other_keys), ("entity", entity_id))

    def effective_keys(self, encoded: EncodedRow, creates_mask: int = ALL_NAMES) -> Sequence[Hashable]:
        """Everything by which a row could meet another now: names that are stored by now are no reason any more.

        Args:
            encoded: The row.
            creates_mask: Which of its names count, a bit each.
        """
        keys = encoded.ordering_keys
        if self._aliases:
            keys = (*keys, *[self._aliases[key] for key in keys if key in self._aliases])
        if encoded.creates:
            keys = (
                *keys,
                *[
                    name
                    for position, name in enumerate(encoded.creates)
                    if creates_mask >> position & 1 and name not in self._created_names
                ],
            )
        return keys if len(keys) < 2 else tuple(dict.fromkeys(keys))

    def mark_created(self, names: Sequence[Hashable]) -> list[WorkItem[Any]]:
        """These names are stored now: nobody has to wait for them any more.

        Returns:
            The rows that may leave now.
        """
        released: list[WorkItem[Any]] = []
        for name in names:
            if name in self._created_names:
                continue
            if len(self._created_names) >= MAX_REMEMBERED_NAMES:
                self._created_names.clear()  # they are learned again, with one row each
            self._created_names.add(name)
            released += self._drop_key(name)
        return released

    def _drop_key(self, key: Hashable) -> list[WorkItem[Any]]:
        """Those who hold or await *key* keep it among theirs: there may be thousands, and it means nothing any more."""
        holder = self._queues.pop(key, None)
        released: list[WorkItem[Any]] = []
        if not isinstance(holder, deque):
            return released
        holder.popleft()
        released += [item for item in holder if self._unblock(item)]
        return released

    def creates_mask(self, item: WorkItem[Any]) -> int:
        """Which of its names *item* is the one to bring, a bit each."""
        names = item.encoded.creates
        return sum(1 << position for position, name in enumerate(names) if self._is_head(item, name)) if names else 0

    def release(self, item: WorkItem[Any]) -> list[WorkItem[Any]]:
        """Give up the keys of *item*.

        Returns:
            The rows that may leave now.
        """
        queues = self._queues
        released: list[WorkItem[Any]] = []
        for key in item.queue_keys:
            queue = queues.get(key)
            if queue is item:
                del queues[key]
                continue
            if not isinstance(queue, deque) or queue[0] is not item:
                continue  # a name that has been given up meanwhile
            queue.popleft()
            head = queue[0]
            if len(queue) == 1:
                queues[key] = head
            if self._unblock(head):
                released.append(head)
        return released
