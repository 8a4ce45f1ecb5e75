"""How many rows a request and how many requests at once, learned from answers. Pure: a state, a sample, a new state.

A request costs the server ``a + c * rows`` seconds. Batches are steered to a time target: beyond that nothing is won
and a failure costs more. Concurrency is steered by seconds *per row*, which do not move with the batch size: PHP queues
rather than refuses, so waiting for refusals would drive any server into its backlog.
"""

from __future__ import annotations

from math import ceil
from typing import Any, Final

from attrs import evolve, frozen

SLOW: Final = 30.0
"""Seconds: a request near the proxies' usual 60 is halved at once."""

QUEUE: Final = 1.2
"""How much longer a row may take than at its best before that is a queue."""

UNSURE: Final = 1.5
"""The same of the few answers that the first windows hold: growth only becomes careful."""

CAUTION: Final = 8
"""Windows after a step back before more is tried; doubled each time, up to ..."""

MOST_CAUTION: Final = 64
"""... this."""


@frozen
class Sample:
    """What one request taught.

    Attributes:
        rows: How many it held.
        seconds: What it took, without waits for limits.
        began: Loop time at which it left.
        ended: Loop time at which it was answered, or given up.
        load: Whether it failed in a way that says the server is overloaded.
        dropped: Whether it timed out, so that the next had better be smaller.
        starved: Whether it waited for the rate limit: then calls are scarce, and rows a call are what counts.
        busy: Requests that were under way when it ended, itself included.
    """

    rows: int
    seconds: float
    began: float
    ended: float
    load: bool = False
    dropped: bool = False
    starved: bool = False
    busy: int = 1


@frozen
class Batch:
    """Rows a request.

    Attributes:
        rows: The size now.
        most: The most that is allowed: the plan's, lowered by what the server refused.
        target: Seconds a request should take, up to twice that: between the two nothing is changed.
        each: Seconds a row, smoothed; 0 before the first answer.
    """

    rows: float
    most: int
    target: float
    each: float = 0.0

    @property
    def size(self) -> int:
        """Whole rows, at least one."""
        return max(1, min(self.most, int(self.rows)))


def resize(state: Batch, sample: Sample, *, growth: float = 1.5) -> Batch:
    """Return the batch size after *sample*; an answer far below the target multiplies the size by *growth* at most."""
    if sample.dropped or sample.seconds > SLOW:
        return evolve(state, rows=max(1.0, min(state.rows, sample.rows / 2)))
    if sample.load:
        return state
    each = sample.seconds / max(1, sample.rows)
    each = each if not state.each else state.each + 0.3 * (each - state.each)
    if sample.starved:
        return evolve(state, rows=float(state.most), each=each)
    if sample.rows < state.size // 2:
        return state  # a remnant: its fixed cost says nothing of a full batch
    fit = state.target / each if each else float(state.most)
    if 2 * fit < state.rows:
        rows = max(2 * fit, state.rows * 0.7)
    elif fit < state.rows:
        rows = state.rows
    elif fit > 2 * state.rows:
        rows = state.rows * growth
    else:
        rows = min(fit, state.rows * 1.1)
    return evolve(state, rows=min(max(1.0, rows), float(state.most)), each=each)


def refuse(state: Batch, limit: int) -> Batch:
    """The batch size after a refusal of the number of rows; *limit* holds for the rest of the run."""
    most = max(1, min(state.most, limit))
    return evolve(state, most=most, rows=min(state.rows, float(most)))


@frozen
class Flow:
    """Requests at once.

    Attributes:
        limit: The number now.
        most: The plan's ceiling.
        best: Seconds a row when nothing queues, smoothed ...
        size_then: ... and the rows a request at that time: smaller requests take longer a row, and are no queue.
        rising: Whether no window has been slow yet, so that growth may double.
        wall: A number that has shown a queue or an overload; it is not tried again ...
        hold: ... for so many windows ...
        caution: ... and for so many the next time.
        calm: A number that has gone well; below it growth need not be careful.
        tried: The limit before the last step back, 0 if the last step was none ...
        tried_each: ... and the seconds a row with it.
        rows: Rows answered in this window ...
        seconds: ... and the seconds they took.
        answers: ... in so many answers.
        crowded: ... of which so many came while at least half the limit was in use.
        cut_at: Loop time of the last change: a request that left before says nothing of the new limit.
    """

    limit: float
    most: int
    best: float = 0.0
    size_then: float = 0.0
    rising: bool = True
    wall: float = 0.0
    hold: int = 0
    caution: int = CAUTION
    calm: float = 0.0
    tried: float = 0.0
    tried_each: float = 0.0
    rows: int = 0
    seconds: float = 0.0
    answers: int = 0
    crowded: int = 0
    cut_at: float = -1.0

    @property
    def size(self) -> int:
        """Whole requests, at least one."""
        return max(1, min(self.most, int(self.limit)))

    @property
    def seeking(self) -> bool:
        """Whether the next good window doubles the limit."""
        return self.rising and self.size < self.most


def steer(state: Flow, sample: Sample) -> Flow:
    """Return the concurrency after *sample*: one more a good window, half after an overload, once a round trip.

    While concurrency doubles, half as many answers as the limit make a window: a step from 2 to 4 that only queues is
    taken back after two answers. Waiting for all four would let eight batches leave at the wrong limit.
    """
    if sample.began <= state.cut_at:
        return state
    if sample.load:
        return _cut(state, sample.ended)
    state = evolve(
        state,
        rows=state.rows + sample.rows,
        seconds=state.seconds + sample.seconds,
        answers=state.answers + 1,
        crowded=state.crowded + (2 * sample.busy >= state.size and not sample.starved),
    )
    if state.rising:
        window = max(2, state.size // 2)
    elif state.limit < state.calm:
        window = state.size
    else:
        window = max(8, state.size)
    return _judge(state, sample.ended) if state.answers >= window else state


def _window(state: Flow, limit: float, **changes: Any) -> Flow:
    """A new window."""
    limit = min(max(1.0, limit), float(state.most))
    return evolve(state, limit=limit, rows=0, seconds=0.0, answers=0, crowded=0, **changes)


def _cut(state: Flow, now: float) -> Flow:
    """Half, and not as far as this again for a while; cuts from below what went well say nothing of it."""
    if state.limit < state.calm:
        return _window(state, state.limit / 2, rising=False, tried=0.0, cut_at=now)
    wall = float(state.size)
    hold, caution = state.caution, min(2 * state.caution, MOST_CAUTION)
    return _window(
        state, wall / 2, rising=False, wall=wall, hold=hold, caution=caution, calm=wall - 1, tried=0.0, cut_at=now
    )


def _judge(state: Flow, now: float) -> Flow:
    """End a window: grow, hold or step back."""
    if 2 * state.crowded < state.answers:
        return _window(state, state.limit)
    each, size = state.seconds / max(1, state.rows), state.rows / state.answers
    if state.tried and each > state.tried_each * (1 + state.limit / state.tried) / 2:
        # Fewer at once, and a row takes as long: it is no queue of ours, the server has become slower.
        return _window(state, state.tried, best=each, size_then=size, rising=True, hold=0, tried=0.0, cut_at=now)
    if not state.best or size < 0.7 * state.size_then:
        best, then = each, size
    else:
        unsure = state.rising and each < UNSURE * state.best
        weight = 0.5 if each < state.best else 0.25 if unsure else 0.02
        best, then = state.best + weight * (each - state.best), state.size_then
    state = evolve(state, best=best, size_then=max(then, size) if each <= best else then, tried=0.0)
    ratio = each / best if best else 1.0
    if ratio < QUEUE:
        return _grow(state, now)
    if state.rising and ratio < UNSURE:
        return _grow(evolve(state, rising=False), now)
    return _step_back(state, each, ratio, now)


def _grow(state: Flow, now: float) -> Flow:
    hold = max(0, state.hold - 1)
    limit = state.limit * 2 if state.rising else state.limit + 1
    if hold:
        limit = max(state.limit, min(limit, state.wall - 1))
    caution = CAUTION if state.limit > state.wall else state.caution
    calm = max(state.calm, state.limit)
    return _window(
        state, limit, hold=hold, caution=caution, calm=calm, cut_at=now if limit != state.limit else state.cut_at
    )


def _step_back(state: Flow, each: float, ratio: float, now: float) -> Flow:
    """By Little's law the server works on ``limit / ratio`` requests; the rest only waits."""
    limit = max(1.0, float(ceil(state.limit / ratio - 0.1)))
    if state.calm < state.size:
        limit = max(limit, state.calm)
    if limit >= state.size:
        return _window(state, state.limit, rising=False, hold=max(0, state.hold - 1))
    return _window(
        state,
        limit,
        rising=False,
        wall=limit + 1,
        hold=state.caution,
        caution=min(2 * state.caution, MOST_CAUTION),
        calm=limit,
        tried=float(state.size),
        tried_each=each,
        cut_at=now,
    )
