"""One job with a `SyncState`: which rows differ from what is stored, and what becomes of them.

Write-ahead: a row is marked unknown in the file before it is sent, and gets its hash when the server has confirmed it.
So no point of a kill leaves a row marked as stored that is not.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

from attrs import Factory, define

from mautic_async.bulk import EncodedRow
from mautic_async.errors import ConfigurationError
from mautic_async.sync.state_file import StateFile, keyed_hash, set_bit

if TYPE_CHECKING:
    from mautic_async.journal.records import Checkpoint, RowRecord

T = TypeVar("T")

CONTENT_FORMAT: Final = b"1:"
"""Of what is hashed; to be raised when the same row is to be sent again by a newer version."""

DRIFT_CHUNK: Final = 500
"""Changed contacts that are noted in one transaction."""

_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))

Identify: TypeAlias = "Callable[[EncodedRow], Hashable | None]"
"""Return what names the contact of a row from job to job; None if nothing does."""

Changes: TypeAlias = "Callable[[float], AsyncIterator[tuple[int, float]]]"
"""Yield the contacts that were added or changed in Mautic since these epoch seconds: id, and when."""


@define(eq=False)
class PendingRow:
    """A row that may be sent and has no outcome yet.

    Attributes:
        key: Hash of what names its contact.
        content: Hash of what would be sent.
        entity: Id of its contact in the file, or 0.
        n: Its number in the file, once it is there.
        changed_at: Time of the contact's last change, as the server tells it.
        is_outdated: A later row of the same contact is pending, which decides what is stored in the end.
    """

    key: bytes
    content: bytes
    entity: int = 0
    n: int = 0
    changed_at: float | None = None
    is_outdated: bool = False


class PendingRows:
    """The rows that may be sent and have no outcome yet, by index, by key and by contact."""

    def __init__(self) -> None:
        self._rows: dict[int, PendingRow] = {}
        self._indices: dict[bytes, list[int]] = {}
        self._entities: Counter[int] = Counter()

    def __contains__(self, index: int) -> bool:
        """Return True if the row with this index is pending."""
        return index in self._rows

    def get(self, index: int) -> PendingRow | None:
        """Return the row with this index."""
        return self._rows.get(index)

    def those(self, indices: Iterable[int]) -> list[PendingRow]:
        """Return the rows with these indices, without those that are not pending."""
        return [self._rows[index] for index in indices if index in self._rows]

    def writes(self, key: bytes, entity: int) -> bool:
        """Return True if a pending row writes the contact that has this key or this id."""
        return key in self._indices or entity in self._entities

    def add(self, index: int, row: PendingRow) -> None:
        """Add a row."""
        self._rows[index] = row
        self._indices.setdefault(row.key, []).append(index)
        if row.entity:
            self._entities[row.entity] += 1

    def pop(self, index: int) -> PendingRow | None:
        """Take a row out; it is marked if it is not the last one of its key in the order of the input."""
        row = self._rows.pop(index, None)
        if row is None:
            return None
        indices = self._indices[row.key]
        # Outcomes come in any order, so the place in the input decides which row is the last one.
        row.is_outdated = index != indices[-1]
        indices.remove(index)
        if not indices:
            del self._indices[row.key]
        if row.entity:
            self._entities[row.entity] -= 1
            if not self._entities[row.entity]:
                del self._entities[row.entity]
        return row


@define(eq=False)
class SyncRun:
    """The run of one job: it compares rows with the file, and keeps the file in step with the server.

    Attributes:
        vanished: Number of contacts that have vanished from the input; None while that is not known.
    """

    file: StateFile
    identify: Identify
    is_full: bool = False
    drift: Literal["ignore", "check"] = "ignore"
    changes: Changes | None = None
    vanished: int | None = None
    _pending: PendingRows = Factory(PendingRows)
    _seen: bytearray = Factory(bytearray)
    _is_unsure: bool = False
    _checkpoint: Checkpoint | None = None
    _checked_at: float | None = None
    _thread: ThreadPoolExecutor | None = None

    # -- the life of the job -------------------------------------------------------------------------------------------

    async def open(self, now: float) -> None:
        """Open the file; *now* is epoch seconds.

        Raises:
            ConfigurationError: The file cannot be this job's; nothing was sent.
        """
        if self._thread is not None:
            raise ConfigurationError(f"state {self.file.path}: in use by another job of this process")
        # One thread, so that transactions are written in the order in which they were asked for.
        self._thread = ThreadPoolExecutor(1, "sync-state")
        try:
            await self._in_thread(self.file.open, now)
        except BaseException:
            await self.close()
            raise
        if self.is_full:
            self._checked_at = now

    def resume(self, checkpoint: Checkpoint, *, rows_are_replayed: bool) -> None:
        """Note where the journal stands. Rows that it replays are only a part of the input."""
        self._checkpoint = checkpoint
        done_before = checkpoint.watermark or any(record.state == "done" for record in checkpoint.records.values())
        # A journal that replays rows gives the unfinished ones only; finished rows are not seen, and have not vanished.
        self._is_unsure = rows_are_replayed and bool(done_before)

    async def note_drift(self, now: float) -> None:
        """Ask Mautic what has changed there, and mark those rows to be sent again; *now* is epoch seconds."""
        if self.drift != "check" or self.changes is None or self.is_full:
            return
        chunk: list[tuple[int, float]] = []
        async for change in self.changes(self.file.checked_at):
            chunk.append(change)
            if len(chunk) >= DRIFT_CHUNK:
                await self._in_thread(self.file.mark_drift, chunk)
                chunk = []
        if chunk:
            await self._in_thread(self.file.mark_drift, chunk)
        self._checked_at = now

    async def finish(self) -> None:
        """Note that the input has been read whole and all rows have their outcome."""
        seen = None if self._is_unsure else self._seen
        self.vanished = await self._in_thread(self.file.finish, seen, self._checked_at)

    async def close(self) -> None:
        """Release the file. Safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self.file.close)
            thread.shutdown(wait=False)

    # -- rows ----------------------------------------------------------------------------------------------------------

    def place(self, index: int, encoded: EncodedRow) -> EncodedRow:
        """Return the row unchanged, or marked as stored already."""
        if index in self._pending:  # encoded once more: to prove that it survives the journal, or with newer values
            return encoded
        identity = self.identify(encoded)
        if identity is None:
            # A row that cannot even be read may belong to any contact, so none can be said to have vanished.
            self._is_unsure = self._is_unsure or bool(encoded.problems)
            return encoded
        key = self._hash(repr(identity).encode())
        stored = self.file.find(key)
        if stored is not None:
            # Also for a row with problems: its contact is in the input, so it has not vanished.
            set_bit(self._seen, stored.n)
        if encoded.problems or self._is_done(index):
            return encoded
        content = self._hash(CONTENT_FORMAT + canonical(encoded.body))
        entity = stored.entity if stored is not None else 0
        if stored is not None and stored.hash == content and self._may_skip(index, key, entity):
            return EncodedRow(encoded.body, is_stored=True, id=entity)
        self._pending.add(index, PendingRow(key, content, entity))
        return encoded

    def _may_skip(self, index: int, key: bytes, entity: int) -> bool:
        """Return True unless a row that is sent before this one writes the same contact, or this one has been sent."""
        # A row that a killed run has sent must be reconciled, even if the file says that it is stored.
        was_sent = self._checkpoint is not None and index in self._checkpoint.records
        return not (self.is_full or was_sent or self._pending.writes(key, entity))

    def _is_done(self, index: int) -> bool:
        """Return True if an earlier run of the journal has given the row its outcome."""
        if self._checkpoint is None:
            return False
        record = self._checkpoint.records.get(index)
        return index < self._checkpoint.watermark or (record is not None and record.state == "done")

    def note_change(self, index: int, changed_at: float | None) -> None:
        """Note when the server says that the contact of a row was changed."""
        row = self._pending.get(index)
        if row is not None and changed_at is not None:
            row.changed_at = changed_at

    async def mark_sending(self, indices: Iterable[int]) -> None:
        """Note in the file that rows are about to be sent; it is on the disk when this returns."""
        rows = self._pending.those(indices)
        if not rows:
            return
        # All rows of the batch in one transaction: one wait for the disk a request.
        numbers = await self._in_thread(self.file.mark_sending, [row.key for row in rows])
        for row, number in zip(rows, numbers, strict=True):
            row.n = number
            set_bit(self._seen, number)

    async def mark_done(self, records: Sequence[RowRecord]) -> None:
        """Note in the file what the server has confirmed; all other rows stay unknown."""
        stored: list[tuple[bytes, int, float | None, int]] = []
        for record in records:
            if record.state != "done":
                continue
            row = self._pending.pop(record.index)
            # A partial or unknown row keeps no hash, so the next job sends it again.
            if row is not None and row.n and not row.is_outdated and record.status in {"created", "updated"}:
                stored.append((row.content, record.id or row.entity, row.changed_at, row.n))
        if stored:
            await self._in_thread(self.file.mark_stored, stored)

    def _hash(self, data: bytes) -> bytes:
        return keyed_hash(data, self.file.hash_key)

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        assert self._thread is not None  # noqa: S101 - open
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


def canonical(body: bytes) -> bytes:
    """Return the JSON text *body* in the one form that does not depend on the order of keys or on the JSON library."""
    return _CANONICAL.encode(json.loads(body)).encode()
