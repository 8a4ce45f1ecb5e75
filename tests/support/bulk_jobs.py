"""Jobs on virtual time over the lying server, and couriers for single questions."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from mautic_async.bulk import BatchResult, BulkJob, BulkOptions, BulkReport, EncodedRow, Outcome, Pending, RowResult
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from tests.support.bulk_model import Faults, ModelAdapter, ModelServer, Row

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence

    from mautic_async.bulk import RateLimitStatus, WorkItem
    from mautic_async.journal.records import JobJournal


def make_rows(count: int, **attributes: Any) -> list[Row]:
    return [Row(f"p{number}@example.org", 1, **attributes) for number in range(count)]


def run_job(
    rows: Iterable[Row] | AsyncIterable[Row],
    *,
    rate: float = 0.0,
    seed: int = 1,
    options: BulkOptions | None = None,
    journal: JobJournal | None = None,
    server_options: dict[str, Any] | None = None,
    **adapter_options: Any,
) -> tuple[list[Outcome[Any]], BulkReport, ModelAdapter]:
    """Run a job to its end; what it gave, and the post office it used."""

    async def work() -> tuple[list[Outcome[Any]], BulkReport, ModelAdapter]:
        clock = virtual_clock(asyncio.get_running_loop(), seed)
        adapter = ModelAdapter(ModelServer(clock, **(server_options or {})), Faults(seed, rate), **adapter_options)
        bulk_job: BulkJob[Row, Any] = BulkJob(adapter, rows, options=options, clock=clock, journal=journal)
        async with bulk_job:
            outcomes = [outcome async for outcome in bulk_job]
        await adapter.wait_until_idle()
        return outcomes, bulk_job.report, adapter

    return run_virtual(work(), seed)


class ScriptedAdapter:
    """A courier of texts, whose answers are a function of the test."""

    max_rows = 200
    guarantee = ""
    requests_left: int | None = None

    def __init__(
        self,
        answer: Callable[[Sequence[WorkItem[str]]], Awaitable[Sequence[RowResult[Any]]]],
        lookup: Callable[[Sequence[WorkItem[str]]], Awaitable[Sequence[RowResult[Any]]]] | None = None,
        *,
        keys: Callable[[str], tuple[str, ...]] = lambda row: (row,),
        hold_keys_seconds: float = 0.0,
    ) -> None:
        self._answer = answer
        self._lookup = lookup
        self._keys = keys
        self._hold_keys_seconds = hold_keys_seconds
        self.batches: list[list[str]] = []
        self.steps: list[str] = []

    async def prepare(self, job: str) -> None:
        pass

    def encode(self, row: str, index: int) -> EncodedRow:
        return EncodedRow(
            json.dumps(row).encode(), self._keys(row), hold_keys_seconds=self._hold_keys_seconds, facts_key=row
        )

    def decode(self, body: bytes) -> str:
        return str(json.loads(body))

    def idempotent_part(self, row: Any) -> Any:
        return row

    async def send(self, step: str, batch: Sequence[WorkItem[str]]) -> BatchResult[Any]:
        self.batches.append([item.row for item in batch])
        self.steps.append(step)
        return BatchResult(await self._answer(batch))

    async def look_up(self, step: str, batch: Sequence[WorkItem[str]]) -> BatchResult[Any]:
        if self._lookup is None:
            return BatchResult([RowResult(Pending.RETRY) for _ in batch], requests=0)
        return BatchResult(await self._lookup(batch))

    def rate_limit(self) -> RateLimitStatus | None:
        return None


async def answer_created(batch: Sequence[WorkItem[Any]]) -> list[RowResult[Any]]:
    await asyncio.sleep(0.1)
    return [RowResult("created", item.index + 1) for item in batch]
