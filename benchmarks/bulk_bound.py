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

from mautic_async.bulk import Delivery, Packed, Plan, Receipt, Run
from mautic_async.journal.sqlite import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.bulk import Budget, Parcel
    from mautic_async.journal.records import Ledger


class Pause:
    """A courier whose server takes the same time for every batch."""

    limit = 200
    guarantee = ""
    needed: int | None = None

    def __init__(self, latency: float) -> None:
        self._latency = latency

    async def prepare(self, job: str) -> None:
        """Nothing to ask."""

    def pack(self, row: str, index: int) -> Packed:
        del index
        return Packed(b'{"email":"%b"}' % row.encode(), (row,))

    def unpack(self, body: bytes) -> str:
        raise AssertionError(f"no row is kept, not even {body!r}")

    def repeatable_part(self, row: str) -> str:
        return row

    async def deliver(self, step: str, parcels: Sequence[Parcel[str]]) -> Delivery[Any]:
        del step
        await asyncio.sleep(self._latency)
        return Delivery([Receipt("created", parcel.index + 1) for parcel in parcels])

    async def read_back(self, step: str, parcels: Sequence[Parcel[str]]) -> Delivery[Any]:
        raise AssertionError(f"nothing is ever lost, not even {step} {parcels}")

    def budget(self) -> Budget | None:
        return None


async def job(rows: int, latency: float, plan: Plan, journal: Ledger | None = None) -> tuple[float, float]:
    """Seconds of a job, and its CPU seconds."""
    given = (f"p{number}@example.org" for number in range(rows))
    run: Run[str, Any] = Run(Pause(latency), given, plan=plan, journal=journal)
    began, cpu = time.perf_counter(), time.process_time()
    async with run:
        async for _ in run:
            pass
    assert run.report.created == rows
    return time.perf_counter() - began, time.process_time() - cpu


def told(name: str, rows: int, bound: float, seconds: float, cpu: float) -> float:
    """Print one line."""
    share = rows / seconds / bound
    print(
        f"{name:>44}  {rows / seconds:9,.0f} rows/s  {share:6.1%} of the bound  {cpu / rows * 1e6:5.1f} us CPU a row",
        flush=True,
    )
    return share


async def main() -> None:
    fixed = {"batch": 200, "first_batch": 200}
    for latency, workers, rows in ((0.1, 8, 160_000), (0.25, 32, 256_000), (1.0, 8, 16_000)):
        bound = workers * 200 / latency
        steady = Plan(concurrency=workers, start=workers, **fixed)  # type: ignore[arg-type]
        told(f"{workers} x 200 at {latency * 1000:.0f} ms", rows, bound, *await job(rows, latency, steady))
    bound = 8 * 200 / 0.1
    told("the same as the first, from a cold start", 320_000, bound, *await job(320_000, 0.1, Plan()))
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "job.db")
        steady = Plan(concurrency=8, start=8, **fixed)  # type: ignore[arg-type]
        told("8 x 200 at 100 ms, with a journal", 160_000, bound, *await job(160_000, 0.1, steady, journal))
    print(json.dumps({"peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    asyncio.run(main())
