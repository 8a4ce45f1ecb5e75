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

from mautic_async._files import lock_private, open_private
from mautic_async.errors import ConfigurationError, MauticError
from mautic_async.journal.records import Entry, Mark, Standing, with_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

VERSION: Final = 2
APPLICATION: Final = 0x4D614A6F
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
BEHIND: Final = 5000
"""Rows below the mark that are remembered: more than lie between two rows of one contact, sent within two seconds."""

PUT: Final = "INSERT OR REPLACE INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
LEARN: Final = (
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
        payload: Literal["reference", "full"] = "reference",
    ) -> None:
        self.path = Path(path)
        self.job = job or self.path.stem
        self.keeps = payload == "full"
        self._payload = payload
        self._unfinished = unfinished
        self._lock: int | None = None
        self._base: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._work: deque[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = deque()
        self._mark = Mark(Standing())
        self._counts: dict[str, int] = {}

    async def begin(self) -> Standing:
        """Open the file for this process alone, and say where the job stands."""
        if self._thread is not None:
            raise ConfigurationError(f"journal {self.path}: in use by another run of this process")
        self._thread = ThreadPoolExecutor(1, "journal")
        try:
            standing = await asyncio.get_running_loop().run_in_executor(self._thread, self._open)
        except BaseException:
            await self.close()
            raise
        self._mark = Mark(standing)
        self._counts = dict(standing.counts)
        return standing

    async def keep(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Write down the rows themselves."""
        kept = list(rows)

        def write(base: sqlite3.Connection) -> None:
            base.executemany("REPLACE INTO payload VALUES (?, ?)", kept)

        await self._do(write)

    async def intend(self, entries: Sequence[Entry]) -> None:
        """Write that these rows are about to leave."""
        rows = [_columns(entry) for entry in entries]

        def write(base: sqlite3.Connection) -> None:
            # Its cursor must not leave this thread: whoever drops it resets the statement, in use here or not.
            base.executemany(PUT, rows)

        await self._do(write)

    async def conclude(self, entries: Sequence[Entry], before: Callable[[], None] | None = None) -> None:
        """Write what became of these rows."""
        facts = [(it.memory, _dump(it.known)) for it in entries if it.memory and it.known]
        for entry in entries:
            if entry.state == "done":
                self._mark.add(entry)
                self._counts[entry.status] = self._counts.get(entry.status, 0) + 1
        mark, chain, counts = self._mark.index, self._mark.chain, json.dumps(self._counts)
        rows = [_columns(entry) for entry in entries if entry.index >= mark or entry.status == "created"]

        def write(base: sqlite3.Connection) -> None:
            if before is not None:
                before()
            base.executemany(PUT, rows)
            base.execute("DELETE FROM row WHERE n < ?", (mark - BEHIND,))
            base.executemany("REPLACE INTO meta VALUES (?, ?)", (("mark", mark), ("chain", chain), ("counts", counts)))
            base.executemany(LEARN, facts)
            if self.keeps:
                base.execute("DELETE FROM payload WHERE n < ?", (mark,))

        await self._do(write)

    async def recall(self, memories: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """What earlier runs learned under these names."""
        names = json.dumps(list(memories))
        if names == "[]":
            return {}

        def ask(base: sqlite3.Connection) -> dict[str, Any]:
            query = "SELECT name, known FROM memory WHERE name IN (SELECT value FROM json_each(?))"
            return {name: json.loads(known) for name, known in base.execute(query, (names,))}

        return await self._do(ask)

    async def finish(self) -> None:
        """Start anew next time; what was learned stays."""

        def clear(base: sqlite3.Connection) -> None:
            base.execute("DELETE FROM row")
            base.execute("DELETE FROM payload")
            base.execute("DELETE FROM meta")

        await self._do(clear)

    async def close(self) -> None:
        """Let go of the file, after what has been asked for is written."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._close)
            thread.shutdown(wait=False)

    # -- in the writer thread ------------------------------------------------------------------------------------------

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Have *work* done, in one transaction with all that waits by then; on disk when this returns."""
        if self._thread is None:
            raise ConfigurationError(f"journal {self.path}: not open")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._work.append((work, done))
        self._thread.submit(self._drain, loop)
        return await done

    def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        batch: list[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = []
        while self._work:
            batch.append(self._work.popleft())
        if not batch:
            return
        assert self._base is not None  # noqa: S101 - open
        results: list[Any] = []
        failure: MauticError | None = None
        try:
            with self._base:
                self._base.execute("BEGIN IMMEDIATE")
                results = [work(self._base) for work, _ in batch]
        except (sqlite3.Error, OSError) as error:
            failure = MauticError(f"journal {self.path}: {error}")
            failure.__cause__ = error
        loop.call_soon_threadsafe(_answer, [future for _, future in batch], results, failure)

    def _open(self) -> Standing:
        self._lock = lock_private(self.path.with_name(self.path.name + ".lock"))
        os.close(open_private(self.path, os.O_RDWR))
        for beside in ("-wal", "-shm", "-journal"):
            if self.path.with_name(self.path.name + beside).is_symlink():
                raise ConfigurationError(f"journal {self.path}: {self.path.name}{beside} is a symbolic link; remove it")
        try:
            self._base = sqlite3.connect(self.path, isolation_level=None)
            return self._read(self._base)
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(f"journal {self.path}: damaged, or not a journal ({error})") from error

    def _read(self, base: sqlite3.Connection) -> Standing:
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = FULL")
        (version,) = base.execute("PRAGMA user_version").fetchone()
        (application,) = base.execute("PRAGMA application_id").fetchone()
        if not version and not base.execute("SELECT 1 FROM sqlite_master").fetchone():
            marks = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
            base.executescript(f"BEGIN; {SCHEMA} {marks} COMMIT;")
        elif application != APPLICATION:
            raise ConfigurationError(f"journal {self.path}: it belongs to another program")
        elif version != VERSION:
            raise ConfigurationError(f"journal {self.path}: written by version {version}, this program reads {VERSION}")
        meta = dict(base.execute("SELECT key, value FROM meta").fetchall())
        rows = base.execute("SELECT * FROM row").fetchall()
        kept = dict(base.execute("SELECT n, body FROM payload").fetchall())
        how = meta.pop("payload", "")
        if self._unfinished == "refuse" and (meta or rows or kept):
            raise ConfigurationError(
                f"journal {self.path}: it holds an interrupted run; resume it, or give another file to begin anew"
            )
        if how != self._payload and (meta or rows or kept):
            raise ConfigurationError(f"journal {self.path}: the interrupted run in it needs payload={how!r}")
        base.execute("REPLACE INTO meta VALUES ('payload', ?)", (self._payload,))
        mark = meta.get("mark", 0)
        known = [_entry(row) for row in rows]
        entries = with_rows({entry.index: entry for entry in known if entry.index >= mark}, kept)
        created = {entry.id for entry in known if entry.index < mark and entry.status == "created"}
        return Standing(mark, meta.get("chain", b""), json.loads(meta.get("counts", "{}")), entries, created)

    def _close(self) -> None:
        base, self._base = self._base, None
        lock, self._lock = self._lock, None
        if base is not None:
            base.close()
        if lock is not None:
            os.close(lock)


def _answer(futures: Sequence[asyncio.Future[Any]], results: Sequence[Any], failure: MauticError | None) -> None:
    for number, future in enumerate(futures):
        if future.done():
            continue
        if failure is not None:
            future.set_exception(failure)
        else:
            future.set_result(results[number])


def _dump(known: Mapping[str, Any]) -> str:
    return json.dumps(known, ensure_ascii=False, separators=(",", ":")) if known else ""


def _columns(entry: Entry) -> tuple[Any, ...]:
    return (
        entry.index,
        entry.digest,
        entry.state,
        entry.step,
        entry.tries,
        entry.since,
        _dump(entry.known),
        entry.status,
        entry.so_far,
        entry.id,
        entry.brings,
    )


def _entry(row: Sequence[Any]) -> Entry:
    index, digest, state, step, tries, since, known, status, so_far, entity, brings = row
    facts = json.loads(known or "{}")
    return Entry(index, digest, state, step, tries, since, facts, status, so_far, entity, brings=brings)
