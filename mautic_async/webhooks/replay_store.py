"""The memory of bodies that were taken, so that none is taken twice."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final, Protocol

from mautic_async.clock import Clock
from mautic_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable


class SeenDigests(Protocol):
    """Where digests of bodies are kept. Several processes behind one address need one that they share.

    With Redis, for instance, `add` is ``SET digest 1 NX EXAT until``, and `discard` is ``DEL digest``.
    """

    async def add(self, digest: str, until: float) -> bool:
        """Keep *digest*; False if it may have been there before.

        Args:
            digest: SHA-256 of the body, in hexadecimal.
            until: Epoch seconds; from then on its date alone gives the body away.
        """

    async def discard(self, digest: str) -> None:
        """Forget *digest*: what came with it was not dealt with, and may come again."""


class RecentDigests:
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
        self._wall: Callable[[], float] = (clock or Clock()).wall
        self._until: dict[str, float] = {}
        self._order: list[tuple[float, str]] = []
        self._floor = float("-inf")

    def __len__(self) -> int:
        """How many digests are kept."""
        return len(self._until)

    def __repr__(self) -> str:
        """Its size."""
        return f"RecentDigests({len(self)} of {self._capacity})"

    async def add(self, digest: str, until: float) -> bool:
        """Keep *digest*; False if it may have been there before."""
        self._drop_expired()
        if digest in self._until or until <= self._floor:
            return False
        self._until[digest] = until
        heapq.heappush(self._order, (until, digest))
        while len(self._until) > self._capacity:
            self._floor = max(self._floor, self._pop())
        return True

    async def discard(self, digest: str) -> None:
        """Forget *digest*."""
        if self._until.pop(digest, None) is None:
            return
        if len(self._order) > 2 * len(self._until) + 64:  # what was discarded is still in the order
            self._order = [(until, known) for known, until in self._until.items()]
            heapq.heapify(self._order)

    def _drop_expired(self) -> None:
        now = self._wall()
        while self._order and self._order[0][0] <= now:
            self._pop()

    def _pop(self) -> float:
        until, digest = heapq.heappop(self._order)
        kept_until = self._until.get(digest)
        if kept_until != until:
            return float("-inf")  # discarded before, and perhaps kept anew with another time
        del self._until[digest]
        return until
