"""A bulk job as its caller holds it: ``async with ... as run: async for outcome in run``."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sized
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from mautic_async._background import Flights
from mautic_async.bulk.dead_letters import DeadLetters
from mautic_async.bulk.options import Plan
from mautic_async.bulk.outcomes import Outcome, Progress, Report
from mautic_async.bulk.reader import Intake
from mautic_async.bulk.scheduler import Engine
from mautic_async.clock import Clock
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.journal.records import Standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable
    from types import TracebackType
    from typing import Self

    from mautic_async.bulk.adapter import Courier
    from mautic_async.journal.records import Ledger

R = TypeVar("R")
E = TypeVar("E")

TICK: Final = 0.5
"""Seconds between two calls of the caller's progress callback."""

MEMORY: Final = 10.0
"""Seconds over which the rate of a `Progress` is taken."""

CUT_SHORT: Final = Problem("the job ended before Mautic's answer came; it may be stored")


class Run(Generic[R, E]):
    """One bulk job: enter it, iterate its outcomes in the order in which they become known, leave it.

    Leaving early (break, error, cancellation) takes nothing new from the input, gives requests under way the plan's
    grace to land, and ends every task before control returns. What dooms the job (wrong credentials, an error of the
    caller's own iterable) is raised, bare, at the loop, after the outcomes that were known by then.

    Args:
        courier: Knows the rows and the server.
        rows: Any iterable or async iterable. Taken from only as far as there is room.
        plan: Bounds of size, concurrency and time.
        clock: Time and chance.
        journal: Makes a killed job resumable.
    """

    def __init__(
        self,
        courier: Courier[R, E],
        rows: Iterable[R] | AsyncIterable[R],
        *,
        plan: Plan | None = None,
        clock: Clock | None = None,
        journal: Ledger | None = None,
    ) -> None:
        self._courier = courier
        self._rows = rows
        self._plan = plan or Plan()
        self._clock = clock or Clock()
        self._ledger = journal
        self._engine: Engine[R, E] | None = None
        self._intake: Intake[R] | None = None
        self._flights = Flights()
        self._task: asyncio.Task[None] | None = None
        self._began = 0.0
        self._ended: float | None = None
        self._total = len(rows) if isinstance(rows, Sized) else None
        self._past: deque[tuple[float, int]] = deque()

    # -- life ----------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Check the server, open the journal, start."""
        if self._engine is not None:
            raise ConfigurationError("a bulk run is for one use: call the method again for another")
        self._began = self._clock.time()
        standing = await self._ledger.begin() if self._ledger is not None else Standing()
        try:
            self._engine = await self._prepare(standing)
        except BaseException:
            if self._ledger is not None:
                await self._ledger.close()
            raise
        self._intake = Intake(self._engine, self._rows)
        self._task = self._flights.start(self._work(self._engine, self._intake))
        return self

    async def _prepare(self, standing: Standing) -> Engine[R, E]:
        job = self._ledger.job if self._ledger is not None else ""
        await self._courier.prepare(job)
        path = self._plan.dead_letters
        dead = DeadLetters(path, job=job) if path is not None else None
        engine = Engine(self._courier, self._plan, self._clock, self._ledger, dead)
        engine.standing = standing
        for id in standing.created:
            engine.created.add(id)
        engine.total = self._total
        for status, count in standing.counts.items():
            engine.tally.counts[status] += count  # type: ignore[index]  # the journal holds what we wrote
            engine.tally.resumed += count
        return engine

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all tasks, whatever state they are in; a second cancellation cuts the grace short."""
        engine, task = self._engine, self._task
        assert engine is not None  # noqa: S101 - entered
        assert task is not None  # noqa: S101 - entered
        engine.over.set()
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
        if kind is None and engine.failure is not None and not self._raised:
            raise engine.failure

    _raised = False

    async def _work(self, engine: Engine[R, E], intake: Intake[R]) -> None:
        """All tasks of the job, from the first to the last."""
        try:
            async with asyncio.TaskGroup() as group:
                engine.start(group)
                engine.chore(intake.feed())
                engine.chore(self._flush(intake))
                if self._plan.watch is not None:
                    engine.chore(self._tell())
                await engine.over.wait()
                await intake.save()
                await self._land(engine)
                engine.cut()
        except* Exception as group_error:  # noqa: BLE001 - a bug in a courier, or a full disk: the caller's to see
            if engine.failure is None:
                engine.failure = _first(group_error)
        finally:
            await self._close(engine)

    async def _land(self, engine: Engine[R, E]) -> None:
        """Give what is under way the grace to land."""
        if not engine.busy:
            return
        try:
            async with asyncio.timeout(self._plan.grace):
                await engine.idle.wait()
        except TimeoutError:
            return

    async def _close(self, engine: Engine[R, E]) -> None:
        """Account for every row that was taken, let go of the files, wake the reader."""
        engine.over.set()
        for parcel in engine.open.values():
            if parcel.maybe or parcel.so_far is not None:
                engine.tally.counts["unknown"] += 1
                end: Outcome[E] = Outcome(parcel.index, "unknown", parcel.id, (CUT_SHORT,), None, parcel.sends)
                engine.outcomes.append(end)
            else:
                engine.tally.unsent += 1
        complete = engine.exhausted and not engine.open and engine.failure is None
        engine.open.clear()
        self._ended = self._clock.time()
        try:
            await self._let_go(engine, complete=complete)
        except Exception as error:  # noqa: BLE001 - a full disk at the very end is the caller's to see
            engine.failure = engine.failure or error
        finally:
            engine.news.set()
            if self._plan.watch is not None:
                self._plan.watch(self.progress)

    async def _let_go(self, engine: Engine[R, E], *, complete: bool) -> None:
        try:
            if engine.ledger is not None and complete:
                await engine.ledger.finish()
        finally:
            if engine.ledger is not None:
                await engine.ledger.close()  # before the letters: its thread may be about to sync them
            if engine.dead is not None:
                engine.dead.close()

    async def _flush(self, intake: Intake[R]) -> None:
        """Let rows of a slow input leave before a batch is full."""
        while True:
            await self._clock.sleep(self._plan.flush)
            await intake.pass_on(flush=True)

    async def _tell(self) -> None:
        assert self._plan.watch is not None  # noqa: S101 - asked before
        while True:
            self._plan.watch(self.progress)
            await self._clock.sleep(TICK)

    # -- outcomes ------------------------------------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        """The run itself: every outcome is given once."""
        return self

    async def __anext__(self) -> Outcome[E]:
        """The next outcome.

        Raises:
            MauticError: The job is doomed; outcomes known before were given first.
        """
        engine, task = self._engine, self._task
        if engine is None or task is None:
            raise ConfigurationError("enter the run first: async with ... as run")
        while not engine.outcomes:
            if self._ended is not None:
                if engine.failure is not None and not self._raised:
                    self._raised = True
                    raise engine.failure
                raise StopAsyncIteration
            engine.news.clear()
            await engine.news.wait()
        engine.yielded += 1
        if engine.starving and engine.room_for():
            engine.room.set()
        return engine.outcomes.popleft()

    # -- numbers -------------------------------------------------------------------------------------------------------

    @property
    def report(self) -> Report:
        """The job in numbers, so far or for good."""
        if self._engine is None:
            return Report(guarantee=self._courier.guarantee)
        end = self._ended if self._ended is not None else self._clock.time()
        return self._engine.tally.report(
            seconds=end - self._began,
            guarantee=self._courier.guarantee,
            resumable=self._ledger is not None and self._ledger.durable,
        )

    @property
    def rows_journaled(self) -> int:
        """The index below which every row is in the journal, on the disk or done: a killed job goes on with them.

        A queue's consumer may acknowledge these rows, and must keep the later ones. Indices count from the first row
        of the job, also after a resumption, when this is the index of the first row that the source has to give.
        Always 0 before the job is entered and with a journal that keeps no rows (``payload="reference"``).
        """
        return self._intake.journaled if self._intake is not None else 0

    @property
    def progress(self) -> Progress:
        """The job on its way."""
        engine = self._engine
        if engine is None:
            raise ConfigurationError("enter the run first: async with ... as run")
        now = self._clock.time()
        report = self.report
        self._past.append((now, report.read))
        while len(self._past) > 2 and self._past[0][0] < now - MEMORY:
            self._past.popleft()
        (since, before) = self._past[0]
        left = [began for began, _ in engine.sending.values()]
        return Progress(
            report=report,
            taken=engine.taken,
            total=self._total,
            sending=sum(rows for _, rows in engine.sending.values()),
            parked=engine.parked,
            waiting=engine.lanes.waiting,
            rate=(report.read - before) / (now - since) if now > since else 0.0,
            concurrency=engine.helm.flow.size,
            batch=engine.helm.batch.size,
            oldest=now - min(left, default=now),
            paused=max(0.0, engine.paused_until - now),
            budget=self._courier.budget(),
        )


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    """The first error of a group, bare."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def to_the_end(run: Run[Any, Any]) -> Report:
    """Run a job whose single outcomes nobody wants."""
    async with run:
        async for _ in run:
            pass
    return run.report
