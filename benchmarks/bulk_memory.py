"""What a million rows from a generator cost in memory.

python -m benchmarks.bulk_memory [--rows 1000000] [--journal]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.bulk_bound import FixedLatencyAdapter
from mautic_async.bulk import BulkJob, BulkOptions
from mautic_async.journal.sqlite import Journal


def rss() -> float:
    """Resident memory of this process, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


async def grown(rows: int, path: Path | None) -> tuple[float, float]:
    """MiB over the start at the peak, and MiB between a fifth of the rows and all of them, a 100,000 rows."""
    given = (f"person.number.{number}@example.org" for number in range(rows))
    plan = BulkOptions(batch=200, initial_batch=200, initial_concurrency=8)
    run: BulkJob[str, Any] = BulkJob(
        FixedLatencyAdapter(0.01), given, options=plan, journal=Journal(path) if path else None
    )
    gc.collect()
    start = peak = early = rss()
    done = 0
    async with run:
        async for _ in run:
            done += 1
            if done % 1000 == 0:
                peak = max(peak, rss())
            if done == rows // 5:
                early = peak
    assert run.report.created == rows
    return peak - start, (peak - early) / (rows * 0.8 / 100_000)


def main() -> None:
    parser = argparse.ArgumentParser(description="memory of a bulk job")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--journal", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.db" if given.journal else None
        over, slope = asyncio.run(grown(given.rows, path))
    name = "with a journal" if given.journal else "without a journal"
    print(f"{given.rows:,} rows {name}: {over:.1f} MiB over the start, {slope:.2f} MiB more each 100,000 rows")


if __name__ == "__main__":
    main()
