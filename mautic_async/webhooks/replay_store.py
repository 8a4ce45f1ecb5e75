"""The memory of bodies that were taken, so that none is taken twice."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final, Protocol

from mautic_async.clock import Clock
from mautic_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable


class ReplayStore(Protocol):
    """Where digests of bodies are kept. Several processes behind one address need one that they share.

    With Redis, for instance, `add` is ``IDEMPOTENT digest 1 NX EXAT until``, and `discard` is ``DEL digest``.
    """

    async def add(self, digest: str, until: float) -> bool:
        """Keep *digest*; False if it may have been there before.

        Args:
            digest: SHA-256 of the body, in hexadecimal.
            until: Epoch seconds; from then on its date alone gives the body away.
        """

    async def discard(self, digest: str) -> None:
        """Forget *digest*: what came with it was not dealt with, and may come again."""


class MemoryReplayStore:
    """A memory in this process, of bounded size.

    When it is full, the digest that would have expired first goes, and from then on every body that would have expired
    by then counts as seen: rather a very late event is lost than an old one believed twice.

    Args:
        capacity: Digests; 100,000 take about 30 MB.
        clock: For tests.
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
        """How many digests are kept."""
        return len(self._expires_at)

    def __repr__(self) -> str:
        """Its size."""
        return f"RecentDigests({len(self)} of {self._capacity})"

    async def add(self, digest: str, until: float) -> bool:
        """Keep *digest*; False if it may have been there before."""
        self._drop_expired()
        if digest in self._expires_at or until <= self._evicted_until:
            return False
        self._expires_at[digest] = until
        heapq.heappush(self._heap, (until, digest))
        while len(self._expires_at) > self._capacity:
            self._evicted_until = max(self._evicted_until, self._pop())
        return True

    async def discard(self, digest: str) -> None:
        """Forget *digest*."""
        if self._expires_at.pop(digest, None) is None:
            return
        if len(self._heap) > 2 * len(self._expires_at) + 64:  # what was discarded is still in the order
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
            return float("-inf")  # discarded before, and perhaps kept anew with another time
        del self._expires_at[digest]
        return expires_at
