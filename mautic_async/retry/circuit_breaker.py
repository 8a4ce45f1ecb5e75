"""The circuit breaker: stops calls to a server that is down. Nothing here awaits."""

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
    """A circuit breaker: it stops calls to a server that is down, and lets single probes through.

    It opens when at least half of at least 20 attempts within 30 s failed before Mautic (no connection, 502, 503, 504).
    It stays open for 5 s, with jitter, and twice as long after each failed probe, up to 60 s. Then one probe decides.
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
        """True while calls other than a probe are stopped."""
        return self._until is not None

    def try_acquire(self, now: float) -> float:
        """Return the seconds until a call may be sent. With 0.0 it may go now, as the probe if the breaker is open."""
        if self._until is None:
            return 0.0
        if now < self._until:
            return self._until - now
        if self._probing:
            # A probe is under way and has no known end, so ask again soon.
            return max(1.0, self._pause / 10)
        self._probing = True
        return 0.0

    def cancel_probe(self) -> None:
        """Note that the call that was let through as a probe was not sent."""
        self._probing = False

    def record(self, now: float, *, failed: bool) -> None:
        """Count the end of one attempt; *failed* if it did not reach Mautic."""
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
        # When the breaker closes, the failures that opened it must not open it again.
        self._seen.clear()
        self._failures = 0
        # With jitter, so that processes do not probe all at once.
        self._until = now + self._pause * (0.9 + 0.2 * self._random())
