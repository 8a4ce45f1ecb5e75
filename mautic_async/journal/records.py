"""What a bulk job writes down of its rows, and the form of it that lives in memory.

Rows are kept only from the mark on, below which all are done; of what is below, a hash over the contents remains, so
that a changed input is noticed. `mautic_async.journal.sqlite.Journal` is the form that survives the process.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

from attrs import Factory, define, evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence


@define
class RowRecord:
    """What a ledger holds of one row.

    Attributes:
        index: The row's place in the input.
        row_hash: Hash of its content.
        state: ``new``: the row is kept, and has not left. ``sent``: on its way to the server, or there without an
            answer. ``step``: a step is done, the next is due. ``done``: it has its outcome.
        step: Which step it is at.
        attempts: How often it was sent.
        first_sent_at: Epoch seconds at which it first was about to leave.
        facts: What was learned of it.
        status: Its outcome, once done.
        partial_status: What finished steps have made of it.
        id: Of the entity, or 0.
        facts_key: The name under which *facts* is kept for the next run of the job, or "".
        body: The row itself as JSON, where the ledger keeps rows.
        creates_mask: Which of its names (tags, a company) it was sent with as the one row that brings them: a bit each.
    """

    index: int
    row_hash: bytes
    state: str = "sent"
    step: str = ""
    attempts: int = 0
    first_sent_at: float = 0.0
    facts: Mapping[str, Any] = Factory(dict)
    status: str = ""
    partial_status: str = ""
    id: int = 0
    facts_key: str = ""
    body: bytes = field(default=b"", repr=False)
    creates_mask: int = 0


@frozen
class Checkpoint:
    """Where an earlier run of the job was left.

    Attributes:
        watermark: All rows below this index are done.
        input_hash: Hash over the contents of all rows below the mark.
        counts: Outcomes of all rows that are done, by status.
        records: Rows at or above the mark of which something is known.
        created: Ids of entities that the last rows below the mark have created. A later row may find one of them, made
            in the very second in which it left itself; it has not made it.
    """

    watermark: int = 0
    input_hash: bytes = b""
    counts: Mapping[str, int] = field(factory=dict)
    records: Mapping[int, RowRecord] = field(factory=dict)
    created: Collection[int] = ()


class JobJournal(Protocol):
    """What a bulk job asks of its journal."""

    job: str
    durable: bool
    stores_rows: bool
    """Whether it keeps the rows themselves, so that a source need not be read again."""

    async def open(self) -> Checkpoint:
        """Open it for one process, and say where the job stands."""

    async def store_rows(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Write down the rows themselves, as JSON by index; on disk when this returns.

        They are forgotten once they and all rows before them are done: until then an older row could overwrite what a
        newer one has stored, which must then be sent again.
        """

    async def record_sending(self, records: Sequence[RowRecord]) -> None:
        """Write that these rows are about to leave; on disk when this returns."""

    async def record_outcomes(
        self, records: Sequence[RowRecord], before_commit: Callable[[], None] | None = None
    ) -> None:
        """Write what became of these rows; on disk when this returns. *before_commit* runs first (dead letters)."""

    async def load_facts(self, facts_keys: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """What earlier runs of the job learned under these names."""

    async def mark_complete(self) -> None:
        """The input is at its end and all rows are done: the next run starts anew."""

    async def close(self) -> None:
        """Let go of the file. Safe to call twice."""


def row_hash(body: bytes) -> bytes:
    """The hash of one row."""
    return blake2b(body, digest_size=16).digest()


def with_rows(records: Mapping[int, RowRecord], stored_rows: Mapping[int, bytes]) -> dict[int, RowRecord]:
    """*records* with the rows that are *stored_rows*; one without an entry has not left yet."""
    rows = {
        index: evolve(records.get(index) or RowRecord(index, row_hash(body), state="new"), body=body)
        for index, body in stored_rows.items()
    }
    return {**records, **rows}


def extend_hash(input_hash: bytes, next_hash: bytes) -> bytes:
    """The hash over all rows up to one more."""
    return blake2b(input_hash + next_hash, digest_size=16).digest()


def merge_facts(facts: dict[str, Any], new_facts: Mapping[str, Any] | None) -> None:
    """Add facts to facts; objects in them are joined, all else is replaced."""
    for name, fact in (new_facts or {}).items():
        current = facts.get(name)
        if isinstance(current, dict) and isinstance(fact, dict):
            merged = dict(current)
            merge_facts(merged, fact)
            facts[name] = merged
        else:
            facts[name] = fact


class Watermark:
    """The index below which all rows are done, and the hash over their contents."""

    def __init__(self, standing: Checkpoint) -> None:
        self.index = standing.watermark
        self.input_hash = standing.input_hash
        self._done = {entry.index: entry.row_hash for entry in standing.records.values() if entry.state == "done"}

    def add(self, record: RowRecord) -> None:
        """Count a row as done, and move up as far as there is no gap."""
        self._done[record.index] = record.row_hash
        while self.index in self._done:
            self.input_hash = extend_hash(self.input_hash, self._done.pop(self.index))
            self.index += 1


class MemoryJournal:
    """A ledger in memory: nothing survives the process, but another run in it can go on (tests on virtual time do).

    Attributes:
        job: A name for the job, from which markers are derived.
        stores_rows: Whether it keeps the rows themselves.
    """

    durable = False

    def __init__(self, job: str = "", *, stores_rows: bool = False) -> None:
        self.job = job
        self.stores_rows = stores_rows
        self._stored_rows: dict[int, bytes] = {}
        self._checkpoint = Checkpoint()
        self._watermark = Watermark(self._checkpoint)
        self._records: dict[int, RowRecord] = {}
        self._counts: dict[str, int] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._created: set[int] = set()

    async def open(self) -> Checkpoint:
        """Say where the job stands."""
        records = with_rows(self._records, self._stored_rows)
        return Checkpoint(
            self._watermark.index, self._watermark.input_hash, dict(self._counts), records, frozenset(self._created)
        )

    async def store_rows(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Keep the rows themselves."""
        self._stored_rows.update(rows)

    async def record_sending(self, records: Sequence[RowRecord]) -> None:
        """Note that these rows are about to leave."""
        for record in records:
            self._records[record.index] = evolve(record, facts=dict(record.facts))

    async def record_outcomes(
        self, records: Sequence[RowRecord], before_commit: Callable[[], None] | None = None
    ) -> None:
        """Note what became of these rows."""
        if before_commit is not None:
            before_commit()
        for record in records:
            if record.facts_key and record.facts:
                merge_facts(self._facts.setdefault(record.facts_key, {}), record.facts)
            self._records[record.index] = evolve(record, facts=dict(record.facts))
            if record.state == "done":
                if record.status == "created":
                    self._created.add(record.id)
                self._counts[record.status] = self._counts.get(record.status, 0) + 1
                watermark = self._watermark.index
                self._watermark.add(record)
                for index in range(watermark, self._watermark.index):
                    del self._records[index]
                    self._stored_rows.pop(index, None)

    async def load_facts(self, facts_keys: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """What was learned under these names."""
        return {name: self._facts[name] for name in facts_keys if name in self._facts}

    async def mark_complete(self) -> None:
        """Start anew next time."""
        self._records.clear()
        self._counts.clear()
        self._created.clear()
        self._watermark = Watermark(Checkpoint())

    async def close(self) -> None:
        """Nothing to let go of."""
