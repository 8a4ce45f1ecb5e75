"""One gate with a shared store: what it asks of the store, when, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from attrs import define, field
from hypothesis import settings
from hypothesis.stateful import invariant

from mautic_async.errors import ConfigurationError
from mautic_async.protocol.headers import RateLimitHeaders
from mautic_async.ratelimit.decision import TooLong
from mautic_async.ratelimit.limiter import RateLimiter
from mautic_async.ratelimit.settings import Limits
from mautic_async.ratelimit.store import Acquired, AcquireRequest, Observation, RateLimitState
from mautic_async.testing.virtual_time import EPOCH, virtual_clock
from tests.support.sizes import sized
from tests.unit.ratelimit.test_limiter import GateMachine

pytestmark = pytest.mark.virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


T = TypeVar("T")


@define
class Store:
    """Counts, takes its time, and fails when told to."""

    seconds: float = 0.0
    broken: Exception | None = None
    changes: int = 0
    text: str | None = field(default=None, repr=False)

    async def acquire(self, request: AcquireRequest) -> Acquired:
        return await self.change(request.now, lambda state: state.acquire(request))

    async def observe(self, observation: Observation) -> None:
        await self.change(observation.now, lambda state: state.observe(observation))

    async def change(self, now: float, operation: Callable[[RateLimitState], T]) -> T:
        self.changes += 1
        await asyncio.sleep(self.seconds)
        if self.broken is not None:
            raise self.broken
        state = RateLimitState.from_text(self.text, now)
        result = operation(state)
        self.text = state.to_text()
        return result

    @property
    def in_flight(self) -> dict[str, float]:
        return dict(json.loads(self.text)["in_flight"]) if self.text is not None else {}


def gate(store: Store, *, spread: bool = False, seed: int = 1, **limits: Any) -> RateLimiter:
    return RateLimiter(Limits(store=store, **limits), virtual_clock(asyncio.get_running_loop(), seed), spread=spread)


@define
class Server:
    """Counts as Mautic does, for each token."""

    limit: int
    windows: dict[str, list[int]] = field(factory=dict)

    def hit(self, token: str = "t") -> tuple[int, RateLimitHeaders | None]:
        if not self.limit:
            return 200, None
        date = int(EPOCH + now())
        window = self.windows.get(token)
        if window is None or date >= window[0]:
            window = self.windows[token] = [date + 3600, 0]
        window[1] += 1
        return (
            429 if window[1] > self.limit else 200,
            RateLimitHeaders(self.limit, max(0, self.limit - window[1]), window[0], float(date)),
        )


async def call(
    doors: RateLimiter, server: Server, *, background: bool = False, seconds: float = 0.1, token: str = "t", **more: Any
) -> int:
    slot = doors.try_acquire(background=background, job_requests_left=more.get("rest")) or await doors.acquire(
        background=background, **more
    )
    status: int | None = None
    reading = None
    try:
        await asyncio.sleep(seconds / 2)
        status, reading = server.hit(token)
        await asyncio.sleep(seconds / 2)
    finally:
        slot.complete(status=status, reading=reading, token=token)
    return status


async def leave(*gates: RateLimiter) -> None:
    for doors in gates:
        doors.close(RuntimeError("closed"))
        await doors.aclose()
        assert doors._timer is None
        assert doors._shared is not None
        assert not len(doors._shared._background)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_rate_limiter_without_a_store_uses_a_plain_window() -> None:
    doors = RateLimiter(Limits(), virtual_clock(asyncio.get_running_loop()))
    assert doors._shared is None
    await doors.aclose()


@pytest.mark.parametrize("wrong", ["budget.json", object(), 7])
def test_limits_refuse_a_store_without_its_methods(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="store must be a FileRateLimitStore"):
        Limits(store=wrong)


# --- several gates -------------------------------------------------------------------------------------------------


async def test_rate_limit_store_shares_a_learned_window() -> None:
    store, server = Store(), Server(100)
    first, second = gate(store, seed=1), gate(store, seed=2)
    for _ in range(70):
        await call(first, server)
    await asyncio.sleep(1)
    await call(second, server)
    assert (second.status.limit, second.status.remaining, second.status.reset) == (100, 29, server.windows["t"][0])
    await leave(first, second)


async def test_rate_limit_store_does_not_starve_an_interactive_call() -> None:
    store, server = Store(), Server(60)
    bulk, people = gate(store, seed=1, reserve=20), gate(store, seed=2, reserve=20)
    jobs = [asyncio.ensure_future(call(bulk, server, background=True, seconds=40)) for _ in range(45)]
    await asyncio.sleep(300)
    assert sum(job.done() for job in jobs) == 40
    began = now()
    for _ in range(20):
        await call(people, server, patience=1.0)
    assert now() - began < 20 * 0.1 + 0.1
    with pytest.raises(TooLong) as caught:
        await call(people, server, patience=60.0)
    assert 2000 < caught.value.seconds < 3620
    for job in jobs:
        job.cancel()
    await asyncio.wait(jobs)
    await leave(bulk, people)


async def test_rate_limit_store_is_not_polled_while_no_call_remains() -> None:
    store, server = Store(seconds=0.01), Server(50)
    gates = [gate(store, seed=seed, reserve=5) for seed in range(3)]
    for _ in range(50):
        await call(gates[0], server)
    waits = []
    for background in (True, False, True, False):
        waits += [asyncio.ensure_future(call(doors, server, background=background, patience=1e6)) for doors in gates]
        await asyncio.sleep(10)
    before = store.changes
    await asyncio.sleep(3000)
    assert store.changes == before
    assert set(await asyncio.gather(*waits)) == {200}
    assert 3600 <= now() < 3630
    await leave(*gates)


async def test_rate_limit_store_leaves_the_reserve_while_another_process_waits() -> None:
    store, server = Store(), Server(40)
    gates = [gate(store, seed=seed, reserve=10) for seed in range(4)]
    jobs = [asyncio.ensure_future(call(doors, server, background=True)) for doors in gates for _ in range(20)]
    await asyncio.sleep(1000)
    assert server.windows["t"][1] == 30
    assert sum(job.done() for job in jobs) == 30
    for job in jobs:
        job.cancel()
    await asyncio.wait(jobs)
    await leave(*gates)
    assert store.in_flight == {}


async def test_rate_limit_store_drops_the_window_of_an_old_token() -> None:
    """Invariant 56."""
    store, server = Store(), Server(30)
    doors, other = gate(store), gate(store, seed=2)
    for _ in range(25):
        await call(doors, server, token="old")
    await call(doors, server, token="new")
    assert doors.status.remaining == 29
    for _ in range(20):
        assert await call(doors, server, token="new") == 200
    assert await call(other, server, token="new") == 200
    assert other.status.remaining == 8
    assert store.text is not None
    assert '"new"' not in store.text
    await leave(doors, other)


async def test_rate_limit_store_counts_all_basic_users_of_a_site_together() -> None:
    store, server = Store(), Server(1000)
    ada, bob = gate(store, spread=True), gate(store, spread=True, seed=2)
    await call(ada, server)
    slot = await bob.acquire()
    slot.complete(status=200, reading=server.hit()[1], token="Basic Ym9i")
    assert bob.status.remaining == 998
    await leave(ada, bob)
    assert len(json.loads(store.text or "")["windows"]) == 1


# --- stores that fail ----------------------------------------------------------------------------------------------


async def test_rate_limit_store_error_reaches_all_waiters_and_the_next_call_retries() -> None:
    store, server = Store(broken=OSError("no store")), Server(100)
    doors = gate(store)
    found = await asyncio.gather(*(call(doors, server) for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in found] == ["no store"] * 3
    assert asyncio.all_tasks() == {asyncio.current_task()}
    store.broken = None
    assert await call(doors, server) == 200
    await leave(doors)


async def test_rate_limit_store_that_hangs_delays_close_by_seconds_only() -> None:
    store, server = Store(), Server(100)
    doors = gate(store)
    await call(doors, server)
    store.seconds = 1e6
    began = now()
    await leave(doors)
    assert now() - began <= 6


# --- cancellation --------------------------------------------------------------------------------------------------


async def asking(store: Store, doors: RateLimiter, server: Server) -> None:
    store.seconds = 50.0


async def resting(store: Store, doors: RateLimiter, server: Server) -> None:
    for _ in range(98):
        await call(doors, server)
    await doors.acquire()
    await asyncio.sleep(20)


async def exhausted(store: Store, doors: RateLimiter, server: Server) -> None:
    for _ in range(100):
        await call(doors, server)
    await asyncio.sleep(20)


@pytest.mark.parametrize("what", [asking, resting, exhausted])
@pytest.mark.parametrize("late", [False, True])
async def test_rate_limit_store_cancellation_ends_every_wait_at_once(
    what: Callable[[Store, RateLimiter, Server], Awaitable[None]], *, late: bool
) -> None:
    """Invariant 60."""
    store, server = Store(), Server(100)
    doors = gate(store, reserve=1)
    await what(store, doors, server)
    before, flying = now(), doors.in_flight
    task = asyncio.ensure_future(doors.acquire(background=True))
    await asyncio.sleep(0.5)
    task.cancel()
    if late:
        task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert now() == before + 0.5
    assert (doors.waiting, doors.in_flight) == (0, flying)
    store.seconds = 0.0
    await asyncio.sleep(60)
    assert len(store.in_flight) == flying
    await leave(doors)


@pytest.mark.parametrize("moment", [0.0, 0.1, 1.0])
async def test_rate_limit_store_leaves_no_task_after_a_cancelled_close(moment: float) -> None:
    store, server = Store(), Server(100)
    doors = gate(store)
    await call(doors, server)
    store.seconds = 2.0
    doors.close(RuntimeError("closed"))
    task = asyncio.ensure_future(doors.aclose())
    await asyncio.sleep(moment)
    task.cancel()
    await asyncio.wait([task])
    assert now() <= moment + 0.2
    await asyncio.sleep(10)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert store.in_flight == {}


class SharedGateMachine(GateMachine):
    """The same at a gate whose budget is shared: nothing is lost or given twice there either."""

    async def build(self) -> RateLimiter:
        self.store = Store(seconds=0.01)
        return gate(self.store, concurrency=3, seed=7)

    @invariant()
    def the_window_never_moves_back(self) -> None:
        assert len(self.store.in_flight) <= 3 + 8  # slots, and calls whose end is being reported

    @invariant()
    def slots_are_flights(self) -> None:
        """A call of each kind takes a slot while it asks the store."""
        assert len(self.slots) <= self.gate.in_flight <= min(3, len(self.slots) + 2)
        assert self.gate.waiting == len(self.tasks)

    @invariant()
    def nobody_waits_without_a_reason(self) -> None:
        """The calls that wait sleep until a time of their own."""

    def teardown(self) -> None:
        async def end() -> None:
            await self.empty()
            await leave(self.gate)
            assert self.store.in_flight == {}

        self.step(end())
        self.loop.close()


TestSharedGateMachine = SharedGateMachine.TestCase
TestSharedGateMachine.settings = settings(max_examples=sized(10, 30), stateful_step_count=40, deadline=None)


async def test_rate_limit_store_gets_back_the_call_that_was_not_sent() -> None:
    store, server = Store(), Server(100)
    doors = gate(store)
    await call(doors, server)
    for _ in range(50):
        (await doors.acquire()).release()
    await asyncio.sleep(20)
    assert store.in_flight == {}
    assert await call(doors, server) == 200
    assert doors.status.remaining == 98
    await leave(doors)
