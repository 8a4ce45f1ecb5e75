"""One row that dooms its request: Mautic answers a bare 500 for all of them, with the rows before it stored.

A proxy's answer may mean the same (a worker that crashed), but then the server may still be at work: wait, then look.

The request is repeated once, since once may be chance; then what is suspect is halved down to the row. A row is blamed
only if it has failed alone while others passed, so that a server that fails everything condemns nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from mautic_async.bulk.adapter import Delivery, Receipt
from mautic_async.bulk.reconcile import seen_after
from mautic_async.bulk.requeue import repeat, unsay, wait_out
from mautic_async.errors import APIError, Fate, MauticError, Problem, RateLimited, Then, Unavailable
from mautic_async.journal.records import learn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.bulk.adapter import Parcel
    from mautic_async.bulk.scheduler import Engine

R = TypeVar("R")
E = TypeVar("E")

Unmended: TypeAlias = "tuple[Sequence[Parcel[R]], MauticError] | None"
"""Rows that failed in another way meanwhile, and how; None if nothing is left to do."""

ALONE: Final = 4
"""Failures after which a row is to blame although no other row has passed meanwhile."""

BLOW: Final = 4
"""What Mautic's own bare 500 counts for against a row. The page of a proxy counts for half of that, a proxy's 502 to
504 for a quarter: those are hardly ever a row's doing."""

SURE: Final = 2 * BLOW
"""What a row has to do alone to be blamed, where others pass: one 500 happens by chance in a large job."""


async def narrow(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> Unmended[R]:
    """A request failed as a whole, and has ended: once may be chance, twice is a row of it."""
    left = await _remains(engine, parcels, error)
    if not left:
        return None
    await engine.clock.sleep(engine.helm.back_off(1.0, engine.helm.failures))
    if min(parcel.blows for parcel in left) > BLOW:
        return await isolate(engine, left)
    if len(left) < len(parcels):  # rows are written in order: it ended at the first that is missing
        repeat(engine, left[1:])
        return await isolate(engine, left[:1])
    failure = await _try(engine, left)
    if failure is None:
        return None
    if not _same(failure):
        return left, failure
    left = await _remains(engine, left, failure)
    return await isolate(engine, left)


async def isolate(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> Unmended[R]:
    """Find the row that dooms its request: halve what is suspect; what is cleared goes back into line at the end.

    If the first half passes, the second holds the culprit and need not be tried as a whole: 50 rows take 6 requests.
    """
    suspects = list(parcels)
    cleared: list[Parcel[R]] = []
    try:
        while suspects:
            tries = max(engine.helm.failures - 1, suspects[0].alone)
            if tries:  # not one success between: perhaps it is the server, not a row
                await engine.clock.sleep(engine.helm.back_off(1.0, tries))
            half = suspects[: max(1, len(suspects) // 2)]
            rest = suspects[len(half) :]
            error = await _try(engine, half)
            if error is None:
                suspects = rest
                continue
            if isinstance(error, RateLimited | Unavailable) and not _perhaps_stored(error):
                wait_out(engine, half, error)
                continue
            cleared = rest + cleared
            if not _same(error):
                return half, error
            suspects = await _remains(engine, half, error)
            if len(half) == 1 and suspects:
                if await _convicted(engine, suspects[0], error):
                    return None
                _clear(engine, cleared)  # let the others vouch for the server
    finally:
        _clear(engine, cleared)
    return None


def _clear(engine: Engine[R, E], cleared: list[Parcel[R]]) -> None:
    repeat(engine, cleared)
    cleared.clear()


async def _convicted(engine: Engine[R, E], parcel: Parcel[R], error: MauticError) -> bool:
    """Whether a row that failed alone is to blame, and not a server that fails everything."""
    verdict = error.verdict
    assert verdict is not None  # noqa: S101 - it was judged before
    if verdict.bulk is Then.REJECT:
        with engine.at_work():
            await engine.sort([parcel], [Receipt("rejected", problems=reasons(error))])
        return True
    if engine.helm.given_up():
        engine.fail(error)
        return True
    parcel.alone += _blow(error)
    others_pass = engine.helm.successes > parcel.struck_at
    if parcel.alone < (SURE if others_pass else ALONE * BLOW):
        return False
    stored = verdict.fate is Fate.DONE or (parcel.id and not parcel.untouched)
    state: Any = "unknown" if stored else "rejected"
    who = "the proxy before Mautic answers for" if verdict.live else "Mautic fails on"
    why = (*reasons(error), Problem(f"{who} this row alone, again and again; the reason is in its log"))
    with engine.at_work():
        await engine.sort([parcel], [Receipt(state, problems=why)])
    return True


async def _remains(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> list[Parcel[R]]:
    """Count the blow, settle what is proven, and return the rest in order."""
    if error.verdict is not None and error.verdict.bulk is Then.REJECT:
        return list(parcels)  # nothing of it is stored
    unsay(parcels)  # most of them are innocent; the guilty one is found by its blows
    for parcel in parcels:
        parcel.uncertain = True
        if not parcel.blows:
            parcel.struck_at = engine.helm.successes
        parcel.blows += _blow(error)
    receipts = await seen_after(engine, parcels, error)
    pairs = list(zip(parcels, receipts, strict=True))
    for parcel, receipt in pairs:
        learn(parcel.known, receipt.known)
        parcel.id = receipt.id or parcel.id
        parcel.untouched = receipt.state == "again" and receipt.so_far == "rejected"
    proven = [(parcel, receipt) for parcel, receipt in pairs if receipt.state != "again"]
    if proven:
        with engine.at_work():
            await engine.sort([parcel for parcel, _ in proven], [receipt for _, receipt in proven])
    return [parcel for parcel, receipt in pairs if receipt.state == "again"]


def _blow(error: MauticError) -> int:
    verdict = error.verdict
    if verdict is not None and verdict.live:
        return BLOW // 4 if verdict.load else BLOW // 2
    if verdict is not None and verdict.fate is Fate.REFUSED:
        return BLOW // 4  # a look, which can be repeated
    return BLOW if verdict is not None and not verdict.load and verdict.fate is Fate.UNKNOWN else BLOW // 2


async def _try(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> MauticError | None:
    """Send *parcels* before all others; None if that went well."""
    await engine.claim()
    with engine.at_work():
        result = await engine.carry(parcels)
        if isinstance(result, Delivery):
            await engine.sort(parcels, result.receipts)
            return None
    return result


def _perhaps_stored(error: MauticError) -> bool:
    return error.verdict is not None and error.verdict.fate in {Fate.UNKNOWN, Fate.DONE}


def _same(error: MauticError) -> bool:
    return (
        error.verdict is not None
        and error.verdict.bulk in (Then.LOOK, Then.REJECT)
        and getattr(error, "batch_limit", None) is None
    )


def reasons(error: MauticError) -> tuple[Problem, ...]:
    """Why, for the row's outcome."""
    if not isinstance(error, APIError) and isinstance(error.__cause__, APIError):
        error = error.__cause__
    if isinstance(error, APIError):
        return error.problems or (Problem(str(error), code=error.status),)
    return (Problem(str(error)),)
