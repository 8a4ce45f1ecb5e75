"""The retry budget: a token bucket that successes fill, so that few calls are repeated when all fail.

Pure state; nothing here awaits.
"""

from __future__ import annotations


class RetryBudget:
    """Lets few calls be repeated when all fail: attempts stay below 1.1 x calls + 10 + seconds / 10.

    A retry costs one token of ten; a success earns a tenth of one. One retry per ten seconds is free, so that a slow
    caller may still recover.
    """

    def __init__(self, size: float = 10.0, deposit_per_success: float = 0.1, free_retry_interval: float = 10.0) -> None:
        self._size = size
        self._deposit_per_success = deposit_per_success
        self._free_retry_interval = free_retry_interval
        self._tokens = size
        self._free_at = 0.0

    @property
    def tokens(self) -> float:
        """What is left."""
        return self._tokens

    def deposit(self) -> None:
        """Earn a little."""
        self._tokens = min(self._size, self._tokens + self._deposit_per_success)

    def try_spend(self, now: float) -> bool:
        """Whether a retry may be sent at *now* (monotonic seconds)."""
        if self._tokens >= 1:
            self._tokens -= 1
            return True
        if now >= self._free_at:
            self._free_at = now + self._free_retry_interval
            return True
        return False
