from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mautic_async.bulk import BulkJob, BulkOptions, RowResult
from mautic_async.clock import Clock
from mautic_async.errors import ConfigurationError, MauticError, TransportError
from mautic_async.journal.records import JobJournal, MemoryJournal, RecordState, RowRecord, extend_hash, merge_facts
from mautic_async.journal.sqlite import Journal
from mautic_async.redis import RedisJournal
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from tests.support.bulk_jobs import ScriptedAdapter, answer_created
from tests.support.bulk_model import with_verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from mautic_async.bulk import WorkItem


def entry(index: int, state: str = "sent", **rest: Any) -> RowRecord:
    return RowRecord(index, b"%016d" % index, state=RecordState(state), **rest)


@pytest.fixture(params=["file", "memory", "redis"])
async def ledgers(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Callable[[], JobJournal]]:
    """Makes the ledger of one job, as each new process would, and closes what a test left open."""
    kept, made = MemoryJournal(), list[JobJournal]()
    url = request.getfixturevalue("redis_server").url if request.param == "redis" else ""

    def make() -> JobJournal:
        if request.param == "memory":
            return kept
        made.append(Journal(tmp_path / "job.db") if not url else RedisJournal(url, tmp_path.name))
        return made[-1]

    yield make
    for journal in made:
        await journal.close()


async def test_journal_new_file_starts_at_index_0(ledgers: Callable[[], JobJournal]) -> None:
    ledger = ledgers()
    standing = await ledger.open()
    assert (standing.watermark, standing.counts, standing.records) == (0, {}, {})
    await ledger.close()


async def test_journal_entries_are_read_by_the_next_process(ledgers: Callable[[], JobJournal]) -> None:
    ledger = ledgers()
    await ledger.open()
    await ledger.record_sending([entry(number, attempts=1, first_sent_at=5.0) for number in range(6)])
    done = [entry(number, "done", status="created", id=number) for number in (0, 1, 3)]
    step = entry(4, "step", step="clear", facts={"id": 9, "ü": [1]}, partial_status="updated", id=9, creates_mask=5)
    await ledger.record_outcomes([*done, step])
    await ledger.close()

    standing = await ledgers().open()
    assert standing.watermark == 2
    assert standing.input_hash == extend_hash(extend_hash(b"", entry(0).row_hash), entry(1).row_hash)
    assert standing.counts == {"created": 3}
    assert sorted(standing.records) == [2, 3, 4, 5]
    assert standing.records[2].state == "sent"
    assert standing.records[2].first_sent_at == 5.0
    assert standing.records[3].state == "done"
    assert standing.records[4] == step


async def test_journal_finished_job_starts_anew_and_keeps_learned_settings(ledgers: Callable[[], JobJournal]) -> None:
    ledger = ledgers()
    await ledger.open()
    first = entry(0, "done", status="created", facts={"id": 1, "items": {"a": 7}}, facts_key="ada")
    second = entry(1, "done", status="updated", facts={"items": {"b": 8}}, facts_key="ada")
    await ledger.record_outcomes([first])
    await ledger.record_outcomes([second])
    await ledger.mark_complete()
    await ledger.close()

    ledger = ledgers()
    assert (await ledger.open()).watermark == 0
    assert await ledger.load_facts(["ada", "bob"]) == {"ada": {"id": 1, "items": {"a": 7, "b": 8}}}
    assert await ledger.load_facts([]) == {}
    await ledger.close()


async def test_journal_watermark_passes_gaps_only_when_filled(ledgers: Callable[[], JobJournal]) -> None:
    ledger = ledgers()
    await ledger.open()
    for numbers in ([5, 3], [0, 2], [1], [4]):
        await ledger.record_outcomes([entry(number, "done", status="created") for number in numbers])
    await ledger.close()
    standing = await ledgers().open()
    assert (standing.watermark, standing.records) == (6, {})


async def test_journal_dead_letters_are_on_disk_before_the_outcome(ledgers: Callable[[], JobJournal]) -> None:
    ledger = ledgers()
    await ledger.open()
    called: list[str] = []
    await ledger.record_outcomes([entry(0, "done", status="rejected")], lambda: called.append("synced"))
    assert called == ["synced"]
    await ledger.close()


def test_journal_learned_settings_are_merged_not_replaced() -> None:
    known: dict[str, Any] = {"id": 1, "items": {"a": 1}}
    merge_facts(known, {"items": {"b": 2}, "id": 2})
    merge_facts(known, None)
    assert known == {"id": 2, "items": {"a": 1, "b": 2}}


# -- the file ----------------------------------------------------------------------------------------------------------


async def test_journal_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        journal = Journal(tmp_path / "job.db")
        await journal.open()
        await journal.record_sending([entry(0)])
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        await journal.close()
    finally:
        os.umask(old)
    assert set(modes) >= {"job.db", "job.db-wal", "job.db.lock"}
    assert set(modes.values()) == {0o600}


async def test_journal_commit_is_on_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job.db")
    await journal.open()
    assert await journal._in_transaction(lambda base: base.execute("PRAGMA journal_mode").fetchone()) == ("wal",)
    assert await journal._in_transaction(lambda base: base.execute("PRAGMA synchronous").fetchone()) == (2,)
    await journal.close()


async def test_journal_admits_one_process_a_job(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job.db")
    await journal.open()
    with pytest.raises(ConfigurationError, match="another process is"):
        await Journal(tmp_path / "job.db").open()
    with pytest.raises(ConfigurationError, match="another run of this process"):
        await BulkJob(ScriptedAdapter(answer_created), ["a"], journal=journal)
    await journal.record_sending([entry(0)])  # it is still the first one's
    await journal.close()
    await journal.close()
    again = Journal(tmp_path / "job.db")
    await again.open()
    await again.close()


@pytest.mark.parametrize("damage", [b"no database, but a letter " * 500, b"SQLite format 3\x00" + b"\xff" * 5000])
async def test_journal_refuses_a_damaged_file(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "job.db"
    path.write_bytes(damage)
    path.chmod(0o600)
    journal = Journal(path)
    with pytest.raises(ConfigurationError, match="damaged, or not a journal"):
        await journal.open()
    await journal.close()
    assert path.read_bytes() == damage


async def test_journal_refuses_another_database_and_a_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "job.db"
    path.touch(0o600)
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE precious (n)")
    base.commit()
    base.close()
    journal = Journal(path)
    with pytest.raises(ConfigurationError, match="another program"):
        await journal.open()
    await journal.close()

    journal = Journal(tmp_path / "newer.db")
    await journal.open()
    await journal._in_transaction(lambda base: base.execute("PRAGMA user_version = 99").fetchone())
    await journal.close()
    journal = Journal(tmp_path / "newer.db")
    with pytest.raises(ConfigurationError, match="version 99"):
        await journal.open()
    await journal.close()


async def test_journal_refuses_links_and_files_other_users_may_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job.db")
    await journal.open()
    await journal.close()
    (tmp_path / "job.db").chmod(0o644)
    journal = Journal(tmp_path / "job.db")
    with pytest.raises(ConfigurationError, match="others may read it"):
        await journal.open()
    await journal.close()
    (tmp_path / "elsewhere").touch(0o600)
    (tmp_path / "link.db").symlink_to(tmp_path / "elsewhere")
    journal = Journal(tmp_path / "link.db")
    with pytest.raises(ConfigurationError, match=r"link\.db"):
        await journal.open()
    await journal.close()
    journal = Journal(tmp_path / "nowhere" / "job.db")
    with pytest.raises(ConfigurationError, match="No such file"):
        await journal.open()
    await journal.close()


async def test_journal_ends_the_job_when_the_disk_is_full(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job.db")
    sent: list[int] = []

    async def answer(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        sent.append(len(parcels))
        if len(sent) == 3:
            # As a file system that went read-only.
            await journal._in_transaction(lambda base: base.execute("PRAGMA query_only = ON").fetchone())
        return [RowResult("created") for _ in parcels]

    rows = [f"row {number}" for number in range(5000)]
    job: BulkJob[str, Any] = BulkJob(
        ScriptedAdapter(answer), rows, options=BulkOptions(batch=10, initial_batch=10), journal=journal
    )
    with pytest.raises(MauticError, match=r"journal .*job\.db"):
        await job
    assert len(sent) < 20
    assert job.report.unknown > 0, "what was sent and could not be written down"
    assert job.report.read + job.report.unsent <= 5000


async def test_journal_raises_after_close(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not open"):
        await Journal(tmp_path / "job.db").record_sending([entry(0)])


async def test_journal_can_refuse_an_interrupted_job(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job.db")
    await journal.open()
    await journal.record_sending([entry(0)])
    await journal.close()
    journal = Journal(tmp_path / "job.db", unfinished="refuse")
    with pytest.raises(ConfigurationError, match="interrupted run"):
        await journal.open()
    await journal.close()


def test_journal_job_name_defaults_to_its_file(tmp_path: Path) -> None:
    assert Journal(tmp_path / "nightly.db").job == "nightly"
    assert Journal(tmp_path / "nightly.db", job="orders").job == "orders"


# -- jobs with a journal -----------------------------------------------------------------------------------------------


async def half(path: Path, rows: Sequence[str], stop: int) -> list[int]:
    """Run a job and leave it in the middle."""
    job: BulkJob[str, Any] = BulkJob(
        ScriptedAdapter(answer_created), rows, options=BulkOptions(batch=10, initial_batch=10), journal=Journal(path)
    )
    seen: list[int] = []
    async with job:
        async for outcome in job:
            seen.append(outcome.index)
            if len(seen) == stop:
                break
    return seen


async def test_journal_resumes_a_job_at_its_place(tmp_path: Path) -> None:
    rows = [f"row {number}" for number in range(300)]
    first = await half(tmp_path / "job.db", rows, 100)
    courier = ScriptedAdapter(answer_created)
    job: BulkJob[str, Any] = BulkJob(courier, rows, journal=Journal(tmp_path / "job.db"))
    async with job:
        second = [outcome.index async for outcome in job]
    report = job.report
    assert report.read == report.created == 300
    assert report.resumable
    assert not set(first) & set(second)
    assert sum(map(len, courier.batches)) == len(second) == 300 - report.resumed
    assert report.resumed >= 100

    report = await BulkJob(ScriptedAdapter(answer_created), rows, journal=Journal(tmp_path / "job.db"))
    assert (report.created, report.resumed) == (300, 0), "a finished job starts anew"


@pytest.mark.parametrize("change", ["below the mark", "above the mark", "shorter", "empty"])
async def test_journal_refuses_a_changed_input_before_more_is_sent(tmp_path: Path, change: str) -> None:
    rows = [f"row {number}" for number in range(300)]
    await half(tmp_path / "job.db", rows, 100)
    standing = await (journal := Journal(tmp_path / "job.db")).open()
    await journal.close()
    if change == "below the mark":
        rows[standing.watermark // 2] = "another"
    elif change == "above the mark":
        rows[max(standing.records, default=standing.watermark - 1)] = "another"
    else:
        rows = rows[: 0 if change == "empty" else standing.watermark - 1]
    courier = ScriptedAdapter(answer_created)
    with pytest.raises(ConfigurationError, match="the input is not the one"):
        await BulkJob(courier, rows, journal=Journal(tmp_path / "job.db"))
    if change != "above the mark" or not standing.records:
        assert courier.batches == []


async def test_journal_intent_is_on_disk_before_the_request(tmp_path: Path) -> None:
    """Invariant 31."""
    path = tmp_path / "job.db"

    async def spying(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as other:
            there = {n for (n,) in other.execute("SELECT n FROM record WHERE state = 'sent'")}
        other.close()
        assert {parcel.index for parcel in parcels} <= there
        return [RowResult("created") for _ in parcels]

    report = await BulkJob(ScriptedAdapter(spying), [str(n) for n in range(500)], journal=Journal(path))
    assert report.created == 500


async def test_journal_outcome_is_on_disk_before_it_is_yielded(tmp_path: Path) -> None:
    path = tmp_path / "job.db"
    job: BulkJob[str, Any] = BulkJob(
        ScriptedAdapter(answer_created), [str(n) for n in range(100)], journal=Journal(path)
    )
    async with job:
        async for outcome in job:
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as other:
                marks = other.execute("SELECT value FROM meta WHERE key = 'watermark'").fetchall()
                rows = dict(other.execute("SELECT n, state FROM record").fetchall())
            other.close()
            if marks:  # none once the job has finished
                assert outcome.index < marks[0][0] or rows[outcome.index] == "done"


async def test_journal_learned_ids_are_known_to_the_next_job(tmp_path: Path) -> None:
    seen: list[Any] = []

    async def answer(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        seen.extend(dict(parcel.facts) for parcel in parcels)
        return [RowResult("created", 5 + parcel.index, facts={"items": {parcel.row: 50}}) for parcel in parcels]

    for _ in range(2):
        await BulkJob(ScriptedAdapter(answer), ["a", "b"], journal=Journal(tmp_path / "job.db"))
    assert seen == [{}, {}, {"items": {"a": 50}}, {"items": {"b": 50}}]


@pytest.mark.virtual_time
async def test_journal_keeps_rows_sent_before_the_source_failed() -> None:
    """Invariant 34."""
    journal = MemoryJournal()

    def source() -> Iterator[str]:
        yield from (str(number) for number in range(500))
        raise OSError("gone")

    courier = ScriptedAdapter(answer_created)
    clock = virtual_clock(asyncio.get_running_loop())
    with pytest.raises(OSError, match="gone"):
        await BulkJob(courier, source(), clock=clock, journal=journal)
    standing = await journal.open()
    done = standing.watermark + sum(it.state == "done" for it in standing.records.values())
    sent = sum(map(len, courier.batches))
    assert done == sent > 0


def test_journal_delays_rows_of_a_killed_job_before_sending_again() -> None:
    journal = MemoryJournal()
    rows = [str(number) for number in range(100)]

    async def killed() -> None:
        async def never(_: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

        clock = virtual_clock(asyncio.get_running_loop())
        job: BulkJob[str, Any] = BulkJob(
            ScriptedAdapter(never), rows, options=BulkOptions(grace=0.0), clock=clock, journal=journal
        )
        async with asyncio.timeout(5.0):
            await job

    with pytest.raises(TimeoutError):
        run_virtual(killed())
    sent: list[float] = []

    async def resumed() -> None:
        async def answer(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
            sent.append(asyncio.get_running_loop().time())
            return [RowResult("created") for _ in parcels]

        clock = virtual_clock(asyncio.get_running_loop())
        report = await BulkJob(ScriptedAdapter(answer), rows, clock=clock, journal=journal)
        assert report.created == 100

    run_virtual(resumed())
    assert min(sent) >= 120.0


async def test_bulk_job_without_a_journal_says_it_cannot_be_resumed() -> None:
    report = await BulkJob(ScriptedAdapter(answer_created), ["a"])
    assert not report.resumable


CHILD = """
import asyncio, os, signal, sys
from mautic_async.bulk import BulkOptions, RowResult, BulkJob
from mautic_async.journal.sqlite import Journal
from tests.support.bulk_jobs import ScriptedAdapter

async def answer(parcels):
    if parcels[0].index >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return [RowResult("created") for _ in parcels]

rows = [str(number) for number in range(500)]
plan = BulkOptions(batch=10, initial_batch=10, reconcile_after=0.01)
job = BulkJob(ScriptedAdapter(answer), rows, options=plan, journal=Journal(sys.argv[1]))


async def to_end():
    return await job


report = asyncio.run(to_end())
print(report.created, report.resumed)
"""


def test_journal_of_a_killed_process_can_be_resumed(tmp_path: Path) -> None:
    path = str(tmp_path / "job.db")
    for place in (100, 250, 400):
        killed = subprocess.run([sys.executable, "-c", CHILD, path, str(place)], capture_output=True, check=False)
        assert killed.returncode == -9, killed.stderr.decode()
    ended = subprocess.run([sys.executable, "-c", CHILD, path, "999"], capture_output=True, check=True, text=True)
    created_, resumed = map(int, ended.stdout.split())
    assert created_ == 500
    assert resumed > 0


def test_journal_of_another_job_is_refused_before_the_first_request(tmp_path: Path) -> None:
    async def lost(_: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        raise with_verdict(TransportError("x"))

    async def work() -> None:
        path = tmp_path / "job.db"
        path.write_bytes(b"x" * 5000)
        path.chmod(0o600)
        courier = ScriptedAdapter(lost)
        with pytest.raises(ConfigurationError):
            await BulkJob(courier, ["a"], clock=Clock(), journal=Journal(path))
        assert courier.batches == []

    asyncio.run(work())
