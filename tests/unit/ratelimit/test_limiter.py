from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mautic_async.clock import Clock
from mautic_async.errors import ConfigurationError
from mautic_async.protocol import Call
from mautic_async.protocol.headers import RateLimitHeaders
from mautic_async.ratelimit.decision import GO, Go, Probe, TooLong, WaitForResponse, WaitUntil
from mautic_async.ratelimit.fixed_window import BackgroundPolicy, FixedWindow
from mautic_async.ratelimit.limiter import RateLimiter, Slot
from mautic_async.ratelimit.settings import Limits
from mautic_async.ratelimit.throttle import Throttle
from mautic_async.testing.virtual_time import EPOCH, VirtualLoop, virtual_clock
from tests.support.scripted_server import ScriptedServer, make_pipeline
from tests.support.sizes import sized

pytestmark = pytest.mark.virtual_time

T = TypeVar("T")

NO_JITTER: Callable[[], float] = lambda: 0.0  # noqa: E731


def gate(limits: Limits | None = None, *, spread: bool = False, skew: float = 0.0) -> RateLimiter:
    loop = asyncio.get_running_loop()
    return RateLimiter(
        limits or Limits(), Clock(wall_time=lambda: EPOCH + skew + loop.time(), random=NO_JITTER), spread=spread
    )


def now() -> float:
    return asyncio.get_running_loop().time()


def reading(
    remaining: int, *, limit: int = 100, seconds: int = 3600, skew: int = 0, reset: int | None = None
) -> RateLimitHeaders:
    date = int(EPOCH + now()) + skew
    return RateLimitHeaders(limit, remaining, date + seconds if reset is None else reset, float(date))


async def one(
    gate: RateLimiter, answer: RateLimitHeaders | None = None, *, status: int = 200, background: bool = False
) -> None:
    slot = await gate.acquire(background=background)
    slot.complete(status=status, reading=answer, token="t")


async def taken(waits: Coroutine[Any, Any, Slot]) -> tuple[asyncio.Task[Slot], bool]:
    task = asyncio.ensure_future(waits)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task, task.done()


# --- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrency": 0},
        {"concurrency": 1001},
        {"concurrency": True},
        {"concurrency": 2.0},
        {"patience": -1},
        {"patience": math.nan},
        {"patience": "60"},
        {"pace": "slow"},
        {"reserve": -1},
        {"reserve": 1.5},
    ],
)
def test_limits_refuse_values_out_of_range_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))) as caught:
        Limits(**wrong)
    assert isinstance(caught.value, ValueError)


def test_limits_let_a_bulk_job_wait_without_bound_by_default() -> None:
    assert Limits().max_wait(background=False) == 60
    assert Limits().max_wait(background=True) == math.inf
    assert Limits(patience=5).max_wait(background=True) == 5


# --- slots ---------------------------------------------------------------------------------------------------------


async def test_rate_limiter_bounds_requests_in_flight_and_serves_in_order() -> None:
    doors = gate(Limits(concurrency=3))
    await one(doors)
    order: list[int] = []

    async def visit(index: int) -> None:
        slot = await doors.acquire()
        order.append(index)
        assert doors.in_flight <= 3
        await asyncio.sleep(1)
        slot.complete(status=200)

    async with asyncio.TaskGroup() as group:
        for index in range(10):
            group.create_task(visit(index))
    assert order == list(range(10))
    assert now() == 4.0
    assert (doors.in_flight, doors.waiting) == (0, 0)


async def test_slot_is_returned_once_after_repeated_completion() -> None:
    doors = gate(Limits(concurrency=2))
    slot = await doors.acquire()
    slot.complete(status=200)
    slot.complete(status=429)
    slot.release()
    assert doors.in_flight == 0
    assert doors.try_acquire() is not None


async def test_rate_limiter_serves_interactive_calls_before_older_background_calls() -> None:
    doors = gate(Limits(concurrency=1))
    held = await doors.acquire()
    order: list[str] = []

    async def visit(name: str, *, background: bool) -> None:
        slot = await doors.acquire(background=background)
        order.append(name)
        slot.complete(status=200)

    async with asyncio.TaskGroup() as group:
        for name in ("bulk 1", "bulk 2"):
            group.create_task(visit(name, background=True))
        await asyncio.sleep(1)
        group.create_task(visit("person", background=False))
        await asyncio.sleep(1)
        held.complete(status=200)
    assert order == ["person", "bulk 1", "bulk 2"]


async def test_rate_limiter_keeps_a_slot_free_for_recent_interactive_calls() -> None:
    doors = gate(Limits(concurrency=3))
    await one(doors)
    slots = [doors.try_acquire(background=True) for _ in range(3)]
    assert [slot is not None for slot in slots] == [True, True, False]
    assert doors.try_acquire() is not None
    for slot in slots[:2]:
        assert slot is not None
        slot.complete(status=200)
    await asyncio.sleep(61)
    assert [doors.try_acquire(background=True) is not None for _ in range(3)] == [True, True, False]


# --- invariants 52 to 56 and 60 ------------------------------------------------------------------------------------


async def test_rate_limiter_does_not_pace_without_headers() -> None:
    """Invariant 52."""
    doors = gate()
    for _ in range(10_000):
        await one(doors, background=True)
    assert now() == 0.0
    assert (doors.status.limit, doors.status.remaining, doors.status.reset) == (None, None, None)


async def test_rate_limiter_waits_for_the_first_response_to_decide() -> None:
    """Invariant 52."""
    doors = gate()
    probe = await doors.acquire()
    _, gone = await taken(doors.acquire())
    assert not gone
    probe.complete(status=200)
    await asyncio.sleep(0)
    assert doors.in_flight == 1


@pytest.mark.parametrize("status", [None, 401, 502])
async def test_rate_limiter_stays_undecided_after_a_response_without_limiter_headers(status: int | None) -> None:
    doors = gate()
    (await doors.acquire()).complete(status=status)
    assert doors.try_acquire() is not None
    assert doors.try_acquire() is None


class Server:
    """Counts as Mautic does, for one key."""

    def __init__(self, limit: int) -> None:
        self.limit, self.count, self.reset, self.windows = limit, 0, 0, [0]

    def hit(self) -> tuple[int, RateLimitHeaders]:
        date = int(EPOCH + now())
        if date >= self.reset:
            self.count, self.reset = 0, date + 3600
            self.windows.append(0)
        self.count += 1
        self.windows[-1] += 1
        return (
            429 if self.count > self.limit else 200,
            RateLimitHeaders(self.limit, max(0, self.limit - self.count), self.reset, float(date)),
        )


@pytest.mark.parametrize("processes", [1, 3])
async def test_rate_limiter_background_calls_never_use_the_reserve(processes: int) -> None:
    """Invariant 53."""
    server = Server(200)
    reserve = 30

    async def worker(doors: RateLimiter) -> None:
        while now() < 4 * 3600:
            slot = await doors.acquire(background=True)
            await asyncio.sleep(0.5)
            status, told = server.hit()
            await asyncio.sleep(0.5)
            assert status == 200
            slot.complete(status=status, reading=told)

    async with asyncio.TaskGroup() as group:
        for _ in range(processes):
            doors = gate(Limits(concurrency=4, reserve=reserve))
            for _ in range(4):
                group.create_task(worker(doors))
    # one process knows what it has in flight; of the others' flights the headers tell only when they have landed
    unseen = (processes - 1) * 4
    assert all(calls <= 200 - reserve + unseen for calls in server.windows)
    assert all(calls >= 200 - reserve for calls in server.windows[1:-1])


async def test_rate_limiter_ignores_remaining_that_rises_unless_reset_changes() -> None:
    """Invariant 54."""
    doors = gate()
    await one(doors, reading(1))
    reset = doors.status.reset
    await one(doors, reading(0, reset=reset))
    slot = await doors.acquire(patience=1e9)
    assert now() >= 3600
    slot.complete(status=200, reading=reading(7))
    assert doors.status.remaining == 7
    first = doors.try_acquire()
    assert first is not None
    first.complete(status=200, reading=reading(50, reset=doors.status.reset))
    assert doors.status.remaining == 7


async def test_rate_limiter_ignores_a_counter_that_rises_within_a_window() -> None:
    doors = gate()
    await one(doors, reading(2))
    flights = [doors.try_acquire(), doors.try_acquire()]
    assert all(flights)
    assert doors.try_acquire() is None
    for slot, told in zip(flights, (reading(1), reading(5)), strict=True):
        assert slot is not None
        slot.complete(status=200, reading=told)
    assert doors.status.remaining == 1


async def test_rate_limiter_sends_one_probe_after_the_wait() -> None:
    """Invariant 55."""
    doors = gate()
    await one(doors, reading(0))
    waits = [asyncio.ensure_future(doors.acquire(background=True)) for _ in range(5)]
    await asyncio.sleep(3700)
    assert sum(task.done() for task in waits) == 1
    (await next(task for task in waits if task.done())).complete(status=200, reading=reading(99))
    await asyncio.sleep(0)
    assert all(task.done() for task in waits)


async def test_rate_limiter_wakes_a_fleet_at_different_seconds() -> None:
    """Invariant 55."""
    woken: list[float] = []

    async def client(seed: int) -> None:
        doors = RateLimiter(Limits(), virtual_clock(asyncio.get_running_loop(), seed))
        await one(doors, reading(0), status=429)
        await doors.acquire(background=True)
        woken.append(now())

    async with asyncio.TaskGroup() as group:
        for seed in range(50):
            group.create_task(client(seed))
    assert min(woken) >= 3600
    assert max(woken) - min(woken) > 5
    assert max(sum(int(moment) == second for moment in woken) for second in map(int, woken)) < 15


async def test_rate_limiter_drops_the_window_of_an_old_token() -> None:
    """Invariant 56."""
    doors = gate()
    (await doors.acquire()).complete(status=200, reading=reading(2), token="old")
    first, second = doors.try_acquire(), doors.try_acquire()
    assert first is not None
    assert second is not None
    assert doors.try_acquire() is None
    first.complete(status=200, reading=reading(99, seconds=3599), token="new")
    assert doors.status.remaining == 99
    second.complete(status=429, reading=reading(0), token="old")
    assert doors.status.remaining == 99
    assert doors.try_acquire() is not None


def waiting_for_the_reset(doors: RateLimiter) -> Coroutine[Any, Any, None]:
    return one(doors, reading(0))


def waiting_for_a_pause(doors: RateLimiter) -> Coroutine[Any, Any, None]:
    async def refused() -> None:
        (await doors.acquire()).complete(status=429, retry_after=600)

    return refused()


async def _fill(doors: RateLimiter) -> None:
    await one(doors)
    while doors.try_acquire() is not None:
        pass


async def _probe(doors: RateLimiter) -> None:
    await doors.acquire()


@pytest.mark.parametrize("why", [waiting_for_the_reset, waiting_for_a_pause, _fill, _probe])
async def test_rate_limiter_cancellation_ends_every_wait_at_once(
    why: Callable[[RateLimiter], Coroutine[Any, Any, None]],
) -> None:
    """Invariant 60."""
    doors = gate()
    await why(doors)
    before, flying = now(), doors.in_flight
    task = asyncio.ensure_future(doors.acquire(background=True))
    await asyncio.sleep(0.5)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert now() == before + 0.5
    assert (doors.waiting, doors.in_flight, doors._timer) == (0, flying, None)


async def test_rate_limiter_gives_the_slot_of_a_cancelled_waiter_to_the_next() -> None:
    doors = gate(Limits(concurrency=1))
    held = await doors.acquire()
    first, second = asyncio.ensure_future(doors.acquire()), asyncio.ensure_future(doors.acquire())
    await asyncio.sleep(1)
    held.complete(status=200)
    first.cancel()
    slot = await second
    assert first.cancelled()
    assert doors.in_flight == 1
    slot.release()
    assert doors.in_flight == 0


# --- the server's clock --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skew", [-7200, -3600, 0, 3600, 7200])
async def test_rate_limiter_wait_is_independent_of_a_wrong_wall_clock(skew: int) -> None:
    """Invariant 19."""
    doors = gate()
    await one(doors, reading(0, seconds=100, skew=skew), status=429)
    await doors.acquire(background=True)
    assert 100 <= now() < 102


@pytest.mark.parametrize("skew", [-7200, 7200])
async def test_rate_limiter_reads_a_response_without_date_by_earlier_dates(skew: int) -> None:
    doors = gate(skew=-skew)
    await one(doors, reading(5, seconds=200))
    told = reading(0, seconds=200)
    await one(doors, RateLimitHeaders(told.limit, 0, told.reset))
    await doors.acquire(background=True)
    assert 200 <= now() < 202


async def test_rate_limiter_sends_another_probe_after_an_expired_window() -> None:
    doors = gate()
    await one(doors, reading(0, seconds=0))
    assert now() == 0
    assert doors.status.limit is None
    await one(doors, reading(50))
    assert doors.status.remaining == 50


async def test_rate_limiter_ignores_senseless_headers() -> None:
    doors = gate()
    for _ in range(3):
        await one(doors, reading(0, seconds=-5))
    assert [doors.try_acquire() is not None for _ in range(8)] == [True] * 8


@pytest.mark.parametrize("remaining", [0, 3])
async def test_rate_limiter_obeys_the_smaller_remaining_of_two_nodes(remaining: int) -> None:
    doors = gate()
    await one(doors, reading(80, seconds=3600))
    await one(doors, reading(remaining, seconds=1800))
    assert doors.status.remaining == remaining
    if remaining:
        await one(doors, reading(79, seconds=3600))
        assert doors.status.remaining == remaining
    else:
        await doors.acquire(background=True)
        assert 1800 <= now() < 1802


# --- patience ------------------------------------------------------------------------------------------------------


async def test_rate_limiter_refuses_a_wait_beyond_patience_at_once() -> None:
    doors = gate()
    await one(doors, reading(0, seconds=1800), status=429)
    with pytest.raises(TooLong) as caught:
        await doors.acquire()
    assert 1800 <= caught.value.seconds < 1812
    assert now() == 0
    assert doors.waiting == 0


async def test_rate_limiter_refuses_only_impatient_waiters_when_a_pause_begins() -> None:
    doors = gate(Limits(concurrency=1))
    held = await doors.acquire()
    patient = asyncio.ensure_future(doors.acquire(patience=1000))
    impatient = asyncio.ensure_future(doors.acquire(patience=10))
    await asyncio.sleep(1)
    held.complete(status=429, retry_after=500)
    with pytest.raises(TooLong):
        await impatient
    assert now() == 1
    await patient
    assert 501 <= now() < 512


async def test_rate_limiter_patience_does_not_count_waiting_for_a_slot() -> None:
    doors = gate(Limits(concurrency=1, patience=1))
    held = await doors.acquire()
    task = asyncio.ensure_future(doors.acquire())
    await asyncio.sleep(100)
    assert not task.done()
    held.complete(status=200)
    await task


# --- refusals without the limiter's headers ------------------------------------------------------------------------


async def test_retry_after_pauses_all_calls_and_never_ends_early() -> None:
    doors = gate()
    await one(doors)
    slots = [await doors.acquire() for _ in range(4)]
    slots[0].complete(status=429, retry_after=30)
    assert doors.try_acquire() is None
    with pytest.raises(TooLong):
        await doors.acquire(patience=29)
    slot = await doors.acquire(patience=60)
    assert 30 <= now() < 35
    assert doors.try_acquire() is None
    slot.complete(status=200)


def test_rate_limiter_counts_a_burst_of_refusals_once() -> None:
    throttle = Throttle(NO_JITTER)
    for _ in range(8):
        throttle.on_request(0.0)
    throttle.on_throttled(0.0, 1.0, None)
    until = throttle.until
    for _ in range(7):
        throttle.on_throttled(0.0, 1.1, None)
    assert throttle.until == until <= 2.0


def test_throttle_cuts_a_third_on_refusal_and_adds_a_twentieth_in_ten_seconds() -> None:
    throttle = Throttle(NO_JITTER)
    for tick in range(11):
        throttle.on_request(tick * 0.1)
    throttle.on_throttled(1.0, 1.0, None)
    assert throttle._max_rate_at(1.0) == pytest.approx(0.7 * 11)
    assert throttle._max_rate_at(11.0) == pytest.approx(0.7 * 11 * 1.05)
    throttle.on_success(5.0, 5.0)
    throttle.on_request(5.0)
    assert isinstance(throttle.decide(5.0), WaitUntil)
    throttle.on_success(500.0, 500.0)
    assert throttle.decide(500.0) == GO


def test_throttle_bounds_growing_pauses_by_an_hour() -> None:
    throttle = Throttle(NO_JITTER)
    throttle.on_request(0.0)
    moment, waits = 10.0, []
    while moment < 3600:
        throttle.on_throttled(moment, moment, None)
        waits.append(throttle.until - moment)
        moment = throttle.until
    assert waits[:-1] == sorted(waits[:-1])
    assert moment == 3601
    assert len(waits) <= 8


async def test_rate_limiter_closed_refuses_all_waiters() -> None:
    doors = gate(Limits(concurrency=1))
    await doors.acquire()
    task, _ = await taken(doors.acquire())
    doors.close(RuntimeError("closed"))
    with pytest.raises(RuntimeError, match="closed"):
        await task
    with pytest.raises(RuntimeError, match="closed"):
        await doors.acquire()
    assert doors.try_acquire() is None
    assert doors._timer is None


# --- spread --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limits", "spread"), [(Limits(), True), (Limits(pace="spread"), False)])
async def test_spread_pace_uses_the_window_evenly_and_lets_interactive_calls_pass(
    limits: Limits, *, spread: bool
) -> None:
    doors = gate(limits, spread=spread)
    left = 100
    moments = []
    await one(doors, reading(left))
    reset = doors.status.reset
    while now() < 1800:
        slot = await doors.acquire(background=True)
        moments.append(now())
        left -= 1
        slot.complete(status=200, reading=reading(left, reset=reset))
    gaps = [after - before for before, after in pairwise(moments[1:])]
    assert 30 < min(gaps) <= max(gaps) < 45
    assert doors.try_acquire() is not None


@pytest.mark.parametrize(("rest", "at_once"), [(None, False), (60, False), (46, False), (45, True), (1, True)])
async def test_spread_pace_is_skipped_by_a_job_within_half_of_the_remaining_calls(
    rest: int | None, *, at_once: bool
) -> None:
    doors = gate(Limits(pace="spread", reserve=10))
    await one(doors, reading(100))
    await one(doors, reading(100, reset=doors.status.reset), background=True)
    assert (doors.try_acquire(background=True, job_requests_left=rest) is not None) == at_once


@pytest.mark.parametrize(("rest", "seconds"), [(20, 0), (80, 1000)])
async def test_spread_pace_follows_the_hint_of_the_job_at_the_head_of_the_queue(rest: int, seconds: float) -> None:
    doors = gate(Limits(pace="spread", reserve=10, concurrency=1))
    await one(doors, reading(100))
    reset, left = doors.status.reset, 100
    held = await doors.acquire(background=True)

    async def job(calls: int) -> None:
        nonlocal left
        for still in range(calls, 0, -1):
            slot = await doors.acquire(background=True, job_requests_left=still)
            left -= 1
            slot.complete(status=200, reading=reading(left, reset=reset))

    task = asyncio.ensure_future(job(rest))
    await asyncio.sleep(1)
    held.complete(status=200, reading=reading(left, reset=reset))
    await task
    assert now() - 1 >= seconds
    assert seconds or now() == 1


@pytest.mark.parametrize("rest", [None, 10])
async def test_pipeline_passes_job_requests_left_to_the_rate_limiter(rest: int | None) -> None:
    headers = {
        "x-ratelimit-limit": "100",
        "x-ratelimit-remaining": "90",
        "x-ratelimit-reset": str(int(EPOCH) + 3600),
    }
    pipeline = make_pipeline(
        ScriptedServer([(200, headers, {})], delay=0.1), limits=Limits(pace="spread", concurrency=1)
    )
    call = Call("GET", "contacts", background=True, job_requests_left=rest)
    await pipeline.send(call)
    await asyncio.gather(*(pipeline.send(call) for _ in range(3)))
    assert (now() > 30) == (rest is None)
    await pipeline.aclose()


async def test_fast_pace_can_be_chosen_with_a_rate_limit_store() -> None:
    doors = gate(Limits(pace="fast"), spread=True)
    await one(doors, reading(100))
    reset = doors.status.reset
    for left in range(99, 60, -1):
        slot = await doors.acquire(background=True)
        slot.complete(status=200, reading=reading(left, reset=reset))
    assert now() == 0


# --- hostile values ------------------------------------------------------------------------------------------------

NUMBERS = st.one_of(st.integers(-10, 10), st.integers(0, 10**12), st.sampled_from([0, 1, 3600, 10**12 - 1]))
READINGS = st.builds(
    RateLimitHeaders,
    limit=NUMBERS,
    remaining=NUMBERS,
    reset=st.one_of(NUMBERS, st.integers(int(EPOCH) - 4000, int(EPOCH) + 8000)),
    date=st.one_of(st.none(), st.floats(-1e12, 1e12), st.floats(EPOCH - 4000, EPOCH + 8000)),
)


@given(st.lists(st.tuples(READINGS, st.booleans(), st.floats(0, 100)), max_size=30))
def test_rate_limiter_waits_at_most_about_an_hour_for_any_headers(
    answers: list[tuple[RateLimitHeaders, bool, float]],
) -> None:
    window = FixedWindow(random.Random(1).random)
    policy = BackgroundPolicy(is_even=True)
    moment = 0.0
    for told, refused, step in answers:
        moment += step
        window.observe(told, now=moment, wall=EPOCH + moment, refused=refused)
        for background in (False, True):
            for in_flight in (0, 5):
                decision = window.decide(now=moment, in_flight=in_flight, background=background, policy=policy)
                match decision:
                    case WaitUntil(at):
                        assert moment < at <= moment + 3660 + 1 + 10
                    case WaitForResponse():
                        assert in_flight
                    case _:
                        assert isinstance(decision, (Go, Probe))


@given(st.lists(st.tuples(st.sampled_from([None, 0.0, 1.0, 3600.0]), st.floats(0, 5000), st.booleans()), max_size=30))
def test_rate_limiter_pauses_at_most_about_an_hour_for_any_refusals(
    refusals: list[tuple[float | None, float, bool]],
) -> None:
    throttle = Throttle(random.Random(1).random)
    moment = 0.0
    for retry_after, step, passed in refusals:
        moment = max(moment + step, throttle.until)
        assert not isinstance(throttle.decide(moment), WaitForResponse)
        throttle.on_request(moment)
        if passed:
            throttle.on_success(moment, moment)
        else:
            before = throttle.until
            throttle.on_throttled(moment, moment, retry_after)
            assert before <= throttle.until <= moment + 4100
        assert throttle._pace is None or throttle._pace > 0


class GateMachine(RuleBasedStateMachine):
    """Anything may happen at the gate, in any order; nothing is ever lost or given twice."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.server_left = 20
        self.gate = self.step(self.build())
        self.tasks: list[asyncio.Task[Slot]] = []
        self.slots: list[Slot] = []
        self.end: tuple[int, float] = (0, math.inf)

    async def build(self) -> RateLimiter:
        return RateLimiter(Limits(concurrency=3), virtual_clock(asyncio.get_running_loop(), 7))

    def step(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def collect(self) -> None:
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.remove(task)
            if not task.cancelled() and task.exception() is None:
                self.slots.append(task.result())

    async def rest(self, seconds: float = 0.0) -> None:
        await asyncio.sleep(seconds)
        await asyncio.sleep(0)

    @rule(background=st.booleans(), patience=st.sampled_from([None, 0.0, 100.0, math.inf]))
    def arrive(self, *, background: bool, patience: float | None) -> None:
        self.tasks.append(self.loop.create_task(self.gate.acquire(background=background, patience=patience)))
        self.step(self.rest())
        self.collect()

    @rule(background=st.booleans())
    def try_it(self, *, background: bool) -> None:
        async def go() -> Slot | None:
            return self.gate.try_acquire(background=background)

        slot = self.step(go())
        if slot is not None:
            self.slots.append(slot)

    @precondition(lambda self: self.tasks)
    @rule(which=st.integers(0, 100), late=st.booleans(), landing=st.booleans())
    def leave(self, which: int, *, late: bool, landing: bool) -> None:
        async def go() -> None:
            if landing and self.slots:
                self.slots.pop(0).complete(status=200)
            if late:
                await asyncio.sleep(0)
            self.tasks[which % len(self.tasks)].cancel()
            await self.rest()

        self.step(go())
        self.collect()

    @precondition(lambda self: self.slots)
    @rule(
        which=st.integers(0, 100),
        status=st.sampled_from([None, 200, 200, 201, 400, 401, 404, 429, 429, 500, 502]),
        retry_after=st.sampled_from([None, None, 0.0, 20.0]),
        told=st.sampled_from(["nothing", "budget", "budget", "jump", "over"]),
        token=st.sampled_from(["a", "a", "a", "b", None]),
    )
    def answer(self, which: int, status: int | None, retry_after: float | None, told: str, token: str | None) -> None:
        async def go() -> None:
            date = EPOCH + self.loop.time()
            self.server_left = max(0, self.server_left - 1) if told == "budget" else self.server_left
            answer = {
                "nothing": None,
                "budget": RateLimitHeaders(
                    20, 0 if status == 429 else self.server_left, int(date // 3600 + 1) * 3600, date
                ),
                "jump": RateLimitHeaders(20, 19, int(date // 3600 + 1) * 3600, date),
                "over": RateLimitHeaders(20, 5, int(date) - 1, date),
            }[told]
            slot = self.slots.pop(which % len(self.slots))
            slot.complete(status=status, reading=answer, retry_after=retry_after, token=token)
            slot.complete(status=status, reading=answer, retry_after=retry_after, token=token)
            await self.rest()

        self.step(go())
        self.collect()

    @precondition(lambda self: self.slots)
    @rule(which=st.integers(0, 100))
    def unsent(self, which: int) -> None:
        async def go() -> None:
            self.slots.pop(which % len(self.slots)).release()
            await self.rest()

        self.step(go())
        self.collect()

    @rule(seconds=st.sampled_from([0.1, 5.0, 100.0, 4000.0]))
    def pass_time(self, seconds: float) -> None:
        self.step(self.rest(seconds))
        if seconds > 3600:
            self.server_left = 20
        self.collect()

    @invariant()
    def slots_are_flights(self) -> None:
        assert 0 <= self.gate.in_flight <= 3
        assert self.gate.in_flight == len(self.slots)
        assert self.gate.waiting == len(self.tasks)
        assert self.gate._probe is None or not self.gate._probe.released

    @invariant()
    def the_window_never_moves_back(self) -> None:
        window = self.gate._window
        known = window.current(self.loop.time())
        if known is not None:
            reset, ends_at = self.end
            if known[2] == reset:
                assert window._ends_at <= ends_at + 1e-3
            self.end = known[2], window._ends_at

    @invariant()
    def nobody_waits_without_a_reason(self) -> None:
        if self.tasks and not self.slots:
            assert self.gate._timer is not None

    async def empty(self) -> None:
        for task in self.tasks:
            task.cancel()
        await self.rest()
        self.collect()
        for slot in self.slots:
            slot.release()
        assert (self.gate.in_flight, self.gate.waiting, self.gate._timer) == (0, 0, None)

    def teardown(self) -> None:
        self.step(self.empty())
        self.loop.close()


TestGateMachine = GateMachine.TestCase
TestGateMachine.settings = settings(max_examples=sized(30, 150), stateful_step_count=40, deadline=None)
