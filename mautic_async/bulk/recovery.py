"""Recovery of a batch that was not answered row by row, as the failure table says.

A request that was refused is sent again. After one that may have been applied, its rows are reconciled: the client
looks up what is stored, and sends what is missing. After one that failed as a whole, bisection finds the row to blame.
`decide` chooses, and `recover` does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

from mautic_async.bulk.adapter import Pending, RowResult
from mautic_async.bulk.bisect import bisect, problems_from, recheck
from mautic_async.bulk.flows import Abort, Apply, PauseSending, PutFirst
from mautic_async.bulk.items import undo_attempt
from mautic_async.bulk.reconcile import reconcile_after_delay
from mautic_async.errors import Action, Fate, RateLimited, ServerError, Unavailable

if TYPE_CHECKING:
    from mautic_async.bulk.bisect import Unresolved
    from mautic_async.bulk.flows import Flow, Items
    from mautic_async.bulk.outcomes import Status
    from mautic_async.bulk.pacing import Pacing
    from mautic_async.errors import MauticError, Problem, Verdict


@frozen
class Requeue:
    """Decision to send each row again as *result* says; this counts as an attempt."""

    result: RowResult[Any]


@frozen
class Pause:
    """Decision to send nothing for so many seconds, then the rows again, without counting an attempt."""

    seconds: float


@frozen
class Shrink:
    """Decision to send no request that large again: one of the two bounds is set."""

    rows: int | None = None
    max_bytes: int | None = None


@frozen
class Reject:
    """Decision to reject the one row of the batch."""

    problems: tuple[Problem, ...]


@frozen
class Reconcile:
    """Decision to wait until the server has ended the request, then look up what it has stored."""


@frozen
class Bisect:
    """Decision to find the row that makes the request fail; if *confirm*, only after a second failure."""

    confirm: bool


Decision: TypeAlias = Requeue | Pause | Shrink | Reject | Abort | Reconcile | Bisect


def recover(items: Items, error: MauticError, pacing: Pacing) -> Flow[None]:
    """Recover *items* after *error* as the failure table says, and from every failure on the way."""
    unresolved: Unresolved = (items, error)
    while unresolved is not None:
        items, error = unresolved
        mark_what_may_be_stored(items, error)
        unresolved = yield from _act(decide(items, error, pacing), items, error, pacing)


def mark_what_may_be_stored(items: Items, error: MauticError) -> None:
    """Record on each row that the server may hold some of it after *error*, or that it does not."""
    verdict = error.verdict
    if isinstance(error, Unavailable) or (verdict is not None and verdict.fate is Fate.REFUSED):
        for item in items:
            # The refusal concerns the last attempt only; an earlier attempt may have stored the row.
            item.sends.may_be_stored = item.sends.attempts > 1 and item.sends.may_be_stored
    else:
        for item in items:
            item.sends.had_unknown_outcome = True


def decide(items: Items, error: MauticError, pacing: Pacing) -> Decision:
    """Choose how to go on after *error*, which failed the whole batch. Changes nothing."""
    verdict = error.verdict
    if isinstance(error, Unavailable):  # the circuit breaker is open: it says when to try again
        return Pause(pacing.retry_after(error))
    if verdict is None or (verdict.fate is Fate.UNKNOWN and pacing.should_abort()):
        return Abort(error)
    if verdict.batch is Action.RETRY:
        return _retry(items, error, verdict, pacing)
    if verdict.batch is Action.RECONCILE_LATER:
        return Reconcile()
    if verdict.batch is Action.RECONCILE:
        return Bisect(confirm=True)
    if verdict.batch is Action.SPLIT and len(items) > 1:
        return _smaller(items, error)
    if verdict.batch in {Action.SPLIT, Action.REJECT}:
        return Bisect(confirm=False) if len(items) > 1 else Reject(problems_from(error))
    return Abort(error)


def _retry(items: Items, error: MauticError, verdict: Verdict, pacing: Pacing) -> Decision:
    """Nothing of the batch was applied, or repeating it does no harm."""
    if isinstance(error, RateLimited):
        return Pause(pacing.retry_after(error))
    if pacing.should_abort():
        return Abort(error)
    if verdict.overload:  # not the rows' doing, so it does not count as their attempt
        return Pause(pacing.backoff(verdict.backoff_base, pacing.failures))
    pause = verdict.backoff_base + pacing.backoff(verdict.backoff_base, items[0].sends.attempts)
    if_given_up: Status = "rejected" if verdict.fate is Fate.REFUSED else "unknown"
    problems = problems_from(error)
    return Requeue(RowResult(Pending.RETRY, problems=problems, retry_after=pause, status_if_given_up=if_given_up))


def _smaller(items: Items, error: MauticError) -> Decision:
    # At least one row fewer than before, or a limit that the server misreports would loop for ever.
    if isinstance(error, ServerError) and error.batch_limit is not None:
        return Shrink(rows=min(error.batch_limit, len(items) - 1))
    # The server does not tell its limit in bytes, so halve what it has refused.
    return Shrink(max_bytes=sum(len(item.encoded.body) + 1 for item in items) // 2)


def _act(decision: Decision, items: Items, error: MauticError, pacing: Pacing) -> Flow[Unresolved]:
    match decision:
        case Abort():
            yield decision
        case Pause(seconds):
            undo_attempt(items)
            yield PauseSending(seconds)
            yield PutFirst(items)
        case Requeue(result):
            yield Apply(items, [result] * len(items))
        case Shrink(rows, max_bytes):
            pacing.shrink(rows, max_bytes)
            undo_attempt(items)
            yield PutFirst(items)
        case Reject(problems):
            yield Apply(items, [RowResult("rejected", problems=problems)])
        case Reconcile():
            yield from reconcile_after_delay(items, error, pacing)
        case Bisect(confirm=True):
            return (yield from recheck(items, error, pacing))
        case Bisect():
            undo_attempt(items)
            return (yield from bisect(items, pacing))
    return None
