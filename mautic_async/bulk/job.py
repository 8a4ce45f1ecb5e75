"""The bulk job that the caller holds: ``async with ... as job: async for outcome in job``."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sized
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from mautic_async._background import BackgroundTasks
from mautic_async.bulk.dead_letters import DeadLetters
from mautic_async.bulk.options import BulkOptions
from mautic_async.bulk.outcomes import BulkReport, Outcome, Progress
from mautic_async.bulk.reader import RowReader
from mautic_async.bulk.scheduler import Scheduler
from mautic_async.bulk.timeline import RowRate, Timeline, TimelinePoint
from mautic_async.clock import Clock
from mautic_async.errors import ConfigurationError
from mautic_async.journal.records import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType
    from typing import Self

    from mautic_async.bulk.adapter import BulkAdapter
    from mautic_async.bulk.tasks import JobTasks
    from mautic_async.journal.records import JobJournal

R = TypeVar("R")
E = TypeVar("E")

PROGRESS_INTERVAL: Final = 0.5
"""Seconds between two calls of the caller's progress callback."""

FLUSH_ANYWAY: Final = 60
"""After so many times `BulkOptions.flush_after` an incomplete batch of a fast input is sent, too."""

NOT_ENTERED: Final = "the bulk job has not been entered: write ``async with ... as job``, or await it"

NOT_READ: Final = (
    "the bulk job was left before any outcome was read, so not all of its rows were sent: "
    "write ``async for outcome in job`` inside ``async with``, or await the job instead of entering it"
)
NEVER_RUN: Final = "the bulk job was never run, so no row was sent: await it, or enter it with ``async with``"


class _Stage(IntEnum):
    """The progress of the caller through a job."""

    CREATED = 0
    ENTERED = 1
    READ = 2
    """The caller has asked for an outcome."""
    FAILED = 3
    """The error that ended the job has been raised by the loop."""


class BulkJob(Generic[R, E]):
    """One bulk job: enter it, iterate its outcomes in the order in which they become known, leave it.

    Leaving early (break, error, cancellation) reads nothing more from the input, gives requests in flight
    `BulkOptions.grace` seconds to end, and ends every task before control returns. An error that ends the job (wrong
    credentials, an error of the caller's own iterable) is raised, not in a group, by the loop, after the outcomes that
    were known by then. Leaving a job before all rows were sent, without having asked for an outcome, is an error.
    A job that is never run warns when it is garbage-collected, as a coroutine does.

    Args:
        adapter: The kind of row.
        rows: Any iterable or async iterable, read only as far as there is capacity.
        options: Bounds of size, concurrency and time.
        clock: Time and randomness.
        journal: Makes a killed job resumable.
    """

    def __init__(
        self,
        adapter: BulkAdapter[R, E],
        rows: Iterable[R] | AsyncIterable[R],
        *,
        options: BulkOptions | None = None,
        clock: Clock | None = None,
        journal: JobJournal | None = None,
    ) -> None:
        self._adapter = adapter
        self._rows = rows
        self._options = options or BulkOptions()
        self._clock = clock or Clock()
        self._journal = journal
        self._scheduler: Scheduler[R, E] | None = None
        self._reader: RowReader[R] | None = None
        self._background = BackgroundTasks()
        self._task: asyncio.Task[None] | None = None
        self._rate = RowRate(self._clock)
        self._timeline = Timeline()
        self._stage = _Stage.CREATED

    def __repr__(self) -> str:
        """Return the state of the job, and the numbers of its rows by outcome."""
        if self._scheduler is None:
            return "<BulkJob not started>"
        state = "running" if not self._rate.is_stopped else "failed" if self._scheduler.tasks.failure else "ended"
        return f"<BulkJob {state}: {self._scheduler.sink.counters}>"

    # -- life ----------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Open the journal, ask the server for what rows are checked against, start the tasks."""
        if self._scheduler is not None:
            raise ConfigurationError("a bulk job can be entered once: call the method again for another one")
        self._stage = _Stage.ENTERED
        self._rate.start()
        # The journal comes first: a job that another process is at work on must not send a single request.
        checkpoint = await self._journal.open() if self._journal is not None else Checkpoint()
        try:
            self._scheduler = await self._prepare(checkpoint)
        except BaseException:
            if self._journal is not None:
                await self._journal.close()
            raise
        scheduler = self._scheduler
        self._reader = RowReader(
            self._rows,
            adapter=self._adapter,
            clock=self._clock,
            consumer=scheduler,
            tasks=scheduler.tasks,
            backpressure=scheduler.backpressure,
            journal=self._journal,
            checkpoint=checkpoint,
            max_bytes=self._options.batch_bytes,
        )
        # A task of its own: when the caller is cancelled, requests in flight still have the grace to end.
        self._task = self._background.spawn(self._run(scheduler, self._reader))
        return self

    def __del__(self, warn: Callable[..., None] = warnings.warn) -> None:
        """Warn about a job that was created and never run."""
        # A default argument, since at interpreter exit the module's globals may be gone.
        if getattr(self, "_stage", None) is _Stage.CREATED:
            warn(NEVER_RUN, RuntimeWarning, stacklevel=2, source=self)

    async def _prepare(self, checkpoint: Checkpoint) -> Scheduler[R, E]:
        job = self._journal.job if self._journal is not None else ""
        await self._adapter.prepare(job)
        path = self._options.dead_letters
        dead_letters = DeadLetters(path, job=job) if path is not None else None
        total = len(self._rows) if isinstance(self._rows, Sized) else None
        return Scheduler(
            self._adapter,
            options=self._options,
            clock=self._clock,
            journal=self._journal,
            dead_letters=dead_letters,
            checkpoint=checkpoint,
            total=total,
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all tasks; a second cancellation cuts the grace short.

        Raises:
            ConfigurationError: The block ended without reading any outcome, and not all rows were sent.
            MauticError: The job as a whole could not go on, and the loop has not raised that error.
        """
        assert self._scheduler is not None  # noqa: S101 - entered
        assert self._task is not None  # noqa: S101 - entered
        tasks, task = self._scheduler.tasks, self._task
        tasks.stopping.set()
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
        if kind is None and tasks.failure is not None and self._stage is not _Stage.FAILED:
            raise tasks.failure

    async def _run(self, scheduler: Scheduler[R, E], reader: RowReader[R]) -> None:
        """Run all tasks of the job, from the first to the last."""
        tasks = scheduler.tasks
        try:
            async with asyncio.TaskGroup() as group:
                tasks.start(group)
                tasks.spawn(reader.run())
                tasks.spawn(self._flush_periodically(reader))
                if self._options.on_progress is not None:
                    tasks.spawn(self._report_progress())
                await tasks.stopping.wait()
                # Rows that were read and not journaled yet are saved now; a source that cannot be
                # read twice would lose them.
                await reader.save()
                await self._drain(tasks)
                # What still runs is waiting, or has outlived the grace; `_close` accounts for its rows.
                tasks.cancel_all()
        except* Exception as group_error:  # noqa: BLE001 - a bug in an adapter, or a full disk: the caller must see it
            if tasks.failure is None:
                tasks.failure = _first_error(group_error)
        finally:
            await self._close(scheduler)

    async def _drain(self, tasks: JobTasks) -> None:
        """Wait for requests in flight, for the grace at most."""
        if not tasks.busy:
            return
        try:
            async with asyncio.timeout(self._options.grace):
                await tasks.idle.wait()
        except TimeoutError:
            return

    async def _close(self, scheduler: Scheduler[R, E]) -> None:
        """Account for every row that was read, close the files, wake the caller."""
        scheduler.tasks.stopping.set()
        complete = scheduler.account_for_rest()
        if not complete and self._stage is _Stage.ENTERED and scheduler.tasks.failure is None:
            # `__aexit__` raises it, unless the block has ended with an error of its own.
            scheduler.tasks.failure = ConfigurationError(NOT_READ)
        self._rate.stop()
        try:
            await scheduler.sink.close(complete=complete)
        except Exception as error:  # noqa: BLE001 - the caller must see a full disk, even at the very end
            # The first error is the cause; an error while closing is mostly its consequence.
            scheduler.tasks.failure = scheduler.tasks.failure or error
        finally:
            self._sample(scheduler, is_last=True)
            # The loop of the caller may wait for an outcome that never comes; it sees that the job has stopped.
            scheduler.sink.outcomes_ready.set()
            if self._options.on_progress is not None:
                self._options.on_progress(self.progress)

    async def _flush_periodically(self, reader: RowReader[R]) -> None:
        """Send the rows of a slow input in incomplete batches, and take a sample of the job."""
        assert self._scheduler is not None  # noqa: S101 - entered
        ticks, rows = 0, 0
        while True:
            await self._clock.sleep(self._options.flush_after)
            ticks, before, rows = ticks + 1, rows, self._scheduler.backpressure.rows_read
            # A fast input completes the batch by itself, also where most of its rows need not be sent.
            is_slow = rows - before < self._scheduler.pacing.batch.size
            await reader.flush(flush=is_slow or ticks % FLUSH_ANYWAY == 0)
            self._sample(self._scheduler)

    def _sample(self, scheduler: Scheduler[R, E], *, is_last: bool = False) -> None:
        counters, pacing = scheduler.sink.counters, scheduler.pacing
        rows = sum(counters.counts.values())
        point = TimelinePoint(
            self._rate.seconds, rows, pacing.batch.size, pacing.concurrency.size, round(counters.waited, 3)
        )
        self._timeline.add(point, is_last=is_last)

    async def _report_progress(self) -> None:
        assert self._options.on_progress is not None  # noqa: S101 - asked before
        while True:
            self._options.on_progress(self.progress)
            await self._clock.sleep(PROGRESS_INTERVAL)

    # -- outcomes ------------------------------------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        """Return the job itself: every outcome is given once."""
        return self

    async def __anext__(self) -> Outcome[E]:
        """Return the next outcome.

        Raises:
            MauticError: The job as a whole could not go on; outcomes known before were given first.
        """
        scheduler = self._scheduler
        if scheduler is None:
            self._stage = _Stage.ENTERED  # this error says it already, so `__del__` need not warn
            raise ConfigurationError(NOT_ENTERED)
        self._stage = max(self._stage, _Stage.READ)
        sink, tasks = scheduler.sink, scheduler.tasks
        while not sink.outcomes:
            # All outcomes that were known are given before the error that ended the job is raised.
            if self._rate.is_stopped:
                if tasks.failure is not None and self._stage is not _Stage.FAILED:
                    self._stage = _Stage.FAILED
                    raise tasks.failure
                raise StopAsyncIteration
            sink.outcomes_ready.clear()
            await sink.outcomes_ready.wait()
        # Taking an outcome frees room for one more row, so a caller that stops reading stops the source.
        scheduler.backpressure.outcomes_consumed += 1
        scheduler.backpressure.wake_reader()
        return sink.outcomes.popleft()

    def check(self) -> AsyncIterator[Outcome[E]]:
        """Check every row as the job would before sending it, and send none; instead of entering the job.

        The server is asked for what rows are checked against, such as its fields.

        Yields:
            For each row an outcome: ``rejected`` with its problems, or ``updated`` if it is fit to be sent.

        Raises:
            MauticError: The server could not be asked.
        """
        return self._check_with(self._adapter)

    async def _check_with(self, adapter: BulkAdapter[R, E]) -> AsyncIterator[Outcome[E]]:
        self._stage = _Stage.ENTERED
        await adapter.prepare("")
        async for index, row in _enumerate(self._rows):
            problems = adapter.encode(row, index).problems
            yield Outcome(index, "rejected" if problems else "updated", problems=tuple(problems))

    def __await__(self) -> Generator[Any, None, BulkReport]:
        """Run the job to its end and return its report, for callers that do not need the outcomes.

        Raises:
            MauticError: The job as a whole could not go on.
        """
        return self._run_to_end().__await__()

    async def _run_to_end(self) -> BulkReport:
        async with self:
            async for _ in self:
                pass
        return self.report

    # -- numbers -------------------------------------------------------------------------------------------------------

    @property
    def report(self) -> BulkReport:
        """The numbers of the job so far, or the final ones."""
        if self._scheduler is None:
            return BulkReport(guarantee=self._adapter.guarantee)
        return self._scheduler.sink.counters.make_report(
            seconds=self._rate.seconds,
            guarantee=self._adapter.guarantee,
            resumable=self._journal is not None and self._journal.durable,
            timeline=self._timeline.points,
        )

    @property
    def rows_journaled(self) -> int:
        """The index below which every row is in the journal on disk, or done: a killed job goes on with them.

        A queue's consumer may acknowledge these rows, and must keep the later ones. Indices count from the first row
        of the job, also after a resumption, when this is the index of the first row that the source has to give.
        Always 0 before the job is entered and with a journal that keeps no rows (``payload="reference"``).
        """
        return self._reader.rows_stored if self._reader is not None else 0

    @property
    def progress(self) -> Progress:
        """A snapshot of the job on its way.

        Raises:
            ConfigurationError: The job has not been entered.
        """
        scheduler = self._scheduler
        if scheduler is None:
            raise ConfigurationError(NOT_ENTERED)
        now = self._clock.monotonic()
        report = self.report
        backpressure, in_flight = scheduler.backpressure, scheduler.sender.in_flight.values()
        return Progress(
            report=report,
            taken=backpressure.rows_read,
            total=backpressure.total,
            sending=sum(rows for _, rows in in_flight),
            awaiting_check=backpressure.awaiting_reconcile,
            waiting=scheduler.ordering.waiting,
            rate=self._rate.sample(report.read),
            concurrency=scheduler.pacing.concurrency.size,
            batch=scheduler.pacing.batch.size,
            oldest=now - min((sent_at for sent_at, _ in in_flight), default=now),
            paused=max(0.0, scheduler.slots.paused_until - now),
            budget=self._adapter.rate_limit(),
        )


async def _enumerate(rows: Iterable[R] | AsyncIterable[R]) -> AsyncIterator[tuple[int, R]]:
    """Yield the rows with their indices, and let other tasks run now and then."""
    index = 0
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield index, row
            index += 1
        return
    for index, row in enumerate(rows):
        yield index, row
        if index % 256 == 0:
            await asyncio.sleep(0)


def _first_error(group: BaseExceptionGroup[Any]) -> BaseException:
    """Return the first error of a group that is no group itself."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
