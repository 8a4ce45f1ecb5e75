"""The state of a job and its moves: rows into lanes, lanes into batches, answers into outcomes.

Everything here happens on one event loop between two awaits, so nothing needs a lock. A row is in one place only:
waiting in a lane, lined up, under way, or at rest until it can be mended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from mautic_async.bulk.courier import Delivery, Parcel
from mautic_async.bulk.lanes import Lanes
from mautic_async.bulk.mend import find_ids, look, mend, put_off
from mautic_async.bulk.outcomes import Outcome, Tally
from mautic_async.bulk.pace import Batch, Flow, Sample, refuse, resize, steer
from mautic_async.errors import MauticError, Then
from mautic_async.journal import Entry, Standing

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Iterator, Sequence

    from mautic_async.bulk.courier import Courier, Receipt
    from mautic_async.bulk.dead_letters import DeadLetters
    from mautic_async.bulk.outcomes import Status
    from mautic_async.bulk.plan import Plan
    from mautic_async.clock import Clock
    from mautic_async.journal import Ledger

R = TypeVar("R")
E = TypeVar("E")

REMNANT: Final = 25
"""Rows below which the last batches are not divided among idle connections: their fixed cost would weigh more."""

SHORT: Final = 5.0
"""Seconds to settle after a failure that ended the request on the server."""


class Engine(Generic[R, E]):
    """One job under way."""

    def __init__(
        self, courier: Courier[R, E], plan: Plan, clock: Clock, ledger: Ledger | None, dead: DeadLetters | None
    ) -> None:
        self.courier = courier
        self.plan = plan
        self.clock = clock
        self.ledger = ledger
        self.dead = dead
        self.standing = Standing()
        self.tally = Tally()
        self.lanes = Lanes()
        most = min(plan.batch, courier.limit)
        self.batch = Batch(float(min(plan.first_batch, most)), most, plan.batch_seconds)
        self.flow = Flow(float(min(plan.start, plan.concurrency)), plan.concurrency)
        self.batch_bytes = plan.batch_bytes
        self.open: dict[int, Parcel[R]] = {}
        self.outcomes: deque[Outcome[E]] = deque()
        self.news = asyncio.Event()
        self.room = asyncio.Event()
        self.over = asyncio.Event()
        self.idle = asyncio.Event()
        self.failure: BaseException | None = None
        self.taken = 0
        self.yielded = 0
        self.exhausted = False
        self.starving = False
        self.in_flight = 0
        self.sending: dict[int, tuple[float, int]] = {}
        self.parked = 0
        self.busy = 0
        self.successes = 0
        self.failures = 0
        self.last_success = 0.0
        self.slowest = 0.0
        self.paused_until = 0.0
        self._lined: dict[str, deque[Parcel[R]]] = {}
        self._claims: deque[asyncio.Future[None]] = deque()
        self._group: asyncio.TaskGroup | None = None
        self._chores: set[asyncio.Task[None]] = set()

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def start(self, group: asyncio.TaskGroup) -> None:
        """Take the group in which all work of the job runs."""
        self._group = group
        self.last_success = self.clock.time()

    def chore(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* beside the job; it is cut when the job is over."""
        assert self._group is not None  # noqa: S101 - started
        task = self._group.create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    def cut(self) -> None:
        """End all that still runs."""
        for task in self._chores:
            task.cancel()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Something that is worth waiting for when the job is left early."""
        self.busy += 1
        self.idle.clear()
        try:
            yield
        finally:
            self.busy -= 1
            if not self.busy:
                self.idle.set()

    def fail(self, error: BaseException) -> None:
        """End the job: nothing new leaves, what is under way lands, then *error* reaches the caller."""
        if self.failure is None:
            self.failure = error
        self.over.set()

    # -- rows in -------------------------------------------------------------------------------------------------------

    def has_room(self) -> bool:
        """Whether another row may be taken: what is held is bounded, also when nobody reads the outcomes."""
        stuck = self.parked + self.lanes.waiting
        size = self.batch.size
        held = self.taken - self.yielded - stuck
        return held < 2 * self.flow.most * size and stuck <= max(10 * size, 1000)

    def admit(self, parcel: Parcel[R]) -> bool:
        """Put a row into its lanes.

        Returns:
            Whether it may leave now; then line it up.
        """
        self.open[parcel.index] = parcel
        parcel.keys = parcel.packed.keys
        return self.lanes.enter(parcel)

    def line_up(self, parcels: Iterable[Parcel[R]], *, front: bool = False) -> None:
        """Rows whose lanes are free, ready for the next batch; at the *front* if they have waited before."""
        for parcel in reversed(list(parcels)) if front else parcels:
            line = self._lined.get(parcel.step)
            if line is None:
                line = self._lined[parcel.step] = deque()
            if front:
                line.appendleft(parcel)
            else:
                line.append(parcel)

    @property
    def lined(self) -> int:
        """Rows that could leave now."""
        return sum(len(line) for line in self._lined.values())

    # -- batches out ---------------------------------------------------------------------------------------------------

    def dispatch(self, *, flush: bool = False) -> None:
        """Let as many batches leave as may."""
        if self.starving and self.has_room():
            self.room.set()
        while not self.over.is_set() and self.in_flight < self.flow.size and self.clock.time() >= self.paused_until:
            if self._claims:
                claim = self._claims.popleft()
                if not claim.done():
                    self.in_flight += 1
                    claim.set_result(None)
                continue
            parcels = self._load(flush=flush or self.exhausted or self.starving)
            if not parcels:
                return
            self.in_flight += 1
            self.chore(self._ship(parcels))

    def _load(self, *, flush: bool) -> list[Parcel[R]]:
        """The next batch: of one step, bounded in rows and bytes; a part of one only if *flush*."""
        size = self.batch.size
        lines = list(reversed(self._lined.values()))  # what has begun is finished first
        lines = [line for line in lines if len(line) >= size] or [line for line in lines if line and flush]
        for line in lines:
            if self.exhausted and len(line) < size * self.flow.size:
                idle = self.flow.size - self.in_flight
                size = min(size, max(REMNANT, -(-len(line) // max(1, idle))))
            parcels: list[Parcel[R]] = []
            weight = 2
            while line and len(parcels) < size:
                weight += len(line[0].packed.body) + 1
                if weight > self.batch_bytes and parcels:
                    break
                parcels.append(line.popleft())
            return parcels
        return []

    async def _ship(self, parcels: Sequence[Parcel[R]]) -> None:
        """One batch, from its journal entry to its outcomes. It has a slot."""
        with self.at_work():
            result = await self.carry(parcels)
            if isinstance(result, Delivery):
                await self.sort(parcels, result.receipts)
                return
        await mend(self, parcels, result)

    async def claim(self) -> None:
        """Wait for a slot, before any new batch."""
        if self.in_flight < self.flow.size and self.clock.time() >= self.paused_until and not self.over.is_set():
            self.in_flight += 1
            return
        claim = asyncio.get_running_loop().create_future()
        self._claims.append(claim)
        await claim

    async def carry(self, parcels: Sequence[Parcel[R]]) -> Delivery[E] | MauticError:
        """Write down the intent, send, learn from how it went, give the slot back."""
        step = parcels[0].step
        number = id(parcels)
        try:
            await self._intend(parcels)
            self.sending[number] = (self.clock.time(), len(parcels))
            try:
                delivery = await self.courier.deliver(step, parcels)
            except MauticError as error:
                self._failed(error, parcels, self.sending[number][0])
                return error
            self._succeeded(delivery, self.sending[number][0])
            return delivery
        finally:
            self.sending.pop(number, None)
            self.in_flight -= 1
            self.dispatch()

    async def _intend(self, parcels: Sequence[Parcel[R]]) -> None:
        now, time = self.clock.wall(), self.clock.time()
        for parcel in parcels:
            parcel.sent_at = parcel.sent_at or now
            parcel.carried_at = time
            parcel.tries += 1
            parcel.sends += 1
            parcel.maybe = True
        if self.ledger is None:
            return
        named = {parcel.packed.memory: parcel for parcel in parcels if parcel.packed.memory}
        for name, known in (await self.ledger.recall(named)).items():
            named[name].known = {**known, **named[name].known}
        await self.ledger.intend([self._entry(parcel, "sent") for parcel in parcels])

    def _entry(self, parcel: Parcel[R], state: str, status: str = "") -> Entry:
        return Entry(
            parcel.index,
            parcel.digest,
            state=state,
            step=parcel.step,
            tries=parcel.tries,
            known=parcel.known,
            status=status,
            so_far=parcel.so_far or "",
            id=parcel.id,
            memory=parcel.packed.memory,
        )

    def _succeeded(self, delivery: Delivery[E], began: float) -> None:
        now = self.clock.time()
        self.tally.requests += delivery.requests
        self.successes += 1
        self.failures = 0
        self.last_success = now
        seconds = now - began - delivery.waited if delivery.seconds is None else delivery.seconds
        self.slowest = max(self.slowest, seconds)
        self._learn(
            Sample(
                len(delivery.receipts),
                max(0.0, seconds),
                began,
                now,
                load=any(receipt.load for receipt in delivery.receipts),
                starved=delivery.waited > seconds,
                busy=self.in_flight,
            )
        )

    def _failed(self, error: MauticError, parcels: Sequence[Parcel[R]], began: float) -> None:
        self.tally.requests += error.attempts or 1
        verdict = error.verdict
        if verdict is None:
            return
        now = self.clock.time()
        if verdict.bulk in (Then.REPEAT, Then.PARK, Then.LOOK):
            self.failures += 1
        if verdict.load:
            dropped = verdict.live
            self._learn(Sample(len(parcels), now - began, began, now, load=True, dropped=dropped, busy=self.in_flight))

    def _learn(self, sample: Sample) -> None:
        self.batch = resize(self.batch, sample)
        self.flow = steer(self.flow, sample)

    def learn_limit(self, rows: int) -> None:
        """The server takes no more than *rows* at once."""
        self.batch = refuse(self.batch, rows)

    def learn_bytes(self, count: int) -> None:
        """The server takes no body as large as the last one."""
        self.batch_bytes = min(self.batch_bytes, max(1, count))

    def given_up(self) -> bool:
        """Whether the server has failed too often and for too long."""
        silent = self.clock.time() - self.last_success
        return self.failures >= self.plan.give_up and silent >= self.plan.outage

    def settle_for(self, parcels: Sequence[Parcel[R]], error: MauticError | None) -> float:
        """Seconds until the server can no longer be at work on a request that was not answered."""
        if error is not None and error.verdict is not None and not error.verdict.live:
            return min(SHORT, self.plan.settle)
        wait = max(self.plan.settle, 2 * self.slowest) if self.plan.settle else 0.0
        sent_at: float = getattr(error, "sent_at", 0.0)
        if not sent_at:
            return wait  # it may have waited for its turn below, so count from now
        age = min(self.clock.wall() - sent_at, self.clock.time() - parcels[0].carried_at)
        return wait - max(0.0, age)

    # -- answers in ----------------------------------------------------------------------------------------------------

    async def sort(self, parcels: Sequence[Parcel[R]], receipts: Sequence[Receipt[E]]) -> None:
        """Give each row what its receipt says: an outcome, a next step, another try, or a look."""
        ends: list[tuple[Parcel[R], Outcome[E]]] = []
        steps: list[Parcel[R]] = []
        again: list[tuple[Parcel[R], Receipt[E]]] = []
        unseen: list[Parcel[R]] = []
        nameless: list[tuple[Parcel[R], Receipt[E]]] = []
        for parcel, receipt in zip(parcels, receipts, strict=True):
            if receipt.known:
                parcel.known.update(receipt.known)
            if receipt.id:
                parcel.id = receipt.id
            state = receipt.state
            if state == "step":
                steps.append(parcel)
                parcel.step, parcel.tries, parcel.sent_at = receipt.step, 0, 0.0
                parcel.so_far = receipt.so_far or parcel.so_far
            elif state == "look":
                unseen.append(parcel)
            elif state == "partial" and not parcel.id:
                nameless.append((parcel, receipt))
            elif state != "again":
                ends.append((parcel, self.outcome(parcel, state, receipt)))
            elif parcel.tries >= self.plan.tries:
                ends.append((parcel, self.outcome(parcel, receipt.so_far or "unknown", receipt)))
            else:
                again.append((parcel, receipt))
        await self.conclude(ends, steps)
        if steps:
            self.line_up(steps)
        if again:
            put_off(self, again)
        self.dispatch()
        if nameless:
            await find_ids(self, nameless)
        if unseen:
            await look(self, unseen)

    def outcome(self, parcel: Parcel[R], status: Status, receipt: Receipt[E]) -> Outcome[E]:
        """The end of a row; what earlier steps have stored is not forgotten."""
        if parcel.so_far is not None:
            if status in ("created", "updated"):
                status = parcel.so_far
            elif status == "rejected":
                status = "partial"
        return Outcome(parcel.index, status, parcel.id, receipt.problems, receipt.entity, parcel.sends)

    async def conclude(self, ends: Sequence[tuple[Parcel[R], Outcome[E]]], steps: Sequence[Parcel[R]] = ()) -> None:
        """Write outcomes down, then let them be seen and their lanes be used."""
        bad = [(parcel, outcome) for parcel, outcome in ends if not outcome.ok]
        if bad and self.dead is not None:
            self.dead.add(bad)
        if self.ledger is not None and (ends or steps):
            entries = [self._entry(parcel, "done", outcome.status) for parcel, outcome in ends]
            entries += [self._entry(parcel, "step") for parcel in steps]
            await self.ledger.conclude(entries, self.dead.sync if bad and self.dead is not None else None)
        lingering: dict[float, list[Parcel[R]]] = {}
        for parcel, outcome in ends:
            self.tally.counts[outcome.status] += 1
            self.tally.retried += parcel.sends > 1
            del self.open[parcel.index]
            self.outcomes.append(outcome)
            if parcel.packed.linger and parcel.sends:
                lingering.setdefault(parcel.packed.linger, []).append(parcel)
            elif parcel.keys:
                self.line_up(self.lanes.leave(parcel))
        for seconds, parcels in lingering.items():
            self.chore(self._linger(parcels, seconds))
        if ends:
            self.news.set()
        if self.exhausted and not self.open:
            self.over.set()
        self.dispatch()

    async def _linger(self, parcels: Sequence[Parcel[R]], seconds: float) -> None:
        await self.clock.sleep(seconds)
        for parcel in parcels:
            self.line_up(self.lanes.leave(parcel))
        self.dispatch()

    # -- pauses --------------------------------------------------------------------------------------------------------

    def pause(self, seconds: float) -> None:
        """Let nothing leave for *seconds*."""
        now = self.clock.time()
        until = now + seconds
        if until <= self.paused_until:
            return
        self.tally.waited += until - max(now, self.paused_until)
        self.paused_until = until
        self.chore(self._resume(seconds))

    async def _resume(self, seconds: float) -> None:
        await self.clock.sleep(seconds)
        self.dispatch()
