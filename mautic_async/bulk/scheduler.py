"""The state of a job and its moves: rows into lanes, lanes into batches, answers into outcomes.

Everything here happens on one event loop between two awaits, so nothing needs a lock. A row is in one place only:
waiting in a lane, lined up, under way, or at rest until it can be mended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from attrs import Factory, define, evolve

from mautic_async.bulk.adapter import Delivery, Parcel
from mautic_async.bulk.collisions import Collisions, IdSet
from mautic_async.bulk.ordering import Lanes
from mautic_async.bulk.outcomes import Outcome, Tally
from mautic_async.bulk.pacing import Helm
from mautic_async.bulk.reconcile import find_ids, look, look_at_refused
from mautic_async.bulk.recovery import mend
from mautic_async.bulk.requeue import put_off, release, send_again
from mautic_async.errors import MauticError, Problem
from mautic_async.journal.records import Entry, Standing, learn

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Iterator, Sequence

    from mautic_async.bulk.adapter import Courier, Packed, Receipt
    from mautic_async.bulk.dead_letters import DeadLetters
    from mautic_async.bulk.options import Plan
    from mautic_async.bulk.outcomes import Status
    from mautic_async.clock import Clock
    from mautic_async.journal.records import Ledger

R = TypeVar("R")
E = TypeVar("E")

REMNANT: Final = 25
"""Rows below which the last batches are not divided among idle connections: their fixed cost would weigh more."""


@define(eq=False)
class _Sorted(Generic[R, E]):
    """The rows of an answer, by what is to be done with them."""

    ends: list[tuple[Parcel[R], Outcome[E]]] = Factory(list)
    steps: list[Parcel[R]] = Factory(list)
    again: list[tuple[Parcel[R], Receipt[E]]] = Factory(list)
    unseen: dict[float, list[Parcel[R]]] = Factory(dict)
    refused: list[tuple[Parcel[R], Receipt[E]]] = Factory(list)
    nameless: list[tuple[Parcel[R], Receipt[E]]] = Factory(list)


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
        self.total: int | None = None
        self.tally = Tally()
        self.lanes = Lanes()
        self.collisions: Collisions[R] = Collisions()
        self.created = IdSet()
        self.helm = Helm(plan, clock, courier.limit)
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
        self.paused_until = 0.0
        self._lined: dict[str, deque[Parcel[R]]] = {}
        self._claims: deque[asyncio.Future[None]] = deque()
        self._group: asyncio.TaskGroup | None = None
        self._chores: set[asyncio.Task[None]] = set()

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def start(self, group: asyncio.TaskGroup) -> None:
        """Take the group in which all work of the job runs."""
        self._group = group

    def chore(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* beside the job; it is cut when the job is over."""
        assert self._group is not None  # noqa: S101 - started
        task = self._group.create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._chores.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.over.set()  # a bug, or a full disk: the group ends all, and nothing else may leave

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

    def room_for(self) -> int:
        """How many more rows may be taken: what is held is bounded, also when nobody reads the outcomes."""
        stuck = self.parked + self.lanes.waiting
        size = self.helm.batch.size
        held = self.taken - self.yielded - stuck
        return max(0, 2 * self.helm.flow.most * size - held) if stuck <= max(10 * size, 1000) else 0

    def refusals(self, packed: Packed) -> tuple[Problem, ...]:
        """Why a row is not sent; none if it may be."""
        most = self.plan.batch_bytes
        if len(packed.body) + 2 > most and not packed.problems:
            return (Problem(f"the row has {len(packed.body)} bytes; a request may have {most}"),)
        return tuple(packed.problems)

    def admit(self, parcel: Parcel[R]) -> bool:
        """Put a row into its lanes.

        Returns:
            Whether it may leave now; then line it up.
        """
        self.open[parcel.index] = parcel
        parcel.keys = self.lanes.keys_of(parcel.packed, parcel.brings)
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
        if self.starving and self.room_for():
            self.room.set()
        while self._may_leave():
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

    def _may_leave(self) -> bool:
        free = not self.over.is_set() and self.in_flight < self.helm.flow.size
        return free and self.clock.time() >= self.paused_until

    def _load(self, *, flush: bool) -> list[Parcel[R]]:
        """The next batch: of one step, bounded in rows and bytes; a part of one only if *flush*."""
        size = self.helm.batch.size
        lines = list(reversed(self._lined.values()))  # what has begun is finished first
        lines = [line for line in lines if len(line) >= size] or [line for line in lines if line and flush]
        if not lines:
            return []
        line = lines[0]
        if self.exhausted:
            size = min(size, max(REMNANT, self.helm.last_batch(len(line), self.sending.values())))
        parcels: list[Parcel[R]] = []
        weight = 2
        while line and len(parcels) < size:
            weight += len(line[0].packed.body) + 1
            if weight > self.helm.bytes and parcels:
                break
            parcels.append(line.popleft())
        return parcels

    async def _ship(self, parcels: Sequence[Parcel[R]]) -> None:
        """One batch, from its journal entry to its outcomes. It has a slot."""
        with self.at_work():
            result = await self.carry(parcels)
            if isinstance(result, Delivery):
                await self.clock.sleep(0)  # the batch that takes the slot leaves first; these rows are in no hurry
                await self.sort(parcels, result.receipts)
                return
        await mend(self, parcels, result)

    async def claim(self) -> None:
        """Wait for a slot, before any new batch."""
        if self._may_leave():
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
                self.courier.needed = self._needed()
                delivery = await self.courier.deliver(step, parcels)
            except MauticError as error:
                self.tally.requests += error.attempts or 1
                self.helm.failed(error, len(parcels), self.sending[number][0], self.in_flight)
                return error
            self.tally.requests += delivery.requests
            self.helm.succeeded(delivery, self.sending[number][0], self.in_flight)
            return delivery
        finally:
            self.sending.pop(number, None)
            self.in_flight -= 1
            self.dispatch()

    def _needed(self) -> int | None:
        """How many requests the job still needs at most, where the input tells its length."""
        if self.total is None and not self.exhausted:
            return None
        untaken = 0 if self.exhausted or self.total is None else max(0, self.total - self.taken)
        return self.helm.requests_for(len(self.open) + untaken)

    async def _intend(self, parcels: Sequence[Parcel[R]]) -> None:
        now, time = self.clock.wall(), self.clock.time()
        for parcel in parcels:
            parcel.since = parcel.since or now
            parcel.sent_at = now
            parcel.carried_at = time
            parcel.tries += 1
            parcel.sends += 1
            parcel.maybe = True
            if not parcel.step:
                parcel.began_at = time
        if self.ledger is None:
            return
        named = {parcel.packed.memory: parcel for parcel in parcels if parcel.packed.memory}
        for name, known in (await self.ledger.recall(named)).items():
            fresh, named[name].known = named[name].known, {}
            learn(named[name].known, known)
            learn(named[name].known, fresh)
        await self.ledger.intend([self._entry(parcel, "sent") for parcel in parcels])

    def _entry(self, parcel: Parcel[R], state: str, status: str = "") -> Entry:
        return Entry(
            parcel.index,
            parcel.digest,
            state=state,
            step=parcel.step,
            tries=parcel.tries,
            since=parcel.since,
            known=parcel.known,
            status=status,
            so_far=parcel.so_far or "",
            id=parcel.id,
            memory=parcel.packed.memory,
            brings=self.lanes.brings(parcel) if parcel.packed.firsts else 0,
        )

    # -- answers in ----------------------------------------------------------------------------------------------------

    async def sort(self, parcels: Sequence[Parcel[R]], receipts: Sequence[Receipt[E]]) -> None:
        """Give each row what its receipt says: an outcome, a next step, another try, or a look."""
        piles: _Sorted[R, E] = _Sorted()
        for parcel, receipt in zip(parcels, receipts, strict=True):
            learn(parcel.known, receipt.known)
            parcel.id = receipt.id or parcel.id
            parcel.entity = receipt.entity if receipt.entity is not None else parcel.entity
            self._place(parcel, receipt, piles)
        await self.conclude(piles.ends, piles.steps)
        self.line_up(piles.steps)
        put_off(self, piles.again)
        self.dispatch()
        if piles.nameless:
            await find_ids(self, piles.nameless)
        if piles.refused:
            await look_at_refused(self, piles.refused)
        for pause, unseen in piles.unseen.items():
            self.chore(look(self, unseen, pause))

    def _place(self, parcel: Parcel[R], receipt: Receipt[E], piles: _Sorted[R, E]) -> None:
        state = receipt.state
        if state == "step":
            parcel.step, parcel.tries = receipt.step, 0
            parcel.stages += 1
            parcel.so_far = receipt.so_far or parcel.so_far
            piles.steps.append(parcel)
        elif state == "look":
            parcel.uncertain = True
            piles.unseen.setdefault(receipt.pause, []).append(parcel)
        elif state == "partial" and not parcel.id:
            piles.nameless.append((parcel, receipt))
        elif state == "rejected" and parcel.uncertain:
            piles.refused.append((parcel, receipt))
        elif state != "again":
            piles.ends.append((parcel, self.outcome(parcel, state, receipt)))
        elif parcel.tries < self.plan.tries:
            piles.again.append((parcel, receipt))
        else:
            piles.ends.append((parcel, self.outcome(parcel, receipt.so_far or "unknown", receipt)))

    def outcome(self, parcel: Parcel[R], status: Status, receipt: Receipt[E]) -> Outcome[E]:
        """The end of a row; what earlier steps have stored is not forgotten."""
        if parcel.so_far is not None:
            if status in ("created", "updated"):
                status = parcel.so_far
            elif status == "rejected":
                status = "partial"
        return Outcome(parcel.index, status, parcel.id, receipt.problems, receipt.entity or parcel.entity, parcel.sends)

    async def conclude(self, ends: Sequence[tuple[Parcel[R], Outcome[E]]], steps: Sequence[Parcel[R]] = ()) -> None:
        """Write outcomes down, then let them be seen and their lanes be used."""
        ends = [self._named(*end) for end in ends if not self._overtaken(*end)]
        bad = [(parcel, outcome) for parcel, outcome in ends if not outcome.ok]
        if bad and self.dead is not None:
            self.dead.add(bad)
        if self.ledger is not None and (ends or steps):
            entries = [self._entry(parcel, "done", outcome.status) for parcel, outcome in ends]
            entries += [self._entry(parcel, "step") for parcel in steps]
            await self.ledger.conclude(entries, self.dead.sync if bad and self.dead is not None else None)
        for parcel, outcome in ends:
            self.tally.counts[outcome.status] += 1
            self.tally.retried += parcel.sends > parcel.stages
            del self.open[parcel.index]
            self.outcomes.append(outcome)
        release(self, ends)
        if ends:
            self.news.set()
        self.collisions.forget(next(iter(self.open), self.taken))
        if self.exhausted and not self.open:
            self.over.set()
        self.dispatch()

    def _overtaken(self, parcel: Parcel[R], outcome: Outcome[E]) -> bool:
        """Return True if a row of the same entity goes again first, since it may not be the last one written."""
        if not parcel.id or not parcel.sends or outcome.status == "rejected":
            return False
        newest = self.collisions.ended(parcel, self.clock.time(), self.taken)
        if newest is not None:
            send_again(self, parcel, newest, outcome)
        return newest is not None

    def _named(self, parcel: Parcel[R], outcome: Outcome[E]) -> tuple[Parcel[R], Outcome[E]]:
        """The end of a row as it is told: an entity is created once, by the first row that says so."""
        if parcel.original is not None:
            parcel.row, parcel.packed = parcel.original
        if outcome.status == "created" and outcome.id and not self.created.add(outcome.id):
            outcome = evolve(outcome, status="updated")
        return parcel, outcome
