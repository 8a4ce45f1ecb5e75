"""Bulk jobs as tasks on the user's broker, and what a worker does for them besides.

The state of a job is in Redis; the broker only carries messages that say "shard 3 of job x is due". A shard runs in one
process at a time, which holds the lease of its journal. Each worker looks for shards whose holder is dead, and sends
their messages again: neither a message nor its acknowledgement has to be trusted. A message that comes twice finds the
shard done, or held, and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from taskiq import AsyncBroker, TaskiqEvents, TaskiqState

from mautic_async.errors import ConfigurationError
from mautic_async.models import Contact
from mautic_async.redis.connection import LEASE, RedisConnection
from mautic_async.redis.journal import RedisJournal
from mautic_async.taskiq.jobs import ShardedJob, default_key, write_rows
from mautic_async.taskiq.shard import Shard, Store
from mautic_async.taskiq.state import FINAL_STATES, UNFINISHED, JobState, to_text

if TYPE_CHECKING:
    from mautic_async.client import Mautic

PATIENCE = 60.0


class BulkTasks:
    """Bulk jobs as tasks on a broker.

    Make one in the module that the workers and the application import, and register jobs on it::

        broker = RedisStreamBroker("redis://localhost")
        tasks = BulkTasks(broker, "redis://localhost", connect=connect)

        @tasks.bulk_job
        def store_customers(mautic, rows, journal):
            return mautic.contacts.bulk_upsert(rows, journal=journal)

        job = await store_customers.start(rows, job="customers-2026-11-21", tenant="acme")
        report = await job.report()

    When a worker dies, another one resumes its shards from their journals once the leases have ended. A worker makes
    the client of a tenant when it first needs it, and closes all clients when it shuts down.

    Args:
        broker: Any broker of taskiq. Its result backend is not used.
        redis: URL of the Redis that keeps rows, journals and reports.
        connect: Returns a new client for a tenant; the worker enters and closes it. Let all processes share the token
            and the limit of a tenant by `RedisTokens` and `RedisRateLimitStore` with the tenant's name.
        patience: Seconds to wait for Redis while it is away.
        lease: Seconds after which a shard of a dead worker goes to another one.
    """

    def __init__(
        self,
        broker: AsyncBroker,
        redis: str,
        *,
        connect: Callable[[str], Mautic],
        patience: float = PATIENCE,
        lease: float = LEASE,
    ) -> None:
        self._connection = RedisConnection(redis, patience)
        self._lease = lease
        self._clients = Clients(connect)
        self._jobs: dict[str, BulkJobTask] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._is_stopping = False

        async def run_shard(
            job: str, shard: int
        ) -> None:  # taskiq renames the function, which it cannot do to a method
            await self._run(job, shard)

        self._task = broker.register_task(run_shard, task_name="mautic_async.run_shard")
        broker.add_event_handler(TaskiqEvents.WORKER_STARTUP, self._start_worker)
        broker.add_event_handler(TaskiqEvents.WORKER_SHUTDOWN, self._stop_worker)

    def bulk_job(self, store: Store) -> BulkJobTask:
        """Register a function that returns the bulk job of one shard, by its name; use it as a decorator.

        The function gets the client of the tenant, the rows of the shard (`Contact`), and its journal.

        Raises:
            ConfigurationError: A job of this name is registered already.
        """
        return self.register(store, Contact)

    def register(self, store: Store, model: type[Any]) -> BulkJobTask:
        """Register a function as `bulk_job` does, for rows of any class, such as `Company`."""
        name = store.__name__
        if name in self._jobs:
            raise ConfigurationError(f"a bulk job named {name} is registered already")
        self._jobs[name] = BulkJobTask(self, name, store, model)
        return self._jobs[name]

    def job(self, name: str) -> ShardedJob:
        """Return a job by its name; any process that registers the same functions may ask for it."""
        models = {task.name: task.model for task in self._jobs.values()}
        return ShardedJob(self.state(name), self.kick, models)

    def state(self, name: str) -> JobState:
        """Return what Redis holds of a job."""
        return JobState(self._connection, name)

    async def kick(self, state: JobState, shards: Iterable[int]) -> None:
        """Send the messages of *shards*."""
        for shard in shards:
            await state.note_kicks([shard])
            await self._task.kiq(state.name, shard)

    async def aclose(self) -> None:
        """Close all clients and connections of this process. A worker does so when it shuts down."""
        await self._clients.aclose()
        await self._connection.aclose()

    # -- in the worker -------------------------------------------------------------------------------------------------

    async def _start_worker(self, _: TaskiqState) -> None:
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep_forever())

    async def _stop_worker(self, _: TaskiqState) -> None:
        # Shards that still run give up their leases, and go on in another worker: closing their clients beneath them
        # would make them fail.
        self._is_stopping = True
        ending = {*self._running, *({self._sweeper} if self._sweeper is not None else ())}
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending)
        await self.aclose()

    async def _run(self, job: str, shard: int) -> None:
        """Run one shard of a job, unless it is finished or another process holds it."""
        state = self.state(job)
        info = await state.read("info")
        if not info or self._is_stopping:  # the job has expired, or a sweep of another worker sends the message again
            return
        if info["task"] not in self._jobs:
            error = f"this worker knows no bulk job named {info['task']}"
            await state.set_states({shard: "failed"}, error=error)
            return
        task = self._jobs[info["task"]]
        work = Shard(state, shard, task.store, task.model, self._lease)
        with self._cancelled_at_shutdown():
            await work.run(lambda: self._clients.get(info["tenant"]))

    @contextlib.contextmanager
    def _cancelled_at_shutdown(self) -> Iterator[None]:
        """Let `_stop_worker` cancel the code of the block. The message then counts as done: a sweep sends it again."""
        running = asyncio.current_task()
        assert running is not None  # noqa: S101 - called in a coroutine
        self._running.add(running)
        try:
            yield
        except asyncio.CancelledError:
            if not self._is_stopping:
                raise
        finally:
            self._running.discard(running)

    async def _sweep_forever(self) -> None:
        while True:
            # Errors are those of Redis or the broker, and pass: the next round does the same, in each worker.
            with contextlib.suppress(Exception):
                await self._sweep()
            await asyncio.sleep(self._lease / 2)

    async def _sweep(self) -> None:
        """Send the messages of shards again that no living process holds."""
        names = await self._connection.run(lambda redis: redis.smembers(UNFINISHED))
        for state in [self.state(to_text(name)) for name in names]:
            states, kicked = await state.read("state"), await state.read("kicked")
            # Twice the lease: a message that was sent lately may still wait in the queue.
            late = time.time() - 2 * self._lease
            for shard in [it for it in states if states[it] not in FINAL_STATES and float(kicked.get(it, 0)) < late]:
                # A living holder extends its lease, so a shard without one has lost its process.
                if not await self._is_held(state, int(shard)):
                    await self.kick(state, [int(shard)])

    async def _is_held(self, state: JobState, shard: int) -> bool:
        key = RedisJournal(self._connection.client, state.journal_name(shard)).lease_key
        return bool(await self._connection.run(lambda redis: redis.exists(key)))


@frozen
class BulkJobTask:
    """A registered bulk job.

    Attributes:
        name: Name of the function.
        store: The function.
        model: Class of the rows.
    """

    _tasks: BulkTasks = field(repr=False)
    name: str
    store: Store
    model: type[Any]

    async def start(
        self,
        rows: Iterable[Any] | AsyncIterable[Any],
        *,
        job: str,
        tenant: str = "",
        shards: int = 4,
        shard_by: Callable[[Any], str] = default_key,
    ) -> ShardedJob:
        """Write *rows* to Redis and send one message for each shard.

        Rows with the same key are in one shard, in the order of the input; different shards run side by side. So rows
        of different contacts that bring the same new tag, company or item need the same key, or the tag and the
        company must exist before: Mautic would make two.

        Args:
            rows: Any iterable or async iterable. It is read once, and need not be there later.
            job: Name of the job, a new one for each run.
            tenant: Given to *connect*.
            shards: Number of tasks; at most so many workers share the job.
            shard_by: Returns the key of a row; by default its e-mail address, or else its id.

        Raises:
            ConfigurationError: There is a job of this name, or a row has no key or no JSON form. No message was sent.
            MauticError: Redis is away.
        """
        state = self._tasks.state(job)
        if shards < 1:
            raise ConfigurationError("shards must be at least 1")
        if not await state.claim_name({"task": self.name, "tenant": tenant}):
            raise ConfigurationError(f"there is a job {job} already: give each run a name of its own")
        # All rows are in Redis before any message is sent, since a worker reads them to the end at once.
        await write_rows(state, rows, shards, shard_by)
        await state.note_kicks(range(shards))  # before the states: a worker sends messages that seem to be lost
        await state.set_states(dict.fromkeys(range(shards), "queued"))
        await self._tasks.kick(state, range(shards))
        return self._tasks.job(job)


class Clients:
    """One client for each tenant, made when it is first asked for.

    Args:
        connect: Returns a client that is not entered yet.
    """

    def __init__(self, connect: Callable[[str], Mautic]) -> None:
        self._connect = connect
        self._open: dict[str, Mautic] = {}
        self._lock = asyncio.Lock()

    async def get(self, tenant: str) -> Mautic:
        """Return the client of *tenant*, entered."""
        # The lock keeps two shards of one tenant from making a client each.
        async with self._lock:
            if tenant not in self._open:
                self._open[tenant] = await self._connect(tenant).__aenter__()
            return self._open[tenant]

    async def aclose(self) -> None:
        """Close all clients."""
        while self._open:
            _, mautic = self._open.popitem()
            await mautic.aclose()
