"""Rows from the caller's iterable into lanes: checked, compared with the journal, no more than there is room for."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from mautic_async.bulk.coalesce import board
from mautic_async.bulk.courier import Parcel, Receipt
from mautic_async.bulk.settle import settle_torn
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.ledger import follow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mautic_async.bulk.courier import Packed
    from mautic_async.bulk.engine import Engine
    from mautic_async.ledger import Entry

R = TypeVar("R")

STRETCH: Final = 32
"""Rows taken from a plain iterable before other tasks get a turn."""

CHANGED: Final = (
    "the input is not the one that the journal was begun with: {}. Give the same rows in the same order to resume, "
    "or another journal to begin anew"
)


class Intake(Generic[R]):
    """Takes the rows of one job."""

    def __init__(self, engine: Engine[R, Any], rows: Iterable[R] | AsyncIterable[R]) -> None:
        self._engine = engine
        self._rows = rows
        self._chain = b""
        self._torn: list[Parcel[R]] = []
        self._refused: list[tuple[Parcel[R], tuple[Problem, ...]]] = []

    async def feed(self) -> None:
        """Take all rows; an error of the caller's iterable ends the job and reaches the caller as it is."""
        take, close = _taker(self._rows)
        engine = self._engine
        try:
            while await self._stretch(take):
                await self.pass_on()
                await engine.clock.sleep(0)
            await self._end()
        finally:
            await close()

    async def _stretch(self, take: Callable[[], Awaitable[R]]) -> bool:
        """Take a few rows, as far as there is room; False at the end of the input, or of the job."""
        engine = self._engine
        if not engine.room_for():
            await self._wait()
        for _ in range(min(STRETCH, engine.room_for())):
            try:
                row = await take()
            except StopAsyncIteration:
                return False
            except Exception as error:  # noqa: BLE001 - whatever the caller's iterable raises is the caller's
                engine.fail(error)
                return False
            if engine.over.is_set() or not self._one(row):
                return False
        return not engine.over.is_set()

    async def _wait(self) -> None:
        engine = self._engine
        await self.pass_on()
        self._rest_torn()
        engine.starving = True
        engine.dispatch(flush=True)
        try:
            while not engine.room_for():
                engine.room.clear()
                await engine.room.wait()
        finally:
            engine.starving = False

    def _one(self, row: R) -> bool:
        """Take one row; False if that ended the job."""
        engine = self._engine
        index = engine.taken
        packed = engine.courier.pack(row, index)
        parcel = Parcel(index, row, packed)
        entry: Entry | None = None
        if engine.ledger is not None:
            parcel.digest = blake2b(packed.body, digest_size=16).digest()
            if index < engine.standing.mark:
                return self._skip(parcel.digest)
            entry = engine.standing.entries.get(index)
            if entry is not None and entry.digest != parcel.digest:
                return self._changed(f"row {index} differs")
        engine.taken += 1
        if entry is not None and entry.state == "done":
            engine.yielded += 1
            return True
        if entry is not None:
            _restore(parcel, entry)
        elif problems := self._problems(packed):
            engine.open[index] = parcel
            self._refused.append((parcel, problems))
            return True
        if entry is None and engine.plan.coalesce and board(engine, parcel):
            return True
        if engine.admit(parcel):
            if parcel.maybe:
                self._torn.append(parcel)
            else:
                engine.line_up((parcel,))
        return True

    def _problems(self, packed: Packed) -> tuple[Problem, ...]:
        most = self._engine.plan.batch_bytes
        if len(packed.body) + 2 > most and not packed.problems:
            return (Problem(f"the row has {len(packed.body)} bytes; a request may have {most}"),)
        return tuple(packed.problems)

    def _skip(self, digest: bytes) -> bool:
        """A row that an earlier run finished: only see that it is the same."""
        engine = self._engine
        self._chain = follow(self._chain, digest)
        engine.taken += 1
        engine.yielded += 1
        if engine.taken == engine.standing.mark and self._chain != engine.standing.chain:
            return self._changed(f"one of its first {engine.taken} rows differs")
        return True

    def _changed(self, how: str) -> bool:
        self._engine.fail(ConfigurationError(CHANGED.format(how)))
        return False

    async def pass_on(self, *, flush: bool = False) -> None:
        """Give refused rows their outcome, and let what is lined up leave."""
        engine = self._engine
        if self._refused:
            refused, self._refused = self._refused, []
            ends = [
                (parcel, engine.outcome(parcel, "rejected", Receipt("rejected", problems=problems)))
                for parcel, problems in refused
            ]
            with engine.at_work():
                await engine.conclude(ends)
        engine.dispatch(flush=flush)

    def _rest_torn(self) -> None:
        """Rows that a killed run had sent: the server may still be at work on them, counted from now.

        Not from the time in the journal: between that entry and the first byte lies the wait for a slot and for the
        rate limit, up to an hour.
        """
        engine = self._engine
        by_step: dict[str, list[Parcel[R]]] = {}
        for parcel in self._torn:
            by_step.setdefault(parcel.step, []).append(parcel)
        self._torn = []
        size = engine.helm.batch.size
        for parcels in by_step.values():
            for start in range(0, len(parcels), size):
                engine.chore(settle_torn(engine, parcels[start : start + size]))

    async def _end(self) -> None:
        engine = self._engine
        if engine.over.is_set():
            return
        last = max(engine.standing.entries, default=-1)
        if engine.taken < max(engine.standing.mark, last + 1):
            self._changed(f"it ends after {engine.taken} rows")
            return
        await self.pass_on()
        self._rest_torn()
        engine.exhausted = True
        if not engine.open:
            engine.over.set()
        engine.dispatch()


def _restore(parcel: Parcel[Any], entry: Entry) -> None:
    parcel.step = entry.step
    parcel.known = dict(entry.known)
    parcel.id = entry.id
    parcel.tries = parcel.sends = entry.tries
    parcel.since = entry.since
    parcel.so_far = entry.so_far or None  # type: ignore[assignment]  # the journal holds what we wrote
    parcel.maybe = entry.state == "sent"


def _taker(rows: Iterable[R] | AsyncIterable[R]) -> tuple[Callable[[], Awaitable[R]], Callable[[], Awaitable[object]]]:
    """How to take the next row, and how to leave the iterable."""
    if isinstance(rows, AsyncIterable):
        source: AsyncIterator[R] = aiter(rows)
        return source.__anext__, getattr(source, "aclose", _nothing)
    plain = iter(rows)

    async def take() -> R:
        try:
            return next(plain)
        except StopIteration:
            raise StopAsyncIteration from None

    return take, _nothing


async def _nothing() -> None:
    pass
