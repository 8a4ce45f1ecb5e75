"""Rows that go again, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from attrs import evolve

from mautic_async.bulk.collisions import have_common_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.bulk.adapter import Parcel, Receipt
    from mautic_async.bulk.outcomes import Outcome
    from mautic_async.bulk.scheduler import Engine
    from mautic_async.errors import RateLimited, Unavailable

R = TypeVar("R")
E = TypeVar("E")


def repeat(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> None:
    """Let *parcels* go again before all others."""
    engine.line_up(parcels, front=True)
    engine.dispatch(flush=True)


def put_off(engine: Engine[R, E], again: Sequence[tuple[Parcel[R], Receipt[E]]]) -> None:
    """Let rows go again, each after its pause."""
    now = [parcel for parcel, receipt in again if not receipt.pause]
    engine.line_up(now, front=True)
    later: dict[float, list[Parcel[R]]] = {}
    for parcel, receipt in again:
        if receipt.pause:
            later.setdefault(receipt.pause, []).append(parcel)
    for pause, parcels in later.items():
        engine.chore(_line_up_later(engine, parcels, pause))


async def _line_up_later(engine: Engine[R, E], parcels: Sequence[Parcel[R]], pause: float) -> None:
    await engine.clock.sleep(pause)
    engine.line_up(parcels, front=True)
    engine.dispatch(flush=True)


def send_again(engine: Engine[R, E], parcel: Parcel[R], newest: Parcel[R], outcome: Outcome[E]) -> None:
    """Let *parcel* send the values of the *newest* row of its entity once more, before it gets its *outcome*.

    An older row may have overwritten them. A row that has its outcome already cannot be sent itself: *parcel*, which
    overwrote it, does so in its place, and a job that is killed meanwhile begins here again.
    """
    if outcome.status in {"created", "updated"}:
        parcel.so_far = parcel.so_far or outcome.status
    if not have_common_key(parcel, newest):
        engine.lanes.alias(parcel.keys, newest.keys, parcel.id)
    parcel.original = parcel.original or (parcel.row, parcel.packed)
    parcel.row = engine.courier.repeatable_part(newest.original[0] if newest.original else newest.row)
    parcel.packed = evolve(engine.courier.pack(parcel.row, parcel.index), memory="")
    parcel.resent = newest
    parcel.step, parcel.tries, parcel.known = "", 0, {}
    engine.line_up((parcel,), front=True)


def release(engine: Engine[R, E], ends: Sequence[tuple[Parcel[R], Outcome[E]]]) -> None:
    """Let other rows use the lanes of rows that are done, some of them after a while."""
    lingering: dict[float, list[Parcel[R]]] = {}
    for parcel, outcome in ends:
        if parcel.packed.firsts and outcome.status not in {"rejected", "unknown"}:
            engine.line_up(engine.lanes.learn(parcel.packed.firsts))
        if parcel.packed.linger and parcel.sends:
            lingering.setdefault(parcel.packed.linger, []).append(parcel)
        elif parcel.keys:
            engine.line_up(engine.lanes.leave(parcel))
    for seconds, parcels in lingering.items():
        engine.chore(_linger(engine, parcels, seconds))


async def _linger(engine: Engine[R, E], parcels: Sequence[Parcel[R]], seconds: float) -> None:
    await engine.clock.sleep(seconds)
    for parcel in parcels:
        engine.line_up(engine.lanes.leave(parcel))
    engine.dispatch()


def unsay(parcels: Sequence[Parcel[R]]) -> None:
    """The refusal of a request is no try of its rows."""
    for parcel in parcels:
        parcel.tries -= 1


def wait_out(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: RateLimited | Unavailable) -> None:
    """Nothing leaves before the server takes it."""
    unsay(parcels)
    pause(engine, error.retry_after or engine.helm.back_off(1.0, 1))


def pause(engine: Engine[R, E], seconds: float) -> None:
    """Let nothing leave for *seconds*."""
    now = engine.clock.time()
    until = now + seconds
    if until <= engine.paused_until:
        return
    engine.tally.waited += until - max(now, engine.paused_until)
    engine.paused_until = until
    engine.chore(_resume(engine, seconds))


async def _resume(engine: Engine[R, E], seconds: float) -> None:
    await engine.clock.sleep(seconds)
    engine.dispatch()
