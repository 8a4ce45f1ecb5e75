"""The scheduler of a bulk job: it puts rows into queues by key, ready rows into batches, and answers into outcomes.

All of it runs on one event loop, and state changes between two awaits only, so nothing needs a lock. A row is in one
place only: it waits for its keys, is ready, is in flight, or belongs to a recovery flow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from attrs import evolve

from mautic_async.bulk.adapter import BatchResult
from mautic_async.bulk.backpressure import Backpressure
from mautic_async.bulk.collisions import Collisions, have_common_key
from mautic_async.bulk.flows import Abort, Apply, Finish, LookUp, Park, PauseSending, PutFirst, Send, Sleep
from mautic_async.bulk.items import Resend
from mautic_async.bulk.ordering import KeyedQueue
from mautic_async.bulk.outcomes import Outcome
from mautic_async.bulk.pacing import Pacing
from mautic_async.bulk.ready import ReadyQueue
from mautic_async.bulk.reconcile import reconcile_interrupted, reconcile_now, reconcile_rejected, resolve_ids
from mautic_async.bulk.recovery import recover
from mautic_async.bulk.results import classify
from mautic_async.bulk.sender import BatchSender
from mautic_async.bulk.sink import OutcomeSink
from mautic_async.bulk.slots import SendSlots
from mautic_async.bulk.tasks import JobTasks
from mautic_async.errors import MauticError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mautic_async.bulk.adapter import BulkAdapter, RowResult
    from mautic_async.bulk.dead_letters import DeadLetters
    from mautic_async.bulk.flows import Flow, Request
    from mautic_async.bulk.items import WorkItem
    from mautic_async.bulk.options import BulkOptions
    from mautic_async.clock import Clock
    from mautic_async.journal.records import Checkpoint, JobJournal, RowRecord

R = TypeVar("R")
E = TypeVar("E")

CUT_SHORT: Final = Problem("the job ended before Mautic's answer came; it may be stored")


class Scheduler(Generic[R, E]):
    """The scheduler of one job: it moves rows between objects, each of which owns the state of one algorithm.

    Attributes:
        active: Rows that have been read and have no outcome, in the order of the input.
    """

    def __init__(
        self,
        adapter: BulkAdapter[R, E],
        *,
        options: BulkOptions,
        clock: Clock,
        journal: JobJournal | None,
        dead_letters: DeadLetters | None,
        checkpoint: Checkpoint,
        total: int | None,
    ) -> None:
        self.adapter = adapter
        self.clock = clock
        self.tasks: JobTasks = JobTasks()
        self.pacing: Pacing = Pacing(options, clock, adapter.max_rows)
        self.ordering: KeyedQueue = KeyedQueue()
        self.ready: ReadyQueue[R] = ReadyQueue()
        self.slots: SendSlots = SendSlots(self.pacing, self.tasks.stopping)
        self.backpressure: Backpressure = Backpressure(self.pacing, self.ordering, total)
        self.collisions: Collisions[R] = Collisions()
        self.sink: OutcomeSink[R, E] = OutcomeSink(journal, dead_letters, self.ordering, checkpoint)
        self.sender: BatchSender[R, E] = BatchSender(
            adapter,
            clock=clock,
            journal=journal,
            pacing=self.pacing,
            slots=self.slots,
            ordering=self.ordering,
            counters=self.sink.counters,
        )
        self.active: dict[int, WorkItem[R]] = {}

    # -- rows in, called by the reader ---------------------------------------------------------------------------------

    def enqueue(self, item: WorkItem[R], creates: int) -> bool:
        """Put a row behind all earlier rows with a common key.

        Args:
            item: The row.
            creates: The names (tags, a company) that it may have to create, a bit each.

        Returns:
            True if nothing blocks it; pass it to `push_ready` then, or reconcile it.
        """
        self.active[item.index] = item
        item.queue_keys = self.ordering.effective_keys(item.encoded, creates)
        return self.ordering.push(item)

    def push_ready(self, items: Iterable[WorkItem[R]]) -> None:
        """Add rows that nothing blocks to those that may be sent."""
        self.ready.push(items)

    def activate(self, item: WorkItem[R]) -> None:
        """Count a row as read that will not be sent; `finish` gives it its outcome."""
        self.active[item.index] = item

    def restore(self, record: RowRecord, item: WorkItem[R] | None) -> None:
        """Take over a row that an earlier run has finished: an older row may still overwrite its entity."""
        if record.status == "created":
            self.sink.created.add(record.id)
        if item is not None and record.status != "rejected":
            item.id = record.id
            self.collisions.restore(item, self.backpressure.rows_read)

    def reconcile_interrupted(self, items: Sequence[WorkItem[R]]) -> None:
        """Reconcile rows of one step that a killed run had sent."""
        size = self.pacing.batch.size
        for start in range(0, len(items), size):
            self.tasks.spawn(self._run(reconcile_interrupted(items[start : start + size], self.pacing)))

    def end_input(self) -> None:
        """Record that all rows have been read."""
        self.backpressure.source_done = True
        self._stop_if_done()
        self.dispatch()

    # -- batches out ---------------------------------------------------------------------------------------------------

    def dispatch(self, *, flush: bool = False) -> None:
        """Send as many batches as may be sent now; if *flush*, incomplete ones too."""
        # Each change of a row's place may have made room, and every such change ends in a dispatch.
        self.backpressure.wake_reader()
        while self.slots.serve_waiters():
            batch = self._next_batch(flush=flush)
            if not batch:
                return
            # Taken before the task is made: the loop must not count this slot as free once more.
            self.slots.take()
            self.tasks.spawn(self._send_batch(batch))

    def _next_batch(self, *, flush: bool) -> list[WorkItem[R]]:
        # While the reader waits, no row comes that could complete a batch, so incomplete batches are sent, too.
        at_end = self.backpressure.source_done
        partial = flush or at_end or self.backpressure.reader_waiting
        divide = self._divide_last if at_end else None
        return self.ready.next_batch(self.pacing.batch.size, self.pacing.max_bytes, partial=partial, divide=divide)

    def _divide_last(self, waiting: int) -> int:
        return self.pacing.final_batch_rows(waiting, self.sender.in_flight.values())

    async def _send_batch(self, items: Sequence[WorkItem[R]]) -> None:
        """Send one batch, for which a slot is taken, and apply the answer or recover its rows."""
        with self.tasks.work():
            answer = await self._send(items)
            if isinstance(answer, BatchResult):
                await self.clock.sleep(0)  # let the batch that takes the slot be sent before these rows are finished
                await self.apply(items, answer.results)
                return
        # Outside `work`: recovery may wait for minutes, and a job that is left early must not wait for it.
        await self._run(recover(items, answer, self.pacing))

    async def _send(self, items: Sequence[WorkItem[R]]) -> BatchResult[E] | MauticError:
        try:
            return await self.sender.send(items, self._requests_left)
        finally:
            self.dispatch()

    def _requests_left(self) -> int | None:
        """Return how many requests the job still needs at most; None where the input does not tell its length."""
        rows = self.backpressure.rows_left
        return None if rows is None else self.pacing.estimate_requests(len(self.active) + rows)

    # -- answers in ----------------------------------------------------------------------------------------------------

    async def apply(self, items: Sequence[WorkItem[R]], results: Sequence[RowResult[E]]) -> None:
        """Do with each row as its result says: an outcome, a next step, another attempt, or a look-up."""
        classified = classify(items, results, self.pacing)
        # Outcomes first, in one transaction with finished steps: what follows may wait, or may send rows again.
        await self.finish(classified.finished, classified.next_step)
        self.ready.push(classified.next_step)
        self._retry(classified.retry)
        self.dispatch()
        if classified.without_id:
            await self._run(resolve_ids(classified.without_id))
        if classified.rejected_late:
            await self._run(reconcile_rejected(classified.rejected_late, self.sink.created, self.pacing))
        for pause, unreported in classified.unreported.items():
            # In a task of its own, since each group waits for its own pause.
            self.tasks.spawn(self._run(reconcile_now(unreported, pause, self.pacing)))

    async def finish(
        self, finished: Sequence[tuple[WorkItem[R], Outcome[E]]], next_step: Sequence[WorkItem[R]] = ()
    ) -> None:
        """Write outcomes, then give them to the caller and the rows' keys to other rows."""
        finished = [(item, outcome) for item, outcome in finished if not self._must_resend(item, outcome)]
        # The journal has the outcome before any other row with the same key may be sent.
        written = await self.sink.write(finished, next_step)
        for item, _ in written:
            del self.active[item.index]
        self._release_keys(written)
        self.sink.publish(written)
        # Rows end in any order; only those before the first active one are known to be finished.
        self.collisions.discard_before(next(iter(self.active), self.backpressure.rows_read))
        self._stop_if_done()
        self.dispatch()

    def _stop_if_done(self) -> None:
        if self.backpressure.source_done and not self.active:
            self.tasks.stopping.set()

    def _must_resend(self, item: WorkItem[R], outcome: Outcome[E]) -> bool:
        """Return True if *item* is sent once more before its outcome, since its entity may hold older values."""
        if not item.id or not item.sends.total or outcome.status == "rejected":
            return False
        newest = self.collisions.record_write(item, self.clock.monotonic(), self.backpressure.rows_read)
        if newest is not None:
            self._send_values_of(newest, item, outcome)
        return newest is not None

    def _send_values_of(self, newest: WorkItem[R], item: WorkItem[R], outcome: Outcome[E]) -> None:
        """Let *item* send the values of the *newest* row of its entity once more, before it gets its *outcome*.

        An older row may have overwritten them. The newest row may have its outcome already, and cannot be sent itself
        then: *item*, which overwrote it, is sent in its place. A job that is killed meanwhile begins here again.
        """
        if outcome.status in {"created", "updated"}:
            item.earlier = evolve(item.earlier, status=item.earlier.status or outcome.status)
        if not have_common_key(item, newest):
            self.ordering.alias(item.queue_keys, newest.queue_keys, item.id)
        row, encoded = (item.resend.row, item.resend.encoded) if item.resend else (item.row, item.encoded)
        item.row = self.adapter.idempotent_part(newest.resend.row if newest.resend else newest.row)
        item.resend = Resend(newest, row, encoded)
        item.encoded = evolve(self.adapter.encode(item.row, item.index), facts_key="")
        item.step, item.sends.attempts, item.facts = "", 0, {}
        self.ready.push_first((item,))

    # -- rows that wait ------------------------------------------------------------------------------------------------

    def _retry(self, pairs: Sequence[tuple[WorkItem[R], RowResult[E]]]) -> None:
        """Send rows again, each after the pause that its result asks for."""
        self.ready.push_first([item for item, result in pairs if not result.retry_after])
        later: dict[float, list[WorkItem[R]]] = {}
        for item, result in pairs:
            if result.retry_after:
                later.setdefault(result.retry_after, []).append(item)
        for pause, items in later.items():
            self.tasks.spawn(self._put_first_later(items, pause))

    async def _put_first_later(self, items: Sequence[WorkItem[R]], seconds: float) -> None:
        await self.clock.sleep(seconds)
        self._put_first(items)

    def _put_first(self, items: Sequence[WorkItem[R]]) -> None:
        self.ready.push_first(items)
        self.dispatch(flush=True)

    def _release_keys(self, finished: Sequence[tuple[WorkItem[R], Outcome[E]]]) -> None:
        """Give the keys of finished rows to other rows, some of them after a while."""
        later: dict[float, list[WorkItem[R]]] = {}
        for item, outcome in finished:
            # A row that was rejected or is unknown may not have made its tags and company; another row
            # has to bring them.
            if item.encoded.creates and outcome.status not in {"rejected", "unknown"}:
                self.ready.push(self.ordering.mark_created(item.encoded.creates))
            if item.encoded.hold_keys_seconds and item.sends.total:
                later.setdefault(item.encoded.hold_keys_seconds, []).append(item)
            # Rows that were never queued, such as rejected ones, hold no key.
            elif item.queue_keys:
                self.ready.push(self.ordering.release(item))
        for seconds, items in later.items():
            self.tasks.spawn(self._release_keys_later(items, seconds))

    async def _release_keys_later(self, items: Sequence[WorkItem[R]], seconds: float) -> None:
        await self.clock.sleep(seconds)
        for item in items:
            self.ready.push(self.ordering.release(item))
        self.dispatch()

    def _pause_sending(self, seconds: float) -> None:
        added = self.slots.pause(seconds)
        if added:
            self.sink.counters.waited += added
            self.tasks.spawn(self._dispatch_later(seconds))

    async def _dispatch_later(self, seconds: float) -> None:
        await self.clock.sleep(seconds)
        self.dispatch()

    # -- recovery flows ------------------------------------------------------------------------------------------------

    async def _run(self, flow: Flow[None]) -> None:
        """Step a flow to its end: perform each of its requests, and send the reply into it."""
        # `Park` states a total, so the difference to the last total is counted.
        parked = 0
        reply: Any = None
        try:
            while True:
                try:
                    request = flow.send(reply)
                except StopIteration:
                    return
                if isinstance(request, Park):
                    self.backpressure.awaiting_reconcile += request.rows - parked
                    parked, reply = request.rows, None
                    if parked:
                        self.dispatch()  # rows that wait do not count against the reader's capacity
                else:
                    reply = await self._perform(request)
        finally:
            self.backpressure.awaiting_reconcile -= parked

    async def _perform(self, request: Request) -> Any:
        match request:
            case Sleep(seconds):
                await self.clock.sleep(seconds)
            case LookUp(items):
                return await self.sender.look_up(items)
            case Send(items):
                return await self._send_first(items)
            case Apply(items, results):
                with self.tasks.work():
                    await self.apply(items, results)
            case Finish(outcomes):
                with self.tasks.work():
                    await self.finish(outcomes)
            case PutFirst(items):
                self._put_first(items)
            case PauseSending(seconds):
                self._pause_sending(seconds)
            case Abort(error):
                self.tasks.abort(error)
        return None

    async def _send_first(self, items: Sequence[WorkItem[R]]) -> MauticError | None:
        """Send *items* before all other rows and apply the answer; return the error if there is none."""
        # Recovery is served before new batches, or a row in doubt would wait as long as there is input.
        await self.slots.acquire()
        with self.tasks.work():
            answer = await self._send(items)
            if isinstance(answer, BatchResult):
                await self.apply(items, answer.results)
                return None
        return answer

    # -- the end -------------------------------------------------------------------------------------------------------

    def account_for_rest(self) -> bool:
        """Count every row that has been read and has no outcome; return True if there is none and the job is complete.

        A row that may be stored becomes ``unknown``; a row that was never sent gets no outcome.
        """
        for item in self.active.values():
            may_be_stored = item.sends.may_be_stored or item.earlier.status is not None
            unknown: Outcome[E] = Outcome(item.index, "unknown", item.id, (CUT_SHORT,), None, item.sends.total)
            self.sink.cut_short(unknown if may_be_stored else None)
        complete = self.backpressure.source_done and not self.active and self.tasks.failure is None
        self.active.clear()
        return complete
