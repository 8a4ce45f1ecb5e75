"""Figures 5 and 6: how much of the budget is used, and how often the limiter refuses, over a day of virtual time."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter

import pytest
from attrs import define, field

from mautic_async.protocol.headers import RateLimitHeaders
from mautic_async.ratelimit.limiter import RateLimiter
from mautic_async.ratelimit.settings import Limits
from mautic_async.testing.virtual_time import EPOCH, virtual_clock
from tests.support.sizes import sized

HOUR = 3600


@define
class Limiter:
    """Mautic's: a fixed window, opened by the first call, that counts and then compares, refused calls too."""

    limit: int
    skew: float = 0.0
    atomic: bool = True
    opened: float = -math.inf
    reset: int = 0
    count: int = 0
    passed: list[int] = field(factory=list)

    def now(self) -> float:
        return EPOCH + self.skew + asyncio.get_running_loop().time()

    async def hit(self, seconds: float) -> tuple[int, RateLimitHeaders]:
        now = int(self.now())
        if now >= self.reset:
            self.reset, self.count = now + HOUR, 0
            self.passed.append(0)
        count, reset = self.count + 1, self.reset
        if self.atomic:
            self.count = count
            await asyncio.sleep(seconds)
        else:
            await asyncio.sleep(seconds)
            self.count = count
        refused = count > self.limit
        if not refused:
            self.passed[-1] += 1
        remaining = max(0, self.limit - count)
        return 429 if refused else 200, RateLimitHeaders(self.limit, remaining, reset, float(int(self.now())))


@define
class Site:
    """Our client, a limiter, and what became of our calls."""

    gate: RateLimiter
    limiter: Limiter | Proxy
    chance: random.Random
    stripped: bool = False
    sent: Counter[int] = field(factory=Counter)
    waits: list[float] = field(factory=list)

    async def call(self, *, background: bool, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        slot = self.gate.try_acquire(background=background) or await self.gate.acquire(
            background=background, patience=math.inf
        )
        if not background:
            self.waits.append(loop.time() - began)
        status, reading = await self.limiter.hit(seconds * self.chance.uniform(0.5, 1.5))
        self.sent[status] += 1
        slot.complete(status=status, reading=None if self.stripped else reading, token="token")

    async def bulk(self, until: float, seconds: float) -> None:
        while asyncio.get_running_loop().time() < until:
            await self.call(background=True, seconds=seconds)

    async def interactive(self, until: float, per_hour: float) -> None:
        async with asyncio.TaskGroup() as group:
            while asyncio.get_running_loop().time() < until:
                await asyncio.sleep(self.chance.expovariate(per_hour / HOUR))
                group.create_task(self.call(background=False, seconds=0.1))

    async def stranger(self, until: float, per_hour: float) -> None:
        while asyncio.get_running_loop().time() < until:
            await asyncio.sleep(self.chance.expovariate(per_hour / HOUR))
            status, _ = await self.limiter.hit(0.05)
            if status == 429:
                await asyncio.sleep(30)

    def p99(self) -> float:
        return sorted(self.waits)[int(0.99 * (len(self.waits) - 1))] if self.waits else 0.0

    @property
    def refused_share(self) -> float:
        return self.sent[429] / sum(self.sent.values())

    @property
    def used(self) -> list[float]:
        """The share that was used of each window that ended."""
        assert isinstance(self.limiter, Limiter)
        return [passed / self.limiter.limit for passed in self.limiter.passed[:-1]]


@define
class Proxy:
    """A limiter in front of Mautic that tells nothing: so many calls per period, or a bucket that leaks."""

    limit: int
    period: float
    leaks: bool
    level: float = 0.0
    since: float = 0.0
    passed: int = 0

    async def hit(self, seconds: float) -> tuple[int, RateLimitHeaders]:
        now = asyncio.get_running_loop().time()
        if self.leaks:
            self.level, self.since = max(0.0, self.level - (now - self.since) * self.limit / self.period), now
        elif now - self.since >= self.period:
            self.level, self.since = 0.0, now
        refused = self.level + 1 > (self.limit / 100 if self.leaks else self.limit)
        self.level += 0 if refused else 1
        self.passed += not refused
        await asyncio.sleep(seconds)
        return 429 if refused else 200, RateLimitHeaders(1, 0, 0)


async def day(
    *,
    limit: int = 1000,
    hours: float = 24,
    skew: float = 0.0,
    spread: bool = False,
    stranger: float = 0.0,
    interactive: float = 0.0,
    stripped: bool = False,
    atomic: bool = True,
    seconds: float = 1.0,
    seed: int = 1,
) -> Site:
    loop = asyncio.get_running_loop()
    site = Site(
        RateLimiter(Limits(), virtual_clock(loop, seed), spread=spread),
        Limiter(limit, skew, atomic),
        random.Random(seed),
        stripped,
    )
    until = hours * HOUR
    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(site.bulk(until, seconds))
        if interactive:
            group.create_task(site.interactive(until, interactive * limit))
        if stranger:
            group.create_task(site.stranger(until, stranger * limit))
    return site


@pytest.mark.virtual_time
@pytest.mark.parametrize("skew", [-7200, -3600, 0, 3600, 7200])
async def test_rate_limiter_alone_is_never_refused_and_uses_each_window(skew: float) -> None:
    """Figure 5."""
    site = await day(hours=sized(8, 24), skew=skew, interactive=0.02)
    print(
        f"\nfigure 5, alone, clock skew {skew:+d} s: {sum(site.sent.values())} calls, {site.sent[429]} refused,"
        f" worst full window {min(site.used):.2%} used, interactive wait p99 {site.p99():.2f} s"
    )
    assert site.sent[429] == 0
    assert min(site.used) >= 0.995
    assert site.p99() <= 1.0


@pytest.mark.virtual_time
@pytest.mark.parametrize(("spread", "share"), [(True, 0.05), (True, 0.2), (False, 0.05), (False, 0.2)])
async def test_rate_limiter_beside_another_client_of_its_token_is_rarely_refused(*, spread: bool, share: float) -> None:
    """Figure 5."""
    site = await day(hours=sized(8, 24), spread=spread, stranger=share, interactive=0.02)
    refused = 10_000 * site.refused_share
    print(
        f"\nfigure 5, stranger with {share:.0%} of the limit, pace {'spread' if spread else 'fast'}:"
        f" {sum(site.sent.values())} calls, {refused:.1f} of 10,000 refused, interactive wait p99 {site.p99():.2f} s,"
        f" worst full window {min(site.used):.2%} used"
    )
    assert refused <= (5 if spread else 15)
    assert not spread or site.p99() <= 1.0  # at the fast pace the stranger takes the reserve too


@pytest.mark.virtual_time
@pytest.mark.parametrize("limit", [1000, 5000])
async def test_rate_limiter_learns_the_window_from_refusals_without_headers(limit: int) -> None:
    """Figure 6."""
    site = await day(hours=sized(12, 24), limit=limit, stripped=True, seconds=0.5)
    used = sum(site.used) / len(site.used)
    print(
        f"\nfigure 6, headers stripped, limit {limit}: {site.refused_share:.2%} refused, {used:.2%} of the budget used"
    )
    assert site.refused_share <= 0.01
    assert used >= 0.95


@pytest.mark.virtual_time
@pytest.mark.parametrize(("leaks", "share"), [(False, 0.9), (True, 0.85)])
async def test_rate_limiter_learns_the_limit_of_a_proxy(*, leaks: bool, share: float) -> None:
    """Figure 6."""
    loop, hours = asyncio.get_running_loop(), sized(2, 4)
    site = Site(RateLimiter(Limits(), virtual_clock(loop, 1)), Proxy(600, 60, leaks), random.Random(1), stripped=True)
    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(site.bulk(hours * HOUR, 0.1))
    assert isinstance(site.limiter, Proxy)
    used = site.limiter.passed / (hours * HOUR * 10)
    print(
        f"\nfigure 6, a proxy with {'a leaking bucket of 10 a second' if leaks else '600 a minute'}:"
        f" {site.refused_share:.2%} refused, {used:.2%} of the budget used"
    )
    assert site.refused_share <= 0.01
    assert used >= share
