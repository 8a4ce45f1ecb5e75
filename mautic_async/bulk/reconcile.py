"""Rows of unknown fate: rest until the server can no longer be at work on them, then look what is there.

PHP goes on when the client has left; nothing but its own end stops it. Sending again before that makes duplicates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from mautic_async.errors import MauticError, Then
from mautic_async.journal.records import learn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.bulk.adapter import Parcel, Receipt
    from mautic_async.bulk.outcomes import Outcome
    from mautic_async.bulk.scheduler import Engine

R = TypeVar("R")
E = TypeVar("E")

STORED: Final = frozenset({"created", "updated", "step"})
"""States of a look that found the row stored, or this step of it done."""

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


async def seen_after(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> Sequence[Receipt[E]]:
    """Return what the server holds of *parcels*, once it can no longer be at work on the request that failed."""
    verdict = error.verdict
    if verdict is None or not verdict.live:  # Mautic answered, so the request has ended
        return await gaze(engine, parcels)
    return await _parked(engine, parcels, engine.helm.settle_for(parcels[0], error), POLLS)


async def _rest(engine: Engine[R, E], parcels: Sequence[Parcel[R]], wait: float, polls: Sequence[float]) -> None:
    receipts = await _parked(engine, parcels, wait, polls)
    with engine.at_work():
        await engine.sort(parcels, receipts)


async def _parked(
    engine: Engine[R, E], parcels: Sequence[Parcel[R]], wait: float, polls: Sequence[float]
) -> Sequence[Receipt[E]]:
    engine.parked += len(parcels)
    engine.dispatch()
    try:
        return await _poll(engine, parcels, wait, polls)
    finally:
        engine.parked -= len(parcels)


async def _poll(
    engine: Engine[R, E], parcels: Sequence[Parcel[R]], wait: float, polls: Sequence[float]
) -> Sequence[Receipt[E]]:
    end = engine.clock.time() + wait
    for poll in polls:
        if engine.clock.time() + poll >= end:
            break
        await engine.clock.sleep(poll)
        receipts = await glance(engine, parcels)
        if receipts is not None and receipts[-1].fresh and receipts[-1].state in STORED:
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


async def look(engine: Engine[R, E], parcels: Sequence[Parcel[R]], pause: float = 0.0) -> None:
    """Look rows up, after *pause* seconds, whose fate Mautic's answer does not tell; it is done with them."""
    if pause:
        await engine.clock.sleep(pause)
    receipts = await gaze(engine, parcels)
    with engine.at_work():
        await engine.sort(parcels, receipts)


async def look_at_refused(engine: Engine[R, E], pairs: Sequence[tuple[Parcel[R], Receipt[E]]]) -> None:
    """Look rows up that Mautic refused after an earlier sending of unknown fate: that one may have stored them.

    A unique value that "must be unique" may be held by what the row's own first sending made. Where the look shows that
    the entity was made or changed since, by whatever hand, the row is ``unknown``.
    """
    stored: list[tuple[Parcel[R], Receipt[E]]] = []
    ends: list[tuple[Parcel[R], Outcome[E]]] = []
    for (parcel, refusal), seen in zip(pairs, await gaze(engine, [parcel for parcel, _ in pairs]), strict=True):
        if seen.state in STORED:
            stored.append((parcel, seen))
            continue
        parcel.id = seen.id or parcel.id
        made = seen.so_far == "partial" and parcel.id not in engine.created  # by no other row of the job
        touched = made or (bool(seen.id) and seen.so_far is None)
        ends.append((parcel, engine.outcome(parcel, "unknown" if touched else "rejected", refusal)))
    with engine.at_work():
        await engine.conclude(ends)
        await engine.sort([parcel for parcel, _ in stored], [seen for _, seen in stored])


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
    """Look until it is seen.

    A look changes nothing, so it is repeated with back-off, whatever went wrong. The job ends where that cannot
    help (the credentials are refused), or when looks have failed for `Plan.outage` seconds.
    """
    tries = 0
    began = engine.clock.time()
    while True:
        try:
            delivery = await engine.courier.read_back(parcels[0].step, parcels)
        except MauticError as error:
            engine.tally.requests += error.attempts or 1
            verdict = error.verdict
            tries += 1
            lasted = engine.clock.time() - began
            endless = tries > engine.plan.give_up and lasted >= engine.plan.outage
            if verdict is None or verdict.bulk is Then.STOP or endless:
                engine.fail(error)
            pause = getattr(error, "retry_after", None) or engine.helm.back_off(1.0, tries)
            await engine.clock.sleep(pause)
        else:
            engine.tally.requests += delivery.requests
            return delivery.receipts
