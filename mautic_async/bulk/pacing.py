"""The numbers by which a job is steered: batch size, concurrency, backoff, waits, and the limits for giving up."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final

from mautic_async.bulk.adaptive import (
    BatchSize,
    ConcurrencyLimit,
    Sample,
    cap_rows,
    update_batch_size,
    update_concurrency,
)
from mautic_async.errors import Action, RateLimited, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mautic_async.bulk.adapter import BatchResult
    from mautic_async.bulk.items import WorkItem
    from mautic_async.bulk.options import BulkOptions
    from mautic_async.clock import Clock
    from mautic_async.errors import MauticError

SHORT_DELAY: Final = 5.0
"""Seconds to wait after a failure with which the request ended on the server."""

TIMED_OUT: Final = frozenset({"read-timeout", "gateway-timeout"})
"""Failure kinds after which the next request should be smaller."""

CONFIRM_AFTER: Final = 5.0
"""Seconds between two look-ups that have to agree."""

MAX_BACKOFF: Final = 30.0
"""The longest backoff, in seconds."""

SLOW_GROWTH: Final = 1.1
"""The factor by which a batch grows after an answer far below the target, while concurrency is doubled ..."""

FAST_GROWTH: Final = 1.5
"""... and later."""


class Pacing:
    """The numbers by which a job is steered.

    Attributes:
        batch: Rows a request.
        concurrency: Requests at once.
        max_bytes: The most bytes a request body.
        slowest_seconds: The longest answer so far, in seconds.
        successes: Requests that were answered row by row.
        failures: Requests that were not, since the last success.
    """

    def __init__(self, options: BulkOptions, clock: Clock, max_rows: int) -> None:
        self._options = options
        self._clock = clock
        maximum = min(options.batch, max_rows)
        self.batch: BatchSize = BatchSize(float(min(options.initial_batch, maximum)), maximum, options.batch_seconds)
        self.concurrency: ConcurrencyLimit = ConcurrencyLimit(
            float(min(options.initial_concurrency, options.concurrency)), options.concurrency
        )
        self.max_bytes: int = options.batch_bytes
        self.slowest_seconds: float = 0.0
        self.successes: int = 0
        self.failures: int = 0
        self._last_success = clock.monotonic()

    def on_success(self, batch_result: BatchResult[Any], sent_at: float, in_flight: int) -> None:
        """Record the answer to a batch that began at *sent_at*, while *in_flight* requests were in flight.

        The adapter says how long the server took. Without that figure the whole time since *sent_at* counts.
        """
        if not batch_result.requests:
            return  # the adapter only sorted the rows
        now = self._clock.monotonic()
        self.successes += 1
        self.failures = 0
        self._last_success = now
        seconds = now - sent_at if batch_result.seconds is None else batch_result.seconds
        self.slowest_seconds = max(self.slowest_seconds, seconds)
        self._observe(
            Sample(
                len(batch_result.results),
                seconds,
                sent_at,
                now,
                overload=any(result.overload for result in batch_result.results),
                # Time beyond that of the server was spent waiting for the rate limiter.
                rate_limited=now - sent_at - seconds > max(1.0, seconds),
                in_flight=in_flight,
            )
        )

    def on_failure(self, error: MauticError, rows: int, sent_at: float, in_flight: int) -> None:
        """Record a request of *rows* rows that was not answered row by row."""
        verdict = error.verdict
        # A 429 and an open circuit breaker say nothing of the server's load, so they change neither size.
        if verdict is None or isinstance(error, RateLimited | Unavailable):
            return
        now = self._clock.monotonic()
        # A refusal of the rows themselves is no sign of an outage, so it does not count towards giving up.
        if verdict.batch in {Action.RETRY, Action.RECONCILE_LATER, Action.RECONCILE}:
            self.failures += 1
        if verdict.overload:
            timed_out = verdict.kind in TIMED_OUT
            self._observe(
                Sample(rows, now - sent_at, sent_at, now, overload=True, timed_out=timed_out, in_flight=in_flight)
            )

    def _observe(self, sample: Sample) -> None:
        # While concurrency is doubled, batches grow slowly: short requests show sooner whether a step only queues, and
        # their fixed cost remains about the same share of a row, which windows compare.
        self.batch = update_batch_size(
            self.batch, sample, max_growth=SLOW_GROWTH if self.concurrency.will_double else FAST_GROWTH
        )
        self.concurrency = update_concurrency(self.concurrency, sample)

    def shrink(self, rows: int | None, max_bytes: int | None) -> None:
        """Build no larger batches: the server takes no more than *rows* rows, or no more than *max_bytes*."""
        if rows is not None:
            self.batch = cap_rows(self.batch, rows)
        if max_bytes is not None:
            self.max_bytes = min(self.max_bytes, max(1, max_bytes))

    def should_abort(self) -> bool:
        """Return True if the server has failed too often and for too long."""
        since_success = self._clock.monotonic() - self._last_success
        return self.failures >= self._options.max_failures and since_success >= self._options.max_outage

    def is_outage(self, attempts: int, since: float) -> bool:
        """Return True if so many failed attempts since loop time *since* are too many, over too long a time."""
        return attempts > self._options.max_failures and self.time() - since >= self._options.max_outage

    def may_retry(self, item: WorkItem[Any]) -> bool:
        """Return True if the row's step has not been sent `BulkOptions.max_attempts` times yet."""
        return item.sends.attempts < self._options.max_attempts

    def time(self) -> float:
        """Return the loop time."""
        return self._clock.monotonic()

    @property
    def confirm_after(self) -> float:
        """Seconds between two look-ups that have to agree."""
        return min(CONFIRM_AFTER, self._options.reconcile_after / 24)

    def estimate_requests(self, rows: int) -> int:
        """Return the most requests that so many rows still need; half of the batches may be for second steps."""
        return 2 * -(-rows // self.batch.size)

    def final_batch_rows(self, ready_rows: int, in_flight: Iterable[tuple[float, int]]) -> int:
        """Return how many of the last *ready_rows* rows to send now, so that all connections end at the same time.

        Otherwise the last full batch would run alone while the other connections idle. The rest of the requests that
        are *in_flight* (the loop time at which each was sent, and its rows) is estimated by their age.
        """
        now, seconds_per_row = self._clock.monotonic(), self.batch.seconds_per_row
        rows_in_flight = sum(
            max(0.0, rows - (now - sent_at) / seconds_per_row) if seconds_per_row else rows
            for sent_at, rows in in_flight
        )
        return ceil((ready_rows + rows_in_flight) / self.concurrency.size)

    def backoff(self, base: float, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row: exponential backoff with full jitter."""
        return self._clock.uniform(0.0, min(MAX_BACKOFF, base * 2.0 ** min(failures, 10)))

    def retry_after(self, error: RateLimited | Unavailable) -> float:
        """Return the seconds to send nothing after *error*: as it says, else about half a second."""
        return error.retry_after or self.backoff(1.0, 1)

    def reconcile_delay(self, item: WorkItem[Any], error: MauticError | None) -> float:
        """Return the seconds until the server can no longer be at work on a request that Mautic did not answer.

        They count from the time at which it was sent, if the error has it; else from now, since the request may have
        waited for the rate limiter. The slowest answer so far is added: a request may be queued for so long.
        """
        if error is not None and error.verdict is not None and not error.verdict.may_still_run:
            # Mautic itself has answered, so its request has ended, and no long wait is due.
            return min(SHORT_DELAY, self._options.reconcile_after)
        wait = self._options.reconcile_after + self.slowest_seconds if self._options.reconcile_after else 0.0
        sent_at: float = getattr(error, "sent_at", 0.0)
        if not sent_at:
            return wait
        # The smaller age of the two: a wall clock that was set forward must not shorten the wait.
        age = min(self._clock.wall_time() - sent_at, self._clock.monotonic() - item.sends.last_loop_time)
        return wait - max(0.0, age)
