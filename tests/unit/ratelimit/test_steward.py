"""One gate on a shared budget: what it asks of the store, when, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import define, field
from hypothesis import settings
from hypothesis.stateful import invariant

from mautic_async.errors import ConfigurationError
from mautic_async.ratelimit.fixed_window import Window
from mautic_async.ratelimit.limiter import Gate, Limits, Reading, Slot, TooLong
from mautic_async.ratelimit.steward import Steward
from mautic_async.ratelimit.store import MemoryBudget
from mautic_async.testing.virtual_time import EPOCH, run, virtual_clock
from tests.unit.ratelimit.test_limiter import GateMachine


def now() -> float:
    return asyncio.get_running_loop().time()


@define
class Store(MemoryBudget):
    """Counts, takes its time, and fails when told to."""

    seconds: float = 0.0
    broken: Exception | None = None
    changes: int = 0
    text: str | None = field(default=None, repr=False)

    async def change(self, step: Callable[[str | None], str]) -> None:
        self.changes += 1
        await asyncio.sleep(self.seconds)
        if self.broken is not None:
            raise self.broken
        self.text = step(self.text)

    @property
    def leases(self) -> dict[str, int]:
        if self.text is None:
            return {}
        return {holder: calls for holder, (calls, _, _) in json.loads(self.text)["leases"].items()}


def gate(store: Store, *, spread: bool = False, seed: int = 1, **limits: Any) -> Gate:
    return Gate(Limits(budget=store, **limits), virtual_clock(asyncio.get_running_loop(), seed), spread=spread)


@define
class Server:
    """Counts as Mautic does, for each token."""

    limit: int
    windows: dict[str, list[int]] = field(factory=dict)

    def hit(self, token: str = "t") -> tuple[int, Reading | None]:
        if not self.limit:
            return 200, None
        date = int(EPOCH + now())
        window = self.windows.get(token)
        if window is None or date >= window[0]:
            window = self.windows[token] = [date + 3600, 0]
        window[1] += 1
        return (
            429 if window[1] > self.limit else 200,
            Reading(self.limit, max(0, self.limit - window[1]), window[0], float(date)),
        )


async def call(
    doors: Gate, server: Server, *, background: bool = False, seconds: float = 0.1, token: str = "t", **more: Any
) -> int:
    slot = doors.try_admit(background=background, rest=more.get("rest")) or await doors.admit(
        background=background, **more
    )
    status: int | None = None
    reading = None
    try:
        await asyncio.sleep(seconds / 2)
        status, reading = server.hit(token)
        await asyncio.sleep(seconds / 2)
    finally:
        slot.land(status=status, reading=reading, token=token)
    return status


async def leave(*gates: Gate) -> None:
    for doors in gates:
        doors.close(RuntimeError("closed"))
        await doors.leave()
        assert doors._timer is None
        assert isinstance(doors._window, Steward)
        assert doors._window._task is None
        assert not len(doors._window._flights)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_without_a_shared_budget_the_gate_has_its_plain_window() -> None:
    async def main() -> None:
        doors = Gate(Limits(), virtual_clock(asyncio.get_running_loop()))
        assert type(doors._window) is Window
        await doors.leave()

    run(main())


@pytest.mark.parametrize("wrong", ["budget.json", object(), 7])
def test_a_budget_without_its_method_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="budget must be a FileBudget"):
        Limits(budget=wrong)


def test_while_the_lease_lasts_a_call_goes_at_once_and_nothing_is_asked() -> None:
    async def main() -> None:
        store, server = Store(), Server(10_000)
        doors = gate(store, concurrency=50)
        for _ in range(5):
            await asyncio.gather(*(call(doors, server) for _ in range(50)))
        before = store.changes
        slots = [doors.try_admit() for _ in range(30)]
        assert all(slots)
        assert store.changes == before
        for slot in slots:
            assert slot is not None
            slot.release()
        await leave(doors)
        assert store.leases == {}

    run(main())


def test_a_lease_grows_with_its_use() -> None:
    async def main() -> None:
        store, server = Store(), Server(100_000)
        doors = gate(store)
        for _ in range(2000):
            await call(doors, server, seconds=0.002)
        assert now() == pytest.approx(2000 * 0.002, rel=0.1)
        assert store.changes < 100
        await leave(doors)

    run(main())


def test_an_unused_lease_is_given_back_within_a_second_and_the_task_ends() -> None:
    async def main() -> None:
        store, server = Store(), Server(1000)
        doors = gate(store)
        await asyncio.gather(*(call(doors, server) for _ in range(8)))
        assert store.leases
        await asyncio.sleep(1)
        assert store.leases == {}
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_a_process_that_only_waits_for_an_answer_keeps_its_lease_alive() -> None:
    async def main() -> None:
        store, server = Store(), Server(1000)
        doors = gate(store)
        await call(doors, server)
        task = asyncio.ensure_future(call(doors, server, seconds=600))
        await asyncio.sleep(590)
        ((_, touched, _),) = json.loads(store.text or "")["leases"].values()
        assert EPOCH + now() - touched < 10
        assert store.leases
        await task
        await leave(doors)

    run(main())


def test_where_the_limiter_is_off_the_store_is_asked_once_and_again_at_the_end() -> None:
    async def main() -> None:
        store, server = Store(), Server(0)
        doors = gate(store)
        for _ in range(1000):
            await call(doors, server)
        assert store.changes <= 3
        assert (doors.limit, doors.remaining) == (None, None)
        await leave(doors)
        assert store.leases == {}
        server.limit = 50
        other = gate(Store(text=store.text))
        await asyncio.gather(*(call(other, server) for _ in range(40)))
        assert other.limit == 50
        await leave(other)

    run(main())


def test_a_lease_that_was_not_confirmed_for_half_a_minute_is_not_spent() -> None:
    async def main() -> None:
        store, server = Store(), Server(1000)
        doors = gate(store, concurrency=50)
        await asyncio.gather(*(call(doors, server) for _ in range(50)))
        assert doors._window._calls  # type: ignore[union-attr]
        store.seconds = 500.0  # such as a machine that was asleep
        slot = doors.try_admit()
        assert slot is not None
        slot.land(status=200, reading=server.hit()[1], token="t")
        await asyncio.sleep(31)
        assert doors.try_admit() is None
        store.seconds = 0.0
        await leave(doors)

    run(main())


# --- several gates -------------------------------------------------------------------------------------------------


def test_what_one_learns_the_others_know() -> None:
    async def main() -> None:
        store, server = Store(), Server(100)
        first, second = gate(store, seed=1), gate(store, seed=2)
        for _ in range(70):
            await call(first, server)
        await asyncio.sleep(1)
        await call(second, server)
        assert (second.limit, second.remaining, second.reset) == (100, 29, server.windows["t"][0])
        await leave(first, second)

    run(main())


def test_an_interactive_call_does_not_starve_behind_the_lease_of_another_process() -> None:
    async def main() -> None:
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

    run(main())


def test_while_nothing_is_left_nobody_keeps_asking() -> None:
    async def main() -> None:
        store, server = Store(seconds=0.01), Server(50)
        gates = [gate(store, seed=seed, reserve=5) for seed in range(3)]
        for _ in range(50):
            await call(gates[0], server)
        waits = []
        for background in (True, False, True, False):
            waits += [
                asyncio.ensure_future(call(doors, server, background=background, patience=1e6)) for doors in gates
            ]
            await asyncio.sleep(10)
        before = store.changes
        await asyncio.sleep(3000)
        assert store.changes == before
        assert set(await asyncio.gather(*waits)) == {200}
        assert 3600 <= now() < 3630
        await leave(*gates)

    run(main())


def test_a_background_job_leaves_the_reserve_while_another_process_holds_the_rest() -> None:
    async def main() -> None:
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
        assert store.leases == {}

    run(main())


def test_the_calls_of_a_process_that_died_are_free_again_soon() -> None:
    async def main() -> None:
        store, server = Store(), Server(100)
        dying, living = gate(store, seed=1), gate(store, seed=2)
        await asyncio.gather(*(call(dying, server, background=True) for _ in range(30)))
        (task,) = dying._window._flights._tasks  # type: ignore[union-attr]
        task.cancel()
        await asyncio.wait([task])
        lost = sum(store.leases.values())
        assert lost
        await asyncio.sleep(200)
        statuses = [await call(living, server) for _ in range(70)]
        assert set(statuses) == {200}
        assert server.windows["t"][1] == 100
        await leave(living)

    run(main())


def test_invariant_56_a_new_token_drops_the_lease_of_the_old_ones_budget() -> None:
    async def main() -> None:
        store, server = Store(), Server(30)
        doors, other = gate(store), gate(store, seed=2)
        for _ in range(25):
            await call(doors, server, token="old")
        await call(doors, server, token="new")
        assert doors.remaining == 29
        for _ in range(20):
            assert await call(doors, server, token="new") == 200
        assert await call(other, server, token="new") == 200
        assert other.remaining == 8
        assert store.text is not None
        assert '"new"' not in store.text
        await leave(doors, other)

    run(main())


def test_invariant_56_what_was_leased_under_the_old_token_is_not_spent_under_the_new_one() -> None:
    async def main() -> None:
        store, server = Store(), Server(1000)
        doors = gate(store, concurrency=50)
        await asyncio.gather(*(call(doors, server, token="old") for _ in range(50)))
        slot = await doors.admit()
        assert doors._window._calls  # type: ignore[union-attr]
        slot.land(status=200, reading=server.hit("new")[1], token="new")
        assert doors.try_admit() is None
        await asyncio.sleep(1)
        assert doors.remaining == 999
        await leave(doors)

    run(main())


def test_with_basic_authentication_all_users_of_the_site_share_one_budget() -> None:
    async def main() -> None:
        store, server = Store(), Server(1000)
        ada, bob = gate(store, spread=True), gate(store, spread=True, seed=2)
        await call(ada, server)
        slot = await bob.admit()
        slot.land(status=200, reading=server.hit()[1], token="Basic Ym9i")
        assert bob.remaining == 998
        await leave(ada, bob)
        assert len(json.loads(store.text or "")["accounts"]) == 1

    run(main())


# --- stores that fail ----------------------------------------------------------------------------------------------


def test_what_the_store_raises_is_raised_by_all_who_wait_and_the_next_call_asks_again() -> None:
    async def main() -> None:
        store, server = Store(broken=OSError("no store")), Server(100)
        doors = gate(store)
        found = await asyncio.gather(*(call(doors, server) for _ in range(3)), return_exceptions=True)
        assert [str(error) for error in found] == ["no store"] * 3
        assert asyncio.all_tasks() == {asyncio.current_task()}
        store.broken = None
        assert await call(doors, server) == 200
        await leave(doors)

    run(main())


def test_a_store_that_hangs_at_the_end_holds_the_client_up_for_seconds_only() -> None:
    async def main() -> None:
        store, server = Store(), Server(100)
        doors = gate(store)
        await call(doors, server)
        store.seconds = 1e6
        began = now()
        await leave(doors)
        assert now() - began <= 6

    run(main())


# --- cancellation --------------------------------------------------------------------------------------------------


async def asking(store: Store, doors: Gate, server: Server) -> None:
    store.seconds = 50.0


async def resting(store: Store, doors: Gate, server: Server) -> None:
    for _ in range(98):
        await call(doors, server)
    await doors.admit()
    await asyncio.sleep(20)


async def exhausted(store: Store, doors: Gate, server: Server) -> None:
    for _ in range(100):
        await call(doors, server)
    await asyncio.sleep(20)


@pytest.mark.parametrize("what", [asking, resting, exhausted])
@pytest.mark.parametrize("late", [False, True])
def test_invariant_60_every_wait_for_a_shared_budget_ends_at_once_on_cancellation(
    what: Callable[[Store, Gate, Server], Awaitable[None]], *, late: bool
) -> None:
    async def main() -> None:
        store, server = Store(), Server(100)
        doors = gate(store, reserve=1)
        await what(store, doors, server)
        before, flying = now(), doors.in_flight
        task = asyncio.ensure_future(doors.admit(background=True))
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
        assert len(store.leases) == flying
        await leave(doors)

    run(main())


@pytest.mark.parametrize("moment", [0.0, 0.1, 1.0])
def test_a_gate_that_is_cancelled_while_it_leaves_has_no_task_left_soon_after(moment: float) -> None:
    async def main() -> None:
        store, server = Store(), Server(100)
        doors = gate(store)
        await call(doors, server)
        store.seconds = 2.0
        doors.close(RuntimeError("closed"))
        task = asyncio.ensure_future(doors.leave())
        await asyncio.sleep(moment)
        task.cancel()
        await asyncio.wait([task])
        assert now() <= moment + 0.2
        await asyncio.sleep(10)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert store.leases == {}

    run(main())


@pytest.mark.parametrize("what", [asking, resting])
def test_a_steward_that_is_cancelled_is_followed_by_another(
    what: Callable[[Store, Gate, Server], Awaitable[None]],
) -> None:
    async def main() -> None:
        store, server = Store(), Server(1000)
        doors = gate(store)
        await what(store, doors, server)
        waiting = asyncio.ensure_future(doors.admit())
        await asyncio.sleep(0.01)
        if doors._window._task is not None:  # type: ignore[union-attr]
            doors._window._task.cancel()  # type: ignore[union-attr]
        await asyncio.sleep(0.01)
        store.seconds = 0.0
        other = asyncio.ensure_future(call(doors, server))
        (await waiting).release()
        assert await other == 200
        assert doors.waiting == 0
        while doors.in_flight:
            doors.give_back(Slot(doors, 0.0))
        await leave(doors)
        assert store.leases == {}

    run(main())


class SharedGateMachine(GateMachine):
    """The same at a gate whose budget is shared: nothing is lost or given twice there either."""

    async def build(self) -> Gate:
        self.store = Store(seconds=0.01)
        return gate(self.store, concurrency=3, seed=7)

    @invariant()
    def the_window_never_moves_back(self) -> None:
        assert len(self.store.leases) <= 1
        assert sum(self.store.leases.values()) >= 0

    @invariant()
    def nobody_waits_without_a_reason(self) -> None:
        if self.tasks and not self.slots:
            steward = self.gate._window
            assert isinstance(steward, Steward)
            assert self.gate._timer is not None or steward._task is not None

    def teardown(self) -> None:
        async def end() -> None:
            await self.empty()
            await leave(self.gate)
            assert self.store.leases == {}

        self.step(end())
        self.loop.close()


TestSharedGateMachine = SharedGateMachine.TestCase
TestSharedGateMachine.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)


def test_a_call_that_comes_back_unsent_returns_what_it_was_given() -> None:
    async def main() -> None:
        store, server = Store(), Server(100)
        doors = gate(store)
        await call(doors, server)
        for _ in range(50):
            (await doors.admit()).release()
        await asyncio.sleep(20)
        assert store.leases == {}
        assert await call(doors, server) == 200
        assert doors.remaining == 98
        await leave(doors)

    run(main())


def test_a_call_beside_waits_for_no_lease() -> None:
    async def main() -> None:
        store, server = Store(), Server(100)
        doors = gate(store)
        store.seconds = 50.0
        slot = await doors.admit(beside=True)
        assert now() == 0
        slot.land(status=200, reading=server.hit()[1], token="t")
        store.seconds = 0.0
        await asyncio.sleep(100)
        await leave(doors)
        assert store.leases == {}

    run(main())
