"""How near a bulk job comes to workers x batch / latency, and what the engine itself costs a row.

The server is a pause of fixed length, so the engine is what is measured: lanes, batches, outcomes, and the journal.

    python -m benchmarks.bulk_bound
"""

from __future__ import annotations

import asyncio
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mautic_async.bulk import BatchResult, BulkJob, BulkOptions, EncodedRow, RowResult
from mautic_async.journal.sqlite import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.bulk import RateLimitStatus, WorkItem
    from mautic_async.journal.records import JobJournal


class FixedLatencyAdapter:
    """A courier whose server takes the same time for every batch."""

    max_rows = 200
    guarantee = ""
    requests_left: int | None = None

    def __init__(self, latency: float) -> None:
        self._latency = latency

    async def prepare(self, job: str) -> None:
        """Nothing to ask."""

    def encode(self, row: str, index: int) -> EncodedRow:
        del index
        return EncodedRow(b'{"email":"%b"}' % row.encode(), (row,))

    def decode(self, body: bytes) -> str:
        raise AssertionError(f"no row is kept, not even {body!r}")

    def idempotent_part(self, row: str) -> str:
        return row

    async def send(self, step: str, batch: Sequence[WorkItem[str]]) -> BatchResult[Any]:
        del step
        await asyncio.sleep(self._latency)
        return BatchResult([RowResult("created", item.index + 1) for item in batch])

    async def look_up(self, step: str, batch: Sequence[WorkItem[str]]) -> BatchResult[Any]:
        raise AssertionError(f"nothing is ever lost, not even {step} {batch}")

    def rate_limit(self) -> RateLimitStatus | None:
        return None


async def run_job(
    rows: int, latency: float, options: BulkOptions, journal: JobJournal | None = None
) -> tuple[float, float]:
    """Seconds of a job, and its CPU seconds."""
    source = (f"p{number}@example.org" for number in range(rows))
    bulk_job: BulkJob[str, Any] = BulkJob(FixedLatencyAdapter(latency), source, options=options, journal=journal)
    started_at, cpu = time.perf_counter(), time.process_time()
    async with bulk_job:
        async for _ in bulk_job:
            pass
    assert bulk_job.report.created == rows
    return time.perf_counter() - started_at, time.process_time() - cpu


def print_result(name: str, rows: int, bound: float, seconds: float, cpu: float) -> float:
    """Print one line."""
    share = rows / seconds / bound
    print(
        f"{name:>44}  {rows / seconds:9,.0f} rows/s  {share:6.1%} of the bound  {cpu / rows * 1e6:5.1f} us CPU a row",
        flush=True,
    )
    return share


async def main() -> None:
    fixed = {"batch": 200, "initial_batch": 200}
    for latency, workers, rows in ((0.1, 8, 160_000), (0.25, 32, 256_000), (1.0, 8, 16_000)):
        bound = workers * 200 / latency
        steady = BulkOptions(concurrency=workers, initial_concurrency=workers, **fixed)  # type: ignore[arg-type]
        print_result(f"{workers} x 200 at {latency * 1000:.0f} ms", rows, bound, *await run_job(rows, latency, steady))
    bound = 8 * 200 / 0.1
    print_result(
        "the same as the first, from a cold start", 320_000, bound, *await run_job(320_000, 0.1, BulkOptions())
    )
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "job.db")
        steady = BulkOptions(concurrency=8, initial_concurrency=8, **fixed)  # type: ignore[arg-type]
        print_result("8 x 200 at 100 ms, with a journal", 160_000, bound, *await run_job(160_000, 0.1, steady, journal))
    print(json.dumps({"peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    asyncio.run(main())
