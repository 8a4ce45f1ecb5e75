"""Adaptive batch size and concurrency, learned from answers. Pure: a state and a sample give a new state.

A request costs the server ``a + c * rows`` seconds. Batches are steered to a time target: beyond it nothing is won, and
a failure costs more. Concurrency is AIMD (additive increase, multiplicative decrease) with a slow start, as in TCP. It
differs in its signal: PHP queues requests rather than refuse them, so waiting for refusals would fill any server's
backlog. A longer time *per row* is the signal instead, since that does not move with the batch size, as in TCP Vegas.
"""

from __future__ import annotations

from math import ceil
from typing import Final

from attrs import evolve, frozen

SLOW_SECONDS: Final = 30.0
"""A request that takes longer comes near the usual 60 seconds of proxies: the next one is half as large."""

QUEUEING_RATIO: Final = 1.2
"""Seconds a row over those of the baseline from which rows must have queued."""

NOISY_QUEUEING_RATIO: Final = 1.5
"""The same during slow start, whose windows hold few answers; between the two, growth becomes additive."""

COOLDOWN_WINDOWS: Final = 8
"""Windows after a decrease before the limit is tried again; doubled each time, up to `MAX_COOLDOWN_WINDOWS`."""

MAX_COOLDOWN_WINDOWS: Final = 64


@frozen
class Sample:
    """The measurement of one request.

    Attributes:
        rows: Rows that it held.
        seconds: Time that it took, without waits for limits.
        sent_at: Loop time at which it was sent.
        ended_at: Loop time at which it was answered, or given up.
        overload: It failed in a way that says that the server is overloaded.
        timed_out: It timed out, so the next one should be smaller.
        rate_limited: It waited for the rate limit: calls are scarce, so each should hold many rows.
        in_flight: Requests in flight when it ended, itself included.
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
        maximum: The most that is allowed: that of the options, lowered when the server refuses it.
        target_seconds: Seconds that a request should take; up to twice as many, nothing is changed.
        seconds_per_row: Seconds a row, smoothed; 0 before the first answer.
    """

    rows: float
    maximum: int
    target_seconds: float
    seconds_per_row: float = 0.0

    @property
    def size(self) -> int:
        """The size in whole rows, at least one."""
        return max(1, min(self.maximum, int(self.rows)))


def update_batch_size(state: BatchSize, sample: Sample, *, max_growth: float = 1.5) -> BatchSize:
    """Return the batch size after *sample*; a fast answer multiplies it by *max_growth* at most."""
    if sample.timed_out or sample.seconds > SLOW_SECONDS:
        return evolve(state, rows=max(1.0, min(state.rows, sample.rows / 2)))
    if sample.overload:
        return state
    measured = sample.seconds / max(1, sample.rows)
    known = state.seconds_per_row
    # Exponential smoothing: one slow answer moves the estimate by a third of the difference.
    seconds_per_row = known + 0.3 * (measured - known) if known else measured
    if sample.rate_limited:
        return evolve(state, rows=float(state.maximum), seconds_per_row=seconds_per_row)
    if sample.rows < state.size // 2:
        return state  # a remnant: its fixed cost says nothing of a full batch
    target_rows = state.target_seconds / seconds_per_row if seconds_per_row else float(state.maximum)
    # Between the target and twice the target nothing changes, so that the size does not swing around it.
    if 2 * target_rows < state.rows:
        rows = max(2 * target_rows, state.rows * 0.7)
    elif target_rows < state.rows:
        rows = state.rows
    elif target_rows > 2 * state.rows:
        rows = state.rows * max_growth
    else:
        # Close to the target, small steps approach it without overshooting.
        rows = min(target_rows, state.rows * 1.1)
    return evolve(state, rows=min(max(1.0, rows), float(state.maximum)), seconds_per_row=seconds_per_row)


def cap_rows(state: BatchSize, max_rows: int) -> BatchSize:
    """Return the batch size after the server refused the number of rows; *max_rows* holds for the rest of the job."""
    maximum = max(1, min(state.maximum, max_rows))
    return evolve(state, maximum=maximum, rows=min(state.rows, float(maximum)))


@frozen
class Window:
    """The answers since the limit was last considered.

    Attributes:
        rows: Rows answered.
        seconds: Seconds that they took.
        answers: Answers.
        saturated: Answers that came while at least half the limit was in use.
    """

    rows: int = 0
    seconds: float = 0.0
    answers: int = 0
    saturated: int = 0


@frozen
class Baseline:
    """Requests that do not queue.

    Attributes:
        seconds_per_row: Seconds a row, smoothed; 0 before the first window.
        rows: Rows a request at that time. Smaller requests take longer a row without any queue.
    """

    seconds_per_row: float = 0.0
    rows: float = 0.0


@frozen
class Cooldown:
    """A limit that has shown a queue or an overload.

    Attributes:
        limit: That limit; it is not tried again ...
        windows: ... for so many windows ...
        next_windows: ... and for so many after the next decrease.
    """

    limit: float = 0.0
    windows: int = 0
    next_windows: int = COOLDOWN_WINDOWS

    def start(self, limit: float) -> Cooldown:
        """Return the cooldown after a decrease from *limit*."""
        return Cooldown(limit, self.next_windows, min(2 * self.next_windows, MAX_COOLDOWN_WINDOWS))


@frozen
class ConcurrencyLimit:
    """Requests at once.

    Attributes:
        limit: The number now.
        maximum: The ceiling, from the options.
        slow_start: No window has been slow yet, so the limit is doubled instead of incremented.
        known_good: The highest limit that went well; below it growth need not be careful.
        stepped_back_from: The limit before the last step back and its seconds a row; None if no step back was last.
        changed_at: Loop time of the last change: a request sent before says nothing of the new limit.
        baseline: Requests that do not queue.
        cooldown: The limit that is too high.
        window: The answers since the last decision.
    """

    limit: float
    maximum: int
    slow_start: bool = True
    known_good: float = 0.0
    stepped_back_from: tuple[float, float] | None = None
    changed_at: float = -1.0
    baseline: Baseline = Baseline()
    cooldown: Cooldown = Cooldown()
    window: Window = Window()

    @property
    def size(self) -> int:
        """The limit in whole requests, at least one."""
        return max(1, min(self.maximum, int(self.limit)))

    @property
    def will_double(self) -> bool:
        """True if the next good window doubles the limit."""
        return self.slow_start and self.size < self.maximum

    def start_window(self, limit: float) -> ConcurrencyLimit:
        """Return the state with an empty window and the given limit, within its bounds."""
        return evolve(self, limit=min(max(1.0, limit), float(self.maximum)), window=Window())


def update_concurrency(state: ConcurrencyLimit, sample: Sample) -> ConcurrencyLimit:
    """Return the concurrency after *sample*: one more after a good window, half after an overload.

    During slow start, half as many answers as the limit make a window: a step from 2 to 4 that only queues is taken
    back after two answers. Waiting for all four would let eight batches be sent at the wrong limit.
    """
    # The request was sent under the old limit, so its time says nothing of the new one.
    if sample.sent_at <= state.changed_at:
        return state
    if sample.overload:
        return _decrease(state, sample.ended_at)
    window = state.window
    window = Window(
        window.rows + sample.rows,
        window.seconds + sample.seconds,
        window.answers + 1,
        window.saturated + (2 * sample.in_flight >= state.size and not sample.rate_limited),
    )
    state = evolve(state, window=window)
    if state.slow_start:
        needed = max(2, state.size // 2)
    elif state.limit < state.known_good:
        needed = state.size
    else:
        needed = max(8, state.size)
    return _end_window(state, sample.ended_at) if window.answers >= needed else state


def _decrease(state: ConcurrencyLimit, now: float) -> ConcurrencyLimit:
    """Multiplicative decrease: halve the limit, and remember the current one as too high for some windows."""
    decreased = evolve(state, slow_start=False, stepped_back_from=None, changed_at=now)
    if state.limit < state.known_good:  # a limit that went well before: the server is busy, the limit not too high
        return decreased.start_window(state.limit / 2)
    too_high = float(state.size)
    decreased = evolve(decreased, cooldown=state.cooldown.start(too_high), known_good=too_high - 1)
    return decreased.start_window(too_high / 2)


def _end_window(state: ConcurrencyLimit, now: float) -> ConcurrencyLimit:
    """Return the state after a full window: a higher, the same or a lower limit."""
    window = state.window
    # The limit was hardly used, so the window shows neither a queue nor room for more.
    if 2 * window.saturated < window.answers:
        return state.start_window(state.limit)
    seconds_per_row, rows = window.seconds / max(1, window.rows), window.rows / window.answers
    if state.stepped_back_from is not None:
        before, latency = state.stepped_back_from
        if seconds_per_row > latency * (1 + state.limit / before) / 2:
            # Fewer at once, and a row takes as long: the queue was not ours, the server has become slower.
            state = evolve(
                state,
                slow_start=True,
                stepped_back_from=None,
                changed_at=now,
                baseline=Baseline(seconds_per_row, rows),
                cooldown=evolve(state.cooldown, windows=0),
            )
            return state.start_window(before)
    state = evolve(state, baseline=_update_baseline(state, seconds_per_row, rows), stepped_back_from=None)
    ratio = seconds_per_row / state.baseline.seconds_per_row if state.baseline.seconds_per_row else 1.0
    if ratio < QUEUEING_RATIO:
        return _increase(state, now)
    if state.slow_start and ratio < NOISY_QUEUEING_RATIO:
        return _increase(evolve(state, slow_start=False), now)
    return _step_back(state, seconds_per_row, ratio, now)


def _update_baseline(state: ConcurrencyLimit, seconds_per_row: float, rows: float) -> Baseline:
    """Return the baseline after a window: it follows faster windows quickly and slower ones hardly at all."""
    baseline = state.baseline
    if not baseline.seconds_per_row or rows < 0.7 * baseline.rows:
        return Baseline(seconds_per_row, rows)
    noisy = state.slow_start and seconds_per_row < NOISY_QUEUEING_RATIO * baseline.seconds_per_row
    # Fast windows show the server without a queue. Slow ones may be the queue itself, so they hardly count.
    weight = 0.5 if seconds_per_row < baseline.seconds_per_row else 0.25 if noisy else 0.02
    smoothed = baseline.seconds_per_row + weight * (seconds_per_row - baseline.seconds_per_row)
    return Baseline(smoothed, max(baseline.rows, rows) if seconds_per_row <= smoothed else baseline.rows)


def _increase(state: ConcurrencyLimit, now: float) -> ConcurrencyLimit:
    """Additive increase, or doubling during slow start; not up to the limit that cools down."""
    cooldown = evolve(state.cooldown, windows=max(0, state.cooldown.windows - 1))
    limit = state.limit * 2 if state.slow_start else state.limit + 1
    # One below the limit that is too high, and never below the present one.
    if cooldown.windows:
        limit = max(state.limit, min(limit, cooldown.limit - 1))
    if state.limit > cooldown.limit:  # it holds beyond the limit that once was too high
        cooldown = evolve(cooldown, next_windows=COOLDOWN_WINDOWS)
    increased = evolve(state, cooldown=cooldown, known_good=max(state.known_good, state.limit)).start_window(limit)
    return evolve(increased, changed_at=now) if limit != state.limit else increased


def _step_back(state: ConcurrencyLimit, seconds_per_row: float, ratio: float, now: float) -> ConcurrencyLimit:
    """Lower the limit to what the server works on: ``limit / ratio`` requests by Little's law; the rest only waits."""
    state = evolve(state, slow_start=False)
    limit = max(1.0, float(ceil(state.limit / ratio - 0.1)))
    # Never below a limit that went well, unless that is the very limit that queues now.
    if state.known_good < state.size:
        limit = max(limit, state.known_good)
    # The queue is shorter than one request: stay here, and let the cooldown run.
    if limit >= state.size:
        cooldown = evolve(state.cooldown, windows=max(0, state.cooldown.windows - 1))
        return evolve(state, cooldown=cooldown).start_window(state.limit)
    state = evolve(
        state,
        known_good=limit,
        stepped_back_from=(float(state.size), seconds_per_row),
        changed_at=now,
        cooldown=state.cooldown.start(limit + 1),
    )
    return state.start_window(limit)
