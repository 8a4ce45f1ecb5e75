"""What our layers cost per call of ``contacts.get``: CPU and wall, against the bare httpx client on the same transport.

The bare client does what anybody would write: ``json.loads((await client.get(url)).content)``. Ours has retry, gate,
flight, a bearer token and the limiter's headers on, and gives a `Contact`. Three transports: httpx as it comes beneath
the bare client only; our own connections beneath both; aiohttp (the ``fast`` extra), bare and beneath ours. Every call
asks for another contact.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from benchmarks import _measure, concurrency
from mautic_async import ClientCredentials, Mautic
from mautic_async.transport.aiohttp import AiohttpTransport
from mautic_async.transport.connection_pool import PooledTransport

CALLS = 300 if _measure.QUICK else 1000
ROUNDS = 3 if _measure.QUICK else 15
HEADERS = {"accept": "application/json", "authorization": "Bearer canned"}

Call = Callable[[int], Awaitable[object]]


async def repeat(call: Call, numbers: itertools.count[int], count: int = CALLS) -> None:
    for _ in range(count):
        await call(next(numbers))


def plain(client: httpx.AsyncClient) -> Call:
    async def get(number: int) -> object:
        return json.loads((await client.get(f"/api/contacts/{number}")).content)

    return get


async def compare(url: str) -> None:
    credentials = ClientCredentials("id", "secret")
    made: dict[str, Any] = {"httpx": None, "our connections": PooledTransport()}
    numbers = itertools.count(1)
    calls: dict[str, Call] = {}
    async with contexts() as opened:
        for name, transport in made.items():
            client = httpx.AsyncClient(base_url=url, transport=transport, headers=HEADERS)
            calls[f"bare, {name}"] = plain(await opened(client))
        calls["bare, [fast]"] = await opened(concurrency.raw_aiohttp(url))
        mautic = await opened(Mautic(url, auth=credentials))
        calls["ours, our connections"] = mautic.contacts.get
        calls["ours, [fast]"] = (await opened(Mautic(url, auth=credentials, transport=AiohttpTransport()))).contacts.get
        taken: dict[str, list[_measure.Spent]] = {name: [] for name in calls}
        for call in calls.values():
            await repeat(call, numbers, 50)
        for _ in range(ROUNDS):
            for name, call in calls.items():

                async def once(call: Call = call) -> None:
                    await repeat(call, numbers)

                taken[name].append(await _measure.spend_async(once))
    report(taken)


def contexts() -> Any:
    from contextlib import AsyncExitStack

    class Stack(AsyncExitStack):
        async def __aenter__(self) -> Any:
            await super().__aenter__()
            return self.enter_async_context

    return Stack()


def report(taken: dict[str, list[_measure.Spent]]) -> None:
    def cpu(one: str, other: str) -> float:
        pairs = zip(taken[one], taken[other], strict=True)
        return _measure.median([(mine.cpu - theirs.cpu) / CALLS * 1e6 for mine, theirs in pairs])

    def wall(one: str, other: str) -> float:
        pairs = zip(taken[one], taken[other], strict=True)
        return _measure.median([100 * mine.wall / theirs.wall - 100 for mine, theirs in pairs])

    bases = {"ours, our connections": "bare, our connections", "ours, [fast]": "bare, [fast]"}
    rows = []
    for name, values in taken.items():
        base = bases.get(name, name)
        mean = _measure.median([value.cpu / CALLS * 1e6 for value in values])
        rows.append([
            name, f"{mean:.0f}", f"{cpu(name, base):+.0f}", f"{wall(name, base):+.1f} %",
            f"{cpu(name, 'bare, httpx'):+.0f}", f"{wall(name, 'bare, httpx'):+.1f} %",
        ])  # fmt: skip
    head = ["client, transport", "CPU us", "same transport us", "wall", "httpx as it comes us", "wall "]
    _measure.table("contacts.get, one caller, a lean contact", head, rows)
    one, other = "ours, our connections", "bare, our connections"
    _measure.figure(
        "overhead: CPU a call over httpx on the same transport", cpu(one, other), 40, unit="us", least=False
    )
    _measure.figure("overhead: wall at one caller, same transport", wall(one, other), 15, unit="%", least=False)
    over = cpu(one, "bare, httpx")
    _measure.figure("overhead: CPU a call over httpx as it comes", over, 40, unit="us", least=False)
    _measure.figure("overhead: wall over httpx as it comes", wall(one, "bare, httpx"), 15, unit="%", least=False)


def run() -> None:
    with _measure.server() as url:
        asyncio.run(compare(url))


if __name__ == "__main__":
    _measure.main(run)
