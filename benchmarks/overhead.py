"""What our layers cost per call of ``contacts.get``: CPU and wall, against the bare httpx client on the same transport.

The bare client does what anybody would write: ``json.loads((await client.get(url, headers=...)).content)``. Ours has
retry, gate, flight, a bearer token and the limiter's headers on, and gives a `Contact`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import httpx

from benchmarks import _measure
from mautic_async import ClientCredentials, Mautic
from mautic_async.transport import fast_transport

CALLS = 300 if _measure.QUICK else 2000
ROUNDS = 3 if _measure.QUICK else 9


def bare(url: str, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url, transport=transport, headers={"accept": "application/json", "authorization": "Bearer canned"}
    )


async def repeat(call: Callable[[], Awaitable[object]], count: int = CALLS) -> None:
    for _ in range(count):
        await call()


async def compare(url: str) -> None:
    rows = []
    for name, transport in (("httpx", None), ("[fast]", fast_transport)):
        client = bare(url, transport() if transport else None)
        credentials = ClientCredentials("id", "secret")
        async with client, Mautic(url, auth=credentials, transport=transport() if transport else None) as mautic:

            async def plain(client: httpx.AsyncClient = client) -> object:
                return json.loads((await client.get("/api/contacts/42")).content)

            async def ours(mautic: Mautic = mautic) -> object:
                return await mautic.contacts.get(42)

            await repeat(plain, 50)
            await repeat(ours, 50)
            pairs = [
                (await _measure.spend_async(lambda: repeat(plain)), await _measure.spend_async(lambda: repeat(ours)))
                for _ in range(ROUNDS)
            ]
        cpu = _measure.median([(b.cpu - a.cpu) / CALLS * 1e6 for a, b in pairs])
        wall = _measure.median([b.wall / a.wall for a, b in pairs])
        base = _measure.median([a.cpu / CALLS * 1e6 for a, _ in pairs])
        rows.append([name, f"{base:.0f}", f"{base + cpu:.0f}", f"{cpu:+.0f}", f"{100 * wall - 100:+.1f} %"])
        if name == "httpx":
            _measure.figure("overhead: CPU per call over bare httpx", cpu, 40, unit="us", least=False)
            _measure.figure("overhead: wall at one caller over bare httpx", 100 * wall - 100, 15, unit="%", least=False)
    _measure.table(
        "contacts.get, one caller, a lean contact",
        ["transport", "bare CPU us", "ours CPU us", "difference us", "wall"],
        rows,
    )


def run() -> None:
    with _measure.server() as url:
        asyncio.run(compare(url))


if __name__ == "__main__":
    _measure.main(run)
