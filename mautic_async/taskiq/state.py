"""All that Redis holds of one sharded job: its rows, the state of each shard, and the rows that failed."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from attrs import asdict, evolve, frozen

from mautic_async.bulk import BulkReport
from mautic_async.errors import ConfigurationError, MauticError
from mautic_async.redis.connection import RedisConnection, RedisUnreachable
from mautic_async.redis.journal import RedisJournal

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

    from mautic_async.journal.records import Checkpoint, RowRecord

T = TypeVar("T")

EXPIRE_SECONDS: Final = 7 * 24 * 3600
"""Seconds after its last change at which a job disappears from Redis."""
UNFINISHED: Final = "mautic:tasks:unfinished"
"""Key of the names of all jobs that have shards to run."""
FINAL_STATES: Final = frozenset({"done", "cancelled", "failed"})
CHUNK: Final = 500
"""Rows that are written or read at once."""


@frozen
class JobState:
    """The keys of one job. They disappear a week after their last change.

    Attributes:
        connection: The connection of this process.
        name: Name of the job.
    """

    connection: RedisConnection
    name: str

    def key(self, part: str) -> str:
        """Return the key of one part of the job."""
        return f"mautic:{{{self.name}}}:tasks:{part}"

    def journal_name(self, shard: int) -> str:
        """Return the name of the journal of a shard."""
        return f"{self.name}/{shard}"

    async def run(self, operation: Callable[[Redis], Awaitable[T]]) -> T:
        """Return the result of *operation*.

        Raises:
            MauticError: Redis refuses, or was away for too long.
        """
        try:
            return await self.connection.run(operation)
        except RedisUnreachable as error:
            raise MauticError(f"job {self.name}: {error}") from error

    async def read(self, part: str) -> dict[str, str]:
        """Return one hash of the job."""
        found = await self.run(lambda redis: redis.hgetall(self.key(part)))
        return {to_text(name): to_text(value) for name, value in found.items()}

    async def write(self, part: str, values: Mapping[str, Any]) -> None:
        """Set values of one hash of the job."""
        mapping: dict[Any, Any] = dict(values)
        await self.run(lambda redis: redis.hset(self.key(part), mapping=mapping))

    async def claim_name(self, info: Mapping[str, str]) -> bool:
        """Return True if the job is new; *info* is then written."""
        # One atomic command decides, so that two processes cannot start a job of the same name.
        is_new = await self.run(lambda redis: redis.hsetnx(self.key("info"), "task", info["task"]))
        if is_new:
            await self.write("info", info)
        return bool(is_new)

    # -- rows ----------------------------------------------------------------------------------------------------------

    async def append_rows(self, shard: int, texts: Sequence[str]) -> None:
        """Add rows, as JSON, to the end of a shard."""
        if texts:
            await self.run(lambda redis: redis.rpush(self.key(f"rows:{shard}"), *texts))

    async def rows(self, shard: int) -> AsyncIterator[Any]:
        """Yield the rows of a shard as JSON values."""
        start = 0
        while texts := await self._read_rows(shard, start, start + CHUNK - 1):
            for text in texts:
                yield json.loads(text)
            start += CHUNK

    async def _read_rows(self, shard: int, first: int, last: int) -> Sequence[str | bytes]:
        return await self.run(lambda redis: redis.lrange(self.key(f"rows:{shard}"), first, last))

    async def row(self, shard: int, index: int) -> Any:
        """Return one row of a shard as a JSON value."""
        (text,) = await self._read_rows(shard, index, index)
        return json.loads(text)

    async def drop_rows(self, shards: int) -> None:
        """Delete the rows, such as those of a job whose input ended with an error."""
        await self.run(lambda redis: redis.delete(self.key("info"), *(self.key(f"rows:{it}") for it in range(shards))))

    # -- shards --------------------------------------------------------------------------------------------------------

    async def note_kicks(self, shards: Iterable[int]) -> None:
        """Write that the messages of *shards* are sent now."""
        await self.write("kicked", {str(shard): time.time() for shard in shards})

    async def set_states(self, states: Mapping[int, str], *, error: str = "") -> None:
        """Write the states of shards, and whether the job has shards to run."""

        async def write(redis: Redis) -> None:
            async with redis.pipeline(transaction=True) as pipe:
                pipe.hset(self.key("state"), mapping={str(shard): state for shard, state in states.items()})
                pipe.hset(self.key("error"), mapping={str(shard): error for shard in states})
                parts = [f"{part}:{shard}" for part in ("rows", "failed") for shard in states]
                for part in ("info", "state", "report", "error", "kicked", *parts):
                    pipe.expire(self.key(part), EXPIRE_SECONDS)
                # In the same transaction as the states, or a kill in between would hide the shards from every sweep.
                pipe.sadd(UNFINISHED, self.name)
                await pipe.execute()

        await self.run(write)
        if all(state in FINAL_STATES for state in (await self.read("state")).values()):
            await self.run(lambda redis: redis.srem(UNFINISHED, self.name))

    async def set_report(self, shard: int, report: BulkReport) -> None:
        """Write the counts of a shard."""
        await self.write("report", {str(shard): json.dumps(asdict(report))})


class ShardIsOver(ConfigurationError):
    """Another process finished the shard while this one waited for the lease."""


class ShardJournal(RedisJournal):
    """The journal of a shard: what it commits and what the job shows of it are one transaction.

    Rows that are not stored whole are listed with their outcome. The end of the shard is written with the end of the
    journal: a worker that dies just afterwards must not make another one begin anew.
    """

    def __init__(self, state: JobState, shard: int, *, lease: float) -> None:
        super().__init__(state.connection.client, state.journal_name(shard), lease=lease)
        self._state, self._shard = state, shard

    async def open(self) -> Checkpoint:
        """Open the journal, and only then look whether the shard is finished: a finished one would begin anew."""
        checkpoint = await super().open()
        # The lease is held now, so no other process can finish the shard after this look-up.
        if (await self._state.read("state")).get(str(self._shard), "done") in FINAL_STATES:
            await self.close()
            raise ShardIsOver(f"{self.job} is finished")
        return checkpoint

    def _on_outcomes(self, pipe: Pipeline, records: Sequence[RowRecord]) -> None:
        failed: dict[Any, Any] = {
            str(it.index): json.dumps({"status": it.status, "reasons": []})
            for it in records
            if it.state == "done" and it.status in {"rejected", "partial", "unknown"}
        }
        if failed:
            pipe.hset(self._state.key(f"failed:{self._shard}"), mapping=failed)

    def _on_complete(self, pipe: Pipeline, counts: Mapping[str, int]) -> None:
        pipe.hset(self._state.key("state"), str(self._shard), "done")
        report = evolve(BulkReport(), **dict(counts))  # type: ignore[arg-type, unused-ignore]  # outcomes by status
        pipe.hset(self._state.key("report"), str(self._shard), json.dumps(asdict(report)))


def to_text(value: str | bytes) -> str:
    """Return what Redis answered as text: a client of the user may decode answers by itself."""
    return value.decode() if isinstance(value, bytes) else value
