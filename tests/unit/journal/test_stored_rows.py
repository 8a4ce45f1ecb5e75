from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mautic_async import Company, Contact, CustomItem, Mautic, UniqueField
from mautic_async.bulk import BulkJob, BulkOptions, Outcome, RowResult, WorkItem
from mautic_async.errors import ConfigurationError
from mautic_async.journal.records import MemoryJournal
from mautic_async.journal.sqlite import Journal
from mautic_async.testing import FakeMautic
from mautic_async.testing.virtual_time import virtual_clock
from tests.support.bulk_jobs import ScriptedAdapter


async def created(batch: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
    return [RowResult("created", item.index + 1) for item in batch]


def kept_in(path: Path) -> list[tuple[int, bytes]]:
    base = sqlite3.connect(path)
    try:
        return base.execute("SELECT n, body FROM payload ORDER BY n").fetchall()
    finally:
        base.close()


async def part_of(job: BulkJob[Any, Any], count: int) -> list[Outcome[Any]]:
    """The outcomes until there are so many; then the job is left."""
    outcomes: list[Outcome[Any]] = []
    async with job:
        async for outcome in job:
            outcomes.append(outcome)
            if len(outcomes) == count:
                break
    return outcomes


async def test_journal_rows_resume_a_job_without_its_source(tmp_path: Path) -> None:
    source = iter([f"row {number}" for number in range(300)])
    first, second = ScriptedAdapter(created), ScriptedAdapter(created)
    plan = BulkOptions(batch=10, initial_batch=10, concurrency=1)
    begun: BulkJob[str, Any] = BulkJob(first, source, options=plan, journal=Journal(tmp_path / "job", payload="full"))
    await part_of(begun, 20)
    assert begun.report.unsent > 0
    kept = [index for index, _ in kept_in(tmp_path / "job")]
    assert len(kept) == begun.report.unsent

    job: BulkJob[str, Any] = BulkJob(second, source, options=plan, journal=Journal(tmp_path / "job", payload="full"))
    async with job:
        rest = [outcome.index async for outcome in job]
    assert job.report.read == job.report.created == 300
    assert job.report.resumed == begun.report.read
    sent = [row for courier in (first, second) for batch in courier.batches for row in batch]
    assert sorted(sent) == sorted(f"row {number}" for number in range(300))
    assert sorted(rest) == list(range(begun.report.read, 300))
    assert kept_in(tmp_path / "job") == []


async def test_journal_rows_of_a_slow_source_leave_without_delay(tmp_path: Path) -> None:
    seen = asyncio.Event()

    async def rows() -> AsyncIterator[str]:
        yield "first"
        await seen.wait()

    job: BulkJob[str, Any] = BulkJob(
        ScriptedAdapter(created),
        rows(),
        options=BulkOptions(flush_after=0.01),
        journal=Journal(tmp_path / "job", payload="full"),
    )
    async with job, asyncio.timeout(20):
        async for outcome in job:
            assert outcome.index == 0
            seen.set()
    assert job.report.created == 1


async def test_journal_rows_of_a_failing_source_are_kept(tmp_path: Path) -> None:
    def rows() -> Any:
        yield from ("a", "b", "c")
        raise LookupError("the cursor is gone")

    job: BulkJob[str, Any] = BulkJob(
        ScriptedAdapter(created), rows(), journal=Journal(tmp_path / "job", payload="full")
    )
    with pytest.raises(LookupError):
        await part_of(job, 99)
    assert len(kept_in(tmp_path / "job")) == job.report.unsent == 3
    again: BulkJob[str, Any] = BulkJob(ScriptedAdapter(created), (), journal=Journal(tmp_path / "job", payload="full"))
    await part_of(again, 99)
    assert again.report.created == 3


async def test_journal_refuses_to_resume_with_other_settings_of_rows(tmp_path: Path) -> None:
    for first, second in (("full", "reference"), ("reference", "full")):
        path = tmp_path / first
        rows = iter([f"row {number}" for number in range(300)])
        plan = BulkOptions(batch=10, initial_batch=10, concurrency=1)
        journal = Journal(path, payload=first)  # type: ignore[arg-type]  # one of the two
        await part_of(BulkJob(ScriptedAdapter(created), rows, options=plan, journal=journal), 20)
        other: BulkJob[str, Any] = BulkJob(ScriptedAdapter(created), [], journal=Journal(path, payload=second))  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match=f"needs payload='{first}'"):
            await part_of(other, 1)


async def test_journal_refuses_a_row_that_cannot_be_read_back(tmp_path: Path) -> None:
    class Forgetful(ScriptedAdapter):
        def decode(self, body: bytes) -> str:
            return "something else" if b"odd" in body else super().decode(body)

    courier = Forgetful(created)
    job: BulkJob[str, Any] = BulkJob(courier, ["a", "odd", "b"], journal=Journal(tmp_path / "job", payload="full"))
    outcomes = {outcome.index: outcome for outcome in await part_of(job, 3)}
    assert [outcomes[index].status for index in range(3)] == ["created", "rejected", "created"]
    assert "cannot keep this row" in outcomes[1].problems[0].message
    assert courier.batches == [["a", "b"]]


@pytest.mark.virtual_time
async def test_journal_write_in_progress_leaves_no_task_after_exit() -> None:
    class Slow(MemoryJournal):
        async def store_rows(self, rows: Sequence[tuple[int, bytes]]) -> None:
            await asyncio.sleep(5)
            await super().store_rows(rows)

    before = asyncio.all_tasks()
    journal = Slow("job", stores_rows=True)
    clock = virtual_clock(asyncio.get_running_loop())
    job: BulkJob[str, Any] = BulkJob(ScriptedAdapter(created), iter("abc"), clock=clock, journal=journal)
    with pytest.raises(ConfigurationError, match="before any outcome was read"):
        async with job:
            await asyncio.sleep(1)
    assert asyncio.all_tasks() == before
    assert job.report.unsent == 3
    assert len((await journal.open()).records) == 3


def contact(number: int) -> Contact:
    item = CustomItem("orders", name="Hello", attributes={"order-number": f"s{number}", "amount": 45})
    given = [item] if number % 2 else []
    return Contact(email=f"p{number}@example.com", firstname="Ada", tags=["a"], points=number + 1, custom_items=given)


async def test_journal_rows_restore_contacts_companies_edits_and_deletes(tmp_path: Path) -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        plan = BulkOptions(batch=5, initial_batch=5, concurrency=1)
        jobs: list[tuple[Any, Any]] = [
            (
                lambda rows, journal: mautic.contacts.bulk_upsert(
                    rows, match_items=UniqueField("order-number"), journal=journal, options=plan
                ),
                [contact(number) for number in range(60)],
            ),
            (
                lambda rows, journal: mautic.companies.bulk_upsert(rows, journal=journal, options=plan),
                [Company(companyname=f"Acme {number}", companycity="Oslo") for number in range(60)],
            ),
            (
                lambda rows, journal: mautic.contacts.bulk_edit(rows, journal=journal, options=plan),
                [Contact(id=number + 1, city="Oslo") for number in range(60)],
            ),
            (lambda rows, journal: mautic.contacts.bulk_delete(rows, journal=journal, options=plan), range(1, 61)),
        ]
        for name, (start, rows) in enumerate(jobs):
            source = iter(rows)
            begun = start(source, Journal(tmp_path / str(name), payload="full"))
            await part_of(begun, 10)
            assert kept_in(tmp_path / str(name))
            job = start(source, Journal(tmp_path / str(name), payload="full"))
            await part_of(job, 99)
            assert job.report.read == 60, name
            assert job.report.ok, name
            assert (tmp_path / str(name)).stat().st_mode & 0o777 == 0o600
        assert not fake.contacts
        companies = [company async for company in mautic.companies.iterate()]
        assert sorted(company.companyname or "" for company in companies) == sorted(f"Acme {n}" for n in range(60))
        assert {company.companycity for company in companies} == {"Oslo"}


async def test_journal_stores_rows_only_when_asked(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job")
    await part_of(BulkJob(ScriptedAdapter(created), iter(["ada@example.com"] * 100), journal=journal), 1)
    assert kept_in(tmp_path / "job") == []
    assert b"ada@example.com" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


async def test_rows_journaled_counts_the_rows_a_consumer_may_acknowledge(tmp_path: Path) -> None:
    path = tmp_path / "job"
    plan = BulkOptions(batch=10, initial_batch=10, concurrency=1, flush_after=0.01)

    async def queue(first: int) -> AsyncIterator[str]:
        for number in range(first, 200):
            safe = job.rows_journaled
            seen.append(safe)
            assert safe <= number
            left = {row for batch in courier.batches for row in batch}
            kept = {f"row {index}" for index, _ in kept_in(path)}
            assert left | kept >= {f"row {index}" for index in range(done, safe)}, "in the file until it has left"
            yield f"row {number}"

    courier, done, seen = ScriptedAdapter(created), 0, list[int]()
    job: BulkJob[str, Any] = BulkJob(courier, queue(0), options=plan, journal=Journal(path, payload="full"))
    assert job.rows_journaled == 0
    await part_of(job, 20)
    safe = job.rows_journaled
    assert seen == sorted(seen)
    assert safe >= 20
    assert {index for index, _ in kept_in(path)} == set(range(job.report.read, safe))

    courier, done = ScriptedAdapter(created), safe
    job = BulkJob(courier, queue(safe), options=plan, journal=Journal(path, payload="full"))
    async with job:
        assert job.rows_journaled == safe, "the source goes on with this row"
        assert [outcome.status async for outcome in job] == ["created"] * (200 - job.report.resumed)
    assert job.rows_journaled == job.report.created == 200


async def test_rows_journaled_is_0_where_the_journal_keeps_no_rows(tmp_path: Path) -> None:
    job: BulkJob[str, Any] = BulkJob(ScriptedAdapter(created), ["a", "b"], journal=Journal(tmp_path / "job"))
    await part_of(job, 2)
    assert job.rows_journaled == 0
