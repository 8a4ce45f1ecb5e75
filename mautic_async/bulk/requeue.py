"""Rows that go again, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.bulk.courier import Parcel, Receipt
    from mautic_async.bulk.engine import Engine
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
