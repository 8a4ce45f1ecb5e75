from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mautic_async.bulk import Plan, Receipt, Run, to_the_end
from mautic_async.clock import Clock
from mautic_async.errors import ConfigurationError, MauticError, TransportError
from mautic_async.journal.records import Entry, Ledger, MemoryJournal, follow, learn
from mautic_async.journal.sqlite import Journal
from mautic_async.testing.virtual_time import run, virtual_clock
from tests.support.bulk_jobs import Plain, created
from tests.support.bulk_model import raised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from mautic_async.bulk import Parcel


def entry(index: int, state: str = "sent", **rest: Any) -> Entry:
    return Entry(index, b"%016d" % index, state=state, **rest)


@pytest.fixture(params=["file", "memory"])
def ledgers(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Ledger]:
    """Makes the ledger of one job, as each new process would."""
    if request.param == "file":
        return lambda: Journal(tmp_path / "job.db")
    kept = MemoryJournal()
    return lambda: kept


async def test_a_new_ledger_stands_at_the_beginning(ledgers: Callable[[], Ledger]) -> None:
    ledger = ledgers()
    standing = await ledger.begin()
    assert (standing.mark, standing.counts, standing.entries) == (0, {}, {})
    await ledger.close()


async def test_what_is_written_is_there_for_the_next_process(ledgers: Callable[[], Ledger]) -> None:
    ledger = ledgers()
    await ledger.begin()
    await ledger.intend([entry(number, tries=1, since=5.0) for number in range(6)])
    done = [entry(number, "done", status="created", id=number) for number in (0, 1, 3)]
    step = entry(4, "step", step="clear", known={"id": 9, "ü": [1]}, so_far="updated", id=9, brings=5)
    await ledger.conclude([*done, step])
    await ledger.close()

    standing = await ledgers().begin()
    assert standing.mark == 2
    assert standing.chain == follow(follow(b"", entry(0).digest), entry(1).digest)
    assert standing.counts == {"created": 3}
    assert sorted(standing.entries) == [2, 3, 4, 5]
    assert standing.entries[2].state == "sent"
    assert standing.entries[2].since == 5.0
    assert standing.entries[3].state == "done"
    assert standing.entries[4] == step


async def test_a_finished_job_starts_anew_but_keeps_what_it_learned(ledgers: Callable[[], Ledger]) -> None:
    ledger = ledgers()
    await ledger.begin()
    first = entry(0, "done", status="created", known={"id": 1, "items": {"a": 7}}, memory="ada")
    second = entry(1, "done", status="updated", known={"items": {"b": 8}}, memory="ada")
    await ledger.conclude([first])
    await ledger.conclude([second])
    await ledger.finish()
    await ledger.close()

    ledger = ledgers()
    assert (await ledger.begin()).mark == 0
    assert await ledger.recall(["ada", "bob"]) == {"ada": {"id": 1, "items": {"a": 7, "b": 8}}}
    assert await ledger.recall([]) == {}
    await ledger.close()


async def test_the_mark_moves_over_gaps_only_when_they_are_filled(ledgers: Callable[[], Ledger]) -> None:
    ledger = ledgers()
    await ledger.begin()
    for numbers in ([5, 3], [0, 2], [1], [4]):
        await ledger.conclude([entry(number, "done", status="created") for number in numbers])
    await ledger.close()
    standing = await ledgers().begin()
    assert (standing.mark, standing.entries) == (6, {})


async def test_dead_letters_are_on_the_disk_before_the_outcome(ledgers: Callable[[], Ledger]) -> None:
    ledger = ledgers()
    await ledger.begin()
    called: list[str] = []
    await ledger.conclude([entry(0, "done", status="rejected")], lambda: called.append("synced"))
    assert called == ["synced"]
    await ledger.close()


def test_facts_are_joined_not_replaced() -> None:
    known: dict[str, Any] = {"id": 1, "items": {"a": 1}}
    learn(known, {"items": {"b": 2}, "id": 2})
    learn(known, None)
    assert known == {"id": 2, "items": {"a": 1, "b": 2}}


# -- the file ----------------------------------------------------------------------------------------------------------


async def test_all_its_files_are_the_owners_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        journal = Journal(tmp_path / "job.db")
        await journal.begin()
        await journal.intend([entry(0)])
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        await journal.close()
    finally:
        os.umask(old)
    assert set(modes) >= {"job.db", "job.db-wal", "job.db.lock"}
    assert set(modes.values()) == {0o600}


async def test_a_commit_is_on_the_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job.db")
    await journal.begin()
    assert await journal._do(lambda base: base.execute("PRAGMA journal_mode").fetchone()) == ("wal",)
    assert await journal._do(lambda base: base.execute("PRAGMA synchronous").fetchone()) == (2,)
    await journal.close()


async def test_one_process_a_job(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job.db")
    await journal.begin()
    with pytest.raises(ConfigurationError, match="another process is at work"):
        await Journal(tmp_path / "job.db").begin()
    with pytest.raises(ConfigurationError, match="another run of this process"):
        await to_the_end(Run(Plain(created), ["a"], journal=journal))
    await journal.intend([entry(0)])  # it is still the first one's
    await journal.close()
    await journal.close()
    again = Journal(tmp_path / "job.db")
    await again.begin()
    await again.close()


@pytest.mark.parametrize("damage", [b"no database, but a letter " * 500, b"SQLite format 3\x00" + b"\xff" * 5000])
async def test_a_damaged_file_is_refused(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "job.db"
    path.write_bytes(damage)
    path.chmod(0o600)
    journal = Journal(path)
    with pytest.raises(ConfigurationError, match="damaged, or not a journal"):
        await journal.begin()
    await journal.close()
    assert path.read_bytes() == damage


async def test_another_programs_database_and_a_newer_journal_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "job.db"
    path.touch(0o600)
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE precious (n)")
    base.commit()
    base.close()
    journal = Journal(path)
    with pytest.raises(ConfigurationError, match="another program"):
        await journal.begin()
    await journal.close()

    journal = Journal(tmp_path / "newer.db")
    await journal.begin()
    await journal._do(lambda base: base.execute("PRAGMA user_version = 99").fetchone())
    await journal.close()
    journal = Journal(tmp_path / "newer.db")
    with pytest.raises(ConfigurationError, match="version 99"):
        await journal.begin()
    await journal.close()


async def test_a_file_that_others_may_read_and_a_link_are_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job.db")
    await journal.begin()
    await journal.close()
    (tmp_path / "job.db").chmod(0o644)
    journal = Journal(tmp_path / "job.db")
    with pytest.raises(ConfigurationError, match="others may read it"):
        await journal.begin()
    await journal.close()
    (tmp_path / "elsewhere").touch(0o600)
    (tmp_path / "link.db").symlink_to(tmp_path / "elsewhere")
    journal = Journal(tmp_path / "link.db")
    with pytest.raises(ConfigurationError, match=r"link\.db"):
        await journal.begin()
    await journal.close()
    journal = Journal(tmp_path / "nowhere" / "job.db")
    with pytest.raises(ConfigurationError, match="No such file"):
        await journal.begin()
    await journal.close()


async def test_a_full_disk_ends_the_job_and_says_so(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job.db")
    sent: list[int] = []

    async def answer(parcels: Sequence[Parcel[str]]) -> list[Receipt[Any]]:
        sent.append(len(parcels))
        if len(sent) == 3:
            # As a file system that went read-only.
            await journal._do(lambda base: base.execute("PRAGMA query_only = ON").fetchone())
        return [Receipt("created") for _ in parcels]

    rows = [f"row {number}" for number in range(5000)]
    job: Run[str, Any] = Run(Plain(answer), rows, plan=Plan(batch=10, first_batch=10), journal=journal)
    with pytest.raises(MauticError, match=r"journal .*job\.db"):
        await to_the_end(job)
    assert len(sent) < 20
    assert job.report.unknown > 0, "what was sent and could not be written down"
    assert job.report.read + job.report.unsent <= 5000


async def test_closed_means_closed(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not open"):
        await Journal(tmp_path / "job.db").intend([entry(0)])


async def test_an_interrupted_run_can_be_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job.db")
    await journal.begin()
    await journal.intend([entry(0)])
    await journal.close()
    journal = Journal(tmp_path / "job.db", unfinished="refuse")
    with pytest.raises(ConfigurationError, match="interrupted run"):
        await journal.begin()
    await journal.close()


def test_a_journal_is_named_for_its_file_unless_told(tmp_path: Path) -> None:
    assert Journal(tmp_path / "nightly.db").job == "nightly"
    assert Journal(tmp_path / "nightly.db", job="orders").job == "orders"


# -- jobs with a journal -----------------------------------------------------------------------------------------------


async def half(path: Path, rows: Sequence[str], stop: int) -> list[int]:
    """Run a job and leave it in the middle."""
    job: Run[str, Any] = Run(Plain(created), rows, plan=Plan(batch=10, first_batch=10), journal=Journal(path))
    seen: list[int] = []
    async with job:
        async for outcome in job:
            seen.append(outcome.index)
            if len(seen) == stop:
                break
    return seen


async def test_a_job_goes_on_where_it_was_left(tmp_path: Path) -> None:
    rows = [f"row {number}" for number in range(300)]
    first = await half(tmp_path / "job.db", rows, 100)
    courier = Plain(created)
    job: Run[str, Any] = Run(courier, rows, journal=Journal(tmp_path / "job.db"))
    async with job:
        second = [outcome.index async for outcome in job]
    report = job.report
    assert report.read == report.created == 300
    assert report.resumable
    assert not set(first) & set(second)
    assert sum(map(len, courier.batches)) == len(second) == 300 - report.resumed
    assert report.resumed >= 100

    report = await to_the_end(Run(Plain(created), rows, journal=Journal(tmp_path / "job.db")))
    assert (report.created, report.resumed) == (300, 0), "a finished job starts anew"


@pytest.mark.parametrize("change", ["below the mark", "above the mark", "shorter", "empty"])
async def test_a_changed_input_is_refused_before_more_is_sent(tmp_path: Path, change: str) -> None:
    rows = [f"row {number}" for number in range(300)]
    await half(tmp_path / "job.db", rows, 100)
    standing = await (journal := Journal(tmp_path / "job.db")).begin()
    await journal.close()
    if change == "below the mark":
        rows[standing.mark // 2] = "another"
    elif change == "above the mark":
        rows[max(standing.entries, default=standing.mark - 1)] = "another"
    else:
        rows = rows[: 0 if change == "empty" else standing.mark - 1]
    courier = Plain(created)
    with pytest.raises(ConfigurationError, match="the input is not the one"):
        await to_the_end(Run(courier, rows, journal=Journal(tmp_path / "job.db")))
    if change != "above the mark" or not standing.entries:
        assert courier.batches == []


async def test_invariant_31_the_intent_is_on_the_disk_before_anything_leaves(tmp_path: Path) -> None:
    path = tmp_path / "job.db"

    async def spying(parcels: Sequence[Parcel[str]]) -> list[Receipt[Any]]:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as other:
            there = {n for (n,) in other.execute("SELECT n FROM row WHERE state = 'sent'")}
        other.close()
        assert {parcel.index for parcel in parcels} <= there
        return [Receipt("created") for _ in parcels]

    report = await to_the_end(Run(Plain(spying), [str(n) for n in range(500)], journal=Journal(path)))
    assert report.created == 500


async def test_the_outcome_is_on_the_disk_before_it_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "job.db"
    job: Run[str, Any] = Run(Plain(created), [str(n) for n in range(100)], journal=Journal(path))
    async with job:
        async for outcome in job:
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as other:
                marks = other.execute("SELECT value FROM meta WHERE key = 'mark'").fetchall()
                rows = dict(other.execute("SELECT n, state FROM row").fetchall())
            other.close()
            if marks:  # none once the job has finished
                assert outcome.index < marks[0][0] or rows[outcome.index] == "done"


async def test_ids_that_were_learned_are_known_to_the_next_run(tmp_path: Path) -> None:
    seen: list[Any] = []

    async def answer(parcels: Sequence[Parcel[str]]) -> list[Receipt[Any]]:
        seen.extend(dict(parcel.known) for parcel in parcels)
        return [Receipt("created", 5 + parcel.index, known={"items": {parcel.row: 50}}) for parcel in parcels]

    for _ in range(2):
        await to_the_end(Run(Plain(answer), ["a", "b"], journal=Journal(tmp_path / "job.db")))
    assert seen == [{}, {}, {"items": {"a": 50}}, {"items": {"b": 50}}]


def test_invariant_34_what_was_sent_before_the_source_failed_is_journaled() -> None:
    journal = MemoryJournal()

    def source() -> Iterator[str]:
        yield from (str(number) for number in range(500))
        raise OSError("gone")

    async def work() -> tuple[int, int]:
        courier = Plain(created)
        clock = virtual_clock(asyncio.get_running_loop())
        with pytest.raises(OSError, match="gone"):
            await to_the_end(Run(courier, source(), clock=clock, journal=journal))
        standing = await journal.begin()
        done = standing.mark + sum(it.state == "done" for it in standing.entries.values())
        return done, sum(map(len, courier.batches))

    done, sent = run(work())
    assert done == sent > 0


def test_rows_of_a_killed_run_rest_before_they_are_sent_again() -> None:
    journal = MemoryJournal()
    rows = [str(number) for number in range(100)]

    async def killed() -> None:
        async def never(_: Sequence[Parcel[str]]) -> list[Receipt[Any]]:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

        clock = virtual_clock(asyncio.get_running_loop())
        job: Run[str, Any] = Run(Plain(never), rows, plan=Plan(grace=0.0), clock=clock, journal=journal)
        async with asyncio.timeout(5.0):
            await to_the_end(job)

    with pytest.raises(TimeoutError):
        run(killed())
    sent: list[float] = []

    async def resumed() -> None:
        async def answer(parcels: Sequence[Parcel[str]]) -> list[Receipt[Any]]:
            sent.append(asyncio.get_running_loop().time())
            return [Receipt("created") for _ in parcels]

        clock = virtual_clock(asyncio.get_running_loop())
        report = await to_the_end(Run(Plain(answer), rows, clock=clock, journal=journal))
        assert report.created == 100

    run(resumed())
    assert min(sent) >= 120.0


async def test_a_job_without_a_journal_says_that_it_cannot_be_resumed() -> None:
    report = await to_the_end(Run(Plain(created), ["a"]))
    assert not report.resumable


CHILD = """
import asyncio, os, signal, sys
from mautic_async.bulk import Plan, Receipt, Run, to_the_end
from mautic_async.journal.sqlite import Journal
from tests.support.bulk_jobs import Plain

async def answer(parcels):
    if parcels[0].index >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return [Receipt("created") for _ in parcels]

rows = [str(number) for number in range(500)]
plan = Plan(batch=10, first_batch=10, settle=0.01)
report = asyncio.run(to_the_end(Run(Plain(answer), rows, plan=plan, journal=Journal(sys.argv[1]))))
print(report.created, report.resumed)
"""


def test_a_killed_process_leaves_a_journal_that_can_be_resumed(tmp_path: Path) -> None:
    path = str(tmp_path / "job.db")
    for place in (100, 250, 400):
        killed = subprocess.run([sys.executable, "-c", CHILD, path, str(place)], capture_output=True, check=False)
        assert killed.returncode == -9, killed.stderr.decode()
    ended = subprocess.run([sys.executable, "-c", CHILD, path, "999"], capture_output=True, check=True, text=True)
    created_, resumed = map(int, ended.stdout.split())
    assert created_ == 500
    assert resumed > 0


def test_a_wrong_journal_is_refused_before_the_server_is_asked_for_rows(tmp_path: Path) -> None:
    async def lost(_: Sequence[Parcel[str]]) -> list[Receipt[Any]]:
        raise raised(TransportError("x"))

    async def work() -> None:
        path = tmp_path / "job.db"
        path.write_bytes(b"x" * 5000)
        path.chmod(0o600)
        courier = Plain(lost)
        with pytest.raises(ConfigurationError):
            await to_the_end(Run(courier, ["a"], clock=Clock(), journal=Journal(path)))
        assert courier.batches == []

    asyncio.run(work())
