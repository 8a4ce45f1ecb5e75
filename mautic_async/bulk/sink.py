"""Writes outcomes to the dead letters, the journal and the counters, and then gives them to the caller."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import evolve

from mautic_async.bulk.collisions import IdSet
from mautic_async.bulk.items import journal_record
from mautic_async.bulk.outcomes import Counters, Outcome
from mautic_async.journal.records import RecordState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.bulk.dead_letters import DeadLetters
    from mautic_async.bulk.items import WorkItem
    from mautic_async.bulk.ordering import KeyedQueue
    from mautic_async.journal.records import Checkpoint, JobJournal

R = TypeVar("R")
E = TypeVar("E")


class OutcomeSink(Generic[R, E]):
    """The place where the outcomes of rows are written, counted, and given to the caller.

    Attributes:
        counters: The counters behind the report.
        created: Ids of the entities that rows of the job have created.
        outcomes: Outcomes that the caller has not consumed yet.
        outcomes_ready: Set when there are new ones.
    """

    def __init__(
        self, journal: JobJournal | None, dead_letters: DeadLetters | None, ordering: KeyedQueue, checkpoint: Checkpoint
    ) -> None:
        self.counters: Counters = Counters()
        self.created: IdSet = IdSet()
        self.outcomes: deque[Outcome[E]] = deque()
        self.outcomes_ready: asyncio.Event = asyncio.Event()
        self._journal = journal
        self._dead_letters = dead_letters
        self._ordering = ordering
        for id in checkpoint.created:
            self.created.add(id)
        for status, count in checkpoint.counts.items():
            self.counters.counts[status] += count  # type: ignore[index]  # the journal holds statuses
            self.counters.resumed += count

    async def write(
        self, finished: Sequence[tuple[WorkItem[R], Outcome[E]]], next_step: Sequence[WorkItem[R]] = ()
    ) -> Sequence[tuple[WorkItem[R], Outcome[E]]]:
        """Write outcomes and finished steps to the dead letters and into the journal.

        Returns:
            The outcomes as they are to be published.
        """
        finished = [self._as_reported(*pair) for pair in finished]
        bad = [(item, outcome) for item, outcome in finished if not outcome.ok]
        if bad and self._dead_letters is not None:
            # Dead letters come before the journal: a kill in between writes a row twice, which
            # `read_dead_letters` mends.
            self._dead_letters.add(bad)
        if self._journal is not None and (finished or next_step):
            mask = self._ordering.creates_mask
            records = [
                journal_record(item, RecordState.DONE, creates=mask(item), status=outcome.status)
                for item, outcome in finished
            ]
            records += [journal_record(item, RecordState.STEP_DONE, creates=mask(item)) for item in next_step]
            # A row that the journal calls done is never sent again, so its dead letter has to be on disk before.
            sync = self._dead_letters.sync if bad and self._dead_letters is not None else None
            await self._journal.record_outcomes(records, sync)
        return finished

    def publish(self, finished: Sequence[tuple[WorkItem[R], Outcome[E]]]) -> None:
        """Count outcomes that are in the journal, and give them to the caller."""
        for item, outcome in finished:
            self.counters.counts[outcome.status] += 1
            self.counters.retried += item.sends.total > item.earlier.count + 1
            self.outcomes.append(outcome)
        if finished:
            self.outcomes_ready.set()

    def _as_reported(self, item: WorkItem[R], outcome: Outcome[E]) -> tuple[WorkItem[R], Outcome[E]]:
        """Return the outcome as it is reported: the first row that created an entity is the only one."""
        if item.resend is not None:
            # The row has carried the values of another row; dead letters and the journal need its own.
            item.row, item.encoded = item.resend.row, item.resend.encoded
        if outcome.status == "created" and outcome.id and not self.created.add(outcome.id):
            outcome = evolve(outcome, status="updated")
        return item, outcome

    def cut_short(self, outcome: Outcome[E] | None) -> None:
        """Count a row that the end of the job has cut short; without an *outcome* it was not sent."""
        if outcome is None:
            self.counters.unsent += 1
            return
        self.counters.counts[outcome.status] += 1
        self.outcomes.append(outcome)

    async def close(self, *, complete: bool) -> None:
        """Close the files; a *complete* job starts anew with the next run of its journal."""
        try:
            if self._journal is not None and complete:
                # Only a job without an error and without rows left may forget where it stood.
                await self._journal.mark_complete()
        finally:
            if self._journal is not None:
                await self._journal.close()  # before the dead letters: its thread may still sync them
            if self._dead_letters is not None:
                self._dead_letters.close()
