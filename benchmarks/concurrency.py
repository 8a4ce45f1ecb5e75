"""Requests per second and CPU at 1, 16 and 64 callers, each client in a process of its own.

raw httpx is ``httpx.AsyncClient()`` as it comes: a pool of 100, and no gate, so that each caller has a connection.
raw httpx, 8 connections, is the same with as many as ours has. Ours runs as it comes (``Limits(concurrency=8)``), and
with ``[fast]``. raw aiohttp is the bound: what asyncio and a C parser allow. Raw clients read JSON into dictionaries,
ours gives `Contact` objects. Every request asks for another contact.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from benchmarks import _charts, _measure

CALLERS = (1, 16, 64)
ROUNDS = 2 if _measure.QUICK else 7
SECONDS = 0.3 if _measure.QUICK else 1.0
HEADERS = {"accept": "application/json", "authorization": "Bearer canned"}

Get = Callable[[int], Awaitable[object]]


@asynccontextmanager
async def raw_httpx(url: str, connections: int) -> AsyncIterator[Get]:
    import httpx

    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=min(connections, 20))
    async with httpx.AsyncClient(base_url=url, headers=HEADERS, timeout=60, limits=limits) as client:

        async def get(number: int) -> object:
            return json.loads((await client.get(f"/api/contacts/{number}")).content)

        yield get


@asynccontextmanager
async def raw_aiohttp(url: str) -> AsyncIterator[Get]:
    import aiohttp
    import orjson

    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def get(number: int) -> object:
            async with session.get(f"{url}/api/contacts/{number}") as response:
                return orjson.loads(await response.read())

        yield get


@asynccontextmanager
async def ours(url: str, *, fast: bool) -> AsyncIterator[Get]:
    from mautic_async import ClientCredentials, Mautic
    from mautic_async.transport.client import fast_transport

    transport = fast_transport() if fast else None
    async with Mautic(url, auth=ClientCredentials("id", "secret"), transport=transport) as mautic:
        yield mautic.contacts.get


CLIENTS: dict[str, Callable[[str], object]] = {
    "raw httpx": lambda url: raw_httpx(url, 100),
    "raw httpx, 8 connections": lambda url: raw_httpx(url, 8),
    "ours": lambda url: ours(url, fast=False),
    "ours [fast]": lambda url: ours(url, fast=True),
    "raw aiohttp": raw_aiohttp,
}


async def load(get: Get, callers: int, seconds: float) -> int:
    """Calls that so many callers make, each one after the other."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    done = 0

    async def caller(first: int) -> None:
        nonlocal done
        number = first
        while loop.time() < until:
            number += callers
            await get(number)
            done += 1

    async with asyncio.TaskGroup() as group:
        for first in range(callers):
            group.create_task(caller(first + 1))
    return done


async def client(name: str, url: str) -> None:
    """One client: on every line of input, one round of so many callers; requests and CPU seconds to output."""
    async with CLIENTS[name](url) as get:  # type: ignore[attr-defined]
        await load(get, 4, 0.1)
        while line := sys.stdin.readline():
            counts: list[int] = []

            async def once(callers: int = int(line), counts: list[int] = counts) -> None:
                counts.append(await load(get, callers, SECONDS))

            spent = await _measure.spend_async(once)
            print(json.dumps([counts[0] / spent.wall, spent.cpu / counts[0] * 1e6]), flush=True)


def run() -> None:
    figures: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with _measure.server() as url:
        processes = {
            name: subprocess.Popen(
                [sys.executable, "-m", "benchmarks.concurrency", "client", name, url, *sys.argv[1:]],
                cwd=_measure.HOME, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for name in CLIENTS
        }  # fmt: skip
        try:
            for _ in range(ROUNDS):
                for callers in CALLERS:
                    for name, process in processes.items():
                        assert process.stdin is not None
                        assert process.stdout is not None
                        process.stdin.write(f"{callers}\n")
                        process.stdin.flush()
                        rate, cpu = json.loads(process.stdout.readline())
                        figures.setdefault((name, callers), []).append((rate, cpu))
        finally:
            for process in processes.values():
                process.terminate()
                process.wait()
    report(figures)


def sorted_rates(figures: dict[tuple[str, int], list[tuple[float, float]]]) -> list[tuple[tuple[str, int], float]]:
    """Return the median rate of each client, by callers."""
    return [
        ((name, callers), statistics.median(rate for rate, _ in figures[name, callers]))
        for callers in CALLERS
        for name in CLIENTS
    ]


def report(figures: dict[tuple[str, int], list[tuple[float, float]]]) -> None:
    def ratio(name: str, other: str, callers: int) -> float:
        pairs = zip(figures[name, callers], figures[other, callers], strict=True)
        return statistics.median(mine[0] / theirs[0] for mine, theirs in pairs)

    rows = []
    for callers in CALLERS:
        for name in CLIENTS:
            taken = figures[name, callers]
            rows.append([
                f"{name}, {callers} callers",
                f"{statistics.median(rate for rate, _ in taken):.0f}",
                f"{statistics.median(cpu for _, cpu in taken):.0f}",
                f"{ratio(name, 'raw httpx', callers):.2f}",
                f"{ratio(name, 'raw aiohttp', callers):.2f}",
            ])  # fmt: skip
    _measure.table("GET contacts/ID", ["client", "requests/s", "CPU us", "of raw httpx", "of raw aiohttp"], rows)
    rates = {f"{name}, {callers} callers": float(figure) for (name, callers), figure in sorted_rates(figures)}
    _charts.bars("callers", "Requests per second", "GET contacts/ID, by callers at once", rates)
    same = "raw httpx, 8 connections"
    _measure.figure("concurrency: ours / raw httpx, same connections, 16 callers", ratio("ours", same, 16), 0.95)
    _measure.figure("concurrency: ours / raw httpx, same connections, 64 callers", ratio("ours", same, 64), 0.95)
    _measure.figure("concurrency: ours / raw httpx as it comes, 64 callers", ratio("ours", "raw httpx", 64), 2.5)
    _measure.figure("concurrency: [fast] / raw httpx as it comes, 64 callers", ratio("ours [fast]", "raw httpx", 64), 8)
    _measure.figure("concurrency: [fast] / raw httpx as it comes, 16 callers", ratio("ours [fast]", "raw httpx", 16), 5)


if __name__ == "__main__":
    if sys.argv[1:2] == ["client"]:
        asyncio.run(client(sys.argv[2], sys.argv[3]))
    else:
        _measure.main(run)
