"""The rate limiter of the simulator: recordings `rate-*`."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from mautic_async.testing import FakeMautic
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from tests.support.raw_client import RawClient, RawResponse


def told(got: RawResponse) -> tuple[int, str | None, str | None]:
    return got.status, got.headers.get("X-RateLimit-Limit"), got.headers.get("X-RateLimit-Remaining")


async def test_limiter_without_a_limit_sends_no_headers(api: RawClient) -> None:
    assert "X-RateLimit-Limit" not in (await api.get("contacts")).headers


async def test_limiter_answers_429_with_the_recorded_body_after_the_limit() -> None:
    async with FakeMautic(rate_limit=3) as fake:
        api = await RawClient(fake).login()
        got = [told(await api.get("contacts")) for _ in range(4)]
        assert got == [(200, "3", "2"), (200, "3", "1"), (200, "3", "0"), (429, "3", "0")]
        refused = await api.post("contacts/batch/new", [{"email": "a@example.com"}])
        assert refused.json == {
            "errors": [{"code": 429, "message": "You exceeded the rate limit of 3 API calls per hour.", "details": []}]
        }
        assert refused.headers["Content-Type"] == "application/json"
        assert not {"Retry-After", "Mautic-Version"} & set(refused.headers)
        unknown = await api.get("nosuch")
        assert (unknown.status, unknown.headers["Content-Type"]) == (429, "text/html; charset=UTF-8")
        assert not fake.contacts


async def test_limiter_counts_each_token_apart_and_basic_users_together() -> None:
    async with FakeMautic(rate_limit=2) as fake:
        first, second = await RawClient(fake).login(), await RawClient(fake).login()
        assert [told(await one.get("tags"))[2] for one in (first, second, first)] == ["1", "1", "0"]
        basic = RawClient(fake, {"authorization": "Basic YWRtaW46bWF1dGlj"})
        limited = RawClient(fake, {"authorization": "Basic bGltaXRlZDpsaW1pdGVk"})
        assert [told(await one.get("contacts"))[2] for one in (basic, limited)] == ["1", "0"]


async def test_limiter_counts_a_batch_once_and_refused_calls_too() -> None:
    async with FakeMautic(rate_limit=100) as fake:
        api = await RawClient(fake).login()
        left = int(told(await api.get("tags"))[2] or 0)
        for path in ("contacts/99999", "nosuchthing", "contacts/"):
            await api.get(path)
        await api.post("contacts/new", {"email": "bad"})
        await api.post("contacts/batch/new", [{"email": f"{n}@example.com"} for n in range(20)])
        await api.send("POST", "api/contacts/new", b'{"a":', content_type="application/json")
        await api.json("OPTIONS", "contacts")
        await RawClient(fake, {"authorization": "Bearer nope"}).get("contacts")
        await RawClient(fake).login()
        assert int(told(await api.get("tags"))[2] or 0) == left - 6


@pytest.mark.virtual_time
async def test_limiter_window_opens_with_the_first_call_and_ends_on_the_server_clock() -> None:
    clock = virtual_clock(asyncio.get_running_loop())
    async with FakeMautic(clock=clock, rate_limit=2, skew=500, access_token_lifetime=9000) as fake:
        api = await RawClient(fake).login()
        await asyncio.sleep(100)
        reset = int((await api.get("tags")).headers["X-RateLimit-Reset"])
        assert reset == int(clock.wall_time()) + 500 + 3600
        await asyncio.sleep(3590)
        assert [told(await api.get("tags"))[0] for _ in range(2)] == [200, 429]
        await asyncio.sleep(11)
        got = await api.get("tags")
        assert told(got) == (200, "2", "1")
        assert int(got.headers["X-RateLimit-Reset"]) > reset


async def test_limiter_nodes_count_apart_and_headers_can_be_withheld() -> None:
    async with FakeMautic(rate_limit=5, nodes=2) as fake:
        api = await RawClient(fake).login()
        assert [told(await api.get("tags"))[2] for _ in range(4)] == ["4", "4", "3", "3"]
    async with FakeMautic(rate_limit=1, rate_limit_headers=False) as fake:
        api = await RawClient(fake).login()
        got: Any = [told(await api.get("tags")) for _ in range(2)]
        assert got == [(200, None, None), (429, None, None)]


async def _all_at_once(count: int, **settings: Any) -> list[tuple[int, str | None, str | None]]:
    clock = virtual_clock(asyncio.get_running_loop(), 3)
    async with FakeMautic(clock=clock, latency=(0.02, 0.0), workers=100, seed=3, **settings) as fake:
        api = await RawClient(fake).login()
        gate = asyncio.Semaphore(8)

        async def call() -> tuple[int, str | None, str | None]:
            async with gate:
                await asyncio.sleep(clock.uniform(0.0, 0.01))
                return told(await api.get("tags"))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call()) for _ in range(count)]
        return [task.result() for task in tasks]


def test_limiter_loses_overlapping_calls_from_the_count_when_configured() -> None:
    exact = run_virtual(_all_at_once(80, rate_limit=40))
    assert sum(status == 200 for status, *_ in exact) == 40
    lossy = run_virtual(_all_at_once(80, rate_limit=40, rate_limit_loses=0.1))
    assert 45 <= sum(status == 200 for status, *_ in lossy) <= 70, "57 on a real server"
    left = [int(remaining or 0) for _, _, remaining in lossy]
    assert any(later > earlier for earlier, later in itertools.pairwise(left)), "it jumps back up"


@pytest.mark.virtual_time
async def test_limiter_counts_overlapping_calls_once_and_calls_in_a_row_each() -> None:
    clock = virtual_clock(asyncio.get_running_loop())
    async with FakeMautic(clock=clock, latency=0.02, rate_limit=100, rate_limit_loses=1.0) as fake:
        api = await RawClient(fake).login()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(api.get("tags")) for _ in range(8)]
        assert {told(task.result())[2] for task in tasks} == {"99"}
        assert [told(await api.get("tags"))[2] for _ in range(3)] == ["98", "97", "96"]
