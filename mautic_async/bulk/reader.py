"""Rows from the caller's iterable into lanes: checked, compared with the journal, no more than there is room for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from attrs import evolve

from mautic_async.bulk.adapter import Packed, Parcel, Receipt
from mautic_async.bulk.reconcile import settle_torn
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.journal.records import digest_of, follow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mautic_async.bulk.scheduler import Engine
    from mautic_async.journal.records import Entry

R = TypeVar("R")

STRETCH: Final = 32
"""Rows taken from a plain iterable before other tasks get a turn."""

CHANGED: Final = (
    "the input is not the one that the journal was begun with: {}. Give the same rows in the same order to resume, "
    "or another journal to begin anew"
)
UNKEPT: Final = "the journal cannot keep this row such that it could be sent after a crash; a journal of hashes can"


class Intake(Generic[R]):
    """Takes the rows of one job.

    Attributes:
        journaled: Rows below this index are in the journal; 0 if the journal does not keep rows.
    """

    def __init__(self, engine: Engine[R, Any], rows: Iterable[R] | AsyncIterable[R]) -> None:
        self._engine = engine
        self._rows = rows
        self._chain = b""
        self._next = 0
        self._last = -1
        self._keeping = engine.ledger is not None and engine.ledger.keeps
        self.journaled = max(engine.standing.mark, max(engine.standing.entries, default=-1) + 1) if self._keeping else 0
        self._fresh: list[Parcel[R]] = []
        self._saving = asyncio.Lock()
        self._torn: list[Parcel[R]] = []
        self._refused: list[tuple[Parcel[R], tuple[Problem, ...]]] = []

    async def feed(self) -> None:
        """Take all rows; an error of the caller's iterable ends the job and reaches the caller as it is."""
        take, close = _taker(self._rows)
        engine = self._engine
        self._last = max(engine.standing.entries, default=-1)
        try:
            if self._keeping and not await self._take_kept():
                return
            while await self._stretch(take):
                await self.pass_on()
                if self._torn and self._next > self._last:
                    self._rest_torn()
                await engine.clock.sleep(0)
            await self.save()
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
                await self.save()
                engine.fail(error)
                return False
            parcel = self._parcel(row, self._next)
            self._next += 1
            if self._keeping:
                self._fresh.append(parcel)
            if engine.over.is_set() or not (self._keeping or self._enter(parcel)):
                return False
        return not engine.over.is_set()

    # -- a journal that keeps rows -------------------------------------------------------------------------------------

    async def save(self) -> None:
        """Have the rows that were taken written down, then let them in; one that could not be read back is refused."""
        engine = self._engine
        async with self._saving:
            fresh, self._fresh = self._fresh, []
            if not fresh or engine.ledger is None:
                return
            for parcel in fresh:
                if not parcel.packed.problems and not self._comes_back(parcel):
                    parcel.packed = evolve(parcel.packed, problems=(Problem(UNKEPT),))
            await engine.ledger.keep([(parcel.index, parcel.packed.body) for parcel in fresh])
            self.journaled = fresh[-1].index + 1
            for parcel in fresh:
                self._enter(parcel)

    def _comes_back(self, parcel: Parcel[R]) -> bool:
        courier = self._engine.courier
        try:
            again = courier.pack(courier.unpack(parcel.packed.body), parcel.index)
        except Exception:  # noqa: BLE001 - for whatever reason: it cannot
            return False
        return again.body == parcel.packed.body

    async def _take_kept(self) -> bool:
        """The rows that an earlier run has taken and not finished; False if that ended the job."""
        engine = self._engine
        standing = engine.standing
        engine.taken = engine.yielded = standing.mark
        for index in range(standing.mark, self._last + 1):
            entry = standing.entries[index]
            if entry.state == "done":
                self._pass_by(self._kept(entry) if entry.id and entry.body else None, entry)
            elif engine.over.is_set() or not self._enter(self._kept(entry)):
                return False
        self._next = engine.taken
        await self.pass_on()
        self._rest_torn()
        return True

    def _kept(self, entry: Entry) -> Parcel[R]:
        if not entry.body:  # it could not even be written as JSON, and the process ended before it said so
            nothing: Any = None
            return Parcel(entry.index, nothing, Packed(b"", problems=(Problem(UNKEPT),)))
        return self._parcel(self._engine.courier.unpack(entry.body), entry.index)

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

    def _parcel(self, row: R, index: int) -> Parcel[R]:
        return Parcel(index, row, self._engine.courier.pack(row, index))

    def _enter(self, parcel: Parcel[R]) -> bool:
        """Let one row in; False if that ended the job."""
        engine = self._engine
        index, packed = parcel.index, parcel.packed
        entry: Entry | None = None
        if engine.ledger is not None:
            parcel.digest = digest_of(packed.body)
            if index < engine.standing.mark:
                return self._skip(parcel.digest)
            entry = engine.standing.entries.get(index)
            if entry is not None and entry.digest != parcel.digest:
                return self._changed(f"row {index} differs")
        if entry is not None and entry.state == "done":
            self._pass_by(parcel, entry)
            return True
        engine.taken += 1
        if entry is not None and entry.state != "new":
            _restore(parcel, entry)
        elif problems := engine.refusals(packed):
            engine.open[index] = parcel
            self._refused.append((parcel, problems))
            return True
        if engine.admit(parcel):
            if parcel.maybe:
                self._torn.append(parcel)
            else:
                engine.line_up((parcel,))
        return True

    def _pass_by(self, parcel: Parcel[R] | None = None, entry: Entry | None = None) -> None:
        """Count a row whose outcome an earlier run has told; an older row may still overwrite its entity."""
        engine = self._engine
        engine.taken += 1
        engine.yielded += 1
        if entry is None or not entry.id:
            return
        if entry.status == "created":
            engine.created.add(entry.id)
        if parcel is not None and entry.status != "rejected":
            parcel.id = entry.id
            engine.collisions.restore(parcel, engine.taken)

    def _skip(self, digest: bytes) -> bool:
        """A row that an earlier run finished: only see that it is the same."""
        engine = self._engine
        self._chain = follow(self._chain, digest)
        self._pass_by()
        if engine.taken == engine.standing.mark and self._chain != engine.standing.chain:
            return self._changed(f"one of its first {engine.taken} rows differs")
        return True

    def _changed(self, how: str) -> bool:
        self._engine.fail(ConfigurationError(CHANGED.format(how)))
        return False

    async def pass_on(self, *, flush: bool = False) -> None:
        """Give refused rows their outcome, and let what is lined up leave."""
        engine = self._engine
        if self._fresh:
            await self.save()
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
        if engine.taken < max(engine.standing.mark, self._last + 1):
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
    parcel.maybe = parcel.uncertain = entry.state == "sent"
    parcel.brings = entry.brings  # it has been sent, and must not wait for those that bring the other names now


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
