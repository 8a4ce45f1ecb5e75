"""A sharded job as the process that started it, or any other, sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

from attrs import frozen

from mautic_async import codec
from mautic_async.bulk import BulkReport
from mautic_async.errors import ConfigurationError, MauticError
from mautic_async.taskiq.state import CHUNK, FINAL_STATES, JobState

_POLL_SECONDS: Final = 0.2
_SUMS: Final = ("created", "updated", "rejected", "partial", "unknown", "requests", "retried", "resumed", "unsent")
_MAXIMA: Final = ("seconds", "waited")


@frozen(kw_only=True)
class ShardStatus:
    """One shard of a job.

    Attributes:
        state: ``queued``, ``running``, ``done``, ``cancelled`` or ``failed``.
        report: Counts, at most a second old.
        error: Reason for its failure, or "".
    """

    state: str
    report: BulkReport
    error: str = ""


@frozen(kw_only=True)
class FailedRow:
    """A row that is not stored whole.

    Attributes:
        row: The row as it was given.
        status: ``rejected``, ``partial`` or ``unknown``.
        reasons: The reasons; empty where the worker died before it could write them.
    """

    row: Any
    status: str
    reasons: tuple[str, ...]


class ShardedJob:
    """A job whose shards run in workers.

    Attributes:
        name: Name of the job.
    """

    def __init__(
        self,
        state: JobState,
        kick: Callable[[JobState, Iterable[int]], Awaitable[None]],
        models: Mapping[str, type[Any]],
    ) -> None:
        self._state = state
        self._kick = kick
        self._models = models
        self.name: str = state.name

    def __repr__(self) -> str:
        return f"ShardedJob({self.name!r})"

    async def status(self) -> list[ShardStatus]:
        """Return the state of each shard.

        Raises:
            ConfigurationError: There is no such job, or it ended a week ago.
            MauticError: Redis is away.
        """
        states = await self._state.read("state")
        reports, errors = await self._state.read("report"), await self._state.read("error")
        if not states:
            raise ConfigurationError(f"there is no job {self.name} in Redis")
        return [
            ShardStatus(
                state=states[it], report=BulkReport(**json.loads(reports.get(it, "{}"))), error=errors.get(it, "")
            )
            for it in sorted(states, key=int)
        ]

    async def report(self, *, timeout: float | None = None) -> BulkReport:  # noqa: ASYNC109 - as in asyncio itself
        """Wait until all shards have ended, and return the sum of their counts.

        Args:
            timeout: Seconds to wait at most; None: for ever.

        Raises:
            TimeoutError: The job has not ended in time. It goes on.
            MauticError: A shard has failed: the message says why, `resume` runs the rest. Or Redis is away.
        """
        async with asyncio.timeout(timeout):
            shards = await self.status()
            while not all(shard.state in FINAL_STATES for shard in shards):
                await asyncio.sleep(_POLL_SECONDS)
                shards = await self.status()
        if errors := [shard.error for shard in shards if shard.error]:
            raise MauticError(f"job {self.name}: {len(errors)} of {len(shards)} shards failed: {errors[0]}")
        return total([shard.report for shard in shards])

    async def failures(self) -> AsyncIterator[FailedRow]:
        """Yield the rows that are not stored whole; complete once the job has ended."""
        model = self._models[(await self._state.read("info"))["task"]]
        for shard in range(len(await self._state.read("state"))):
            for index, text in (await self._state.read(f"failed:{shard}")).items():
                found = json.loads(text)
                row = codec.decode_request(model, await self._state.row(shard, int(index)))
                yield FailedRow(row=row, status=found["status"], reasons=tuple(found["reasons"]))

    async def cancel(self) -> None:
        """Stop all shards: a running one waits for the batches under way, a queued one does not begin."""
        await self._state.write("info", {"cancelled": "1"})

    async def resume(self) -> None:
        """Run the rest of the shards that failed or were cancelled."""
        # Before the messages: a worker that still sees the mark would cancel the shard again.
        await self._state.run(lambda redis: redis.hdel(self._state.key("info"), "cancelled"))
        left = [number for number, shard in enumerate(await self.status()) if shard.state in {"failed", "cancelled"}]
        if left:
            # Before the states: a sweep that sees a queued shard without a recent message would send one more.
            await self._state.note_kicks(left)
            await self._state.set_states(dict.fromkeys(left, "queued"))
            await self._kick(self._state, left)


def total(reports: Iterable[BulkReport]) -> BulkReport:
    """Return the counts of shards that ran side by side as one report."""
    reports = list(reports)
    sums: dict[str, Any] = {name: sum(getattr(it, name) for it in reports) for name in _SUMS}
    longest: dict[str, Any] = {name: max((getattr(it, name) for it in reports), default=0.0) for name in _MAXIMA}
    guarantee = next((it.guarantee for it in reports if it.guarantee), "")
    return BulkReport(**sums, **longest, guarantee=guarantee, resumable=True)


def default_key(row: Any) -> str:
    """Return the e-mail address of *row* without regard to case, or else its id.

    Raises:
        ConfigurationError: It has neither.
    """
    email = getattr(row, "email", None)
    if isinstance(email, str) and email.strip():
        return email.strip().casefold()
    if row_id := getattr(row, "id", 0):
        return f"id {row_id}"
    raise ConfigurationError(
        "a row has neither an e-mail address nor an id: pass shard_by= to say which rows belong together"
    )


async def write_rows(
    state: JobState, rows: Iterable[Any] | AsyncIterable[Any], shards: int, shard_by: Callable[[Any], str]
) -> None:
    """Divide *rows* by their keys and write them to Redis: the same key, the same shard, in the order of the input.

    Raises:
        ConfigurationError: A row has no key, or no JSON form. Nothing of the job is left in Redis.
    """
    pending: list[list[str]] = [[] for _ in range(shards)]
    try:
        async for row in _iterate(rows):
            body = codec.encode(row)
            # A hash that is the same in every process, unlike `hash`, so that equal keys always share a shard.
            digest = blake2b(shard_by(row).encode(), digest_size=8).digest()
            shard = int.from_bytes(digest, "big") % shards
            pending[shard].append(json.dumps({"id": row.id, **body} if getattr(row, "id", 0) else body))
            if len(pending[shard]) >= CHUNK:
                await state.append_rows(shard, pending[shard])
                pending[shard] = []
        for shard, texts in enumerate(pending):
            await state.append_rows(shard, texts)
    except BaseException:
        # Without its rows the name is free again, so that the caller can mend the input and start anew.
        await state.drop_rows(shards)
        raise


async def _iterate(rows: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield row
    else:
        for row in rows:
            yield row
