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
        under_way: What each call that was counted, and has not ended, made of the count; the oldest first.
    """

    reset: int
    count: int = 0
    under_way: list[Counted] = Factory(list)


@define(eq=False)
class Counted:
    """A call that the limiter has seen.

    Attributes:
        passed: Whether it is within the limit.
        number: What the count was with it.
        headers: What its answer tells of the window.
        window: The window it belongs to, or None: the limiter is off.
    """

    passed: bool = True
    number: int = 0
    headers: Headers = Factory(list)
    window: _Window | None = None

    def end(self) -> None:
        """The call has its answer: calls from now on do not overlap with it."""
        if self.window is not None and self in self.window.under_way:
            self.window.under_way.remove(self)


class Limiter:
    """Counts calls.

    Mautic reads the counter, adds one and writes it back, without a lock. A call that reads it while an earlier call
    has not written yet writes the same number as that call, and undoes what others counted in between. `lose` switches
    this on; without it the counter is exact.

    Args:
        limit: Calls a window; 0 switches it off, and its headers.
        nodes: How many servers, each with a counter of its own, take turns in answering.
        headers: Whether answers tell the state of the window.
        window: Seconds that a window lasts.

    Attributes:
        loses: Chance that a call which overlaps with an earlier one is lost; see `lose`.
    """

    def __init__(self, limit: int, nodes: int = 1, *, headers: bool = True, window: int = WINDOW) -> None:
        self.limit = limit
        self.window = window
        self.headers = headers
        self._nodes: list[dict[str, _Window]] = [{} for _ in range(max(1, nodes))]
        self._turn = 0
        self.loses = 0.0
        self._clock: Clock | None = None

    def lose(self, chance: float, clock: Clock) -> None:
        """Lose calls that overlap in time, as the real counter does.

        Args:
            chance: Of each call that comes while an earlier counted call of its token is under way. With 1, all calls
                that are under way at once count as one.
            clock: Where chance comes from.
        """
        self.loses, self._clock = chance, clock

    def count(self, key: str, now: float) -> Counted:
        """Count a call.

        Args:
            key: The access token, or what all Basic callers share.
            now: Epoch seconds of the server.

        Returns:
            Whether the call may pass, and the headers of its answer. The caller says by `Counted.end` when it is over.
        """
        if self.limit <= 0:
            return Counted()
        node = self._nodes[self._turn % len(self._nodes)]
        self._turn += 1
        window = node.get(key)
        if window is None or window.reset <= int(now):
            window = node[key] = _Window(int(now) + self.window)
        lost = False
        if self.loses and self._clock is not None and window.under_way:
            lost = self._clock.random() < self.loses
        window.count = window.under_way[0].number if lost else window.count + 1
        counted = Counted(window.count <= self.limit, window.count, self._told(window), window)
        if not lost:
            window.under_way.append(counted)
        return counted

    def _told(self, window: _Window) -> Headers:
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
