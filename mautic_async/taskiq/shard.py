"""One shard in a worker: rows from Redis through a bulk job, with its progress and its end written to Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from attrs import frozen

from mautic_async import codec
from mautic_async.bulk import BulkJob, Outcome
from mautic_async.redis.journal import JournalInUse, JournalTakenOver
from mautic_async.taskiq.state import FINAL_STATES, JobState, ShardIsOver, ShardJournal

if TYPE_CHECKING:
    from mautic_async.client import Mautic

Store: TypeAlias = "Callable[[Mautic, AsyncIterable[Any], ShardJournal], BulkJob[Any, Any]]"
"""Returns the bulk job that stores the rows of one shard."""

_PROGRESS_SECONDS: Final = 1.0
"""Seconds between two reports of a running shard; with each it looks whether the job was cancelled."""


@frozen
class Shard:
    """One shard of a job.

    Attributes:
        state: The job in Redis.
        number: Number of the shard, from 0.
        store: Returns the bulk job.
        model: Class of the rows.
        lease: Seconds after which another process may take over.
    """

    state: JobState
    number: int
    store: Store
    model: type[Any]
    lease: float

    async def run(self, connect: Callable[[], Awaitable[Mautic]]) -> None:
        """Store what is left of the shard. Return at once if it is finished, or if another process holds it.

        An error of the job (wrong credentials, Mautic away for too long) or of the user's functions is written to
        Redis, not raised: the message would only come again.
        """
        if await self._is_over():
            return
        journal = ShardJournal(self.state, self.number, lease=self.lease)
        try:
            async with self.store(await connect(), self._rows(), journal) as job:
                # Only after the journal is open, which means that this process holds the lease.
                await self.state.set_states({self.number: "running"})
                is_whole = await self._drain(job)
            await self.state.set_report(self.number, job.report)
            await self.state.set_states({self.number: "done" if is_whole else "cancelled"})
        except (JournalInUse, JournalTakenOver, ShardIsOver):
            return  # another process runs the shard, or has run it
        except Exception as error:  # noqa: BLE001 - the user's functions may raise anything
            await self.state.set_states({self.number: "failed"}, error=f"{type(error).__name__}: {error}")

    async def _is_over(self) -> bool:
        states = await self.state.read("state")
        if states.get(str(self.number), "done") in FINAL_STATES:  # no state: the job has expired
            return True
        if await self._is_cancelled():
            await self.state.set_states({self.number: "cancelled"})
            return True
        return False

    async def _is_cancelled(self) -> bool:
        return "cancelled" in await self.state.read("info")

    async def _rows(self) -> AsyncIterator[Any]:
        async for body in self.state.rows(self.number):
            yield codec.decode_request(self.model, body)

    async def _drain(self, job: BulkJob[Any, Any]) -> bool:
        """Take all outcomes, with a report each second; return False if the job was cancelled meanwhile."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        async for outcome in job:
            # The journal has listed the row already, without reasons: a worker that dies here loses only these.
            if outcome.problems and outcome.status in {"rejected", "partial", "unknown"}:
                await self._add_reasons(outcome)
            if loop.time() >= due:
                await self.state.set_report(self.number, job.report)
                # Leaving the loop early ends the bulk job in order: requests in flight still have the grace.
                if await self._is_cancelled():
                    return False
                due = loop.time() + _PROGRESS_SECONDS
        return True

    async def _add_reasons(self, outcome: Outcome[Any]) -> None:
        reasons = [str(problem) for problem in outcome.problems]
        text = json.dumps({"status": outcome.status, "reasons": reasons})
        await self.state.write(f"failed:{self.number}", {str(outcome.index): text})
