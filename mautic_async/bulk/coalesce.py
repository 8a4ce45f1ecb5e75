"""Rows of one entity joined into one, where the caller asks for it: the later one's values win, in one request.

Off by default, since what Mautic is told changes: webhooks and triggers see one change instead of several. Only a row
that has not left yet takes others in, and only such whose every part may be sent again; so after a crash nothing has
to be known of who rode with whom. A joined row that is refused is taken apart again: its rows go alone, one after the
other, and each gets the outcome that it deserves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mautic_async.bulk.courier import Parcel
    from mautic_async.bulk.engine import Engine
    from mautic_async.bulk.outcomes import Outcome

R = TypeVar("R")
E = TypeVar("E")


def board(engine: Engine[R, Any], parcel: Parcel[R]) -> bool:
    """Let *parcel* ride with the last row of its lanes.

    Returns:
        Whether it does; if not, it has to enter its lanes like any other.
    """
    host = engine.lanes.last(parcel.packed.keys)
    if host is None or host.left or host.apart or host.maybe or host.step:
        return False
    row = engine.courier.join(host.row, parcel.row)
    if row is None:
        return False
    packed = engine.courier.pack(row, host.index)
    if engine.refusals(packed) or not engine.lanes.widen(host, engine.lanes.keys_of(packed)):
        return False
    if not host.riders:
        host.single = (host.row, host.packed)
    host.row, host.packed = row, packed
    host.riders = (*host.riders, parcel)
    parcel.host = host
    engine.open[parcel.index] = parcel
    return True


def alight(
    ends: Iterable[tuple[Parcel[R], Outcome[E]]],
) -> tuple[list[tuple[Parcel[R], Outcome[E]]], list[Parcel[R]]]:
    """Give riders the outcome of their host.

    Returns:
        All that has an outcome now, and the hosts that were refused: they go again, without their riders.
    """
    told: list[tuple[Parcel[R], Outcome[E]]] = []
    refused: list[Parcel[R]] = []
    for parcel, outcome in ends:
        if not parcel.riders or parcel.apart:
            told.append((parcel, outcome))
        elif outcome.ok:  # after the first of them the entity was there
            told.append((parcel, outcome))
            told += [(rider, evolve(outcome, index=rider.index, status="updated")) for rider in parcel.riders]
            parcel.riders = ()
        else:
            _take_apart(parcel)
            refused.append(parcel)
    return told, refused


def _take_apart(host: Parcel[Any]) -> None:
    assert host.single is not None  # noqa: S101 - it has riders
    host.row, host.packed = host.single
    host.apart = True
    host.step, host.tries, host.blows, host.alone, host.so_far = "", 0, 0, 0, None
    for rider in host.riders:
        rider.host = None


def heir(parcel: Parcel[R]) -> Parcel[R] | None:
    """The row that takes the lanes of *parcel*: the next of those that once rode with it, if it was taken apart."""
    if not parcel.riders:
        return None
    first, *rest = parcel.riders
    parcel.riders = ()
    first.riders, first.apart = tuple(rest), True
    return first
