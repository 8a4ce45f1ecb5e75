"""Bisection for a poison row: one row that makes its whole request fail.

Mautic answers a bare 500 for all rows of such a request, with the rows before the poison row stored. A proxy's answer
may mean the same (a worker that crashed), but then the server may still be at work: the flow waits, then looks up.

The request is repeated once, since a single failure may be chance; then the suspects are halved down to the row. A row
is blamed only if it has failed alone while other rows passed: a server that fails every request condemns no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mautic_async.bulk.adapter import Pending, RowResult
from mautic_async.bulk.flows import Abort, Apply, Flow, PauseSending, PutFirst, Send, Sleep
from mautic_async.bulk.items import Blame, WorkItem, undo_attempt
from mautic_async.bulk.reconcile import look_up_when_ended
from mautic_async.errors import Action, APIError, Fate, MauticError, Problem, RateLimited, Unavailable
from mautic_async.journal.records import merge_facts

if TYPE_CHECKING:
    from mautic_async.bulk.flows import Items, Results
    from mautic_async.bulk.pacing import Pacing

Unresolved: TypeAlias = tuple[Sequence[WorkItem[Any]], MauticError] | None
"""Rows that failed in another way meanwhile, and the error; None if nothing is left to do."""

SUSPICION: Final = 4
"""Points against each row of a request that Mautic answered with a bare 500. The page of a proxy counts half of them,
a proxy's 502 to 504 a quarter: rows hardly ever cause those."""

SOLO_FAILURES: Final = 4
"""Failures alone after which a row is blamed although no other row has passed meanwhile."""

POISON_THRESHOLD: Final = 2 * SUSPICION
"""Points for which a row alone is blamed if other rows pass: one 500 happens by chance in a large job."""


def recheck(items: Items, error: MauticError, pacing: Pacing) -> Flow[Unresolved]:
    """Repeat a request that failed as a whole, and bisect its rows if it fails again."""
    missing = yield from _not_stored(items, error, pacing)
    if not missing:
        return None
    yield Sleep(pacing.backoff(1.0, pacing.failures))
    # All rows have failed in an earlier request as well, so this failure is the repetition.
    if min(_blame(item).suspicion for item in missing) > SUSPICION:
        return (yield from bisect(missing, pacing))
    if len(missing) < len(items):
        # Rows are written in order: the request ended at the first one that is missing.
        yield PutFirst(missing[1:])
        return (yield from bisect(missing[:1], pacing))
    failure: MauticError | None = yield Send(missing)
    if failure is None:
        return None
    if not _is_same_failure(failure):
        return missing, failure
    missing = yield from _not_stored(missing, failure, pacing)
    return (yield from bisect(missing, pacing))


def bisect(items: Items, pacing: Pacing) -> Flow[Unresolved]:
    """Find the row that makes its request fail; the other rows are sent again.

    If the first half passes, the second holds the poison row and need not be tried as a whole: 50 rows take 6 requests.
    """
    cleared: list[WorkItem[Any]] = []
    unresolved = yield from _search(list(items), cleared, pacing)
    yield PutFirst(cleared)
    return unresolved


def _search(suspects: list[WorkItem[Any]], cleared: list[WorkItem[Any]], pacing: Pacing) -> Flow[Unresolved]:
    while suspects:
        # One failure is expected, since the suspects hold the poison row; more of them point at the server.
        failures = max(pacing.failures - 1, _blame(suspects[0]).solo_failures)
        if failures:  # no success between: the server may be the cause, not a row
            yield Sleep(pacing.backoff(1.0, failures))
        half = suspects[: max(1, len(suspects) // 2)]
        rest = suspects[len(half) :]
        error: MauticError | None = yield Send(half)
        # The first half has passed, so the poison row is in the rest, which is halved next without being tried whole.
        if error is None:
            suspects = rest
            continue
        if isinstance(error, RateLimited | Unavailable) and not _may_be_stored(error):
            undo_attempt(half)
            yield PauseSending(pacing.retry_after(error))
            continue
        # The failing half holds the poison row; the rest keeps its place before rows that were cleared earlier.
        cleared[:0] = rest
        if not _is_same_failure(error):
            return half, error
        suspects = yield from _not_stored(half, error, pacing)
        if len(half) == 1 and suspects:
            if (yield from _condemn(suspects[0], error, pacing)):
                return None
            # Send the cleared rows now: whether they pass tells if the server as a whole is well.
            yield PutFirst(tuple(cleared))
            cleared.clear()
    return None


def _condemn(item: WorkItem[Any], error: MauticError, pacing: Pacing) -> Flow[bool]:
    """Give a row that failed alone its outcome if it is to blame; return False if the server may be the cause."""
    verdict = error.verdict
    assert verdict is not None  # noqa: S101 - `_is_same_failure` asked for it
    if verdict.batch is Action.REJECT:
        yield Apply([item], [RowResult("rejected", problems=problems_from(error))])
        return True
    if pacing.should_abort():
        yield Abort(error)
        return True
    blame = _blame(item)
    blame.solo_failures += _points(error)
    # Other requests have succeeded since this row first failed, so the server as a whole is well.
    others_pass = pacing.successes > blame.successes_at_first_failure
    if blame.solo_failures < (POISON_THRESHOLD if others_pass else SOLO_FAILURES * SUSPICION):
        return False
    # A row with a known entity may have changed it, unless a look-up has shown that nothing has.
    stored = verdict.fate is Fate.DONE or (item.id and not blame.untouched)
    server = "the proxy before Mautic" if verdict.may_still_run else "Mautic"
    why = (*problems_from(error), Problem(f"{server} fails on this row alone, repeatedly; its log holds the reason"))
    yield Apply([item], [RowResult("unknown" if stored else "rejected", problems=why)])
    return True


def _not_stored(items: Items, error: MauticError, pacing: Pacing) -> Flow[list[WorkItem[Any]]]:
    """Add the failure to the rows' blame, apply results that a look-up proves, and return the other rows in order."""
    if error.verdict is not None and error.verdict.batch is Action.REJECT:
        return list(items)  # nothing of it is stored
    undo_attempt(items)  # most of them are innocent; points find the poison row, not attempts
    for item in items:
        item.sends.had_unknown_outcome = True
        blame = _blame(item)
        if not blame.suspicion:
            blame.successes_at_first_failure = pacing.successes
        blame.suspicion += _points(error)
    results: Results = yield from look_up_when_ended(items, error, pacing)
    pairs = list(zip(items, results, strict=True))
    for item, result in pairs:
        merge_facts(item.facts, result.facts)
        item.id = result.id or item.id
        _blame(item).untouched = result.state is Pending.RETRY and result.status_if_given_up == "rejected"
    proven = [(item, result) for item, result in pairs if result.state is not Pending.RETRY]
    if proven:
        yield Apply([item for item, _ in proven], [result for _, result in proven])
    return [item for item, result in pairs if result.state is Pending.RETRY]


def _blame(item: WorkItem[Any]) -> Blame:
    if item.blame is None:  # hardly any row ever needs one
        item.blame = Blame()
    return item.blame


def _points(error: MauticError) -> int:
    verdict = error.verdict
    if verdict is not None and verdict.may_still_run:
        return SUSPICION // 4 if verdict.overload else SUSPICION // 2
    if verdict is not None and verdict.fate is Fate.REFUSED:
        return SUSPICION // 4  # a look-up, which can be repeated
    return (
        SUSPICION if verdict is not None and not verdict.overload and verdict.fate is Fate.UNKNOWN else SUSPICION // 2
    )


def _may_be_stored(error: MauticError) -> bool:
    return error.verdict is not None and error.verdict.fate in {Fate.UNKNOWN, Fate.DONE}


def _is_same_failure(error: MauticError) -> bool:
    return (
        error.verdict is not None
        and error.verdict.batch in (Action.RECONCILE, Action.REJECT)
        and getattr(error, "batch_limit", None) is None
    )


def problems_from(error: MauticError) -> tuple[Problem, ...]:
    """Return the problems that *error* names, for the outcome of a row."""
    if not isinstance(error, APIError) and isinstance(error.__cause__, APIError):
        error = error.__cause__
    if isinstance(error, APIError):
        return error.problems or (Problem(str(error), code=error.status),)
    return (Problem(str(error)),)
