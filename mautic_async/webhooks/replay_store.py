"""Replay protection: digests of the webhook bodies that were accepted."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final, Protocol

from mautic_async.clock import Clock
from mautic_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable


class ReplayStore(Protocol):
    """Storage for digests of accepted bodies. Several processes behind one URL must share one.

    With Redis, `add` is ``SET digest 1 NX EXAT until``, and `discard` is ``DEL digest``.
    """

    async def add(self, digest: str, until: float) -> bool:
        """Store *digest*; return False if it is stored already, or may have been.

        Args:
            digest: SHA-256 of the body, in hexadecimal.
            until: Epoch seconds from which the digest may be dropped: the body is then too old to be accepted.
        """

    async def discard(self, digest: str) -> None:
        """Remove *digest*: its events were not processed, so that the body may be sent again."""


class MemoryReplayStore:
    """Replay store in the memory of this process, of bounded size.

    A full store drops the digest that expires first. From then on every body that expires no later counts as known:
    losing a very late event is better than accepting an old one twice.

    Args:
        capacity: Number of digests; 100,000 take about 30 MB.
        clock: Replaces the system clock in tests.

    Raises:
        ConfigurationError: *capacity* is less than 1.
    """

    def __init__(self, capacity: int = 100_000, *, clock: Clock | None = None) -> None:
        if capacity < 1:
            raise ConfigurationError("capacity must be at least 1 digest")
        self._capacity: Final = capacity
        self._wall_time: Callable[[], float] = (clock or Clock()).wall_time
        self._expires_at: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._evicted_until = float("-inf")

    def __len__(self) -> int:
        """Return the number of stored digests."""
        return len(self._expires_at)

    def __repr__(self) -> str:
        """Return the number of stored digests and the capacity."""
        return f"MemoryReplayStore({len(self)} of {self._capacity})"

    async def add(self, digest: str, until: float) -> bool:
        """Store *digest*; return False if it is stored already, or may have been."""
        self._drop_expired()
        # Up to `_evicted_until` digests may have been dropped for lack of space, so absence proves nothing.
        if digest in self._expires_at or until <= self._evicted_until:
            return False
        self._expires_at[digest] = until
        heapq.heappush(self._heap, (until, digest))
        while len(self._expires_at) > self._capacity:
            self._evicted_until = max(self._evicted_until, self._pop())
        return True

    async def discard(self, digest: str) -> None:
        """Remove *digest*."""
        if self._expires_at.pop(digest, None) is None:
            return
        if len(self._heap) > 2 * len(self._expires_at) + 64:  # discarded digests are still in the heap
            self._heap = [(expires_at, kept_digest) for kept_digest, expires_at in self._expires_at.items()]
            heapq.heapify(self._heap)

    def _drop_expired(self) -> None:
        now = self._wall_time()
        while self._heap and self._heap[0][0] <= now:
            self._pop()

    def _pop(self) -> float:
        expires_at, digest = heapq.heappop(self._heap)
        current = self._expires_at.get(digest)
        if current != expires_at:
            return float("-inf")  # discarded before, and perhaps stored again with another time
        del self._expires_at[digest]
        return expires_at
