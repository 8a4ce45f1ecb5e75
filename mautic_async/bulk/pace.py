"""How many rows a request and how many requests at once, learned from answers. Pure: a state, a sample, a new state.

A request costs the server ``a + c * rows`` seconds. Batches are steered to a time target: beyond that nothing is won
and a failure costs more. Concurrency is steered by seconds *per row*, which do not move with the batch size: PHP queues
rather than refuses, so waiting for refusals would drive any server into its backlog.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import evolve, frozen

SLOW: Final = 30.0
"""Seconds: a request near the proxies' usual 60 is halved at once."""


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
        target: Seconds a request should take.
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


def resize(state: Batch, sample: Sample) -> Batch:
    """The batch size after *sample*."""
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
    if fit < state.rows:
        rows = max(fit, state.rows * 0.7)
    elif fit > 2 * state.rows:
        rows = state.rows * 1.5
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
        best: The fewest seconds a row that a window of answers showed ...
        size_then: ... and the rows a request in it: smaller requests take longer a row, and are no sign of a queue.
        rising: Whether no window has been slow yet, so that growth may double.
        calm: A number that has gone well; below it growth need not be careful.
        rows: Rows answered in this window ...
        seconds: ... and the seconds they took.
        answers: ... in so many answers.
        crowded: ... of which so many came while at least half the limit was in use.
        cut_at: Loop time of the last cut: a request that left before says nothing of the new limit.
    """

    limit: float
    most: int
    best: float = 0.0
    size_then: float = 0.0
    rising: bool = True
    calm: float = 0.0
    rows: int = 0
    seconds: float = 0.0
    answers: int = 0
    crowded: int = 0
    cut_at: float = -1.0

    @property
    def size(self) -> int:
        """Whole requests, at least one."""
        return max(1, min(self.most, int(self.limit)))


def steer(state: Flow, sample: Sample) -> Flow:
    """The concurrency after *sample*: one more a good window, half after an overload, once a round trip."""
    if sample.load:
        if sample.began <= state.cut_at:
            return state
        limit = max(1.0, state.limit / 2)
        calm = state.calm * 0.85 if state.limit >= state.calm else state.calm  # a cut from below says nothing of it
        return _window(state, limit, rising=False, calm=calm, cut_at=sample.ended)
    if sample.began <= state.cut_at:
        return state
    state = evolve(
        state,
        rows=state.rows + sample.rows,
        seconds=state.seconds + sample.seconds,
        answers=state.answers + 1,
        crowded=state.crowded + (2 * sample.busy >= state.size and not sample.starved),
    )
    window = state.size if state.rising or state.limit < state.calm else max(8, state.size)
    return _judge(state, sample.ended) if state.answers >= window else state


def _window(state: Flow, limit: float, **changes: Any) -> Flow:
    """A new window."""
    limit = min(max(1.0, limit), float(state.most))
    return evolve(state, limit=limit, rows=0, seconds=0.0, answers=0, crowded=0, **changes)


def _judge(state: Flow, now: float) -> Flow:
    """End a window: grow, hold or step back."""
    each = state.seconds / max(1, state.rows)
    # Sliding up by a hundredth a window, so that a server that became slower for good is not compared with its youth.
    size = state.rows / state.answers
    best, then = state.best * 1.01, state.size_then
    if not best or each <= best or size < 0.7 * then:
        best, then = each, size
    state = evolve(state, best=best, size_then=then)
    if 2 * state.crowded < state.answers:
        return _window(state, state.limit)
    ratio = each / best if best else 1.0
    if ratio < 1.25 and state.rising:
        limit, rising = state.limit * 2, True
    elif ratio < 1.5:
        limit, rising = state.limit + 1, False
    elif ratio > 2.0:
        limit, rising = state.limit - 1, False
    else:
        limit, rising = state.limit, False
    calm = max(state.calm, state.limit) if limit > state.limit else min(state.calm, state.limit)
    return _window(state, limit, rising=rising, calm=calm, cut_at=now)
