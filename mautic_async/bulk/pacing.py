"""What a job has learned of its server: how much, how many at once, how long to wait, when to give up."""

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
"""Seconds to settle after a failure that ended the request on the server."""

TIMED_OUT: Final = frozenset({"read-timeout", "gateway-timeout"})
"""Events after which the next request had better be smaller."""

CONFIRM_AFTER: Final = 5.0
"""Seconds between two look-ups that have to agree."""

MAX_BACKOFF: Final = 30.0
"""The longest back-off, in seconds."""

GENTLY: Final = 1.1
"""How much a batch grows after an answer far below the target, while concurrency is sought ..."""

QUICKLY: Final = 1.5
"""... and once it is found."""


class Pacing:
    """The numbers by which a job is steered.

    Attributes:
        batch: Rows a request.
        concurrency: Requests at once.
        max_bytes: The most bytes a request body.
        slowest_seconds: The longest answer so far, in seconds.
        successes: Requests that were answered row by row.
        failures: Requests that were not, since the last one that was.
    """

    def __init__(self, options: BulkOptions, clock: Clock, max_rows: int) -> None:
        self._options = options
        self._clock = clock
        maximum = min(options.batch, max_rows)
        self.batch = BatchSize(float(min(options.initial_batch, maximum)), maximum, options.batch_seconds)
        self.concurrency = ConcurrencyLimit(
            float(min(options.initial_concurrency, options.concurrency)), options.concurrency
        )
        self.max_bytes = options.batch_bytes
        self.slowest_seconds = 0.0
        self.successes = 0
        self.failures = 0
        self._last_success = clock.monotonic()

    def on_success(self, batch_result: BatchResult[Any], sent_at: float, in_flight: int) -> None:
        """Record the answer to a batch that began at *sent_at*, while *in_flight* requests were in flight.

        The adapter says how long the server took. Without that figure the whole time since *sent_at* counts.
        """
        if not batch_result.requests:
            return  # the courier only told them apart
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
                rate_limited=now - sent_at - seconds > max(1.0, seconds),
                in_flight=in_flight,
            )
        )

    def on_failure(self, error: MauticError, rows: int, sent_at: float, in_flight: int) -> None:
        """Learn from a request that was not answered row by row."""
        verdict = error.verdict
        if verdict is None or isinstance(error, RateLimited | Unavailable):
            return
        now = self._clock.monotonic()
        if verdict.batch in {Action.RETRY, Action.RECONCILE_LATER, Action.RECONCILE}:
            self.failures += 1
        if verdict.overload:
            timed_out = verdict.kind in TIMED_OUT
            self._observe(
                Sample(rows, now - sent_at, sent_at, now, overload=True, timed_out=timed_out, in_flight=in_flight)
            )

    def _observe(self, sample: Sample) -> None:
        # While concurrency is sought, batches grow slowly: short requests tell sooner whether a step only queues, and
        # their fixed cost stays about the same share of a row, which a window is judged by.
        self.batch = update_batch_size(
            self.batch, sample, max_growth=GENTLY if self.concurrency.will_double else QUICKLY
        )
        self.concurrency = update_concurrency(self.concurrency, sample)

    def shrink(self, rows: int | None, max_bytes: int | None) -> None:
        """Build no larger batches: the server takes no more than *rows* rows, or no more than *max_bytes*."""
        if rows is not None:
            self.batch = cap_rows(self.batch, rows)
        if max_bytes is not None:
            self.max_bytes = min(self.max_bytes, max(1, max_bytes))

    def should_abort(self) -> bool:
        """Whether the server has failed too often and for too long."""
        since_success = self._clock.monotonic() - self._last_success
        return self.failures >= self._options.max_failures and since_success >= self._options.max_outage

    def is_outage(self, attempts: int, since: float) -> bool:
        """Return True if so many failed attempts since loop time *since* are too many, over too long a time."""
        return attempts > self._options.max_failures and self.time() - since >= self._options.max_outage

    def may_retry(self, parcel: WorkItem[Any]) -> bool:
        """Return True if the row's step has not been sent `BulkOptions.max_attempts` times yet."""
        return parcel.attempts < self._options.max_attempts

    def time(self) -> float:
        """Return the loop time."""
        return self._clock.monotonic()

    @property
    def confirm_after(self) -> float:
        """Return the seconds between two look-ups that have to agree."""
        return min(CONFIRM_AFTER, self._options.reconcile_after / 24)

    def estimate_requests(self, rows: int) -> int:
        """How many requests that many rows still need at most; half of the batches may be for second steps."""
        return 2 * -(-rows // self.batch.size)

    def final_batch_rows(self, ready_rows: int, in_flight: Iterable[tuple[float, int]]) -> int:
        """Return how many of the last *ready_rows* rows should leave now, so that all connections end at one time.

        Else the last full batch runs alone while the other connections idle. What is left of the requests that are
        *in_flight* (when each left, and its rows) is estimated by their age and the seconds a row takes.
        """
        now, seconds_per_row = self._clock.monotonic(), self.batch.seconds_per_row
        rows_in_flight = sum(
            max(0.0, rows - (now - sent_at) / seconds_per_row) if seconds_per_row else rows
            for sent_at, rows in in_flight
        )
        return ceil((ready_rows + rows_in_flight) / self.concurrency.size)

    def backoff(self, base: float, failures: int) -> float:
        """Seconds to wait after so many failures in a row, with full jitter."""
        return self._clock.uniform(0.0, min(MAX_BACKOFF, base * 2.0 ** min(failures, 10)))

    def retry_after(self, error: RateLimited | Unavailable) -> float:
        """Return the seconds to send nothing after *error*: as it says, else about half a second."""
        return error.retry_after or self.backoff(1.0, 1)

    def reconcile_delay(self, item: WorkItem[Any], error: MauticError | None) -> float:
        """Return the seconds until the server can no longer be at work on a request that Mautic did not answer.

        Counted from when it left, where the error knows that; else from now: it may have waited for its turn below. The
        slowest answer so far is added, since a request may be queued for that long before it begins.
        """
        if error is not None and error.verdict is not None and not error.verdict.may_still_run:
            return min(SHORT_DELAY, self._options.reconcile_after)
        wait = self._options.reconcile_after + self.slowest_seconds if self._options.reconcile_after else 0.0
        sent_at: float = getattr(error, "sent_at", 0.0)
        if not sent_at:
            return wait
        age = min(self._clock.wall_time() - sent_at, self._clock.monotonic() - item.sent_loop_time)
        return wait - max(0.0, age)
