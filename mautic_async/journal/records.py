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
class Entry:
    """What a ledger holds of one row.

    Attributes:
        index: The row's place in the input.
        digest: Hash of its content.
        state: ``new``: the row is kept, and has not left. ``sent``: on its way to the server, or there without an
            answer. ``step``: a step is done, the next is due. ``done``: it has its outcome.
        step: Which step it is at.
        tries: How often it was sent.
        since: Epoch seconds at which it first was about to leave.
        known: What was learned of it.
        status: Its outcome, once done.
        so_far: What finished steps have made of it.
        id: Of the entity, or 0.
        memory: The name under which *known* is kept for the next run of the job, or "".
        body: The row itself as JSON, where the ledger keeps rows.
        brings: Which of its names (tags, a company) it was sent with as the one row that brings them: a bit each.
    """

    index: int
    digest: bytes
    state: str = "sent"
    step: str = ""
    tries: int = 0
    since: float = 0.0
    known: Mapping[str, Any] = Factory(dict)
    status: str = ""
    so_far: str = ""
    id: int = 0
    memory: str = ""
    body: bytes = field(default=b"", repr=False)
    brings: int = 0


@frozen
class Standing:
    """Where an earlier run of the job was left.

    Attributes:
        mark: All rows below this index are done.
        chain: Hash over the contents of all rows below the mark.
        counts: Outcomes of all rows that are done, by status.
        entries: Rows at or above the mark of which something is known.
        created: Ids of entities that the last rows below the mark have created. A later row may find one of them, made
            in the very second in which it left itself; it has not made it.
    """

    mark: int = 0
    chain: bytes = b""
    counts: Mapping[str, int] = field(factory=dict)
    entries: Mapping[int, Entry] = field(factory=dict)
    created: Collection[int] = ()


class Ledger(Protocol):
    """What a bulk job asks of its journal."""

    job: str
    durable: bool
    keeps: bool
    """Whether it keeps the rows themselves, so that a source need not be read again."""

    async def begin(self) -> Standing:
        """Open it for one process, and say where the job stands."""

    async def keep(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Write down the rows themselves, as JSON by index; on disk when this returns.

        They are forgotten once they and all rows before them are done: until then an older row could overwrite what a
        newer one has stored, which must then be sent again.
        """

    async def intend(self, entries: Sequence[Entry]) -> None:
        """Write that these rows are about to leave; on disk when this returns."""

    async def conclude(self, entries: Sequence[Entry], before: Callable[[], None] | None = None) -> None:
        """Write what became of these rows; on disk when this returns. *before* runs first (dead letters)."""

    async def recall(self, memories: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """What earlier runs of the job learned under these names."""

    async def finish(self) -> None:
        """The input is at its end and all rows are done: the next run starts anew."""

    async def close(self) -> None:
        """Let go of the file. Safe to call twice."""


def digest_of(body: bytes) -> bytes:
    """The hash of one row."""
    return blake2b(body, digest_size=16).digest()


def with_rows(entries: Mapping[int, Entry], kept: Mapping[int, bytes]) -> dict[int, Entry]:
    """*entries* with the rows that are *kept*; one without an entry has not left yet."""
    rows = {
        index: evolve(entries.get(index) or Entry(index, digest_of(body), state="new"), body=body)
        for index, body in kept.items()
    }
    return {**entries, **rows}


def follow(chain: bytes, digest: bytes) -> bytes:
    """The hash over all rows up to one more."""
    return blake2b(chain + digest, digest_size=16).digest()


def learn(known: dict[str, Any], more: Mapping[str, Any] | None) -> None:
    """Add facts to facts; objects in them are joined, all else is replaced."""
    for name, fact in (more or {}).items():
        there = known.get(name)
        if isinstance(there, dict) and isinstance(fact, dict):
            joined = dict(there)
            learn(joined, fact)
            known[name] = joined
        else:
            known[name] = fact


class Mark:
    """The index below which all rows are done, and the hash over their contents."""

    def __init__(self, standing: Standing) -> None:
        self.index = standing.mark
        self.chain = standing.chain
        self._done = {entry.index: entry.digest for entry in standing.entries.values() if entry.state == "done"}

    def add(self, entry: Entry) -> None:
        """Count a row as done, and move up as far as there is no gap."""
        self._done[entry.index] = entry.digest
        while self.index in self._done:
            self.chain = follow(self.chain, self._done.pop(self.index))
            self.index += 1


class MemoryJournal:
    """A ledger in memory: nothing survives the process, but another run in it can go on (tests on virtual time do).

    Attributes:
        job: A name for the job, from which markers are derived.
        keeps: Whether it keeps the rows themselves.
    """

    durable = False

    def __init__(self, job: str = "", *, keeps: bool = False) -> None:
        self.job = job
        self.keeps = keeps
        self._kept: dict[int, bytes] = {}
        self._standing = Standing()
        self._mark = Mark(self._standing)
        self._entries: dict[int, Entry] = {}
        self._counts: dict[str, int] = {}
        self._memory: dict[str, dict[str, Any]] = {}
        self._created: set[int] = set()

    async def begin(self) -> Standing:
        """Say where the job stands."""
        entries = with_rows(self._entries, self._kept)
        return Standing(self._mark.index, self._mark.chain, dict(self._counts), entries, frozenset(self._created))

    async def keep(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Keep the rows themselves."""
        self._kept.update(rows)

    async def intend(self, entries: Sequence[Entry]) -> None:
        """Note that these rows are about to leave."""
        for entry in entries:
            self._entries[entry.index] = evolve(entry, known=dict(entry.known))

    async def conclude(self, entries: Sequence[Entry], before: Callable[[], None] | None = None) -> None:
        """Note what became of these rows."""
        if before is not None:
            before()
        for entry in entries:
            if entry.memory and entry.known:
                learn(self._memory.setdefault(entry.memory, {}), entry.known)
            self._entries[entry.index] = evolve(entry, known=dict(entry.known))
            if entry.state == "done":
                if entry.status == "created":
                    self._created.add(entry.id)
                self._counts[entry.status] = self._counts.get(entry.status, 0) + 1
                mark = self._mark.index
                self._mark.add(entry)
                for index in range(mark, self._mark.index):
                    del self._entries[index]
                    self._kept.pop(index, None)

    async def recall(self, memories: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """What was learned under these names."""
        return {name: self._memory[name] for name in memories if name in self._memory}

    async def finish(self) -> None:
        """Start anew next time."""
        self._entries.clear()
        self._counts.clear()
        self._created.clear()
        self._mark = Mark(Standing())

    async def close(self) -> None:
        """Nothing to let go of."""
