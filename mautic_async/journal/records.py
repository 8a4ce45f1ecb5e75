"""The records of a job's journal, the protocol of all journals, and the journal in memory.

Rows are recorded from the watermark on, below which all are done. Of the rows below it a hash over their contents
remains, so that a changed input is noticed. `mautic_async.journal.sqlite.Journal` is the journal that survives the
process.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

from attrs import Factory, define, evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence


class RecordState(StrEnum):
    """The progress of a row; the journal's file holds the values."""

    PENDING = "pending"
    """The row is kept, and was never sent."""
    SENT = "sent"
    """It is being sent, or was sent and has no answer."""
    STEP_DONE = "step"
    """One of its steps is done, the next one is due."""
    DONE = "done"
    """It has its outcome."""


@define
class RowRecord:
    """The journal's record of one row.

    Attributes:
        index: The row's place in the input.
        row_hash: Hash of its content.
        state: Its progress.
        step: The step that it is at.
        attempts: Number of times that the step was sent.
        first_sent_at: Epoch seconds at which it was first about to be sent.
        facts: Facts about it, such as ids.
        status: Its outcome, once done.
        partial_status: The status that its finished steps have earned.
        id: Of the entity, or 0.
        creates_mask: The names (tags, a company) that it was sent with as the one row that brings them, a bit each.
        facts_key: The name under which *facts* is kept for the next run of the job, or "".
    """

    index: int
    row_hash: bytes
    state: RecordState = RecordState.SENT
    step: str = ""
    attempts: int = 0
    first_sent_at: float = 0.0
    facts: Mapping[str, Any] = Factory(dict)
    status: str = ""
    partial_status: str = ""
    id: int = 0
    creates_mask: int = 0
    facts_key: str = ""


@frozen
class Checkpoint:
    """The state in which an earlier run has left the job.

    Attributes:
        watermark: All rows below this index are done.
        input_hash: Hash over the contents of all rows below the watermark.
        counts: Outcomes of all rows that are done, by status.
        records: Records of rows at or above the watermark.
        rows: The rows themselves as JSON, where the journal keeps them.
        created: Ids of entities that the last rows below the watermark have created. A later row may find one of them,
            made in the very second in which it was sent itself; it has not made it.
    """

    watermark: int = 0
    input_hash: bytes = b""
    counts: Mapping[str, int] = field(factory=dict)
    records: Mapping[int, RowRecord] = field(factory=dict)
    rows: Mapping[int, bytes] = field(factory=dict, repr=False)
    created: Collection[int] = ()


class JobJournal(Protocol):
    """A bulk job's journal, as the job uses it.

    Attributes:
        job: A name for the job, which stays the same when it is resumed.
        durable: The journal survives the process.
        stores_rows: It keeps the rows themselves, so that the source need not be read again.
    """

    job: str
    durable: bool
    stores_rows: bool

    async def open(self) -> Checkpoint:
        """Open the journal for one process, and return where the job stands."""

    async def store_rows(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Write the rows themselves, as JSON by index; they are on disk when this returns.

        A row is forgotten once it and all rows before it are done. Until then an older row could overwrite its values
        on the server, and it would have to be sent again.
        """

    async def record_sending(self, records: Sequence[RowRecord]) -> None:
        """Record that these rows are about to be sent; on disk when this returns."""

    async def record_outcomes(
        self, records: Sequence[RowRecord], before_commit: Callable[[], None] | None = None
    ) -> None:
        """Record outcomes and finished steps; on disk when this returns. *before_commit* runs first (dead letters)."""

    async def load_facts(self, facts_keys: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the facts that earlier runs of the job have learned under these names."""

    async def mark_complete(self) -> None:
        """Record that all rows are done: the next run starts anew, and keeps the facts."""

    async def close(self) -> None:
        """Close the journal. Safe to call twice."""


def row_hash(body: bytes) -> bytes:
    """Return the hash of one row."""
    return blake2b(body, digest_size=16).digest()


def extend_hash(input_hash: bytes, next_hash: bytes) -> bytes:
    """Return the hash over the rows of *input_hash* and one more."""
    return blake2b(input_hash + next_hash, digest_size=16).digest()


def add_stored_rows(records: Mapping[int, RowRecord], rows: Mapping[int, bytes]) -> dict[int, RowRecord]:
    """Return *records* with a pending record for each of *rows* that has none."""
    pending = {
        index: RowRecord(index, row_hash(body), RecordState.PENDING)
        for index, body in rows.items()
        if index not in records
    }
    return {**records, **pending}


def merge_facts(facts: dict[str, Any], new_facts: Mapping[str, Any] | None) -> None:
    """Add *new_facts* to *facts*; objects in them are merged, all else is replaced."""
    for name, fact in (new_facts or {}).items():
        current = facts.get(name)
        # Copied before it is changed: the old value may be shared with a record of the journal.
        if isinstance(current, dict) and isinstance(fact, dict):
            merged = dict(current)
            merge_facts(merged, fact)
            facts[name] = merged
        else:
            facts[name] = fact


class Watermark:
    """The index below which all rows are done, and the hash over their contents."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.index: int = checkpoint.watermark
        self.input_hash: bytes = checkpoint.input_hash
        self._done = {
            record.index: record.row_hash for record in checkpoint.records.values() if record.state is RecordState.DONE
        }

    def add(self, record: RowRecord) -> None:
        """Count a row as done, and move the watermark up as far as there is no gap."""
        self._done[record.index] = record.row_hash
        while self.index in self._done:
            # A chain of hashes in the order of the input: it needs constant memory, and any changed row
            # changes the end.
            self.input_hash = extend_hash(self.input_hash, self._done.pop(self.index))
            self.index += 1


class MemoryJournal:
    """A journal in memory: it ends with the process, but another run within it can resume the job.

    Attributes:
        job: A name for the job.
        stores_rows: It keeps the rows themselves.
    """

    durable = False

    def __init__(self, job: str = "", *, stores_rows: bool = False) -> None:
        self.job = job
        self.stores_rows = stores_rows
        self._rows: dict[int, bytes] = {}
        self._watermark = Watermark(Checkpoint())
        self._records: dict[int, RowRecord] = {}
        self._counts: dict[str, int] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._created: set[int] = set()

    async def open(self) -> Checkpoint:
        """Return where the job stands."""
        return Checkpoint(
            self._watermark.index,
            self._watermark.input_hash,
            dict(self._counts),
            add_stored_rows(self._records, self._rows),
            dict(self._rows),
            frozenset(self._created),
        )

    async def store_rows(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Keep the rows themselves."""
        self._rows.update(rows)

    async def record_sending(self, records: Sequence[RowRecord]) -> None:
        """Record that these rows are about to be sent."""
        for record in records:
            self._records[record.index] = evolve(record, facts=dict(record.facts))

    async def record_outcomes(
        self, records: Sequence[RowRecord], before_commit: Callable[[], None] | None = None
    ) -> None:
        """Record outcomes and finished steps."""
        if before_commit is not None:
            before_commit()
        for record in records:
            if record.facts_key and record.facts:
                merge_facts(self._facts.setdefault(record.facts_key, {}), record.facts)
            self._records[record.index] = evolve(record, facts=dict(record.facts))
            if record.state is RecordState.DONE:
                self._finish(record)

    def _finish(self, record: RowRecord) -> None:
        if record.status == "created":
            self._created.add(record.id)
        self._counts[record.status] = self._counts.get(record.status, 0) + 1
        before = self._watermark.index
        self._watermark.add(record)
        # Below the watermark the hash over all rows is enough, so memory holds only the rows under way.
        for index in range(before, self._watermark.index):
            del self._records[index]
            self._rows.pop(index, None)

    async def load_facts(self, facts_keys: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the facts that are known under these names."""
        return {name: self._facts[name] for name in facts_keys if name in self._facts}

    async def mark_complete(self) -> None:
        """Start anew with the next run; the facts stay."""
        self._records.clear()
        self._counts.clear()
        self._created.clear()
        self._watermark = Watermark(Checkpoint())

    async def close(self) -> None:
        """Do nothing: memory needs no closing."""
