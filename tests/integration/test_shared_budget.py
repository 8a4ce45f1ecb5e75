"""Several processes on one budget: together they are as careful as one, and nobody is refused."""

from __future__ import annotations

import asyncio
import json
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs

import pytest
from attrs import define, field
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mautic_async.protocol.headers import RateLimitHeaders
from mautic_async.ratelimit.limiter import RateLimiter
from mautic_async.ratelimit.settings import Limits
from mautic_async.ratelimit.store import Acquired, AcquireRequest, Observation, RateLimitState
from mautic_async.testing import FakeMautic
from mautic_async.testing.virtual_time import EPOCH, run_virtual, virtual_clock
from tests.support.processes import start_together
from tests.support.sizes import sized

HOUR = 3600
T = TypeVar("T")


@define
class Limiter:
    """Mautic's: a fixed window, opened by the first call, that counts and then compares; knows whose call it is."""

    limit: int
    windows: list[Counter[str]] = field(factory=list)
    reset: int = 0

    def hit(self, kind: str) -> tuple[int, RateLimitHeaders]:
        date = int(EPOCH + asyncio.get_running_loop().time())
        if date >= self.reset:
            self.reset = date + HOUR
            self.windows.append(Counter())
        window = self.windows[-1]
        window["all"] += 1
        window[kind] += 1
        refused = window["all"] > self.limit
        window["refused"] += refused
        return 429 if refused else 200, RateLimitHeaders(
            self.limit, max(0, self.limit - window["all"]), self.reset, float(date)
        )


@define
class Store:
    """A store that takes its time, before and after the transaction."""

    seconds: Callable[[], float]
    text: str | None = field(default=None, repr=False)
    changes: int = 0

    async def acquire(self, request: AcquireRequest) -> Acquired:
        return await self.change(request.now, lambda state: state.acquire(request))

    async def observe(self, observation: Observation) -> None:
        await self.change(observation.now, lambda state: state.observe(observation))

    async def change(self, now: float, operation: Callable[[RateLimitState], T]) -> T:
        self.changes += 1
        await asyncio.sleep(self.seconds())
        state = RateLimitState.from_text(self.text, now)
        result = operation(state)
        self.text = state.to_text()
        await asyncio.sleep(self.seconds())
        return result


@define
class Fleet:
    """Processes on one virtual loop, each with a gate of its own."""

    limiter: Limiter
    store: Store
    chance: random.Random
    gates: list[RateLimiter]
    seconds: float
    until: float
    waits: list[float] = field(factory=list)
    dead: set[RateLimiter] = field(factory=set)

    async def call(self, doors: RateLimiter, *, background: bool) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        slot = doors.try_acquire(background=background) or await doors.acquire(background=background, patience=math.inf)
        if not background:
            self.waits.append(loop.time() - began)
        await asyncio.sleep(self.seconds * self.chance.uniform(0, 1))  # the server counts at any moment of it
        status, reading = self.limiter.hit("background" if background else "interactive")
        await asyncio.sleep(self.seconds * self.chance.uniform(0, 1))
        slot.complete(status=status, reading=reading, token="token")

    async def bulk(self, doors: RateLimiter) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < self.until:
            await self.call(doors, background=True)

    async def people(self, doors: RateLimiter, group: asyncio.TaskGroup, per_hour: float) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < self.until:
            await asyncio.sleep(self.chance.expovariate(per_hour / HOUR))
            group.create_task(self.call(doors, background=False))

    async def process(self, doors: RateLimiter, workers: int, per_hour: float) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self.bulk(doors))
            if per_hour:
                group.create_task(self.people(doors, group, per_hour))

    async def kill(self, doors: RateLimiter, process: asyncio.Task[None], at: float) -> None:
        """End as SIGKILL does: nothing is landed, nothing is given back."""
        await asyncio.sleep(at)
        self.dead.add(doors)
        assert doors._shared is not None
        gone = {process, *doors._shared._background._tasks}
        for task in gone:
            task.cancel()
        await asyncio.wait(gone)

    async def leave(self) -> None:
        for doors in self.gates:
            doors.close(RuntimeError("closed"))
            await doors.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        if not self.dead:
            assert json.loads(self.store.text or "")["in_flight"] == {}

    @property
    def full(self) -> list[int]:
        """Calls in each window that was over before the work was."""
        return [window["all"] for window in self.limiter.windows[: int(self.until / HOUR) - 1]]

    @property
    def total(self) -> Counter[str]:
        return sum(self.limiter.windows, Counter())

    @property
    def most(self) -> int:
        return max((window["background"] for window in self.limiter.windows), default=0)


async def fleet(
    processes: int,
    *,
    limit: int = 1000,
    reserve: int | None = None,
    hours: float = 11,
    concurrency: int = 8,
    seconds: float = 1.0,
    store: float = 0.001,
    interactive: float = 0.0,
    spread: bool = False,
    kills: tuple[float, ...] = (),
    seed: int = 1,
) -> Fleet:
    loop, chance = asyncio.get_running_loop(), random.Random(seed)
    kept = Store(lambda: chance.uniform(0, store))
    limits = Limits(concurrency=concurrency, reserve=reserve, store=kept)
    gates = [RateLimiter(limits, virtual_clock(loop, seed + index), spread=spread) for index in range(processes)]
    site = Fleet(Limiter(limit), kept, chance, gates, seconds, hours * HOUR)
    async with asyncio.TaskGroup() as group:
        for index, doors in enumerate(gates):
            process = group.create_task(site.process(doors, concurrency, interactive * limit / processes))
            if index < len(kills):
                group.create_task(site.kill(doors, process, kills[index]))
    await site.leave()
    return site


@pytest.mark.virtual_time
@pytest.mark.parametrize("processes", [1, 2, 4, 8])
async def test_rate_limit_store_keeps_processes_below_the_limit_less_the_reserve(processes: int) -> None:
    """Invariant 53."""
    site = await fleet(processes, reserve=50, hours=sized(2.5, 11))
    print(
        f"\nfigure 5, {processes} processes on one budget: {site.total['all']} calls, {site.total['refused']} refused,"
        f" at most {site.most} of {1000 - 50} in a window, worst full window {min(site.full) / 950:.2%} used,"
        f" {site.store.changes / site.total['all']:.2f} changes of the store a call"
    )
    assert site.total["all"] >= sized(2_000, 10_000)
    assert site.total["refused"] == 0
    assert site.most <= 1000 - 50
    assert min(site.full) >= 0.995 * 950


@pytest.mark.virtual_time
@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("processes", sized([3], [3, 16]))
async def test_rate_limit_store_leaves_interactive_calls_their_share(processes: int, *, spread: bool) -> None:
    """Figure 5."""
    site = await fleet(processes, interactive=0.02, spread=spread, hours=sized(2.5, 3 if spread else 11))
    waits = sorted(site.waits)
    p99 = waits[int(0.99 * (len(waits) - 1))]
    print(
        f"\nfigure 5, {processes} processes on one budget, pace {'spread' if spread else 'fast'}, melting reserve:"
        f" {site.total['all']} calls, {site.total['refused']} refused, worst full window {min(site.full) / 1000:.2%} used,"
        f" interactive wait p99 {p99:.2f} s, {site.store.changes / site.total['all']:.1f} changes of the store a call"
    )
    assert site.total["refused"] == 0
    assert site.store.changes <= 2 * processes * site.total["all"]
    assert min(site.full) >= 0.99 * 1000
    assert p99 <= 1.0


@pytest.mark.virtual_time
async def test_rate_limit_store_keeps_one_even_pace_for_all_processes() -> None:
    site = await fleet(4, hours=0.5, spread=True, seconds=0.2, reserve=0)
    used, windows = (site.limiter.windows[0]["background"], len(site.limiter.windows))
    assert windows == 1
    assert 0.45 * 1000 <= used <= 0.55 * 1000


@settings(max_examples=sized(15, 80), deadline=None)
@given(
    processes=st.integers(1, 6),
    limit=st.sampled_from([7, 20, 100, 300]),
    share=st.floats(0, 0.9),
    concurrency=st.integers(1, 9),
    seconds=st.sampled_from([0.05, 1.0, 20.0]),
    store=st.sampled_from([0.0, 0.01, 2.0]),
    interactive=st.sampled_from([0.0, 0.1]),
    kills=st.lists(st.floats(1, 5000), max_size=2),
    seed=st.integers(0, 1000),
)
@example(
    processes=6, limit=7, share=0.5, concurrency=9, seconds=20.0, store=2.0, interactive=0.1, kills=[3.0, 9.0], seed=1
)
def test_rate_limit_store_keeps_any_fleet_below_the_limit_when_members_die(
    *,
    processes: int,
    limit: int,
    share: float,
    concurrency: int,
    seconds: float,
    store: float,
    interactive: float,
    kills: list[float],
    seed: int,
) -> None:
    """Invariant 53."""
    reserve = int(share * limit)
    site = run_virtual(
        fleet(
            processes,
            limit=limit,
            reserve=reserve,
            hours=3,
            concurrency=concurrency,
            seconds=seconds,
            store=store,
            interactive=interactive,
            kills=tuple(kills),
            seed=seed,
        ),
        seed,
    )
    # of what the dead had under way an answer has to tell: one call each goes and asks
    assert site.total["refused"] <= len(site.dead)
    assert site.most <= limit - reserve + len(site.dead)
    if not site.dead and not interactive and processes * concurrency * HOUR / seconds > 3 * limit:
        assert set(site.full) == {limit - reserve}


# --- real processes ------------------------------------------------------------------------------------------------

LIMIT, RESERVE, WINDOW, PROCESSES = 60, 10, 3, 4

CHILD = """
import asyncio, json, sys, time
from mautic_async import ClientCredentials, FileRateLimitStore, FileTokens, Limits, Mautic
from mautic_async.protocol import Call

async def main(url, client_id, secret, folder, reserve, name):
    auth = ClientCredentials(client_id, secret, tokens=FileTokens(f"{folder}/token.json"))
    limits = Limits(concurrency=4, reserve=int(reserve), store=FileRateLimitStore(f"{folder}/budget.json"))
    done = {"background": 0, "interactive": 0}
    async with Mautic(url, auth=auth, limits=limits) as mautic:
        print("ready", flush=True)
        until = float(await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))

        async def call(kind):
            await mautic._pipeline.send(
                Call("GET", "contacts", query=(("who", name), ("kind", kind)), background=kind == "background")
            )
            done[kind] += 1

        async def bulk():
            while True:
                await call("background")

        async def people():
            while True:
                await asyncio.sleep(0.3)
                await call("interactive")

        try:
            async with asyncio.timeout(until - time.time()), asyncio.TaskGroup() as group:
                for work in (bulk, bulk, bulk, bulk, people):
                    group.create_task(work())
        except TimeoutError:
            pass
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    print(json.dumps({**done, "left": len(left)}), flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="flock")
async def test_file_rate_limit_store_keeps_real_processes_below_the_limit(tmp_path: Path) -> None:
    """Invariant 53."""
    async with FakeMautic(rate_limit=LIMIT, rate_window=WINDOW, latency=0.005) as fake, fake.serve() as url:
        given = (url, fake.client_id, fake.client_secret, str(tmp_path), str(RESERVE))
        children = await start_together(CHILD, [(*given, str(number)) for number in range(PROCESSES)])
        end = f"{time.time() + 3.5 * WINDOW}\n".encode()
        outputs = [output for output, _ in await asyncio.gather(*(child.communicate(end) for child in children))]
    assert [child.returncode for child in children] == [0] * PROCESSES
    calls = [seen for seen in fake.requests if seen.path == "/api/contacts"]
    windows: list[Counter[str]] = []
    opened = -math.inf
    for seen in sorted(calls, key=lambda seen: seen.time):
        if int(seen.time) >= opened + WINDOW:
            opened = int(seen.time)
            windows.append(Counter())
        asked = parse_qs(seen.query)
        windows[-1][asked["kind"][0]] += 1
        windows[-1][asked["who"][0]] += 1
    refused = sum(seen.status == 429 for seen in calls)
    told = [json.loads(output) for output in outputs]
    print(
        f"\n{PROCESSES} processes, limit {LIMIT}, reserve {RESERVE}: {len(calls)} calls, {refused} refused,"
        f" background calls a window {[window['background'] for window in windows]},"
        f" interactive {sum(one['interactive'] for one in told)}"
    )
    assert refused == 0
    assert len(windows) >= 2
    assert max(window["background"] for window in windows) <= LIMIT - RESERVE
    assert all(one["background"] and one["interactive"] and not one["left"] for one in told)
    assert (tmp_path / "budget.json").stat().st_mode & 0o777 == 0o600
    text = (tmp_path / "budget.json").read_text()
    assert json.loads(text)["in_flight"] == {}
    assert json.loads((tmp_path / "token.json").read_text())["access_token"] not in text
