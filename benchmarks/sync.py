"""Requests and seconds of a nightly job with a `SyncState` against the same job without: two rows in a hundred changed.

The server is `FakeMautic` with its default latency, in a process of its own. What it holds in the end is read back and
compared field by field with the rows.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from attrs import frozen

from benchmarks import _measure
from mautic_async import ClientCredentials, Contact, Limits, Mautic, SyncState
from mautic_async.testing import FakeMautic, Latency

ROWS = 2_000 if _measure.QUICK else int(os.environ.get("SYNC_ROWS", "100000"))
CHANGED = 50
"""One row in so many is changed."""


def rows(version: int) -> Iterator[Contact]:
    for number in range(ROWS):
        city = f"city {number if number % CHANGED else number * 1000 + version}"
        yield Contact(email=f"p{number}@example.org", firstname=f"First {number}", lastname="Example", city=city)


def serve(pipe: Connection) -> None:
    async def work() -> None:
        fake = FakeMautic(initial="clean", latency=Latency(), workers=8, keep_bodies=False)
        async with fake, fake.serve() as url:
            pipe.send(url)
            await asyncio.get_running_loop().run_in_executor(None, pipe.recv)

    asyncio.run(work())


@asynccontextmanager
async def client() -> AsyncIterator[Mautic]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    process.start()
    try:
        url = await asyncio.get_running_loop().run_in_executor(None, ours.recv)
        auth = ClientCredentials("1_fake-client", "fake-secret")
        async with Mautic(url, auth=auth, limits=Limits(concurrency=8)) as mautic:
            yield mautic
    finally:
        ours.send("stop")
        process.join()


@frozen
class Job:
    seconds: float
    requests: int
    changed: int


async def run(mautic: Mautic, version: int, state: SyncState | None) -> Job:
    began = time.perf_counter()
    report = await mautic.contacts.bulk_upsert(rows(version), state=state)
    assert report.read == ROWS
    assert report.ok, report
    return Job(time.perf_counter() - began, report.requests, report.created + report.updated)


async def check(mautic: Mautic, version: int) -> None:
    """Compare what the server holds with the rows, field by field."""
    expected = {str(row.email): (row.firstname, row.lastname, row.city) for row in rows(version)}
    async for contact in mautic.contacts.iterate(select=["id", "email", "firstname", "lastname", "city"], limit=1000):
        assert expected.pop(str(contact.email)) == (contact.firstname, contact.lastname, contact.city)
    assert not expected


async def compare() -> tuple[Job, Job]:
    with tempfile.TemporaryDirectory() as folder:
        async with client() as mautic:
            state = SyncState(Path(folder, "state.db"))
            await run(mautic, 1, state)
            synced = await run(mautic, 2, state)
            await check(mautic, 2)
            full = await run(mautic, 3, None)
            await check(mautic, 3)
    return full, synced


def main() -> None:
    full, synced = asyncio.run(compare())
    _measure.table(
        f"{ROWS:,} contacts, of which 1 in {CHANGED} has changed",
        ["job", "seconds", "requests", "rows sent"],
        [
            [name, f"{job.seconds:.1f}", str(job.requests), str(job.changed)]
            for name, job in (("without state", full), ("with state", synced))
        ],
    )
    _measure.figure("sync: times fewer requests", full.requests / synced.requests, 25)
    _measure.figure("sync: times less time", full.seconds / synced.seconds, 15)


if __name__ == "__main__":
    _measure.main(main)
