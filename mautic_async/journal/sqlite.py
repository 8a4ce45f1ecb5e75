"""A bulk job's journal in an SQLite file, from which a killed job is resumed.

A transaction is committed before a batch is sent, and another before the caller sees its outcomes. Each is on disk
when it returns: WAL with ``synchronous=FULL``, since ``NORMAL`` may lose the last commits when the power fails. One
thread writes, and commits all that waits in one transaction (group commit).
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from mautic_async._files import open_locked, open_owner_only
from mautic_async.errors import ConfigurationError, MauticError
from mautic_async.journal.records import Checkpoint, RecordState, RowRecord, Watermark, add_stored_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mautic_async.journal.records import JobJournal

VERSION: Final = 3
APPLICATION_ID: Final = 0x4D614A6F
"""The mark by which SQLite files of this program are recognised."""

SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE record (
    n INTEGER PRIMARY KEY, hash BLOB, state TEXT, step TEXT, attempts INTEGER, first_sent_at REAL, facts TEXT,
    status TEXT, partial_status TEXT, entity_id INTEGER, creates_mask INTEGER
);
CREATE TABLE fact (name TEXT PRIMARY KEY, facts TEXT) WITHOUT ROWID;
CREATE TABLE payload (n INTEGER PRIMARY KEY, body BLOB);
"""
REMEMBERED_BELOW_WATERMARK: Final = 5000
"""Records kept below the watermark: more rows than lie between two rows of one contact sent within two seconds."""

_UPSERT_RECORD: Final = "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MERGE_FACTS: Final = (
    "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET facts = json_patch(facts, excluded.facts)"
)

T = TypeVar("T")


class Journal:
    """A file from which a bulk job can be resumed after a crash at any point.

    Give the same rows in the same order again, and the job goes on: rows that are done are skipped, rows that had been
    sent without an answer are looked up once the server can no longer be at work on them. A changed input is refused.
    When a job is complete, the next one with the same file starts anew, and knows the ids of contacts and custom items
    that earlier runs have learned. The file is readable by its owner alone; it holds hashes and ids, never
    credentials, and rows only with ``payload="full"``. Not for network file systems.

    A source that cannot be read twice (a queue, a cursor) needs ``payload="full"``: rows are written as they are
    read, up to 32 at a time, and forgotten when they are done. To resume, give what the source yields from now on;
    unfinished rows come from the file, before it. Rows that had been read and not yet written when the process was
    killed, at most 32, have to come from the source again: `BulkJob.rows_journaled` tells which rows are safe.

    Args:
        path: The file; created if it is missing. SQLite keeps two more beside it, and there is a lock file.
        job: A name for the job; the file's own name by default.
        unfinished: Resume an interrupted run that the file holds, or refuse to begin.
        finished: Begin the next run after a finished one, or refuse to begin.
        payload: Keep a hash of each row (``reference``), or the row itself (``full``).

    Raises:
        ConfigurationError: At the beginning of the job: another process uses the file, or it is no journal, is damaged,
            or may be read by other users.
        MauticError: During the job: the disk is full or broken. Rows that had been sent become ``unknown``.
    """

    durable = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        job: str = "",
        unfinished: Literal["resume", "refuse"] = "resume",
        finished: Literal["restart", "refuse"] = "restart",
        payload: Literal["reference", "full"] = "reference",
    ) -> None:
        self.path: Path = Path(path)
        self.job: str = job or self.path.stem
        self.stores_rows: bool = payload == "full"
        self._payload = payload
        self._unfinished = unfinished
        self._finished = finished
        self._lock: int | None = None
        self._db: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._work: deque[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = deque()
        self._watermark = Watermark(Checkpoint())
        self._counts: dict[str, int] = {}

    async def open(self) -> Checkpoint:
        """Open the file for this process alone, and return where the job stands."""
        if self._thread is not None:
            raise ConfigurationError(f"journal {self.path}: in use by another run of this process")
        # One thread: an SQLite connection belongs to the thread that made it, and commits must not overlap.
        self._thread = ThreadPoolExecutor(1, "journal")
        try:
            checkpoint = await asyncio.get_running_loop().run_in_executor(self._thread, self._open)
        except BaseException:
            await self.close()
            raise
        self._watermark = Watermark(checkpoint)
        self._counts = dict(checkpoint.counts)
        return checkpoint

    async def store_rows(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Write the rows themselves."""
        stored_rows = list(rows)

        def write(db: sqlite3.Connection) -> None:
            db.executemany("REPLACE INTO payload VALUES (?, ?)", stored_rows)

        await self._in_transaction(write)

    async def record_sending(self, records: Sequence[RowRecord]) -> None:
        """Record that these rows are about to be sent."""
        rows = [_columns(record) for record in records]

        def write(db: sqlite3.Connection) -> None:
            # Do not return the cursor: dropping it in another thread resets the statement while this one uses it.
            db.executemany(_UPSERT_RECORD, rows)

        await self._in_transaction(write)

    async def record_outcomes(
        self, records: Sequence[RowRecord], before_commit: Callable[[], None] | None = None
    ) -> None:
        """Record outcomes and finished steps."""
        facts = [(it.facts_key, _dump(it.facts)) for it in records if it.facts_key and it.facts]
        for record in records:
            if record.state is RecordState.DONE:
                self._watermark.add(record)
                self._counts[record.status] = self._counts.get(record.status, 0) + 1
        # The watermark is taken now, on the event loop; other outcomes may move it before the thread writes.
        watermark = self._watermark.index
        meta = (
            ("watermark", watermark),
            ("input_hash", self._watermark.input_hash),
            ("counts", json.dumps(self._counts)),
        )
        # Below the watermark only created entities matter: a later row must not claim to have made one of them.
        rows = [_columns(record) for record in records if record.index >= watermark or record.status == "created"]

        def write(db: sqlite3.Connection) -> None:
            if before_commit is not None:
                before_commit()
            db.executemany(_UPSERT_RECORD, rows)
            db.execute("DELETE FROM record WHERE n < ?", (watermark - REMEMBERED_BELOW_WATERMARK,))
            db.executemany("REPLACE INTO meta VALUES (?, ?)", meta)
            db.executemany(_MERGE_FACTS, facts)
            if self.stores_rows:
                db.execute("DELETE FROM payload WHERE n < ?", (watermark,))

        await self._in_transaction(write)

    async def load_facts(self, facts_keys: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the facts that earlier runs have learned under these names."""
        # As one JSON array, since the number of parameters of an SQLite statement is limited.
        names = json.dumps(list(facts_keys))
        if names == "[]":
            return {}

        def ask(db: sqlite3.Connection) -> dict[str, Any]:
            query = "SELECT name, facts FROM fact WHERE name IN (SELECT value FROM json_each(?))"
            return {name: json.loads(facts) for name, facts in db.execute(query, (names,))}

        return await self._in_transaction(ask)

    async def mark_complete(self) -> None:
        """Start anew with the next run; the facts stay."""

        def clear(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM record")
            db.execute("DELETE FROM payload")
            db.execute("DELETE FROM meta")

        await self._in_transaction(clear)

    async def close(self) -> None:
        """Close the file, after all that waits is written."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._close)
            thread.shutdown(wait=False)

    # -- in the writer thread ------------------------------------------------------------------------------------------

    async def _in_transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run *work* in the writer thread, in one transaction with all that waits; it is on disk when this returns."""
        if self._thread is None:
            raise ConfigurationError(f"journal {self.path}: not open")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        # The first task that the thread runs takes all that waits by then; the later ones find nothing to do.
        self._work.append((work, done))
        self._thread.submit(self._commit_batch, loop)
        return await done

    def _commit_batch(self, loop: asyncio.AbstractEventLoop) -> None:
        batch: list[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = []
        while self._work:
            batch.append(self._work.popleft())
        if not batch:
            return
        assert self._db is not None  # noqa: S101 - open
        results: list[Any] = []
        failure: MauticError | None = None
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                results = [work(self._db) for work, _ in batch]
        except (sqlite3.Error, OSError) as error:
            failure = MauticError(f"journal {self.path}: {error}")
            failure.__cause__ = error
        # A future may be resolved on its own event loop only.
        loop.call_soon_threadsafe(_resolve, [future for _, future in batch], results, failure)

    def _open(self) -> Checkpoint:
        # The lock is a file of its own, because SQLite releases its locks on the database between transactions.
        self._lock = open_locked(self.path.with_name(self.path.name + ".lock"))
        os.close(open_owner_only(self.path, os.O_RDWR))
        for suffix in ("-wal", "-shm", "-journal"):
            # SQLite may follow such a link, and write rows into a file that another user may read.
            if self.path.with_name(self.path.name + suffix).is_symlink():
                raise ConfigurationError(f"journal {self.path}: {self.path.name}{suffix} is a symbolic link; remove it")
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None)
            is_new = self._prepare(self._db)
            return self._read(self._db, is_new=is_new)
        except ConfigurationError:
            raise
        except (sqlite3.DatabaseError, ValueError) as error:
            raise ConfigurationError(f"journal {self.path}: damaged, or not a journal ({error})") from error

    def _prepare(self, db: sqlite3.Connection) -> bool:
        """Create the tables of a new file, and return True then; refuse a file of another program or version."""
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (application,) = db.execute("PRAGMA application_id").fetchone()
        is_new = not version and not db.execute("SELECT 1 FROM sqlite_master").fetchone()
        if is_new:
            marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
            db.executescript(f"BEGIN; {SCHEMA} {marks} COMMIT;")
        elif application != APPLICATION_ID:
            raise ConfigurationError(f"journal {self.path}: it belongs to another program")
        elif version != VERSION:
            raise ConfigurationError(f"journal {self.path}: written by version {version}, this program reads {VERSION}")
        return is_new

    def _read(self, db: sqlite3.Connection, *, is_new: bool) -> Checkpoint:
        meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
        all_records = [_to_record(row) for row in db.execute("SELECT * FROM record")]
        rows = dict(db.execute("SELECT n, body FROM payload").fetchall())
        payload_mode = meta.pop("payload", "")
        is_interrupted = bool(meta or rows or all_records)
        if self._unfinished == "refuse" and is_interrupted:
            raise ConfigurationError(
                f"journal {self.path}: it holds an interrupted run; resume it, or give another file to begin anew"
            )
        if self._finished == "refuse" and not is_new and not is_interrupted:
            raise ConfigurationError(f"journal {self.path}: the run in it is finished; nothing is left to resume")
        if payload_mode != self._payload and is_interrupted:
            raise ConfigurationError(f"journal {self.path}: the interrupted run in it needs payload={payload_mode!r}")
        db.execute("REPLACE INTO meta VALUES ('payload', ?)", (self._payload,))
        watermark = meta.get("watermark", 0)
        # Records below the watermark are kept only for the ids that they created.
        records = add_stored_rows({record.index: record for record in all_records if record.index >= watermark}, rows)
        created = {record.id for record in all_records if record.index < watermark and record.status == "created"}
        counts = json.loads(meta.get("counts", "{}"))
        return Checkpoint(watermark, meta.get("input_hash", b""), counts, records, rows, created)

    def _close(self) -> None:
        db, self._db = self._db, None
        lock, self._lock = self._lock, None
        # The database is closed before the lock is released, or another process could open it in between.
        if db is not None:
            db.close()
        if lock is not None:
            os.close(lock)


def as_journal(journal: JobJournal | str | os.PathLike[str] | None) -> JobJournal | None:
    """Return *journal*, or a `Journal` in the file that it names."""
    return Journal(journal) if isinstance(journal, (str, os.PathLike)) else journal


def _resolve(futures: Sequence[asyncio.Future[Any]], results: Sequence[Any], failure: MauticError | None) -> None:
    for number, future in enumerate(futures):
        # The task that waited was cancelled; what it asked for has been written all the same.
        if future.done():
            continue
        if failure is not None:
            future.set_exception(failure)
        else:
            future.set_result(results[number])


def _dump(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")) if facts else ""


def _columns(record: RowRecord) -> tuple[Any, ...]:
    return (
        record.index,
        record.row_hash,
        record.state,
        record.step,
        record.attempts,
        record.first_sent_at,
        _dump(record.facts),
        record.status,
        record.partial_status,
        record.id,
        record.creates_mask,
    )


def _to_record(row: Sequence[Any]) -> RowRecord:
    index, digest, state, step, attempts, first_sent_at, facts, *outcome = row
    return RowRecord(
        index, digest, RecordState(state), step, attempts, first_sent_at, json.loads(facts or "{}"), *outcome
    )
