"""The file of a `SyncState`: for each contact a hash of what the last confirmed job has stored of it, in SQLite.

A row is marked as unknown, on the disk, before it is sent, and gets its hash once the server has confirmed it. A
process that is killed between the two leaves a row without a hash, which the next job sends again. WAL with
``synchronous=FULL``, as in the journal: a commit that has returned survives a power failure.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import asdict, frozen

from mautic_async._files import open_locked, open_owner_only
from mautic_async.errors import ConfigurationError, MauticError

T = TypeVar("T")

VERSION: Final = 1
"""Of the tables; a program reads only its own."""

APPLICATION_ID: Final = 0x4D615379
"""SQLite's mark of the program that a file belongs to."""

SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE row (
    n INTEGER PRIMARY KEY, key BLOB UNIQUE, hash BLOB, entity INTEGER DEFAULT 0, changed REAL, gone INTEGER DEFAULT 0
);
CREATE INDEX row_entity ON row (entity);
CREATE INDEX row_gone ON row (entity) WHERE gone;
"""

_FIND: Final = "SELECT n, hash, entity FROM row WHERE key = ?"
_MARK: Final = "INSERT INTO row (key) VALUES (?) ON CONFLICT (key) DO UPDATE SET hash = NULL RETURNING n"
_STORE: Final = "UPDATE row SET hash = ?, entity = ?, changed = ? WHERE n = ?"
_FORGET_OTHERS: Final = "UPDATE row SET hash = NULL WHERE entity = ? AND n <> ?"
_DRIFT: Final = "UPDATE row SET hash = NULL WHERE entity = ? AND (changed IS NULL OR changed <> ?) AND hash IS NOT NULL"

_DROP_RENAMED: Final = (
    "DELETE FROM row WHERE gone AND (NOT entity OR entity IN (SELECT entity FROM row WHERE NOT gone))"
)
REMEDY: Final = "; delete it, and the next job sends all rows"


@frozen
class Scope:
    """The job that a state belongs to.

    Attributes:
        server: Base URL.
        noun: ``contacts`` or ``companies``.
        job: The caller's name for the job.
    """

    server: str
    noun: str
    job: str = ""

    def __str__(self) -> str:
        """Return the scope in words."""
        return f"{self.noun} of {self.server}" + (f", job {self.job!r}" if self.job else "")


@frozen
class StoredRow:
    """The file's record of one contact.

    Attributes:
        n: Number of the row in the file.
        hash: Of the content that the server has confirmed; None while that is not known.
        entity: Id of the contact, or 0.
    """

    n: int
    hash: bytes | None
    entity: int


class StateFile:
    """The open file. All methods but `find` block on the disk and belong into one thread of their own.

    Args:
        path: The file.
        scope: The job that the file must belong to; None to open one that exists, whatever it belongs to.
        secret: Keys the hashes, beside random bytes in the file.

    Attributes:
        hash_key: Keys all hashes in the file.
        checked_at: Epoch seconds since which changes in Mautic have not been asked for.
    """

    def __init__(self, path: Path, scope: Scope | None = None, secret: str = "") -> None:
        self.path = path
        self.hash_key: bytes = b""
        self.checked_at: float = 0.0
        self._scope = scope
        self._secret = secret
        self._lock: int | None = None
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    # -- opening -------------------------------------------------------------------------------------------------------

    def open(self, now: float) -> None:
        """Open the file for this process alone, and check it.

        Args:
            now: Epoch seconds, from which a new file asks for changes.

        Raises:
            ConfigurationError: The file is another job's or server's, damaged, newer, read-only, or in use.
        """
        if self.path.exists():
            if os.name == "posix" and not self.path.stat().st_mode & stat.S_IWUSR:
                raise ConfigurationError(f"state {self.path}: the file is read-only")
        elif self._scope is None:
            raise ConfigurationError(f"state {self.path}: there is no such file")
        # SQLite alone would let two processes write in turn, and each would trust what it has marked.
        self._lock = open_locked(self.path.with_name(self.path.name + ".lock"))
        try:
            os.close(open_owner_only(self.path, os.O_RDWR))
            with self._errors(ConfigurationError, "damaged, or not a state file"):
                self._writer = self._connect()
                self._prepare(self._writer, now)
                self._reader = self._connect()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA synchronous = FULL")
        return db

    def _prepare(self, db: sqlite3.Connection, now: float) -> None:
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        # An empty file is new; one with tables and without our mark belongs to another program.
        is_new = not version and not db.execute("SELECT 1 FROM sqlite_master").fetchone()
        if not is_new and application != APPLICATION_ID:
            raise ConfigurationError(f"state {self.path}: the file belongs to another program")
        if not is_new and version != VERSION:
            age = "a newer" if version > VERSION else "an older"
            raise ConfigurationError(
                f"state {self.path}: written by {age} version of this program (format {version}, not {VERSION})"
            )
        db.execute("PRAGMA journal_mode = WAL")
        if is_new:
            marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
            db.executescript(f"BEGIN; {SCHEMA} {marks} COMMIT;")
        (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise ConfigurationError(f"state {self.path}: damaged ({verdict}){REMEDY}")
        if self._scope is not None:
            with db:
                db.execute("BEGIN IMMEDIATE")
                self._check_scope(db, self._scope, now)

    def _check_scope(self, db: sqlite3.Connection, scope: Scope, now: float) -> None:
        """Compare the file with the job, or note the job in a new file; this also proves that it can be written."""
        meta: dict[str, Any] = dict(db.execute("SELECT key, value FROM meta").fetchall())
        salt = meta.get("salt") or secrets.token_bytes(32)
        self.hash_key = keyed_hash(self._secret.encode(), salt, 32)
        # The proof tells a wrong secret from the right one, and does not give the secret away.
        proof = keyed_hash(b"secret", self.hash_key)
        self.checked_at = meta.get("checked", now)
        ours = asdict(scope)
        if meta:
            theirs = Scope(*(str(meta.get(name, "")) for name in ours))
            if theirs != scope:
                raise ConfigurationError(f"state {self.path}: it belongs to {theirs}, and this job is for {scope}")
            if meta.get("proof") != proof:
                raise ConfigurationError(f"state {self.path}: it was written with another secret")
        entries = {**ours, "salt": salt, "proof": proof, "checked": self.checked_at, "opened": time.time()}
        db.executemany("REPLACE INTO meta VALUES (?, ?)", entries.items())

    def close(self) -> None:
        """Release the file. Safe to call twice."""
        for db in (self._reader, self._writer):
            if db is not None:
                db.close()
        self._reader = self._writer = None
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    # -- rows ----------------------------------------------------------------------------------------------------------

    def find(self, key: bytes) -> StoredRow | None:
        """Return what the file holds under *key*. Quick enough for the event loop: it reads one page or two."""
        # A connection of its own, since the writer's is in use by its thread; WAL lets both work at once.
        assert self._reader is not None  # noqa: S101 - open
        try:
            found = self._reader.execute(_FIND, (key,)).fetchone()
        except sqlite3.Error as error:
            raise MauticError(f"state {self.path}: {error}") from error
        return StoredRow(*found) if found is not None else None

    def mark_sending(self, keys: Sequence[bytes]) -> list[int]:
        """Note that rows are about to be sent: from now on the file does not know what the server holds of them.

        Returns:
            The number of each row in the file.
        """
        return self._in_transaction(lambda db: [db.execute(_MARK, (key,)).fetchone()[0] for key in keys])

    def mark_stored(self, rows: Sequence[tuple[bytes, int, float | None, int]]) -> None:
        """Note what the server has confirmed.

        Args:
            rows: Of each row the hash of its content, the id of its contact, when the server says that it was changed,
                and its number. Other rows of the same contact become unknown: this one has been written over them.
        """

        def write(db: sqlite3.Connection) -> None:
            db.executemany(_STORE, rows)
            # Two keys may name one contact, and the file cannot know what the other row's content has become.
            db.executemany(_FORGET_OTHERS, ((entity, n) for _, entity, _, n in rows if entity))

        self._in_transaction(write)

    def mark_drift(self, changes: Iterable[tuple[int, float]]) -> int:
        """Note contacts that were changed in Mautic: by id, and when. Return how many rows have to be sent again."""

        def write(db: sqlite3.Connection) -> int:
            before = db.total_changes
            db.executemany(_DRIFT, changes)
            return db.total_changes - before

        return self._in_transaction(write)

    def finish(self, seen: bytearray | None, checked_at: float | None) -> int | None:
        """Note the end of a job that has read its input whole.

        Args:
            seen: A bit for each row of the file that was in the input; None if that is not known of all.
            checked_at: Epoch seconds since which changes in Mautic have not been asked for; None to leave it.

        Returns:
            The number of contacts that have vanished from the input; None without *seen*.
        """
        if checked_at is not None:
            self.checked_at = checked_at

        def write(db: sqlite3.Connection) -> int | None:
            db.execute("REPLACE INTO meta VALUES ('checked', ?)", (self.checked_at,))
            if seen is None:
                return None
            # The bits stay in memory: writing "seen" for each row would double the writes of a job that sends nothing.
            db.create_function("seen", 1, lambda n: has_bit(seen, n))
            db.execute("UPDATE row SET gone = NOT gone WHERE gone = seen(n)")
            # A contact whose unique value was changed in the source is there under the new one. Of a row that was
            # never confirmed nothing is known that could be reported.
            db.execute(_DROP_RENAMED)
            (count,) = db.execute("SELECT count(DISTINCT entity) FROM row WHERE gone").fetchone()
            return int(count)

        return self._in_transaction(write)

    def vanished(self, after: int, limit: int) -> list[int]:
        """Return ids of contacts that have vanished from the input, in order, above *after*."""
        query = "SELECT DISTINCT entity FROM row WHERE gone AND entity > ? ORDER BY entity LIMIT ?"
        return self._in_transaction(lambda db: [id for (id,) in db.execute(query, (after, limit))])

    def forget(self, ids: Iterable[int]) -> None:
        """Drop what is known of these contacts."""
        rows = [(id,) for id in ids]

        def write(db: sqlite3.Connection) -> None:
            db.executemany("DELETE FROM row WHERE entity = ?", rows)

        self._in_transaction(write)

    def _in_transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        assert self._writer is not None  # noqa: S101 - open
        with self._errors(MauticError), self._writer:
            # The write lock is taken at once; a transaction that takes it later can fail halfway.
            self._writer.execute("BEGIN IMMEDIATE")
            return work(self._writer)

    @contextmanager
    def _errors(self, kind: type[MauticError], what: str = "") -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            reason = f"{what} ({error}){REMEDY}" if what else str(error)
            raise kind(f"state {self.path}: {reason}") from error


def keyed_hash(data: bytes, key: bytes, size: int = 16) -> bytes:
    """Return the hash of *data*, which only holders of *key* can compute."""
    return blake2b(data, key=key, digest_size=size).digest()


def has_bit(bits: bytearray, number: int) -> bool:
    """Return True if the bit *number* is set."""
    byte = number >> 3
    return byte < len(bits) and bool(bits[byte] >> (number & 7) & 1)


def set_bit(bits: bytearray, number: int) -> None:
    """Set the bit *number*."""
    byte = number >> 3
    if byte >= len(bits):
        # In steps of 4096 bytes, so that ascending numbers do not copy the array each time.
        bits.extend(bytes(byte + 1 - len(bits) + 4096))
    bits[byte] |= 1 << (number & 7)
