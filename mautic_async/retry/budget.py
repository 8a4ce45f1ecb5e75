"""The retry budget: a token bucket that successful calls fill. Nothing here awaits."""

from __future__ import annotations


class RetryBudget:
    """A token bucket for retries, so that a server where all calls fail is not flooded.

    A retry takes one of ten tokens, and a successful call adds a tenth of one. Unlike a plain token bucket it gives one
    free retry every ten seconds, so that a client with few calls can recover. Attempts stay below
    1.1 x calls + 10 + seconds / 10.
    """

    def __init__(self, size: float = 10.0, deposit_per_success: float = 0.1, free_retry_interval: float = 10.0) -> None:
        self._size = size
        self._deposit_per_success = deposit_per_success
        self._free_retry_interval = free_retry_interval
        self._tokens = size
        self._free_at = 0.0

    @property
    def tokens(self) -> float:
        """Retries that may be spent now."""
        return self._tokens

    def deposit(self) -> None:
        """Add the share of a successful call."""
        self._tokens = min(self._size, self._tokens + self._deposit_per_success)

    def try_spend(self, now: float) -> bool:
        """Take one retry; return False if none is left. *now* is in monotonic seconds."""
        if self._tokens >= 1:
            self._tokens -= 1
            return True
        # Without a free retry, a client whose calls all fail could never fill its bucket again.
        if now >= self._free_at:
            self._free_at = now + self._free_retry_interval
            return True
        return False
