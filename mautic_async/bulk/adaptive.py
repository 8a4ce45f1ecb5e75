"""How many rows a request and how many requests at once, learned from answers. Pure: a state, a sample, a new state.

A request costs the server ``a + c * rows`` seconds. Batches are steered to a time target: beyond that nothing is won
and a failure costs more. Concurrency is steered by seconds *per row*, which do not move with the batch size: PHP queues
rather than refuses, so waiting for refusals would drive any server into its backlog.
"""

from __future__ import annotations

from math import ceil
from typing import Any, Final

from attrs import evolve, frozen

SLOW_SECONDS: Final = 30.0
"""Seconds: a request near the proxies' usual 60 is halved at once."""

QUEUEING_RATIO: Final = 1.2
"""How much longer a row may take than at its best before that is a queue."""

NOISY_QUEUEING_RATIO: Final = 1.5
"""The same of the few answers that the first windows hold: growth only becomes careful."""

COOLDOWN_WINDOWS: Final = 8
"""Windows after a step back before more is tried; doubled each time, up to ..."""

MAX_COOLDOWN_WINDOWS: Final = 64
"""... this."""


@frozen
class Sample:
    """What one request taught.

    Attributes:
        rows: How many it held.
        seconds: What it took, without waits for limits.
        sent_at: Loop time at which it left.
        ended_at: Loop time at which it was answered, or given up.
        overload: Whether it failed in a way that says the server is overloaded.
        timed_out: Whether it timed out, so that the next had better be smaller.
        rate_limited: Whether it waited for the rate limit: then calls are scarce, and rows a call are what counts.
        in_flight: Requests that were under way when it ended, itself included.
    """

    rows: int
    seconds: float
    sent_at: float
    ended_at: float
    overload: bool = False
    timed_out: bool = False
    rate_limited: bool = False
    in_flight: int = 1


@frozen
class BatchSize:
    """Rows a request.

    Attributes:
        rows: The size now.
        maximum: The most that is allowed: the plan's, lowered by what the server refused.
        target_seconds: Seconds a request should take, up to twice that: between the two nothing is changed.
        seconds_per_row: Seconds a row, smoothed; 0 before the first answer.
    """

    rows: float
    maximum: int
    target_seconds: float
    seconds_per_row: float = 0.0

    @property
    def size(self) -> int:
        """Whole rows, at least one."""
        return max(1, min(self.maximum, int(self.rows)))


def update_batch_size(state: BatchSize, sample: Sample, *, max_growth: float = 1.5) -> BatchSize:
    """Return the batch size after *sample*; a fast answer multiplies it by *max_growth* at most."""
    if sample.timed_out or sample.seconds > SLOW_SECONDS:
        return evolve(state, rows=max(1.0, min(state.rows, sample.rows / 2)))
    if sample.overload:
        return state
    seconds_per_row = sample.seconds / max(1, sample.rows)
    seconds_per_row = (
        seconds_per_row
        if not state.seconds_per_row
        else state.seconds_per_row + 0.3 * (seconds_per_row - state.seconds_per_row)
    )
    if sample.rate_limited:
        return evolve(state, rows=float(state.maximum), seconds_per_row=seconds_per_row)
    if sample.rows < state.size // 2:
        return state  # a remnant: its fixed cost says nothing of a full batch
    target_rows = state.target_seconds / seconds_per_row if seconds_per_row else float(state.maximum)
    if 2 * target_rows < state.rows:
        rows = max(2 * target_rows, state.rows * 0.7)
    elif target_rows < state.rows:
        rows = state.rows
    elif target_rows > 2 * state.rows:
        rows = state.rows * max_growth
    else:
        rows = min(target_rows, state.rows * 1.1)
    return evolve(state, rows=min(max(1.0, rows), float(state.maximum)), seconds_per_row=seconds_per_row)


def cap_rows(state: BatchSize, max_rows: int) -> BatchSize:
    """The batch size after a refusal of the number of rows; *max_rows* holds for the rest of the run."""
    maximum = max(1, min(state.maximum, max_rows))
    return evolve(state, maximum=maximum, rows=min(state.rows, float(maximum)))


@frozen
class ConcurrencyLimit:
    """Requests at once.

    Attributes:
        limit: The number now.
        maximum: The plan's ceiling.
        baseline: Seconds a row when nothing queues, smoothed ...
        baseline_rows: ... and the rows a request at that time: smaller requests take longer a row, and are no queue.
        slow_start: Whether no window has been slow yet, so that growth may double.
        known_bad: A number that has shown a queue or an overload; it is not tried again ...
        cooldown: ... for so many windows ...
        next_cooldown: ... and for so many the next time.
        known_good: A number that has gone well; below it growth need not be careful.
        previous_limit: The limit before the last step back, 0 if the last step was none ...
        previous_latency: ... and the seconds a row with it.
        rows: Rows answered in this window ...
        seconds: ... and the seconds they took.
        answers: ... in so many answers.
        saturated: ... of which so many came while at least half the limit was in use.
        changed_at: Loop time of the last change: a request that left before says nothing of the new limit.
    """

    limit: float
    maximum: int
    baseline: float = 0.0
    baseline_rows: float = 0.0
    slow_start: bool = True
    known_bad: float = 0.0
    cooldown: int = 0
    next_cooldown: int = COOLDOWN_WINDOWS
    known_good: float = 0.0
    previous_limit: float = 0.0
    previous_latency: float = 0.0
    rows: int = 0
    seconds: float = 0.0
    answers: int = 0
    saturated: int = 0
    changed_at: float = -1.0

    @property
    def size(self) -> int:
        """Whole requests, at least one."""
        return max(1, min(self.maximum, int(self.limit)))

    @property
    def will_double(self) -> bool:
        """Whether the next good window doubles the limit."""
        return self.slow_start and self.size < self.maximum


def update_concurrency(state: ConcurrencyLimit, sample: Sample) -> ConcurrencyLimit:
    """Return the concurrency after *sample*: one more a good window, half after an overload, once a round trip.

    While concurrency doubles, half as many answers as the limit make a window: a step from 2 to 4 that only queues is
    taken back after two answers. Waiting for all four would let eight batches leave at the wrong limit.
    """
    if sample.sent_at <= state.changed_at:
        return state
    if sample.overload:
        return _decrease(state, sample.ended_at)
    state = evolve(
        state,
        rows=state.rows + sample.rows,
        seconds=state.seconds + sample.seconds,
        answers=state.answers + 1,
        saturated=state.saturated + (2 * sample.in_flight >= state.size and not sample.rate_limited),
    )
    if state.slow_start:
        window = max(2, state.size // 2)
    elif state.limit < state.known_good:
        window = state.size
    else:
        window = max(8, state.size)
    return _end_window(state, sample.ended_at) if state.answers >= window else state


def _new_window(state: ConcurrencyLimit, limit: float, **changes: Any) -> ConcurrencyLimit:
    """A new window."""
    limit = min(max(1.0, limit), float(state.maximum))
    return evolve(state, limit=limit, rows=0, seconds=0.0, answers=0, saturated=0, **changes)


def _decrease(state: ConcurrencyLimit, now: float) -> ConcurrencyLimit:
    """Half, and not as far as this again for a while; cuts from below what went well say nothing of it."""
    if state.limit < state.known_good:
        return _new_window(state, state.limit / 2, slow_start=False, previous_limit=0.0, changed_at=now)
    known_bad = float(state.size)
    cooldown, next_cooldown = state.next_cooldown, min(2 * state.next_cooldown, MAX_COOLDOWN_WINDOWS)
    return _new_window(
        state,
        known_bad / 2,
        slow_start=False,
        known_bad=known_bad,
        cooldown=cooldown,
        next_cooldown=next_cooldown,
        known_good=known_bad - 1,
        previous_limit=0.0,
        changed_at=now,
    )


def _end_window(state: ConcurrencyLimit, now: float) -> ConcurrencyLimit:
    """End a window: grow, hold or step back."""
    if 2 * state.saturated < state.answers:
        return _new_window(state, state.limit)
    seconds_per_row, rows_per_answer = state.seconds / max(1, state.rows), state.rows / state.answers
    if state.previous_limit and seconds_per_row > state.previous_latency * (1 + state.limit / state.previous_limit) / 2:
        # Fewer at once, and a row takes as long: it is no queue of ours, the server has become slower.
        return _new_window(
            state,
            state.previous_limit,
            baseline=seconds_per_row,
            baseline_rows=rows_per_answer,
            slow_start=True,
            cooldown=0,
            previous_limit=0.0,
            changed_at=now,
        )
    if not state.baseline or rows_per_answer < 0.7 * state.baseline_rows:
        baseline, baseline_rows = seconds_per_row, rows_per_answer
    else:
        noisy = state.slow_start and seconds_per_row < NOISY_QUEUEING_RATIO * state.baseline
        weight = 0.5 if seconds_per_row < state.baseline else 0.25 if noisy else 0.02
        baseline, baseline_rows = state.baseline + weight * (seconds_per_row - state.baseline), state.baseline_rows
    state = evolve(
        state,
        baseline=baseline,
        baseline_rows=max(baseline_rows, rows_per_answer) if seconds_per_row <= baseline else baseline_rows,
        previous_limit=0.0,
    )
    ratio = seconds_per_row / baseline if baseline else 1.0
    if ratio < QUEUEING_RATIO:
        return _increase(state, now)
    if state.slow_start and ratio < NOISY_QUEUEING_RATIO:
        return _increase(evolve(state, slow_start=False), now)
    return _step_back(state, seconds_per_row, ratio, now)


def _increase(state: ConcurrencyLimit, now: float) -> ConcurrencyLimit:
    cooldown = max(0, state.cooldown - 1)
    limit = state.limit * 2 if state.slow_start else state.limit + 1
    if cooldown:
        limit = max(state.limit, min(limit, state.known_bad - 1))
    next_cooldown = COOLDOWN_WINDOWS if state.limit > state.known_bad else state.next_cooldown
    known_good = max(state.known_good, state.limit)
    return _new_window(
        state,
        limit,
        cooldown=cooldown,
        next_cooldown=next_cooldown,
        known_good=known_good,
        changed_at=now if limit != state.limit else state.changed_at,
    )


def _step_back(state: ConcurrencyLimit, seconds_per_row: float, ratio: float, now: float) -> ConcurrencyLimit:
    """By Little's law the server works on ``limit / ratio`` requests; the rest only waits."""
    limit = max(1.0, float(ceil(state.limit / ratio - 0.1)))
    if state.known_good < state.size:
        limit = max(limit, state.known_good)
    if limit >= state.size:
        return _new_window(state, state.limit, slow_start=False, cooldown=max(0, state.cooldown - 1))
    return _new_window(
        state,
        limit,
        slow_start=False,
        known_bad=limit + 1,
        cooldown=state.next_cooldown,
        next_cooldown=min(2 * state.next_cooldown, MAX_COOLDOWN_WINDOWS),
        known_good=limit,
        previous_limit=float(state.size),
        previous_latency=seconds_per_row,
        changed_at=now,
    )
