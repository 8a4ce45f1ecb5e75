"""Rows of unknown fate: rest until the server can no longer be at work on them, then look what is there.

PHP goes on when the client has left; nothing but its own end stops it. Sending again before that makes duplicates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from mautic_async.errors import MauticError, Then
from mautic_async.ledger import learn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.bulk.courier import Parcel, Receipt
    from mautic_async.bulk.engine import Engine

R = TypeVar("R")
E = TypeVar("E")

POLLS: Final = (5.0, 10.0, 20.0, 40.0)
"""Seconds between looks while rows settle: if the last one is there, the server has ended the request."""

TWICE: Final = 5.0
"""Seconds between the two looks that have to agree after the rows have settled."""


async def settle(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> None:
    """Rest until the server can no longer be at work on *parcels*, then look, twice, and go on from what is there."""
    await _rest(engine, parcels, engine.helm.settle_for(parcels[0], error), POLLS)


async def settle_torn(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> None:
    """The same for rows that a killed run had sent, in requests whose other rows and order are not known any more."""
    await _rest(engine, parcels, engine.helm.settle_for(parcels[0], None), ())


async def _rest(engine: Engine[R, E], parcels: Sequence[Parcel[R]], wait: float, polls: Sequence[float]) -> None:
    engine.parked += len(parcels)
    engine.dispatch()
    try:
        receipts = await _poll(engine, parcels, wait, polls)
    finally:
        engine.parked -= len(parcels)
    with engine.at_work():
        await engine.sort(parcels, receipts)


async def _poll(
    engine: Engine[R, E], parcels: Sequence[Parcel[R]], wait: float, polls: Sequence[float]
) -> Sequence[Receipt[E]]:
    end = engine.clock.time() + wait
    for poll in polls:
        if engine.clock.time() + poll >= end:
            break
        await engine.clock.sleep(poll)
        receipts = await glance(engine, parcels)
        if receipts is not None and receipts[-1].fresh and receipts[-1].state in {"created", "updated", "step"}:
            return receipts  # rows are written in order: the last one is there, so the request has ended
    await engine.clock.sleep(end - engine.clock.time())
    seen = await gaze(engine, parcels)
    while wait and any(receipt.state != "again" or receipt.known for receipt in seen):
        await engine.clock.sleep(min(TWICE, engine.plan.settle / 24))
        receipts = await gaze(engine, parcels)
        if receipts == seen:
            break
        seen = receipts
    return seen


async def look(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> None:
    """The answer did not mention these rows; the server is done with them."""
    receipts = await gaze(engine, parcels)
    with engine.at_work():
        await engine.sort(parcels, receipts)


async def find_ids(engine: Engine[R, E], pairs: Sequence[tuple[Parcel[R], Receipt[E]]]) -> None:
    """Rows stored in part, of which the answer gave no id: look for it, so that somebody can mend them.

    Where the look finds nothing, nothing of the row is stored.
    """
    receipts = await glance(engine, [parcel for parcel, _ in pairs])
    missing: set[int] = set()
    for (parcel, _), seen in zip(pairs, receipts or (), strict=bool(receipts)):
        parcel.id = parcel.id or seen.id
        learn(parcel.known, seen.known)
        if seen.state == "again" and not parcel.id:
            missing.add(parcel.index)
    with engine.at_work():
        await engine.conclude(
            [
                (parcel, engine.outcome(parcel, "rejected" if parcel.index in missing else "partial", receipt))
                for parcel, receipt in pairs
            ]
        )


async def glance(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> Sequence[Receipt[E]] | None:
    """One look, for whose failure nobody cares."""
    try:
        delivery = await engine.courier.read_back(parcels[0].step, parcels)
    except MauticError as error:
        engine.tally.requests += error.attempts or 1
        return None
    engine.tally.requests += delivery.requests
    return delivery.receipts


async def gaze(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> Sequence[Receipt[E]]:
    """Look until it is seen; a look changes nothing, so only what dooms the job ends it."""
    tries = 0
    while True:
        try:
            delivery = await engine.courier.read_back(parcels[0].step, parcels)
        except MauticError as error:
            engine.tally.requests += error.attempts or 1
            verdict = error.verdict
            if verdict is None or verdict.bulk in (Then.STOP, Then.RAISE) or tries >= engine.plan.give_up:
                engine.fail(error)
            tries += 1
            pause = getattr(error, "retry_after", None) or engine.helm.back_off(1.0, tries)
            await engine.clock.sleep(pause)
        else:
            engine.tally.requests += delivery.requests
            return delivery.receipts
