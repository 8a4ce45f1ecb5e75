"""The stage around a bulk job that sends only what has changed: an adapter and a journal around the job's own.

The adapter marks rows that are stored already. The journal learns what is about to be sent and what became of it, which
is all that the state needs; the scheduler does not know of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import evolve

from mautic_async.bulk import BatchResult, BulkJob, BulkOptions, BulkReport, Outcome
from mautic_async.clock import Clock
from mautic_async.journal.records import Checkpoint

if TYPE_CHECKING:
    from mautic_async.bulk import BulkAdapter, EncodedRow, RateLimitStatus, WorkItem
    from mautic_async.journal.records import JobJournal, RowRecord
    from mautic_async.sync.run import SyncRun

R = TypeVar("R")
E = TypeVar("E")


class SyncAdapter(Generic[R, E]):
    """A `BulkAdapter` whose rows know whether they are stored already."""

    def __init__(self, adapter: BulkAdapter[R, E], run: SyncRun, clock: Clock) -> None:
        self.max_rows: int = adapter.max_rows
        self._adapter = adapter
        self._run = run
        self._clock = clock

    @property
    def guarantee(self) -> str:
        """The guarantee of the adapter."""
        return self._adapter.guarantee

    @property
    def requests_left(self) -> int | None:
        """The most requests that the job still needs."""
        return self._adapter.requests_left

    @requests_left.setter
    def requests_left(self, requests: int | None) -> None:
        self._adapter.requests_left = requests

    async def prepare(self, job: str) -> None:
        """Prepare the adapter, then ask Mautic what has changed there, if that is wanted."""
        await self._adapter.prepare(job)
        # After the adapter is prepared and before the first row is encoded, which is when rows are compared.
        await self._run.note_drift(self._clock.wall_time())

    def encode(self, row: R, index: int) -> EncodedRow:
        """Encode a row, and mark one that is stored already."""
        return self._run.place(index, self._adapter.encode(row, index))

    def decode(self, body: bytes) -> Any:
        """Return the row that was encoded as *body*."""
        return self._adapter.decode(body)

    def idempotent_part(self, row: Any) -> Any:
        """Return *row* without what a second sending would add once more."""
        return self._adapter.idempotent_part(row)

    async def send(self, step: str, batch: Sequence[WorkItem[Any]]) -> BatchResult[E]:
        """Send one batch, and note when the server says that its contacts were changed."""
        return self._note_changes(batch, await self._adapter.send(step, batch))

    async def look_up(self, step: str, batch: Sequence[WorkItem[Any]]) -> BatchResult[E]:
        """Look rows up, and note when the server says that their contacts were changed."""
        return self._note_changes(batch, await self._adapter.look_up(step, batch))

    def _note_changes(self, batch: Sequence[WorkItem[Any]], answer: BatchResult[E]) -> BatchResult[E]:
        for item, result in zip(batch, answer.results, strict=True):
            self._run.note_change(item.index, result.changed_at)
        return answer

    def rate_limit(self) -> RateLimitStatus | None:
        """Return what is left of the rate limit."""
        return self._adapter.rate_limit()


class SyncJournal:
    """A `JobJournal` that keeps the state in step, around the caller's journal or none."""

    def __init__(self, journal: JobJournal | None, run: SyncRun, clock: Clock) -> None:
        self.job: str = journal.job if journal is not None else ""
        self.durable: bool = journal is not None and journal.durable
        self.stores_rows: bool = journal is not None and journal.stores_rows
        self._journal = journal
        self._run = run
        self._clock = clock

    async def open(self) -> Checkpoint:
        """Open the state, then the journal."""
        await self._run.open(self._clock.wall_time())
        try:
            # If the journal cannot be opened, the lock of the state must not outlive the job.
            checkpoint = await self._journal.open() if self._journal is not None else Checkpoint()
        except BaseException:
            await self._run.close()
            raise
        if self._journal is not None:
            self._run.resume(checkpoint, rows_are_replayed=self.stores_rows)
        return checkpoint

    async def store_rows(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Write the rows themselves into the journal."""
        if self._journal is not None:
            await self._journal.store_rows(rows)

    async def record_sending(self, records: Sequence[RowRecord]) -> None:
        """Write that rows are about to be sent, into the state first."""
        # A kill between the two leaves a row unknown in the state and unsent in the journal: it is sent once more.
        await self._run.mark_sending(record.index for record in records)
        if self._journal is not None:
            await self._journal.record_sending(records)

    async def record_outcomes(
        self, records: Sequence[RowRecord], before_commit: Callable[[], None] | None = None
    ) -> None:
        """Write what became of rows, into the journal first: a row that is done there may be sent once too often."""
        if self._journal is not None:
            await self._journal.record_outcomes(records, before_commit)
        elif before_commit is not None:
            before_commit()
        await self._run.mark_done(records)

    async def load_facts(self, facts_keys: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return what earlier runs learned under these names."""
        return await self._journal.load_facts(facts_keys) if self._journal is not None else {}

    async def mark_complete(self) -> None:
        """Note the end of the input in the state, then in the journal."""
        # A kill between the two repeats both: the journal still holds the run, whose rows are all done.
        await self._run.finish()
        if self._journal is not None:
            await self._journal.mark_complete()

    async def close(self) -> None:
        """Release both files."""
        try:
            if self._journal is not None:
                await self._journal.close()
        finally:
            await self._run.close()


class SyncJob(BulkJob[R, E]):
    """A bulk job that sends only what differs from its `SyncState`."""

    def __init__(
        self,
        adapter: BulkAdapter[R, E],
        rows: Iterable[R] | AsyncIterable[R],
        run: SyncRun,
        *,
        options: BulkOptions,
        clock: Clock,
        journal: JobJournal | None,
    ) -> None:
        super().__init__(
            SyncAdapter(adapter, run, clock),
            rows,
            options=options,
            clock=clock,
            journal=SyncJournal(journal, run, clock),
        )
        self._run_of_state = run
        self._sent_adapter = adapter

    def check(self) -> AsyncIterator[Outcome[E]]:
        """Check every row as the job would before sending it, whether it is stored or not; the state is not read."""
        return self._check_with(self._sent_adapter)

    @property
    def report(self) -> BulkReport:
        """The numbers of the job, with what has vanished from the input."""
        return evolve(super().report, vanished=self._run_of_state.vanished)
