"""Reads rows from the caller's source into the job: encodes them and compares them with the journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from attrs import evolve

from mautic_async.bulk.adapter import RowResult, outcome_of
from mautic_async.bulk.items import EarlierSteps, EncodedRow, WorkItem
from mautic_async.bulk.ordering import ALL_NAMES
from mautic_async.bulk.outcomes import Outcome
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.journal.records import RecordState, extend_hash, row_hash

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from mautic_async.bulk.adapter import BulkAdapter
    from mautic_async.bulk.backpressure import Backpressure
    from mautic_async.bulk.tasks import JobTasks
    from mautic_async.clock import Clock
    from mautic_async.journal.records import Checkpoint, JobJournal, RowRecord

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
    """The part of the scheduler that the reader uses."""

    def enqueue(self, item: WorkItem[R], creates: int) -> bool: ...  # noqa: D102 - see Scheduler
    def push_ready(self, items: Iterable[WorkItem[R]]) -> None: ...  # noqa: D102
    def activate(self, item: WorkItem[R]) -> None: ...  # noqa: D102
    def restore(self, record: RowRecord, item: WorkItem[R] | None) -> None: ...  # noqa: D102
    def reconcile_interrupted(self, items: Sequence[WorkItem[R]]) -> None: ...  # noqa: D102
    def end_input(self) -> None: ...  # noqa: D102
    def dispatch(self, *, flush: bool = False) -> None: ...  # noqa: D102
    async def finish(self, finished: Sequence[tuple[WorkItem[R], Outcome[Any]]]) -> None: ...  # noqa: D102


class InputCheck:
    """The comparison of the input with what an earlier run of the job has journaled.

    Attributes:
        watermark: All rows below this index are done; of them, the journal has only a hash over their contents.
        end: All rows from this index on are new.
        records: The journal's records of rows from the watermark on.
    """

    def __init__(self, checkpoint: Checkpoint, *, journaled: bool) -> None:
        self.watermark: int = checkpoint.watermark
        self.records = checkpoint.records
        self.end: int = max(self.watermark, max(checkpoint.records, default=-1) + 1)
        self._expected = checkpoint.input_hash
        self._hash = b""
        self._journaled = journaled

    def digest(self, body: bytes) -> bytes:
        """Return the hash of a row; b"" without a journal, which would be its only use."""
        return row_hash(body) if self._journaled else b""

    def difference(self, item: WorkItem[Any]) -> str:
        """Return the difference, in words, of the input up to and with *item* from that of the journal; "" if none.

        To be called for each row, in the order of the input.
        """
        if item.index >= self.watermark:
            record = self.records.get(item.index)
            return f"row {item.index} differs" if record is not None and record.row_hash != item.row_hash else ""
        self._hash = extend_hash(self._hash, item.row_hash)
        rows = item.index + 1
        return (
            f"one of its first {rows} rows differs" if rows == self.watermark and self._hash != self._expected else ""
        )


class RowStore(Generic[R]):
    """The writer of rows to a journal that keeps them, before they may be sent.

    Attributes:
        stored: Rows below this index are in the journal.
    """

    def __init__(self, journal: JobJournal, adapter: BulkAdapter[R, Any], checkpoint: Checkpoint, stored: int) -> None:
        self.stored: int = stored
        self._journal = journal
        self._adapter = adapter
        self._bodies = checkpoint.rows
        self._unsaved: list[WorkItem[R]] = []
        self._saving = asyncio.Lock()

    def add(self, item: WorkItem[R]) -> None:
        """Add a row to those that are to be written."""
        self._unsaved.append(item)

    @property
    def has_unsaved(self) -> bool:
        """True if there are rows to write that no other task is writing."""
        return bool(self._unsaved)

    async def flush(self) -> list[WorkItem[R]]:
        """Write rows; return those that may be sent now. A row that could not be read back gets a problem."""
        # One writer at a time, so that rows reach the journal, and then the queues, in the order of the input.
        async with self._saving:
            rows, self._unsaved = self._unsaved, []
            if not rows:
                return []
            for item in rows:
                if not item.encoded.problems and not self._round_trips(item):
                    item.encoded = evolve(item.encoded, problems=(Problem(NOT_ROUND_TRIPPABLE),))
            await self._journal.store_rows([(item.index, item.encoded.body) for item in rows])
            # Set after the write has returned: a queue's consumer acknowledges rows by this number.
            self.stored = rows[-1].index + 1
            return rows

    def load(self, record: RowRecord) -> WorkItem[R]:
        """Return the row of a record."""
        body = self._bodies.get(record.index)
        if not body:  # it could not even be written as JSON, and the process ended before its outcome was recorded
            nothing: Any = None
            return WorkItem(record.index, nothing, EncodedRow(b"", problems=(Problem(NOT_ROUND_TRIPPABLE),)))
        row = self._adapter.decode(body)
        return WorkItem(record.index, row, self._adapter.encode(row, record.index))

    def is_stored(self, record: RowRecord) -> bool:
        """Return True if an earlier run has kept the row of *record*."""
        return bool(self._bodies.get(record.index))

    def _round_trips(self, item: WorkItem[R]) -> bool:
        try:
            # Proven for each row when it is written: after a crash it would be too late to find out.
            again = self._adapter.encode(self._adapter.decode(item.encoded.body), item.index)
        except Exception:  # noqa: BLE001 - any error means that the row cannot be read back
            return False
        return again.body == item.encoded.body


class RowReader(Generic[R]):
    """The reader of the rows of one job."""

    def __init__(
        self,
        rows: Iterable[R] | AsyncIterable[R],
        *,
        adapter: BulkAdapter[R, Any],
        clock: Clock,
        consumer: RowConsumer[R],
        tasks: JobTasks,
        backpressure: Backpressure,
        journal: JobJournal | None,
        checkpoint: Checkpoint,
        max_bytes: int,
    ) -> None:
        self._rows = rows
        self._adapter = adapter
        self._clock = clock
        self._consumer = consumer
        self._tasks = tasks
        self._backpressure = backpressure
        self._check = InputCheck(checkpoint, journaled=journal is not None)
        stores_rows = journal is not None and journal.stores_rows
        self._store: RowStore[R] | None = None
        if journal is not None and stores_rows:
            self._store = RowStore(journal, adapter, checkpoint, self._check.end)
        self._max_bytes = max_bytes
        self._next = 0
        self._interrupted: list[WorkItem[R]] = []
        self._not_sent: list[tuple[WorkItem[R], Outcome[Any]]] = []

    @property
    def rows_stored(self) -> int:
        """The index below which all rows are in the journal; 0 if the journal does not keep rows."""
        return self._store.stored if self._store is not None else 0

    async def run(self) -> None:
        """Read all rows; an error of the caller's iterable ends the job and reaches the caller as it is."""
        take, close = _next_and_close(self._rows)
        try:
            if self._store is not None and not await self._replay_stored(self._store):
                return
            # After each chunk other tasks get a turn: a plain iterable never awaits, so it would starve all requests.
            while await self._read_chunk(take):
                await self.flush()
                if self._interrupted and self._next >= self._check.end:
                    self._reconcile_interrupted()
                await self._clock.sleep(0)
            await self.save()
            await self._finish()
        finally:
            # Also after an error or a cancellation, so that an async generator of the caller runs its ``finally``.
            await close()

    async def _read_chunk(self, take: Callable[[], Awaitable[R]]) -> bool:
        """Read a few rows, as far as there is capacity; return False at the end of the input, or of the job."""
        if not self._backpressure.capacity():
            await self._wait_for_capacity()
        stopping = self._tasks.stopping
        for _ in range(min(CHUNK_ROWS, self._backpressure.capacity())):
            try:
                row = await take()
            except StopAsyncIteration:
                return False
            except Exception as error:  # noqa: BLE001 - any error of the caller's iterable reaches the caller
                await self.save()
                self._tasks.abort(error)
                return False
            item = WorkItem(self._next, row, self._adapter.encode(row, self._next))
            self._next += 1
            if self._store is not None:
                self._store.add(item)
            # With a store the row is submitted by `flush`, after it has been written.
            if stopping.is_set() or not (self._store is not None or self._submit(item)):
                return False
        return not stopping.is_set()

    async def _wait_for_capacity(self) -> None:
        await self.flush()
        self._reconcile_interrupted()
        # While this is set, incomplete batches are sent: no further row can come to complete them.
        self._backpressure.reader_waiting = True
        self._consumer.dispatch(flush=True)
        try:
            await self._backpressure.wait_for_capacity()
        finally:
            self._backpressure.reader_waiting = False

    # -- a journal that keeps rows -------------------------------------------------------------------------------------

    async def save(self) -> None:
        """Write the rows that were read to a journal that keeps rows, then submit them."""
        if self._store is not None:
            for item in await self._store.flush():
                self._submit(item)

    async def _replay_stored(self, store: RowStore[R]) -> bool:
        """Submit the rows that an earlier run has read and not finished; return False if that ended the job."""
        check = self._check
        self._backpressure.count_finished_before(check.watermark)
        for index in range(check.watermark, check.end):
            record = check.records[index]
            if record.state is RecordState.DONE:
                self._pass_by(record, store.load(record) if record.id and store.is_stored(record) else None)
            elif self._tasks.stopping.is_set() or not self._submit(store.load(record)):
                return False
        self._next = self._backpressure.rows_read
        await self.flush()
        self._reconcile_interrupted()
        return True

    # -- one row -------------------------------------------------------------------------------------------------------

    def _submit(self, item: WorkItem[R]) -> bool:
        """Pass one row on; return False if it ended the job, since it is not the row that the journal knows."""
        check = self._check
        item.row_hash = check.digest(item.encoded.body)
        if difference := check.difference(item):
            return self._abort_input_changed(difference)
        if item.index < check.watermark:
            self._backpressure.count_finished_before()
            return True
        record = check.records.get(item.index)
        if record is not None and record.state is RecordState.DONE:
            self._pass_by(record, item)
            return True
        self._backpressure.rows_read += 1
        if record is not None and record.state is not RecordState.PENDING:
            # It has been sent, so it must not wait for rows that bring other names of its own now.
            _restore_item(item, record)
            self._enqueue(item, record.creates_mask)
        elif (outcome := self._outcome_without_sending(item)) is not None:
            self._consumer.activate(item)
            self._not_sent.append((item, outcome))
        else:
            self._enqueue(item, ALL_NAMES)
        return True

    def _enqueue(self, item: WorkItem[R], creates: int) -> None:
        if self._consumer.enqueue(item, creates):
            if item.sends.may_be_stored:
                self._interrupted.append(item)
            else:
                self._consumer.push_ready((item,))

    def _outcome_without_sending(self, item: WorkItem[R]) -> Outcome[Any] | None:
        """Return the outcome of a row that is rejected here or stored already; None if it is to be sent."""
        encoded = item.encoded
        problems = tuple(encoded.problems)
        # Two bytes for the brackets of the list that holds the row alone.
        if len(encoded.body) + 2 > self._max_bytes and not problems:
            problems = (Problem(f"the row has {len(encoded.body)} bytes; a request may have {self._max_bytes}"),)
        if problems:
            return outcome_of(item, "rejected", RowResult("rejected", problems=problems))
        return Outcome(item.index, "unchanged", encoded.id) if encoded.is_stored else None

    def _pass_by(self, record: RowRecord, item: WorkItem[R] | None) -> None:
        """Count a row whose outcome an earlier run has given."""
        self._backpressure.count_finished_before()
        if record.id:
            self._consumer.restore(record, item)

    def _abort_input_changed(self, difference: str) -> bool:
        self._tasks.abort(ConfigurationError(INPUT_CHANGED.format(difference)))
        return False

    # -- rows to the scheduler -----------------------------------------------------------------------------------------

    async def flush(self, *, flush: bool = False) -> None:
        """Give rows that are not sent their outcome, and send what is ready; if *flush*, incomplete batches too."""
        if self._store is not None and self._store.has_unsaved:
            await self.save()
        if self._not_sent:
            not_sent, self._not_sent = self._not_sent, []
            with self._tasks.work():
                await self._consumer.finish(not_sent)
        self._consumer.dispatch(flush=flush)

    def _reconcile_interrupted(self) -> None:
        """Reconcile rows that a killed run had sent: the server may still be at work on them.

        The wait counts from now, not from the time in the journal: between that record and the first byte lies the wait
        for the rate limit, up to an hour.
        """
        by_step: dict[str, list[WorkItem[R]]] = {}
        for item in self._interrupted:
            by_step.setdefault(item.step, []).append(item)
        self._interrupted = []
        for items in by_step.values():
            self._consumer.reconcile_interrupted(items)

    async def _finish(self) -> None:
        if self._tasks.stopping.is_set():
            return
        rows = self._backpressure.rows_read
        # The journal knows more rows than the input has, so this is not the input that it was begun with.
        if rows < self._check.end:
            self._abort_input_changed(f"it ends after {rows} rows")
            return
        await self.flush()
        self._reconcile_interrupted()
        self._consumer.end_input()


def _restore_item(item: WorkItem[Any], record: RowRecord) -> None:
    item.step = record.step
    item.facts = dict(record.facts)
    item.id = record.id
    if record.partial_status:
        item.earlier = EarlierSteps(status=record.partial_status)  # type: ignore[arg-type]  # the journal holds statuses
    sends = item.sends
    sends.attempts = sends.total = record.attempts
    sends.first_at = record.first_sent_at
    # The record says only that sending began; whether the request left, and what it did, is not known.
    sends.may_be_stored = sends.had_unknown_outcome = record.state is RecordState.SENT


def _next_and_close(
    rows: Iterable[R] | AsyncIterable[R],
) -> tuple[Callable[[], Awaitable[R]], Callable[[], Awaitable[object]]]:
    """Return two functions: one that returns the next row, one that closes the iterable."""
    if isinstance(rows, AsyncIterable):
        source: AsyncIterator[R] = aiter(rows)
        return source.__anext__, getattr(source, "aclose", _no_op)
    plain = iter(rows)

    async def take() -> R:
        try:
            return next(plain)
        except StopIteration:
            raise StopAsyncIteration from None

    return take, _no_op


async def _no_op() -> None:
    pass
