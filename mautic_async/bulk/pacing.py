"""What a job has learned of its server: how much, how many at once, how long to wait, when to give up."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final

from mautic_async.bulk.adaptive import Batch, Flow, Sample, refuse, resize, steer
from mautic_async.errors import RateLimited, Then, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mautic_async.bulk.adapter import Delivery
    from mautic_async.bulk.items import Parcel
    from mautic_async.bulk.options import Plan
    from mautic_async.clock import Clock
    from mautic_async.errors import MauticError

SHORT: Final = 5.0
"""Seconds to settle after a failure that ended the request on the server."""

TIMED_OUT: Final = frozenset({"read-timeout", "gateway-timeout"})
"""Events after which the next request had better be smaller."""

CONFIRM_AFTER: Final = 5.0
"""Seconds between two look-ups that have to agree."""

CAP: Final = 30.0
"""The longest back-off, in seconds."""

GENTLY: Final = 1.1
"""How much a batch grows after an answer far below the target, while concurrency is sought ..."""

QUICKLY: Final = 1.5
"""... and once it is found."""


class Helm:
    """The numbers by which a job is steered.

    Attributes:
        batch: Rows a request.
        flow: Requests at once.
        bytes: The most bytes a request body.
        slowest: The longest answer so far, in seconds.
        successes: Requests that were answered row by row.
        failures: Requests that were not, since the last one that was.
    """

    def __init__(self, plan: Plan, clock: Clock, limit: int) -> None:
        self._plan = plan
        self._clock = clock
        most = min(plan.batch, limit)
        self.batch = Batch(float(min(plan.first_batch, most)), most, plan.batch_seconds)
        self.flow = Flow(float(min(plan.start, plan.concurrency)), plan.concurrency)
        self.bytes = plan.batch_bytes
        self.slowest = 0.0
        self.successes = 0
        self.failures = 0
        self._last_success = clock.time()

    def succeeded(self, delivery: Delivery[Any], began: float, busy: int) -> None:
        """Record the answer to a batch that began at *began*, while *busy* requests were in flight.

        The adapter says how long the server took. Without that figure the whole time since *began* counts.
        """
        if not delivery.requests:
            return  # the courier only told them apart
        now = self._clock.time()
        self.successes += 1
        self.failures = 0
        self._last_success = now
        seconds = now - began if delivery.seconds is None else delivery.seconds
        self.slowest = max(self.slowest, seconds)
        self._learn(
            Sample(
                len(delivery.receipts),
                seconds,
                began,
                now,
                load=any(receipt.load for receipt in delivery.receipts),
                starved=now - began - seconds > max(1.0, seconds),
                busy=busy,
            )
        )

    def failed(self, error: MauticError, rows: int, began: float, busy: int) -> None:
        """Learn from a request that was not answered row by row."""
        verdict = error.verdict
        if verdict is None or isinstance(error, RateLimited | Unavailable):
            return
        now = self._clock.time()
        if verdict.bulk in {Then.REPEAT, Then.PARK, Then.LOOK}:
            self.failures += 1
        if verdict.load:
            dropped = verdict.event in TIMED_OUT
            self._learn(Sample(rows, now - began, began, now, load=True, dropped=dropped, busy=busy))

    def _learn(self, sample: Sample) -> None:
        # While concurrency is sought, batches grow slowly: short requests tell sooner whether a step only queues, and
        # their fixed cost stays about the same share of a row, which a window is judged by.
        self.batch = resize(self.batch, sample, growth=GENTLY if self.flow.seeking else QUICKLY)
        self.flow = steer(self.flow, sample)

    def shrink(self, rows: int | None, max_bytes: int | None) -> None:
        """Build no larger batches: the server takes no more than *rows* rows, or no more than *max_bytes*."""
        if rows is not None:
            self.batch = refuse(self.batch, rows)
        if max_bytes is not None:
            self.bytes = min(self.bytes, max(1, max_bytes))

    def given_up(self) -> bool:
        """Whether the server has failed too often and for too long."""
        silent = self._clock.time() - self._last_success
        return self.failures >= self._plan.give_up and silent >= self._plan.outage

    def is_outage(self, attempts: int, since: float) -> bool:
        """Return True if so many failed attempts since loop time *since* are too many, over too long a time."""
        return attempts > self._plan.give_up and self.time() - since >= self._plan.outage

    def may_retry(self, parcel: Parcel[Any]) -> bool:
        """Return True if the row's step has not been sent `Plan.tries` times yet."""
        return parcel.tries < self._plan.tries

    def time(self) -> float:
        """Return the loop time."""
        return self._clock.time()

    @property
    def confirm_after(self) -> float:
        """Return the seconds between two look-ups that have to agree."""
        return min(CONFIRM_AFTER, self._plan.settle / 24)

    def requests_for(self, rows: int) -> int:
        """How many requests that many rows still need at most; half of the batches may be for second steps."""
        return 2 * -(-rows // self.batch.size)

    def last_batch(self, waiting: int, sending: Iterable[tuple[float, int]]) -> int:
        """Return how many of the last *waiting* rows should leave now, so that all connections end at one time.

        Else the last full batch runs alone while the other connections idle. What is left of the requests that are
        *sending* (when each left, and its rows) is estimated by their age and the seconds a row takes.
        """
        now, each = self._clock.time(), self.batch.each
        under_way = sum(max(0.0, rows - (now - began) / each) if each else rows for began, rows in sending)
        return ceil((waiting + under_way) / self.flow.size)

    def back_off(self, base: float, failures: int) -> float:
        """Seconds to wait after so many failures in a row, with full jitter."""
        return self._clock.uniform(0.0, min(CAP, base * 2.0 ** min(failures, 10)))

    def retry_after(self, error: RateLimited | Unavailable) -> float:
        """Return the seconds to send nothing after *error*: as it says, else about half a second."""
        return error.retry_after or self.back_off(1.0, 1)

    def settle_for(self, parcel: Parcel[Any], error: MauticError | None) -> float:
        """Return the seconds until the server can no longer be at work on a request that Mautic did not answer.

        Counted from when it left, where the error knows that; else from now: it may have waited for its turn below. The
        slowest answer so far is added, since a request may be queued for that long before it begins.
        """
        if error is not None and error.verdict is not None and not error.verdict.live:
            return min(SHORT, self._plan.settle)
        wait = self._plan.settle + self.slowest if self._plan.settle else 0.0
        sent_at: float = getattr(error, "sent_at", 0.0)
        if not sent_at:
            return wait
        age = min(self._clock.wall() - sent_at, self._clock.time() - parcel.carried_at)
        return wait - max(0.0, age)
