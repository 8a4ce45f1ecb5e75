"""How long the server took over the exchanges of a piece of work, without their waits for a turn.

A bulk job steers by it: a batch that waited an hour for the rate limit is not a slow batch.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Iterator


@define
class Meter:
    """What is added up: seconds, over so many exchanges."""

    seconds: float = 0.0
    exchanges: int = 0


_RUNNING: Final[ContextVar[Meter | None]] = ContextVar("meter", default=None)


@contextmanager
def metered() -> Iterator[Meter]:
    """Add up what the exchanges within the block take."""
    meter = Meter()
    token = _RUNNING.set(meter)
    try:
        yield meter
    finally:
        _RUNNING.reset(token)


def add(seconds: float) -> None:
    """Count one exchange, if somebody wants to know."""
    meter = _RUNNING.get()
    if meter is not None:
        meter.seconds += seconds
        meter.exchanges += 1
