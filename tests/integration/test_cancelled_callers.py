"""Callers who leave: on a real socket with httpx's default pool, and over seven virtual days."""

from __future__ import annotations

import asyncio
import gc
import os
import random
from pathlib import Path
from typing import Any

import httpx
import pytest

from mautic_async import BasicAuth, Contact, Limits, Mautic, MauticError
from mautic_async.testing import FakeMautic
from mautic_async.testing.virtual_time import virtual_clock
from tests.integration.test_contacts import play
from tests.support.sizes import sized

BODY = b'{"contact":{"id":1,"fields":{"all":{"id":1,"email":"a@example.com"}}}}'
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Answering(asyncio.Protocol):
    """Answers each request after a moment; closes a connection that has been idle for *idle* seconds."""

    delay = 0.002
    idle: float | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.timer: asyncio.TimerHandle | None = None
        self._rest()

    def _rest(self) -> None:
        if self.idle is not None:
            self.timer = asyncio.get_running_loop().call_later(self.idle, self.transport.close)

    def data_received(self, data: bytes) -> None:
        if self.timer is not None:
            self.timer.cancel()
        for _ in range(data.count(b"\r\n\r\n")):
            asyncio.get_running_loop().call_later(self.delay, self._answer)

    def _answer(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(REPLY)
            self._rest()


def descriptors() -> int:
    gc.collect()
    table = Path("/proc/self/fd")
    return len(list(table.iterdir())) if table.is_dir() else 0


async def test_client_leaves_no_slot_or_task_of_cancelled_callers() -> None:
    """Figure 10."""
    total = int(os.environ.get("MAUTIC_FIGURE_REQUESTS", sized("1500", "4000")))
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    chance = random.Random(7)
    before = descriptors()
    outcomes = {"answered": 0, "cancelled": 0, "failed": 0}
    async with server:
        async with Mautic(f"http://127.0.0.1:{port}", auth=BasicAuth("u", "p"), limits=Limits(concurrency=8)) as mautic:

            async def one() -> None:
                caller = asyncio.ensure_future(mautic.contacts.get(1))
                if chance.random() < 0.6:
                    await asyncio.sleep(chance.random() * 0.02)
                    caller.cancel()
                try:
                    await caller
                    outcomes["answered"] += 1
                except asyncio.CancelledError:
                    outcomes["cancelled"] += 1
                except MauticError:
                    outcomes["failed"] += 1

            for _ in range(total // 100):
                async with asyncio.TaskGroup() as group:
                    for _ in range(100):
                        group.create_task(one())
            async with asyncio.timeout(5):
                while mautic.rate_limit.in_flight:  # noqa: ASYNC110 - the last flights land by themselves
                    await asyncio.sleep(0.01)
            for _ in range(16):
                await mautic.contacts.get(1)
            assert mautic.rate_limit.waiting == 0
        await asyncio.sleep(0.05)
    after = descriptors()
    print(f"figure 10: {total} requests: {outcomes}; descriptors {before} -> {after}")
    assert outcomes["failed"] == 0
    assert outcomes["cancelled"] > total * 0.2
    assert after <= before + 1


async def test_client_loses_no_request_around_the_idle_timeout_of_the_server() -> None:
    """Apache closes idle connections after 5 s and httpx keeps them for 5: here both are scaled down alike. Figure 11."""
    reuses = int(os.environ.get("MAUTIC_FIGURE_REUSES", "40"))

    class Closing(Answering):
        idle = 0.05
        delay = 0.0

    server = await asyncio.get_running_loop().create_server(Closing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    chance = random.Random(3)

    async def lost(keepalive: float) -> int:
        seen: list[str] = []
        limits = httpx.Limits(max_connections=4, max_keepalive_connections=4, keepalive_expiry=keepalive)
        async with (
            httpx.AsyncClient(limits=limits) as http,
            Mautic(
                f"http://127.0.0.1:{port}",
                auth=BasicAuth("u", "p"),
                http=http,
                hooks=(lambda event: seen.append(event.kind),),
            ) as mautic,
        ):
            for _ in range(reuses):
                await mautic.contacts.get(1)
                await asyncio.sleep(0.05 + (chance.random() - 0.5) * 0.02)
        return seen.count("retry")

    async with server:
        ours = await lost(0.05 * 3 / 5)
    print(f"figure 11: {reuses} reuses around the idle time: {ours} disconnects with the default ratio")
    assert ours == 0


@pytest.mark.virtual_time
async def test_client_leaves_no_task_or_connection_after_days_of_failures() -> None:
    """Figure 14."""
    end = sized(1, 7) * 86400

    loop = asyncio.get_running_loop()
    clock = virtual_clock(loop)
    counts = {"calls": 0, "failed": 0}
    async with FakeMautic(clock=clock, rate_limit=400, access_token_lifetime=3600) as fake:
        tasks = len(asyncio.all_tasks())
        async with Mautic(fake.url, auth=fake.auth, transport=fake.transport, clock=clock) as mautic:
            fake.fail("refuse", times=None, when=lambda _: loop.time() % 86400 < 300)
            fake.fail(502, times=None, probability=0.02)
            number = 0
            while loop.time() < end:
                number += 1
                try:
                    await mautic.contacts.upsert(Contact(email=f"u{number % 50}@example.com", city=f"c{number}"))
                except MauticError:
                    counts["failed"] += 1
                counts["calls"] += 1
                await asyncio.sleep(60)
            assert mautic.rate_limit.in_flight == 0
            assert mautic.rate_limit.waiting == 0
        await asyncio.sleep(1)
        assert len(asyncio.all_tasks()) == tasks
        assert len(fake.contacts) <= 50
    print(f"figure 14: {end // 86400} virtual days: {counts}")
    assert counts["failed"] < 0.1 * counts["calls"]


@pytest.mark.parametrize("seed", [1, 2])
def test_virtual_time_gives_the_same_trace_for_the_same_seed(seed: int) -> None:
    """Figure 15."""

    def trace() -> list[tuple[float, str, str, int]]:
        async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
            fake.fail(502, times=None, probability=0.1)
            rows = [Contact(email=f"u{number % 90}@example.com", city=f"c{number}") for number in range(200)]
            await mautic.contacts.bulk_upsert(rows)

        fake = play(scenario, seed=seed, latency=(0.1, 0.01))
        return [(request.time, request.method, request.path, request.status) for request in fake.requests]

    first, second = trace(), trace()
    print(f"figure 15: seed {seed}: {len(first)} requests, the same twice: {first == second}")
    assert first == second
    assert len(first) > 5
