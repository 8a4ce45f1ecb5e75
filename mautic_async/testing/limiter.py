"""The rate limiter: a fixed window per token, opened by its first call, counted on each node by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import Factory, define

from mautic_async.testing.http import Headers

if TYPE_CHECKING:
    from mautic_async.clock import Clock

WINDOW: Final = 3600
"""Seconds."""


@define
class _Window:
    """The window of one token on one node.

    Attributes:
        reset: Epoch second at which it ends.
        count: Calls in it, as far as the server knows.
        in_flight: What each call that was counted, and has not ended, made of the count; the oldest first.
    """

    reset: int
    count: int = 0
    in_flight: list[CountedCall] = Factory(list)


@define(eq=False)
class CountedCall:
    """A call that the limiter has seen.

    Attributes:
        allowed: Whether it is within the limit.
        count: What the count was with it.
        headers: What its answer tells of the window.
        window: The window it belongs to, or None: the limiter is off.
    """

    allowed: bool = True
    count: int = 0
    headers: Headers = Factory(list)
    window: _Window | None = None

    def finish(self) -> None:
        """Mark the call as answered: later calls do not overlap with it."""
        if self.window is not None and self in self.window.in_flight:
            self.window.in_flight.remove(self)


class RateLimiter:
    """Counts calls.

    Mautic reads the counter, adds one and writes it back, without a lock. A call that reads it while an earlier call
    has not written yet writes the same number as that call, and undoes what others counted in between. `lose_counts`
    switches this on; without it the counter is exact.

    Args:
        limit: Calls a window; 0 switches it off, and its headers.
        nodes: How many servers, each with a counter of its own, take turns in answering.
        headers: Whether answers tell the state of the window.
        window: Seconds that a window lasts.

    Attributes:
        loss_chance: Chance that a call which overlaps with an earlier one is lost; see `lose_counts`.
    """

    def __init__(self, limit: int, nodes: int = 1, *, headers: bool = True, window: int = WINDOW) -> None:
        self.limit = limit
        self.window = window
        self.headers = headers
        self._nodes: list[dict[str, _Window]] = [{} for _ in range(max(1, nodes))]
        self._next_node = 0
        self.loss_chance: float = 0.0
        self._clock: Clock | None = None

    def lose_counts(self, chance: float, clock: Clock) -> None:
        """Lose calls that overlap in time, as the real counter does.

        Args:
            chance: Of each call that comes while an earlier counted call of its token is under way. With 1, all calls
                that are under way at once count as one.
            clock: Where chance comes from.
        """
        self.loss_chance, self._clock = chance, clock

    def hit(self, key: str, now: float) -> CountedCall:
        """Count a call.

        Args:
            key: The access token, or what all Basic callers share.
            now: Epoch seconds of the server.

        Returns:
            Whether the call may pass, and the headers of its answer. The caller says by `CountedCall.finish` when it is
        over.
        """
        if self.limit <= 0:
            return CountedCall()
        # Nodes take turns and do not share their counts: together they allow up to `nodes` times the limit.
        node = self._nodes[self._next_node % len(self._nodes)]
        self._next_node += 1
        window = node.get(key)
        if window is None or window.reset <= int(now):
            window = node[key] = _Window(int(now) + self.window)
        is_lost = False
        if self.loss_chance and self._clock is not None and window.in_flight:
            is_lost = self._clock.random() < self.loss_chance
        # A lost call writes the number of the oldest overlapping call, which undoes the counts in between.
        window.count = window.in_flight[0].count if is_lost else window.count + 1
        call = CountedCall(window.count <= self.limit, window.count, self._rate_headers(window), window)
        if not is_lost:
            window.in_flight.append(call)
        return call

    def _rate_headers(self, window: _Window) -> Headers:
        if not self.headers:
            return []
        return [
            ("X-RateLimit-Limit", str(self.limit)),
            ("X-RateLimit-Remaining", str(max(0, self.limit - window.count))),
            ("X-RateLimit-Reset", str(window.reset)),
        ]

    def reset(self) -> None:
        """Forget all windows, as a cleared cache does."""
        for node in self._nodes:
            node.clear()
