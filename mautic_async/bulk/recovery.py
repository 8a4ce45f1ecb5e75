"""Recovery of a batch that was not answered row by row, as the failure table says.

A request that was refused is sent again. After one that may have been applied, its rows are reconciled: the server is
asked what is there, and what is missing is sent again. After one that failed as a whole, bisection finds the row to
blame. `decide` chooses, `recover` does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

from mautic_async.bulk.adapter import RowResult
from mautic_async.bulk.bisect import bisect, problems_from, recheck
from mautic_async.bulk.flows import Abort, Apply, PauseSending, PutFirst
from mautic_async.bulk.items import undo_attempt
from mautic_async.bulk.reconcile import reconcile_after_delay
from mautic_async.errors import Action as Then
from mautic_async.errors import Fate, RateLimited, ServerError, Unavailable

if TYPE_CHECKING:
    from mautic_async.bulk.bisect import Unresolved
    from mautic_async.bulk.flows import Flow, Items
    from mautic_async.bulk.outcomes import Status
    from mautic_async.bulk.pacing import Pacing
    from mautic_async.errors import MauticError, Problem, Verdict


@frozen
class Requeue:
    """Send each row again as *result* says; it counts as an attempt."""

    result: RowResult[Any]


@frozen
class Pause:
    """Send nothing for so many seconds, then the rows again; it does not count as an attempt."""

    seconds: float


@frozen
class Shrink:
    """Send no request that large again: one of the two bounds is set."""

    rows: int | None = None
    max_bytes: int | None = None


@frozen
class Reject:
    """Give the one row of the batch its outcome: it was refused."""

    problems: tuple[Problem, ...]


@frozen
class Reconcile:
    """Wait until the server has ended the request, then look up what it has stored."""


@frozen
class Bisect:
    """Find the row that makes the request fail; if *confirm*, only if the request fails twice."""

    confirm: bool


Action: TypeAlias = Requeue | Pause | Shrink | Reject | Abort | Reconcile | Bisect


def recover(items: Items, error: MauticError, pacing: Pacing) -> Flow[None]:
    """Do with *items* what the failure table says of *error*, and of every failure on the way."""
    unresolved: Unresolved = (items, error)
    while unresolved is not None:
        items, error = unresolved
        mark_what_may_be_stored(items, error)
        unresolved = yield from _act(decide(items, error, pacing), items, error, pacing)


def mark_what_may_be_stored(items: Items, error: MauticError) -> None:
    """Note on each row whether the server may hold some of it after *error*."""
    verdict = error.verdict
    if isinstance(error, Unavailable) or (verdict is not None and verdict.fate in {Fate.REFUSED, Fate.FATAL}):
        for item in items:
            item.may_be_stored = item.attempts > 1 and item.may_be_stored
    else:
        for item in items:
            item.had_unknown_outcome = True


def decide(items: Items, error: MauticError, pacing: Pacing) -> Action:
    """Choose how to go on after *error*, which failed the whole batch. Changes nothing."""
    verdict = error.verdict
    if isinstance(error, Unavailable):  # the circuit breaker is open: it says when to try again
        return Pause(pacing.retry_after(error))
    if verdict is None or (verdict.fate is Fate.UNKNOWN and pacing.should_abort()):
        return Abort(error)
    if verdict.batch is Then.RETRY:
        return _again(items, error, verdict, pacing)
    if verdict.batch is Then.RECONCILE_LATER:
        return Reconcile()
    if verdict.batch is Then.RECONCILE:
        return Bisect(confirm=True)
    if verdict.batch is Then.SPLIT and len(items) > 1:
        return _smaller(items, error)
    if verdict.batch in {Then.SPLIT, Then.REJECT}:
        return Bisect(confirm=False) if len(items) > 1 else Reject(problems_from(error))
    return Abort(error)


def _again(items: Items, error: MauticError, verdict: Verdict, pacing: Pacing) -> Action:
    """Nothing of the batch was applied, or repeating it does no harm."""
    if isinstance(error, RateLimited):
        return Pause(pacing.retry_after(error))
    if pacing.should_abort():
        return Abort(error)
    if verdict.overload:  # the server is overloaded, whatever the rows are
        return Pause(pacing.backoff(verdict.backoff_base, pacing.failures))
    pause = verdict.backoff_base + pacing.backoff(verdict.backoff_base, items[0].attempts)
    if_given_up: Status = "rejected" if verdict.fate is Fate.REFUSED else "unknown"
    return Requeue(RowResult("again", problems=problems_from(error), retry_after=pause, status_if_given_up=if_given_up))


def _smaller(items: Items, error: MauticError) -> Action:
    if isinstance(error, ServerError) and error.batch_limit is not None:
        return Shrink(rows=min(error.batch_limit, len(items) - 1))
    return Shrink(max_bytes=sum(len(item.encoded.body) + 1 for item in items) // 2)


def _act(action: Action, items: Items, error: MauticError, pacing: Pacing) -> Flow[Unresolved]:
    match action:
        case Abort():
            yield action
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
