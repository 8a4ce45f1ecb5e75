"""The circuit breaker: stops calls to a server that is down, and lets one probe through now and then.

Pure state; nothing here awaits.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_SECONDS: Final = 30.0
MIN_ATTEMPTS: Final = 20
FAILURE_RATIO: Final = 0.5
MIN_OPEN_SECONDS: Final = 5.0
MAX_OPEN_SECONDS: Final = 60.0


class CircuitBreaker:
    """Stops calls to a server that is down, and lets one probe through now and then.

    Opens when at least half of at least 20 attempts in 30 s failed below Mautic (no connection, 502, 503, 504); stays
    open for 5 s, doubling to 60, with jitter; then one probe decides.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._seen: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._pause = MIN_OPEN_SECONDS
        self._until: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, but for a probe."""
        return self._until is not None

    def try_acquire(self, now: float) -> float:
        """Seconds until the next call may go, 0 when it may go now; a call that may go while open is the probe."""
        if self._until is None:
            return 0.0
        if now < self._until:
            return self._until - now
        if self._probing:
            return max(1.0, self._pause / 10)
        self._probing = True
        return 0.0

    def cancel_probe(self) -> None:
        """A call that was let through was not sent after all."""
        self._probing = False

    def record(self, now: float, *, failed: bool) -> None:
        """Count one attempt's end."""
        if self._until is not None:
            self._finish_probe(now, failed=failed)
            return
        self._seen.append((now, failed))
        self._failures += failed
        while self._seen and self._seen[0][0] < now - WINDOW_SECONDS:
            self._failures -= self._seen.popleft()[1]
        if len(self._seen) >= MIN_ATTEMPTS and self._failures >= FAILURE_RATIO * len(self._seen):
            self._trip(now)

    def _finish_probe(self, now: float, *, failed: bool) -> None:
        if not self._probing:
            return  # an attempt from before the breaker opened
        self._probing = False
        if failed:
            self._pause = min(MAX_OPEN_SECONDS, self._pause * 2)
            self._trip(now)
        else:
            self._until, self._pause = None, MIN_OPEN_SECONDS

    def _trip(self, now: float) -> None:
        self._seen.clear()
        self._failures = 0
        self._until = now + self._pause * (0.9 + 0.2 * self._random())
