"""After a request without a row-by-row answer: what its rows are to suffer, as the failure table says.

Refused: they go again. Perhaps applied: they rest, it is looked what is there, and what is missing goes again. Failed
as a whole: one row may be to blame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from mautic_async.bulk.adapter import Receipt
from mautic_async.bulk.bisect import isolate, narrow, reasons
from mautic_async.bulk.reconcile import settle
from mautic_async.bulk.requeue import pause, repeat, unsay, wait_out
from mautic_async.errors import Fate, MauticError, RateLimited, ServerError, Then, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.bulk.adapter import Parcel
    from mautic_async.bulk.bisect import Unmended
    from mautic_async.bulk.outcomes import Status
    from mautic_async.bulk.scheduler import Engine

R = TypeVar("R")
E = TypeVar("E")


async def mend(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> None:
    """Do with *parcels* what the failure table says of *error*, and of what fails on the way."""
    left: Unmended[R] = (parcels, error)
    while left is not None:
        left = await _mend(engine, *left)


async def _mend(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> Unmended[R]:
    verdict = error.verdict
    if isinstance(error, Unavailable) or (verdict is not None and verdict.fate in {Fate.REFUSED, Fate.FATAL}):
        for parcel in parcels:
            parcel.maybe = parcel.tries > 1 and parcel.maybe
    else:
        for parcel in parcels:
            parcel.uncertain = True
    if isinstance(error, Unavailable):  # the breaker is open: it says when to try again
        wait_out(engine, parcels, error)
        repeat(engine, parcels)
        return None
    way = _WAYS.get(verdict.bulk) if verdict is not None else None
    if way is None or verdict is None or (verdict.fate is Fate.UNKNOWN and engine.helm.given_up()):
        engine.fail(error)
        return None
    return await way(engine, parcels, error)


async def again(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> Unmended[R]:
    """Nothing of it was applied, or it may simply be repeated: wait as long as the server asks, or longer each time."""
    verdict = error.verdict
    assert verdict is not None  # noqa: S101 - it was judged before
    if isinstance(error, RateLimited):
        wait_out(engine, parcels, error)
        repeat(engine, parcels)
    elif engine.helm.given_up():
        engine.fail(error)
    elif verdict.load:  # it is the server that cannot, whatever the rows are
        unsay(parcels)
        pause(engine, engine.helm.back_off(verdict.pause, engine.helm.failures))
        repeat(engine, parcels)
    else:
        later = verdict.pause + engine.helm.back_off(verdict.pause, parcels[0].tries)
        so_far: Status = "rejected" if verdict.fate is Fate.REFUSED else "unknown"
        receipt: Receipt[E] = Receipt("again", problems=reasons(error), pause=later, so_far=so_far)
        with engine.at_work():
            await engine.sort(parcels, [receipt] * len(parcels))
    return None


async def park(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> Unmended[R]:
    """The server may still be at work on it."""
    await settle(engine, parcels, error)
    return None


async def split(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> Unmended[R]:
    """Too many rows, or too many bytes: never that large again."""
    if len(parcels) == 1:
        return await refuse(engine, parcels, error)
    if isinstance(error, ServerError) and error.batch_limit is not None:
        engine.helm.limit_rows(min(error.batch_limit, len(parcels) - 1))
    else:
        engine.helm.limit_bytes(sum(len(parcel.packed.body) + 1 for parcel in parcels) // 2)
    unsay(parcels)
    repeat(engine, parcels)
    return None


async def refuse(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> Unmended[R]:
    """The request was refused: one row of it alone deserves that, so find out which."""
    if len(parcels) > 1:
        unsay(parcels)
        return await isolate(engine, parcels)
    with engine.at_work():
        await engine.sort(parcels, [Receipt("rejected", problems=reasons(error))])
    return None


_WAYS: Final = {
    Then.REPEAT: again,
    Then.PARK: park,
    Then.LOOK: narrow,
    Then.SPLIT: split,
    Then.REJECT: refuse,
}
