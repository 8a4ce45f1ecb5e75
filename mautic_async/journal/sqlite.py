"""What was sent and what came of it, in SQLite, so that a killed job can go on where it stood.

One transaction before a batch leaves and one before its outcomes are seen, each on the disk when it returns (WAL with
``synchronous=FULL``: ``NORMAL`` may lose the last commits when the power fails). One thread writes, and takes all that
waits into one transaction.
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
from mautic_async.journal.records import Checkpoint, RowRecord, Watermark, with_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

VERSION: Final = 2
APPLICATION_ID: Final = 0x4D614A6F
"""SQLite's mark of whose file it is."""

SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE row (
    n INTEGER PRIMARY KEY, digest BLOB, state TEXT, step TEXT, tries INTEGER, since REAL, known TEXT, status TEXT,
    so_far TEXT, entity INTEGER, brings INTEGER
);
CREATE TABLE memory (name TEXT PRIMARY KEY, known TEXT) WITHOUT ROWID;
CREATE TABLE payload (n INTEGER PRIMARY KEY, body BLOB);
"""
REMEMBERED_BELOW_WATERMARK: Final = 5000
"""Rows below the mark that are remembered: more than lie between two rows of one contact, sent within two seconds."""

_UPSERT_ROW: Final = "INSERT OR REPLACE INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MERGE_FACTS: Final = (
    "INSERT INTO memory VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET known = json_patch(known, excluded.known)"
)

T = TypeVar("T")


class Journal:
    """A file in which a bulk job can be resumed after a crash at any point.

    Give the same rows in the same order again, and the job goes on: rows that are done are skipped, rows that were on
    their way are looked up once the server can no longer be at work on them. A changed input is refused. When a job
    is done, the next one with the same file starts anew, but knows the ids of contacts and custom items that were
    learned. The file is readable by its owner alone; it holds hashes and ids, never credentials, and rows only where
    that is asked for. Not for network file systems.

    A source that cannot be read twice (a queue, a cursor) needs ``payload="full"``: rows are written down as they are
    taken, up to 32 at a time, and forgotten when they are done. To resume, give what the source yields from now on;
    rows that were under way come from the file, before it. What had been taken and not written down when the process
    was killed, at most 32 rows, is the source's to give again: the job's ``rows_journaled`` tells which rows are safe.

    Args:
        path: The file; made if it is not there. Beside it SQLite keeps two more, and there is a lock file.
        job: A name from which markers are derived; the file's own name if not given.
        unfinished: What to do about an interrupted run in the file: go on with it, or refuse to begin.
        finished: What to do where the run in the file is finished: begin the next one, or refuse to.
        payload: What is kept of a row: a hash (``reference``), or the row itself (``full``).

    Raises:
        ConfigurationError: When the job begins: the file is another process's at the moment, is not a journal, is
            damaged, or may be read by others.
        MauticError: While the job runs: the disk is full or broken. What was sent is reported as ``unknown``.
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
        self.path = Path(path)
        self.job = job or self.path.stem
        self.stores_rows = payload == "full"
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
        """Open the file for this process alone, and say where the job stands."""
        if self._thread is not None:
            raise ConfigurationError(f"journal {self.path}: in use by another run of this process")
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
        """Write down the rows themselves."""
        stored_rows = list(rows)

        def write(base: sqlite3.Connection) -> None:
            base.executemany("REPLACE INTO payload VALUES (?, ?)", stored_rows)

        await self._in_transaction(write)

    async def record_sending(self, records: Sequence[RowRecord]) -> None:
        """Write that these rows are about to leave."""
        rows = [_columns(record) for record in records]

        def write(base: sqlite3.Connection) -> None:
            # Its cursor must not leave this thread: whoever drops it resets the statement, in use here or not.
            base.executemany(_UPSERT_ROW, rows)

        await self._in_transaction(write)

    async def record_outcomes(
        self, records: Sequence[RowRecord], before_commit: Callable[[], None] | None = None
    ) -> None:
        """Write what became of these rows."""
        facts = [(it.facts_key, _dump(it.facts)) for it in records if it.facts_key and it.facts]
        for record in records:
            if record.state == "done":
                self._watermark.add(record)
                self._counts[record.status] = self._counts.get(record.status, 0) + 1
        watermark, input_hash, counts = self._watermark.index, self._watermark.input_hash, json.dumps(self._counts)
        rows = [_columns(record) for record in records if record.index >= watermark or record.status == "created"]

        def write(db: sqlite3.Connection) -> None:
            if before_commit is not None:
                before_commit()
            db.executemany(_UPSERT_ROW, rows)
            db.execute("DELETE FROM row WHERE n < ?", (watermark - REMEMBERED_BELOW_WATERMARK,))
            db.executemany(
                "REPLACE INTO meta VALUES (?, ?)", (("mark", watermark), ("chain", input_hash), ("counts", counts))
            )
            db.executemany(_MERGE_FACTS, facts)
            if self.stores_rows:
                db.execute("DELETE FROM payload WHERE n < ?", (watermark,))

        await self._in_transaction(write)

    async def load_facts(self, facts_keys: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """What earlier runs learned under these names."""
        names = json.dumps(list(facts_keys))
        if names == "[]":
            return {}

        def ask(db: sqlite3.Connection) -> dict[str, Any]:
            query = "SELECT name, known FROM memory WHERE name IN (SELECT value FROM json_each(?))"
            return {name: json.loads(facts) for name, facts in db.execute(query, (names,))}

        return await self._in_transaction(ask)

    async def mark_complete(self) -> None:
        """Start anew next time; what was learned stays."""

        def clear(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM row")
            db.execute("DELETE FROM payload")
            db.execute("DELETE FROM meta")

        await self._in_transaction(clear)

    async def close(self) -> None:
        """Let go of the file, after what has been asked for is written."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._close)
            thread.shutdown(wait=False)

    # -- in the writer thread ------------------------------------------------------------------------------------------

    async def _in_transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Have *work* done, in one transaction with all that waits by then; on disk when this returns."""
        if self._thread is None:
            raise ConfigurationError(f"journal {self.path}: not open")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
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
        loop.call_soon_threadsafe(_resolve, [future for _, future in batch], results, failure)

    def _open(self) -> Checkpoint:
        self._lock = open_locked(self.path.with_name(self.path.name + ".lock"))
        os.close(open_owner_only(self.path, os.O_RDWR))
        for suffix in ("-wal", "-shm", "-journal"):
            if self.path.with_name(self.path.name + suffix).is_symlink():
                raise ConfigurationError(f"journal {self.path}: {self.path.name}{suffix} is a symbolic link; remove it")
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None)
            return self._read(self._db)
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(f"journal {self.path}: damaged, or not a journal ({error})") from error

    def _read(self, db: sqlite3.Connection) -> Checkpoint:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (application,) = db.execute("PRAGMA application_id").fetchone()
        if not version and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
            marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
            db.executescript(f"BEGIN; {SCHEMA} {marks} COMMIT;")
        elif application != APPLICATION_ID:
            raise ConfigurationError(f"journal {self.path}: it belongs to another program")
        elif version != VERSION:
            raise ConfigurationError(f"journal {self.path}: written by version {version}, this program reads {VERSION}")
        meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
        rows = db.execute("SELECT * FROM row").fetchall()
        stored_rows = dict(db.execute("SELECT n, body FROM payload").fetchall())
        payload_mode = meta.pop("payload", "")
        if self._unfinished == "refuse" and (meta or rows or stored_rows):
            raise ConfigurationError(
                f"journal {self.path}: it holds an interrupted run; resume it, or give another file to begin anew"
            )
        if self._finished == "refuse" and version and not (meta or rows or stored_rows):
            raise ConfigurationError(f"journal {self.path}: the run in it is finished; nothing is left to resume")
        if payload_mode != self._payload and (meta or rows or stored_rows):
            raise ConfigurationError(f"journal {self.path}: the interrupted run in it needs payload={payload_mode!r}")
        db.execute("REPLACE INTO meta VALUES ('payload', ?)", (self._payload,))
        watermark = meta.get("mark", 0)
        all_records = [_to_record(row) for row in rows]
        records = with_rows({record.index: record for record in all_records if record.index >= watermark}, stored_rows)
        created = {record.id for record in all_records if record.index < watermark and record.status == "created"}
        return Checkpoint(watermark, meta.get("chain", b""), json.loads(meta.get("counts", "{}")), records, created)

    def _close(self) -> None:
        db, self._db = self._db, None
        lock, self._lock = self._lock, None
        if db is not None:
            db.close()
        if lock is not None:
            os.close(lock)


def _resolve(futures: Sequence[asyncio.Future[Any]], results: Sequence[Any], failure: MauticError | None) -> None:
    for number, future in enumerate(futures):
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
    index, digest, state, step, attempts, first_sent_at, facts_json, status, partial_status, entity, creates_mask = row
    facts = json.loads(facts_json or "{}")
    return RowRecord(
        index,
        digest,
        state,
        step,
        attempts,
        first_sent_at,
        facts,
        status,
        partial_status,
        entity,
        creates_mask=creates_mask,
    )
