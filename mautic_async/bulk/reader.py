"""Rows from the caller's source into the job: encoded, compared with the journal, as far as there is capacity."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from attrs import evolve

from mautic_async.bulk.adapter import Receipt, outcome_of
from mautic_async.bulk.items import Packed, Parcel
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.journal.records import digest_of, follow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from mautic_async.bulk.adapter import Courier
    from mautic_async.bulk.backpressure import Backpressure
    from mautic_async.bulk.outcomes import Outcome
    from mautic_async.bulk.tasks import JobTasks
    from mautic_async.clock import Clock
    from mautic_async.journal.records import Entry, Ledger, Standing

R = TypeVar("R")

CHUNK_ROWS: Final = 32
"""Rows read from a plain iterable before other tasks get a turn."""

INPUT_CHANGED: Final = (
    "the input is not the one that the journal was begun with: {}. Give the same rows in the same order to resume, "
    "or another journal to begin anew"
)
NOT_ROUND_TRIPPABLE: Final = (
    "the journal cannot keep this row such that it could be sent after a crash; a journal of hashes can"
)


class RowConsumer(Protocol[R]):
    """What the reader needs of the scheduler, which stands above it."""

    def enqueue(self, item: Parcel[R], creates: int) -> bool: ...  # noqa: D102 - see Scheduler
    def push_ready(self, items: Iterable[Parcel[R]]) -> None: ...  # noqa: D102
    def activate(self, item: Parcel[R]) -> None: ...  # noqa: D102
    def restore(self, record: Entry, item: Parcel[R] | None) -> None: ...  # noqa: D102
    def reconcile_interrupted(self, items: Sequence[Parcel[R]]) -> None: ...  # noqa: D102
    def end_input(self) -> None: ...  # noqa: D102
    def dispatch(self, *, flush: bool = False) -> None: ...  # noqa: D102
    async def finish(self, finished: Sequence[tuple[Parcel[R], Outcome[Any]]]) -> None: ...  # noqa: D102


class InputCheck:
    """Compares the input with what an earlier run of the job has journaled.

    Attributes:
        mark: All rows below this index are done; of them, the journal has only a hash over their contents.
        end: All rows from this index on are new.
        records: The journal's records of rows from the mark on.
    """

    def __init__(self, checkpoint: Standing, *, journaled: bool) -> None:
        self.mark = checkpoint.mark
        self.records = checkpoint.entries
        self.end = max(self.mark, max(checkpoint.entries, default=-1) + 1)
        self._expected = checkpoint.chain
        self._hash = b""
        self._journaled = journaled

    def digest(self, body: bytes) -> bytes:
        """Return the hash of a row, which nobody needs without a journal."""
        return digest_of(body) if self._journaled else b""

    def difference(self, item: Parcel[Any]) -> str:
        """Return how the input differs from the journal's, up to and with *item*; "" if it does not.

        To be called for each row, in the order of the input.
        """
        if item.index >= self.mark:
            record = self.records.get(item.index)
            return f"row {item.index} differs" if record is not None and record.digest != item.digest else ""
        self._hash = follow(self._hash, item.digest)
        rows = item.index + 1
        return f"one of its first {rows} rows differs" if rows == self.mark and self._hash != self._expected else ""


class RowStore(Generic[R]):
    """Writes rows to a journal that keeps them, before they may be sent.

    Attributes:
        stored: Rows below this index are in the journal.
    """

    def __init__(self, journal: Ledger, adapter: Courier[R, Any], stored: int) -> None:
        self.stored = stored
        self._journal = journal
        self._adapter = adapter
        self._unsaved: list[Parcel[R]] = []
        self._saving = asyncio.Lock()

    def add(self, item: Parcel[R]) -> None:
        """Take a row that is to be written."""
        self._unsaved.append(item)

    @property
    def has_unsaved(self) -> bool:
        """Return True if there are rows to write which no other task is writing."""
        return bool(self._unsaved)

    async def flush(self) -> list[Parcel[R]]:
        """Write rows down; return those that may be sent now. One that could not be read back gets a problem."""
        async with self._saving:
            rows, self._unsaved = self._unsaved, []
            if not rows:
                return []
            for item in rows:
                if not item.packed.problems and not self._round_trips(item):
                    item.packed = evolve(item.packed, problems=(Problem(NOT_ROUND_TRIPPABLE),))
            await self._journal.keep([(item.index, item.packed.body) for item in rows])
            self.stored = rows[-1].index + 1
            return rows

    def load(self, record: Entry) -> Parcel[R]:
        """Return the row of a record."""
        if not record.body:  # it could not even be written as JSON, and the process ended before it said so
            nothing: Any = None
            return Parcel(record.index, nothing, Packed(b"", problems=(Problem(NOT_ROUND_TRIPPABLE),)))
        row = self._adapter.unpack(record.body)
        return Parcel(record.index, row, self._adapter.pack(row, record.index))

    def _round_trips(self, item: Parcel[R]) -> bool:
        try:
            again = self._adapter.pack(self._adapter.unpack(item.packed.body), item.index)
        except Exception:  # noqa: BLE001 - for whatever reason: it cannot
            return False
        return again.body == item.packed.body


class RowReader(Generic[R]):
    """Reads the rows of one job."""

    def __init__(
        self,
        rows: Iterable[R] | AsyncIterable[R],
        *,
        adapter: Courier[R, Any],
        clock: Clock,
        consumer: RowConsumer[R],
        tasks: JobTasks,
        backpressure: Backpressure,
        journal: Ledger | None,
        checkpoint: Standing,
        max_bytes: int,
    ) -> None:
        self._rows = rows
        self._adapter = adapter
        self._clock = clock
        self._consumer = consumer
        self._tasks = tasks
        self._backpressure = backpressure
        self._check = InputCheck(checkpoint, journaled=journal is not None)
        stores_rows = journal is not None and journal.keeps
        self._store = RowStore(journal, adapter, self._check.end) if journal is not None and stores_rows else None
        self._max_bytes = max_bytes
        self._next = 0
        self._interrupted: list[Parcel[R]] = []
        self._refused: list[tuple[Parcel[R], Outcome[Any]]] = []

    @property
    def rows_stored(self) -> int:
        """Return the index below which all rows are in the journal; 0 if the journal does not keep rows."""
        return self._store.stored if self._store is not None else 0

    async def run(self) -> None:
        """Read all rows; an error of the caller's iterable ends the job and reaches the caller as it is."""
        take, close = _next_and_close(self._rows)
        try:
            if self._store is not None and not await self._replay_stored(self._store):
                return
            while await self._read_chunk(take):
                await self.flush()
                if self._interrupted and self._next >= self._check.end:
                    self._reconcile_interrupted()
                await self._clock.sleep(0)
            await self.save()
            await self._finish()
        finally:
            await close()

    async def _read_chunk(self, take: Callable[[], Awaitable[R]]) -> bool:
        """Read a few rows, as far as there is capacity; False at the end of the input, or of the job."""
        if not self._backpressure.capacity():
            await self._wait_for_capacity()
        stopping = self._tasks.stopping
        for _ in range(min(CHUNK_ROWS, self._backpressure.capacity())):
            try:
                row = await take()
            except StopAsyncIteration:
                return False
            except Exception as error:  # noqa: BLE001 - whatever the caller's iterable raises is the caller's
                await self.save()
                self._tasks.abort(error)
                return False
            item = Parcel(self._next, row, self._adapter.pack(row, self._next))
            self._next += 1
            if self._store is not None:
                self._store.add(item)
            if stopping.is_set() or not (self._store is not None or self._submit(item)):
                return False
        return not stopping.is_set()

    async def _wait_for_capacity(self) -> None:
        await self.flush()
        self._reconcile_interrupted()
        self._backpressure.reader_waiting = True
        self._consumer.dispatch(flush=True)
        try:
            await self._backpressure.wait_for_capacity()
        finally:
            self._backpressure.reader_waiting = False

    # -- a journal that keeps rows -------------------------------------------------------------------------------------

    async def save(self) -> None:
        """Have the rows that were read written down, then submit them."""
        if self._store is not None:
            for item in await self._store.flush():
                self._submit(item)

    async def _replay_stored(self, store: RowStore[R]) -> bool:
        """Submit the rows that an earlier run has read and not finished; False if that ended the job."""
        check = self._check
        self._backpressure.count_finished_before(check.mark)
        for index in range(check.mark, check.end):
            record = check.records[index]
            if record.state == "done":
                self._pass_by(record, store.load(record) if record.id and record.body else None)
            elif self._tasks.stopping.is_set() or not self._submit(store.load(record)):
                return False
        self._next = self._backpressure.rows_read
        await self.flush()
        self._reconcile_interrupted()
        return True

    # -- one row -------------------------------------------------------------------------------------------------------

    def _submit(self, item: Parcel[R]) -> bool:
        """Pass one row on; False if it ended the job, since it is not the row that the journal knows."""
        check = self._check
        item.digest = check.digest(item.packed.body)
        if difference := check.difference(item):
            return self._abort_input_changed(difference)
        if item.index < check.mark:
            self._backpressure.count_finished_before()
            return True
        record = check.records.get(item.index)
        if record is not None and record.state == "done":
            self._pass_by(record, item)
            return True
        self._backpressure.rows_read += 1
        was_sent = record is not None and record.state != "new"
        problems = () if was_sent else self._problems_of(item.packed)
        if problems:
            self._consumer.activate(item)
            self._refused.append((item, outcome_of(item, "rejected", Receipt("rejected", problems=problems))))
            return True
        if record is not None and was_sent:
            _restore(item, record)
        # A row that has been sent must not wait for those that bring the other names now: -1 stands for all names.
        if self._consumer.enqueue(item, record.brings if record is not None and was_sent else -1):
            if item.maybe:
                self._interrupted.append(item)
            else:
                self._consumer.push_ready((item,))
        return True

    def _problems_of(self, packed: Packed) -> tuple[Problem, ...]:
        """Return why a row is not sent; nothing if it may be."""
        if len(packed.body) + 2 > self._max_bytes and not packed.problems:
            return (Problem(f"the row has {len(packed.body)} bytes; a request may have {self._max_bytes}"),)
        return tuple(packed.problems)

    def _pass_by(self, record: Entry, item: Parcel[R] | None) -> None:
        """Count a row whose outcome an earlier run has given."""
        self._backpressure.count_finished_before()
        if record.id:
            self._consumer.restore(record, item)

    def _abort_input_changed(self, how: str) -> bool:
        self._tasks.abort(ConfigurationError(INPUT_CHANGED.format(how)))
        return False

    # -- rows to the scheduler -----------------------------------------------------------------------------------------

    async def flush(self, *, flush: bool = False) -> None:
        """Give refused rows their outcome and send what is ready; if *flush*, incomplete batches too."""
        if self._store is not None and self._store.has_unsaved:
            await self.save()
        if self._refused:
            refused, self._refused = self._refused, []
            with self._tasks.work():
                await self._consumer.finish(refused)
        self._consumer.dispatch(flush=flush)

    def _reconcile_interrupted(self) -> None:
        """Reconcile rows that a killed run had sent: the server may still be at work on them, counted from now.

        Not from the time in the journal: between that record and the first byte lies the wait for a slot and for the
        rate limit, up to an hour.
        """
        by_step: dict[str, list[Parcel[R]]] = {}
        for item in self._interrupted:
            by_step.setdefault(item.step, []).append(item)
        self._interrupted = []
        for items in by_step.values():
            self._consumer.reconcile_interrupted(items)

    async def _finish(self) -> None:
        if self._tasks.stopping.is_set():
            return
        rows = self._backpressure.rows_read
        if rows < self._check.end:
            self._abort_input_changed(f"it ends after {rows} rows")
            return
        await self.flush()
        self._reconcile_interrupted()
        self._consumer.end_input()


def _restore(item: Parcel[Any], record: Entry) -> None:
    item.step = record.step
    item.known = dict(record.known)
    item.id = record.id
    item.tries = item.sends = record.tries
    item.since = record.since
    item.so_far = record.so_far or None  # type: ignore[assignment]  # the journal holds what we wrote
    item.maybe = item.uncertain = record.state == "sent"


def _next_and_close(
    rows: Iterable[R] | AsyncIterable[R],
) -> tuple[Callable[[], Awaitable[R]], Callable[[], Awaitable[object]]]:
    """Return how to read the next row, and how to close the iterable."""
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
