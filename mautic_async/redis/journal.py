"""A journal of a bulk job in Redis, so that a job whose machine died goes on, on another.

The layout is that of the file (`mautic_async.journal.sqlite`): rows from the watermark on, ids created just below it,
facts by name. Each write is one Redis transaction (MULTI), and holds only if no other process has opened the journal
since: every opening takes the next number, as a fencing token, and a transaction with an older number is refused.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar

from mautic_async.errors import ConfigurationError, MauticError
from mautic_async.journal.records import Checkpoint, RecordState, RowRecord, Watermark, add_stored_rows, merge_facts
from mautic_async.redis.connection import LEASE, Lease, RedisConnection, RedisUnreachable

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

T = TypeVar("T")

FORMAT: Final = "1"
REMEMBERED_BELOW_WATERMARK: Final = 5000
"""Rows below the watermark whose created ids are kept: more than lie between two rows of one contact in two seconds."""
EXPIRE_SECONDS: Final = 30 * 24 * 3600
"""Seconds after the last write at which an abandoned journal disappears."""
PATIENCE: Final = 60.0


class JournalInUse(ConfigurationError):
    """Another process, which lives, is at work on the job."""


class JournalTakenOver(MauticError):
    """Another process has opened the journal since, or Redis has lost it."""


class RedisJournal:
    """A journal with which a bulk job can be resumed by any process that reaches the same Redis.

    Give the same rows in the same order again, and the job goes on, as with `Journal`. One process at a time works on a
    job: it holds a lease, which ends *lease* seconds after its death, and `open` waits that long. A process that only
    stalled finds out with its next write, sends nothing more, and ends with `MauticError`.

    The journal is as durable as that Redis: with ``appendonly yes`` it survives a crash of Redis, with
    ``appendfsync always`` also a power cut. If Redis is away, the job waits up to *patience* and then ends; no batch is
    sent whose sending was not written. Clocks of the machines must agree within a few seconds.

    Args:
        redis: URL, or a client that the caller closes.
        job: Name of the job; part of the keys.
        unfinished: Go on with an interrupted run of the same name, or refuse to begin.
        payload: The part of a row that is kept: a hash (``reference``), or the row itself (``full``), for sources that
            cannot be read twice.
        patience: Seconds to wait for Redis before the job ends.
        lease: Seconds after which another process may take the job over from a dead one.

    Raises:
        ConfigurationError: At the beginning: another process is at work on the job, or the keys hold something else.
        MauticError: During the job: Redis is away or refuses, or another process has taken over.
    """

    durable = True

    def __init__(
        self,
        redis: str | Redis,
        job: str,
        *,
        unfinished: Literal["resume", "refuse"] = "resume",
        payload: Literal["reference", "full"] = "reference",
        patience: float = PATIENCE,
        lease: float = LEASE,
    ) -> None:
        if not job:
            raise ConfigurationError("a journal in Redis needs the name of its job")
        self.job = job
        self.stores_rows: bool = payload == "full"
        self._payload = payload
        self._unfinished = unfinished
        self._redis, self._patience, self._seconds = redis, patience, lease
        self._connection: RedisConnection | None = None
        self._lease: Lease | None = None
        self._number = b""
        self._watermark = Watermark(Checkpoint())
        self._counts: dict[str, int] = {}
        self._outcomes_lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"RedisJournal(job={self.job!r})"

    @property
    def lease_key(self) -> str:
        """Key that exists while a living process works on the job."""
        return self._key("lease")

    def _key(self, part: str) -> str:
        return f"mautic:{{{self.job}}}:journal:{part}"  # the braces keep a job in one slot of a Redis Cluster

    async def open(self) -> Checkpoint:
        """Open the journal for this process alone, and return where the job stands."""
        if self._connection is not None:
            raise ConfigurationError(f"journal {self.job}: in use by another run of this process")
        self._connection = RedisConnection(self._redis, self._patience)
        lease = self._lease = Lease(self._connection.client, self._key("lease"), self._seconds)
        try:
            if not await self._run(lambda _: lease.acquire(self._seconds + 1.0)):
                raise JournalInUse(f"journal {self.job}: another process is at work on this job")  # noqa: TRY301
            # After the lease is held: from now on the writes of every earlier holder are refused.
            self._number = str(await self._run(lambda redis: redis.incr(self._key("number")))).encode()
            checkpoint = self._checkpoint(*await self._run(self._read))
        except BaseException:
            await self.close()
            raise
        self._watermark = Watermark(checkpoint)
        self._counts = dict(checkpoint.counts)
        return checkpoint

    async def store_rows(self, rows: Sequence[tuple[int, bytes]]) -> None:
        """Write the rows themselves."""
        if rows:
            await self._write(lambda pipe: pipe.hset(self._key("payload"), mapping={str(n): body for n, body in rows}))

    async def record_sending(self, records: Sequence[RowRecord]) -> None:
        """Write that these rows are about to be sent."""
        if records:
            await self._write(lambda pipe: pipe.hset(self._key("rows"), mapping=_to_fields(records)))

    async def record_outcomes(
        self, records: Sequence[RowRecord], before_commit: Callable[[], None] | None = None
    ) -> None:
        """Write the outcomes of these rows; *before_commit* runs first."""
        async with self._outcomes_lock:  # an older watermark must not arrive after a newer one
            await self._record_outcomes(records, before_commit)

    async def _record_outcomes(self, records: Sequence[RowRecord], before_commit: Callable[[], None] | None) -> None:
        # Read outside of the transaction; the lock keeps another outcome of this process from writing in between.
        learned = await self._merged_facts(records)
        old_watermark = self._watermark.index
        for record in records:
            if record.state == "done":
                self._watermark.add(record)
                self._counts[record.status] = self._counts.get(record.status, 0) + 1
        watermark = self._watermark.index
        kept = _to_fields(record for record in records if record.index >= watermark)
        created = {str(it.id): it.index for it in records if it.status == "created"}
        meta: dict[Any, Any] = {
            "watermark": watermark,
            "input_hash": self._watermark.input_hash.hex(),
            "counts": json.dumps(self._counts),
        }
        # Dead letters are on disk before Redis calls their rows done.
        if before_commit is not None:
            before_commit()

        def write(pipe: Pipeline) -> None:
            pipe.hset(self._key("meta"), mapping=meta)
            if kept:
                pipe.hset(self._key("rows"), mapping=kept)
            if created:
                pipe.zadd(self._key("created"), created)
            if learned:
                pipe.hset(self._key("facts"), mapping=learned)
            if passed := [str(index) for index in range(old_watermark, watermark)]:
                pipe.hdel(self._key("rows"), *passed)
                pipe.hdel(self._key("payload"), *passed)
                pipe.zremrangebyscore(self._key("created"), "-inf", watermark - REMEMBERED_BELOW_WATERMARK)
            self._on_outcomes(pipe, records)

        await self._write(write)

    async def load_facts(self, facts_keys: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return what earlier runs of the job learned under these names."""
        if not (names := list(facts_keys)):
            return {}
        found = await self._run(lambda redis: redis.hmget(self._key("facts"), names))
        return {name: json.loads(facts) for name, facts in zip(names, found, strict=True) if facts is not None}

    async def mark_complete(self) -> None:
        """Forget the run, so that the next one starts anew. The facts stay."""

        def write(pipe: Pipeline) -> None:
            pipe.delete(*(self._key(it) for it in ("meta", "rows", "payload", "created")))
            self._on_complete(pipe, self._counts)

        await self._write(write)

    def _on_outcomes(self, pipe: Pipeline, records: Sequence[RowRecord]) -> None:
        """Add commands of a subclass to the transaction that writes outcomes."""

    def _on_complete(self, pipe: Pipeline, counts: Mapping[str, int]) -> None:
        """Add commands of a subclass to the transaction that ends the run."""

    async def close(self) -> None:
        """Release the lease and close the connections. Safe to call twice."""
        connection, self._connection = self._connection, None
        if self._lease is not None:
            await self._lease.release()
        if connection is not None:
            await connection.aclose()

    # -- transactions --------------------------------------------------------------------------------------------------

    async def _write(self, commands: Callable[[Pipeline], object]) -> None:
        """Apply *commands* in one transaction, unless another process has opened the journal since."""
        number_key = self._key("number")

        async def transaction(pipe: Pipeline) -> None:
            # ``WATCH`` on this key, by `transaction`, makes the commit fail if another process opens the
            # journal meanwhile.
            if await pipe.get(number_key) != self._number:
                raise JournalTakenOver(
                    f"journal {self.job}: another process has taken it over, or Redis has lost it; nothing more is sent"
                )
            pipe.multi()  # type: ignore[no-untyped-call, unused-ignore]
            commands(pipe)
            # All parts expire together: a journal of which a part is missing would resume wrongly.
            for part in ("number", "meta", "rows", "payload", "created", "facts"):
                pipe.expire(self._key(part), EXPIRE_SECONDS)

        await self._run(lambda redis: redis.transaction(transaction, number_key))

    async def _run(self, operation: Callable[[Redis], Any]) -> Any:
        if self._connection is None:
            raise ConfigurationError(f"journal {self.job}: not open")
        try:
            return await self._connection.run(operation)
        except RedisUnreachable as error:
            raise MauticError(f"journal {self.job}: {error}") from error

    async def _merged_facts(self, records: Sequence[RowRecord]) -> dict[Any, Any]:
        """Return the facts of *records* as JSON by name, each joined to what was known under its name."""
        learned = [record for record in records if record.facts_key and record.facts]
        known = {name: dict(facts) for name, facts in (await self.load_facts(it.facts_key for it in learned)).items()}
        for record in learned:
            merge_facts(known.setdefault(record.facts_key, {}), record.facts)
        return {name: _dump(facts) for name, facts in known.items()}

    # -- reading -------------------------------------------------------------------------------------------------------

    async def _read(self, redis: Redis) -> Sequence[Any]:
        async with redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(self._key("meta"))
            pipe.hgetall(self._key("rows"))
            pipe.hgetall(self._key("payload"))
            pipe.zrange(self._key("created"), 0, -1, withscores=True)
            # Written only if missing, in the transaction that reads: an interrupted run keeps its own format and mode.
            pipe.hsetnx(self._key("meta"), "format", FORMAT)
            pipe.hsetnx(self._key("meta"), "mode", self._payload)
            return await pipe.execute()

    def _checkpoint(
        self,
        meta: Mapping[bytes, bytes],
        rows: Mapping[bytes, bytes],
        payload: Mapping[bytes, bytes],
        created: Sequence[tuple[bytes, float]],
        *_: object,
    ) -> Checkpoint:
        if meta.get(b"format", FORMAT.encode()) != FORMAT.encode():
            raise ConfigurationError(f"journal {self.job}: written in a format that this version does not read")
        if b"watermark" not in meta and not rows and not payload:
            return Checkpoint()
        if self._unfinished == "refuse":
            raise ConfigurationError(
                f"journal {self.job}: it holds an interrupted run; resume it, or give the job another name"
            )
        if (mode := meta.get(b"mode", b"").decode()) != self._payload:
            raise ConfigurationError(f"journal {self.job}: the interrupted run needs payload={mode!r}")
        watermark = int(meta.get(b"watermark", 0))
        records = {record.index: record for record in map(_from_field, rows.values())}
        stored_rows = {int(index): body for index, body in payload.items()}
        return Checkpoint(
            watermark,
            bytes.fromhex(meta.get(b"input_hash", b"").decode()),
            json.loads(meta.get(b"counts", b"{}")),
            add_stored_rows(records, stored_rows),
            stored_rows,
            {int(entity) for entity, index in created if index < watermark},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _dump(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))


def _to_fields(records: Iterable[RowRecord]) -> dict[Any, Any]:
    return {
        str(it.index): _dump(
            {
                "index": it.index,
                "hash": it.row_hash.hex(),
                "state": it.state,
                "step": it.step,
                "attempts": it.attempts,
                "first_sent_at": it.first_sent_at,
                "facts": it.facts,
                "status": it.status,
                "partial_status": it.partial_status,
                "id": it.id,
                "creates_mask": it.creates_mask,
            }
        )
        for it in records
    }


def _from_field(text: bytes) -> RowRecord:
    parts = json.loads(text)
    row_hash, state = bytes.fromhex(parts.pop("hash")), RecordState(parts.pop("state"))
    return RowRecord(row_hash=row_hash, state=state, **parts)
