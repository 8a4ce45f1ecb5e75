"""Restraint under failure: a budget for retries, and a breaker for a server that is down.

Pure state; nothing here awaits.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW: Final = 30.0
LEAST: Final = 20
SHARE: Final = 0.5
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 60.0


class RetryBudget:
    """Lets few calls be repeated when all fail: attempts stay below 1.1 x calls + 10 + seconds / 10.

    A retry costs one token of ten; a success earns a tenth of one. One retry per ten seconds is free, so that a slow
    caller may still recover.
    """

    def __init__(self, size: float = 10.0, gain: float = 0.1, free_every: float = 10.0) -> None:
        self._size = size
        self._gain = gain
        self._free_every = free_every
        self._tokens = size
        self._free_at = 0.0

    @property
    def tokens(self) -> float:
        """What is left."""
        return self._tokens

    def succeeded(self) -> None:
        """Earn a little."""
        self._tokens = min(self._size, self._tokens + self._gain)

    def spend(self, now: float) -> bool:
        """Whether a retry may be sent at *now* (monotonic seconds)."""
        if self._tokens >= 1:
            self._tokens -= 1
            return True
        if now >= self._free_at:
            self._free_at = now + self._free_every
            return True
        return False


class Breaker:
    """Stops calls to a server that is down, and lets one probe through now and then.

    Opens when at least half of at least 20 attempts in 30 s failed below Mautic (no connection, 502, 503, 504); stays
    open for 5 s, doubling to 60, with jitter; then one probe decides.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._seen: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._until: float | None = None
        self._probing = False

    @property
    def open(self) -> bool:
        """Whether calls are refused, but for a probe."""
        return self._until is not None

    def wait(self, now: float) -> float:
        """Seconds until the next call may go, 0 when it may go now; a call that may go while open is the probe."""
        if self._until is None:
            return 0.0
        if now < self._until:
            return self._until - now
        if self._probing:
            return max(1.0, self._pause / 10)
        self._probing = True
        return 0.0

    def withdrawn(self) -> None:
        """A call that was let through was not sent after all."""
        self._probing = False

    def record(self, now: float, *, failed: bool) -> None:
        """Count one attempt's end."""
        if self._until is not None:
            self._settle(now, failed=failed)
            return
        self._seen.append((now, failed))
        self._failures += failed
        while self._seen and self._seen[0][0] < now - WINDOW:
            self._failures -= self._seen.popleft()[1]
        if len(self._seen) >= LEAST and self._failures >= SHARE * len(self._seen):
            self._trip(now)

    def _settle(self, now: float, *, failed: bool) -> None:
        if not self._probing:
            return  # an attempt from before the breaker opened
        self._probing = False
        if failed:
            self._pause = min(LONGEST_PAUSE, self._pause * 2)
            self._trip(now)
        else:
            self._until, self._pause = None, FIRST_PAUSE

    def _trip(self, now: float) -> None:
        self._seen.clear()
        self._failures = 0
        self._until = now + self._pause * (0.9 + 0.2 * self._random())
